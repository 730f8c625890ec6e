"""Invented people, and the contexts of the pages about them and their visits.

Not here: sync, review and central (`specimen_sync.py`), the list of pages (`specimens.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Names:
    """The people and places of one set of pages."""

    mother: str
    father: str
    child: str
    nurse: str
    registrar: str
    node: str
    village: str


LATIN = Names(
    "María Candelaria Santos Quintero",
    "Efraín Abrego",
    "Lía Abrego",
    "Rosa Him",
    "Ana Guerra",
    "Bocas del Toro",
    "Bahía Azul",
)
ARABIC = Names(
    "فاطمة الزهراء بنت أحمد",
    "أحمد عبد الرحمن",
    "ليلى أحمد",
    "روزا حنا",
    "آنا غريب",
    "عيادة وادي النخيل",
    "وادي النخيل",
)


def ago(minutes: float) -> datetime:
    return datetime.now(tz=UTC) - timedelta(minutes=minutes)


class PeopleSpecimens:
    """Builds the contexts around one set of names."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.mother = self._person("p1", names.mother, "34 years", "Female", number="4821-0937-5")
        self.father = self._person("p2", names.father, "61 years", "Male", number="4821-1120-8")
        self.child = self._person("p3", names.child, "7 months", "Female", code="BT3-0042")
        self.stations = [
            {"id": f"s{n}", "name": name, "waiting": waiting, "mine": name == "Triage"}
            for n, (name, waiting) in enumerate(
                [("Registration", 0), ("Triage", 4), ("Consultation", 7), ("Laboratory", 2), ("Pharmacy", 12)]
            )
        ]
        self.visit = {
            "id": "v1",
            "category": "Antenatal care",
            "opened_at": ago(95),
            "closed_at": None,
            "station": "Triage",
            "claimed_by": names.nurse,
            "is_open": True,
            "version": "v-token",
        }
        self.alerts = [{"text": "Allergy: penicillin", "state": "danger"}]
        self.vitals = [
            ("Weight", "61.4 kg"),
            ("Blood pressure", "142/91"),
            ("Temperature", "36.8 °C"),
            ("Pulse", "88"),
        ]

    def _person(
        self, key: str, name: str, age: str, sex: str, number: str = "", code: str = ""
    ) -> dict[str, Any]:
        return {
            "id": key,
            "name": name,
            "age_text": age,
            "sex_text": sex,
            "number": number or None,
            "provisional_code": code or None,
            "village": self.names.village,
            "phone": "+507 6612 0045",
        }

    def badge(self, **changes: Any) -> dict[str, Any]:
        shown = {
            "role": "clinic",
            "unsent": 24,
            "needs_you": 2,
            "kept_on_tablet": 0,
            "link": {"state": "down", "since": ago(300), "reason": "no answer"},
        }
        return shown | changes

    def shell(self, role: str = "clinic") -> dict[str, Any]:
        return {
            "node_name": self.names.node if role == "clinic" else "Central",
            "role": role,
            "person": self.names.nurse,
            "station": "Triage" if role == "clinic" else None,
            "today": datetime.now(tz=UTC).date(),
            "staff_id": "s1",
            "nav": _nav(role),
            "status": self.badge() if role == "clinic" else {"role": role, "needs_you": 5, "silent": 2},
        }

    def results(self) -> list[dict[str, Any]]:
        return [
            {"person": self.mother, "reasons": ["Name sounds alike", "Same village"], "open_visit": "v1"},
            {"person": self.father, "reasons": ["Same phone"], "open_visit": None},
            {"person": self.child, "reasons": ["Family name"], "open_visit": None},
        ]

    def patient(self) -> dict[str, Any]:
        first = {
            "id": "e1",
            "stage": "Vitals",
            "at": ago(80),
            "by": self.names.nurse,
            "place": "Triage",
            "url": "/e/1",
            "values": self.vitals,
        }
        return {
            "person": self.mother,
            "birth_text": "about 1991",
            "alerts": self.alerts,
            "identifiers": [{"system": "Identity card", "value": "4-712-1180"}],
            "contested": [{"field_label": "Weight", "url": "/c/1"}],
            "open_visit": {
                "id": "v1",
                "category": "Antenatal care",
                "station": "Triage",
                "since": ago(95),
                "claimed_by": self.names.nurse,
            },
            "categories": [
                (str(n), name)
                for n, name in enumerate(
                    ["General", "Antenatal", "Postnatal", "Chronic care", "Screening", "Cancer screening"]
                )
            ],
            "timeline": [
                {
                    "id": "v1",
                    "opened_at": ago(95),
                    "category": "Antenatal care",
                    "place": self.names.node,
                    "is_open": True,
                    "events": [first],
                },
                {
                    "id": "v0",
                    "opened_at": ago(60_000),
                    "category": "General",
                    "place": self.names.node,
                    "is_open": False,
                    "events": [first | {"at": ago(59_990)}],
                },
            ],
            "enrollments": [
                {
                    "id": "n1",
                    "program": "Antenatal care",
                    "since": ago(80_000).date(),
                    "state": "needs-you",
                    "state_word": "Overdue",
                    "due": ago(3_000).date(),
                    "url": "/n/1",
                },
                {
                    "id": "n2",
                    "program": "Hypertension",
                    "since": ago(400_000).date(),
                    "state": "done",
                    "state_word": "On time",
                    "due": None,
                    "url": "",
                },
            ],
            "programs": [{"id": "g1", "name": "Tuberculosis"}],
            "may": {"edit": True, "open_visit": True, "enroll": True},
        }

    def history(self) -> dict[str, Any]:
        def entry(text: str, by: str, minutes: float, shown: bool, central: bool) -> dict[str, Any]:
            return {
                "text": text,
                "at": ago(minutes),
                "by": by,
                "device": "tablet-3",
                "node_name": self.names.node,
                "received_at": {"laptop": ago(minutes), "central": ago(minutes - 1) if central else None},
                "at_central": central,
                "shown": shown,
                "clock_corrected": not central,
            }

        return {
            "person": self.mother,
            "fields": [
                {
                    "name": "weight",
                    "label": "Weight",
                    "contested": True,
                    "decide_url": "/c/1",
                    "entries": [
                        entry("14.2 kg", self.names.registrar, 20, True, False),
                        entry("12.4 kg", self.names.nurse, 28, True, False),
                    ],
                },
                {
                    "name": "phone",
                    "label": "Phone",
                    "contested": False,
                    "decide_url": None,
                    "entries": [
                        entry("+507 6612 0045", self.names.nurse, 90, True, False),
                        entry("+507 6612 0054", self.names.registrar, 4000, False, True),
                    ],
                },
            ],
        }

    def entry(self, n: int, person: Mapping[str, Any], minutes: int, **more: Any) -> dict[str, Any]:
        """One row of a queue."""
        visit = {"id": f"v{n}", "category": "General", "station": "Triage"}
        plain = {"priority": "", "claimed_by": None, "claimed_id": None, "mine": False, "skips": 0}
        rest: dict[str, Any] = {
            "back_from": "",
            "waits_for": None,
            "for_id": None,
            "also_claimed": [],
            "state": "waiting",
        }
        return {"visit": visit, "person": person, "since": ago(minutes)} | plain | rest | more

    def queue(self) -> dict[str, Any]:
        first = self.entry(1, self.child, 12, priority="emergency")
        other = self._person("p4", self.names.registrar, "8 years", "Male", number="4821-2207-1")
        nurse, registrar = self.names.nurse, self.names.registrar
        in_line = [
            first,
            self.entry(4, other, 35, priority="priority", skips=2, waits_for=nurse, for_id="s1"),
        ]
        return {
            "stations": self.stations,
            "station": self.stations[1],
            "digests": {"queue": "a1", "counts": "b2", "day": "c3"},
            "waiting": 2,
            "longest_since": ago(35),
            "busy": [
                self.entry(2, self.mother, 64, claimed_by=nurse, claimed_id="s1", mine=True),
                self.entry(3, self.father, 41, claimed_by=registrar, claimed_id="s2", also_claimed=[nurse]),
            ],
            "in_line": in_line,
            "first": in_line,
            "away": [self.entry(5, self.father, 90, back_from="Laboratory", state="left")],
            "next_entry": first,
            "mine": False,
            "own": True,
        }

    def board(self) -> dict[str, Any]:
        busy = self.queue() | {"digest": "d4", "more_on_board": 3}
        quiet: dict[str, Any] = {"waiting": 0, "longest_since": None, "busy": [], "first": [], "digest": "e5"}
        return {
            "columns": [
                (busy if one is self.stations[1] else quiet) | {"station": one} for one in self.stations
            ],
            "day": {"is_open": True, "place": self.names.node, "since": ago(200)},
            "day_by": self.names.nurse,
            "digests": {"day": "c3"},
            "my_station": self.stations[1],
            "may_manage": True,
        }

    def day(self, is_open: bool) -> dict[str, Any]:
        return {
            "day": {"is_open": is_open, "place": self.names.node, "since": ago(200)},
            "day_by": self.names.nurse,
            "place": self.names.node,
            "left": [self.entry(1, self.child, 90, here=True), self.entry(2, self.mother, 200, here=False)],
        }

    def one_visit(self) -> dict[str, Any]:
        def stage(n: int, name: str, state: str, **more: Any) -> dict[str, Any]:
            plain = {"at": None, "by": "", "event_id": None, "repeatable": False, "url": f"/stage/{n}"}
            return {"id": f"t{n}", "name": name, "state": state} | plain | more

        return {
            "visit": self.visit,
            "person": self.mother,
            "alerts": self.alerts,
            "mine": True,
            "may_close": True,
            "stages": [
                stage(1, "Vitals", "done", at=ago(80), by=self.names.nurse),
                stage(2, "Pregnancy check", "waiting"),
                stage(3, "Danger signs", "needs-you"),
            ],
            "recorded": [{"stage": "Vitals", "at": ago(80), "by": self.names.nurse, "values": self.vitals}],
            "stations": self.stations,
            "next_station": self.stations[2],
        }


def _nav(role: str) -> dict[str, Any]:
    """More pages than the bar holds at a clinic, fewer at central."""
    clinic = [
        ("queue", "queue", "Queue"),
        ("find", "find", "Find"),
        ("board", "board", "Board"),
        ("register", "register", "Register"),
        ("review", "review", "Review"),
        ("sync-status", "sync", "Sync"),
    ]
    central = [
        ("find", "find", "Find"),
        ("central-nodes", "laptop", "Clinics"),
        ("review", "review", "Review"),
    ]
    pages = [
        {"url_name": name, "icon": icon, "word": word}
        for name, icon, word in (central if role == "central" else clinic)
    ]
    first = pages if role == "central" else pages[:4]
    return {"first": first, "more": pages[len(first) :], "in_more": False}
