"""The demo's laboratory: what is ordered for which reason, and what it shows.

Lives here: `load` (central's list of tests), `tests_for` and `values_for`, pure, and the saves of a visit:
`order`, `report` and `see`. Some results are out of range; whoever is back at the provider today has one
that is critical. Not here: when a visit comes to the laboratory (`seeding.py`). Made up for the demo: nobody
is treated by it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final
from uuid import UUID

from clinic.lab.examples import shipped
from clinic.lab.models import LabOrder
from clinic.lab.services import Entry, acknowledge, order_tests, publish_tests, report_results
from clinic.visits.models import Visit
from deploy.demo.people import Coming
from sync.ledger.recording import Author

SHARE: Final = 0.22
AT_THE_BENCH: Final = frozenset({"lab", "back"})
USUAL: Final = ("hb",)
BY_REASON: Final = {
    "I10": ("creatinine", "potassium"),
    "E11.9": ("glucose-fasting", "hba1c"),
    "Z34.9": ("hb", "urine-protein", "syphilis-rdt"),
    "B54": ("malaria-rdt", "hb"),
    "N39.0": ("urine-leukocytes",),
}
CRITICAL: Final = {"hb": "6.2"}
_VALUES: Final[dict[str, Callable[[random.Random], str]]] = {
    "hb": lambda rng: f"{rng.gauss(11.9, 1.2):.1f}",
    "creatinine": lambda rng: f"{rng.gauss(82, 17):.0f}",
    "potassium": lambda rng: f"{rng.gauss(4.3, 0.4):.1f}",
    "glucose-fasting": lambda rng: f"{rng.gauss(8.4, 2.1):.1f}",
    "hba1c": lambda rng: f"{rng.gauss(7.6, 1.0):.1f}",
    "urine-protein": lambda rng: rng.choice(("negative", "negative", "negative", "trace", "1")),
    "syphilis-rdt": lambda rng: "positive" if rng.random() < 0.04 else "negative",
    "malaria-rdt": lambda rng: rng.choice(("pf", "negative", "pan")),
    "urine-leukocytes": lambda rng: rng.choice(("negative", "1", "2", "3")),
}


def load(*, by: Author) -> None:
    """Central's list: the shipped tests. Loading it again changes nothing."""
    publish_tests(by=by, tests=shipped())


def tests_for(coming: Coming) -> tuple[str, ...]:
    """The codes of what is ordered on a visit; empty where nothing is."""
    asked = BY_REASON.get(coming.story.code, ())
    if coming.until in AT_THE_BENCH:
        return USUAL if coming.until == "back" else asked or USUAL
    return asked if _rng(coming).random() < SHARE else ()


def values_for(coming: Coming) -> dict[str, str]:
    """What each of the tests showed."""
    rng = _rng(coming)
    found = {code: _VALUES[code](rng) for code in tests_for(coming)}
    return found | CRITICAL if coming.until == "back" else found


def _rng(coming: Coming) -> random.Random:
    return random.Random(f"lab {coming.who.number} {coming.ordinal}")


def order(*, by: Author, visit: Visit, coming: Coming, save_id: UUID) -> None:
    """What the provider asks for."""
    order_tests(
        by=by,
        patient=visit.patient,
        facility=visit.facility,
        visit=visit,
        tests=tests_for(coming),
        urgent=coming.until == "back",
        save_id=save_id,
    )


def report(*, by: Author, visit: Visit, coming: Coming, save_id: UUID) -> None:
    """What the bench enters."""
    values = values_for(coming)
    report_results(
        by=by, entries=[Entry(row, values[row.test.code]) for row in _orders(visit)], save_id=save_id
    )


def see(*, by: Author, visit: Visit) -> None:
    """The provider has looked at what was out of range. A look that is there already stays the only one."""
    for row in _orders(visit):
        if row.results.living().filter(flag__in=["low", "high", "abnormal", "critical"]).exists():
            acknowledge(by=by, order=row)


def _orders(visit: Visit) -> list[LabOrder]:
    rows = LabOrder.objects.living().filter(visit=visit).select_related("test", "patient")
    return list(rows.order_by("made_stamp", "id"))
