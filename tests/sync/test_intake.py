"""What becomes of a batch that central believes: good saves flow, a bad one waits with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from registry.people.models import Identifier, Patient
from registry.places.models import Area
from sync import hello
from sync.core.merge import Past
from sync.ledger.models import Change as ChangeRow
from sync.ledger.recording import recording
from sync.ledger.verify import verify_log
from sync.models import EnrolledNode
from sync.pace import Pace
from sync.review.models import Aside, Conflict
from sync.run import make_run
from sync.status import status
from tests.sync.forge import Part, Talk, card, edit, logged, patient, problem, slip_in, traces
from tests.sync.looking import asides, register, shown_at
from tests.world import World

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
