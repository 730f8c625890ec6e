"""A person is found however somebody spells, says or scans them, and the page can say why."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.people.models import Patient, PersonToken
from registry.people.ranking import likeness, words
from registry.people.search import REASONS, likely_duplicates, search
from registry.people.services import add_identifier, attach_number, update_patient
from registry.people.tokens import follow_identifiers, follow_patients, rebuild_all
from registry.staff.selectors import authority_of
from sync.ledger.recording import Author, recording
from sync.node import Node
from tests.registry.conftest import Cast, give_numbers, make_patient

CROWD = (
    ("José", "Pérez Gómez"),
    ("María del Carmen", "González"),
    ("Muhammad", "Abdullahi"),
    ("فاطمة", "علي"),
    ("सुनीता", "शर्मा"),
    ("Nguyễn", "Văn An"),
    ("Seán", "O'Brien"),
    ("Jean-Pierre", "Dupont"),
    ("Rosa", "Vázquez"),
    ("Kwame", "Mensah"),
    ("Ana", ""),
    ("王", "伟"),
)


@pytest.fixture
def crowd(rosa: Author) -> dict[str, Patient]:
    return {given: make_patient(rosa, given=given, family=family).patient for given, family in CROWD}


def names_found(text: str) -> list[str]:
    return [one.patient.given_name for one in search(text).found]


SPELLINGS = (
    ("José Pérez", "José", "same-name"),
    ("jose perez", "José", "same-name"),
    ("JOSE\u0301 PE\u0301REZ", "José", "same-name"),
    ("Jos", "José", "begins-with"),
    ("Peres", "José", "sounds-alike"),
    ("perz gomz", "José", "sounds-alike"),
    ("Pérez José", "José", "swapped-names"),
    ("maria carmen gonzales", "María del Carmen", "sounds-alike"),
    ("Gonzalez Maria", "María del Carmen", "swapped-names"),
    ("Gonzlez", "María del Carmen", "sounds-alike"),
    ("Mohamed Abdulahi", "Muhammad", "sounds-alike"),
    ("محمد", "Muhammad", "sounds-alike"),
    ("Мухаммад", "Muhammad", "sounds-alike"),
    ("Fatima Ali", "فاطمة", "sounds-alike"),
    ("فاطمه على", "فاطمة", "same-name"),
    ("Sunita Sharma", "सुनीता", "sounds-alike"),
    ("nguyen", "Nguyễn", "same-name"),
    ("OBrien", "Seán", "same-name"),
    ("o’brien sean", "Seán", "same-name"),
    ("Jean Pierre", "Jean-Pierre", "same-name"),
    ("Duqont", "Jean-Pierre", "similar-name"),
    ("Basquez", "Rosa", "sounds-alike"),
    ("Kwane Mensa", "Kwame", "similar-name"),
    ("ana", "Ana", "same-name"),
    ("王", "王", "same-name"),
    ("伟", "王", "same-name"),
)


def test_spellings(crowd: dict[str, Patient]) -> None:
    """One crowd for the whole table: making it takes longer than all the searches."""
    missed = []
    for typed, meant, reason in SPELLINGS:
        found = search(typed).found
        if not found or found[0].patient.given_name != meant or reason not in found[0].reasons:
            missed.append((typed, meant, reason, [(one.patient.name, one.reasons) for one in found[:2]]))
    assert missed == []


def test_exact_before_alike(rosa: Author) -> None:
    for name in ("Jozé", "Joseph", "José", "Josefina"):
        make_patient(rosa, given=name, family="Santos")
    assert names_found("Jose Santos")[0] == "José"
    assert "Josefina" in names_found("Jose Santos")


def test_nobody(crowd: dict[str, Patient]) -> None:
    for typed in ("", "   ", "...", "Xquzt Wvrrk", "%", "_", "'; DROP TABLE", "\0"):
        assert names_found(typed) == []


@pytest.mark.parametrize(
    ("kept", "typed"),
    [
        ("6612-3456", "66123456"),
        ("6612-3456", "6612 3456"),
        ("6612-3456", "+507 6612-3456"),
        ("+507 6612-3456", "66123456"),
        ("6612-3456", "3456"),
        ("6612-3456", "٦٦١٢٣٤٥٦"),
        ("777-1234 / 6612-3456", "6612-3456"),
    ],
)
def test_phones(rosa: Author, kept: str, typed: str) -> None:
    make_patient(rosa, given="Eva", phone=kept)
    make_patient(rosa, given="Teo", phone="699-0000")
    found = search(typed).found
    assert [(one.patient.given_name, one.reasons) for one in found] == [("Eva", ("phone",))]


def test_numbers_and_provisional_codes(node: Node, rosa: Author) -> None:
    done = make_patient(rosa, given="Eva")
    give_numbers(node, 2)
    number = attach_number(by=rosa, patient=done.patient)
    assert number is not None
    assert done.provisional_code is not None
    make_patient(rosa, given="Teo")
    for typed, kind, reason in (
        (number, "number", "number"),
        (number.replace("-", " ").lower(), "number", "number"),
        (done.provisional_code, "provisional", "provisional-code"),
        (done.provisional_code.replace("-", ""), "provisional", "provisional-code"),
    ):
        answer = search(typed)
        assert [one.patient.given_name for one in answer.found] == ["Eva"]
        assert reason in answer.found[0].reasons
        assert answer.number is not None
        assert (answer.number.kind, answer.number.ok) == (kind, True)


def test_a_mistyped_number_is_said_to_be_one(node: Node, rosa: Author) -> None:
    give_numbers(node, 1)
    number = make_patient(rosa).number
    assert number is not None
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    answer = search(wrong)
    assert answer.found == []
    assert answer.number is not None
    assert (answer.number.kind, answer.number.value, answer.number.ok) == ("number", wrong, False)


@pytest.mark.parametrize("typed", ["passport|PA-0123", "Passport | pa 0123", "PA0123", "pa-0123"])
def test_identifiers(rosa: Author, typed: str) -> None:
    make_patient(rosa, given="Eva", identifiers=[("passport", "PA 0123")])
    make_patient(rosa, given="Teo", identifiers=[("passport", "PA 0124")])
    found = search(typed).found
    assert [(one.patient.given_name, one.reasons) for one in found] == [("Eva", ("identifier",))]


def test_the_system_counts(rosa: Author) -> None:
    make_patient(rosa, identifiers=[("passport", "A9999")])
    assert not search("insurance-card|A9999").found


def test_what_changed_is_found_and_what_was_is_not(rosa: Author) -> None:
    patient = make_patient(rosa, given="Eva", family="Quintero", phone="6612-3456").patient
    add_identifier(by=rosa, patient=patient, system="passport", value="P777")
    update_patient(by=rosa, patient=patient, changes={"family_name": "Bosch", "phone": "777-1234"})
    assert [bool(search(q).found) for q in ("Bosch", "7771234", "P777", "Quintero", "66123456")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_removed_patient_is_not_found(rosa: Author) -> None:
    patient = make_patient(rosa, given="Eva").patient
    with recording(by=rosa) as save:
        save.remove(patient)
    assert not search("Eva").found
    assert not PersonToken.objects.filter(token__startswith="n:").exists()


def test_an_identifier_taken_away_finds_nobody(rosa: Author) -> None:
    patient = make_patient(rosa, identifiers=[("passport", "P777")]).patient
    row = patient.identifiers.get(system="passport")
    update_patient(by=rosa, patient=patient, changes={}, remove=[row])
    assert not search("P777").found


def test_tokens_can_be_made_again(crowd: dict[str, Patient]) -> None:
    before = set(PersonToken.objects.values_list("token", "patient_id"))
    PersonToken.objects.all().delete()
    assert rebuild_all() == len(CROWD)
    assert set(PersonToken.objects.values_list("token", "patient_id")) == before
    follow_patients(list(crowd.values()))
    follow_identifiers(patient.pk for patient in crowd.values())
    assert set(PersonToken.objects.values_list("token", "patient_id")) == before


def test_more_than_a_page(rosa: Author) -> None:
    for n in range(6):
        make_patient(rosa, given="Eva", family=f"Nr{n}")
    answer = search("Eva", limit=5)
    assert (len(answer.found), answer.more) == (5, True)
    assert not search("Eva", limit=6).more


def test_outside_ones_scope_only_a_carried_number_finds_them(node: Node, cast: Cast, rosa: Author) -> None:
    make_patient(rosa, given="Eva", facility=cast.bocas, identifiers=[("passport", "P777")])
    node.role = "central"
    for text in ("Eva", "P777"):
        assert [one.outside for one in search(text, who=authority_of(cast.rosa.pk)).found] == [False]
    assert not search("Eva", who=authority_of(cast.iris.pk)).found
    assert [one.outside for one in search("P777", who=authority_of(cast.iris.pk)).found] == [True]


def test_every_reason_has_words(crowd: dict[str, Patient]) -> None:
    assert all(str(word) for word in REASONS.values())
    assert search("Pérez José").found[0].reason_words == ["Same name", "Names swapped"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_no_query_is_too_strange(crowd: dict[str, Patient], text: str) -> None:
    answer = search(text)
    assert all(0 < one.score <= 3.1 for one in answer.found)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_likeness_has_bounds(typed: str, given_name: str, family: str) -> None:
    found = likeness(words(typed), words(given_name), words(family))
    assert -0.01 <= found.score <= 1.0
    assert bool(found.reasons) == (found.score > 0)


# --- before a registration ---


def likely(given_name: str, family_name: str, **said: Any) -> list[tuple[str, tuple[str, ...]]]:
    found = likely_duplicates(given_name=given_name, family_name=family_name, **said)
    return [(one.patient.given_name, one.reasons) for one in found]


@pytest.fixture
def jose(cast: Cast, rosa: Author) -> Patient:
    make_patient(rosa, given="Teo", family="Ruiz", birth_date=date(1960, 1, 1))
    return make_patient(
        rosa, phone="6612-3456", village=cast.island, identifiers=[("passport", "P777")]
    ).patient


BORN = date(1990, 5, 17)


@pytest.mark.parametrize(
    ("names", "said", "reasons"),
    [
        (
            ("José", "Pérez"),
            {"birth_date": BORN, "sex": "male"},
            {"same-name", "same-birth-date", "same-sex"},
        ),
        (("Jose", "Peres"), {"birth_date": date(1990, 7, 1), "sex": "male"}, {"same-birth-year", "same-sex"}),
        (("Pérez", "José"), {"birth_date": BORN}, {"swapped-names", "same-birth-date"}),
        (("Pepe", "Pérez"), {"phone": "+507 66123456", "birth_date": BORN}, {"phone", "same-birth-date"}),
        (("X", "Y"), {"identifiers": [("passport", "p-777")]}, {"identifier"}),
        (("José", "Pérez"), {}, {"same-name"}),
    ],
)
def test_likely_the_same(
    jose: Patient, names: tuple[str, str], said: dict[str, Any], reasons: set[str]
) -> None:
    found = likely(*names, **said)
    assert [given for given, _reasons in found] == ["José"]
    assert reasons <= set(found[0][1])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("José", "Pérez"), {"birth_date": date(2020, 5, 17), "sex": "male"}),
        (("Josefina", "Pereira"), {"birth_date": date(1955, 5, 17), "sex": "female"}),
        (("Marta", "Solís"), {"birth_date": BORN, "sex": "male"}),
        (("Marta", "Solís"), {"phone": "6612-3456"}),
    ],
)
def test_likely_somebody_else(jose: Patient, names: tuple[str, str], said: dict[str, Any]) -> None:
    assert likely(*names, **said) == []


def test_the_same_village_counts(jose: Patient, cast: Cast) -> None:
    found = likely("José", "Pérez", village_id=cast.island.pk)
    assert "same-village" in found[0][1]


def test_at_most_a_handful(rosa: Author) -> None:
    for _turn in range(8):
        make_patient(rosa)
    assert len(likely("José", "Pérez", birth_date=BORN)) == 5
