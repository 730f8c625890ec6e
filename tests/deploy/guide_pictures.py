"""The pictures of the guide: which page each shows.

Not here: the guide (`docs/guide`), making the files (`test_guide_pictures.py`).
"""

from __future__ import annotations

from typing import Final

from tests.deploy.lived_pages import LIVED, Look

LIKE: Final = {
    "log-in": "log-in",
    "find": "clinic-find",
    "register": "clinic-register",
    "patient": "clinic-patient",
    "queue": "clinic-queue",
    "triage-form": "form",
    "visit": "clinic-visit",
    "prescribe": "prescribe-medicine",
    "lab": "lab",
    "lab-result": "lab-results",
    "dispense": "dispense",
    "stock": "stock",
    "board": "clinic-board",
    "sync": "clinic-sync",
    "review": "clinic-review",
    "tablets": "tablets",
    "office": "office-home",
    "clinics": "office-clinics",
}
PICTURED: Final[dict[str, Look]] = {name: LIVED[page] for name, page in LIKE.items()}
SPECIMENS: Final = {"set-aside": "quarantine"}
