"""The same figures as the reports, counted row by row in plain Python.

Lives here: one function for each report, as slow and as plain as it can be, from every row there is. Not
here: made-up rows (`past.py`), the comparison (`test_counts.py`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from clinic.pharmacy.models import StockMovement
from clinic.programs.icd10 import is_code
from clinic.reports.asked import Asked
from clinic.reports.chapters import chapter_of
from clinic.reports.policy import AgeGroup, Sex, age_group
from clinic.visits.models import StageEvent, Visit, VisitStep
from registry.people.policy import age_in_years


def local_day(at: datetime) -> date:
    return timezone.localtime(at).date()


def is_asked(asked: Asked, facility: UUID, at: datetime) -> bool:
    return facility in asked.place_ids and asked.span.first <= local_day(at) <= asked.span.last


def visits(asked: Asked) -> list[Visit]:
    every = Visit.objects.all()
    return [one for one in every if not one.gone and is_asked(asked, one.facility_id, one.opened_at)]


def steps_of(visit: Visit) -> list[VisitStep]:
    rows = [one for one in VisitStep.objects.all() if one.visit_id == visit.pk and not one.gone]
    return sorted(rows, key=lambda one: (one.made_stamp, one.pk))


def minutes(first: datetime, last: datetime) -> float:
    """Whole minutes; a clock that went back by less than one counts as none."""
    seconds = int(last.timestamp()) - int(first.timestamp())
    return int(seconds / 60)


def passing(asked: Asked) -> dict[str, Any]:
    found = visits(asked)
    waits: dict[str, list[float]] = defaultdict(list)
    whole: list[float] = []
    closed = 0
    for visit in found:
        steps = steps_of(visit)
        closes = [one for one in steps if one.kind == "closed"]
        closed += bool(closes)
        if closes and all(one.kind != "carried" for one in steps):
            spent = minutes(visit.opened_at, closes[0].at)
            whole += [spent] if spent >= 0 else []
        for station in {one.station for one in steps}:
            arrived: datetime | None = None
            for step in [one for one in steps if one.station == station]:
                if step.kind in ("sent", "sent-back", "returned"):
                    arrived = step.at
                elif step.kind in ("claimed", "carried"):
                    if step.kind == "claimed" and arrived and (spent := minutes(arrived, step.at)) >= 0:
                        waits[station].append(spent)
                    arrived = None
    local = [timezone.localtime(one.opened_at) for one in found]
    return {
        "total": len(found),
        "closed": closed,
        "hours": {hour: number for hour, number in Counter(at.hour for at in local).items() if number},
        "days": dict(Counter(at.date() for at in local)),
        "categories": dict(Counter(one.category for one in found)),
        "waits": {station: Counter(some) for station, some in waits.items()},
        "whole": Counter(whole),
    }


def group_of(born: date | None, on: date) -> AgeGroup:
    return AgeGroup.UNKNOWN if born is None or born > on else age_group(age_in_years(born, on))


def morbidity(asked: Asked) -> dict[str, Any]:
    new: Counter[tuple[str, Sex, AgeGroup]] = Counter()
    again: Counter[str] = Counter()
    uncoded = 0
    for event in StageEvent.objects.select_related("visit", "patient"):
        if event.gone or event.stage != "opd_stage_consultation" or (event.visit and event.visit.gone):
            continue
        at = event.visit.opened_at if event.visit else event.occurred_at
        place = event.visit.facility_id if event.visit else event.facility_id
        if not is_asked(asked, place, at):
            continue
        code = event.values.get("diagnosis_code")
        if not code:
            uncoded += 1
        elif event.values.get("visit_kind") == "FOLLOW_UP":
            again[code] += 1
        else:
            group = group_of(event.patient.birth_date, local_day(at))
            new[code, Sex.of(event.patient.sex), group] += 1
    chapters: Counter[tuple[str, Sex, AgeGroup]] = Counter()
    for (code, sex, group), number in new.items():
        chapters[chapter_of(code) if is_code(code) else "", sex, group] += number
    return {"new": new, "again": again, "uncoded": uncoded, "chapters": chapters}


def stock(asked: Asked) -> dict[UUID, dict[str, int]]:
    found: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    names = {
        "receipt": "received",
        "transfer-in": "received",
        "dispensed": "given",
        "returned": "given",
        "discarded": "lost",
    }
    for row in StockMovement.objects.all():
        if row.gone or row.facility_id not in asked.place_ids or local_day(row.at) > asked.span.last:
            continue
        found[row.medicine_id]["left"] += row.quantity
        if local_day(row.at) >= asked.span.first:
            name = names.get(row.kind, "other")
            found[row.medicine_id][name] += -row.quantity if name in ("given", "lost") else row.quantity
    return {medicine: dict(numbers) for medicine, numbers in found.items() if any(numbers.values())}
