"""The live parts of pages as every tablet shows them: one picture, drawn for nobody in particular.

Lives here: `Picture` (who is where at a facility at one moment, and what was asked for besides, read once), a
digest of each of its parts, and each part's HTML in a language. A part carries no token and no save id and
does not know who looks at it: the page adds what is its own (`static/js/live.js`), so that one drawing serves
every tablet. Not here: who gets it when (`clinic/live`), the pages around it (`views.py`), patients' records
and the lists of other rooms (`clinic/visits/live_parts.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.translation import override

from clinic.board.policy import NEVER_OPENED, DayStanding
from clinic.board.queues import StationQueue, board
from clinic.board.selectors import clinic_day
from clinic.visits.live_parts import digest_of, list_digest, live_list, patient_digests
from clinic.visits.models import Visit
from clinic.visits.policy import Priority, Standing
from clinic.visits.selectors import Entry, speaks_of
from clinic.visits.wording import station_name
from registry.panels import alerts_about
from registry.people.models import Patient
from registry.people.selectors import age_text, today
from registry.places.models import Facility
from registry.staff.selectors import staff_names
from sync.progress import badge

MOST_SHOWN: Final = 30
MOST_ON_BOARD: Final = 6
COUNTS: Final = "counts"
DAY: Final = "day"
STATUS: Final = "status"
ASKED_FOR: Final = ("visit", "patient", "list")
"""Kinds of parts that a look takes in only where somebody shows them."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Who is where at a facility; without one, the status line alone. `touched` are the digests of patients'
    records, `lists` those of lists, of the ones that were asked for.
    """

    status: dict[str, Any]
    queues: tuple[StationQueue, ...] = ()
    day: DayStanding = NEVER_OPENED
    day_by: str = ""
    on: date | None = None
    facility: Facility | None = None
    touched: Mapping[UUID, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    _drawn: dict[tuple[str, str], str] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)

    @property
    def entries(self) -> dict[UUID, Entry]:
        """Everybody who is here or went away, by visit."""
        return {entry.visit.pk: entry for one in self.queues for entry in (*one.entries, *one.away)}

    def digest(self, part: str) -> str:
        """Changes exactly when the part looks different."""
        kind, _colon, key = part.partition(":")
        if kind == "list":
            return self.lists.get(key, "")
        if kind == "patient":
            return self.touched.get(UUID(key), "")
        if part not in self._digests:
            self._digests[part] = digest_of(self._said(part))
        return self._digests[part]

    def _said(self, part: str) -> object:
        kind, _colon, key = part.partition(":")
        if kind in ("station", "queue"):
            return [
                _told(entry) for one in self.queues if one.id == key for entry in (*one.entries, *one.away)
            ]
        if kind == "visit":
            entry = self.entries.get(UUID(key))
            return entry and (entry.standing, self.touched.get(entry.visit.patient_id))
        if kind == COUNTS:
            return [(one.id, one.waiting) for one in self.queues]
        return self.day if kind == DAY else self.status

    def html(self, part: str, language: str) -> str:
        """The part in a language; drawn once, whoever asks."""
        if (part, language) not in self._drawn:
            with override(language):
                self._drawn[part, language] = self._draw(part)
        return self._drawn[part, language]

    def _draw(self, part: str) -> str:
        kind, _colon, key = part.partition(":")
        if kind == STATUS:
            return render_to_string("sync/_badge.html", {"status": self.status})
        if kind == COUNTS:
            return render_to_string("board/_counts.html", {"stations": self.queues})
        if kind == DAY:
            return render_to_string("board/_day.html", {"day": self.day, "day_by": self.day_by})
        if kind == "visit":
            entry = self.entries.get(UUID(key))
            alerts = alerts_about(entry.visit.patient) if entry else []
            context = {"entry": entry and shown(entry, self.on), "alerts": alerts}
            return render_to_string("board/_visit.html", context)
        if kind == "patient":
            patient = Patient.objects.living().filter(pk=key).first()
            context = {"alerts": alerts_about(patient) if patient else []}
            return render_to_string("visits/_news.html", context)
        if kind == "list":
            return self._draw_list(key)
        found = next((one for one in self.queues if one.id == key), None)
        template = "visits/_queue.html" if kind == "queue" else "board/_station.html"
        return render_to_string(template, queue_context(found, self.on)) if found else ""

    def _draw_list(self, name: str) -> str:
        one = live_list(name)
        if one is None or self.facility is None:
            return ""
        return render_to_string(one.template, dict(one.context(self.facility)))


def picture_of(facility: Facility | None, asks: Collection[str] = ()) -> Picture:
    """Look once. `asks`: the parts of visits, patients and lists that somebody shows now."""
    status = badge()
    if facility is None:
        return Picture(status)
    queues, day = tuple(board(facility)), clinic_day(facility)
    day_by = staff_names([day.by]).get(day.by, "") if day.by else ""
    visits = [entry.visit for one in queues for entry in (*one.entries, *one.away)]
    return Picture(
        status,
        queues,
        day,
        day_by,
        today(),
        facility,
        patient_digests(sorted(set(_patients_in(asks, visits)))),
        {name: list_digest(name, facility) for name in _keys(asks, "list") if live_list(name)},
    )


def asked_for(parts: Iterable[str]) -> list[str]:
    """Of these parts those that a look takes in only where somebody shows them."""
    return [part for part in parts if part.partition(":")[0] in ASKED_FOR]


def _patients_in(asks: Collection[str], visits: Iterable[Visit]) -> Iterator[UUID]:
    wanted = set(_keys(asks, "visit"))
    yield from (visit.patient_id for visit in visits if str(visit.pk) in wanted)
    yield from (UUID(key) for key in _keys(asks, "patient"))


def _keys(asks: Collection[str], kind: str) -> list[str]:
    return [ask.partition(":")[2] for ask in asks if ask.startswith(f"{kind}:")]


def visit_digest(visit: Visit, now: Standing) -> str:
    """The digest of a visit's part without looking at anybody else."""
    return digest_of((now, patient_digests([visit.patient_id])[visit.patient_id]))


