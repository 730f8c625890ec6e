"""Registers `registry.people`."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "registry.people"
    label = "people"
    verbose_name = "People"

    def ready(self) -> None:
        """Tell sync who asks."""
        from registry.people.door import StaffDoor
        from sync.asking import install

        install(StaffDoor())
