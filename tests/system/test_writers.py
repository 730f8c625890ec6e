"""C1: eight writers at central, one of them holding its transaction open, while a clinic reads the feed.

Every writer is a thread with a connection of its own: half of them save through the one door, half bring a
clinic's batch, and each rolls back now and then. The reader does what a clinic does, and after every page it
is asked whether anything has become visible behind its cursor. With PostgreSQL under test central stands on
PostgreSQL; otherwise the same is asked of the embedded engine, where one writer at a time has the file.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction

from registry.people.models import Patient
from sync.core.merge import Past
from sync.core.protocol import Change, derive_id, new_save_id
from sync.feed.pages import Reader, gates, page_for
from sync.intake import _take_in_fresh
from sync.ledger.models import Replica
from sync.ledger.recording import Author, recording
from sync.ledger.replicas import introduce
from sync.models import EnrolledNode
from sync.node import acting_as
from sync.saves import Batch
from tests.world import Site, World, backend_for

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)
WRITERS = 8
Holds = Literal["its place in the feed", "its rows"]


class Office:
    """Writers at central: those with an odd number save, those with an even one bring a clinic's batch."""

    def __init__(self, world: World) -> None:
        self.world, self.node = world, world.central.node
        self.expected: set[UUID] = set()
        self.rolled_back: set[UUID] = set()
        self.failures: list[BaseException] = []
        self.lock = threading.Lock()
        self.closing, self.holding, self.let_go = threading.Event(), threading.Event(), threading.Event()
        self.threads = [self._thread(self._write, number) for number in range(WRITERS)]
        self.bringers = dict(self._enrol())

    def _thread(self, work: Callable[..., None], *args: object) -> threading.Thread:
        def connected() -> None:
            try:
                with self.connected():
                    work(*args)
            except BaseException as error:
                self.failures.append(error)

        return threading.Thread(target=connected)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """As central, in this thread, with a connection of its own."""
        connection = backend_for(self.world.central.connection.settings_dict)
        before = connections["default"]
        connections["default"] = connection
        try:
            with acting_as(self.node):
                yield
        finally:
            connection.close()
            connections["default"] = before

    def _enrol(self) -> Iterator[tuple[int, tuple[UUID, EnrolledNode]]]:
        with self.world.at(self.world.central):
            for number in range(0, WRITERS, 2):
                node = EnrolledNode.objects.create(name=f"bringer {number}", joined_at=1, mode="everything")
                replica = introduce(uuid4(), node_uuid=node.uuid, node_name=node.name)
                yield number, (replica.uuid, node)

    def _write(self, number: int) -> None:
        chance = random.Random(number)
        while not self.closing.is_set():
            try:
                made = self._save(number, chance) if number % 2 else self._bring(number, chance)
            except LookupError:
                continue  # rolled back on purpose
            with self.lock:
                self.expected |= made
            time.sleep(chance.random() * 0.01)

    def _save(self, number: int, chance: random.Random) -> set[UUID]:
        """Through the one door."""
        with recording(by=Author(None, "office")) as save:
            row = save.add(Patient, given_name=f"{number}", registered_on=NOON)
            self._perhaps_not({row.pk}, chance)
        return {row.pk}

    def _bring(self, number: int, chance: random.Random) -> set[UUID]:
        """As a clinic's batch: it locks its own replica only, so the gates alone put it in order."""
        replica_uuid, node = self.bringers[number]
        with transaction.atomic():
            replica = Replica.objects.select_for_update().get(uuid=replica_uuid)
            changes = brought(replica, f"{number}", chance)
            made = {change.record_id for change in changes}
            _take_in_fresh(Batch(node, replica, 1 << 16, bytes(32), changes))
            self._perhaps_not(made, chance)
        return made

    def _perhaps_not(self, made: set[UUID], chance: random.Random) -> None:
        if chance.random() < 0.2:
            with self.lock:
                self.rolled_back |= made
            raise LookupError

    def holder(self, holds: Holds, seconds: float) -> threading.Thread:
        """One more writer, whose transaction stays open."""
        return self._thread(self._hold, holds, seconds)

    def _hold(self, holds: Holds, seconds: float) -> None:
        try:
            with recording(by=Author(None, "slow")) as save:
                row = save.add(Patient, given_name="slow", registered_on=NOON)
                if holds == "its place in the feed":
                    save._take_positions()
                self.holding.set()
                self.let_go.wait(seconds)
            with self.lock:
                self.expected.add(row.pk)
        finally:
            self.holding.set()


