"""Saves that central sets aside: what people read of them, and the two ways out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from registry.people.models import Identifier, Patient
from sync.core.merge import GONE
from sync.core.protocol import Change
from sync.feed.models import Subscription
from sync.feed.subscriptions import subscribe
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.ledger.recording import Author, recording
from sync.ledger.verify import verify_log
from sync.models import EnrolledNode
from sync.problems import Problem
from sync.release import release as release_waiting
from sync.review.aside import asides_shown, changes_in
from sync.review.models import Aside, Decision
from sync.review.selectors import name_people, names_of
from sync.review.services import reject, release
from sync.status import read_status
from sync.tables import table_of
from sync.versions import past_of
from tests.sync.desk import ROSA
from tests.world import Site, World

BY = Author(ROSA, "office")


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(clinics=1)


def register(world: World, site: Site) -> Patient:
    with world.at(site), recording(by=world.author(site)) as save:
        return save.add(Patient, given_name="Ana", registered_on=site.node.now())


def edit(world: World, site: Site, pk: UUID, **said: Any) -> None:
    world.advance(5)
    with world.at(site), recording(by=world.author(site)) as save:
        save.edit(Patient.objects.get(pk=pk), said)


def edit_what_is_fixed(world: World, site: Site, pk: UUID) -> None:
    """What an older or a doctored program might do: set a field again that is set once."""
    world.advance(5)
    with world.at(site), recording(by=world.author(site)) as save:
        row = Patient.objects.get(pk=pk)
        save._record(table_of(Patient), pk, {"registered_on": 1_000_000, "phone": "999"}, past_of(row))


def one_aside(world: World, state: str = "quarantined") -> Aside:
    with world.at(world.central):
        return Aside.objects.get(state=state)


def all_equal(world: World) -> bool:
    world.sync(rounds=3)
    return world.digests(world.central) == world.digests(world.clinics[0])


@pytest.fixture
def poisoned(world: World) -> UUID:
    """A patient whose second change is set aside and whose third waits behind it."""
    here = world.clinics[0]
    patient = register(world, here)
    world.sync()
    edit_what_is_fixed(world, here, patient.pk)
    edit(world, here, patient.pk, given_name="Eva")
    world.sync()
    return patient.pk


def test_a_save_is_shown_with_what_it_says_and_how_many_wait(world: World, poisoned: UUID) -> None:
    for site in (world.central, world.clinics[0]):
        with world.at(site):
            first, second = asides_shown()
            assert (first.state, first.code, first.what) == ("quarantined", "fixed-field", "Change: Patient")
            assert first.sentence
            assert ("Phone", "999") in first.values
            assert (first.device, first.node_name) == ("tablet at clinic 1", "clinic 1")
            assert (first.author, first.scope) == (world.author(world.clinics[0]).staff_id, poisoned)
            assert (second.state, second.waits_for) == ("held", "an earlier change that is set aside")
    with world.at(world.central):
        assert asides_shown()[0].behind == 1
        assert {"id", "state", "code", "sentence", "values", "behind", "by"} <= set(asides_shown()[0].plain())


def test_names_come_from_the_room_that_knows_staff(
    world: World, poisoned: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.review.selectors._name_staff", [])
    with world.at(world.central):
        assert asides_shown()[0].by == "somebody"
        name_people(lambda ids: {one: "Rosa Pineda" for one in ids if one})
        assert asides_shown()[0].by == "Rosa Pineda"
        assert names_of([None]) == {}


def test_a_save_of_which_only_the_dots_are_kept_is_still_shown(world: World, poisoned: UUID) -> None:
    with world.at(world.central):
        ChangeRow.objects.exclude(state=ChangeRow.State.APPLIED).update(body=b"")
        first = asides_shown()[0]
        assert first.values == []
        assert first.what == "A save whose content is not kept here"
        assert changes_in(one_aside(world)) == []


def test_a_save_of_a_table_of_a_later_version_shows_what_it_holds(
    world: World, poisoned: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.review.aside.table_named", lambda name: None)
    monkeypatch.setattr("sync.review.wording.table_named", lambda name: None)
    with world.at(world.central):
        first = asides_shown()[0]
        assert ("phone", "999") in first.values
        assert first.what == "Change: patients"


# --- it is right: judge it again -------------------------------------------------------------------------


def test_without_a_cure_the_same_question_comes_again(world: World, poisoned: UUID) -> None:
    with world.at(world.central):
        assert not release(by=BY, aside=one_aside(world))
        assert Aside.objects.count() == 2
        assert Patient.objects.get(pk=poisoned).phone == ""


def test_after_the_cause_is_mended_it_goes_on_and_what_waited_goes_with_it(
    make_world: Callable[..., World],
) -> None:
    world = make_world(clinics=1, mode="subscribed")
    here = world.clinics[0]
    patient = register(world, here)
    world.sync(rounds=2)
    with world.at(world.central):
        Subscription.objects.all().delete()
    edit(world, here, patient.pk, phone="1")
    edit(world, here, patient.pk, phone="2")
    world.sync()
    with world.at(world.central):
        asides = list(Aside.objects.order_by("seq_from").values_list("state", "code"))
        assert asides[0] == ("quarantined", "out-of-scope")
        assert len(asides) == 2
        with transaction.atomic():
            subscribe([(EnrolledNode.objects.get().uuid, patient.pk)])
        assert release(by=BY, aside=Aside.objects.order_by("seq_from")[0])
        for left in Aside.objects.filter(state="quarantined"):
            release(by=BY, aside=left)
        assert not Aside.objects.exists()
        assert Patient.objects.get(pk=patient.pk).phone == "2"
    world.sync(rounds=2)
    with world.at(here):
        assert read_status().up_to_date


def test_what_is_settled_is_not_settled_twice(world: World, poisoned: UUID) -> None:
    with world.at(world.central):
        aside = one_aside(world)
        reject(by=BY, aside=aside, note="Wrong.")
        for again in (lambda: release(by=BY, aside=aside), lambda: reject(by=BY, aside=aside, note="Wrong.")):
            with pytest.raises(Problem) as refused:
                again()
            assert refused.value.code == "no-longer-aside"


@pytest.mark.parametrize("decide", [release, lambda by, aside: reject(by=by, aside=aside, note="Wrong.")])
def test_a_clinic_leaves_it_to_central(world: World, poisoned: UUID, decide: Any) -> None:
    with world.at(world.clinics[0]):
        aside = Aside.objects.filter(state="quarantined").get()
        with pytest.raises(Problem) as refused:
            decide(by=BY, aside=aside)
        assert refused.value.code == "only-central"


# --- it is wrong: do not use it --------------------------------------------------------------------------


def test_a_rejected_change_is_superseded_everywhere_and_what_waited_goes_on(
    world: World, poisoned: UUID
) -> None:
    here = world.clinics[0]
    with world.at(here):
        assert Patient.objects.get(pk=poisoned).phone == "999"
    with world.at(world.central):
        reject(by=BY, aside=one_aside(world), note="This was registered on another day.")
        assert not Aside.objects.exists()
        row = Patient.objects.get(pk=poisoned)
        assert (row.phone, row.given_name) == ("", "Eva")
        assert row.registered_on.year > 2000
        assert Decision.objects.get().note == "This was registered on another day."
    assert all_equal(world)
    for site in (here, world.central):
        with world.at(site):
            row = Patient.objects.get(pk=poisoned)
            assert (row.phone, row.given_name, row.is_contested) == ("", "Eva", False)
            assert row.registered_on.year > 2000
            assert not Aside.objects.exists()
            assert all(walk.holds for walk in verify_log())
    with world.at(here):
        assert read_status().up_to_date
        assert Decision.objects.get().made_by == ROSA


def test_a_rejected_new_record_is_a_tombstone(world: World) -> None:
    here = world.clinics[0]
    patient = register(world, here)
    with world.at(here), recording(by=world.author(here)) as save:
        card = save.add(Identifier, patient=patient, system="posta:number", value="A1-000000-0")
    world.sync()
    with world.at(world.central):
        (shown,) = asides_shown()
        assert shown.what == "New: Identifier"
        assert not Identifier.objects.exists()
        reject(by=BY, aside=one_aside(world), note="No such number was ever issued.")
        row = Identifier.objects.get(pk=card.pk)
        assert (row.gone, row.patient_id, row.value) == (True, patient.pk, "A1-000000-0")
    assert all_equal(world)
    with world.at(here):
        assert Identifier.objects.get(pk=card.pk).gone
        assert not Identifier.objects.living().exists()
        assert read_status().up_to_date


def test_a_clinic_that_follows_only_some_patients_hears_of_a_rejected_new_one(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(clinics=1, mode="subscribed")
    here = world.clinics[0]
    with monkeypatch.context() as patched:
        patched.setattr("sync.saves.judge", _nobody_today)
        patient = register(world, here)
        world.sync()
    with world.at(world.central):
        reject(by=BY, aside=one_aside(world), note="Entered for practice.")
        assert Patient.objects.get(pk=patient.pk).gone
    world.sync(rounds=2)
    with world.at(here):
        assert Patient.objects.get(pk=patient.pk).gone


def _nobody_today(save: Any, sight: Any) -> Any:
    from sync.checks import Verdict

    return Verdict("quarantined", "practice", "This looks like practice.")


def test_rejecting_needs_a_reason(world: World, poisoned: UUID) -> None:
    save_id = uuid4()
    with world.at(world.central):
        aside = one_aside(world)
        with pytest.raises(Problem) as refused:
            reject(by=BY, aside=aside, note="  ", save_id=save_id)
        assert set(refused.value.fields) == {"note"}
        reject(by=BY, aside=aside, note="Wrong.", save_id=save_id)
        assert ChangeRow.objects.filter(save_id=save_id).count() == 2


def test_what_this_central_does_not_know_is_not_rejected_blindly(
    world: World, poisoned: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.at(world.central):
        aside = one_aside(world)
        monkeypatch.setattr("sync.review.services.table_named", lambda name: None)
        with pytest.raises(Problem) as refused:
            reject(by=BY, aside=aside, note="Wrong.")
        assert refused.value.code == "unknown-table"
        assert Aside.objects.count() == 2
        assert not Decision.objects.exists()


def test_a_new_record_too_broken_for_a_tombstone_stays_aside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world.clinics[0]
    patient = register(world, here)
    with world.at(here), recording(by=world.author(here)) as save:
        save.add(Identifier, patient=patient, system="posta:number", value="A1-000000-0")
    world.sync()
    with world.at(world.central):
        aside = one_aside(world)
        (change,) = changes_in(aside)
        bare = Change(**{name: getattr(change, name) for name in Change.__slots__} | {"fields": {"label": 7}})
        monkeypatch.setattr("sync.review.services.changes_in", lambda one: [bare])
        with pytest.raises(Problem) as refused:
            reject(by=BY, aside=aside, note="Wrong.")
        assert refused.value.code == "cannot-reject"
        assert Aside.objects.count() == 1


def test_a_rejected_tombstone_leaves_the_record_alive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here = world.clinics[0]
    patient = register(world, here)
    world.sync()
    with monkeypatch.context() as patched:
        patched.setattr("sync.saves.judge", _nobody_today)
        with world.at(here), recording(by=world.author(here)) as save:
            save.remove(Patient.objects.get(pk=patient.pk))
        world.sync()
    with world.at(world.central):
        (change,) = changes_in(one_aside(world))
        assert change.fields == {GONE: True}
        reject(by=BY, aside=one_aside(world), note="She is here.")
        assert release_waiting({f"replica:{Replica.objects.get(is_self=True).uuid}"}) == 0
    assert all_equal(world)
    with world.at(here):
        row = Patient.objects.get(pk=patient.pk)
        assert (row.gone, row.is_contested) == (False, False)
