"""Who a database is: clocks never repeat, copies are noticed, a backup comes back as somebody new."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from registry.people.models import Identifier, Patient
from sync.core.clock import COUNTER_MAX, HybridClock, pack, unpack
from sync.core.merge import Past
from sync.core.protocol import Change, decode_changes, derive_id, encode_changes, new_save_id
from sync.ledger.birth import Succession, ensure_replica, take_new_identity
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.ledger.recording import recording
from sync.ledger.selectors import history_of
from sync.ledger.verify import verify_log
from sync.models import EnrolledNode, SecurityEvent, SyncRun
from sync.node import Node, acting_as
from sync.pace import Pace
from sync.problems import Problem
from sync.run import make_run
from sync.status import status
from sync.vault.backup import make_backup, put_back, read_manifest, verify_backup
from tests.sync.forge import Talk, problem
from tests.world import Link, Site, World, backend_for

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)


def register(world: World, site: Site, count: int = 1, name: str = "Ana") -> list[Patient]:
    made = []
    with world.at(site):
        for _ in range(count):
            with recording(by=world.author(site)) as save:
                made.append(save.add(Patient, given_name=name, registered_on=NOON))
    return made


def edit(world: World, site: Site, row: Any, **changes: Any) -> None:
    with world.at(site), recording(by=world.author(site)) as save:
        save.edit(type(row).objects.get(pk=row.pk), changes)


def events(world: World, site: Site) -> list[str]:
    with world.at(site):
        return list(SecurityEvent.objects.order_by("id").values_list("code", flat=True))


def heads(world: World, site: Site) -> tuple[int, int]:
    with world.at(site):
        mine = Replica.objects.get(is_self=True)
        return mine.head_seq, mine.acked_seq


def agree(world: World, *sites: Site) -> None:
    for site in sites or world.clinics:
        assert world.digests(site) == world.digests(world.central)
        assert world.shown(site) == world.shown(world.central)


# --- the clock -------------------------------------------------------------------------------------------


def test_a_hundred_thousand_changes_in_one_millisecond_are_strictly_later_each() -> None:
    """E6: the counter is full after 65,536 of them and carries into the milliseconds."""
    clock = HybridClock(lambda: 1_790_000_000_000)
    stamps = [clock.tick() for _ in range(100_000)]
    assert all(before < after for before, after in pairwise(stamps))
    assert stamps[0] == pack(1_790_000_000_000)
    assert unpack(stamps[COUNTER_MAX])[1] == COUNTER_MAX
    assert unpack(stamps[-1])[0] == 1_790_000_000_001


def test_changes_of_one_millisecond_keep_their_order_on_the_wire() -> None:
    clock = HybridClock(lambda: 1_790_000_000_000, floor=pack(1_790_000_000_000, COUNTER_MAX - 5_000))
    rng, replica = random.Random(1), UUID(int=7)
    changes = []
    for seq in range(1, 10_001):
        save = new_save_id(1_790_000_000_000, rng)
        changes.append(
            Change(
                replica=replica, seq=seq, save_id=save, ordinal=0, last=True, table="patients",
                record_id=derive_id(save, 0), stamp=clock.tick(), author=None, device="", clock_offset_ms=0,
                schema=1, past=Past(), fields={"given_name": "A"},
            )
        )  # fmt: skip
    arrived = decode_changes(encode_changes(changes, {}, level=1), lambda seqs: {})
    assert arrived == changes
    assert all(before.stamp < after.stamp for before, after in pairwise(arrived))


@pytest.mark.parametrize("wall", [0, 1_000, 1_790_000_000_000 - 400 * 86_400_000])
def test_a_clock_that_went_back_stamps_no_new_work_as_old(world: World, wall: int) -> None:
    """E2: the battery is dead, the laptop boots in 1970 or a year ago."""
    here = world.clinics[0]
    register(world, here)
    with world.at(here):
        before = Replica.objects.get(is_self=True).last_stamp
    here.node.marks.close()
    node = Node(role="clinic", data_dir=here.node.data_dir, wall=lambda: wall)
    here.connection.close()
    here.node, node.kept = node, {**here.node.kept, "replicas": None}
    node.kept.pop("replicas")
    register(world, here, 3)
    with world.at(here):
        stamps = [row.made_stamp for row in Patient.objects.order_by("made_seq")]
    assert all(one < other for one, other in pairwise(stamps))
    assert stamps[0] == before


def test_a_clock_a_year_ahead_wins_nothing_and_is_corrected_by_central(world: World) -> None:
    """E1: what was written under it is kept and marked, and beats no later work; nobody is dragged along."""
    here, other = world.clinics
    row = register(world, here)[0]
    world.sync()
    here.clock_error_ms = 400 * 86_400_000
    edit(world, here, row, phone="from next year")
    world.sync(here)
    here.clock_error_ms = 0
    world.sync(here)
    world.advance(3_600_000)
    edit(world, other, row, phone="really later")  # has not seen it
    world.sync(rounds=3)
    assert {world.shown(site)["patients"][row.pk]["phone"] for site in (here, other, world.central)} == {
        "really later"
    }
    for site in (other, world.central):
        assert site.node.clock.floor < pack(world.now_ms + 2 * 86_400_000)
    register(world, here)
    with world.at(here):
        assert Patient.objects.order_by("-made_seq")[0].made_stamp < pack(world.now_ms + 86_400_000)
    world.sync(rounds=2)
    agree(world)


# --- a copy that is older --------------------------------------------------------------------------------


def image(site: Site, to: Path) -> Path:
    """A byte copy of the database file of a laptop that is switched off."""
    with site.connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    site.connection.close()
    return Path(shutil.copy(site.node.path("posta.db"), to))


def test_an_older_file_in_its_place_is_noticed_before_anything_is_written(
    world: World, tmp_path: Path
) -> None:
    here = world.clinics[0]
    register(world, here, 3)
    old = image(here, tmp_path / "old.db")
    register(world, here, 2)
    here.connection.close()
    for name in ("posta.db", "posta.db-wal", "posta.db-shm"):
        here.node.path(name).unlink(missing_ok=True)
    shutil.copy(old, here.node.path("posta.db"))
    with world.at(here), pytest.raises(Problem) as refused:
        ensure_replica()
    assert refused.value.code == "rolled-back"
    assert "older than what this node has written" in refused.value.title
    assert refused.value.extra == {"marked_seq": 5, "head_seq": 3}
    assert heads(world, here) == (3, 0)
    assert here.node.marks.read().head_seq == 5


def test_a_file_that_is_gone_never_becomes_an_empty_clinic(world: World, database_shelf: Any) -> None:
    here = world.clinics[0]
    register(world, here, 3)
    here.connection.close()
    for name in ("posta.db", "posta.db-wal", "posta.db-shm"):
        here.node.path(name).unlink(missing_ok=True)
    shutil.copy(database_shelf._file, here.node.path("posta.db"))  # migrated, with nothing in it
    here.node.kept.pop("replicas", None)
    with world.at(here), pytest.raises(Problem) as refused:
        ensure_replica()
    assert refused.value.code == "database-missing"
    with world.at(here):
        assert not Replica.objects.exists()


def test_central_notices_an_older_copy_whose_marks_were_put_back_as_well(
    world: World, tmp_path: Path
) -> None:
    """A whole directory from yesterday: this laptop cannot know, central can."""
    here = world.clinics[0]
    register(world, here, 2)
    world.sync(here)
    old = image(here, tmp_path / "old.db")
    marks = here.node.path("marks").read_bytes()
    register(world, here, 2)
    world.sync(here)
    here.connection.close()
    for name in ("posta.db", "posta.db-wal", "posta.db-shm"):
        here.node.path(name).unlink(missing_ok=True)
    shutil.copy(old, here.node.path("posta.db"))
    here.node.marks.close()
    here.node.path("marks").write_bytes(marks)
    with world.at(here):
        ensure_replica()
        run = make_run()
    assert run.outcome == SyncRun.Outcome.FAILED
    assert events(world, world.central) == ["rolled-back"]
    assert "Use restore" in run.reason


# --- backup and restore ----------------------------------------------------------------------------------


@pytest.fixture
def backed_up(world: World) -> Iterator[dict[str, Any]]:
    """F1 in small: seventy changes are in the backup, thirty more were sent, four more were not."""
    here = world.clinics[0]
    rows = register(world, here, 68)
    edit(world, here, rows[0], phone="before")
    edit(world, here, rows[1], phone="before")
    world.sync()
    with world.at(here):
        path = make_backup()
        read_manifest(path)
    later = register(world, here, 28, "later")
    edit(world, here, rows[0], phone="after")
    edit(world, here, rows[1], sex="male")
    world.sync()
    lost = register(world, here, 4, "lost")
    yield {"here": here, "path": path, "rows": rows, "later": later, "lost": lost}


def restore(world: World, site: Site, path: Path) -> Succession:
    with world.at(site):
        verify_backup(path)
        put_back(path)
        return take_new_identity()


def test_what_central_has_comes_back_and_the_rest_is_said_to_be_lost(
    world: World, backed_up: dict[str, Any]
) -> None:
    """F1: the rest is told, from the mark outside of the database."""
    here, other = backed_up["here"], world.clinics[1]
    before = here.replica
    issued = here.node.clock.floor
    assert heads(world, here) == (104, 100)
    made = restore(world, here, backed_up["path"])
    assert made.before.uuid == before != made.replica.uuid == here.replica
    assert made.lost == range(101, 105)
    assert heads(world, here) == (0, 0)
    with world.at(here):
        assert Patient.objects.count() == 68
        assert "101 to 104" in SecurityEvent.objects.get(code="lost-range").sentence
        ensure_replica()
    new = register(world, here, 3, "new")
    with world.at(here):
        assert min(row.made_stamp for row in Patient.objects.filter(given_name="new")) > issued
    run = world.sync(here)[0]
    assert (run.outcome, run.reason, run.digests) == ("done", "", "equal")
    assert heads(world, here) == (3, 3)
    with world.at(here):
        assert Patient.objects.count() == 68 + 28 + 3
        shown = [Patient.objects.get(pk=row.pk) for row in backed_up["rows"][:2]]
        assert [(row.phone, row.sex) for row in shown] == [("after", "unknown"), ("before", "male")]
        assert all(walk.holds for walk in verify_log())
        assert status()["unsent"] == 0
    with world.at(world.central):
        live = Replica.objects.get(uuid=here.replica)
        assert (live.standing, live.follows, live.head_seq) == (Replica.Standing.LIVE, before, 3)
        assert Replica.objects.get(uuid=before).standing == Replica.Standing.CLOSED
        assert all(walk.holds for walk in verify_log())
        assert {row.pk for row in new} <= set(Patient.objects.values_list("pk", flat=True))
        assert not {row.pk for row in backed_up["lost"]} & set(Patient.objects.values_list("pk", flat=True))
    world.sync(other, here, other)
    agree(world)
    edit(world, other, backed_up["rows"][0], phone="elsewhere")
    edit(world, here, backed_up["rows"][1], phone="here")
    world.sync(rounds=2)
    agree(world)
    with world.at(here):
        assert SyncRun.objects.order_by("-id")[0].digests in ("", "equal")


def test_the_replica_before_is_refused_when_it_comes_back(world: World, backed_up: dict[str, Any]) -> None:
    """Its disk was not broken after all: somebody switches the old laptop on again."""
    here = backed_up["here"]
    old = cloned(world, here, "old disk")
    restore(world, here, backed_up["path"])
    world.sync(here)
    run = world.sync(old)[0]
    assert (run.outcome, world.unsent(old)) == ("failed", 4)
    assert "has been replaced" in run.reason
    assert events(world, world.central) == ["fenced"]
    assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE


def test_an_unsent_tail_in_the_backup_goes_up_first_under_its_own_name(world: World) -> None:
    here = world.clinics[0]
    register(world, here, 5)
    world.sync(here)
    tail = register(world, here, 4, "tail")
    with world.at(here), recording(by=world.author(here)) as save:
        save.add(Identifier, patient=tail[0], system="passport", value="T1")
    with world.at(here):
        path = make_backup()
    before = here.replica
    restore(world, here, path)
    with world.at(here):
        assert status()["unsent"] == 5
    edit(world, here, tail[0], phone="after the restore")
    run = world.sync(here)[0]
    assert (run.outcome, run.reason, run.digests) == ("done", "", "equal")
    with world.at(world.central):
        assert Replica.objects.get(uuid=before).head_seq == 10
        assert ChangeRow.objects.filter(replica__uuid=before).count() == 10
        assert Patient.objects.get(pk=tail[0].pk).phone == "after the restore"
    with world.at(here):
        assert status()["unsent"] == 0
        assert all(walk.holds for walk in verify_log())
    world.sync(rounds=2)
    agree(world)


def test_the_history_after_a_restore_says_what_central_has(world: World) -> None:
    """Of what was sent before the backup the receipts tell when; of what was sent after it central tells."""
    here = world.clinics[0]
    (sent,) = register(world, here)
    world.sync(here)
    (between,) = register(world, here)
    with world.at(here):
        path = make_backup()
    world.sync(here)
    restore(world, here, path)

    def told(row: Patient) -> list[tuple[bool, bool]]:
        with world.at(here):
            entries = history_of(Patient.objects.get(pk=row.pk))
        return sorted({(one.at_central, one.received_at["central"] is not None) for one in entries})

    assert told(sent) == [(True, True)]
    assert told(between) == [(False, False)], "nobody has told this laptop yet"
    world.sync(here)
    (fresh,) = register(world, here)
    assert [at_central for at_central, _when in told(between)] == [True]
    assert told(fresh) == [(False, False)]


@pytest.mark.parametrize("lost_answers", [1, 2, 3])
def test_a_tail_is_sent_once_however_often_its_answers_are_lost(world: World, lost_answers: int) -> None:
    here = world.clinics[0]
    register(world, here, 2)
    world.sync(here)
    register(world, here, 6, "tail")
    with world.at(here):
        path = make_backup()
    restore(world, here, path)
    register(world, here, 1, "new")
    assert here.link is not None
    for _ in range(3):
        here.link.lose_answers = lost_answers
        with world.at(here):
            make_run(pace=Pace(fixed_changes=2))
    here.link.lose_answers = 0
    world.sync(here, rounds=2)
    with world.at(world.central):
        assert Patient.objects.count() == 9
    with world.at(here):
        assert (status()["unsent"], status()["up_to_date"]) == (0, True)
    world.sync(rounds=2)
    agree(world)


def test_what_was_sent_after_the_backup_is_not_sent_again(world: World) -> None:
    """The backup has it as unsent; central has it, and more."""
    here = world.clinics[0]
    register(world, here, 2)
    world.sync(here)
    rows = register(world, here, 3, "unsent in the backup")
    with world.at(here):
        path = make_backup()
    register(world, here, 2, "after it")
    world.sync(here)
    edit(world, world.central, rows[0], phone="central")
    assert restore(world, here, path).lost == range(8, 8)
    run = world.sync(here)[0]
    assert (run.outcome, run.digests) == ("done", "equal")
    with world.at(world.central):
        assert Patient.objects.count() == 7
    with world.at(here):
        assert status()["unsent"] == 0
    agree(world, here)


def test_a_save_that_is_tried_again_after_a_restore_has_one_effect(world: World) -> None:
    """The tablet still holds the form; its save was in the backup, or came to central after it."""
    here = world.clinics[0]
    known, sent_later = (new_save_id(world.now_ms, random.Random(n)) for n in (1, 2))

    def save_form(save_id: UUID) -> None:
        with world.at(here), recording(by=world.author(here), save_id=save_id) as save:
            if not save.repeated:
                save.add(Patient, given_name="Ana", registered_on=NOON)

    save_form(known)
    world.sync(here)
    with world.at(here):
        path = make_backup()
    save_form(sent_later)
    world.sync(here)
    restore(world, here, path)
    save_form(known)
    save_form(sent_later)
    world.sync(here, rounds=2)
    with world.at(world.central):
        assert {row.pk for row in Patient.objects.all()} == {derive_id(known, 0), derive_id(sent_later, 0)}
    agree(world, here)


def test_restored_twice_from_the_same_backup_before_it_could_sync(world: World) -> None:
    here = world.clinics[0]
    register(world, here, 3)
    world.sync(here)
    with world.at(here):
        path = make_backup()
    restore(world, here, path)
    register(world, here, 1, "lost in between")
    second = restore(world, here, path)
    assert second.lost is None
    register(world, here, 1, "new")
    run = world.sync(here)[0]
    assert (run.outcome, run.digests) == ("done", "equal")
    agree(world, here)


def test_restored_again_while_it_could_not_sync_the_whole_line_is_recognised(world: World) -> None:
    """Weeks without a link: R′ worked, was backed up, broke as well; R″ brings what R and R′ had."""
    here = world.clinics[0]
    register(world, here, 2)
    world.sync(here)
    register(world, here, 1, "R unsent")
    with world.at(here):
        path = make_backup()
    restore(world, here, path)
    register(world, here, 2, "R′ unsent")
    with world.at(here):
        world.advance(1_000)
        path = make_backup()
    restore(world, here, path)
    register(world, here, 1, "R″")
    run = world.sync(here)[0]
    assert (run.outcome, run.reason, run.digests) == ("done", "", "equal")
    with world.at(world.central):
        names = list(Patient.objects.order_by("made_stamp").values_list("given_name", flat=True))
        assert names == ["Ana", "Ana", "R unsent", "R′ unsent", "R′ unsent", "R″"]
        assert all(walk.holds for walk in verify_log())
    with world.at(here):
        assert status()["unsent"] == 0
    world.sync(rounds=2)
    agree(world)


def test_a_backup_is_believed_only_whole(world: World, tmp_path: Path) -> None:
    """F8: one byte anywhere."""
    here = world.clinics[0]
    register(world, here, 3)
    with world.at(here):
        path = make_backup()
        content = path.read_bytes()
        assert verify_backup(path).head_seq == 3
        places = [0, 9, 30, 120, len(content) // 2, len(content) - 1]
        for place in places:
            spoiled = tmp_path / f"{place}{path.suffix}"
            spoiled.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(Problem) as refused:
                verify_backup(spoiled)
            assert refused.value.code == "damaged-backup", place
        for length in (0, 5, 40, len(content) - 1):
            spoiled.write_bytes(content[:length])
            with pytest.raises(Problem):
                verify_backup(spoiled)
        assert Patient.objects.count() == 3


def test_another_nodes_backup_is_refused(world: World) -> None:
    here, other = world.clinics
    register(world, other)
    with world.at(other):
        path = make_backup()
    with world.at(here), pytest.raises(Problem) as refused:
        verify_backup(path)
    assert refused.value.code == "foreign-backup"


def test_a_backup_made_while_people_save_is_one_moment(world: World) -> None:
    here = world.clinics[0]
    register(world, here, 5)
    with world.at(here):
        path = make_backup()
        register(world, here, 2)
        manifest = verify_backup(path)
        assert manifest.head_seq == 5
        assert manifest.replica == here.replica.bytes
        names = {each.name for each in path.parent.iterdir()}
        assert names == {path.name}


def test_a_restored_node_does_not_forget_what_protects_people(world: World) -> None:
    here = world.clinics[0]
    register(world, here)
    with world.at(here):
        path = make_backup()
        here.node.marks.raise_to(revocation_version=7, numbers_taken=12)
    restore(world, here, path)
    mark = here.node.marks.read()
    assert (mark.revocation_version, mark.numbers_taken, mark.head_seq) == (7, 12, 0)


def _open(world: World, directory: Path) -> Any:
    return backend_for(world.shelf._embedded(directory / "posta.db"))


# --- clones ----------------------------------------------------------------------------------------------


def cloned(world: World, site: Site, name: str) -> Site:
    """A disk image of a laptop, booted on a second one."""
    with site.connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    directory = world.directory / name.replace(" ", "-")
    shutil.copytree(site.node.data_dir, directory)
    node = Node(role="clinic", data_dir=directory, name=site.name, rng=random.Random(name))
    clone = Site(name, node, _open(world, directory))
    node.wall = lambda: world.now_ms
    node.clock._wall = node.wall
    node.kept["tries"] = 1
    clone.link = node.kept["carrier"] = Link(world, clone)
    world.clinics.append(clone)
    with acting_as(node), world.at(clone):
        ensure_replica()
    return clone


def test_the_copy_that_fell_behind_is_fenced_at_its_first_contact(world: World) -> None:
    """F2: the laptop syncs on; its clone wakes up later."""
    here = world.clinics[0]
    register(world, here, 2)
    world.sync(here)
    clone = cloned(world, here, "clone")
    for _ in range(2):
        register(world, here)
        world.sync(here)
    register(world, clone, 3, "on the clone")
    run = world.sync(clone)[0]
    assert (run.outcome, world.unsent(clone)) == ("failed", 3)
    assert "Ask the programme office" in run.reason
    assert events(world, world.central) == ["stale-token"]
    with world.at(world.central):
        assert not Patient.objects.filter(given_name="on the clone").exists()
        noted = SecurityEvent.objects.get()
        assert EnrolledNode.objects.get(pk=str(noted.node_uuid)).name == here.name
    assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE
    agree(world, here)


def test_when_both_wrote_the_second_to_come_is_a_fork_and_central_raises_the_alarm(world: World) -> None:
    here = world.clinics[0]
    register(world, here, 2)
    world.sync(here)
    clone = cloned(world, here, "clone")
    mine, theirs = register(world, here, 2, "laptop"), register(world, clone, 3, "clone")
    assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE
    before = world.digests(world.central)
    for _ in range(2):
        run = world.sync(clone)[0]
        assert run.outcome == SyncRun.Outcome.FAILED
        assert world.unsent(clone) == 3
    assert "fork" in events(world, clone)
    assert "fork" in events(world, world.central)
    assert world.digests(world.central) == before
    with world.at(world.central):
        present = set(Patient.objects.values_list("pk", flat=True))
        assert {row.pk for row in mine} <= present
        assert not {row.pk for row in theirs} & present
    with world.at(clone):
        assert not status()["up_to_date"]
        assert Patient.objects.filter(given_name="clone").count() == 3  # readable there, for whoever decides


@pytest.mark.parametrize("order", ["laptop first", "clone first", "in turn"])
def test_whichever_copy_syncs_first_no_change_is_taken_for_another(world: World, order: str) -> None:
    here = world.clinics[0]
    register(world, here, 1)
    world.sync(here)
    clone = cloned(world, here, "clone")
    turns = {
        "laptop first": [here, here, clone, here],
        "clone first": [clone, clone, here, clone],
        "in turn": [here, clone, here, clone, here, clone],
    }[order]
    wrote: dict[UUID, str] = {}
    for place, site in enumerate(turns):
        wrote |= {row.pk: site.name for row in register(world, site, 2, f"{site.name} {place}")}
        world.sync(site)
    with world.at(world.central):
        arrived = {wrote[pk] for pk in Patient.objects.values_list("pk", flat=True) if pk in wrote}
        assert len(arrived) == 1
        assert all(walk.holds for walk in verify_log())
        assert SecurityEvent.objects.filter(code__in=("fork", "stale-token", "rolled-back")).exists()


def test_a_clone_that_skips_hello_cannot_send_either(world: World) -> None:
    """With a nonce from before: the content gives it away."""
    here = world.clinics[0]
    register(world, here, 1)
    world.sync(here)
    clone = cloned(world, here, "clone")
    talk = Talk(world, clone)
    register(world, here, 1)
    register(world, clone, 1)
    world.sync(here)
    from tests.sync.forge import logged

    with world.at(clone):
        batch = logged(2, 2)
    reply = talk.send(talk.batch(batch))
    assert problem(reply)["code"] == "fork"
    assert "fork" in events(world, world.central)


def test_a_broken_database_file_is_told_from_an_empty_one(world: World) -> None:
    """A4: a page full of noise is refused, never served and never replaced by nothing."""
    here = world.clinics[0]
    register(world, here, 50)
    image(here, here.node.path("image.db"))
    path = here.node.path("posta.db")
    content = bytearray(path.read_bytes())
    for place in range(4096 * 3, len(content), 4096 * 4):
        content[place + 100] ^= 0xFF
    path.write_bytes(content)
    with world.at(here), pytest.raises(Exception, match=r"(?i)malformed|not a database|hmac|disk image"):
        ensure_replica()
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            found = cursor.fetchall()
            assert found == [("ok",)], f"malformed: {found[:3]}"
        list(Patient.objects.all())
    here.connection.close()
