"""Digests: proof that both sides hold equal data, and the repair where they do not.

Lives here: the digest of a table on this replica, central's answer, and the clinic's comparison. Digests are
of heads, never of shown columns, so an edit by SQL shows. Ids that are unsent, set aside or changed by others
past the clinic's position are left out on both sides. Not here: the hash itself (`sync/core/digest.py`).
Read next: `sync/run.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import or_
from typing import Final
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q

from sync.carriers.http import Session
from sync.carriers.server import Caller, endpoint
from sync.core.digest import TableDigest, bucket_of, differing, record_hash
from sync.core.protocol import decode_page, encode_page
from sync.download import apply_records
from sync.exchanges import (
    DigestAnswer,
    DigestFinding,
    DigestQuestion,
    DigestRequest,
    unpack,
)
from sync.feed.models import Cursor
from sync.feed.pages import Reader, followed_since, in_scope, news_after, record_of
from sync.feed.positions import SUBSCRIPTIONS
from sync.feed.wall import walled
from sync.ledger.models import Change, Replica
from sync.ledger.replicas import line_before, self_replica
from sync.models import SecurityEvent
from sync.node import current_node
from sync.records import SyncedModel, door
from sync.review.models import Aside, Conflict
from sync.rowstate import state_of_row
from sync.tables import Table, all_tables, table_named

MOST_IGNORED: Final = 5_000
MOST_REPAIRED: Final = 500
CHUNK: Final = 500
SPANS: Final = 100
PATIENCE_S: Final = 60.0


def hash_of_row(table: Table, row: SyncedModel) -> int:
    """The row's hash: over its heads, from what the columns really hold. A row that cannot be read is no row
    of ours: its hash is that of nothing.
    """
    try:
        state = state_of_row(table, row)
    except (ValueError, TypeError, msgspec.MsgspecError, Replica.DoesNotExist):
        return 0
    return record_hash(table.name, row.pk, state)


def digest_rows(table: Table, rows: Iterable[SyncedModel], without: set[UUID]) -> TableDigest:
    """The digest of some rows of a table."""
    digest = TableDigest()
    for row in rows:
        if row.pk not in without:
            digest.add(row.pk, hash_of_row(table, row))
    return digest


def digest_here(table: Table, scope: UUID | None = None, without: set[UUID] | None = None) -> TableDigest:
    """This replica's digest of a table, of one scope key if given."""
    rows = table.model.objects.all()
    if scope is not None:
        if table.scope_attname is None:
            return TableDigest()
        rows = rows.filter(**{table.scope_attname: scope})
    return digest_rows(table, rows.iterator(chunk_size=CHUNK), without or set())


def not_vouched_for() -> dict[str, set[UUID]]:
    """Per table: the ids that this clinic has changed without a receipt, or that central keeps aside. After a
    restore the replicas before count as well: what they had not sent is nobody else's to judge.
    """
    found: dict[str, set[UUID]] = {}
    mine = self_replica()
    for replica in [*line_before(mine), mine]:
        asides = Aside.objects.filter(replica_uuid=replica.uuid).values_list("seq_from", "seq_to")
        spans = [Q(seq__gt=replica.acked_seq), *(Q(seq__gte=first, seq__lte=last) for first, last in asides)]
        for start in range(0, len(spans), SPANS):
            touched = reduce(or_, spans[start : start + SPANS])
            rows = Change.objects.filter(touched, replica=replica)
            for name, record_id in rows.values_list("table", "record_id"):
                found.setdefault(name, set()).add(record_id)
    return found


# --- central ---------------------------------------------------------------------------------------------


@endpoint("digests")
def receive_digests(caller: Caller, body: bytes) -> bytes:
    """Central's door."""
    reader = Reader(caller.node, caller.live.number)
    ask = unpack(DigestRequest, body)
    with transaction.atomic(), walled(caller.node):
        findings = [_find(reader, question, ask.followed) for question in ask.tables]
    return DigestAnswer(findings).pack()


def _find(reader: Reader, question: DigestQuestion, followed: int) -> DigestFinding:
    table = table_named(question.table)
    if table is None:
        return DigestFinding(question.table, b"")
    scoped = in_scope(reader, table, table.model.objects.all())
    news = news_after(reader, question.position) | followed_since(reader, table, followed)
    moved = set(scoped.filter(news).values_list("pk", flat=True)[: MOST_IGNORED + 1])
    if len(moved) > MOST_IGNORED:
        return DigestFinding(question.table, b"", [next(iter(moved)).bytes])
    without = moved | {UUID(bytes=one) for one in question.ignored}
    digest = digest_rows(table, scoped.iterator(chunk_size=CHUNK), without)
    finding = DigestFinding(question.table, digest.root(), [one.bytes for one in sorted(moved)])
    if question.buckets:
        finding.buckets = digest.buckets()
    if question.listed:
        _repair(table, scoped.iterator(chunk_size=CHUNK), without, question, finding)
    return finding


