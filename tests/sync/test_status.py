"""The status is true at every instant (I7)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from registry.people.models import Identifier, Patient
from sync import status as reading
from sync.core.protocol import first_digest
from sync.crash import install_hook
from sync.ledger.birth import take_new_identity
from sync.ledger.models import Change, Receipt, Replica
from sync.ledger.recording import recording
from sync.models import LinkState, SyncRun
from sync.node import Node, acting_as
from sync.pace import Pace
from sync.progress import badge, groups_of, page_context, run_shown, verdict_of
from sync.records import GROUPS
from sync.review.models import Aside, Conflict
from sync.run import make_run
from sync.status import read_status, status
from tests.world import Site, World

KEYS = set(
    "role node replica link head_seq acked_seq unsent unsent_by_group quarantined held conflicts "
    "last_good_sync last_attempt downloaded numbers_left clock_offset_s backups".split()
)


@pytest.fixture(autouse=True)
def told_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rooms above have told the status nothing."""
    monkeypatch.setattr(reading, "_providers", {})


def register(world: World, site: Site, count: int = 1) -> list[Patient]:
    """New patients, each with a card."""
    made = []
    for number in range(count):
        with recording(by=world.author(site)) as save:
            patient = save.add(Patient, given_name="Ana", registered_on=site.node.now())
            save.add(Identifier, patient=patient, system="card", value=str(number))
        made.append(patient)
    return made


def set_aside(replica: Replica, seq_from: int, seq_to: int, state: str) -> Aside:
    return Aside.objects.create(
        replica_uuid=replica.uuid,
        save_id=uuid4(),
        seq_from=seq_from,
        seq_to=seq_to,
        state=state,
        code="x",
        since=1,
    )


def unreceipted() -> int:
    """The oracle: changes that no verified receipt covers, counted one by one."""
    mine = Replica.objects.get(is_self=True)
    covered: set[int] = set()
    for first, last in Receipt.objects.filter(replica=mine).values_list("seq_from", "seq_to"):
        covered |= set(range(first, last + 1))
    return sum(
        seq not in covered for seq in Change.objects.filter(replica=mine).values_list("seq", flat=True)
    )


def test_it_has_the_shape_that_is_promised_and_survives_json(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here)
        told = json.loads(json.dumps(status()))
        assert set(told) >= KEYS
        assert set(told["link"]) == {"state", "since", "reason"}
        assert set(told["unsent_by_group"]) == set(GROUPS)
        assert len(GROUPS) == 10
        assert (told["role"], told["node"], told["replica"]) == ("clinic", "clinic 1", str(here.replica))
        assert told["backups"] == {"newest_verified_at": None, "count": 0}
        assert (
            told["last_good_sync"]
            is told["last_attempt"]
            is told["numbers_left"]
            is told["clock_offset_s"]
            is None
        )


def test_a_laptop_that_never_synced_is_not_up_to_date(world: World) -> None:
    with world.at(world.clinics[0]):
        found = read_status()
        assert (found.unsent, found.up_to_date) == (0, False)
        assert verdict_of(found) == "waiting"


def test_unsent_counts_changes_without_a_receipt_group_by_group(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 3)
        found = read_status()
        assert (found.head_seq, found.acked_seq, found.unsent) == (6, 0, 6)
        assert found.unsent_by_group["registration"] == found.unsent_by_group["identifiers"] == 3
        assert sum(found.unsent_by_group.values()) == found.unsent == unreceipted()
    world.sync(here)
    with world.at(here):
        register(world, here)
        found = read_status()
        assert (found.head_seq, found.acked_seq, found.unsent) == (8, 6, 2)
        assert not found.up_to_date


def test_after_a_run_everything_is_at_central_and_times_are_utc_text(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here)
    world.sync(here, rounds=2)
    with world.at(here):
        told = status()
        assert told["up_to_date"]
        assert (told["unsent"], told["link"]["state"], told["clock_offset_s"]) == (0, "up", 0.0)
        assert told["last_attempt"]["outcome"] == "done"
        assert told["last_attempt"]["at"] == told["last_good_sync"]
        for text in (told["last_good_sync"], told["link"]["since"], told["downloaded"]["patients"]["at"]):
            assert text.endswith("Z")
            assert datetime.fromisoformat(text).utcoffset().total_seconds() == 0  # type: ignore[union-attr]
        assert told["downloaded"]["patients"]["position"] > 0
        assert verdict_of(read_status()) == "done"


