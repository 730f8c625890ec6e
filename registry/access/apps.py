"""Registers `registry.access`: the door of every record, its page in the navigation, who opened a record on
the patient's page."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccessConfig(AppConfig):
    name = "registry.access"
    label = "access"
    verbose_name = "Access log"

    def ready(self) -> None:
        from registry.access.desk import AccessDesk
        from registry.access.policy import can_read_log
        from registry.access.views import opened_panel, unwritten_panel
        from registry.panels import offer_page, offer_panel
        from registry.people.opening import install

        install(AccessDesk())
        offer_panel("patient.side", opened_panel, order=90)
        offer_panel("patient.main", unwritten_panel, order=1)
        offer_panel("visit.main", unwritten_panel, order=1)
        offer_page("access-log", "lock", _("Who opened what"), order=92, may=can_read_log)
