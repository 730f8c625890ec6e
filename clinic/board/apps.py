"""Registers `clinic.board`, its pages in the navigation and its panels on a visit's page."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BoardConfig(AppConfig):
    name = "clinic.board"
    label = "board"
    verbose_name = "Day board"

    def ready(self) -> None:
        from clinic.board.panels import live_note, moves
        from registry.panels import offer_page, offer_panel
        from registry.staff.policy import Role, can_see_patients

        offer_panel("visit.end", live_note)
        offer_panel("visit.side", moves, order=80)
        clinic = ("clinic",)
        offer_page("queue", "queue", _("Queue"), order=10, may=can_see_patients, roles=clinic)
        offer_page(
            "board",
            "board",
            _("Board"),
            order=20,
            may=can_see_patients,
            roles=clinic,
            first_for=(Role.COORDINATOR,),
        )
