"""Referrals and transfers: who is sent where, why, and what became of it.

Lives here: two synced records. A referral is written once, as a letter is; what happens to it are rows that
are added at either end. A referral to a place makes its laptops follow the patient, so that the whole record
is there before the patient is (`selectors.py::expected_patients`). Where a transferred patient has come, what
is due for them moves there, on every node (`_hand_over`). Not here: writing (`services.py`).
Read next: `policy.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.referrals.policy import HERE, LONGEST_PLACE, LONGEST_REASON, StepKind
from sync.records import Sync, SyncedModel


def _hand_over(rows: list[Any]) -> None:
    """Whoever was transferred and has come is cared for there: the working lists follow."""
    from clinic.visits.planning import follow_care

    if rows:
        follow_care(rows)


def _follow_letters(rows: list[Referral]) -> None:
    """A step may come before its letter."""
    _hand_over([row for row in rows if row.kind == Referral.Kind.TRANSFER])


def _follow_steps(rows: list[ReferralStep]) -> None:
    _hand_over([row for row in rows if row.kind in HERE])


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
        on_apply=_follow_letters,
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
        on_apply=_follow_steps,
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.referral_id}"
