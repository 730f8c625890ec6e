"""Who belongs to whom: two halves of one tie, what cannot be, and what a clinic sees that holds only one of
the two.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from registry.people.family import household_of, relatives_of, suggestions_for, ties_of
from registry.people.family_services import (
    join_household,
    leave_household,
    register_child,
    relate,
    unrelate,
)
from registry.people.models import HouseholdMember, Patient, Relation
from registry.people.search import likely_duplicates
from sync.ledger.models import Change
from sync.ledger.recording import Author, recording
from sync.problems import Problem
from tests.registry.conftest import THE_NODE, Cast, browser, make_patient, token_client


@pytest.fixture
def rita(rosa: Author, cast: Cast) -> Patient:
    return make_patient(
        rosa,
        given="Rita",
        family="Abrego",
        sex="female",
        birth_date=date(1994, 3, 2),
        phone="6612-3456",
        village=cast.island,
    ).patient


@pytest.fixture
def lia(rosa: Author, cast: Cast) -> Patient:
    return make_patient(
        rosa, given="Lía", family="Abrego", sex="female", birth_date=date(2024, 6, 1), village=cast.island
    ).patient


def kinds(patient: Patient) -> list[tuple[str, str]]:
    return [(one.kind, one.person.name if one.person else "") for one in relatives_of(patient)]


def code_of(call: Any) -> str:
    with pytest.raises(Problem) as refused:
        call()
    return refused.value.code


@pytest.mark.parametrize(
    ("kind", "other_half"),
    [("mother", "child"), ("guardian", "ward"), ("spouse", "spouse")],
)
def test_a_tie_is_seen_from_both_sides(
    rosa: Author, rita: Patient, lia: Patient, kind: str, other_half: str
) -> None:
    relate(by=rosa, patient=lia, other=rita, kind=kind)
    assert kinds(lia) == [(kind, "Rita Abrego")]
    assert kinds(rita) == [(other_half, "Lía Abrego")]
    scopes = Relation.objects.values_list("patient_id", flat=True)
    assert set(scopes) == {rita.pk, lia.pk}


def test_a_tie_from_the_other_side_is_the_same_tie(rosa: Author, rita: Patient, lia: Patient) -> None:
    relate(by=rosa, patient=rita, other=lia, kind="child")
    relate(by=rosa, patient=lia, other=rita, kind="mother")
    assert Relation.objects.count() == 2


def test_a_double_tap_ties_once(rosa: Author, rita: Patient, lia: Patient) -> None:
    save_id = uuid4()
    first = relate(by=rosa, patient=lia, other=rita, kind="mother", save_id=save_id)
    again = relate(by=rosa, patient=lia, other=rita, kind="mother", save_id=save_id)
    assert first.pk == again.pk
    assert Change.objects.filter(table="relations").count() == 2


def test_what_cannot_be_is_refused(rosa: Author, rita: Patient, lia: Patient) -> None:
    grown = make_patient(rosa, given="Ana", sex="female", birth_date=date(1960, 1, 1)).patient
    father = make_patient(rosa, given="Teo", sex="male", birth_date=date(1960, 1, 1)).patient
    sister = make_patient(rosa, given="Mía", sex="female", birth_date=date(2016, 6, 2)).patient

    def tie(patient: Patient, other: Patient, kind: str) -> Any:
        return lambda: relate(by=rosa, patient=patient, other=other, kind=kind)

    assert code_of(tie(lia, lia, "spouse")) == "same-person"
    assert code_of(tie(lia, rita, "boss")) == "unknown-code"
    assert code_of(tie(lia, father, "mother")) == "mother-is-male"
    assert code_of(tie(lia, sister, "mother")) == "mother-too-young"
    assert code_of(tie(sister, lia, "child")) == "mother-too-young"
    tie(lia, rita, "mother")()
    assert code_of(tie(lia, grown, "mother")) == "has-a-mother"
    assert code_of(tie(grown, lia, "child")) == "has-a-mother"
    tie(rita, grown, "mother")()
    assert code_of(tie(grown, lia, "mother")) == "circle"
    tie(lia, father, "guardian")()
    assert code_of(tie(father, lia, "guardian")) == "circle"
    assert Relation.objects.count() == 6


def test_estimated_dates_are_not_taken_too_exactly(rosa: Author, lia: Patient) -> None:
    young = make_patient(rosa, given="Ana", sex="female", birth_date=None, age_years=9).patient
    relate(by=rosa, patient=lia, other=young, kind="mother")
    assert kinds(lia) == [("mother", "Ana Pérez")]


def test_a_tie_is_taken_away_on_both_sides_and_can_come_back(
    rosa: Author, rita: Patient, lia: Patient
) -> None:
    made = relate(by=rosa, patient=lia, other=rita, kind="mother")
    unrelate(by=rosa, relation=made)
    assert kinds(lia) == kinds(rita) == []
    relate(by=rosa, patient=lia, other=rita, kind="mother")
    assert kinds(rita) == [("child", "Lía Abrego")]


def test_a_half_that_was_taken_away_elsewhere_ends_the_tie(rosa: Author, rita: Patient, lia: Patient) -> None:
    """A clinic that holds only the child takes away only the child's half."""
    made = relate(by=rosa, patient=lia, other=rita, kind="mother")
    with recording(by=rosa) as save:
        save.remove(made)
    assert kinds(lia) == kinds(rita) == []


