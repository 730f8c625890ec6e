"""The only writers of places. Central's lists: at a clinic the door itself refuses.

Lives here: adding areas and facilities (idempotent by code, so that an import may be repeated) and setting
what a facility serves. Read next: `registry/staff/services.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from registry.places.models import Area, Catchment, Facility
from registry.places.selectors import area_by_code, facility_by_code
from sync.ledger.recording import Author, recording


def add_area(
    *,
    by: Author,
    name: str,
    code: str = "",
    parent: Area | None = None,
    level: int | None = None,
    save_id: UUID | None = None,
) -> Area:
    """An area; one with the same code is brought up to date instead."""
    depth = level if level is not None else (parent.level + 1 if parent else 1)
    wanted = {"name": name, "parent": parent, "level": depth}
    with recording(by=by, save_id=save_id) as save:
        known = area_by_code(code)
        if save.repeated:
            return known or Area.objects.get(pk=save.id_of(0))
        if known is None:
            return save.add(Area, code=code, **wanted)
        save.edit(known, wanted)
    return Area.objects.get(pk=known.pk)


def add_facility(
    *,
    by: Author,
    name: str,
    code: str = "",
    area: Area | None = None,
    kind: str = Facility.Kind.POST,
    save_id: UUID | None = None,
) -> Facility:
    """A facility; one with the same code is brought up to date instead."""
    wanted: dict[str, Any] = {"name": name, "area": area, "kind": kind}
    with recording(by=by, save_id=save_id) as save:
        known = facility_by_code(code)
        if save.repeated:
            return known or Facility.objects.get(pk=save.id_of(0))
        if known is None:
            return save.add(Facility, code=code, **wanted)
        save.edit(known, wanted)
    return Facility.objects.get(pk=known.pk)


def set_catchment(
    *, by: Author, facility: Facility, areas: Collection[Area], save_id: UUID | None = None
) -> None:
    """What a facility serves, from now on exactly these areas."""
    wanted = {area.pk for area in areas}
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return
        kept: set[UUID] = set()
        for row in Catchment.objects.living().filter(facility=facility).order_by("id"):
            if row.area_id in wanted and row.area_id not in kept:
                kept.add(row.area_id)
            else:
                save.remove(row)
        for area_id in sorted(wanted - kept):
            save.add(Catchment, facility=facility, area_id=area_id)
