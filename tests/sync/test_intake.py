"""What becomes of a batch that central believes: good saves flow, a bad one waits with its reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DataError, OperationalError, connections

from registry.people.models import Identifier, Patient
from registry.places.models import Area
from sync import apply, hello, intake
from sync.codecs import Codec
from sync.core.merge import Past
from sync.core.protocol import derive_id, new_save_id
from sync.download import apply_page
from sync.feed.pages import record_of
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Receipt as ReceiptRow
from sync.ledger.models import Replica
from sync.ledger.recording import Author, recording
from sync.ledger.verify import verify_log
from sync.models import EnrolledNode
from sync.node import acting_as
from sync.review.models import Aside, Conflict
from sync.review.services import release
from sync.run import make_run
from sync.status import status
from sync.tables import table_of
from sync.upload import Pace
from tests.sync.forge import Part, Talk, card, edit, logged, patient, problem, slip_in, traces
from tests.world import Site, World, backend_for


def register(world: World, site: Site, name: str = "Ana", **fields: Any) -> Patient:
    with world.at(site), recording(by=world.author(site)) as save:
        return save.add(Patient, given_name=name, registered_on=site.node.now(), **fields)


def shown_at(world: World, site: Site, pk: UUID) -> Any:
    """What people see of a patient there; None where there is none."""
    return world.shown(site)["patients"].get(pk)


def asides(world: World, site: Site) -> list[tuple[int, str, str]]:
    with world.at(site):
        return list(Aside.objects.order_by("seq_from").values_list("seq_from", "state", "code"))


# --- one bad save ----------------------------------------------------------------------------------------

CENTRALS_AREA = UUID(int=77)
Bad = Callable[[Patient], list[Part]]
BAD: dict[str, tuple[str, Bad]] = {
    "a list nobody knows": ("unknown-table", lambda p: [Part("moods", {"mood": "low"})]),
    "a list with a very long name": ("unknown-table", lambda p: [Part("m" * 300, {"mood": "low"})]),
    "a field nobody knows": ("unknown-field", lambda p: [patient(shoe_size=42)]),
    "a code nobody knows": ("unknown-code", lambda p: [patient(sex="?")]),
    "a number for a name": ("wrong-type", lambda p: [patient(family_name=7)]),
    "a list for a name": ("wrong-type", lambda p: [patient(family_name=["a", {"b": None}])]),
    "a name without end": ("too-long", lambda p: [patient("A" * 5_000)]),
    "a device without end": ("too-long", lambda p: [
        Part("patients", {"registered_on": 1}, altered={"device": "t" * 200}),
    ]),
    "a NUL in a name": ("nul-character", lambda p: [patient("A\0na")]),
    "a day that is none": ("wrong-date", lambda p: [patient(birth_date="2025-02-30")]),
    "an instant beyond all days": ("wrong-type", lambda p: [Part("patients", {"registered_on": 2**62})]),
    "without what it must have": ("missing", lambda p: [Part("patients", {"given_name": "Ana"})]),
    "nothing where something must be": ("missing", lambda p: [Part("patients", {"registered_on": None})]),
    "a reference that is none": ("wrong-type", lambda p: [patient(village="Lusaka")]),
    "a card without a person": ("missing", lambda p: [Part("identifiers", {"system": "x", "value": "1"})]),
    "a code of ours with a wrong digit": ("not-a-number", lambda p: [
        card(p.pk, "AB1234567", system="posta:number"),
    ]),
    "a fixed field again": ("fixed-field", lambda p: [
        edit(p.pk, past_of(p), registered_on=1_789_000_000_001),
    ]),
    "central's list": ("owned-by-central", lambda p: [Part("areas", {"name": "Elsewhere"})]),
    "a new record with a past": ("broken-save", lambda p: [replace_past(patient(), past_of(p))]),
    "a tombstone that is neither yes nor no": ("wrong-type", lambda p: [
        edit(p.pk, past_of(p), _gone="perhaps"),
    ]),
    "the second part bad": ("unknown-code", lambda p: [patient("Zoë"), patient(sex="?")]),
}  # fmt: skip


def past_of(row: Patient) -> Past:
    from sync.versions import past_of as past

    return past(row)


def replace_past(part: Part, past: Past) -> Part:
    return replace(part, past=past)


@pytest.mark.parametrize("case", BAD)
def test_one_bad_save_waits_for_a_person_and_all_others_flow(world: World, case: str) -> None:
    code, make = BAD[case]
    here, other = world.clinics
    first = register(world, here, "Ana")
    with world.at(here):
        bad = slip_in(here, *make(first))
    last = register(world, here, "José")
    run = world.sync(here)[0]
    assert (run.outcome, run.reason, run.digests) == ("done", "", "equal")
    assert world.unsent(here) == 0
    assert shown_at(world, world.central, first.pk)
    assert shown_at(world, world.central, last.pk)
    for site in (world.central, here):
        assert asides(world, site) == [(bad[0].seq, "quarantined", code)]
    with world.at(here):
        told = status()
        assert (told["unsent"], told["quarantined"], told["up_to_date"]) == (0, 1, False)
    with world.at(world.central):
        standing = Aside.objects.get()
        assert len(standing.sentence) > 10
        assert standing.sentence.endswith(".")
        states = dict(ChangeRow.objects.filter(seq__gte=bad[0].seq).values_list("seq", "state"))
        assert {states[change.seq] for change in bad} == {ChangeRow.State.QUARANTINED}
        assert all(walk.holds for walk in verify_log())
    world.sync(other)
    assert set(world.shown(other)["patients"]) == {first.pk, last.pk}
    assert world.digests(other) == world.digests(world.central)


def test_a_save_whose_parts_do_not_fit_is_set_aside_at_once(world: World) -> None:
    """Its end never came and cannot come any more; waiting for it would be waiting for ever."""
    here = world.clinics[0]
    with world.at(here):
        broken = slip_in(here, Part("patients", {"registered_on": 1}, altered={"last": False}))
        headless = slip_in(here, Part("patients", {"registered_on": 1}, altered={"ordinal": 3}))
    good = register(world, here)
    assert world.sync(here)[0].outcome == "done"
    assert asides(world, world.central) == [
        (broken[0].seq, "quarantined", "broken-save"),
        (headless[0].seq, "quarantined", "broken-save"),
    ]
    assert shown_at(world, world.central, good.pk)


def test_an_unfinished_save_is_broken_when_the_next_batch_brings_another(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        broken = slip_in(here, Part("patients", {"registered_on": 1}, altered={"last": False}))
        assert make_run(pace=Pace(fixed_changes=1)).outcome == "done"
    assert asides(world, world.central) == [(broken[0].seq, "held", "incomplete")]
    good = register(world, here)
    world.sync(here, rounds=2)
    for site in (world.central, here):
        assert asides(world, site) == [(broken[0].seq, "quarantined", "broken-save")]
    assert shown_at(world, world.central, good.pk)


def test_a_clinic_whose_clock_was_never_set_sends_all_the_same(world: World) -> None:
    """A dead battery boots in 1970: the known offset does not fit in 32 bits."""
    here = world.clinics[0]
    here.clock_error_ms = -world.now_ms + 1_000
    world.sync(here)
    row = register(world, here)
    world.sync(here)
    assert asides(world, world.central) == []
    assert shown_at(world, world.central, row.pk)
    with world.at(world.central):
        assert Patient.objects.get().made_offset == pytest.approx(-here.clock_error_ms, abs=60_000)


# --- what one save takes along ---------------------------------------------------------------------------


@pytest.fixture
def poisoned(world: World) -> dict[str, Any]:
    """300 changes: #120 breaks a rule, #121–125 are its children, #200 has a code nobody knows."""
    here = world.clinics[0]
    with world.at(here):
        for seq in range(1, 301):
            if seq == 120:
                save = new_save_id(here.node.wall(), here.node.rng)
                parent = derive_id(save, 0)
                slip_in(here, patient("Ana" * 100), save_id=save)
            elif 121 <= seq <= 124:
                slip_in(here, card(parent, f"P-{seq}"))
            elif seq == 125:
                slip_in(here, edit(parent, Past({here.replica: 120}), given_name="Ana", sex="female"))
            elif seq == 200:
                slip_in(here, patient(sex="unheard of"))
            else:
                slip_in(here, patient(f"N{seq}"))
        run = make_run(pace=Pace(fixed_changes=50))
    return {"here": here, "parent": parent, "run": run}


