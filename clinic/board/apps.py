"""Registers `clinic.board`."""

from django.apps import AppConfig


class BoardConfig(AppConfig):
    name = "clinic.board"
    label = "board"
    verbose_name = "Day board"
