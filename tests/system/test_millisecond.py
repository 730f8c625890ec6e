"""E6: a hundred thousand changes in one millisecond, through the clock, the log, the wire and central.

The laptop's clock stands still. The counter of a stamp is full after 65,536 of them and carries into the
milliseconds; nothing may be given twice, and what is written after a restart is later still.
"""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from django.db import transaction

from registry.people.models import Patient
from sync.apply import arrival_of, settle
from sync.bulk import insert_plain
from sync.core.clock import COUNTER_MAX, HybridClock, unpack
from sync.core.merge import Past
from sync.core.protocol import Change, canonical, chain_digest, derive_id, from_canonical, new_save_id
from sync.intake import LOG_COLUMNS
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.ledger.recording import recording
from sync.ledger.verify import verify_log
from tests.world import Site, World

MANY = 100_000


def written(site: Site, count: int) -> list[Change]:
    """So many saves of one person each, stamped by this site's clock."""
    chance, now = random.Random(6), site.node.wall()
    changes = []
    for seq in range(1, count + 1):
        save = new_save_id(now, chance)
        changes.append(
            Change(
                replica=site.replica,
                seq=seq,
                save_id=save,
                ordinal=0,
                last=True,
                table="patients",
                record_id=derive_id(save, 0),
                stamp=site.node.clock.tick(),
                author=None,
                device="",
                clock_offset_ms=0,
                schema=1,
                past=Past(),
                fields={"given_name": "Ana", "registered_on": now},
            )
        )
    return changes


def log(site: Site, changes: list[Change]) -> None:
    """Into the log and the rows of the site that is acting, chain and all, as its own saves are."""
    mine = Replica.objects.get(is_self=True)
    digest, rows = bytes(mine.head_digest), []
    for change in changes:
        body = canonical(change)
        digest = chain_digest(digest, body)
        rows.append(
            (mine.number, change.seq, change.save_id, change.table, change.record_id, body, digest, None, 0)
        )
    mine.head_seq, mine.head_digest, mine.last_stamp = len(changes), digest, changes[-1].stamp
    with transaction.atomic():
        insert_plain(ChangeRow, LOG_COLUMNS, rows)
        settle([arrival_of(change, mine.number, None) for change in changes], positions=False)
        mine.save()
    site.node.marks.raise_to(head_seq=mine.head_seq, clock_floor=mine.last_stamp)


def stamps_at(world: World, site: Site, of: Site) -> list[int]:
    with world.at(site):
        bodies = ChangeRow.objects.filter(replica__uuid=of.replica).order_by("seq")
        return [from_canonical(bytes(body)).stamp for body in bodies.values_list("body", flat=True)]


def one_more(world: World, site: Site) -> int:
    """The stamp of an ordinary save, by a process that has just started."""
    with world.at(site):
        site.node.clock = HybridClock(site.node.wall)
        with recording(by=world.author(site)) as save:
            row = save.add(Patient, given_name="after", registered_on=site.node.now())
        return int(row.made_stamp)


def test_a_log_of_one_millisecond_rises_strictly_and_goes_on_above(world: World) -> None:
    """E6: stamps, chain and marks of a hundred thousand changes."""
    here = world.clinics[0]
    with world.at(here):
        began = here.node.wall()
        log(here, written(here, MANY))
        assert here.node.wall() == began
    stamps = stamps_at(world, here, here)
    assert len(stamps) == MANY
    assert all(before < after for before, after in pairwise(stamps))
    assert unpack(stamps[0])[0] <= unpack(stamps[COUNTER_MAX])[0] < unpack(stamps[-1])[0] <= began + 2
    assert one_more(world, here) > stamps[-1]
    with world.at(here):
        assert all(walk.holds for walk in verify_log())
        assert here.node.marks.read().clock_floor > stamps[-1]


@pytest.mark.slow
def test_a_hundred_thousand_of_one_millisecond_reach_central_and_the_other_clinic(world: World) -> None:
    """E6: and nobody's clock is dragged along, and nothing changes places."""
    here, other = world.clinics
    with world.at(here):
        log(here, written(here, MANY))
    for site in (here, other):
        run = world.sync(site)[0]
        assert (run.outcome, run.reason, run.digests) == ("done", "", "equal")
    assert stamps_at(world, world.central, here) == stamps_at(world, here, here)
    assert world.unsent(here) == 0
    with world.at(other):
        assert Patient.objects.count() == MANY
    assert world.digests(here) == world.digests(other) == world.digests(world.central)
    assert one_more(world, other) > max(stamps_at(world, here, here)[:1])