def test_poison_stops_nothing_but_itself_and_its_children(world: World, poisoned: dict[str, Any]) -> None:
    here, run = poisoned["here"], poisoned["run"]
    assert (run.outcome, run.sent, run.to_send) == ("done", 300, 300)
    assert world.unsent(here) == 0
    expected = [
        (120, "quarantined", "too-long"),
        *((seq, "held", "after-aside") for seq in range(121, 126)),
        (200, "quarantined", "unknown-code"),
    ]
    assert asides(world, world.central) == asides(world, here) == expected
    with world.at(world.central):
        assert all(aside.sentence.endswith(".") and " " in aside.sentence for aside in Aside.objects.all())
        assert Patient.objects.count() == 300 - 7
        assert ChangeRow.objects.filter(replica__uuid=here.replica).count() == 300
    with world.at(here):
        told = status()
        assert (told["unsent"], told["quarantined"], told["held"]) == (0, 2, 5)


def test_the_queue_goes_on_the_next_day(world: World, poisoned: dict[str, Any]) -> None:
    here = poisoned["here"]
    world.advance(86_400_000)
    later = register(world, here, "the next day")
    run = world.sync(here)[0]
    assert (run.outcome, run.sent) == ("done", 1)
    assert shown_at(world, world.central, later.pk)
    assert len(asides(world, here)) == 7


