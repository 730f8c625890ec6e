"""What happens to a person on a clinic day: visits, their steps through the stations, enrollments, events.

Lives here: the four synced records. A visit's state is not columns that are overwritten but rows that are
added: each hand-over, each "I take this patient" and the close is a `VisitStep` with who and when. Rows
cannot contradict each other, so two tablets that act at once never lose a step; they outlive the pruned
change log, which later answers how long people waited where; and a row written once costs sync nothing, while
an overwritten one carries all its heads. What the steps amount to now is `policy.standing_of`. Not here:
writing (`services.py`), what the answers mean (`clinic/programs`, `clinic/forms`).
Read next: `policy.py`, then `services.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.programs.selectors import merge_rule
from clinic.visits.policy import EventState, StepKind
from sync.core.merge import Rule
from sync.records import KeyedField, Sync, SyncedModel


def _rule_of_answer(columns: Mapping[str, Any], key: str) -> Rule:
    """The data element says how its answers merge."""
    return merge_rule(columns.get("program_version"), key)


class Visit(SyncedModel):
    """One coming of one person to one place of care."""

    class Category(models.TextChoices):
        GENERAL = "general", _("General OPD")
        ANC = "anc", _("ANC")
        PNC = "pnc", _("PNC")
        NCD_CARE = "ncd-care", _("NCD care")
        NCD_SCREENING = "ncd-screening", _("NCD screening")
        CANCER_SCREENING = "cancer-screening", _("Cancer screening")

    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="visits"
    )
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    category = models.CharField(
        _("Kind of visit"), max_length=20, choices=Category.choices, default=Category.GENERAL
    )
    opened_at = models.DateTimeField(_("Opened at"))

    sync: ClassVar[Sync] = Sync(
        table="visits",
        group="visits",
        scope="patient_id",
        rules=dict.fromkeys(("patient", "facility", "opened_at"), "fixed"),
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["facility", "opened_at"], name="visits_by_day")]

    def __str__(self) -> str:
        return f"visit {self.pk}"


class VisitStep(SyncedModel):
    """One thing that happened to a visit: sent to a station, claimed by somebody there, closed."""

    class Kind(models.TextChoices):
        SENT = StepKind.SENT.value, _("sent")
        CLAIMED = StepKind.CLAIMED.value, _("claimed")
        CLOSED = StepKind.CLOSED.value, _("closed")

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, db_constraint=False, related_name="steps")
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    station = models.CharField(max_length=40, default="", blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="visit_steps",
        group="visits",
        scope="patient_id",
        rules=dict.fromkeys(("visit", "patient", "kind", "station", "at", "by"), "fixed"),
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.visit_id}"


class Enrollment(SyncedModel):
    """A person followed in a program, from a day on."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        COMPLETED = "completed", _("Completed")
        CANCELLED = "cancelled", _("Cancelled")

    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="enrollments"
    )
    program_version = models.ForeignKey(
        "programs.ProgramVersion", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    enrolled_on = models.DateField(_("Enrolled on"))
    status = models.CharField(_("Status"), max_length=12, choices=Status.choices, default=Status.ACTIVE)

    sync: ClassVar[Sync] = Sync(
        table="enrollments",
        group="enrollments",
        scope="patient_id",
        rules=dict.fromkeys(("patient", "program_version", "facility"), "fixed"),
    )

    def __str__(self) -> str:
        return f"enrollment {self.pk}"


class StageEvent(SyncedModel):
    """One stage of a program as it was filled in: the answers under their keys, each merging on its own."""

    class Status(models.TextChoices):
        ACTIVE = EventState.ACTIVE.value, _("Begun")
        COMPLETED = EventState.COMPLETED.value, _("Completed")

    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="events"
    )
    visit = models.ForeignKey(
        Visit, on_delete=models.PROTECT, db_constraint=False, null=True, blank=True, related_name="events"
    )
    enrollment = models.ForeignKey(
        Enrollment,
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="events",
    )
    program_version = models.ForeignKey(
        "programs.ProgramVersion", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    stage = models.CharField(max_length=36)
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    occurred_at = models.DateTimeField(_("When it happened"))
    status = models.CharField(_("Status"), max_length=12, choices=Status.choices, default=Status.ACTIVE)
    values = KeyedField()

    sync: ClassVar[Sync] = Sync(
        table="events",
        group="observations",
        scope="patient_id",
        rules=dict.fromkeys(
            ("patient", "visit", "enrollment", "program_version", "stage", "facility"), "fixed"
        ),
        key_rule=_rule_of_answer,
    )

    def __str__(self) -> str:
        return f"event {self.pk}"
