"""The addresses of sync and review in the API, under `/api/v1/`."""

from django.urls import path

from sync import api
from sync.review import api as review

urlpatterns = [
    path("sync/", api.SyncStatus.as_view()),
    path("sync/now/", api.SyncNow.as_view()),
    path("sync/live/", api.SyncLive.as_view()),
    path("conflicts/", review.Conflicts.as_view()),
    path("conflicts/<int:conflict_id>/resolve/", review.ResolveConflict.as_view()),
    path("quarantine/", review.Quarantine.as_view()),
    path("quarantine/<int:aside_id>/release/", review.ReleaseAside.as_view()),
    path("quarantine/<int:aside_id>/reject/", review.RejectAside.as_view()),
]
