"""Registers `clinic.reports`, offers its pages, and the patient's page its charts."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    name = "clinic.reports"
    label = "reports"
    verbose_name = "Reports"

    def ready(self) -> None:
        from clinic.reports.panels import patient_charts
        from clinic.reports.policy import can_see_reports
        from registry.panels import offer_page, offer_panel

        offer_panel("patient.main", patient_charts, order=40)
        offer_page("reports", "chart", _("Reports"), order=75, may=can_see_reports)
