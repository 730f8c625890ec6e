"""What a run may say of both sides: it compares what it has just sent, and says so only of what it compared.

Not here: repairs after a download (`test_download.py`), the hash itself (`core/test_digest.py`).
"""

from __future__ import annotations

import pytest
from django.db import connection

from registry.people.models import Patient
from sync import compare
from sync.carriers.server import Reply
from sync.carriers.signing import Wire
from sync.ledger.recording import recording
from sync.records import door
from tests.sync.looking import register
from tests.world import World


def test_what_was_just_sent_is_compared_in_the_same_run(world: World) -> None:
    here, there = world.clinics
    register(world, here)
    with world.at(here), door(), connection.cursor() as cursor:
        cursor.execute("UPDATE people_patient SET given_name = 'Eve'")
    assert world.sync(here)[0].digests == "repaired"
    world.sync(there)
    assert world.digests(here) == world.digests(there) == world.digests(world.central)


def test_what_was_just_sent_and_is_right_is_equal(world: World) -> None:
    here = world.clinics[0]
    register(world, here)
    assert [run.digests for run in world.sync(here, rounds=2)] == ["equal", ""]


def test_nothing_is_called_equal_that_could_not_be_compared(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A colleague's clinic sends while both sides are about to count."""
    here, there = world.clinics
    register(world, here)
    world.sync(here)
    link = here.link
    assert link is not None
    true_send = link.send

    def meanwhile(wire: Wire, *, patience: float) -> Reply:
        if wire.url.endswith("digests"):
            link.send = true_send  # type: ignore[method-assign]
            edit_there()
        return true_send(wire, patience=patience)

    def edit_there() -> None:
        with world.at(there), recording(by=world.author(there)) as save:
            save.edit(Patient.objects.get(), {"phone": "5"})
        world.sync(there)

    world.sync(there)
    monkeypatch.setattr(compare, "MOST_IGNORED", 0)
    register(world, here, "Eva")
    link.send = meanwhile  # type: ignore[method-assign]
    assert world.sync(here)[0].digests == "later"
    monkeypatch.undo()
    assert world.sync(here)[0].digests == "equal"
