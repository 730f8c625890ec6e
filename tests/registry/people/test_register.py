"""Registering somebody: one save, one person, one code on the card – whatever is repeated, empty or
strange.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from registry.people.models import Identifier, Patient, PersonToken
from registry.people.policy import NUMBER_SYSTEM, PROVISIONAL_SYSTEM
from registry.people.selectors import (
    age_text,
    codes_of,
    home_facility,
    identifiers_of,
    person,
    today,
    visible_patients,
    waiting_for_number,
)
from registry.people.services import add_identifier, attach_number, register, update_patient
from registry.places.models import Facility
from registry.staff.policy import NOBODY, Authority, Role
from registry.staff.selectors import authority_of
from registry.staff.services import end_staff
from sync.core.protocol import first_digest
from sync.ledger.models import Change, Replica
from sync.ledger.recording import Author
from sync.ledger.selectors import history_of
from sync.node import Node
from sync.problems import Problem
from tests.registry.conftest import THE_NODE, TODAY, Cast, give_numbers, make_patient


def test_a_registration_is_one_save(node: Node, cast: Cast, rosa: Author) -> None:
    give_numbers(node, 3)
    done = register(
        by=rosa,
        given_name=" José  Luis",
        family_name="Pérez",
        sex="male",
        birth_date=date(1990, 5, 17),
        phone="6612-3456",
        village=cast.island,
        identifiers=[("Passport", " PA0123 ")],
        facility=cast.bocas,
    )
    patient = Patient.objects.get(pk=done.patient.pk)
    assert (patient.name, patient.sex, patient.phone) == ("José Luis Pérez", "male", "6612-3456")
    assert (patient.registered_at_id, patient.registered_on, patient.village_id) == (
        cast.bocas.pk,
        TODAY,
        cast.island.pk,
    )
    assert done.provisional_code is None
    carried = [(row.system, row.value) for row in identifiers_of(patient)]
    assert carried == [(NUMBER_SYSTEM, done.number), ("passport", "PA0123")]
    saves = Change.objects.filter(table__in=["patients", "identifiers"]).values_list("save_id", flat=True)
    assert len(saves) == 3
    assert len(set(saves)) == 1
    entry = history_of(patient)[0]
    assert (entry.author, entry.device) == (cast.rosa.pk, "tablet-3")


def test_the_same_save_twice_is_one_person(node: Node, rosa: Author) -> None:
    give_numbers(node, 3)
    save_id = uuid4()
    first = make_patient(rosa, save_id=save_id)
    again = make_patient(rosa, save_id=save_id)
    assert (first.patient.pk, first.number) == (again.patient.pk, again.number)
    assert (Patient.objects.count(), Identifier.objects.count()) == (1, 1)


def test_a_save_id_used_for_something_else_is_refused(rosa: Author) -> None:
    save_id = uuid4()
    patient = make_patient(rosa).patient
    add_identifier(by=rosa, patient=patient, system="passport", value="1", save_id=save_id)
    with pytest.raises(Problem) as refused:
        make_patient(rosa, save_id=save_id)
    assert (refused.value.code, refused.value.status) == ("save-id-used", 409)


def test_without_a_number_there_is_a_provisional_code(rosa: Author) -> None:
    done = make_patient(rosa)
    assert done.number is None
    assert done.provisional_code is not None
    assert done.provisional_code.startswith("BCA")
    shape = person(done.patient)
    assert (shape.number, shape.provisional_code) == (None, done.provisional_code)


def test_the_number_comes_at_the_next_contact(node: Node, rosa: Author) -> None:
    done = make_patient(rosa)
    assert attach_number(by=rosa, patient=done.patient) is None
    assert list(waiting_for_number()) == [done.patient]
    give_numbers(node, 2)
    number = attach_number(by=rosa, patient=done.patient)
    assert number is not None
    assert codes_of([done.patient.pk])[done.patient.pk] == {
        NUMBER_SYSTEM: number,
        PROVISIONAL_SYSTEM: done.provisional_code,
    }
    assert attach_number(by=rosa, patient=done.patient) is None
    assert not waiting_for_number()


def test_only_the_replica_that_made_a_patient_numbers_them(node: Node, rosa: Author) -> None:
    patient = make_patient(rosa).patient
    other = uuid4()
    elsewhere = Replica.objects.create(uuid=other, node_name="Darién", head_digest=first_digest(other))
    patient.made_replica = elsewhere.number
    give_numbers(node, 2)
    assert attach_number(by=rosa, patient=patient) is None
    elsewhere.standing = Replica.Standing.CLOSED
    elsewhere.save()
    assert attach_number(by=rosa, patient=patient) is None
    node.role = "central"
    assert attach_number(by=rosa, patient=patient) is not None


def test_an_age_becomes_an_estimate(rosa: Author) -> None:
    done = make_patient(rosa, birth_date=None, age_years=34)
    assert (done.patient.birth_date, done.patient.birth_date_estimated) == (date(1992, 7, 1), True)


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        ({"given": "", "family": " "}, "name-missing", "given_name"),
        ({"given": "A\0"}, "nul-character", "given_name"),
        ({"family": "x" * 101}, "too-long", "family_name"),
        ({"birth_date": None}, "birth-date-missing", "birth_date"),
        ({"birth_date": date(2026, 11, 21)}, "birth-date-in-future", "birth_date"),
        ({"birth_date": None, "age_years": 131}, "age-out-of-range", "age_years"),
        ({"birth_date": date(1800, 1, 1)}, "age-out-of-range", "birth_date"),
        ({"sex": "F"}, "unknown-code", "sex"),
        ({"phone": "ask Ana"}, "not-a-phone", "phone"),
        ({"village": UUID(int=5)}, "unknown-village", "village"),
        ({"identifiers": [("a b", "1")]}, "unknown-system", "system"),
        ({"identifiers": [("passport", " ")]}, "identifier-missing", "value"),
        ({"identifiers": [("posta:number", "K7-204581-4")]}, "wrong-check-digit", None),
        ({"identifiers": [("passport", str(n)) for n in range(21)]}, "too-many-identifiers", None),
    ],
)
def test_what_is_refused_writes_nothing(
    node: Node, rosa: Author, said: dict[str, object], code: str, field: str | None
) -> None:
    before = Change.objects.exclude(table="openings").count()
    with pytest.raises(Problem) as refused:
        make_patient(rosa, **said)  # type: ignore[arg-type]
    assert refused.value.code == code
    assert field is None or list(refused.value.fields) == [field]
    assert Change.objects.exclude(table="openings").count() == before
    assert not PersonToken.objects.exists()


def test_a_card_from_elsewhere_is_taken_with_its_check_digit(rosa: Author) -> None:
    done = make_patient(rosa, identifiers=[("posta:number", "k7 204581 5")])
    assert done.number == "K7-204581-5"
    assert done.provisional_code is not None


def test_the_same_card_said_twice_is_one_row(rosa: Author) -> None:
    done = make_patient(rosa, identifiers=[("passport", "P1"), ("Passport", " P1 ")])
    assert [row.system for row in identifiers_of(done.patient)] == [PROVISIONAL_SYSTEM, "passport"]
    first = Identifier.objects.get(system="passport")
    assert add_identifier(by=rosa, patient=done.patient, system="passport", value="P1").pk == first.pk
    save_id = uuid4()
    added = [
        add_identifier(by=rosa, patient=done.patient, system="passport", value="P2", save_id=save_id)
        for _turn in range(2)
    ]
    assert added[0].pk == added[1].pk


@pytest.mark.parametrize(
    "name", ["محمد علي", "सुनीता देवी", "ሰላም ተስፋዬ", "王伟", "Nguyễn Thị Ánh", "O’Brien", "🙂 Ana", "Ng"]
)
def test_names_in_any_script(rosa: Author, name: str) -> None:
    done = make_patient(rosa, given=name, family="")
    assert Patient.objects.get(pk=done.patient.pk).name == name


def test_who_may_register_and_where(cast: Cast) -> None:
    make_patient(cast.author(cast.ana), facility=cast.bocas)
    with pytest.raises(Problem) as refused:
        make_patient(cast.author(cast.iris), facility=cast.bocas)
    assert (refused.value.code, refused.value.status) == ("not-allowed", 403)
    with pytest.raises(Problem):
        make_patient(cast.author(cast.olga))
    make_patient(THE_NODE)


def test_whoever_left_registers_nobody(node: Node, cast: Cast, rosa: Author) -> None:
    node.role = "central"
    end_staff(by=THE_NODE, staff=cast.rosa)
    with pytest.raises(Problem) as refused:
        make_patient(rosa)
    assert refused.value.code == "not-allowed"


def test_who_sees_whom_at_central(node: Node, cast: Cast, rosa: Author) -> None:
    at_bocas = make_patient(rosa, facility=cast.bocas).patient
    from_bocas = make_patient(cast.author(cast.iris), facility=cast.darien, village=cast.island).patient
    at_darien = make_patient(cast.author(cast.iris), facility=cast.darien).patient
    everybody = {at_bocas.pk, from_bocas.pk, at_darien.pk}

    def seen_by(who: Authority | None) -> set[UUID]:
        return set(visible_patients(who).values_list("pk", flat=True))

    assert seen_by(authority_of(cast.rosa.pk)) == everybody
    assert seen_by(NOBODY) == set()
    node.role = "central"
    assert seen_by(authority_of(cast.rosa.pk)) == {at_bocas.pk, from_bocas.pk}
    assert seen_by(authority_of(cast.iris.pk)) == {from_bocas.pk, at_darien.pk}
    assert seen_by(authority_of(cast.olga.pk)) == everybody
    assert seen_by(None) == everybody


def test_where_somebody_registers(cast: Cast) -> None:
    def name_of(found: Facility | None) -> str:
        return found.name if found else ""

    assert name_of(home_facility(authority_of(cast.rosa.pk))) == "Bocas del Toro"
    both = Authority(
        cast.rosa.pk, True, frozenset({(Role.REGISTRAR, cast.darien.pk), (Role.LAB, cast.bocas.pk)})
    )
    assert name_of(home_facility(both)) == "Bocas del Toro"
    assert home_facility(None) is None


@pytest.mark.parametrize(
    ("birth", "estimated", "text"),
    [
        (date(1990, 5, 17), False, "36 years"),
        (date(1992, 7, 1), True, "about 34 years"),
        (date(2024, 11, 21), False, "23 months"),
        (date(2026, 10, 20), False, "1 month"),
        (date(2026, 11, 8), False, "12 days"),
        (date(2026, 11, 19), False, "1 day"),
        (None, False, "age not known"),
    ],
)
def test_ages_in_words(birth: date | None, estimated: bool, text: str) -> None:
    assert age_text(birth, estimated, TODAY.date()) == text


def test_a_clock_that_went_back_is_not_believed(node: Node, rosa: Author) -> None:
    make_patient(rosa)
    node.wall = lambda: 0
    assert today() == TODAY.date()
    make_patient(rosa, birth_date=date(2026, 11, 20))


def test_a_change_says_what_became_of_it(node: Node, cast: Cast, rosa: Author) -> None:
    patient = make_patient(rosa, phone="6612-3456").patient
    opened = patient.version
    first = update_patient(by=rosa, patient=patient, changes={"sex": "female"}, seen=opened)
    stale_elsewhere = update_patient(by=rosa, patient=patient, changes={"phone": "777-1234"}, seen=opened)
    stale_same = update_patient(by=rosa, patient=patient, changes={"sex": "other"}, seen=opened)
    assert (first, stale_elsewhere, stale_same) == ("applied", "merged", "conflicted")
    shown = Patient.objects.get(pk=patient.pk)
    assert shown.phone == "777-1234"
    assert shown.is_contested
    assert person(shown).contested


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"given_name": " Pepe "}, {"given_name": "Pepe"}),
        ({"family_name": ""}, {"family_name": ""}),
        ({"birth_date": date(1991, 1, 2)}, {"birth_date": date(1991, 1, 2), "birth_date_estimated": False}),
        ({"age_years": 40}, {"birth_date": date(1986, 7, 1), "birth_date_estimated": True}),
        ({"birth_date_estimated": True}, {"birth_date": date(1990, 5, 17), "birth_date_estimated": True}),
        ({"deceased": True}, {"deceased": True}),
        ({"village": None}, {"village_id": None}),
        ({}, {"given_name": "José"}),
    ],
)
def test_what_may_change(rosa: Author, changes: dict[str, object], shown: dict[str, object]) -> None:
    patient = make_patient(rosa).patient
    assert update_patient(by=rosa, patient=patient, changes=changes, seen=patient.version) == "applied"
    patient = Patient.objects.get(pk=patient.pk)
    assert {name: getattr(patient, name) for name in shown} == shown


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"registered_on": TODAY}, "fixed-field"),
        ({"shoe_size": 42}, "unknown-field"),
        ({"given_name": "", "family_name": ""}, "name-missing"),
        ({"birth_date": date(2030, 1, 1)}, "birth-date-in-future"),
        ({"sex": ""}, "unknown-code"),
    ],
)
def test_what_may_not_change(rosa: Author, changes: dict[str, object], code: str) -> None:
    patient = make_patient(rosa).patient
    before = Change.objects.exclude(table="openings").count()
    with pytest.raises(Problem) as refused:
        update_patient(by=rosa, patient=patient, changes=changes, seen=patient.version)
    assert refused.value.code == code
    assert Change.objects.exclude(table="openings").count() == before


def test_a_repeated_change_happens_once(rosa: Author) -> None:
    patient, save_id = make_patient(rosa).patient, uuid4()
    changes, seen = {"phone": "777-1234"}, patient.version
    for _turn in range(2):
        done = update_patient(by=rosa, patient=patient, changes=changes, seen=seen, save_id=save_id)
        assert done == "applied"
    assert Change.objects.filter(record_id=patient.pk).count() == 2


def test_identifiers_change_in_the_same_save(rosa: Author) -> None:
    patient = make_patient(rosa, identifiers=[("passport", "P1")]).patient
    old = Identifier.objects.get(system="passport")
    save_id = uuid4()
    update_patient(
        by=rosa,
        patient=patient,
        changes={"phone": "777-1234"},
        add=[("passport", "P2"), ("passport", "P2")],
        remove=[old],
        save_id=save_id,
    )
    assert [row.value for row in identifiers_of(patient)][1:] == ["P2"]
    assert Change.objects.filter(save_id=save_id).count() == 3
    card_alone: dict[str, Any] = {"changes": {}, "add": [("passport", "P3")], "save_id": uuid4()}
    assert [update_patient(by=rosa, patient=patient, **card_alone) for _ in range(2)] == ["applied"] * 2


def test_the_code_on_the_card_is_never_taken_away(rosa: Author) -> None:
    patient = make_patient(rosa).patient
    with pytest.raises(Problem) as refused:
        update_patient(by=rosa, patient=patient, changes={}, remove=identifiers_of(patient))
    assert refused.value.code == "own-code"
