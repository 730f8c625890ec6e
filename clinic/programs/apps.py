"""Registers `clinic.programs`."""

from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    name = "clinic.programs"
    label = "programs"
    verbose_name = "Programs"
