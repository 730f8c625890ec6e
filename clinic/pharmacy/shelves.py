"""A stock in parts that somebody can count without losing their place.

Lives here: `shelves`, which cuts a stock by the first letters of its medicines, and `Shelf`. Not here: what
is in stock (`stock.py`), the page (`count_views.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from clinic.pharmacy.cautions import folded
from clinic.pharmacy.stock import Held

MOST_LOTS: Final = 20
"""About what fits on three screens of a tablet."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The medicines from one beginning to another. `first` names it in an address."""

    first: str
    last: str
    stock: list[Held]

    @property
    def label(self) -> str:
        beginning, end = self.first.capitalize(), self.last.capitalize()
        return beginning if beginning == end else f"{beginning}–{end}"

    @property
    def lots(self) -> int:
        return _lots(self.stock)


def shelves(stock: Iterable[Held]) -> list[Shelf]:
    """What has lots, by name. Letters with few lots share a shelf, a letter with many has several."""
    rows = sorted((one for one in stock if one.lots), key=lambda one: (_name(one), one.medicine.strength))
    found: list[Shelf] = []
    for beginning, held in _by_beginning(rows):
        before = found[-1] if found else None
        if before is not None and before.lots + _lots(held) <= MOST_LOTS:
            found[-1] = Shelf(before.first, beginning, [*before.stock, *held])
        else:
            found.append(Shelf(beginning, beginning, held))
    return found


def shelf_at(all_of_them: Sequence[Shelf], asked: str) -> int:
    """The place of the shelf that an address means. Its letters may lie on another shelf by now."""
    places = [place for place, one in enumerate(all_of_them) if one.first <= folded(asked)]
    return places[-1] if places else 0


def _by_beginning(rows: Sequence[Held]) -> Iterable[tuple[str, list[Held]]]:
    for letter, group in groupby(rows, key=lambda one: _name(one)[:1]):
        held = list(group)
        if _lots(held) <= MOST_LOTS:
            yield letter, held
        else:
            for two, part in groupby(held, key=lambda one: _name(one)[:2]):
                yield two, list(part)


def _name(one: Held) -> str:
    return folded(one.medicine.name)


def _lots(stock: Sequence[Held]) -> int:
    return sum(len(one.lots) for one in stock)
