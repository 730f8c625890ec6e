"""The demo's referrals: who was sent where, who came back with an answer, who is expected here.

Lives here: `letter_for`, pure, the saves of a visit (`write`, `answer_it`), and `seed`: somebody whom the
other place sends here. Not here: when a visit ends with a letter (`seeding.py`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from clinic.referrals.models import Referral
from clinic.referrals.services import answer, receive, refer
from clinic.visits.models import Visit
from clinic.visits.selectors import present_at
from deploy.demo.people import Coming
from registry.people.models import Patient
from registry.people.selectors import today
from registry.places.models import Facility
from registry.places.selectors import facility_by_code
from sync.core.clock import millis_of
from sync.core.protocol import new_save_id
from sync.ledger.recording import Author
from sync.ledger.replicas import self_replica

SHARE: Final = 0.04
OTHER_PLACE: Final = "KUSAPIN"
HOSPITAL: Final = "CHANGUINOLA"


@dataclass(frozen=True, slots=True)
class Letter:
    """Where somebody is sent, and why. Without `answer` nothing has come back."""

    to: str
    reason: str
    answer: str
    urgent: bool = False


LETTERS: Final = {
    "J18.9": Letter(HOSPITAL, "Neumonía que no mejora con antibiótico", "Oxígeno tres días. De alta.", True),
    "I10": Letter(OTHER_PLACE, "Presión alta a pesar de dos medicinas", "Se añadió enalapril 5 mg."),
    "E11.9": Letter(HOSPITAL, "Fondo de ojo, primera vez", "Sin lesiones. Repetir en un año."),
    "Z34.9": Letter(HOSPITAL, "Ecografía del segundo trimestre", "Un feto, todo normal."),
    "T14.1": Letter(HOSPITAL, "Herida profunda de la mano, tendón", "", True),
    "K29.7": Letter(OTHER_PLACE, "Dolor de estómago desde hace meses", ""),
}
EXPECTED: Final = (
    ("Vive cerca de Bahía Azul: seguir el control aquí", False, False),
    ("Fiebre desde hace cinco días, prueba de malaria negativa", True, True),
)
"""Why, whether it is urgent, whether it is a child."""
GROWN_UP: Final = 16 * 365


def letter_for(coming: Coming) -> Letter | None:
    """The letter that a visit ends with, where it ends with one."""
    rng = random.Random(f"referral {coming.who.number} {coming.ordinal}")
    wanted = coming.until == "home" and rng.random() < SHARE
    return LETTERS.get(coming.story.code) if wanted else None


def write(*, by: Author, visit: Visit, coming: Coming, save_id: UUID) -> None:
    """The letter of a visit."""
    letter = letter_for(coming)
    if letter is None:
        return
    words = coming.story.words[coming.who.language]
    refer(
        by=by,
        patient=visit.patient,
        facility=visit.facility,
        to_facility=facility_by_code(letter.to),
        reason=letter.reason,
        summary=f"{words.diagnosis}. {words.plan}",
        urgent=letter.urgent,
        visit=visit,
        save_id=save_id,
    )


def answer_it(*, by: Author, visit: Visit, coming: Coming, save_id: UUID) -> None:
    """What the other place wrote back."""
    letter = letter_for(coming)
    row = Referral.objects.living().filter(visit=visit).first()
    if letter is None or not letter.answer or row is None or row.to_facility is None:
        return
    answer(by=by, referral=row, at=row.to_facility, note=letter.answer, save_id=save_id)


def seed(*, facility: Facility, by: Author) -> None:
    """Two people whom the other place sends here; one of them has come."""
    other = facility_by_code(OTHER_PLACE)
    if other is None or other.pk == facility.pk:
        return
    here = {visit.patient_id for visit in present_at(facility)}
    known = Patient.objects.living().filter(registered_at=facility, referrals=None).exclude(pk__in=here)
    grown_up = today() - timedelta(days=GROWN_UP)
    for reason, urgent, of_a_child in EXPECTED:
        ages = {"birth_date__gt" if of_a_child else "birth_date__lte": grown_up}
        again = Referral.objects.living().filter(facility=other, reason=reason).first()
        patient = again.patient if again else known.filter(**ages).order_by("registered_on", "pk").first()
        if patient is not None:
            _expect(patient, other, facility, by, reason=reason, urgent=urgent)


def _expect(
    patient: Patient, other: Facility, here: Facility, by: Author, *, reason: str, urgent: bool
) -> None:
    row = refer(
        by=by,
        patient=patient,
        facility=other,
        to_facility=here,
        reason=reason,
        urgent=urgent,
        save_id=_save_id(patient, "expected"),
    )
    if not urgent:
        receive(by=by, referral=row, at=here, save_id=_save_id(patient, "received"))


def _save_id(patient: Patient, what: str) -> UUID:
    made = random.Random(f"{self_replica().uuid} {patient.pk} {what}")
    return new_save_id(millis_of(patient.made_stamp), made)
