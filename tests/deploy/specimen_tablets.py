"""The pages about tablets that are known, unknown or sent away, with what their views would give them.

Not here: what must be true of them (`test_pages.py`, `test_reach.py`), how they are drawn (`drawing.py`).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

from registry.people.cards import qr_of
from tests.deploy.specimen_people import Names, ago

ADDRESS: Final = "https://clinic.local:8000/tablet/join/"
OFFER: Final = {"id": 4, "label": None, "until": ago(-9), "over": False, "guessed": False}


def _row(label: str, seen: float, **more: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "id": "01963c7e-0000-7000-8000-00000000000a",
        "label": label,
        "last_seen": ago(seen),
        "last_person": None,
        "revoked_at": None,
        "copied_at": None,
        "quiet": False,
        "this": False,
    }
    return known | more


def of_coordinators(names: Names) -> dict[str, tuple[str, dict[str, Any]]]:
    """By a short name: template and context."""
    known = [
        _row("Tablet 1", 2, last_person=names.nurse, this=True),
        _row("Tablet 2", 60 * 24 * 40, last_person=names.registrar, quiet=True),
        _row("لوح الصيدلية", 9, copied_at=ago(7)),
    ]
    gone = [_row("Tablet 9", 900, revoked_at=ago(800), revoked_by=names.nurse)]
    code = {"code": "K7QM-2XWD", "address": ADDRESS, "qr": qr_of(f"{ADDRESS}#K7QM2XWD")}
    tablet = SimpleNamespace(pk=known[0]["id"], label="Tablet 1", revoked_at=None)
    refused = SimpleNamespace(
        rule="img-src",
        what="https://evil.example",
        page="patient",
        script="/static/js/live.js",
        count=3,
        last_at=ago(50),
    )
    return {
        "tablets": ("tablet/fleet.html", {"tablets": known, "revoked": gone, "open": False}),
        "tablets-none": ("tablet/fleet.html", {"tablets": [], "revoked": [], "open": True}),
        "tablets-add": ("tablet/add.html", code | {"offer": OFFER}),
        "tablets-added": ("tablet/add.html", code | {"offer": OFFER | {"label": "Tablet 3"}}),
        "tablets-late": ("tablet/add.html", code | {"offer": OFFER | {"over": True}}),
        "tablet-revoke": ("tablet/revoke.html", {"tablet": tablet, "this": True}),
        "blocked": ("tablet/blocked.html", {"blocked": [refused]}),
        "blocked-nothing": ("tablet/blocked.html", {"blocked": []}),
    }


def of_strangers() -> dict[str, tuple[str, dict[str, Any]]]:
    again = {"address": "/register/", "fields": [("given_name", "Eva"), ("save_id", "1")]}
    return {
        "tablet-join": ("tablets/join.html", {"longest": 40}),
        "tablet-unknown": ("tablets/unknown.html", {"stale": False, "posted": False, "again": None}),
        "tablet-stale": ("tablets/unknown.html", {"stale": True, "posted": True, "again": again}),
    }
