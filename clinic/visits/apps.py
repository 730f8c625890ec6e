"""Registers `clinic.visits`, offers lists of people the visits that are open, the review its words,
and pages what is due."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VisitsConfig(AppConfig):
    name = "clinic.visits"
    label = "visits"
    verbose_name = "Visits"

    def ready(self) -> None:
        from clinic.visits.answers import answer_typed
        from clinic.visits.care_shapes import due_panel, program_panel
        from clinic.visits.live_parts import LiveList, offer_list
        from clinic.visits.selectors import cared_for_at, open_visits_of
        from clinic.visits.wording import event_words
        from clinic.visits.worklists import due_told
        from registry.panels import offer_page, offer_panel
        from registry.people.links import offer_open_visits
        from registry.people.selectors import offer_cared_for
        from registry.staff.policy import can_see_patients
        from sync.review.wording import read_values, word_values

        offer_open_visits(open_visits_of)
        offer_cared_for(cared_for_at)
        word_values(event_words)
        read_values(answer_typed)
        offer_list("due", LiveList("visits/_news.html", due_told, can_see_patients))
        offer_panel("patient.main", due_panel, order=10)
        offer_panel("visit.main", program_panel, order=10)
        offer_page("worklist", "clock", _("Due"), order=45, may=can_see_patients)