def test_a_failed_attempt_ends_up_to_date_although_nothing_is_unsent(world: World) -> None:
    here = world.clinics[0]
    world.sync(here)
    assert here.link is not None
    here.link.up = False
    world.sync(here)
    with world.at(here):
        found = read_status()
        assert found.last_attempt is not None
        assert found.last_good_sync is not None
        assert found.last_attempt.at > found.last_good_sync
        assert (found.unsent, found.last_attempt.outcome, found.up_to_date) == (0, "failed", False)
        assert found.link.state == "down"
        assert found.last_attempt.reason


def test_a_run_that_died_is_a_failed_attempt_and_one_on_its_way_is_none(world: World) -> None:
    here = world.clinics[0]
    world.sync(here)
    with world.at(here):
        now = here.node.wall()
        running = SyncRun.objects.create(
            trigger="test", started_at=now, lease_until=now + 60_000, step="exchange", to_send=40, sent=10
        )
        assert read_status().up_to_date
        shown = run_shown()
        assert shown is not None
        assert (shown.done, shown.total, shown.step) == (10, 40, "Sending and fetching")
        world.advance(61_000)
        found = read_status()
        assert not found.up_to_date
        assert found.last_attempt is not None
        assert found.last_attempt.outcome == "failed"
        assert int(found.last_attempt.at.timestamp() * 1000) == running.lease_until
        assert run_shown() is None


@pytest.mark.parametrize("state", ["quarantined", "held"])
def test_what_central_keeps_aside_is_counted_apart_and_is_never_up_to_date(world: World, state: str) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 2)
    world.sync(here)
    with world.at(here):
        mine = Replica.objects.get(is_self=True)
        set_aside(mine, 3, 4, state)
        found = read_status()
        assert (getattr(found, state), found.unsent, found.up_to_date) == (1, 0, False)
        groups = {group.name: group for group in groups_of(found)}
        column = "needs_you" if state == "quarantined" else "waiting"
        assert getattr(groups["registration"], column) == getattr(groups["identifiers"], column) == 1
        assert groups["registration"].sent == 1
        assert verdict_of(found) == ("needs-you" if state == "quarantined" else "waiting")


def test_the_groups_add_up_to_the_log_whenever_they_are_asked(world: World) -> None:
    here = world.clinics[0]
    for count in (2, 3):
        with world.at(here):
            register(world, here, count)
            found = read_status()
            groups = groups_of(found)
            assert sum(one.sent + one.waiting + one.needs_you for one in groups) == found.head_seq
            assert sum(one.waiting for one in groups) == found.unsent == 2 * count
        world.sync(here)
    with world.at(here):
        groups = groups_of(read_status())
        assert sum(one.sent for one in groups) == 10
        assert page_context()["records"] == {"total": 10, "at_central": 10}


def test_a_database_put_back_under_the_process_is_counted_from_the_start(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 2)
    world.sync(here)
    with world.at(here):
        assert sum(one.sent for one in groups_of(read_status())) == 4
        Replica.objects.filter(is_self=True).update(acked_seq=2)
        groups = groups_of(read_status())
        assert (sum(one.sent for one in groups), sum(one.waiting for one in groups)) == (2, 2)


def test_the_tail_of_a_former_replica_is_unsent_until_it_is_receipted(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 2)
        take_new_identity()
        register(world, here)
        found = read_status()
        assert (found.head_seq, found.unsent) == (2, 6)
        assert sum(found.unsent_by_group.values()) == 6
        assert page_context()["records"] == {"total": 6, "at_central": 0}


def test_what_is_aside_of_a_former_replica_is_not_taken_for_changes_of_the_new_one(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 2)
    world.sync(here)
    with world.at(here):
        former = Replica.objects.get(is_self=True)
        take_new_identity()
        register(world, here)
        set_aside(former, 1, 2, "quarantined")
        groups = {group.name: group for group in groups_of(read_status())}
        shown = groups["registration"]
        assert (shown.sent, shown.waiting, shown.needs_you) == (1, 1, 1)


def test_equal_numbers_with_unequal_digests_are_not_up_to_date(world: World) -> None:
    here = world.clinics[0]
    world.sync(here)
    with world.at(here):
        SyncRun.objects.order_by("-pk").update(digests="differ")
        found = read_status()
        assert not found.up_to_date
        assert verdict_of(found) == "danger"


