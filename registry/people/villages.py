"""The villages that a form offers.

Lives here: `offered`, a handful of areas (the one that is chosen, those this registrar used lately, those
most people live in), and `villages_like`, those whose name is like what was typed. Not here: the list
itself (`registry/places`), the boxes (`forms.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID

from django.db.models import Count

from registry.people.models import Patient
from registry.people.ranking import likeness, words
from registry.people.spelling import fold
from registry.places.models import Area

FEW: Final = 8  # so many are all shown; of more, some are shown and the rest is searched
LATELY: Final = 6
ALIKE_ENOUGH: Final = 0.8
Choice = tuple[str, str]


def uuid_in(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def are_few() -> bool:
    """Whether a form can show every area at once."""
    return Area.objects.living().count() <= FEW


def choices_of(area_ids: Iterable[UUID]) -> list[Choice]:
    """These areas with their names, in this order; whoever hears a name twice is told where it lies."""
    wanted = list(dict.fromkeys(area_ids))
    rows = {row.pk: row for row in Area.objects.living().filter(pk__in=wanted).select_related("parent")}
    return [(str(key), _told(rows[key])) for key in wanted if key in rows]


def _told(area: Area) -> str:
    return f"{area.name} · {area.parent.name}" if area.parent else area.name


def offered(chosen: UUID | None, lately: Collection[UUID] = ()) -> list[Choice]:
    """What a form offers before anybody has searched."""
    first = [chosen] if chosen else []
    if are_few():
        rows = Area.objects.living().order_by("-level", "name", "id").values_list("pk", flat=True)
        return choices_of(rows)
    return choices_of([*first, *lately, *_most_people()])[:LATELY]


def _most_people() -> list[UUID]:
    rows = Patient.objects.living().filter(village__isnull=False).values("village").annotate(n=Count("pk"))
    return [row["village"] for row in rows.order_by("-n", "village")[:LATELY]]


def villages_like(text: str, limit: int = LATELY) -> list[UUID]:
    """The areas whose names are like a text, the lowest on the map first where names are equally like."""
    typed, folded = words(text), fold(text).strip()
    if not typed:
        return []
    scored: list[tuple[float, int, str, UUID]] = []
    for key, name, level in Area.objects.living().values_list("pk", "name", "level"):
        score = 1.0 if fold(name) == folded else likeness(typed, words(name), ()).score
        if score >= ALIKE_ENOUGH:
            scored.append((-score, -level, name, key))
    return [key for *_rank, key in sorted(scored)[:limit]]


def village_named(text: str) -> UUID | None:
    """The one area that has exactly this name; None where none or several have."""
    folded = fold(text).strip()
    exact = [
        key for key, name in Area.objects.living().values_list("pk", "name") if fold(name).strip() == folded
    ]
    return exact[0] if len(exact) == 1 else None