def test_when_the_cause_is_mended_the_children_follow_in_order(
    world: World, poisoned: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, parent = poisoned["here"], poisoned["parent"]
    applied: list[int] = []
    alone = intake._apply_alone

    def watched(batch: Any, part: Any) -> None:
        applied.extend(change.seq for change in part.changes)
        alone(batch, part)

    monkeypatch.setattr(intake, "_apply_alone", watched)
    by = Author(uuid4())
    with world.at(world.central):
        assert not release(by=by, aside=Aside.objects.get(seq_from=120))
        with names_may_be_longer():
            assert release(by=by, aside=Aside.objects.get(seq_from=120))
            assert not release(by=by, aside=Aside.objects.get(seq_from=200))
        there = Patient.objects.get(pk=parent)
        assert (there.given_name, there.sex) == ("Ana", "female")
        assert Identifier.objects.filter(patient=parent).count() == 4
    assert applied == [120, 121, 122, 123, 124, 125]
    assert asides(world, world.central) == [(200, "quarantined", "unknown-code")]
    run = world.sync(here)[0]
    assert run.outcome == "done"
    assert asides(world, here) == [(200, "quarantined", "unknown-code")]


@contextmanager
def names_may_be_longer() -> Iterator[None]:
    """Central's next version has room for what was too long."""
    known = table_of(Patient)._known
    column, codec = known["given_name"]
    known["given_name"] = column, Codec(str, lambda value: str(value)[:100])
    object.__setattr__(column, "codec", known["given_name"][1])
    try:
        yield
    finally:
        known["given_name"] = column, codec
        object.__setattr__(column, "codec", codec)


def test_a_failure_of_the_database_is_not_held_against_a_save(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadlock or a lost connection says nothing about what was sent: it comes again."""
    here = world.clinics[0]
    row = register(world, here)
    settle = apply.settle

    def unlucky(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(intake, "settle", unlucky)
    with pytest.raises(OperationalError):
        world.sync(here)
    assert world.unsent(here) == 1
    assert asides(world, world.central) == []
    monkeypatch.setattr(intake, "settle", settle)
    world.sync(here)
    assert shown_at(world, world.central, row.pk)


@pytest.mark.parametrize(
    "error", [DataError("too large"), ValueError("no"), KeyError("program"), OverflowError()]
)
def test_what_only_the_database_or_a_room_refuses_is_set_aside_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    here = world.clinics[0]
    rows = [register(world, here, name) for name in ("Ana", "poison", "José")]
    settle = apply.settle

    def picky(arrivals: Any, **kwargs: Any) -> Any:
        if any(arrival.fields.get("given_name") == "poison" for arrival in arrivals):
            raise error
        return settle(arrivals, **kwargs)

    monkeypatch.setattr(intake, "settle", picky)
    assert world.sync(here)[0].outcome == "done"
    assert asides(world, world.central) == [(2, "quarantined", "not-storable")]
    assert [shown_at(world, world.central, row.pk) is not None for row in rows] == [True, False, True]


# --- held ------------------------------------------------------------------------------------------------


def test_a_child_waits_for_a_parent_made_elsewhere_and_is_released_by_its_arrival(world: World) -> None:
    one, two = world.clinics
    parent = register(world, one, "Ana")
    with world.at(two):  # the parent reached the second clinic on a stick, not yet central
        child = slip_in(two, card(parent.pk))[0]
    world.sync(two)
    assert asides(world, world.central) == asides(world, two) == [(1, "held", "missing-parent")]
    assert world.unsent(two) == 0
    world.advance(86_400_000)
    with world.at(two):
        assert status()["held"] == 1
    with world.at(world.central):
        assert world.now_ms - Aside.objects.get().since >= 86_400_000
    world.sync(one)
    assert asides(world, world.central) == []
    with world.at(world.central):
        assert Identifier.objects.get(pk=child.record_id).patient_id == parent.pk
    world.sync(rounds=2)
    assert asides(world, two) == []
    assert world.digests(one) == world.digests(two) == world.digests(world.central)


def test_a_change_to_a_record_that_central_lacks_waits_for_it(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    with world.at(one):
        carried = record_of(table_of(Patient), Patient.objects.get(pk=row.pk))
    with world.at(two):  # the record reached the second clinic on a stick
        apply_page([carried], {})
        with recording(by=world.author(two)) as save:
            save.edit(Patient.objects.get(pk=row.pk), {"phone": "555"})
    world.sync(two)
    assert asides(world, world.central) == [(1, "held", "missing-record")]
    world.sync(one, two, one)
    assert asides(world, world.central) == []
    assert {site.name: shown_at(world, site, row.pk)["phone"] for site in (one, two, world.central)} == {
        "clinic 1": "555", "clinic 2": "555", "central": "555",
    }  # fmt: skip


def test_a_past_that_central_has_not_seen_is_held_never_believed(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    with world.at(one), recording(by=world.author(one)) as save:
        save.edit(Patient.objects.get(pk=row.pk), {"phone": "one"})
    with world.at(two):
        slip_in(two, edit(row.pk, Past({one.replica: 2}), phone="two"))
        slip_in(two, edit(row.pk, Past({one.replica: 2, two.replica: 1}), sex="male"))
        slip_in(two, edit(row.pk, Past({two.replica: 99}), sex="other"))
    world.sync(two)
    assert [code for _seq, _state, code in asides(world, world.central)] == [
        "unseen-past", "after-aside", "after-aside",
    ]  # fmt: skip
    assert shown_at(world, world.central, row.pk)["phone"] == ""
    world.sync(one)
    assert asides(world, world.central) == [(3, "held", "unseen-past")]
    there = shown_at(world, world.central, row.pk)
    assert (there["phone"], there["sex"]) == ("two", "male")


def test_a_save_cut_by_a_batch_waits_for_its_rest(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        with recording(by=world.author(here)) as save:
            row = save.add(Patient, given_name="Ana", registered_on=here.node.now())
            for number in range(5):
                save.add(Identifier, patient=row, system="passport", value=f"P{number}")
        link = here.link
        assert link is not None
        seen: list[tuple[int, int]] = []
        true_send = link.send

        def watched(wire: Any, *, patience: float) -> Any:
            reply = true_send(wire, patience=patience)
            if wire.url.endswith("changes"):
                with world.at(world.central):
                    seen.append((Patient.objects.count(), Aside.objects.count()))
            return reply

        link.send = watched  # type: ignore[method-assign]
        run = make_run(pace=Pace(fixed_changes=2))
        assert (run.outcome, run.digests) == ("done", "equal")
        assert seen == [(0, 1), (0, 1), (1, 0)]
        assert [receipt.seq_to for receipt in ReceiptRow.objects.order_by("seq_to")] == [2, 4, 6]
        assert status()["held"] == 0  # at once, not only after the next hello
    assert world.digests(here) == world.digests(world.central)
    with world.at(world.central):
        assert Identifier.objects.count() == 5


def test_the_parts_of_a_cut_save_count_as_received_when_each_was(world: World) -> None:
    """The clinic knows it from its receipts; were central to count all from the last one, each would show
    another of two concurrent values where the clinic's clock is ahead.
    """
    here, other = world.clinics
    row = register(world, here)
    world.sync()
    here.clock_error_ms = 3_600_000
    with world.at(here), recording(by=world.author(here)) as save:
        save.edit(Patient.objects.get(pk=row.pk), {"phone": "ahead"})
        save.add(Patient, given_name="second", registered_on=here.node.now())
    link = here.link
    assert link is not None
    true_send = link.send

    def slowly(wire: Any, *, patience: float) -> Any:
        reply = true_send(wire, patience=patience)
        if wire.url.endswith("changes"):
            world.advance(600_000)
        return reply

    link.send = slowly  # type: ignore[method-assign]
    with world.at(here):
        make_run(upload_only=True, pace=Pace(fixed_changes=1))
        firsts = list(ReceiptRow.objects.order_by("seq_from").values_list("received", flat=True))
    world._now -= 900_000  # between the two receipts somebody else wrote
    with world.at(other):
        other.node.clock.reset(0)
        Replica.objects.filter(is_self=True).update(last_stamp=0)
        with recording(by=world.author(other)) as save:
            save.edit(Patient.objects.get(pk=row.pk), {"phone": "between"})
        stamp = logged()[-1].stamp
    assert firsts[1] < stamp < firsts[2]
    world.advance(900_000)
    link.send = true_send  # type: ignore[method-assign]
    world.sync(rounds=3)
    assert {shown_at(world, site, row.pk)["phone"] for site in (here, other, world.central)} == {"between"}


def test_a_held_change_holds_later_ones_of_its_replica_to_the_same_record(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    elsewhere = uuid4()
    with world.at(two):
        slip_in(two, edit(row.pk, Past({one.replica: 1}), village=elsewhere.bytes))
        slip_in(two, edit(row.pk, Past({one.replica: 1, two.replica: 1}), phone="later"))
        free = slip_in(two, patient("free"))[0]
    world.sync(two)
    assert asides(world, world.central) == [(1, "held", "missing-parent"), (2, "held", "after-aside")]
    assert shown_at(world, world.central, row.pk)["phone"] == ""
    assert shown_at(world, world.central, free.record_id)


def test_release_of_saves_from_two_clinics_that_wait_for_each_other(world: World) -> None:
    """A chain across clinics: each arrival frees what it can."""
    one, two = world.clinics
    with world.at(one):
        person = slip_in(one, patient("Ana"))[0]
        slip_in(one, edit(person.record_id, Past({one.replica: 1, two.replica: 2}), phone="1"))
    with world.at(two):
        slip_in(two, card(person.record_id))
        slip_in(two, patient("Zoë"))
    world.sync(two, one)
    assert asides(world, world.central) == []
    assert shown_at(world, world.central, person.record_id)["phone"] == "1"


# --- outcomes and scope ----------------------------------------------------------------------------------


def test_a_receipt_says_of_each_save_what_became_of_it(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    with world.at(two):
        theirs = Patient.objects.get(pk=row.pk)
        token = theirs.version
        with recording(by=world.author(two)) as save:
            save.edit(theirs, {"sex": "male", "phone": "2"})
    world.sync(two)
    with world.at(one):
        for changes in ({"phone": "1"}, {"sex": "female"}, {"given_name": "Anna"}):
            with recording(by=world.author(one)) as save:
                save.edit(Patient.objects.get(pk=row.pk), changes, seen=token if "sex" in changes else None)
        slip_in(one, patient(sex="?"))
        slip_in(one, card(uuid4()))
    talk = Talk(world, one)
    with world.at(one):
        mine = logged(2, 6)
    receipt = talk.receipts(talk.send(talk.batch(mine)))[0]
    assert receipt.outcome_of_each() == ["merged", "conflicted", "merged", "quarantined", "held"]
    assert [(one.save, one.code) for one in map(receipt.problem_of, (3, 4)) if one] == [
        (3, "unknown-code"), (4, "missing-parent"),
    ]  # fmt: skip
    with world.at(world.central):
        assert Conflict.objects.count() == 1


def test_a_subscribed_clinic_writes_only_to_those_it_follows(make_world: Callable[..., World]) -> None:
    """The scope comes from what central knows of the node, whatever the payload says."""
    world = make_world(mode="subscribed")
    one, two = world.clinics
    row = register(world, one)
    mine = register(world, two)
    world.sync()
    assert set(world.shown(two)["patients"]) == {mine.pk}
    before = world.digests(one)
    with world.at(two):
        slip_in(two, card(row.pk, "STOLEN"))
        slip_in(two, edit(row.pk, Past({one.replica: 1}), phone="stolen"))
        slip_in(two, edit(mine.pk, Past({two.replica: 1}), phone="mine"))
    run = world.sync(two)[0]
    assert run.outcome == "done"
    assert [code for _seq, _state, code in asides(world, world.central)] == ["out-of-scope", "out-of-scope"]
    world.sync(one)
    assert world.digests(one) == before
    assert shown_at(world, world.central, mine.pk)["phone"] == "mine"
    with world.at(two):
        sentences = " ".join(Aside.objects.values_list("sentence", flat=True))
        assert "Ana" not in sentences


def test_the_same_work_twice_has_one_effect_whoever_brings_it(world: World) -> None:
    """The whole log again, from the first change on, cut in every way."""
    here = world.clinics[0]
    rows = [register(world, here, f"N{n}") for n in range(6)]
    world.sync(here)
    before = traces(world)
    talk = Talk(world, here)
    with world.at(here):
        mine = logged()
    for first in range(6):
        for last in range(first, 6):
            receipts = talk.receipts(talk.send(talk.batch(mine[first : last + 1])))
            assert [(one.seq_from, one.seq_to) for one in receipts] == [(1, 6)]
    assert traces(world) == before
    assert len(rows) == len(before["shown"]["patients"])


def test_central_keeps_what_it_was_sent_to_the_byte(world: World) -> None:
    here = world.clinics[0]
    register(world, here, "Zoë")
    with world.at(here):
        slip_in(here, patient("A\0"), card(uuid4(), "नंबर"))
    world.sync(here)
    with world.at(here):
        mine = [(bytes(row.body), bytes(row.digest)) for row in ChangeRow.objects.order_by("seq")]
    with world.at(world.central):
        rows = ChangeRow.objects.filter(replica__uuid=here.replica).order_by("seq")
        assert [(bytes(row.body), bytes(row.digest)) for row in rows] == mine
        assert EnrolledNode.objects.get(name=here.name).last_contact is not None


def test_shared_lists_come_from_central_alone(world: World) -> None:
    here = world.clinics[0]
    with world.at(world.central), recording(by=world.author(world.central)) as save:
        area = save.add(Area, name="North", level=1)
    world.sync()
    with world.at(here):
        present = Area.objects.get(pk=area.pk)
        slip_in(here, Part("areas", {"name": "Mine"}, area.pk, Past({world.central.replica: 1})))
        assert present.name == "North"
    world.sync()
    assert asides(world, world.central) == [(1, "quarantined", "owned-by-central")]
    assert world.shown(world.central)["areas"][area.pk]["name"] == "North"


def test_an_upload_that_central_refuses_whole_leaves_the_outbox_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world.clinics[0]
    register(world, here)
    talk = Talk(world, here)
    with world.at(here):
        batch = talk.batch(logged(), created_ms=world.now_ms + 10_000)
    assert problem(talk.send(batch))["code"] == "future-dated"
    assert world.unsent(here) == 1


def test_however_much_is_set_aside_the_clinic_keeps_its_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one hello can list: the clinic knows what central lacks, and no comparison takes it away."""
    here = world.clinics[0]
    monkeypatch.setattr(hello, "ASIDES_PER_HELLO", 20)
    with world.at(here):
        row = register(world, here)
        for number in range(30):
            with recording(by=world.author(here)) as save:
                save.add(Identifier, patient=row, system="posta:number", value=f"AB{number:07}")
    for _ in range(2):
        register(world, here, "another")
        run = world.sync(here)[0]
        assert (run.outcome, run.digests) == ("done", "equal")
        with world.at(here):
            assert (status()["quarantined"], Identifier.objects.count()) == (30, 30)
    with world.at(world.central):
        Aside.objects.filter(seq_from__lte=11).delete()  # ten of them a person has settled
    world.sync(here)
    with world.at(here):
        assert status()["quarantined"] == 20


def test_a_save_that_was_cut_and_then_refused_stays_whole_at_its_clinic(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        with recording(by=world.author(here)) as save:
            row = save.add(Patient, given_name="Ana", registered_on=here.node.now())
            save.add(Identifier, patient=row, system="passport", value="P1")
            save.add(Identifier, patient=row, system="posta:number", value="AB0000000")
        run = make_run(pace=Pace(fixed_changes=1))
        assert (run.outcome, run.digests) == ("done", "equal")
        assert (Patient.objects.count(), Identifier.objects.count()) == (1, 2)
    assert asides(world, here) == asides(world, world.central) == [(1, "quarantined", "not-a-number")]


def test_what_hangs_on_a_save_that_cannot_be_stored_waits_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world.clinics[0]
    poison = register(world, here, "poison")
    with world.at(here), recording(by=world.author(here)) as save:
        child = save.add(Identifier, patient=poison, system="passport", value="P1")
    other = register(world, here, "other")
    settle = apply.settle

    def picky(arrivals: Any, **kwargs: Any) -> Any:
        if any(arrival.fields.get("given_name") == "poison" for arrival in arrivals):
            raise DataError("too large")
        return settle(arrivals, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(intake, "settle", picky)
        world.sync(here)
    assert asides(world, world.central) == [(1, "quarantined", "not-storable"), (2, "held", "after-aside")]
    assert set(world.shown(world.central)["patients"]) == {other.pk}
    with world.at(world.central):
        assert release(by=Author(uuid4()), aside=Aside.objects.get(seq_from=1))
        assert Identifier.objects.get().pk == child.pk


# --- many at once ----------------------------------------------------------------------------------------


def test_releasing_a_held_save_does_not_lock_out_somebody_who_works_at_central(world: World) -> None:
    """Records are locked before counters, everywhere: a batch that holds the counters waits for no record."""
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    with world.at(two):
        slip_in(two, edit(row.pk, Past({one.replica: 2}), family_name="held"))
    world.sync(two)
    assert asides(world, world.central) == [(1, "held", "unseen-past")]
    editing, failures = threading.Event(), list[BaseException]()

    def at_the_office() -> None:
        try:
            with in_a_thread(world, world.central), recording(by=Author(None, "office")) as save:
                save.edit(Patient.objects.get(pk=row.pk), {"sex": "female"})
                editing.set()
                time.sleep(1.5)
        except BaseException as error:
            failures.append(error)
        finally:
            editing.set()

    office = threading.Thread(target=at_the_office)
    office.start()
    editing.wait(10)
    with world.at(one), recording(by=world.author(one)) as save:
        save.add(Patient, given_name="another", registered_on=one.node.now())
    run = world.sync(one)[0]
    office.join(20)
    assert (failures, run.outcome) == ([], "done")
    assert asides(world, world.central) == []
    there = shown_at(world, world.central, row.pk)
    assert (there["family_name"], there["sex"]) == ("held", "female")


@contextmanager
def in_a_thread(world: World, site: Site) -> Iterator[None]:
    """As that site, with a connection of this thread's own."""
    connection = backend_for(site.connection.settings_dict)
    before = connections["default"]
    connections["default"] = connection
    try:
        with acting_as(site.node):
            yield
    finally:
        connection.close()
        connections["default"] = before


def test_what_was_held_while_its_parent_arrived_is_found_by_a_later_hello(world: World) -> None:
    """Two batches at the same time: neither sees the other, and nothing else would ever wake the one that
    waits.
    """
    one, two = world.clinics
    row = register(world, one)
    with world.at(two):
        slip_in(two, card(row.pk))
    world.sync(two)
    held = traces(world)["asides"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(intake, "release", lambda keys: 0)  # central stops between the commit and the release
        world.sync(one)
    assert traces(world)["asides"] == held == [(1, "missing-parent", "held")]
    world.sync(two)
    assert asides(world, world.central) == asides(world, two) == []
    with world.at(world.central):
        assert Identifier.objects.count() == 1
