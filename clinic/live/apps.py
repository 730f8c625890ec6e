"""Registers `clinic.live`."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "clinic.live"
    label = "live"
    verbose_name = "Live feed"
