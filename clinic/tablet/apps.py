"""Registers `clinic.tablet`, which keeps unfinished forms from now on, and the list of tablets."""

from typing import Final

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

KEPT: Final = (
    *("visit-stage", "register", "patient-edit", "refer", "lab-results"),
    *("prescribe-medicine", "patient-allergies", "lab-order"),
)
"""Forms that wait on a tablet without Wi-Fi. Nothing of the stock is among them: how many are left on the
shelf only the laptop knows."""


class TabletConfig(AppConfig):
    name = "clinic.tablet"
    label = "tablet"
    verbose_name = "Tablets"

    def ready(self) -> None:
        from clinic.tablet import passes  # noqa: F401  it listens for log-outs
        from clinic.tablet.desk import DraftDesk
        from clinic.tablet.policy import can_manage_tablets, can_see_blocked
        from registry.drafts import install, keep_form
        from registry.panels import offer_page

        install(DraftDesk())
        for form in KEPT:
            keep_form(form)
        offer_page("tablets", "tablet", _("Tablets"), order=85, may=can_manage_tablets, roles=("clinic",))
        offer_page("blocked", "alert", _("Blocked"), order=90, may=can_see_blocked, roles=("central",))
