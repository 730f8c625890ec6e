"""Two copies of a laptop that write under one name, while batches travel close behind one another: once a
batch is refused as a fork, nothing that was sent behind it may be taken for its continuation.

Not here: copies that sync one after the other (`test_identity.py`), early batches of one laptop
(`test_early.py`).
"""

from __future__ import annotations

import pytest

from registry.people.models import Patient
from tests.sync.test_early import at_central, events, register, run_at, two_in_flight
from tests.sync.test_identity import cloned
from tests.world import Site, World


@pytest.fixture
def copied(world: World) -> tuple[World, Site, Site]:
    """A laptop that has sent five changes more since a copy of it was made, and the copy with twelve."""
    here = world.clinics[0]
    world.sync(here)
    copy = cloned(world, here, "copy")
    register(world, here, 5, "laptop")
    world.sync(here)
    register(world, copy, 12, "copy")
    return world, here, copy


@pytest.mark.parametrize("hello_first", [True, False])
@pytest.mark.parametrize("each", [4, 5, 6])
def test_what_goes_ahead_of_hello_never_continues_another_copys_chain(
    copied: tuple[World, Site, Site], each: int, hello_first: bool
) -> None:
    """F2: the copy's token is the last but one, and its batch ends just where central's log of the laptop
    does.
    """
    world, here, copy = copied
    with pytest.MonkeyPatch.context() as patch, two_in_flight(patch, copy, hello_first=hello_first):
        run = run_at(world, copy, each)
    assert run.outcome == "failed"
    assert world.unsent(copy) == 12
    assert at_central(world, here) == 5
    assert "fork" in events(world, world.central)
    with world.at(world.central):
        assert not Patient.objects.filter(given_name="copy").exists()
    register(world, here, 1, "laptop")
    assert run_at(world, here).outcome == "done"
    assert world.digests(here) == world.digests(world.central)
