"""Addresses of photos and files for programs."""

from django.urls import path

from registry.attachments import api

urlpatterns = [
    path("attachments/", api.Attachments.as_view(), name="api-attachments"),
    path("attachments/<uuid:file_id>/", api.OneAttachment.as_view(), name="api-attachment"),
    path(
        "attachments/<uuid:file_id>/content/", api.AttachmentContent.as_view(), name="api-attachment-content"
    ),
]
