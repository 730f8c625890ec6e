"""The clinic's step of a run for files: after everything else, piece by piece, for as long as it may take.

Lives here: what is to be sent and what somebody wants to see, oldest first; each goes on where central (or
the part here) stands. On a thin link files get some seconds of a run, and stand back as soon as somebody
saved something. A link that breaks ends the step, not the run: records are safe already. Not here: central's
side (`doors.py`), how fast the link is (`sync/pace.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sync.carriers.http import LinkBroke, Refused
from sync.crash import crash_point
from sync.exchanges import Body, unpack
from sync.files.messages import (
    LARGEST_PIECE,
    MOST_ASKED,
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
from sync.ledger.replicas import self_replica
from sync.models import SecurityEvent
from sync.node import current_node
from sync.run import Run, step

LEAST_PIECE: Final = 4_000
MOST_PIECE: Final = 1 << 16
THIN_RATE: Final = 20_000.0  # bytes in a second: below this, people notice what files take from them
THIN_SECONDS: Final = 20.0
MOST_SECONDS: Final = 120.0
_UNDERWAY: Final = (Parcel.State.TO_SEND, Parcel.State.WANTED)


class _Enough(Exception):
    """The rest waits for the next run."""


@dataclass(slots=True)
class _Trip:
    """One run's time for files."""

    run: Run
    began: float = field(default_factory=time.monotonic)
    pieces: int = 0

    @property
    def size(self) -> int:
        """How large a piece is: what the link carries in a few seconds; the first measures it."""
        known = self.run.pace.target if self.run.pace.rate else LEAST_PIECE
        return min(max(LEAST_PIECE, known), MOST_PIECE, LARGEST_PIECE)

    def next(self) -> None:
        """Before each piece: may it go? One always may, so that each run moves something."""
        self.run.note()
        if self.pieces and (time.monotonic() - self.began > self._seconds or _somebody_saved()):
            raise _Enough
        self.pieces += 1

    @property
    def _seconds(self) -> float:
        fixed = current_node().kept.get("file_seconds")  # a test decides how long a run may take
        if fixed is not None:
            return float(fixed)
        return THIN_SECONDS if self.run.pace.rate < THIN_RATE else MOST_SECONDS

    def ask(self, door: str, question: Body, size: int) -> bytes:
        """One request that carries a piece, there or back; it tells how fast the link is."""
        began, body = time.monotonic(), question.pack()
        answer = self.run.session.post(door, body, patience=self.run.pace.patience(size))
        self.run.pace.sent(max(len(body), len(answer)), began, time.monotonic())
        return answer


def _somebody_saved() -> bool:
    replica = self_replica()
    replica.refresh_from_db(fields=["head_seq", "acked_seq"])
    return replica.head_seq > replica.acked_seq


@step("files", 95)
def carry_files(run: Run) -> None:
    """Send and fetch files while there is time."""
    rows = _underway(run)
    if not rows or _somebody_saved():
        return
    trip = _Trip(run)
    try:
        for record_id, (there, whole) in _told(run, rows).items():
            _carry(trip, rows[record_id], there, whole=whole)
    except (_Enough, LinkBroke):
        return
    except Refused as refused:
        if refused.code != "not-found":  # an older central has no such doors
            raise


def _underway(run: Run) -> dict[UUID, FileRecord]:
    """Records whose files wait and which central knows of, oldest first."""
    states = [Parcel.State.TO_SEND] if run.upload_only else _UNDERWAY
    waiting = Parcel.objects.filter(state__in=states).order_by("since", "pk")
    order = list(waiting.values_list("pk", flat=True)[:MOST_ASKED])
    mine, found = self_replica(), {}
    for table in file_tables():
        for row in table.model.objects.living().filter(pk__in=order):
            if row.made_replica != mine.number or row.made_seq <= mine.acked_seq:
                found[row.pk] = row
    return {record_id: found[record_id] for record_id in order if record_id in found}


def _told(run: Run, rows: Iterable[UUID]) -> dict[UUID, tuple[int, bool]]:
    """How far central is; what it does not know of yet is left out."""
    question = FilesRequest([record_id.bytes for record_id in rows])
    known = unpack(FilesAnswer, run.session.post("files", question.pack())).known
    return {record_id: known[record_id.bytes] for record_id in rows if record_id.bytes in known}


def _carry(trip: _Trip, row: FileRecord, there: int, *, whole: bool) -> None:
    store = file_store()
    if store.has(row.sha256):
        if whole or _send(trip, row, there):
            _settle(row)
    elif whole:
        with store.part(row.pk) as part:
            _fetch(trip, row, part)
    elif Parcel.objects.filter(pk=row.pk, state=Parcel.State.TO_SEND).exists():
        _give_up(row, "lost-file", "A file was lost with the disk before it was sent.")


def _send(trip: _Trip, row: FileRecord, there: int) -> bool:
    """From where central stands to the end."""
    while True:
        trip.next()
        try:
            piece = file_store().read(row.sha256, there, trip.size) if there < row.size else b""
        except Damaged:
            _give_up(row, "damaged-file", "A file on this laptop is damaged; it was not sent.")
            return False
        crash_point("file.before-send")
        try:
            body = trip.ask("file-put", PieceSent(row.pk.bytes, there, piece), len(piece))
        except Refused as refused:
            if refused.code == "wrong-content":
                _give_up(row, refused.code, "Central refused a file that is not what its record says.")
            elif refused.code != "unknown-file":
                raise
            return False
        taken = unpack(PieceTaken, body)
        if taken.whole:
            return True
        there = taken.there  # wherever that is: central may have lost what it had


def _fetch(trip: _Trip, row: FileRecord, part: Part) -> None:
    """From where the part here ends to the end."""
    store = file_store()
    while part.length < row.size:
        trip.next()
        question = PieceWanted(row.pk.bytes, part.length, trip.size)
        try:
            piece = unpack(PieceGiven, trip.ask("file-get", question, question.most)).piece
        except Refused as refused:
            if refused.code not in ("not-here-yet", "unknown-file"):
                raise
            return
        if not piece or part.append(question.at, piece) > row.size:
            part.discard()
            return
    try:
        store.finish(part, row.sha256, row.size)
    except (NotThatFile, Damaged):
        _give_up(row, "wrong-content", "A file from central is not what its record says.")
        return
    _settle(row)


def _settle(row: FileRecord) -> None:
    """The bytes are here and at central."""
    _put(row, Parcel.State.ARRIVED)


def _give_up(row: FileRecord, code: str, sentence: str) -> None:
    _put(row, Parcel.State.REFUSED)
    SecurityEvent.objects.create(at=current_node().wall(), code=code, sentence=f"{sentence} ({row.pk})")


def _put(row: FileRecord, state: str) -> None:
    Parcel.objects.filter(pk=row.pk).update(state=state, since=current_node().wall())
