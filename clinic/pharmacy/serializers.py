"""The shapes of the pharmacy in the API.

Lives here: serializers, which are the OpenAPI document's schemas as well. They check kinds and lengths; what
may be said is checked once, in `policy.py`. Not here: the calls (`api.py`, `stock_api.py`).
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from clinic.pharmacy.doses import Frequency
from clinic.pharmacy.models import Allergy, Medicine, StockMovement
from clinic.pharmacy.policy import LONGEST_LOT, LONGEST_NAME, LONGEST_NOTE, LineState, MovementKind, Reason
from clinic.visits.serializers import FACILITY_HELP
from registry.people.serializers import StrictSerializer, WriterSerializer

ROUTES = Medicine.Route.values
MEDICINE_HELP = "A medicine's id or code."


def _facility() -> serializers.CharField:
    return serializers.CharField(max_length=60, required=False, help_text=FACILITY_HELP)


def _medicine(**more: Any) -> serializers.CharField:
    return serializers.CharField(max_length=60, help_text=MEDICINE_HELP, **more)


def _words() -> serializers.CharField:
    return serializers.CharField(max_length=LONGEST_NOTE, required=False, allow_blank=True)


class MedicineSerializer(serializers.Serializer[Any]):
    """One medicine of the list."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()
    form = serializers.ChoiceField(choices=Medicine.Form.values)
    strength = serializers.CharField()
    unit = serializers.ChoiceField(choices=Medicine.Counted.values)
    route = serializers.ChoiceField(choices=ROUTES)
    atc = serializers.CharField()
    pack_size = serializers.IntegerField()
    min_stock = serializers.IntegerField()
    active = serializers.BooleanField()


# --- prescriptions -----------------------------------------------------------------------------------------


class NewLineSerializer(StrictSerializer):
    """One medicine to prescribe. Without a quantity it is dose × times × days, in whole units."""

    medicine = _medicine()
    dose = serializers.DecimalField(max_digits=7, decimal_places=2, required=False, allow_null=True)
    frequency = serializers.ChoiceField(choices=[one.value for one in Frequency])
    days = serializers.IntegerField(min_value=1, max_value=365, required=False)
    quantity = serializers.IntegerField(min_value=1, required=False, allow_null=True)
    route = serializers.ChoiceField(choices=ROUTES, required=False)
    instructions = _words()
    override = serializers.CharField(
        max_length=LONGEST_NOTE,
        required=False,
        allow_blank=True,
        help_text="Why in spite of an allergy or of the same treatment: without it, 409 `caution`.",
    )


class PrescribeSerializer(StrictSerializer):
    """`POST prescriptions/`."""

    patient = serializers.UUIDField()
    visit = serializers.UUIDField(required=False, allow_null=True)
    facility = _facility()
    note = _words()
    lines = NewLineSerializer(many=True, allow_empty=False)


class LineSerializer(serializers.Serializer[Any]):
    """One prescribed medicine and what has come of it."""

    id = serializers.UUIDField()
    medicine = serializers.UUIDField()
    medicine_name = serializers.CharField()
    dose = serializers.DecimalField(max_digits=7, decimal_places=2, allow_null=True)
    route = serializers.CharField()
    frequency = serializers.CharField()
    days = serializers.IntegerField()
    quantity = serializers.IntegerField()
    instructions = serializers.CharField()
    directions = serializers.CharField(help_text="In words.")
    cautions = serializers.ListField(child=serializers.CharField())
    override = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in LineState])
    dispensed = serializers.IntegerField()
    remaining = serializers.IntegerField()


