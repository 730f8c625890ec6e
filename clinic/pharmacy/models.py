"""Medicines, allergies, prescriptions and the stock.

Lives here: the synced records. Nothing of them is overwritten. What a prescription has come to, what is
left in stock and whether an allergy still stands are sums of rows that were added, each with who and when:
two stations or two laptops that write at once never lose anything. A lot is no row but what is printed on
the box (number and expiry), so two laptops that receive the same lot mean the same. Only the list of
medicines is edited, by central. Not here: writing (`prescribing.py`, `dispensing.py`, `stockkeeping.py`,
`medicines.py`), what the rows amount to (`policy.py`, `stock.py`). Read next: `policy.py`, then
docs/adr/0019-stock-ledger.md.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinic.pharmacy.cautions import Substance
from clinic.pharmacy.choices import Counted, Form, Route
from clinic.pharmacy.doses import Frequency
from clinic.pharmacy.policy import LONGEST_LOT, LONGEST_NOTE, LineStepKind, MovementKind, Reason
from sync.core.merge import Rule
from sync.records import Sync, SyncedModel


def _fixed(*names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, "fixed")


class Medicine(SyncedModel):
    """One medicine in one form and strength. `code` is its name in imported lists, `min_stock` is what a
    place should never be below.
    """

    Form, Counted, Route = Form, Counted, Route

    code = models.CharField(_("Code"), max_length=40, db_index=True)
    name = models.CharField(_("Name"), max_length=120)
    form = models.CharField(_("Form"), max_length=20, choices=Form.choices)
    strength = models.CharField(_("Strength"), max_length=60, default="", blank=True)
    unit = models.CharField(_("Counted in"), max_length=20, choices=Counted.choices)
    route = models.CharField(_("Route"), max_length=20, choices=Route.choices, default=Route.ORAL)
    atc = models.CharField(_("ATC code"), max_length=7, default="", blank=True)
    pack_size = models.PositiveIntegerField(_("Pack size"), default=1)
    min_stock = models.PositiveIntegerField(_("Lowest stock"), default=0)
    active = models.BooleanField(_("In use"), default=True)

    sync: ClassVar[Sync] = Sync(table="medicines", group="stock", scope=None, owner="central")

    class Meta:
        ordering: ClassVar = ["name", "strength", "form", "id"]

    def __str__(self) -> str:
        return " ".join(part for part in (self.name, self.strength) if part)

    @property
    def substance(self) -> Substance:
        """What cautions are about."""
        return Substance(self.name, self.atc)


class Allergy(SyncedModel):
    """What somebody must not be given, as it was told or seen. `atc` is a code or the beginning of one."""

    class Severity(models.TextChoices):
        MILD = "mild", pgettext_lazy("reaction", "Mild")
        MODERATE = "moderate", pgettext_lazy("reaction", "Moderate")
        SEVERE = "severe", pgettext_lazy("reaction", "Severe")
        UNKNOWN = "unknown", pgettext_lazy("reaction", "Not known")

    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="allergies"
    )
    substance = models.CharField(_("Allergic to"), max_length=120)
    atc = models.CharField(max_length=7, default="", blank=True)
    reaction = models.CharField(_("What happened"), max_length=LONGEST_NOTE, default="", blank=True)
    severity = models.CharField(_("How bad"), max_length=10, choices=Severity.choices, default="unknown")
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="allergies",
        group="observations",
        scope="patient_id",
        rules=_fixed("patient", "substance", "atc", "reaction", "severity", "at", "by"),
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"allergy {self.pk}"

    @property
    def known(self) -> Substance:
        """What cautions are about."""
        return Substance(self.substance, self.atc)


class AllergyRefutation(SyncedModel):
    """Somebody found that it is no allergy after all. The allergy stays readable."""

    allergy = models.ForeignKey(
        Allergy, on_delete=models.PROTECT, db_constraint=False, related_name="refutations"
    )
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    reason = models.CharField(_("Why"), max_length=LONGEST_NOTE)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="allergy_refutations",
        group="observations",
        scope="patient_id",
        rules=_fixed("allergy", "patient", "reason", "at", "by"),
    )

    def __str__(self) -> str:
        return f"refutation of {self.allergy_id}"


class Prescription(SyncedModel):
    """What one prescriber wrote for one person at one time; its lines are rows of their own."""

    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="prescriptions"
    )
    visit = models.ForeignKey(
        "visits.Visit",
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="prescriptions",
    )
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    note = models.CharField(_("Note"), max_length=LONGEST_NOTE, default="", blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="prescriptions",
        group="prescriptions",
        scope="patient_id",
        rules=_fixed("patient", "visit", "facility", "note", "at", "by"),
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["facility", "at"], name="prescriptions_by_day")]

    def __str__(self) -> str:
        return f"prescription {self.pk}"


class PrescriptionLine(SyncedModel):
    """One medicine of a prescription. `cautions` are the codes of what was warned of, `override` is why the
    prescriber went on.
    """

    class Frequency(models.TextChoices):
        DAILY = Frequency.DAILY.value, _("Once a day")
        TWICE = Frequency.TWICE.value, _("2 times a day")
        THREE_TIMES = Frequency.THREE_TIMES.value, _("3 times a day")
        FOUR_TIMES = Frequency.FOUR_TIMES.value, _("4 times a day")
        AT_NIGHT = Frequency.AT_NIGHT.value, _("At night")
        WEEKLY = Frequency.WEEKLY.value, _("Once a week")
        ONCE = Frequency.ONCE.value, _("Once, now")
        AS_NEEDED = Frequency.AS_NEEDED.value, _("When needed")

    prescription = models.ForeignKey(
        Prescription, on_delete=models.PROTECT, db_constraint=False, related_name="lines"
    )
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    medicine = models.ForeignKey(
        Medicine, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    dose = models.DecimalField(_("Dose"), max_digits=7, decimal_places=2, null=True, blank=True)
    route = models.CharField(_("Route"), max_length=20, choices=Medicine.Route.choices)
    frequency = models.CharField(_("How often"), max_length=20, choices=Frequency.choices)
    days = models.PositiveSmallIntegerField(_("Days"))
    quantity = models.PositiveIntegerField(_("Quantity"))
    instructions = models.CharField(_("Instructions"), max_length=LONGEST_NOTE, default="", blank=True)
    cautions = models.CharField(max_length=60, default="", blank=True)
    override = models.CharField(_("Why nevertheless"), max_length=LONGEST_NOTE, default="", blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="prescription_lines",
        group="prescriptions",
        scope="patient_id",
        rules=_fixed(
            *("prescription", "patient", "medicine", "dose", "route", "frequency", "days", "quantity"),
            *("instructions", "cautions", "override", "at", "by"),
        ),
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"line {self.pk}"


class LineStep(SyncedModel):
    """What was said of a line later: cancelled, or nothing more will be given."""

    class Kind(models.TextChoices):
        CANCELLED = LineStepKind.CANCELLED.value, _("cancelled")
        ENDED = LineStepKind.ENDED.value, _("nothing more")

    line = models.ForeignKey(
        PrescriptionLine, on_delete=models.PROTECT, db_constraint=False, related_name="steps"
    )
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField(_("Why"), max_length=LONGEST_NOTE, default="", blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="prescription_steps",
        group="prescriptions",
        scope="patient_id",
        rules=_fixed("line", "patient", "kind", "reason", "at", "by"),
    )

    def __str__(self) -> str:
        return f"{self.kind} of {self.line_id}"


class StockMovement(SyncedModel):
    """One change of a balance: `quantity` is added, below zero taken. It names no patient: stock travels to
    whoever keeps it, patients to whoever cares for them. `counted` is what a count found.
    """

    class Kind(models.TextChoices):
        RECEIPT = MovementKind.RECEIPT.value, _("Received")
        DISPENSED = MovementKind.DISPENSED.value, _("Dispensed")
        RETURNED = MovementKind.RETURNED.value, _("Taken back")
        ADJUSTMENT = MovementKind.ADJUSTMENT.value, _("Adjusted")
        DISCARDED = MovementKind.DISCARDED.value, _("Discarded")
        COUNT = MovementKind.COUNT.value, _("Counted")
        SENT = MovementKind.SENT.value, _("Sent elsewhere")
        CAME = MovementKind.CAME.value, _("Came from elsewhere")

    class Reason(models.TextChoices):
        EXPIRED = Reason.EXPIRED.value, _("Expired")
        DAMAGED = Reason.DAMAGED.value, _("Broken or spoiled")
        LOST = Reason.LOST.value, _("Lost")
        TOO_MANY = Reason.TOO_MANY.value, _("Too many were entered")
        SENT = Reason.SENT.value, _("Sent to another place")
        FOUND = Reason.FOUND.value, _("Found")
        TOO_FEW = Reason.TOO_FEW.value, _("Too few were entered")

    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    medicine = models.ForeignKey(
        Medicine, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    lot_number = models.CharField(_("Lot number"), max_length=LONGEST_LOT, default="", blank=True)
    expires_on = models.DateField(_("Expires on"), null=True, blank=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    quantity = models.IntegerField(_("Quantity"))
    counted = models.PositiveIntegerField(null=True, blank=True)
    reason = models.CharField(_("Reason"), max_length=20, choices=Reason.choices, default="", blank=True)
    note = models.CharField(_("Note"), max_length=LONGEST_NOTE, default="", blank=True)
    counterpart = models.ForeignKey(
        "places.Facility",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        related_name="+",
    )
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="stock_movements",
        group="stock",
        scope="facility_id",
        rules=_fixed(
            *("facility", "medicine", "lot_number", "expires_on", "kind", "quantity", "counted", "reason"),
            *("note", "counterpart", "at", "by"),
        ),
    )

    class Meta:
        # Everything that a balance is made of, so that summing never touches the rows themselves.
        indexes: ClassVar = [
            models.Index(
                fields=["facility", "medicine", "lot_number", "expires_on", "gone", "quantity"],
                name="stock_balances",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.quantity}"


class Dispensing(SyncedModel):
    """What was handed to one person at one time; its items are rows of their own."""

    prescription = models.ForeignKey(
        Prescription, on_delete=models.PROTECT, db_constraint=False, related_name="dispensings"
    )
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="dispensings"
    )
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    note = models.CharField(_("Note"), max_length=LONGEST_NOTE, default="", blank=True)
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="dispensings",
        group="prescriptions",
        scope="patient_id",
        rules=_fixed("prescription", "patient", "facility", "note", "at", "by"),
    )

    def __str__(self) -> str:
        return f"dispensing {self.pk}"


class DispensedItem(SyncedModel):
    """So many of one lot for one line; below zero they were taken back. `covers` is how many prescribed units
    that stands for, which differs where another medicine was given. It stands for itself where the
    movement, which is the stock keeper's, is not held.
    """

    dispensing = models.ForeignKey(
        Dispensing, on_delete=models.PROTECT, db_constraint=False, related_name="items"
    )
    line = models.ForeignKey(
        PrescriptionLine, on_delete=models.PROTECT, db_constraint=False, related_name="given"
    )
    patient = models.ForeignKey(
        "people.Patient", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    medicine = models.ForeignKey(
        Medicine, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    movement = models.ForeignKey(
        StockMovement, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    lot_number = models.CharField(_("Lot number"), max_length=LONGEST_LOT, default="", blank=True)
    expires_on = models.DateField(_("Expires on"), null=True, blank=True)
    quantity = models.IntegerField(_("Quantity"))
    covers = models.IntegerField(default=0)
    note = models.CharField(_("Note"), max_length=LONGEST_NOTE, default="", blank=True)

    sync: ClassVar[Sync] = Sync(
        table="dispensed_items",
        group="prescriptions",
        scope="patient_id",
        rules=_fixed(
            *("dispensing", "line", "patient", "medicine", "movement", "lot_number", "expires_on"),
            *("quantity", "covers", "note"),
        ),
    )

    class Meta:
        ordering: ClassVar = ["made_stamp", "id"]

    def __str__(self) -> str:
        return f"{self.quantity} for {self.line_id}"
