"""Registers `clinic.lab`, and puts the laboratory on the patient's and the visit's page."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LabConfig(AppConfig):
    name = "clinic.lab"
    label = "lab"
    verbose_name = "Laboratory"

    def ready(self) -> None:
        from clinic.lab.policy import can_see_bench
        from clinic.lab.shapes import BENCHES, alerts, patient_panel, visit_panel
        from clinic.visits.live_parts import offer_list
        from registry.panels import offer_alerts, offer_page, offer_panel

        offer_panel("visit.main", visit_panel, order=30)
        offer_panel("patient.main", patient_panel, order=60)
        offer_alerts(alerts)
        for name, bench in BENCHES.values():
            offer_list(name, bench)
        offer_page("lab", "lab", _("Laboratory"), order=45, may=can_see_bench, roles=("clinic",))
