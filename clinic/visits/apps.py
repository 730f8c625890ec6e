"""Registers `clinic.visits`, offers lists of people the visits that are open, and the review its words."""

from django.apps import AppConfig


class VisitsConfig(AppConfig):
    name = "clinic.visits"
    label = "visits"
    verbose_name = "Visits"

    def ready(self) -> None:
        from clinic.visits.answers import answer_typed
        from clinic.visits.selectors import open_visits_of
        from clinic.visits.wording import event_words
        from registry.people.links import offer_open_visits
        from sync.review.wording import read_values, word_values

        offer_open_visits(open_visits_of)
        word_values(event_words)
        read_values(answer_typed)
