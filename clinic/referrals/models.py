"""Referrals and transfers: who is sent where, why, and what became of it.

Lives here: two synced records. A referral is written once, as a letter is; what happens to it are rows that
are added at either end. At central a referral to a clinic makes that clinic follow the patient
(`_subscribe`), so that the whole record is there before the patient is. Not here: writing (`services.py`).
Read next: `policy.py`.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.referrals.policy import LONGEST_PLACE, LONGEST_REASON, StepKind
from sync.feed.subscriptions import subscribe
from sync.models import EnrolledNode
from sync.node import current_node
from sync.records import Sync, SyncedModel


def _subscribe(rows: list[Referral]) -> None:
    """At central: the clinics that serve a destination follow the patient from now on."""
    if not current_node().is_central:
        return
    wanted = {(str(row.to_facility_id), row.patient_id) for row in rows if row.to_facility_id}
    if not wanted:
        return
    nodes = EnrolledNode.objects.filter(mode=EnrolledNode.Mode.SUBSCRIBED, revoked_at=None)
    subscribe(
        (node.uuid, patient)
        for node in nodes
        for facility, patient in wanted
        if facility in {str(one) for one in node.facilities}
    )


class Referral(SyncedModel):
    """One letter. A transfer hands the patient over for good; otherwise they are expected back."""

    class Kind(models.TextChoices):
        REFERRAL = "referral", _("Referral")
        TRANSFER = "transfer", _("Transfer")

    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="referrals"
    )
    visit = models.ForeignKey(
        "visits.Visit", on_delete=models.PROTECT, db_constraint=False, null=True, related_name="+"
    )
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    to_facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, null=True, related_name="+"
    )
    to_place = models.CharField(_("Another place"), max_length=LONGEST_PLACE, default="", blank=True)
    kind = models.CharField(_("Kind"), max_length=10, choices=Kind.choices, default=Kind.REFERRAL)
    urgent = models.BooleanField(_("Urgent"), default=False)
    reason = models.CharField(_("Reason"), max_length=LONGEST_REASON)
    summary = models.TextField(_("What was found and done"), default="", blank=True)
    referred_at = models.DateTimeField()

    sync: ClassVar[Sync] = Sync(
        table="referrals",
        group="visits",
        scope="patient_id",
        rules=dict.fromkeys(
            (
                "patient",
                "visit",
                "facility",
                "to_facility",
                "to_place",
                "kind",
                "urgent",
                "reason",
                "summary",
                "referred_at",
            ),
            "fixed",
        ),
        on_apply=_subscribe,
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["to_facility", "referred_at"], name="referrals_in"),
            models.Index(fields=["facility", "referred_at"], name="referrals_out"),
        ]

    def __str__(self) -> str:
        return f"referral {self.pk}"


class ReferralStep(SyncedModel):
    """One thing that happened to a referral, who did it and when. `note` is the answer that goes back."""

    class Kind(models.TextChoices):
        RECEIVED = StepKind.RECEIVED.value, _("received")
        ANSWERED = StepKind.ANSWERED.value, _("answered")
        CANCELLED = StepKind.CANCELLED.value, _("cancelled")

    referral = models.ForeignKey(
        Referral, on_delete=models.PROTECT, db_constraint=False, related_name="steps"
    )
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    note = models.TextField(default="", blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="referral_steps",
        group="visits",
        scope="patient_id",
        rules=dict.fromkeys(("referral", "patient", "kind", "note", "at", "by"), "fixed"),
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.referral_id}"
