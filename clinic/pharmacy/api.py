"""Medicines, prescriptions, dispensings and allergies for programs.

Lives here: the calls under `medicines/`, `prescriptions/`, `prescription-lines/`, `dispensings/` and
`allergies/`. A write takes `Idempotency-Key` (the save id). Not here: stock (`stock_api.py`), shapes
(`serializers.py`), rules (`policy.py`). Read next: `tests/clinic/pharmacy/test_api.py`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.pharmacy import policy, wording
from clinic.pharmacy import serializers as shapes
from clinic.pharmacy.dispensing import Give, dispense
from clinic.pharmacy.fefo import LotName, Part
from clinic.pharmacy.models import (
    Allergy,
    AllergyRefutation,
    Dispensing,
    Medicine,
    Prescription,
    PrescriptionLine,
)
from clinic.pharmacy.prescribing import (
    Wanted,
    cancel_line,
    end_line,
    note_allergy,
    prescribe,
    refute_allergy,
)
from clinic.pharmacy.search import medicines_in_use, search_medicines
from clinic.pharmacy.selectors import ToldLine, ToldPrescription, prescriptions_of, tell, waiting_at
from clinic.visits.api import as_made, place_named, said_in, unknown, who_asks, writer
from clinic.visits.models import Visit
from registry.answers import answering
from registry.people.api import KEY_HEADER, save_id_of, visible_patient
from registry.people.models import Patient
from registry.people.opening import opened
from registry.staff.policy import check_see_patients
from registry.staff.selectors import author_of
from sync.problems import Problem
from sync.records import SyncedModel


def medicine_named(text: str, field: str = "medicine") -> Medicine:
    """The medicine that a body names, by id or code."""
    rows = Medicine.objects.living()
    try:
        found: Medicine | None = rows.filter(pk=UUID(text)).first()
    except ValueError:
        found = rows.filter(code=text).order_by("id").first()
    if found is None:
        sentence = _("There is no such medicine.")
        raise Problem("unknown-medicine", sentence, status=404, fields={field: sentence})
    return found


def patient_named(request: Request, patient_id: UUID) -> Patient:
    """The patient that a body names, if the asker may see them."""
    found = opened(request._request, patient_id)
    if found is None:
        raise unknown("patient")
    return found


def _of_patient(request: Request, model: type[SyncedModel], row_id: UUID, name: str = "") -> Any:
    row: Any = model.objects.living().filter(pk=row_id).first()
    if row is None:
        raise unknown(name) if name else Problem("not-found", _("There is no such record here."), status=404)
    row.patient = visible_patient(request, row.patient_id)
    return row


def line_shape(told: ToldLine) -> dict[str, Any]:
    """A line as the API tells it."""
    line = told.line
    return {
        "id": line.pk,
        "medicine": line.medicine_id,
        "medicine_name": wording.medicine_text(line.medicine),
        "dose": line.dose,
        "route": line.route,
        "frequency": line.frequency,
        "days": line.days,
        "quantity": line.quantity,
        "instructions": line.instructions,
        "directions": wording.directions(line),
        "cautions": line.cautions.split(),
        "override": line.override,
        "state": told.standing.state.value,
        "dispensed": told.standing.given,
        "remaining": told.standing.remaining,
    }


def prescription_shape(told: ToldPrescription) -> dict[str, Any]:
    """A prescription as the API tells it."""
    row = told.prescription
    return {
        "id": row.pk,
        "patient": row.patient_id,
        "visit": row.visit_id,
        "facility": row.facility_id,
        "at": row.at,
        "by": writer(row.by),
        "note": row.note,
        "lines": [line_shape(line) for line in told.lines],
        "version": as_made(row),
    }


def dispensing_shape(row: Dispensing) -> dict[str, Any]:
    """A dispensing as the API tells it."""
    items = row.items.living()
    return {
        "id": row.pk,
        "prescription": row.prescription_id,
        "patient": row.patient_id,
        "facility": row.facility_id,
        "at": row.at,
        "by": writer(row.by),
        "note": row.note,
        "items": [
            {
                "id": one.pk,
                "line": one.line_id,
                "medicine": one.medicine_id,
                "lot_number": one.lot_number,
                "expires_on": one.expires_on,
                "quantity": one.quantity,
                "note": one.note,
            }
            for one in items
        ],
        "version": as_made(row),
    }


def allergy_shape(row: Allergy, refuted: bool) -> dict[str, Any]:
    """An allergy as the API tells it."""
    return {
        "id": row.pk,
        "patient": row.patient_id,
        "substance": row.substance,
        "atc": row.atc,
        "reaction": row.reaction,
        "severity": row.severity,
        "at": row.at,
        "by": writer(row.by),
        "refuted": refuted,
        "version": as_made(row),
    }


class Medicines(APIView):
    """`medicines/`."""

    @extend_schema(
        operation_id="find_medicines",
        parameters=[OpenApiParameter("q", str, description="Name in any spelling, code or ATC code.")],
        responses=shapes.MedicineSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        with answering():
            check_see_patients(who_asks(request))
        q = request.query_params.get("q", "").strip()
        found = search_medicines(q) if q else medicines_in_use()
        return Response(shapes.MedicineSerializer(found, many=True).data)


class Prescriptions(APIView):
    """`prescriptions/`."""

    @extend_schema(
        operation_id="list_prescriptions",
        parameters=[shapes.PrescriptionQuerySerializer],
        responses=shapes.PrescriptionSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = said_in(shapes.PrescriptionQuerySerializer(data=request.query_params.dict()))
        if "patient" in asked:
            told = prescriptions_of(visible_patient(request, asked["patient"]))
        else:
            facility = place_named(request, asked.get("facility"))
            with answering():
                policy.check_see_stock(who_asks(request), [facility.pk])
            told = waiting_at(facility)
        return Response(
            shapes.PrescriptionSerializer([prescription_shape(one) for one in told], many=True).data
        )

    @extend_schema(
        operation_id="prescribe",
        parameters=[KEY_HEADER],
        request=shapes.PrescribeSerializer,
        responses={201: shapes.PrescriptionSerializer},
    )
    def post(self, request: Request) -> Response:
        said = said_in(shapes.PrescribeSerializer(data=request.data))
        patient = patient_named(request, said["patient"])
        visit = _visit_of(patient, said.get("visit"))
        made = prescribe(
            by=author_of(request._request),
            patient=patient,
            facility=place_named(request, said.get("facility")),
            visit=visit,
            lines=[_wanted(line, place) for place, line in enumerate(said["lines"])],
            note=said.get("note", ""),
            save_id=save_id_of(request),
        )
        return Response(shapes.PrescriptionSerializer(prescription_shape(tell([made])[0])).data, status=201)


def _visit_of(patient: Patient, visit_id: UUID | None) -> Visit | None:
    if visit_id is None:
        return None
    found: Visit | None = Visit.objects.living().filter(pk=visit_id, patient=patient).first()
    if found is None:
        raise unknown("visit")
    return found


def _wanted(line: dict[str, Any], place: int) -> Wanted:
    words = dict(line)
    return Wanted(medicine=medicine_named(words.pop("medicine"), f"lines.{place}.medicine"), **words)


class OnePrescription(APIView):
    """`prescriptions/{id}/`."""

    @extend_schema(operation_id="read_prescription", responses=shapes.PrescriptionSerializer)
    def get(self, request: Request, prescription_id: UUID) -> Response:
        row = _of_patient(request, Prescription, prescription_id)
        return Response(shapes.PrescriptionSerializer(prescription_shape(tell([row])[0])).data)


class CancelLine(APIView):
    """`prescription-lines/{id}/cancel/`."""

    @extend_schema(
        operation_id="cancel_prescription_line",
        parameters=[KEY_HEADER],
        request=shapes.ReasonSerializer,
        responses=shapes.PrescriptionSerializer,
    )
    def post(self, request: Request, line_id: UUID) -> Response:
        return _step(request, line_id, cancel_line)


class EndLine(APIView):
    """`prescription-lines/{id}/end/`."""

    @extend_schema(
        operation_id="end_prescription_line",
        parameters=[KEY_HEADER],
        request=shapes.ReasonSerializer,
        responses=shapes.PrescriptionSerializer,
    )
    def post(self, request: Request, line_id: UUID) -> Response:
        return _step(request, line_id, end_line)


def _step(request: Request, line_id: UUID, write: Any) -> Response:
    line: PrescriptionLine = _of_patient(request, PrescriptionLine, line_id)
    said = said_in(shapes.ReasonSerializer(data=request.data))
    write(
        by=author_of(request._request),
        line=line,
        reason=said.get("reason", ""),
        save_id=save_id_of(request),
    )
    return Response(shapes.PrescriptionSerializer(prescription_shape(tell([line.prescription])[0])).data)


class Dispensings(APIView):
    """`dispensings/`."""

    @extend_schema(
        operation_id="dispense",
        parameters=[KEY_HEADER],
        request=shapes.DispenseSerializer,
        responses={201: shapes.DispensingSerializer},
    )
    def post(self, request: Request) -> Response:
        """Hand out. More than there is in stock is refused with 409 `above-stock`, and nothing is written."""
        said = said_in(shapes.DispenseSerializer(data=request.data))
        row: Prescription = _of_patient(request, Prescription, said["prescription"], "prescription")
        made = dispense(
            by=author_of(request._request),
            prescription=row,
            facility=place_named(request, said.get("facility")),
            items=[_give(row, item, place) for place, item in enumerate(said["items"])],
            note=said.get("note", ""),
            save_id=save_id_of(request),
        )
        return Response(shapes.DispensingSerializer(dispensing_shape(made)).data, status=201)


def _give(prescription: Prescription, item: dict[str, Any], place: int) -> Give:
    lines = PrescriptionLine.objects.living().filter(prescription=prescription).select_related("medicine")
    line: PrescriptionLine | None = lines.filter(pk=item["line"]).first()
    if line is None:
        sentence = _("This belongs to another prescription.")
        raise Problem("wrong-line", sentence, fields={f"items.{place}.line": sentence})
    other = medicine_named(item["medicine"], f"items.{place}.medicine") if item.get("medicine") else None
    return Give(
        line,
        quantity=item.get("quantity", 0),
        parts=[
            Part(LotName(one["lot_number"], one["expires_on"]), one["quantity"])
            for one in item.get("lots", [])
        ],
        instead=None if other is None or other.pk == line.medicine_id else other,
        note=item.get("note", ""),
    )


class OneDispensing(APIView):
    """`dispensings/{id}/`."""

    @extend_schema(operation_id="read_dispensing", responses=shapes.DispensingSerializer)
    def get(self, request: Request, dispensing_id: UUID) -> Response:
        row = _of_patient(request, Dispensing, dispensing_id)
        return Response(shapes.DispensingSerializer(dispensing_shape(row)).data)


class Allergies(APIView):
    """`allergies/`."""

    @extend_schema(
        operation_id="list_allergies",
        parameters=[OpenApiParameter("patient", UUID, required=True)],
        responses=shapes.AllergySerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        try:
            patient_id = UUID(request.query_params.get("patient", ""))
        except ValueError:
            raise unknown("patient") from None
        patient = visible_patient(request, patient_id)
        refuted = set(
            AllergyRefutation.objects.living().filter(patient=patient).values_list("allergy_id", flat=True)
        )
        rows = [
            allergy_shape(one, one.pk in refuted) for one in Allergy.objects.living().filter(patient=patient)
        ]
        return Response(shapes.AllergySerializer(rows, many=True).data)

    @extend_schema(
        operation_id="note_allergy",
        parameters=[KEY_HEADER],
        request=shapes.NoteAllergySerializer,
        responses={201: shapes.AllergySerializer},
    )
    def post(self, request: Request) -> Response:
        said = said_in(shapes.NoteAllergySerializer(data=request.data))
        made = note_allergy(
            by=author_of(request._request),
            patient=patient_named(request, said.pop("patient")),
            facility=place_named(request, said.pop("facility", None)),
            save_id=save_id_of(request),
            **said,
        )
        return Response(shapes.AllergySerializer(allergy_shape(made, False)).data, status=201)


class RefuteAllergy(APIView):
    """`allergies/{id}/refute/`."""

    @extend_schema(
        operation_id="refute_allergy",
        parameters=[KEY_HEADER],
        request=shapes.RefuteSerializer,
        responses=shapes.AllergySerializer,
    )
    def post(self, request: Request, allergy_id: UUID) -> Response:
        row: Allergy = _of_patient(request, Allergy, allergy_id)
        said = said_in(shapes.RefuteSerializer(data=request.data))
        refute_allergy(
            by=author_of(request._request),
            allergy=row,
            facility=place_named(request, said.get("facility")),
            reason=said["reason"],
            save_id=save_id_of(request),
        )
        return Response(shapes.AllergySerializer(allergy_shape(row, True)).data)
