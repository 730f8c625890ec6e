"""Reads of the clinic day worth a name.

Lives here: whether the day is open at a facility, and who is still on a visit there. Not here: the queues
(`queues.py`).
"""

from __future__ import annotations

from clinic.board.models import DayStep
from clinic.board.policy import DayStanding, Mark, day_of
from clinic.visits.models import Visit
from clinic.visits.policy import Standing
from clinic.visits.selectors import standings, unclosed_visits
from registry.places.models import Facility

LATEST = 20  # older openings and closings change nothing


def clinic_day(facility: Facility) -> DayStanding:
    """Whether the day is open here."""
    rows = DayStep.objects.living().filter(facility=facility).order_by("-made_stamp", "-pk")
    found = rows.values_list("kind", "place", "at", "by", "made_stamp", "pk")[:LATEST]
    return day_of(Mark(*row) for row in found)


def still_open(facility: Facility) -> dict[Visit, Standing]:
    """Every visit at a facility that nobody has closed, the oldest first, and where it stands."""
    visits = list(
        unclosed_visits().filter(facility=facility).select_related("patient").order_by("opened_at", "pk")
    )
    stands = standings(visits)
    return {visit: stands[visit.pk] for visit in visits}
