"""The clinic day at a place: opened and closed, as rows that are added.

Lives here: `DayStep`. A mobile team opens its day at another place every week, so the place is a name and
not a facility. Two coordinators who act at once cannot contradict each other: what the rows amount to is
`policy.day_of`. Scope: a shared list, for it is about a facility and not about a patient; it holds two small
rows a day and nothing about anybody's health. Not here: writing (`services.py`).
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.board.policy import LONGEST_PLACE, DayKind
from sync.records import Sync, SyncedModel


class DayStep(SyncedModel):
    """Somebody opened or closed the day of a facility."""

    class Kind(models.TextChoices):
        OPENED = DayKind.OPENED.value, _("opened")
        CLOSED = DayKind.CLOSED.value, _("closed")

    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    place = models.CharField(_("Place"), max_length=LONGEST_PLACE, default="", blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="day_steps",
        group="visits",
        scope=None,
        place="facility",
        rules=dict.fromkeys(("facility", "kind", "place", "at", "by"), "fixed"),
    )

    def __str__(self) -> str:
        return f"day {self.kind} at {self.facility_id}"
