"""Registers `registry.attachments`, and what it puts on the pages about people."""

from django.apps import AppConfig


class AttachmentsConfig(AppConfig):
    name = "registry.attachments"
    label = "attachments"
    verbose_name = "Photos and files"

    def ready(self) -> None:
        """Photos in every banner and beside the details, files on the patient's page."""
        from registry.attachments.shapes import (
            files_panel,
            new_photo_panel,
            patient_photo,
            photo_panel,
        )
        from registry.attachments.taking import photo_of_registered
        from registry.panels import offer_panel
        from registry.people.links import offer_after_registration, offer_photos

        offer_photos(patient_photo)
        offer_after_registration(photo_of_registered)
        offer_panel("patient.photo", photo_panel)
        offer_panel("register.photo", new_photo_panel)
        offer_panel("patient.side", files_panel, order=25)
