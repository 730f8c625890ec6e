"""Addresses of photos and files."""

from django.urls import path

from registry.attachments import views

urlpatterns = [
    path("attachments/pick/", views.pick_file, name="attachment-pick"),
    path("attachments/<uuid:file_id>/", views.look, name="attachment"),
    path("attachments/<uuid:file_id>/small/", views.look_small, name="attachment-small"),
    path("patients/<uuid:patient_id>/photo/", views.photo, name="patient-photo"),
]
