"""Registers `clinic.programs`."""

from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    name = "clinic.programs"
    label = "programs"
    verbose_name = "Programs"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from registry.panels import offer_page
        from registry.staff.policy import can_see_central

        offer_page("program-rules", "program", _("Rules"), order=80, may=can_see_central, roles=("central",))
