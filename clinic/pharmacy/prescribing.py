"""Writing prescriptions and allergies.

Lives here: `prescribe`, `add_to_visit` (one more line while the patient is here), `cancel_line`,
`note_allergy` and `refute_allergy`. Each is one save. A caution that stands (a known allergy, the same
treatment twice) needs a reason, and the reason stays with the line. Not here: handing out
(`dispensing.py`), what is warned of (`cautions.py`). Read next: `dispensing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.pharmacy import policy
from clinic.pharmacy.doses import quantity_for
from clinic.pharmacy.models import (
    Allergy,
    AllergyRefutation,
    LineStep,
    Medicine,
    Prescription,
    PrescriptionLine,
)
from clinic.pharmacy.policy import LineStepKind
from clinic.pharmacy.saving import allowed, made
from clinic.pharmacy.selectors import ALLERGY, Caution, cautions_for, tell_line
from clinic.visits.models import Visit
from registry.answers import answering
from registry.people.models import Patient
from registry.places.models import Facility
from sync.ledger.recording import Author, Save, recording
from sync.node import current_node
from sync.problems import Problem


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line as the prescriber says it. Without `quantity` it is computed; `override` is why in spite of a
    caution.
    """

    medicine: Medicine
    frequency: str
    days: int = 1
    dose: Decimal | None = None
    quantity: int | None = None
    route: str = ""
    instructions: str = ""
    override: str = ""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A line that was checked, with what it comes to."""

    wanted: Wanted
    quantity: int
    cautions: list[Caution]


def prescribe(
    *,
    by: Author,
    patient: Patient,
    facility: Facility,
    lines: Sequence[Wanted],
    visit: Visit | None = None,
    note: str = "",
    save_id: UUID | None = None,
) -> Prescription:
    """Several medicines at once."""
    allowed(by, policy.check_prescribe, facility.pk)
    if not lines:
        raise Problem(
            "nothing-prescribed", _("Choose a medicine."), fields={"lines": _("Choose a medicine.")}
        )
    if visit is not None and visit.patient_id != patient.pk:
        sentence = _("This belongs to another person.")
        raise Problem("wrong-visit", sentence, fields={"visit": sentence})
    with answering():
        words = policy.check_note(note, "note")
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            ready = [
                _ready(patient, wanted, [one.medicine for one in lines[:place]], f"lines.{place}.")
                for place, wanted in enumerate(lines)
            ]
            header = _add_header(save, patient, facility, visit, words)
            for one in ready:
                _add_line(save, header, one)
        return made(Prescription, save)


def add_to_visit(
    *, by: Author, visit: Visit, wanted: Wanted, save_id: UUID | None = None
) -> PrescriptionLine:
    """One more medicine for somebody who is here. It joins what the same prescriber wrote on this visit."""
    allowed(by, policy.check_prescribe, visit.facility_id)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            again: PrescriptionLine | None = PrescriptionLine.objects.filter(
                pk__in=[save.id_of(0), save.id_of(1)]
            ).first()
            return again or made(PrescriptionLine, save)
        ready = _ready(visit.patient, wanted, [], "")
        present = Prescription.objects.living().filter(visit=visit, by=by.staff_id).first()
        header = present or _add_header(save, visit.patient, visit.facility, visit, "")
        return _add_line(save, header, ready)


def _ready(patient: Patient, wanted: Wanted, besides: Sequence[Medicine], prefix: str) -> _Ready:
    medicine = wanted.medicine
    if medicine.gone or not medicine.active:
        raise Problem(
            "not-in-use",
            _("This medicine is not in use any more."),
            fields={f"{prefix}medicine": _("Choose another medicine.")},
        )
    with answering():
        policy.check_dose(wanted.dose, wanted.frequency, wanted.days, prefix)
        computed = quantity_for(wanted.dose, wanted.frequency, wanted.days, medicine.unit, medicine.pack_size)
        asked = computed if wanted.quantity is None else wanted.quantity
        quantity = policy.check_quantity(asked, f"{prefix}quantity")
        policy.check_note(wanted.instructions, f"{prefix}instructions")
        policy.check_note(wanted.override, f"{prefix}override")
    if wanted.route and wanted.route not in Medicine.Route.values:
        raise Problem(
            "unknown-route", _("Choose how it is given."), fields={f"{prefix}route": _("Choose one.")}
        )
    found = cautions_for(patient, medicine, besides)
    if found and not wanted.override.strip():
        raise _needs_reason(found, prefix)
    return _Ready(wanted, quantity, found)


def _needs_reason(found: Sequence[Caution], prefix: str) -> Problem:
    allergy = next((one for one in found if one.code == ALLERGY), None)
    if allergy is not None:
        title = _("Allergy: %(substance)s.") % {"substance": allergy.about}
    else:
        title = _("Already on %(medicine)s.") % {"medicine": found[0].about}
    return Problem(
        "caution",
        title,
        detail=_("To prescribe it nevertheless, write why."),
        status=409,
        fields={f"{prefix}override": _("Write why you prescribe it nevertheless.")},
        extra={"cautions": [{"code": one.code, "about": one.about} for one in found]},
    )


def _add_header(
    save: Save, patient: Patient, facility: Facility, visit: Visit | None, note: str
) -> Prescription:
    return save.add(
        Prescription,
        patient=patient,
        visit=visit,
        facility=facility,
        note=note,
        at=current_node().now(),
        by=save.by.staff_id,
    )


def _add_line(save: Save, header: Prescription, ready: _Ready) -> PrescriptionLine:
    wanted = ready.wanted
    return save.add(
        PrescriptionLine,
        prescription=header,
        patient_id=header.patient_id,
        medicine=wanted.medicine,
        dose=wanted.dose,
        route=wanted.route or wanted.medicine.route,
        frequency=wanted.frequency,
        days=wanted.days,
        quantity=ready.quantity,
        instructions=" ".join(wanted.instructions.split()),
        cautions=" ".join(dict.fromkeys(one.code for one in ready.cautions)),
        override=" ".join(wanted.override.split()) if ready.cautions else "",
        at=current_node().now(),
        by=save.by.staff_id,
    )


def cancel_line(
    *, by: Author, line: PrescriptionLine, reason: str = "", save_id: UUID | None = None
) -> LineStep:
    """The prescriber takes a line back. What was handed out already stays written."""
    allowed(by, policy.check_prescribe, line.prescription.facility_id)
    return step_line(by=by, line=line, kind=LineStepKind.CANCELLED, reason=reason, save_id=save_id)


def end_line(*, by: Author, line: PrescriptionLine, reason: str, save_id: UUID | None = None) -> LineStep:
    """Nothing more of this will be handed out here: the rest is not to be had, or not wanted."""
    allowed(by, policy.check_dispense, line.prescription.facility_id)
    with answering():
        policy.check_note(reason, "reason", wanted=True)
    return step_line(by=by, line=line, kind=LineStepKind.ENDED, reason=reason, save_id=save_id)


def step_line(
    *, by: Author, line: PrescriptionLine, kind: LineStepKind, reason: str, save_id: UUID | None
) -> LineStep:
    """One thing said of a line that is open."""
    with answering():
        words = policy.check_note(reason, "reason")
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            with answering():
                policy.check_cancel(tell_line(line).standing)
            save.add(
                LineStep,
                line=line,
                patient_id=line.patient_id,
                kind=kind.value,
                reason=words,
                at=current_node().now(),
                by=by.staff_id,
            )
        return made(LineStep, save)


def note_allergy(
    *,
    by: Author,
    patient: Patient,
    facility: Facility,
    substance: str,
    atc: str = "",
    reaction: str = "",
    severity: str = Allergy.Severity.UNKNOWN,
    save_id: UUID | None = None,
) -> Allergy:
    """What somebody must not be given, as they told it or as it was seen."""
    allowed(by, policy.check_note_allergy, facility.pk)
    with answering():
        name = policy.check_substance(substance, "substance")
        told = policy.check_note(reaction, "reaction")
        group = policy.clean_atc(atc)
    if severity not in Allergy.Severity.values:
        raise Problem("unknown-severity", _("Say how bad it was."), fields={"severity": _("Choose one.")})
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            save.add(
                Allergy,
                patient=patient,
                substance=name,
                atc=group,
                reaction=told,
                severity=severity,
                at=current_node().now(),
                by=by.staff_id,
            )
        return made(Allergy, save)


def refute_allergy(
    *, by: Author, allergy: Allergy, facility: Facility, reason: str, save_id: UUID | None = None
) -> AllergyRefutation:
    """It is none after all: no warning any more, and the allergy stays readable."""
    allowed(by, policy.check_refute_allergy, facility.pk)
    with answering():
        words = policy.check_note(reason, "reason", wanted=True)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            save.add(
                AllergyRefutation,
                allergy=allergy,
                patient_id=allergy.patient_id,
                reason=words,
                at=current_node().now(),
                by=by.staff_id,
            )
        return made(AllergyRefutation, save)
