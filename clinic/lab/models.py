"""What the laboratory keeps: the programme's tests, orders, what happened to an order, results.

Lives here: four synced records. Like a visit's steps, what happens to an order is rows that are added (taken,
cancelled, seen by a provider), so that two tablets never contradict each other. A result is of its order;
its value and comment are asked about where two people wrote different ones. Not here: what a result means
(`definition.py`), who may (`policy.py`), writing (`services.py`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clinic.lab.definition import LabDefinition, in_language, read_definition
from clinic.lab.policy import StepKind
from sync.records import Sync, SyncedModel


@lru_cache(maxsize=512)
def _definition(text: str) -> LabDefinition:
    return read_definition(text)


class LabTest(SyncedModel):
    """A test that the programme offers. `definition` is JSON text (`definition.py`)."""

    code = models.CharField(max_length=40, db_index=True)
    definition = models.TextField()
    sort_order = models.PositiveSmallIntegerField(default=0)
    offered = models.BooleanField(default=True)

    sync: ClassVar[Sync] = Sync(
        table="lab_tests", group="registration", scope=None, owner="central", rules={"code": "fixed"}
    )

    class Meta:
        ordering: ClassVar = ["sort_order", "code"]

    def __str__(self) -> str:
        return self.name

    @property
    def told(self) -> LabDefinition:
        return _definition(self.definition)

    @property
    def name(self) -> str:
        """In the reader's language."""
        return in_language(self.told.name, self.told.translations, get_language())


class LabOrder(SyncedModel):
    """One test that somebody asked for, for one patient."""

    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="lab_orders"
    )
    visit = models.ForeignKey(
        "visits.Visit", on_delete=models.PROTECT, db_constraint=False, null=True, related_name="lab_orders"
    )
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    test = models.ForeignKey(LabTest, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    urgent = models.BooleanField(_("Urgent"), default=False)
    note = models.CharField(_("Note for the laboratory"), max_length=400, default="", blank=True)
    ordered_at = models.DateTimeField()

    sync: ClassVar[Sync] = Sync(
        table="lab_orders",
        group="prescriptions",
        scope="patient_id",
        rules=dict.fromkeys(
            ("patient", "visit", "facility", "test", "urgent", "note", "ordered_at"), "fixed"
        ),
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["facility", "ordered_at"], name="lab_orders_by_day")]

    def __str__(self) -> str:
        return f"lab order {self.pk}"


class LabOrderStep(SyncedModel):
    """One thing that happened to an order, who did it and when."""

    class Kind(models.TextChoices):
        TAKEN = StepKind.TAKEN.value, _("specimen taken")
        CANCELLED = StepKind.CANCELLED.value, _("cancelled")
        SEEN = StepKind.SEEN.value, _("result seen")

    order = models.ForeignKey(LabOrder, on_delete=models.PROTECT, db_constraint=False, related_name="steps")
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField(max_length=200, default="", blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="lab_order_steps",
        group="prescriptions",
        scope="patient_id",
        rules=dict.fromkeys(("order", "patient", "kind", "reason", "at", "by"), "fixed"),
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.order_id}"


class LabResult(SyncedModel):
    """What a test showed. `flag` and `reference` are as they were judged when it was entered: a range that
    the programme changes later does not change what was said then.
    """

    order = models.ForeignKey(LabOrder, on_delete=models.PROTECT, db_constraint=False, related_name="results")
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="lab_results"
    )
    value = models.CharField(_("Result"), max_length=1000)
    comment = models.CharField(_("Comment"), max_length=400, default="", blank=True)
    flag = models.CharField(max_length=10, default="", blank=True)
    reference = models.CharField(max_length=60, default="", blank=True)
    reported_at = models.DateTimeField()

    sync: ClassVar[Sync] = Sync(
        table="lab_results",
        group="observations",
        scope="patient_id",
        rules={"order": "fixed", "patient": "fixed", "value": "ask", "reported_at": "fixed"},
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"result of {self.order_id}"
