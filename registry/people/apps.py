"""Registers `registry.people`, its pages in the navigation, and who asks with sync."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    name = "registry.people"
    label = "people"
    verbose_name = "People"

    def ready(self) -> None:
        """Tell sync who asks, the navigation about pages, the patient's page about family and card."""
        from registry.panels import offer_page, offer_panel
        from registry.people.card_views import card_panel
        from registry.people.door import StaffDoor
        from registry.people.family_views import family_panel
        from registry.people.selectors import reasons_to_hold
        from registry.staff.policy import Role, can_register, can_see_patients
        from sync.asking import install
        from sync.feed.subscriptions import route_scopes

        install(StaffDoor())
        route_scopes(reasons_to_hold, by=("areas", "facilities", "catchments"))
        offer_panel("patient.side", family_panel, order=20)
        offer_panel("patient.side", card_panel, order=30)
        first = (Role.REGISTRAR,)
        offer_page("find", "find", _("Find"), order=15, may=can_see_patients, first_for=first)
        offer_page(
            "register",
            "register",
            _("Register"),
            order=30,
            may=can_register,
            roles=("clinic",),
            first_for=first,
        )
