"""Registers `sync.files`: central's doors, the step of a run."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "sync.files"
    label = "files"
    verbose_name = "Files"

    def ready(self) -> None:
        """Register doors and step."""
        from sync.files import doors, travel  # noqa: F401
