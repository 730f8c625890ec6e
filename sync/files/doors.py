"""Central's doors for files: how far are you, take this piece, give me a piece.

Lives here: `files`, `file-put`, `file-get`. Which records a node may name comes from what it follows, as for
rows; whatever it may not know is answered like what does not exist. A file is believed when its hash is the
record's. Not here: the clinic's side (`travel.py`), who knocks (`sync/carriers/server.py`).
See docs/sync-protocol.md.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from sync.alarms import note
from sync.carriers.server import Caller, endpoint, refusal
from sync.exchanges import unpack
from sync.feed.pages import Reader, in_scope
from sync.feed.wall import walled
from sync.files.messages import (
    FilesAnswer,
    FilesRequest,
    PieceGiven,
    PieceSent,
    PieceTaken,
    PieceWanted,
)
from sync.files.models import FileRecord, Parcel, file_tables
from sync.files.sealed import Damaged, NotThatFile, Part
from sync.files.store import file_store
from sync.models import SecurityEvent
from sync.node import current_node


def _records(caller: Caller, ids: Collection[UUID]) -> dict[UUID, FileRecord]:
    """Those of the records that this node follows."""
    reader = Reader(caller.node, caller.live.number)
    found: dict[UUID, FileRecord] = {}
    with transaction.atomic(), walled(caller.node):
        for table in file_tables():
            rows = table.model.objects.living().filter(pk__in=list(ids))
            found |= {row.pk: row for row in in_scope(reader, table, rows)}
    return found


def _record(caller: Caller, raw: bytes) -> FileRecord:
    record_id = UUID(bytes=raw)
    found = _records(caller, [record_id]).get(record_id)
    if found is None:
        note("unknown-file", "A file was asked for that is not this node's, or nobody's.", caller.node.uuid)
        raise refusal("unknown-file", "There is no such file for this node.", 404)
    return found


@endpoint("files")
def tell_files(caller: Caller, body: bytes) -> bytes:
    """How far central is with these records' files."""
    rows = _records(caller, [UUID(bytes=raw) for raw in unpack(FilesRequest, body).records])
    arrived = _arrived(rows)
    store = file_store()
    known = {
        row.pk.bytes: (row.size, True) if row.pk in arrived else (store.part_length(row.pk), False)
        for row in rows.values()
    }
    return FilesAnswer(known).pack()


def _arrived(rows: Collection[UUID]) -> set[UUID]:
    there = Parcel.objects.filter(pk__in=list(rows), state=Parcel.State.ARRIVED)
    return set(there.values_list("pk", flat=True))


@endpoint("file-put")
def take_piece(caller: Caller, body: bytes) -> bytes:
    """One more piece. What does not begin where the file ends so far is left out, and told."""
    sent = unpack(PieceSent, body)
    row = _record(caller, sent.record)
    if sent.at + len(sent.piece) > row.size:
        raise refusal("wrong-content", "The file is shorter than that.", 409)
    with file_store().part(row.pk) as part:
        if _arrived([row.pk]):
            return PieceTaken(row.size, whole=True).pack()
        there = part.append(sent.at, sent.piece)
        if there < row.size:
            return PieceTaken(there, whole=False).pack()
        _finish(caller, row, part)
    return PieceTaken(row.size, whole=True).pack()


def _finish(caller: Caller, row: FileRecord, part: Part) -> None:
    try:
        file_store().finish(part, row.sha256, row.size)
    except (NotThatFile, Damaged):
        SecurityEvent.objects.create(
            at=current_node().wall(),
            code="wrong-content",
            node_uuid=caller.node.uuid,
            sentence=f"The file of {row.pk} is not what its record says.",
        )
        raise refusal("wrong-content", "The file is not what its record says.", 409) from None
    Parcel.objects.update_or_create(
        pk=row.pk, defaults={"state": Parcel.State.ARRIVED, "since": current_node().wall()}
    )


@endpoint("file-get")
def give_piece(caller: Caller, body: bytes) -> bytes:
    """A piece of a file that has arrived."""
    wanted = unpack(PieceWanted, body)
    row = _record(caller, wanted.record)
    if not _arrived([row.pk]) or not row.is_here:
        raise refusal("not-here-yet", "The file has not arrived here yet.", 409)
    if wanted.at >= row.size:
        return PieceGiven(b"").pack()
    try:
        return PieceGiven(file_store().read(row.sha256, wanted.at, wanted.most)).pack()
    except Damaged:
        raise refusal("not-here-yet", "The file here is damaged.", 409) from None
