"""A clinic and a central with a real connection between them that goes wrong: TLS, HTTP/2, time-outs.

The clinic is a site of the test world, in this process; central is the web server on the files of the world's
central. Not here: links that fail in the world itself (`tests/sync/test_links.py`), how fast it is
(`tests/bench/`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from deploy.certificates import issue, make_ca
from registry.people.models import Patient
from sync.carriers.http import HttpCarrier, LinkBroke, Then
from sync.carriers.server import Reply
from sync.carriers.signing import Wire
from sync.conversation import probe
from sync.ledger.models import Change, Replica
from sync.ledger.recording import recording
from sync.pace import Pace
from sync.run import make_run
from sync.vault.keys import pin, pinned
from tests.bench.nodes import Bench
from tests.link import ThinLink
from tests.world import Site, World

pytestmark = [
    pytest.mark.system,
    pytest.mark.once,
    pytest.mark.skipif(
        os.environ.get("POSTA_TEST_ENGINE") == "postgres", reason="the server is given central's files"
    ),
]
PEOPLE = 100


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is bearable for so many seconds only."""
    monkeypatch.setattr(Pace, "patience", lambda _pace, _size: 6.0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What became of every request, as the carrier saw it."""
    said: list[str] = []
    send = HttpCarrier.send

    def heard(carrier: HttpCarrier, wire: Wire, *, patience: float, then: Then | None = None) -> Reply:
        door = wire.url.rsplit("/", 1)[-1]
        try:
            reply = send(carrier, wire, patience=patience, then=then)
        except LinkBroke as error:
            said.append(f"{door}: {str(error).partition(':')[0]}")
            raise
        said.append(f"{door}: {reply.status}")
        return reply

    monkeypatch.setattr(HttpCarrier, "send", heard)
    return said


def ready(world: World) -> Site:
    """A clinic whose last run ended well, with a hundred people to send, and central's files closed."""
    here = world.clinics[0]
    world.advance(int(time.time() * 1000) - world.now_ms)
    world.sync(here)
    with world.at(here):
        for _ in range(PEOPLE):
            name = here.node.rng.randbytes(25).hex()  # nothing that packing could make small
            with recording(by=world.author(here)) as save:
                save.add(Patient, given_name=name, registered_on=here.node.now())
    make_ca(world.directory / "ca")
    issue(world.directory / "ca", world.central.node.data_dir / "keys")
    world.central.connection.close()
    world.central.node.marks.close()
    return here


def central_has(world: World, here: Site) -> tuple[int, int]:
    """Changes of that clinic in central's log, and people there."""
    with world.at(world.central):
        changes = Change.objects.filter(replica__uuid=here.replica).count()
        return changes, Patient.objects.count()


def test_a_swallowed_answer_is_waited_for_in_vain_and_nothing_goes_twice(
    make_world: Callable[..., World], impatient: None, told: list[str]
) -> None:
    world = make_world(clinics=1)
    here = ready(world)
    bench = Bench(home=world.directory)
    with bench.central(world.central.node.data_dir) as server:
        link = ThinLink(("127.0.0.1", server.port), kbit=400, rtt_ms=40, outage="hole", lose_answers=1)
        with link as thin, world.at(here):
            known = pinned()
            assert known is not None
            ca = world.directory / "ca" / "ca.pem"
            pin(replace(known, url=f"https://localhost:{thin.port}", ca_file=str(ca)))
            del here.node.kept["carrier"]
            assert (probe(), told.pop(), link.counters.lost_answers) == ("up", "hello: 200", 0)
            first = make_run("test")
            assert (first.outcome, link.counters.lost_answers) == ("failed", 1)
            assert told == ["hello: ReadTimeout"]
            assert (world.unsent(here), central_has(world, here)) == (PEOPLE, (PEOPLE, PEOPLE))
            sent = link.counters.up.taken
            second = make_run("test", upload_only=True)
            replica = Replica.objects.get(is_self=True)
    assert (second.outcome, replica.head_seq - replica.acked_seq) == ("done", 0)
    assert told[1:] == ["hello: 200"]
    assert link.counters.up.taken - sent < sent / 2
    assert central_has(world, here) == (PEOPLE, PEOPLE)
