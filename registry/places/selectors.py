"""Reads of places worth a name.

Lives here: lookups by code, the areas inside an area, the areas a facility serves. Not here: writing
(`services.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from registry.places.models import Area, Catchment, Facility


def facility_by_code(code: str) -> Facility | None:
    """The living facility with this code."""
    return Facility.objects.living().filter(code=code).order_by("id").first() if code else None


def facility_named(text: str) -> Facility | None:
    """The living facility that a person means: by id, by code, else by its whole name."""
    try:
        return Facility.objects.living().filter(pk=UUID(text)).first()
    except ValueError:
        found = Facility.objects.living().filter(name__iexact=text).order_by("id").first()
        return facility_by_code(text) or found


def area_by_code(code: str) -> Area | None:
    """The living area with this code."""
    return Area.objects.living().filter(code=code).order_by("id").first() if code else None


def facilities_of(ids: Iterable[UUID]) -> list[Facility]:
    """Facilities in the order of their names."""
    return list(Facility.objects.living().filter(pk__in=list(ids)))


def area_choices() -> list[Area]:
    """The areas that a person may live in: the lowest ones first come to mind, so deepest level, then
    name.
    """
    return list(Area.objects.living().order_by("-level", "name", "id"))


def within(areas: Collection[UUID]) -> set[UUID]:
    """The areas and everything inside them, level by level; a loop in the list of parents ends the walk."""
    found: set[UUID] = set(areas)
    edge = set(areas)
    while edge:
        children = Area.objects.living().filter(parent_id__in=edge).values_list("pk", flat=True)
        edge = set(children) - found
        found |= edge
    return found


def areas_served(facilities: Collection[UUID]) -> set[UUID]:
    """Every area whose people these facilities serve: their catchments; for a facility without one the area
    that it stands in.
    """
    catchments = Catchment.objects.living().filter(facility_id__in=list(facilities))
    found = list(catchments.values_list("facility_id", "area_id"))
    without = set(facilities) - {facility for facility, _area in found}
    there = Facility.objects.living().filter(pk__in=without, area__isnull=False)
    return within({*(area for _facility, area in found), *there.values_list("area_id", flat=True)})
