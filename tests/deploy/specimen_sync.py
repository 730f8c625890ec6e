"""The contexts of the pages about sync, review and central.

Not here: people and visits (`specimen_people.py`), the list of pages (`specimens.py`).
"""

from __future__ import annotations

from typing import Any

from sync.models import EnrolledNode
from sync.node_pages import RevokeForm
from tests.deploy.specimen_forms import DecisionForm, NodeForm
from tests.deploy.specimen_people import PeopleSpecimens, ago


class Specimens(PeopleSpecimens):
    """Everything that can be shown about one set of names."""

    def sync(self, **changes: Any) -> dict[str, Any]:
        labels = [
            "Registration",
            "Identifiers",
            "Enrolments",
            "Visits",
            "Observations and diagnoses",
            "Prescriptions and dispensing",
            "Insurance and claims",
            "Stock",
            "Photos and files",
        ]
        numbers = [
            (42, 0, 0),
            (61, 3, 0),
            (12, 0, 0),
            (40, 9, 0),
            (118, 12, 2),
            (30, 0, 0),
            (0, 0, 0),
            (0, 0, 0),
            (0, 4, 0),
        ]
        if changes.get("verdict") == "done":
            numbers = [(sent + waiting + needs, 0, 0) for sent, waiting, needs in numbers]
        shown = {
            "verdict": "waiting",
            "may_sync": True,
            "records": {"total": 142, "at_central": 118},
            "status": {
                "link": {"state": "up", "since": ago(6), "reason": ""},
                "unsent": 24,
                "quarantined": 1,
                "held": 3,
                "conflicts": 1,
                "last_good_sync": ago(1500),
                "numbers_left": 312,
                "clock_offset_s": 4,
                "last_attempt": {"at": ago(2), "outcome": "Link broke off", "reason": "No answer for 30 s"},
            },
            "groups": [
                {"name": f"g{n}", "label": label, "sent": sent, "waiting": waiting, "needs_you": needs}
                for n, (label, (sent, waiting, needs)) in enumerate(zip(labels, numbers, strict=True))
            ],
            "run": {"step": "Sending visits", "done": 118, "total": 142, "minutes_left": 2, "since": ago(3)},
            "receipts": [
                {
                    "first": 1201,
                    "last": 1318,
                    "at": ago(2),
                    "total": 118,
                    "outcomes": [("applied", 112), ("merged", 6)],
                },
                {"first": 1100, "last": 1200, "at": ago(1500), "total": 101, "outcomes": [("applied", 101)]},
            ],
        }
        return shown | changes

    def conflict(self, **form_fields: str) -> dict[str, Any]:
        def head(key: str, text: str, by: str, minutes: int, device: str) -> dict[str, Any]:
            return {
                "key": key,
                "text": text,
                "by": by,
                "at": ago(minutes),
                "device": device,
                "place": self.names.node,
                "clock_corrected": False,
            }

        heads = [
            head("a", "12.4 kg", self.names.nurse, 28, "tablet-3"),
            head("b", "14.2 kg", self.names.registrar, 20, "Laptop B"),
        ]
        return {
            "conflict": {
                "id": "c1",
                "person": self.child,
                "field_label": "Weight",
                "since": ago(20),
                "heads": heads,
            },
            "form": DecisionForm(form_fields) if form_fields else DecisionForm(),
            "version": "c-token",
        }

    def review(self) -> dict[str, Any]:
        return {
            "conflicts": [
                {
                    "id": "c1",
                    "person": self.child,
                    "field_label": "Weight",
                    "since": ago(20),
                    "texts": ["12.4 kg", "14.2 kg"],
                }
            ],
            "quarantined": [
                {
                    "id": "q1",
                    "code": "unknown-village",
                    "words": "Central does not know this village.",
                    "person": self.father,
                    "at": ago(200),
                    "by": self.names.registrar,
                }
            ],
            "held": [
                {
                    "id": "h1",
                    "what": "3 changes to a visit",
                    "waits_for": "a patient from another clinic",
                    "since": ago(3000),
                }
            ],
        }

    def quarantine(self) -> dict[str, Any]:
        return {
            "item": {
                "id": "q1",
                "code": "unknown-village",
                "words": "Central does not know this village.",
                "what": "New patient",
                "person": self.father,
                "at": ago(200),
                "by": self.names.registrar,
                "device": "tablet-1",
                "node_name": self.names.node,
                "values": [("Village", self.names.village)],
                "behind": 3,
                "amend_url": "/amend/1",
            },
            "decides": True,
            "alike": 0,
            "version": "q-token",
        }

    def after_end(self) -> dict[str, Any]:
        """The same save, with nothing wrong with it but that its author had left."""
        page = self.quarantine()
        page["item"] |= {
            "code": "author-ended",
            "words": "Written after this person's work had ended.",
            "is_after_end": True,
            "ended": ago(400),
            "amend_url": None,
        }
        return page | {"alike": 12}

    def node(self) -> dict[str, Any]:
        return {
            "node": self.nodes()["nodes"][1],
            "key_id": "9f2c41d07be2a355",
            "joined_at": ago(90_000),
            "revoked_at": None,
            "revoked_why": "",
            "noted": [
                {"at": ago(30), "word": "Somebody without its key used its name.", "details": "bad-signature"}
            ],
            "form": RevokeForm(),
        }

    def nodes(self) -> dict[str, Any]:
        def node(name: str, state: str, word: str, **more: Any) -> dict[str, Any]:
            plain = {
                "id": name,
                "name": name,
                "facilities": [self.names.village, "Kusapín"],
                "state": state,
                "state_word": word,
                "last_contact": ago(4),
                "backlog": 0,
                "replica": "9f2c41",
                "fenced": False,
                "fenced_reason": "",
                "app_version": "0.1.0",
                "clock_offset_s": 2,
                "holds": EnrolledNode.Mode.SUBSCRIBED.label,
            }
            return plain | more

        return {
            "nodes": [
                node(self.names.node, "done", "All here"),
                node(
                    "Darién 2",
                    "needs-you",
                    "Silent",
                    last_contact=ago(9000),
                    backlog=142,
                    clock_offset_s=-71,
                ),
                node(
                    "Kuna Yala",
                    "danger",
                    "Fenced",
                    fenced=True,
                    fenced_reason="Two copies answered.",
                    backlog=None,
                ),
            ],
            "form": NodeForm(),
            "enrolled": {"name": "Darién 3", "code": "K7QF-2MXA-94TP", "valid_until": ago(-2880)},
        }
