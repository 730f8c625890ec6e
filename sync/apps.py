"""Registers `sync` as an app: runs, nodes, and the commands."""

from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "sync"
    label = "sync"
    verbose_name = "Sync"

    def ready(self) -> None:
        """Register the doors of nodes and the steps of a run."""
        from sync import compare, doors, enrolment, hello, recovery, rotation, run  # noqa: F401
        from sync.guard import stand_guard
        from sync.status import provide
        from sync.vault.backup import backups_told

        stand_guard()
        provide("backups", backups_told)
