"""Registers `registry.staff`."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class StaffConfig(AppConfig):
    name = "registry.staff"
    label = "staff"
    verbose_name = "Staff"

    def ready(self) -> None:
        """Register this room's part of joining and of a run."""
        from registry.staff import enrolling, online, replacement  # noqa: F401
        from registry.staff.revocations import check_list

        register(check_list, Tags.security)
