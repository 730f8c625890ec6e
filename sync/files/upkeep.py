"""What files need besides travelling: counting those that wait, and sweeping.

Lives here: `files_waiting` for the status, `files_are_due` for whoever decides about runs, and `sweep_files`.
Not here: the run (`travel.py`), the directory (`store.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sync.files.models import FileRecord, Parcel, file_tables
from sync.files.store import file_store
from sync.ledger.replicas import self_replica
from sync.node import current_node

WORTH_A_RUN_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class FilesWaiting:
    """Files of this clinic that central does not have. `unsent` are those whose records wait as well."""

    to_send: int = 0
    unsent: int = 0
    refused: int = 0


def files_waiting() -> FilesWaiting:
    """Counted now."""
    if current_node().is_central:
        return FilesWaiting()
    refused = Parcel.objects.filter(state=Parcel.State.REFUSED).count()
    to_send = Parcel.objects.filter(state=Parcel.State.TO_SEND)
    number = to_send.count()
    if not number:
        return FilesWaiting(refused=refused)
    mine = self_replica()
    mine.refresh_from_db(fields=["acked_seq"])
    unsent = sum(
        table.model.objects.filter(
            pk__in=to_send.values("pk"), made_replica=mine.number, made_seq__gt=mine.acked_seq
        ).count()
        for table in file_tables()
    )
    return FilesWaiting(number, unsent, refused)


def files_are_due() -> bool:
    """Whether files are worth a run of their own. What did not move in a day goes with the usual runs."""
    underway = (Parcel.State.TO_SEND, Parcel.State.WANTED)
    lately = current_node().wall() - WORTH_A_RUN_MS
    return Parcel.objects.filter(state__in=underway, since__gt=lately).exists()


def sweep_files() -> int:
    """Remove what nobody needs from the directory of files; answers how many."""

    def named(digests: Collection[str]) -> set[str]:
        wanted = list(digests)
        return {
            digest
            for table in file_tables()
            if issubclass(table.model, FileRecord)
            for digest in table.model.objects.filter(sha256__in=wanted).values_list("sha256", flat=True)
        }

    return file_store().sweep(named)