def _repair(
    table: Table,
    rows: Iterable[SyncedModel],
    without: set[UUID],
    question: DigestQuestion,
    finding: DigestFinding,
) -> None:
    """Of the listed buckets: send the records that differ, name those that the clinic should not have."""
    theirs = {UUID(bytes=one): hashed for listed in question.listed.values() for one, hashed in listed}
    here = {row.pk: row for row in rows if bucket_of(row.pk) in question.listed and row.pk not in without}
    wrong = [row for pk, row in here.items() if theirs.get(pk) != hash_of_row(table, row).to_bytes(16, "big")]
    finding.page = encode_page([record_of(table, row) for row in wrong[:MOST_REPAIRED]]) if wrong else b""
    finding.extra = [pk.bytes for pk in sorted(set(theirs) - set(here) - without)]


# --- clinic ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Comparison:
    """What came of comparing: tables that are equal, and what had to be repaired. `later`: some table moves
    too fast at central to say.
    """

    equal: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    repaired: int = 0
    later: bool = False

    @property
    def word(self) -> str:
        """For the run's row: what may be said of both sides now."""
        if self.differing:
            return "repaired" if self.repaired else "differ"
        return "later" if self.later else "equal"


def compare(session: Session, names: Iterable[str] | None = None, *, repair: bool = True) -> Comparison:
    """Compare tables with central; what differs where nothing unsent explains it is replaced from central and
    logged.
    """
    ignored = not_vouched_for()
    cursors = dict(Cursor.objects.values_list("table", "position"))
    wanted = set(names) if names is not None else {table.name for table in all_tables()}
    tables = [table for table in all_tables() if table.name in wanted]
    questions = [
        DigestQuestion(table.name, cursors.get(table.name, 0), _as_bytes(ignored.get(table.name, set())))
        for table in tables
    ]
    result = Comparison()
    findings, digests = _ask(session, questions, tables)
    for table, question, finding, digest in zip(tables, questions, findings, digests, strict=True):
        if finding.root != digest.root() and finding.moved:
            question.ignored = sorted({*finding.moved, *question.ignored})
            (finding,), (digest,) = _ask(session, [question], [table])
        if not finding.root:
            result.later |= bool(finding.moved)
            continue  # central does not know the table, or moves too fast to compare now
        wrong = 0 if finding.root == digest.root() else _look_closer(session, table, question, repair=repair)
        if wrong:
            result.differing.append(table.name)
            result.repaired += wrong if repair else 0
        else:
            result.equal.append(table.name)
    return result


def _as_bytes(ids: Iterable[UUID]) -> list[bytes]:
    return [one.bytes for one in sorted(ids)]


def _ids(raw: Iterable[bytes]) -> set[UUID]:
    return {UUID(bytes=one) for one in raw}


def _ask(
    session: Session, questions: Sequence[DigestQuestion], tables: Sequence[Table]
) -> tuple[list[DigestFinding], list[TableDigest]]:
    """Central's findings and our own digests; both sides count at the same time."""
    followed = Cursor.objects.filter(table=SUBSCRIPTIONS).values_list("position", flat=True).first()
    body = DigestRequest(list(questions), followed or 0).pack()

    def here() -> list[TableDigest]:
        pairs = zip(tables, questions, strict=True)
        return [digest_here(table, without=_ids(question.ignored)) for table, question in pairs]

    if current_node().kept.get("carrier") is not None:
        return unpack(DigestAnswer, session.post("digests", body, patience=PATIENCE_S)).tables, here()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="digests") as pool:
        coming = pool.submit(copy_context().run, partial(session.post, "digests", body, patience=PATIENCE_S))
        mine = here()
        return unpack(DigestAnswer, coming.result()).tables, mine


def _look_closer(session: Session, table: Table, question: DigestQuestion, *, repair: bool) -> int:
    """How many records really differ. None may: people went on saving while both sides counted."""
    question.buckets = True
    (theirs,), (digest,) = _ask(session, [question], [table])
    if not theirs.buckets:
        return 0
    question.buckets = False
    question.listed = {number: [] for number in differing(digest.buckets(), theirs.buckets)}
    without = _ids(question.ignored)
    for row in table.model.objects.iterator(chunk_size=CHUNK):
        if row.pk not in without and bucket_of(row.pk) in question.listed:
            hashed = hash_of_row(table, row).to_bytes(16, "big")
            question.listed[bucket_of(row.pk)].append((row.pk.bytes, hashed))
    (finding,), _digests = _ask(session, [question], [table])
    return _replace(table, finding, repair=repair)


def _replace(table: Table, finding: DigestFinding, *, repair: bool) -> int:
    """Take central's word for records that differ here although everything of ours has been received."""
    records = decode_page(finding.page) if finding.page else []
    with transaction.atomic(durable=True):
        self_replica(lock=True)
        # Somebody may have saved since the comparison began: what is unsent now is not central's to replace.
        unsent = not_vouched_for().get(table.name, set())
        records = [record for record in records if record.record_id not in unsent]
        wrong = [record.record_id for record in records] + sorted(_ids(finding.extra) - unsent)
        if wrong and repair:
            with door():
                table.model.objects.filter(pk__in=wrong).delete()
            Conflict.objects.filter(table=table.name, record_id__in=wrong).delete()
            apply_records(records)
            SecurityEvent.objects.create(
                at=current_node().wall(),
                code="repaired",
                sentence=f"{len(wrong)} records of {table.name} differed from central and were replaced: "
                + ", ".join(str(one) for one in wrong[:20]),
            )
    return len(wrong)
