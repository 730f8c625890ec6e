"""Registers `clinic.pharmacy` and offers its panels, its alerts and its pages."""

from django.apps import AppConfig


class PharmacyConfig(AppConfig):
    name = "clinic.pharmacy"
    label = "pharmacy"
    verbose_name = "Pharmacy"

    def ready(self) -> None:
        from clinic.pharmacy.panels import offer

        offer()
