"""Registers `registry.staff`."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "registry.staff"
    label = "staff"
    verbose_name = "Staff"

    def ready(self) -> None:
        """Register this room's part of joining and of a run."""
        from registry.staff import enrolling, online  # noqa: F401
