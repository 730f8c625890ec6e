"""Registers `clinic.referrals`, puts referrals on pages of patient and visit, tells who was taken over."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReferralsConfig(AppConfig):
    name = "clinic.referrals"
    label = "referrals"
    verbose_name = "Referrals"

    def ready(self) -> None:
        from clinic.referrals.policy import can_see_list
        from clinic.referrals.selectors import expected_patients, taken_over_by
        from clinic.referrals.shapes import patient_panel, visit_panel
        from clinic.visits.taking_over import offer_taken_over
        from registry.panels import offer_page, offer_panel
        from registry.people.selectors import offer_cared_for

        offer_cared_for(expected_patients)
        offer_taken_over(taken_over_by)
        offer_panel("visit.side", visit_panel, order=80)
        offer_panel("patient.main", patient_panel, order=40)
        offer_page("referrals", "referral", _("Referrals"), order=70, may=can_see_list, roles=("clinic",))
