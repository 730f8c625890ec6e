"""Deciding: every side is seen, the decision travels, and nothing is overruled that nobody looked at.

Not here: the same decision twice (`test_repeats.py`).
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from registry.people.models import Patient
from registry.places.models import Area
from sync.core.merge import GONE
from sync.ledger.models import Change
from sync.ledger.recording import Author, recording
from sync.ledger.selectors import history_of
from sync.problems import Problem
from sync.review.models import Conflict, Decision
from sync.review.selectors import conflict_shown, conflicts_shown, notes_on
from sync.review.services import Choice, choice_of, resolve
from tests.sync.desk import ROSA
from tests.world import Site, World

BY = Author(ROSA, "tablet-3")


def register(world: World, site: Site, **said: Any) -> Patient:
    with world.at(site), recording(by=world.author(site)) as save:
        return save.add(Patient, **{"given_name": "Ana", "registered_on": site.node.now(), **said})


def edit(world: World, site: Site, patient: Patient, **said: Any) -> None:
    with world.at(site), recording(by=world.author(site)) as save:
        save.edit(Patient.objects.get(pk=patient.pk), said)


def contested(world: World, *values: Any, field: str = "sex") -> Patient:
    """A patient about whom each clinic says something else."""
    patient = register(world, world.clinics[0])
    world.sync()
    for site, value in zip(world.clinics, values, strict=True):
        world.advance(5)
        edit(world, site, patient, **{field: value})
    world.sync(rounds=2)
    return patient


def everywhere(world: World, patient: Patient, field: str) -> set[tuple[Any, bool]]:
    found = set()
    for site in (world.central, *world.clinics):
        with world.at(site):
            row = Patient.objects.get(pk=patient.pk)
            found.add((getattr(row, field), row.is_contested))
    return found


def test_both_values_are_shown_with_who_when_on_what_and_where(world: World) -> None:
    patient = contested(world, "male", "other")
    here, other = world.clinics
    with world.at(here):
        (shown,) = conflicts_shown()
        assert (shown.table, shown.field, shown.field_label, shown.record) == (
            "patients",
            "sex",
            "Sex",
            patient.pk,
        )
        assert sorted(shown.texts) == ["Male", "Other"]
        by_value = {head.value: head for head in shown.heads}
        assert by_value["other"].place == "clinic 2"
        assert by_value["other"].device == "tablet at clinic 2"
        assert by_value["other"].author == world.author(other).staff_id
        assert by_value["male"].at < by_value["other"].at
        assert shown.version == Patient.objects.get(pk=patient.pk).version


@pytest.mark.parametrize("at_central", [False, True])
def test_choosing_a_value_ends_the_question_on_every_replica(world: World, at_central: bool) -> None:
    """D1: one field, written in two places; both are kept until somebody has chosen."""
    patient = contested(world, "male", "other")
    with world.at(world.central if at_central else world.clinics[0]):
        (shown,) = conflicts_shown()
        key = next(head.key for head in shown.heads if head.value == "other")
        conflict = Conflict.objects.get()
        assert resolve(by=BY, conflict=conflict, choose=Choice(version=key), seen=shown.version) == "applied"
        assert not Conflict.objects.exists()
        assert {
            entry.value for entry in history_of(Patient.objects.get(pk=patient.pk)) if entry.field == "sex"
        } >= {
            "male",
            "other",
        }
    world.sync(rounds=2)
    assert everywhere(world, patient, "sex") == {("other", False)}
    with world.at(world.central):
        last = [one for one in history_of(Patient.objects.get(pk=patient.pk)) if one.field == "sex"][-1]
        assert (last.value, last.author, last.device) == ("other", ROSA, "tablet-3")


def test_choosing_what_is_shown_already_is_a_decision_too(world: World) -> None:
    patient = contested(world, "male", "other")
    with world.at(world.clinics[0]):
        now_shown = Patient.objects.get(pk=patient.pk).sex
        resolve(by=BY, conflict=Conflict.objects.get(), choose=Choice(value=now_shown))
        assert not Conflict.objects.exists()


def test_neither_may_be_right(world: World) -> None:
    patient = contested(world, date(1990, 5, 17), date(1991, 5, 17), field="birth_date")
    with world.at(world.clinics[1]):
        (shown,) = conflicts_shown()
        assert shown.field_label == "Birth date"
        resolve(by=BY, conflict=Conflict.objects.get(), choose=Choice(value="1990-07-15"))
    world.sync(rounds=2)
    assert everywhere(world, patient, "birth_date") == {(date(1990, 7, 15), False)}


@pytest.mark.parametrize(
    ("field", "values", "choose", "named"),
    [
        ("sex", ("male", "other"), Choice(version="nobody-1"), "choose"),
        ("sex", ("male", "other"), Choice(), "choose"),
        ("sex", ("male", "other"), Choice(value="purple"), "sex"),
        ("birth_date", (date(1990, 5, 17), date(1991, 5, 17)), Choice(value="last year"), "choose"),
    ],
)
def test_what_is_no_value_is_refused_and_nothing_is_written(
    world: World, field: str, values: Any, choose: Choice, named: str
) -> None:
    contested(world, *values, field=field)
    with world.at(world.clinics[0]):
        before = Change.objects.count()
        with pytest.raises(Problem) as refused:
            resolve(by=BY, conflict=Conflict.objects.get(), choose=choose)
        assert set(refused.value.fields) == {named}
        assert Change.objects.count() == before
        assert Conflict.objects.count() == 1


def test_a_value_that_came_while_somebody_was_looking_is_not_overruled(world: World) -> None:
    patient = contested(world, "male", "other")
    here, other = world.clinics
    with world.at(here):
        (looked_at,) = conflicts_shown()
    edit(world, other, patient, sex="female")
    world.sync(rounds=2)
    with world.at(here):
        conflict = Conflict.objects.filter(record_id=patient.pk).first()
        chosen = Choice(value="other")
        if (
            conflict is None
        ):  # the edit saw both sides and settled the question; whoever looked did not see that
            conflict = Conflict(table="patients", record_id=patient.pk, field="sex", since=0)
        assert resolve(by=BY, conflict=conflict, choose=chosen, seen=looked_at.version) == "conflicted"
        (shown,) = conflicts_shown()
        assert {head.value for head in shown.heads} == {"female", "other"}


def test_the_note_travels_to_colleagues_elsewhere(world: World) -> None:
    patient = contested(world, "male", "other")
    here, other = world.clinics
    with world.at(here):
        resolve(
            by=BY, conflict=Conflict.objects.get(), choose=Choice(value="male"), note=" His card says so. "
        )
    world.sync(rounds=2)
    with world.at(other):
        (note,) = notes_on("patients", patient.pk)
        assert (note.note, note.field, note.made_by, note.scope) == (
            "His card says so.",
            "sex",
            ROSA,
            patient.pk,
        )
    with world.at(here), pytest.raises(Problem) as refused:
        resolve(by=BY, conflict=Conflict(table="patients", record_id=patient.pk, field="sex", since=0),
                choose=Choice(value="male"), note="x" * 501)  # fmt: skip
    assert refused.value.code == "note-too-long"


def test_a_decision_goes_up_from_a_clinic_that_follows_only_some_patients(make_world: Any) -> None:
    world = make_world(clinics=1, mode="subscribed")
    here = world.clinics[0]
    patient = register(world, here)
    world.sync(rounds=2)
    edit(world, here, patient, sex="male")
    edit(world, world.central, patient, sex="other")
    world.sync(rounds=2)
    with world.at(here):
        resolve(by=BY, conflict=Conflict.objects.get(), choose=Choice(value="male"), note="Seen.")
    world.sync()
    with world.at(world.central):
        assert Decision.objects.get().note == "Seen."
        assert not Conflict.objects.exists()


# --- removed or kept -------------------------------------------------------------------------------------


@pytest.fixture
def half_removed(world: World) -> Patient:
    """One clinic removed the record while the other wrote to it."""
    patient = register(world, world.clinics[0])
    world.sync()
    with world.at(world.clinics[0]), recording(by=world.author(world.clinics[0])) as save:
        save.remove(Patient.objects.get(pk=patient.pk))
    edit(world, world.clinics[1], patient, phone="5551")
    world.sync(rounds=2)
    return patient


def test_a_removal_against_an_edit_is_told_as_what_it_is(world: World, half_removed: Patient) -> None:
    with world.at(world.central):
        (shown,) = conflicts_shown()
        assert (shown.field, shown.field_label) == (GONE, "Kept or removed")
        assert {(head.value, head.place) for head in shown.heads} == {(True, "clinic 1"), (False, "clinic 2")}
        assert "Keep it, with what was written: Phone" in shown.texts


@pytest.mark.parametrize("gone", [True, False])
@pytest.mark.parametrize("by_key", [True, False])
def test_it_ends_in_removing_or_bringing_back(
    world: World, half_removed: Patient, gone: bool, by_key: bool
) -> None:
    with world.at(world.clinics[1]):
        (shown,) = conflicts_shown()
        key = next(head.key for head in shown.heads if head.value is gone)
        resolve(
            by=BY,
            conflict=Conflict.objects.get(),
            choose=Choice(version=key) if by_key else Choice(value=gone),
        )
        assert not Conflict.objects.exists()
    world.sync(rounds=2)
    assert everywhere(world, half_removed, "gone") == {(gone, False)}
    assert everywhere(world, half_removed, "phone") == {("5551", False)}


def test_a_removal_is_not_chosen_with_words(world: World, half_removed: Patient) -> None:
    with world.at(world.central), pytest.raises(Problem) as refused:
        resolve(by=BY, conflict=Conflict.objects.get(), choose=Choice(value="yes"))
    assert refused.value.code == "bad-choice"


# --- what is not there -----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["patients", "of a later version"])
def test_a_question_whose_record_is_not_here_is_settled(world: World, table: str) -> None:
    with world.at(world.central):
        conflict = Conflict.objects.create(table=table, record_id=uuid4(), field="sex", since=1)
        assert conflicts_shown() == []
        assert conflict_shown(conflict) is None
        with pytest.raises(Problem) as refused:
            resolve(by=BY, conflict=conflict, choose=Choice(value="male"))
        assert (refused.value.code, refused.value.status) == ("no-longer-contested", 409)


def test_only_central_decides_about_its_own_lists(world: World) -> None:
    with world.at(world.central), recording(by=BY) as save:
        area = save.add(Area, name="Bocas")
    world.sync(rounds=2)
    with world.at(world.clinics[0]):
        conflict = Conflict(table="areas", record_id=area.pk, field="name", since=1)
        with pytest.raises(Problem) as refused:
            resolve(by=BY, conflict=conflict, choose=Choice(value="Colón"))
    assert refused.value.code == "owned-by-central"


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ({"version": "a-1"}, Choice(version="a-1")),
        ({"value": None}, Choice(value=None)),
        ({"value": False}, Choice(value=False)),
        ("a-1", Choice(version="a-1", value="a-1")),
        (12, Choice(value=12)),
    ],
)
def test_a_program_chooses_a_version_or_a_value(said: Any, choice: Choice) -> None:
    assert choice_of(said) == choice


@pytest.mark.parametrize("said", [{}, {"version": "a", "value": 1}, {"other": 1}])
def test_a_program_that_chooses_both_or_nothing_is_told(said: Any) -> None:
    with pytest.raises(Problem) as refused:
        choice_of(said)
    assert refused.value.code == "bad-choice"
