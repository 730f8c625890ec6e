"""Writing prescriptions and allergies: once for one save, warned of, never overwritten."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from clinic.pharmacy.models import Allergy, LineStep, Prescription, PrescriptionLine
from clinic.pharmacy.prescribing import (
    Wanted,
    add_to_visit,
    cancel_line,
    end_line,
    note_allergy,
    refute_allergy,
)
from clinic.pharmacy.selectors import allergies_of, cautions_for, current_lines, tell, tell_line
from clinic.visits.models import Visit
from registry.panels import alerts_about
from sync.problems import Problem
from tests.clinic.pharmacy.shelf import Shelf


def note(shelf: Shelf, visit: Visit, substance: str = "Penicillins", atc: str = "J01C") -> Allergy:
    return note_allergy(
        by=shelf.day.nurse,
        patient=visit.patient,
        facility=shelf.here,
        substance=substance,
        atc=atc,
        severity="severe",
        reaction="Rash",
    )


def test_a_prescription_is_written_once_for_one_save(shelf: Shelf, visit: Visit) -> None:
    key = uuid4()
    first, again = (shelf.prescribe("AMOX", "PARA", visit=visit, save_id=key) for _ in range(2))
    assert first == again
    lines = list(PrescriptionLine.objects.order_by("made_seq"))
    assert [(str(line.medicine), line.quantity, line.route) for line in lines] == [
        ("Amoxicillin 500 mg", 15, "oral"),
        ("Paracetamol 500 mg", 15, "oral"),
    ]
    assert {line.patient_id for line in lines} == {visit.patient_id}
    assert {line.by for line in lines} == {shelf.day.cast.ana.pk}


def test_lines_added_one_by_one_join_the_prescription_of_the_visit(shelf: Shelf, visit: Visit) -> None:
    keys = [uuid4(), uuid4()]
    for code, key in zip(("AMOX", "PARA"), keys, strict=True):
        wanted = Wanted(shelf[code], "twice", 3, Decimal("0.5"))
        lines = [add_to_visit(by=shelf.day.ana, visit=visit, wanted=wanted, save_id=key) for _ in range(2)]
        assert lines[0] == lines[1]
    assert Prescription.objects.count() == 1
    assert [line.quantity for line in PrescriptionLine.objects.all()] == [3, 3]


@pytest.mark.parametrize(
    ("wanted", "code", "field"),
    [
        ({"frequency": "hourly"}, "unknown-frequency", "frequency"),
        ({"days": 0}, "bad-days", "days"),
        ({"dose": Decimal(0)}, "bad-dose", "dose"),
        ({"frequency": "as-needed"}, "quantity-missing", "quantity"),
        ({"quantity": 0}, "too-small", "quantity"),
        ({"route": "telepathy"}, "unknown-route", "route"),
    ],
)
def test_what_nobody_could_take_is_refused_beside_the_field(
    shelf: Shelf, visit: Visit, wanted: dict[str, object], code: str, field: str
) -> None:
    said = {"frequency": "twice", "days": 3, "dose": Decimal(1)} | wanted
    with pytest.raises(Problem) as refused:
        add_to_visit(by=shelf.day.ana, visit=visit, wanted=Wanted(shelf["PARA"], **said))  # type: ignore[arg-type]
    assert (refused.value.code, list(refused.value.fields)) == (code, [field])
    assert Prescription.objects.count() == 0


def test_a_nurse_does_not_prescribe(shelf: Shelf, visit: Visit) -> None:
    with pytest.raises(Problem) as refused:
        add_to_visit(by=shelf.day.nurse, visit=visit, wanted=Wanted(shelf["PARA"], "twice", 3, Decimal(1)))
    assert refused.value.status == 403


def test_an_allergy_stops_a_prescription_until_somebody_says_why(shelf: Shelf, visit: Visit) -> None:
    note(shelf, visit)
    with pytest.raises(Problem) as refused:
        shelf.prescribe("AMOX", visit=visit)
    assert (refused.value.code, refused.value.status) == ("caution", 409)
    assert refused.value.title == "Allergy: Penicillins."
    assert list(refused.value.fields) == ["lines.0.override"]
    assert Prescription.objects.count() == 0
    made = shelf.prescribe("AMOX", visit=visit, override="Tolerated it in May")
    line = shelf.line(made)
    assert (line.cautions, line.override) == ("allergy", "Tolerated it in May")


def test_the_same_treatment_twice_is_warned_of(shelf: Shelf, visit: Visit) -> None:
    first = shelf.prescribe("AMOX", visit=visit)
    assert [one.code for one in cautions_for(visit.patient, shelf["AMP"])] == ["duplicate"]
    with pytest.raises(Problem):
        shelf.prescribe("PARA", "SYR", visit=visit)
    cancel_line(by=shelf.day.ana, line=shelf.line(first))
    assert cautions_for(visit.patient, shelf["AMP"]) == []


def test_a_course_that_is_over_is_no_duplicate(shelf: Shelf, visit: Visit) -> None:
    shelf.prescribe("AMOX", visit=visit)
    assert len(current_lines(visit.patient)) == 1
    shelf.day.advance(days=5, minutes=1)
    assert current_lines(visit.patient) == []


def test_a_caution_without_ground_keeps_no_reason(shelf: Shelf, visit: Visit) -> None:
    line = shelf.line(shelf.prescribe("PARA", visit=visit, override="because"))
    assert (line.cautions, line.override) == ("", "")


def test_an_allergy_is_shown_on_the_banner_until_a_provider_refutes_it(shelf: Shelf, visit: Visit) -> None:
    allergy = note(shelf, visit)
    assert [(one.text, one.state) for one in alerts_about(visit.patient)] == [
        ("Allergy: Penicillins", "danger")
    ]
    for by, reason, code in (
        (shelf.day.nurse, "Was a virus", "not-allowed"),
        (shelf.day.ana, " ", "reason-missing"),
    ):
        with pytest.raises(Problem) as refused:
            refute_allergy(by=by, allergy=allergy, facility=shelf.here, reason=reason)
        assert refused.value.code == code
    refute_allergy(by=shelf.day.ana, allergy=allergy, facility=shelf.here, reason="Was a virus")
    assert allergies_of(visit.patient) == []
    assert alerts_about(visit.patient) == []
    assert Allergy.objects.living().count() == 1


def test_a_cancelled_line_is_closed_and_says_who(shelf: Shelf, visit: Visit) -> None:
    line = shelf.line(shelf.prescribe("AMOX", visit=visit))
    cancel_line(by=shelf.day.ana, line=line, reason="Wrong patient")
    assert tell_line(line).standing.state == "cancelled"
    assert LineStep.objects.get().by == shelf.day.cast.ana.pk
    with pytest.raises(Problem) as refused:
        end_line(by=shelf.pia, line=line, reason="None left")
    assert refused.value.code == "line-closed"


def test_a_line_that_cannot_be_handed_out_is_ended_by_the_pharmacist(shelf: Shelf, visit: Visit) -> None:
    prescription = shelf.prescribe("AMOX", visit=visit)
    end_line(by=shelf.pia, line=shelf.line(prescription), reason="None left")
    assert not tell([prescription])[0].is_open