def test_a_clinic_that_holds_one_of_two_has_their_half(rosa: Author, lia: Patient) -> None:
    elsewhere = UUID(int=77)
    with recording(by=rosa) as save:
        save.add(Relation, patient=lia, other_id=elsewhere, kind="mother")
    assert [(one.kind, one.other, one.person) for one in relatives_of(lia)] == [("mother", elsewhere, None)]
    assert len(ties_of([lia.pk])) == 1


def test_a_household_begins_with_its_head(rosa: Author, rita: Patient, lia: Patient) -> None:
    other = make_patient(rosa, given="Teo").patient
    assert household_of(rita) is None
    join_household(by=rosa, patient=lia, other=rita, role="child")
    join_household(by=rosa, patient=other, other=lia, role="partner")
    home = household_of(lia)
    assert home is not None
    assert [(one.person.name, one.role) for one in home.members] == [
        ("Rita Abrego", "head"),
        ("Teo Pérez", "partner"),
        ("Lía Abrego", "child"),
    ]


def test_one_lives_in_one_household(rosa: Author, rita: Patient, lia: Patient) -> None:
    teo = make_patient(rosa, given="Teo").patient
    join_household(by=rosa, patient=lia, other=rita, role="child")
    join_household(by=rosa, patient=lia, other=teo)
    join_household(by=rosa, patient=lia, other=teo, role="child")
    assert HouseholdMember.objects.living().filter(patient=lia).count() == 1
    home = household_of(rita)
    assert home is not None
    assert [one.person.name for one in home.members] == ["Rita Abrego"]
    leave_household(by=rosa, patient=lia)
    assert household_of(lia) is None


def test_a_child_is_registered_and_tied_in_one_save(rosa: Author, rita: Patient) -> None:
    teo = make_patient(rosa, given="Teo").patient
    join_household(by=rosa, patient=teo, other=rita, role="partner")
    save_id = uuid4()
    said: dict[str, Any] = {"given_name": "Eva", "family_name": "Abrego", "sex": "female", "age_years": 3}
    done = register_child(by=rosa, mother=rita, age_unit="months", save_id=save_id, **said)
    again = register_child(by=rosa, mother=rita, age_unit="months", save_id=save_id, **said)
    assert done.patient.pk == again.patient.pk
    assert kinds(done.patient) == [("mother", "Rita Abrego")]
    home = household_of(done.patient)
    assert home is not None
    assert len(home.members) == 3
    assert set(Change.objects.filter(save_id=save_id).values_list("table", flat=True)) == {
        "patients",
        "identifiers",
        "relations",
        "household_members",
    }


def test_a_child_that_cannot_be_hers_is_not_registered(rosa: Author, lia: Patient) -> None:
    before = Patient.objects.count()
    assert (
        code_of(lambda: register_child(by=rosa, mother=lia, given_name="X", birth_date=date(2026, 1, 1)))
        == "mother-too-young"
    )
    assert Patient.objects.count() == before


def test_brothers_and_sisters_are_likely_and_the_mother_is_not(
    rosa: Author, rita: Patient, lia: Patient
) -> None:
    relate(by=rosa, patient=lia, other=rita, kind="mother")
    found = likely_duplicates(
        given_name="Lia",
        family_name="Abrego",
        birth_date=date(2024, 7, 1),
        phone="6612-3456",
        mother=rita.pk,
    )
    assert [one.patient.pk for one in found] == [lia.pk]
    assert "same-mother" in found[0].reasons