def _told(entry: Entry) -> tuple[object, ...]:
    """Everything that a row says."""
    person, patient = entry.person, entry.visit.patient
    said = (person.name, person.number, person.provisional_code, person.village, patient.sex)
    names = [entry.name_of(one) for one in speaks_of(entry.standing)]
    return (entry.visit.pk, entry.visit.category, said, patient.birth_date, entry.standing, names)


def shown(entry: Entry, on: date | None, me: UUID | None = None) -> dict[str, Any]:
    """One row as the templates name its parts, in the language of the moment."""
    now, patient = entry.standing, entry.visit.patient
    person = (
        replace(
            entry.person,
            age_text=age_text(patient.birth_date, patient.birth_date_estimated, on),
            sex_text=str(patient.get_sex_display()),
        )
        if on is not None
        else entry.person
    )
    return {
        "visit": {
            "id": entry.visit.pk,
            "category": str(entry.visit.get_category_display()),
            "station": station_name(now.station),
        },
        "person": person,
        "since": now.arrived_at,
        "priority": "" if now.priority == Priority.NORMAL else now.priority,
        "claimed_by": entry.claimed_by,
        "claimed_id": now.claimed_by,
        "mine": now.claimed_by is not None and now.claimed_by == me,
        "skips": now.skips,
        "back_from": station_name(now.came_from) if now.sent_back else "",
        "waits_for": entry.name_of(now.waits_for),
        "for_id": now.waits_for,
        "also_claimed": [entry.name_of(one) for one in now.also_claimed],
        "state": now.state.value,
    }


def queue_context(one: StationQueue, on: date | None, me: UUID | None = None) -> dict[str, Any]:
    """One station's queue: the next one, whom somebody is with, who waits, who went away. Whom a colleague
    handed to somebody else is not the next one.
    """
    in_line = [shown(entry, on, me) for entry in one.in_line]
    busy = [shown(entry, on, me) for entry in one.with_somebody]
    mine = any(entry["mine"] for entry in busy)
    free = [entry for entry in in_line if entry["for_id"] in (None, me)]
    return {
        "station": {"id": one.id, "name": one.name},
        "waiting": one.waiting,
        "longest_since": one.longest_since,
        "next_entry": min(free, key=lambda entry: entry["for_id"] is None, default=None),
        "in_line": in_line[:MOST_SHOWN],
        "first": in_line[:MOST_ON_BOARD],
        "more": max(len(in_line) - MOST_SHOWN, 0),
        "more_on_board": max(len(in_line) - MOST_ON_BOARD, 0),
        "busy": sorted(busy, key=lambda entry: not entry["mine"]),
        "away": [shown(entry, on, me) for entry in one.away[:MOST_SHOWN]],
        "mine": mine,
        "own": me is not None,
    }