def brought(replica: Replica, name: str, chance: random.Random) -> list[Change]:
    """A save of three people."""
    save = new_save_id(1_790_000_000_000, chance)
    return [
        Change(
            replica=replica.uuid,
            seq=replica.head_seq + 1 + place,
            save_id=save,
            ordinal=place,
            last=place == 2,
            table="patients",
            record_id=derive_id(save, place),
            stamp=1_790_000_000_000 << 16,
            author=None,
            device="",
            clock_offset_ms=0,
            schema=1,
            past=Past(),
            fields={"given_name": f"{name}-{place}", "registered_on": 1_790_000_000_000},
        )
        for place in range(3)
    ]


class Watcher:
    """A clinic that reads on and on, and is asked after each page what has appeared behind it."""

    def __init__(self, world: World, site: Site) -> None:
        self.world = world
        self.cursors = {"patients": 0}
        self.got: list[UUID] = []
        self.rounds_while_held = 0
        with world.at(world.central):
            replica = Replica.objects.get(uuid=site.replica)
            node = EnrolledNode.objects.get(pk=str(replica.node_uuid))
            self.reader = Reader(node, replica.number)

    def read_on(self) -> None:
        """The gates first, then pages up to them; the cursor moves as it is told."""
        with self.world.at(self.world.central):
            bounds = {name: (gate[0], gate[2]) for name, gate in gates().items() if name == "patients"}
            more = bool(bounds)
            while more:
                with transaction.atomic():
                    page = page_for(self.reader, self.cursors, bounds, 4_000)
                self.got += [record.record_id for record in page.records]
                self.cursors |= {name: position for name, (position, _anchor) in page.moved.items()}
                more = page.more
            behind = Patient.objects.filter(position__lte=self.cursors["patients"])
            assert set(behind.values_list("pk", flat=True)) <= set(self.got)


def late_commits(world: World, holds: Holds, *, before_s: float, held_s: float) -> None:
    office, watcher = Office(world), Watcher(world, world.clinics[0])
    slow = office.holder(holds, held_s)
    for thread in office.threads:
        thread.start()
    try:
        _watch(watcher, before_s, lambda: True)
        slow.start()
        assert office.holding.wait(60)
        _watch(watcher, held_s, slow.is_alive)
        office.let_go.set()
        slow.join(60)
        _watch(watcher, before_s, lambda: True)
    finally:
        office.closing.set()
        office.let_go.set()
        for thread in [*office.threads, *([slow] if slow.ident else [])]:
            thread.join(120)
    assert office.failures == []
    _everything_once(world, office, watcher)


def _watch(watcher: Watcher, seconds: float, while_true: Callable[[], bool]) -> None:
    ends = time.monotonic() + seconds
    while while_true() and time.monotonic() < ends:
        watcher.read_on()
        time.sleep(0.02)


def _everything_once(world: World, office: Office, watcher: Watcher) -> None:
    watcher.read_on()
    with world.at(world.central):
        committed = set(Patient.objects.values_list("pk", flat=True))
        positions = list(Patient.objects.values_list("position", flat=True))
    assert committed == office.expected
    assert not committed & office.rolled_back
    assert len(committed) > 30
    assert office.rolled_back, "some were to be rolled back"
    assert len(set(positions)) == len(positions)
    assert len(watcher.got) == len(set(watcher.got))
    assert set(watcher.got) == committed
    for run in world.sync():
        assert (run.outcome, run.digests) == ("done", "equal")


@pytest.mark.parametrize("holds", ["its place in the feed", "its rows"])
def test_a_reader_gets_every_row_once_however_late_it_commits(world: World, holds: Holds) -> None:
    """C1: a transaction that took its place early commits late; one that wrote early takes its place late."""
    late_commits(world, holds, before_s=1.5, held_s=2)


@pytest.mark.slow
@pytest.mark.parametrize("holds", ["its place in the feed", "its rows"])
def test_a_transaction_open_for_a_minute_and_a_half_delays_and_loses_nothing(
    world: World, holds: Holds
) -> None:
    """C1: 90 seconds. (Where one writer at a time has the file, the others lose patience after thirty.)"""
    late_commits(world, holds, before_s=5, held_s=20 if world.central.connection.vendor == "sqlite" else 90)
