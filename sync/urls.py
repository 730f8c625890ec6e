"""The pages of sync. `review/` has its own addresses (`sync/review/urls.py`)."""

from django.urls import include, path

from sync import node_pages, views

urlpatterns = [
    path("sync/", views.status_page, name="sync-status"),
    path("sync/now/", views.now, name="sync-now"),
    path("sync/progress/", views.progress, name="sync-progress"),
    path("sync/badge/", views.status_badge, name="sync-status-badge"),
    path("review/", include("sync.review.urls")),
    path("central/nodes/", views.central_nodes, name="central-nodes"),
    path("central/nodes/enroll/", views.central_enroll, name="central-enroll"),
    path("central/nodes/<uuid:node_id>/", node_pages.central_node, name="central-node"),
    path("central/nodes/<uuid:node_id>/revoke/", node_pages.central_revoke, name="central-revoke"),
]
