"""Generated rows → saves in a replica's log and tables, in bulk, exactly as `recording` would have left them.

Lives here: `changes_of` (rows → changes) and `store` (changes → log, chain, rows). Only for measuring: the
product has one door for writes, and seeding 12,000 saves through it would measure the seeding.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from sync.apply import arrival_of, settle
from sync.core.clock import pack
from sync.core.merge import Past
from sync.core.protocol import Change, canonical, chain_digest, derive_id, new_save_id
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.node import current_node
from tests.bench.people import Row

BATCH = 2_000


def changes_of(rows: Sequence[Row], replica: UUID, first_seq: int, seed: int = 7) -> list[Change]:
    """One save per row, in order; an event refers to its person."""
    rng = random.Random(seed)
    authors = [UUID(int=rng.getrandbits(128)) for _ in range(6)]
    made: list[Change] = []
    stamp = 0
    for index, row in enumerate(rows):
        save_id = new_save_id(row.at_ms, rng)
        stamp = max(stamp + 1, pack(row.at_ms))
        fields = dict(row.fields)
        if row.parent is not None:
            fields["patient"] = made[row.parent].record_id.bytes
        made.append(
            Change(
                replica=replica,
                seq=first_seq + index,
                save_id=save_id,
                ordinal=0,
                last=True,
                table=row.table,
                record_id=derive_id(save_id, 0),
                stamp=stamp,
                author=authors[row.author],
                device=f"tablet-{row.device}",
                clock_offset_ms=0,
                schema=1,
                past=Past(),
                fields=fields,
            )
        )
    return made


def log_rows(replica: Replica, changes: Sequence[Change]) -> list[ChangeRow]:
    """The log rows of these changes, chained to the replica's head."""
    digest = bytes(replica.head_digest)
    made = []
    for change in changes:
        body = canonical(change)
        digest = chain_digest(digest, body)
        made.append(
            ChangeRow(
                replica=replica,
                seq=change.seq,
                save_id=change.save_id,
                table=change.table,
                record_id=change.record_id,
                body=body,
                digest=digest,
            )
        )
    return made


def store(rows: Sequence[Row]) -> int:
    """Put rows into this node's database as its own saves; answers the new head."""
    replica = Replica.objects.get(is_self=True)
    changes = changes_of(rows, replica.uuid, replica.head_seq + 1)
    for start in range(0, len(changes), BATCH):
        part = changes[start : start + BATCH]
        with transaction.atomic():
            logged = log_rows(replica, part)
            ChangeRow.objects.bulk_create(logged)
            settle([arrival_of(change, replica.number, None) for change in part])
            replica.head_seq, replica.head_digest = part[-1].seq, logged[-1].digest
            replica.last_stamp = part[-1].stamp
            replica.save()
    current_node().marks.raise_to(head_seq=replica.head_seq, clock_floor=replica.last_stamp)
    return replica.head_seq
