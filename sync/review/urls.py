"""The pages of review, under `/review/`."""

from django.urls import path

from sync.review import views

urlpatterns = [
    path("", views.review, name="review"),
    path("conflicts/<int:conflict_id>/", views.conflict, name="review-conflict"),
    path("quarantine/<int:aside_id>/", views.quarantine, name="review-quarantine"),
    path("quarantine/<int:aside_id>/release/", views.release_aside, name="review-release"),
    path("quarantine/<int:aside_id>/reject/", views.reject_aside, name="review-reject"),
]