def test_a_refused_link_is_danger_and_the_badge_says_fenced(world: World) -> None:
    here = world.clinics[0]
    world.sync(here)
    with world.at(here):
        LinkState.objects.update(state=LinkState.State.REFUSED, reason="Another copy is the live one.")
        assert verdict_of(read_status()) == "danger"
        assert badge()["link"]["state"] == "fenced"
        Conflict.objects.create(table="patients", record_id=uuid4(), field="sex", since=1)
        assert badge()["needs_you"] == 1


def test_the_line_on_every_page_does_not_count_the_log(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 3)
        with CaptureQueriesContext(here.connection) as asked:
            assert badge()["unsent"] == 6
        assert not any("ledger_change" in one["sql"] for one in asked.captured_queries)


def test_central_has_nothing_to_send(world: World) -> None:
    with world.at(world.central):
        register(world, world.central)
        found = read_status()
        assert (found.role, found.unsent, found.up_to_date, found.node) == ("central", 0, True, "central")
        assert found.acked_seq == found.head_seq == 2


def test_rooms_above_tell_what_sync_may_not_know(world: World) -> None:
    reading.provide("numbers_left", lambda: 312)
    with world.at(world.clinics[0]):
        assert status()["numbers_left"] == 312


def test_sampled_at_every_request_and_every_step_it_never_says_complete_early(
    make_world: Callable[..., World],
) -> None:
    world = make_world(clinics=1)
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 60)
    samples: list[int] = []

    def sample(where: str = "") -> None:
        with world.at(here):
            found = read_status()
            assert found.unsent == unreceipted(), where
            assert found.unsent == sum(found.unsent_by_group.values())
            assert not (found.up_to_date and found.unsent)
            samples.append(found.unsent)

    assert here.link is not None
    send = here.link.send

    def sampled(wire: Any, *, patience: float) -> Any:
        sample("before the request")
        reply = send(wire, patience=patience)
        sample("before the answer is read")
        return reply

    here.link.send = sampled  # type: ignore[method-assign]
    install_hook(
        lambda name: sample(name) if name in ("upload.before-send", "upload.before-receipt") else None
    )
    try:
        with world.at(here):
            make_run("test", pace=Pace(fixed_changes=10))
    finally:
        install_hook(None)
    assert max(samples) == 120
    assert samples == sorted(samples, reverse=True)
    assert len(set(samples)) > 10
    with world.at(here):
        assert read_status().up_to_date


def test_all_numbers_that_could_contradict_each_other_come_from_one_statement(world: World) -> None:
    here = world.clinics[0]
    with world.at(here), CaptureQueriesContext(here.connection) as asked:
        read_status()
    together = [
        one["sql"]
        for one in asked.captured_queries
        if any(table in one["sql"] for table in ("ledger_replica", "review_aside", "review_conflict"))
    ]
    assert len(together) == 1
    assert all(table in together[0] for table in ("review_aside", "review_conflict", "sync_syncrun"))
    assert not any("BEGIN" in one["sql"].upper() for one in asked.captured_queries)


@pytest.mark.django_db(transaction=True)
def test_whoever_reads_between_two_commits_sees_one_of_them(tmp_path: Any) -> None:
    """A writer moves a save between unsent and quarantined: no reader finds it in neither place."""
    node = Node(role="clinic", data_dir=tmp_path)
    stop = threading.Event()
    replica = uuid4()
    with acting_as(node):
        mine = Replica.objects.create(
            uuid=replica, is_self=True, head_digest=first_digest(replica), head_seq=1
        )

    def flip() -> None:
        try:
            while not stop.is_set():
                with transaction.atomic():
                    Replica.objects.filter(pk=mine.pk).update(acked_seq=1)
                    set_aside(mine, 1, 1, "quarantined")
                with transaction.atomic():
                    Aside.objects.all().delete()
                    Replica.objects.filter(pk=mine.pk).update(acked_seq=0)
        finally:
            connection.close()

    writer = threading.Thread(target=flip)
    writer.start()
    seen = set()
    try:
        with acting_as(node):
            for _ in range(300):
                found = read_status()
                seen.add((found.unsent, found.quarantined))
    finally:
        stop.set()
        writer.join()
    assert seen <= {(1, 0), (0, 1)}
    assert len(seen) == 2
