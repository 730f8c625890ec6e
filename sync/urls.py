"""The pages of sync. `review/` has its own addresses (`sync/review/urls.py`)."""

from django.urls import include, path

from sync import views

urlpatterns = [
    path("sync/", views.status_page, name="sync-status"),
    path("sync/now/", views.now, name="sync-now"),
    path("sync/progress/", views.progress, name="sync-progress"),
    path("sync/badge/", views.status_badge, name="sync-status-badge"),
    path("review/", include("sync.review.urls")),
    path("central/nodes/", views.central_nodes, name="central-nodes"),
    path("central/nodes/enroll/", views.central_enroll, name="central-enroll"),
]
