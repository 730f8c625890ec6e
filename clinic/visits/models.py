"""What happens to a person on a clinic day: visits, their steps through the stations, enrollments, events.

Lives here: the synced records, and `DueItem`, which is worked out from them. A visit's state is not columns
that are overwritten but rows that are added: each hand-over, each "I take this patient" and the close is a
`VisitStep` with who and when; so is a `CareStep` for an enrollment. Rows cannot contradict each other, so two
tablets that act at once never lose a step; they outlive the pruned change log, which later answers how long
people waited where; and a row written once costs sync nothing, while an overwritten one carries all its
heads. What the steps amount to now is `policy.standing_of`. Not here:
writing (`services.py`), what the answers mean (`clinic/programs`, `clinic/forms`).
Read next: `policy.py`, then `services.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinic.programs.selectors import merge_rule
from clinic.visits.policy import EventState, Priority, StepKind
from clinic.visits.schedule import CareKind
from sync.core.merge import Rule
from sync.records import KeyedField, Sync, SyncedModel


def _rule_of_answer(columns: Mapping[str, Any], key: str) -> Rule:
    """The data element says how its answers merge."""
    return merge_rule(columns.get("program_version"), key)


def _rule_of_entry(columns: Mapping[str, Any], key: str) -> Rule:
    """The same for the program's questions about the person."""
    return merge_rule(columns.get("program_version"), key, about_person=True)


def _follow_care(rows: list[Any]) -> None:
    """What is due follows what was written, wherever it was written."""
    from clinic.visits.planning import follow_care

    follow_care(rows)


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
    """One thing that happened to a visit: sent to a station, claimed by somebody there, skipped, closed.

    `to` names the colleague that a hand-over is meant for, `priority` what a change of priority made it.
    """

    class Kind(models.TextChoices):
        SENT = StepKind.SENT.value, _("sent")
        SENT_BACK = StepKind.SENT_BACK.value, _("sent back")
        CLAIMED = StepKind.CLAIMED.value, _("taken")
        RELEASED = StepKind.RELEASED.value, _("released")
        SKIPPED = StepKind.SKIPPED.value, _("skipped")
        LEFT = StepKind.LEFT.value, _("went away")
        RETURNED = StepKind.RETURNED.value, _("came back")
        CARRIED = StepKind.CARRIED.value, _("carried over")
        PRIORITY = StepKind.PRIORITY.value, _("priority changed")
        CLOSED = StepKind.CLOSED.value, _("closed")

    class Urgency(models.TextChoices):
        EMERGENCY = Priority.EMERGENCY.value, _("Emergency")
        PRIORITY = Priority.PRIORITY.value, _("Priority")
        NORMAL = Priority.NORMAL.value, _("Normal")

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, db_constraint=False, related_name="steps")
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    station = models.CharField(max_length=40, default="", blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)
    to = models.UUIDField(null=True, blank=True)
    priority = models.CharField(max_length=10, choices=Urgency.choices, default="", blank=True)

    sync: ClassVar[Sync] = Sync(
        table="visit_steps",
        group="visits",
        scope="patient_id",
        rules=dict.fromkeys(("visit", "patient", "kind", "station", "at", "by", "to", "priority"), "fixed"),
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.visit_id}"


class Enrollment(SyncedModel):
    """A person followed in a program, from a day on.

    `incident_on` is the day that the program counts from, where that is another one: the birth, the last
    menstrual period. `values` are the answers to the program's questions about the person, as far as the
    person's own record does not answer them (`known.py`). `status` is what the care steps amount to: it is
    worked out here and never travels.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", pgettext_lazy("enrollment", "Active")
        COMPLETED = "completed", pgettext_lazy("enrollment", "Completed")
        CANCELLED = "cancelled", pgettext_lazy("enrollment", "Cancelled")

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
    incident_on = models.DateField(_("Counted from"), null=True, blank=True)
    status = models.CharField(_("Status"), max_length=12, choices=Status.choices, default=Status.ACTIVE)
    values = KeyedField()

    sync: ClassVar[Sync] = Sync(
        table="enrollments",
        group="enrollments",
        scope="patient_id",
        rules={
            "patient": "fixed",
            "program_version": "fixed",
            "facility": "fixed",
            "enrolled_on": "ask",
            "incident_on": "ask",
        },
        key_rule=_rule_of_entry,
        local=("status",),
        on_apply=_follow_care,
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
        on_apply=_follow_care,
    )

    def __str__(self) -> str:
        return f"event {self.pk}"


class CareStep(SyncedModel):
    """One decision about somebody's care: a stage moved to a day or skipped, an enrollment ended or opened
    again, a follow-up asked for and done, a colleague put in charge.

    Added and never changed, like the steps of a visit: two clinics that decide apart from each other both
    keep what they said, and the later decision counts (docs/adr/0016-due-dates.md).
    """

    class Kind(models.TextChoices):
        MOVED = CareKind.MOVED.value, _("planned for another day")
        SKIPPED = CareKind.SKIPPED.value, _("skipped")
        WANTED = CareKind.WANTED.value, _("wanted again")
        COMPLETED = CareKind.COMPLETED.value, _("completed")
        CANCELLED = CareKind.CANCELLED.value, _("cancelled")
        REOPENED = CareKind.REOPENED.value, _("reopened")
        FOLLOW_UP = CareKind.FOLLOW_UP.value, _("marked for follow-up")
        FOLLOWED_UP = CareKind.FOLLOWED_UP.value, _("followed up")
        ASSIGNED = CareKind.ASSIGNED.value, _("assigned")

    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    enrollment = models.ForeignKey(
        Enrollment,
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="steps",
    )
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    stage = models.CharField(max_length=36, default="", blank=True)
    occurrence = models.PositiveSmallIntegerField(default=1)
    on = models.DateField(null=True, blank=True)
    reason = models.CharField(_("Reason"), max_length=300, default="", blank=True)
    staff = models.UUIDField(null=True, blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="care_steps",
        group="enrollments",
        scope="patient_id",
        rules=dict.fromkeys(
            (
                "patient",
                "enrollment",
                "facility",
                "kind",
                "stage",
                "occurrence",
                "on",
                "reason",
                "staff",
                "at",
                "by",
            ),
            "fixed",
        ),
        on_apply=_follow_care,
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"{self.kind} for {self.patient_id}"


class DueItem(models.Model):
    """One thing that is to be done for somebody, worked out from the rows above for the working lists; never
    synced.

    `until` is the day from which the next one of its kind takes its place. `enrollment` is empty for a
    follow-up outside the programs.
    """

    local_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        STAGE = "stage", _("Due")
        FOLLOW_UP = "follow-up", _("Follow-up")

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    enrollment = models.ForeignKey(
        Enrollment, on_delete=models.PROTECT, db_constraint=False, null=True, related_name="+"
    )
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    program = models.UUIDField(null=True)
    program_version = models.UUIDField(null=True)
    stage = models.CharField(max_length=36, default="")
    occurrence = models.PositiveSmallIntegerField(default=1)
    due_on = models.DateField()
    until = models.DateField(null=True)
    reason = models.CharField(max_length=300, default="")
    assigned_to = models.UUIDField(null=True, db_index=True)
    last_by = models.UUIDField(null=True, db_index=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["facility", "kind", "due_on"], name="due_here"),
            models.Index(fields=["kind", "due_on"], name="due_by_day"),
            models.Index(fields=["program", "due_on"], name="due_in_program"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.due_on}"
