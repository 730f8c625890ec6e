"""Registers `registry.places`."""

from django.apps import AppConfig


class PlacesConfig(AppConfig):
    name = "registry.places"
    label = "places"
    verbose_name = "Places"