def test_who_may_belong_to_the_family(rosa: Author, rita: Patient, lia: Patient, cast: Cast) -> None:
    make_patient(rosa, given="Eva", family="Abrego", village=cast.forest)
    teo = make_patient(rosa, given="Teo", family="Ruiz", phone="+507 6612 3456").patient
    suggested = suggestions_for(rita)
    assert [one.person.id for one in suggested] == [teo.pk, lia.pk]
    assert [one.reasons for one in suggested] == [["Same phone"], ["Same village"]]


# --- pages and programs ---


def test_the_family_page_links_with_one_tap(cast: Cast, rita: Patient, lia: Patient) -> None:
    tablet, address = browser(cast.rosa), f"/patients/{lia.pk}/family/"
    html = tablet.get(address, secure=True).content.decode()
    assert str(rita.pk) in html
    found = tablet.get(address, {"q": "rita"}, secure=True, headers={"HX-Request": "true"}).content.decode()
    assert f'value="{rita.pk}"' in found
    assert "<html" not in found
    answer = tablet.post(address, {"kind": "mother", "other": str(rita.pk)}, secure=True)
    assert answer.status_code == 302
    page = tablet.get(f"/patients/{lia.pk}/", secure=True).content.decode()
    assert f"/patients/{rita.pk}/" in page


def test_a_refused_tie_says_why(cast: Cast, rosa: Author, lia: Patient) -> None:
    teo = make_patient(rosa, given="Teo").patient
    page = browser(cast.rosa).post(
        f"/patients/{lia.pk}/family/", {"kind": "mother", "other": str(teo.pk)}, secure=True
    )
    assert page.status_code == 422
    assert "A mother is not a man." in page.content.decode()


def test_untying_on_the_page(cast: Cast, rosa: Author, rita: Patient, lia: Patient) -> None:
    made = relate(by=rosa, patient=lia, other=rita, kind="mother")
    join_household(by=rosa, patient=lia, other=rita, role="child")
    tablet, address = browser(cast.rosa), f"/patients/{lia.pk}/family/unlink/"
    assert tablet.post(address, {"relation": str(made.pk)}, secure=True).status_code == 302
    assert tablet.post(address, {}, secure=True).status_code == 302
    assert kinds(lia) == []
    assert household_of(lia) is None


def test_whoever_may_not_register_changes_no_family(cast: Cast, lia: Patient) -> None:
    office = browser(cast.olga)
    assert office.get(f"/patients/{lia.pk}/family/", secure=True).status_code == 403
    assert Client().get(f"/patients/{lia.pk}/family/", secure=True)["Location"].startswith("/account/login/")


def test_the_api(cast: Cast, rita: Patient, lia: Patient) -> None:
    api, address = token_client(cast.rosa), f"/api/v1/patients/{lia.pk}/relations/"
    made = api.post(
        address,
        {"kind": "mother", "other": str(rita.pk)},
        secure=True,
        headers={"Idempotency-Key": str(uuid4())},
    )
    assert made.status_code == 201
    (tie,) = made.json()["relations"]
    assert (tie["kind"], tie["person"]["name"]) == ("mother", "Rita Abrego")
    home = api.post(address, {"kind": "household", "other": str(rita.pk), "role": "child"}, secure=True)
    members = home.json()["household"]["members"]
    assert [one["role"] for one in members] == ["head", "child"]
    for gone in (tie["id"], members[1]["id"]):
        assert api.delete(f"{address}{gone}/", secure=True).status_code == 204
    assert api.get(address, secure=True).json() == {"relations": [], "household": None}
    assert api.delete(f"{address}{uuid4()}/", secure=True).status_code == 404
    refused = api.post(address, {"kind": "mother", "other": str(lia.pk)}, secure=True)
    assert (refused.status_code, refused.json()["code"]) == (400, "same-person")
    assert api.post(address, {"kind": "mother", "other": str(uuid4())}, secure=True).status_code == 404


def test_the_node_itself_may_tie(lia: Patient, rita: Patient) -> None:
    relate(by=THE_NODE, patient=lia, other=rita, kind="guardian")
    assert kinds(rita) == [("ward", "Lía Abrego")]
