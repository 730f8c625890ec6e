"""Where the records of a panel have been received, asked once for all of them.

Lives here: `received_of`, in the shape that `visits/_received.html` prints. Not here: how far one record has
come (`sync/whereabouts.py`), the same for every value a field ever had (`history.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from sync.records import SyncedModel
from sync.whereabouts import Whereabouts, whereabouts

Shape: TypeAlias = dict[str, str]


def received_of(rows: Collection[SyncedModel]) -> Callable[..., Shape]:
    """A function from some of these rows to where they have been received: a thing that is several rows has
    come as far as the last of them. The tablet is that of the first.
    """
    known = whereabouts(rows) if rows else {}

    def of(first: SyncedModel, *others: SyncedModel) -> Shape:
        reached = {known[row.pk] for row in (first, *others)}
        slowest = next(one for one in Whereabouts if one in reached)
        return {"device": first.made_on, "where": slowest.value}

    return of