class PrescriptionSerializer(serializers.Serializer[Any]):
    """A prescription with its lines."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField()
    visit = serializers.UUIDField(allow_null=True)
    facility = serializers.UUIDField()
    at = serializers.DateTimeField()
    by = WriterSerializer()
    note = serializers.CharField()
    lines = LineSerializer(many=True)
    version = serializers.CharField()


class ReasonSerializer(StrictSerializer):
    """Why a line is cancelled, or why nothing more of it is handed out."""

    reason = _words()
    version = serializers.CharField(max_length=4000, required=False)


class PrescriptionQuerySerializer(serializers.Serializer[Any]):
    patient = serializers.UUIDField(required=False, help_text="Everything prescribed to this person.")
    facility = serializers.CharField(
        max_length=60, required=False, help_text=f"{FACILITY_HELP} Without a patient: what waits there."
    )


# --- dispensing --------------------------------------------------------------------------------------------


class LotPartSerializer(StrictSerializer):
    """So many of one lot."""

    lot_number = serializers.CharField(max_length=LONGEST_LOT, allow_blank=True)
    expires_on = serializers.DateField(allow_null=True)
    quantity = serializers.IntegerField(min_value=0)


class GiveSerializer(StrictSerializer):
    """What is handed out for one line. Without lots: those that expire first."""

    line = serializers.UUIDField()
    quantity = serializers.IntegerField(min_value=0, required=False)
    lots = LotPartSerializer(many=True, required=False)
    medicine = _medicine(required=False)
    note = serializers.CharField(
        max_length=LONGEST_NOTE,
        required=False,
        allow_blank=True,
        help_text="Why another medicine; it then stands for all that is left of the line.",
    )


class DispenseSerializer(StrictSerializer):
    """`POST dispensings/`."""

    prescription = serializers.UUIDField()
    facility = _facility()
    note = _words()
    items = GiveSerializer(many=True, allow_empty=False)


class DispensedItemSerializer(serializers.Serializer[Any]):
    """So many of one lot; below zero they were taken back."""

    id = serializers.UUIDField()
    line = serializers.UUIDField()
    medicine = serializers.UUIDField()
    lot_number = serializers.CharField()
    expires_on = serializers.DateField(allow_null=True)
    quantity = serializers.IntegerField()
    note = serializers.CharField()


class DispensingSerializer(serializers.Serializer[Any]):
    """What was handed out at one time."""

    id = serializers.UUIDField()
    prescription = serializers.UUIDField()
    patient = serializers.UUIDField()
    facility = serializers.UUIDField()
    at = serializers.DateTimeField()
    by = WriterSerializer()
    note = serializers.CharField()
    items = DispensedItemSerializer(many=True)
    version = serializers.CharField()


# --- stock -------------------------------------------------------------------------------------------------


class StockQuerySerializer(serializers.Serializer[Any]):
    facility = _facility()
    q = serializers.CharField(max_length=100, required=False, help_text="A medicine, in any spelling.")
    only = serializers.ChoiceField(choices=["low", "expiring", "count"], required=False)


class LotSerializer(serializers.Serializer[Any]):
    """One lot; a balance below zero needs a count."""

    lot_number = serializers.CharField()
    expires_on = serializers.DateField(allow_null=True)
    balance = serializers.IntegerField()
    expired = serializers.BooleanField()
    expires_soon = serializers.BooleanField()


class HeldSerializer(serializers.Serializer[Any]):
    """One medicine at one place. `usable` leaves out what has expired and what is below zero."""

    medicine = MedicineSerializer()
    balance = serializers.IntegerField()
    usable = serializers.IntegerField()
    low = serializers.BooleanField()
    needs_count = serializers.BooleanField()
    expires_soon = serializers.BooleanField()
    lots = LotSerializer(many=True)


class StockSerializer(serializers.Serializer[Any]):
    facility = serializers.UUIDField()
    stock = HeldSerializer(many=True)


class ReceiptSerializer(StrictSerializer):
    """`POST stock/receipts/`."""

    medicine = _medicine()
    quantity = serializers.IntegerField(min_value=1)
    lot_number = serializers.CharField(max_length=LONGEST_LOT, required=False, allow_blank=True)
    expires_on = serializers.DateField(required=False, allow_null=True)
    origin = serializers.CharField(
        max_length=60, required=False, help_text="The facility it came from, by id or code."
    )
    note = _words()
    facility = _facility()


class AdjustmentSerializer(StrictSerializer):
    """`POST stock/adjustments/`. The reason says which way."""

    medicine = _medicine()
    lot_number = serializers.CharField(max_length=LONGEST_LOT, required=False, allow_blank=True)
    expires_on = serializers.DateField(required=False, allow_null=True)
    reason = serializers.ChoiceField(choices=[reason.value for reason in Reason])
    quantity = serializers.IntegerField(min_value=1)
    to = serializers.CharField(
        max_length=60, required=False, help_text="With `sent-elsewhere`: the facility, by id or code."
    )
    note = _words()
    facility = _facility()


class CountedSerializer(StrictSerializer):
    """One lot as it was counted. `shown` is the balance that the counter was told."""

    medicine = _medicine()
    lot_number = serializers.CharField(max_length=LONGEST_LOT, required=False, allow_blank=True)
    expires_on = serializers.DateField(required=False, allow_null=True)
    counted = serializers.IntegerField(min_value=0)
    shown = serializers.IntegerField(required=False)


class CountSerializer(StrictSerializer):
    """`POST stock/counts/`: all of it is one save."""

    counts = CountedSerializer(many=True, allow_empty=False)
    facility = _facility()


class MovementQuerySerializer(serializers.Serializer[Any]):
    medicine = _medicine()
    facility = _facility()


class MovementSerializer(serializers.Serializer[Any]):
    """One change of a balance."""

    id = serializers.UUIDField()
    facility = serializers.UUIDField()
    medicine = serializers.UUIDField()
    lot_number = serializers.CharField()
    expires_on = serializers.DateField(allow_null=True)
    kind = serializers.ChoiceField(choices=[kind.value for kind in MovementKind])
    quantity = serializers.IntegerField()
    counted = serializers.IntegerField(allow_null=True)
    reason = serializers.ChoiceField(choices=["", *StockMovement.Reason.values])
    note = serializers.CharField()
    counterpart = serializers.UUIDField(allow_null=True)
    at = serializers.DateTimeField()
    by = WriterSerializer()


# --- allergies ---------------------------------------------------------------------------------------------


class NoteAllergySerializer(StrictSerializer):
    """`POST allergies/`."""

    patient = serializers.UUIDField()
    substance = serializers.CharField(max_length=LONGEST_NAME)
    atc = serializers.CharField(max_length=7, required=False, allow_blank=True)
    reaction = _words()
    severity = serializers.ChoiceField(choices=Allergy.Severity.values, required=False)
    facility = _facility()


class AllergySerializer(serializers.Serializer[Any]):
    """An allergy, and whether it was found to be none."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField()
    substance = serializers.CharField()
    atc = serializers.CharField()
    reaction = serializers.CharField()
    severity = serializers.CharField()
    at = serializers.DateTimeField()
    by = WriterSerializer()
    refuted = serializers.BooleanField()
    version = serializers.CharField()


class RefuteSerializer(StrictSerializer):
    """`POST allergies/{id}/refute/`."""

    reason = serializers.CharField(max_length=LONGEST_NOTE)
    facility = _facility()
