"""Registers `registry.tablets`."""

from django.apps import AppConfig


class TabletsConfig(AppConfig):
    name = "registry.tablets"
    label = "tablets"
    verbose_name = "Enrolled tablets"

    def ready(self) -> None:
        from registry.tablets import services  # noqa: F401  it listens for log-ins
