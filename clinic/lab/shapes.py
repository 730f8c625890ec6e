"""What the laboratory's pages and panels print.

Lives here: contexts from what the selectors read, the panels of the visit's and the patient's page, the alert
of an unseen critical result. Not here: requests (`views.py`).
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from clinic.lab.definition import Flag, LabDefinition, in_language, reference_text
from clinic.lab.models import LabTest
from clinic.lab.policy import WAITING, OrderState, can_order, can_report, can_see_bench
from clinic.lab.selectors import (
    ToldOrder,
    ToldResult,
    bench,
    offered_tests,
    orders_of,
    orders_of_visit,
    unseen_critical,
)
from clinic.visits.live_parts import LiveList
from clinic.visits.models import Visit
from clinic.visits.received import received_of
from registry.panels import Alert, Panel
from registry.people.models import Patient
from registry.people.selectors import Person, persons
from registry.places.models import Facility
from registry.staff.selectors import authority_in
from sync.records import SyncedModel

_FLAG_STATES = {
    Flag.CRITICAL: "danger",
    Flag.HIGH: "needs-you",
    Flag.LOW: "needs-you",
    Flag.ABNORMAL: "needs-you",
    Flag.NORMAL: "done",
}


def flag_word(flag: str) -> str:
    """A flag in words; empty where there is nothing to say."""
    return {
        Flag.CRITICAL.value: _("Critical"),
        Flag.HIGH.value: _("High"),
        Flag.LOW.value: _("Low"),
        Flag.ABNORMAL.value: _("Abnormal"),
        Flag.NORMAL.value: _("Normal"),
    }.get(flag, "")


def state_word(state: OrderState) -> str:
    """What an order is, in words."""
    return {
        OrderState.ORDERED: _("Ordered"),
        OrderState.TAKEN: _("Specimen taken"),
        OrderState.RESULTED: _("New result"),
        OrderState.SEEN: _("Result"),
        OrderState.CANCELLED: _("Cancelled"),
    }[state]


def result_shape(result: ToldResult) -> dict[str, Any]:
    flag = result.flag
    return {
        "id": result.row.pk,
        "text": result.text,
        "unit": result.unit,
        "flag": flag,
        "flag_word": flag_word(flag),
        "flag_state": _FLAG_STATES.get(Flag(flag), "") if flag in set(Flag) else "",
        "reference": result.row.reference,
        "comment": result.row.comment,
        "by": result.by,
        "at": result.row.reported_at,
        "contested": result.row.is_contested,
    }


def order_shape(told: ToldOrder) -> dict[str, Any]:
    return {
        "id": told.order.pk,
        "name": told.name,
        "urgent": told.order.urgent,
        "note": told.order.note,
        "specimen": told.order.test.told.specimen,
        "state": told.state.value,
        "state_word": state_word(told.state),
        "waits": told.state in WAITING,
        "by": told.by,
        "at": told.order.ordered_at,
        "because": told.cancelled_because,
        "needs_a_look": told.needs_a_look,
        "digest": told.digest,
        "results": [result_shape(result) for result in told.results],
    }


def visit_panel(request: HttpRequest, visit: Visit) -> Panel | None:
    """Orders and results of a visit, and the way to order more."""
    who, orders = authority_in(request), orders_of_visit(visit)
    may = can_order(who, [visit.facility_id])
    if not orders and not may:
        return None
    context = {
        "visit_id": visit.pk,
        "orders": _with_received(orders),
        "may_order": may,
        "may_report": can_report(who, [visit.facility_id]),
        "any_waits": any(told.state in WAITING for told in orders),
    }
    return Panel("lab/_visit_panel.html", context)


def patient_panel(request: HttpRequest, patient: Patient) -> Panel | None:
    """A patient's last results, whenever they were ordered."""
    orders = [told for told in orders_of(patient) if told.state is not OrderState.CANCELLED]
    if not orders:
        return None
    return Panel("lab/_patient_panel.html", {"orders": _with_received(orders)})


def _with_received(orders: list[ToldOrder]) -> list[dict[str, Any]]:
    """Orders, each with where it has been received: what was found, else what was asked for."""
    rows: list[list[SyncedModel]] = [
        [result.row for result in told.results] or [told.order] for told in orders
    ]
    received = received_of([row for some in rows for row in some])
    return [
        order_shape(told) | {"received": received(*some)} for told, some in zip(orders, rows, strict=True)
    ]


def alerts(patient: Patient) -> list[Alert]:
    """A critical result that no provider has seen."""
    return [
        Alert(_("Critical result: %(test)s") % {"test": told.name}, "danger")
        for told in unseen_critical(patient)
    ]


def test_groups() -> list[dict[str, Any]]:
    """The tests to choose from, by their group, in the programme's order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for test in offered_tests():
        told = test.told
        groups.setdefault(told.group, []).append(
            {"code": test.code, "name": test.name, "specimen": specimen_word(told.specimen)}
        )
    return [{"name": group_word(name), "tests": tests} for name, tests in groups.items()]


def group_word(group: str) -> str:
    """The title of a group of tests."""
    return {
        "blood": _("Blood"),
        "rapid": _("Rapid tests"),
        "urine": _("Urine"),
        "other": _("Other tests"),
    }.get(group, group or _("Other tests"))


def specimen_word(specimen: str) -> str:
    """What is taken from the patient."""
    return {
        "blood": _("Blood"),
        "finger-prick": _("Finger prick"),
        "urine": _("Urine"),
        "sputum": _("Sputum"),
        "stool": _("Stool"),
    }.get(specimen, specimen)


def bench_rows(facility: Facility) -> list[dict[str, Any]]:
    """The bench's list: a patient each, with what waits for them; urgent first, then the longest wait."""
    waiting: dict[Any, list[ToldOrder]] = {}
    for told in bench(facility):
        waiting.setdefault(told.order.patient_id, []).append(told)
    people: list[Person] = persons([orders[0].order.patient for orders in waiting.values()])
    return [
        {
            "person": person,
            "orders": [order_shape(told) for told in orders],
            "since": min(told.order.ordered_at for told in orders),
            "urgent": any(told.order.urgent for told in orders),
        }
        for person, orders in zip(people, waiting.values(), strict=True)
    ]


def bench_to_report(facility: Facility) -> dict[str, Any]:
    """The bench's list for those who enter results."""
    return {"rows": bench_rows(facility), "may_report": True}


def bench_to_see(facility: Facility) -> dict[str, Any]:
    """The bench's list for those who wait for results."""
    return {"rows": bench_rows(facility), "may_report": False}


BENCHES: Final = {
    True: ("lab", LiveList("lab/_bench.html", bench_to_report, can_report)),
    False: ("lab-seen", LiveList("lab/_bench.html", bench_to_see, can_see_bench)),
}
"""The list in the live feed, by whether its reader may report."""


def input_shape(test: LabTest, patient: Patient, age: float | None) -> dict[str, Any]:
    """How a result is asked for. The age (`age_of`) is that of the patient today, looked up once for all."""
    told: LabDefinition = test.told
    language = get_language()
    return {
        "kind": told.kind,
        "unit": told.unit,
        "choices": [
            {"code": choice.code, "name": in_language(choice.name, choice.translations, language)}
            for choice in told.choices
        ],
        "reference": reference_text(told, sex=patient.sex, age=age),
        "specimen": specimen_word(told.specimen),
    }
