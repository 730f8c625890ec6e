"""A replica is born once, wakes up only as itself, and goes on under a new identity after a restore."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from registry.people.models import Patient
from sync.core.clock import pack
from sync.core.protocol import first_digest
from sync.ledger.birth import ensure_replica, take_new_identity
from sync.ledger.models import Replica
from sync.ledger.recording import Author, recording
from sync.ledger.replicas import self_uuid
from sync.ledger.verify import verify_log
from sync.marks import Mark
from sync.models import SecurityEvent
from sync.node import Node, acting_as, current_node
from sync.problems import Problem

NOW_MS = 1_790_000_000_000


@pytest.fixture
def node(db: None, tmp_path: Path) -> Any:
    """A clinic on a disk of its own that has not started yet."""
    with acting_as(Node(role="clinic", data_dir=tmp_path / "node", wall=lambda: NOW_MS)) as node:
        yield node
        node.marks.close()


def write(count: int = 1) -> None:
    for _ in range(count):
        with recording(by=Author(None, "test")) as save:
            save.add(Patient, given_name="Ana", registered_on=current_node().now())


def restarted(node: Node) -> Node:
    """The same node after its process ended."""
    node.marks.close()
    return Node(role=node.role, data_dir=node.data_dir, wall=node.wall)


def test_the_first_start_makes_a_replica_and_marks_it_and_the_next_finds_it(node: Node) -> None:
    born = ensure_replica()
    assert born.is_self
    assert bytes(born.head_digest) == first_digest(born.uuid)
    assert node.marks.read().replica == str(born.uuid)
    with acting_as(restarted(node)):
        assert ensure_replica().uuid == born.uuid == self_uuid()
    assert Replica.objects.count() == 1


def test_a_central_has_a_name_of_its_own(db: None, tmp_path: Path) -> None:
    with acting_as(Node(role="central", data_dir=tmp_path)):
        assert ensure_replica().node_name == "central"


def test_a_crash_between_the_marks_and_the_commit_is_a_new_birth(node: Node) -> None:
    node.marks.begin(UUID(int=7))
    born = ensure_replica()
    assert node.marks.read().replica == str(born.uuid) != str(UUID(int=7))


def test_a_database_ahead_of_its_mark_was_a_crash_and_lifts_the_mark(node: Node) -> None:
    born = ensure_replica()
    write(3)
    stamp = Replica.objects.get(is_self=True).last_stamp
    node.marks.begin(born.uuid)
    later = Node(role="clinic", data_dir=node.data_dir, wall=lambda: 0)  # the clock's battery is dead as well
    with acting_as(later):
        ensure_replica()
        assert later.marks.read().head_seq == 3
        assert later.clock.tick() > stamp


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("rolled-back", lambda node: node.marks.raise_to(head_seq=9)),
        ("foreign-copy", lambda node: node.marks.begin(UUID(int=8))),
        ("foreign-copy", lambda node: node.marks.path.unlink()),
    ],
)
def test_a_database_that_the_marks_do_not_know_says_restore(node: Node, code: str, spoil: Any) -> None:
    ensure_replica()
    write(2)
    node.marks.close()
    spoil(node)
    with acting_as(restarted(node)), pytest.raises(Problem) as refused:
        ensure_replica()
    assert refused.value.code == code
    assert "restore" in refused.value.detail
    assert Replica.objects.get(is_self=True).head_seq == 2


def test_a_clock_floor_behind_the_log_is_lifted_to_it(node: Node) -> None:
    """A power cut between the commit and the mark, and a wall clock that starts in 1970."""
    born = ensure_replica()
    node.marks.begin(born.uuid)
    Replica.objects.filter(pk=born.pk).update(last_stamp=pack(NOW_MS + 90))
    with acting_as(Node(role="clinic", data_dir=node.data_dir, wall=lambda: 0)) as later:
        ensure_replica()
        assert later.clock.tick() > pack(NOW_MS + 90)
        assert later.marks.read().clock_floor == pack(NOW_MS + 90)


def test_an_emptied_database_never_starts_in_silence(node: Node) -> None:
    node.marks.begin(UUID(int=9))
    node.marks.raise_to(head_seq=40)
    with pytest.raises(Problem) as refused:
        ensure_replica()
    assert refused.value.code == "database-missing"
    assert not Replica.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_processes_that_start_at_once_agree_on_one_replica(tmp_path: Path) -> None:
    found: list[UUID] = []
    gate = threading.Barrier(4)

    def start() -> None:
        try:
            with acting_as(Node(role="clinic", data_dir=tmp_path)):
                gate.wait()
                found.append(ensure_replica().uuid)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    with acting_as(Node(role="clinic", data_dir=tmp_path)) as node:
        assert node.marks.read().replica == str(found[0])


def test_a_new_identity_follows_the_old_one_and_both_chains_hold(node: Node) -> None:
    before = ensure_replica()
    write(3)
    followed = take_new_identity()
    old, new = Replica.objects.get(uuid=before.uuid), Replica.objects.get(is_self=True)
    assert (old.is_self, old.standing, old.head_seq) == (False, Replica.Standing.CLOSED, 3)
    assert new.uuid == followed.replica.uuid == self_uuid() != old.uuid
    assert new.follows == old.uuid
    assert bytes(new.follows_digest or b"") == bytes(old.head_digest)
    assert bytes(new.head_digest) == first_digest(new.uuid, (old.uuid, bytes(old.head_digest)))
    assert node.marks.read() == Mark(
        replica=str(new.uuid),
        clock_floor=node.marks.read().clock_floor,
        generation=node.marks.read().generation,
    )
    write(2)
    assert [walk.holds for walk in verify_log()] == [True, True]
    assert [walk.changes for walk in verify_log()] == [2, 3]
    with acting_as(restarted(node)):
        assert ensure_replica().uuid == new.uuid


@pytest.mark.parametrize(
    ("marked", "lost"),
    [
        ({"head_seq": 7, "acked_seq": 5}, range(6, 8)),
        ({"head_seq": 7, "acked_seq": 1}, range(4, 8)),
        ({"head_seq": 7, "acked_seq": 7}, range(8, 8)),
        ({"head_seq": 3}, range(4, 4)),
    ],
)
def test_what_was_neither_in_the_backup_nor_sent_is_reported_as_lost(
    node: Node, marked: dict[str, int], lost: range
) -> None:
    ensure_replica()
    write(3)
    node.marks.raise_to(head_seq=marked.get("head_seq", 0), acked_seq=marked.get("acked_seq", 0))
    assert take_new_identity().lost == lost
    events = list(SecurityEvent.objects.values_list("code", flat=True))
    assert events == (["lost-range"] if lost else [])


def test_where_the_marks_are_gone_the_lost_range_is_unknown_and_said_to_be(node: Node) -> None:
    ensure_replica()
    write(2)
    node.marks.begin(UUID(int=11))
    assert take_new_identity().lost is None
    assert "is not known here" in SecurityEvent.objects.get().sentence


def test_no_stamp_of_the_new_replica_is_earlier_than_any_that_was_issued(node: Node) -> None:
    ensure_replica()
    write()
    issued = pack(NOW_MS + 5_000)
    node.marks.raise_to(head_seq=9, clock_floor=issued)
    with acting_as(restarted(node)) as later:
        take_new_identity()
        write()
        assert Replica.objects.get(is_self=True).last_stamp > issued
        assert later.marks.read().head_seq == 1
