"""One bad save among many: what it takes along, what flows past it, and what follows when it is mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import DataError, OperationalError

from registry.people.models import Identifier, Patient
from sync import apply, saves
from sync import release as release_again
from sync.codecs import Codec
from sync.core.merge import Past
from sync.core.protocol import derive_id, new_save_id
from sync.ledger.models import Change as ChangeRow
from sync.ledger.recording import Author, recording
from sync.pace import Pace
from sync.review.models import Aside
from sync.review.services import release
from sync.run import make_run
from sync.status import status
from sync.tables import table_of
from tests.sync.forge import card, edit, patient, slip_in
from tests.sync.looking import asides, register, shown_at
from tests.world import World

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
    """B4: all others are receipted in the same run."""
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
    """B4: nothing stands behind the poison."""
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
    """B4: the children are released in order, and nothing else."""
    here, parent = poisoned["here"], poisoned["parent"]
    applied: list[int] = []
    alone = saves.apply_alone

    def watched(batch: Any, part: Any) -> None:
        applied.extend(change.seq for change in part.changes)
        alone(batch, part)

    monkeypatch.setattr(release_again, "apply_alone", watched)
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

    monkeypatch.setattr(saves, "settle", unlucky)
    with pytest.raises(OperationalError):
        world.sync(here)
    assert world.unsent(here) == 1
    assert asides(world, world.central) == []
    monkeypatch.setattr(saves, "settle", settle)
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

    monkeypatch.setattr(saves, "settle", picky)
    assert world.sync(here)[0].outcome == "done"
    assert asides(world, world.central) == [(2, "quarantined", "not-storable")]
    assert [shown_at(world, world.central, row.pk) is not None for row in rows] == [True, False, True]


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
        patched.setattr(saves, "settle", picky)
        world.sync(here)
    assert asides(world, world.central) == [(1, "quarantined", "not-storable"), (2, "held", "after-aside")]
    assert set(world.shown(world.central)["patients"]) == {other.pk}
    with world.at(world.central):
        assert release(by=Author(uuid4()), aside=Aside.objects.get(seq_from=1))
        assert Identifier.objects.get().pk == child.pk
