"""Registers `registry.numbers`."""

from django.apps import AppConfig


class NumbersConfig(AppConfig):
    name = "registry.numbers"
    label = "numbers"
    verbose_name = "Registration numbers"

    def ready(self) -> None:
        """Register this room's part of joining and of a run."""
        from registry.numbers import supply  # noqa: F401
