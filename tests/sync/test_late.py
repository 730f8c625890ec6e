"""What comes late: an answer that others have overtaken, a clock that was put right in the middle, a link
that breaks just after hello. Nothing that is known by then is forgotten for it.

Not here: answers that never come (`test_links.py`), batches that come early (`test_early.py`).
"""

from __future__ import annotations

import pytest

from sync.carriers.http import LinkBroke
from sync.carriers.server import Reply
from sync.carriers.signing import Wire
from sync.conversation import open_session, probe, say_hello
from sync.crash import install_hook
from sync.models import SyncRun
from sync.run import make_run
from tests.sync.forge import patient, slip_in
from tests.sync.looking import asides, register
from tests.sync.test_early import register as register_some
from tests.sync.test_early import run_at, two_in_flight
from tests.sync.test_links import Send, between, is_for
from tests.sync.test_machine import PowerCut
from tests.world import World

YEAR_MS = 366 * 86_400_000


def test_an_answer_to_hello_that_others_overtook_forgets_nothing_that_is_set_aside(world: World) -> None:
    """A probe waits for its answer while a run goes through: central set a save aside only after it had
    answered the probe. The record stays where it was written.
    """
    here = world.clinics[0]
    world.sync(here)
    overtaken: list[SyncRun] = []

    def slow(wire: Wire, on: Send) -> Reply:
        reply = on()
        if not overtaken:
            overtaken.append(SyncRun())
            with world.at(here):
                slip_in(here, patient("Ana", sex="?"))
            overtaken[0] = make_run()
        return reply

    with between(here, slow), world.at(here):
        assert probe() == "up"
    assert overtaken[0].outcome == "done"
    assert asides(world, world.central) == asides(world, here) == [(1, "quarantined", "unknown-code")]


def test_answers_that_others_overtook_lock_nobody_out(world: World) -> None:
    """The token of a late answer is not the newest; a laptop that kept it would be taken for a copy."""
    here = world.clinics[0]
    world.sync(here)
    overtaken: list[str] = []

    def slow(wire: Wire, on: Send) -> Reply:
        reply = on()
        if not overtaken:
            overtaken.append("")
            overtaken.extend(probe() for _ in range(4))
        return reply

    with between(here, slow), world.at(here):
        say_hello(open_session())
        assert overtaken[1:] == ["up"] * 4
        assert probe() == "up"


def test_a_run_that_died_under_a_wrong_clock_does_not_hold_the_lease_for_a_year(world: World) -> None:
    """E1: the power fails in the middle of a run; then somebody puts the clock right."""
    here = world.clinics[0]
    register(world, here)
    here.clock_error_ms = YEAR_MS

    def cut(point: str) -> None:
        if point == "upload.before-send":
            raise PowerCut

    install_hook(cut)
    try:
        with world.at(here), pytest.MonkeyPatch.context() as patch:
            patch.setattr("sync.run._finish", lambda *_: None)  # a dead process writes nothing any more
            with pytest.raises(PowerCut):
                make_run()
    finally:
        install_hook(None)
    here.clock_error_ms = 0
    assert world.sync(here)[0].outcome == "done"
    assert world.unsent(here) == 0
    with world.at(here):
        assert not SyncRun.objects.filter(outcome=SyncRun.Outcome.RUNNING).exists()


@pytest.mark.parametrize("back_ms", [10_000, 600_000])
def test_what_goes_ahead_survives_that_central_puts_its_clock_back(
    world: World, monkeypatch: pytest.MonkeyPatch, back_ms: int
) -> None:
    """E5: it is dated with the time that the last hello told."""
    here = world.clinics[0]
    world.sync(here)
    register_some(world, here, 12)
    world.central.clock_error_ms = -back_ms
    with two_in_flight(monkeypatch, here):
        run = run_at(world, here, 5)
    assert (run.outcome, run.sent, world.unsent(here)) == ("done", 12, 0)


def test_a_run_goes_on_when_central_puts_its_clock_back_in_the_middle(world: World) -> None:
    here = world.clinics[0]
    here.node.kept["tries"] = 2
    register_some(world, here, 12)

    def steps_back(wire: Wire, on: Send) -> Reply:
        if is_for(wire, "changes"):
            world.central.clock_error_ms = -600_000
        return on()

    with between(here, steps_back):
        run = run_at(world, here, 5)
    assert (run.outcome, run.sent, world.unsent(here)) == ("done", 12, 0)


def test_what_went_with_hello_counts_though_the_link_breaks_right_after(world: World) -> None:
    """The run says how much it sent, and compares because it sent something."""
    here = world.clinics[0]
    here.node.kept["tries"] = 2
    world.sync(here, rounds=2)
    register_some(world, here, 12)
    broken: list[str] = []

    def breaks(wire: Wire, on: Send) -> Reply:
        if not is_for(wire, "hello") and not broken:
            broken.append(wire.url)
            raise LinkBroke("cut")
        return on()

    with between(here, breaks):
        run = run_at(world, here)
    assert broken
    assert (run.outcome, run.sent, run.to_send, run.digests) == ("done", 12, 12, "equal")
