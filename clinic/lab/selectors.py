"""Reads of the laboratory worth a name.

Lives here: tests on offer, orders with their standing and results (`told`), what waits at a facility, a
patient's results. Not here: markup (`shapes.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import blake2s
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import get_language

from clinic.lab.definition import ATTENTION, Flag, in_language, judge
from clinic.lab.models import LabOrder, LabOrderStep, LabResult, LabTest
from clinic.lab.policy import WAITING, OrderState, StepKind, standing_of
from clinic.visits.models import Visit
from registry.people.models import Patient
from registry.people.policy import age_in_years
from registry.people.selectors import today
from registry.places.models import Facility
from registry.staff.selectors import staff_names
from sync.apply import heads_of
from sync.node import current_node
from sync.records import SyncedQuerySet
from sync.tables import table_of

BENCH_DAYS: Final = 14
"""How long an order stands on the bench's list. What nobody did by then is in the patient's record only."""
RECENT: Final = 30


@dataclass(slots=True)
class ToldResult:
    """A result in words."""

    row: LabResult
    text: str
    unit: str
    by: str
    flag: str

    @property
    def attention(self) -> bool:
        return self.flag in set(ATTENTION)


@dataclass(slots=True)
class ToldOrder:
    """An order, what became of it, and its results (two, where two people entered one offline)."""

    order: LabOrder
    name: str
    state: OrderState
    by: str
    cancelled_because: str = ""
    results: list[ToldResult] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """What somebody who looks sees of the results: a tap on *Seen* is about exactly this."""
        return digest_of(result.row for result in self.results)

    @property
    def at(self) -> datetime:
        return self.results[-1].row.reported_at if self.results else self.order.ordered_at

    @property
    def needs_a_look(self) -> bool:
        """Somebody must see this result, and nobody has."""
        return self.state is OrderState.RESULTED and any(result.attention for result in self.results)


def offered_tests() -> list[LabTest]:
    """The tests of the programme, in its order."""
    return list(LabTest.objects.living().filter(offered=True))


def tests_named(codes: Iterable[str]) -> dict[str, LabTest]:
    """Offered tests by code."""
    wanted = set(codes)
    return {test.code: test for test in offered_tests() if test.code in wanted}


def result_text(test: LabTest, value: str) -> str:
    """A stored result as people read it."""
    choice = test.told.choice(value)
    return in_language(choice.name, choice.translations, get_language()) if choice else value


def values_of(row: LabResult) -> list[str]:
    """The value of a result; of one that two people wrote differently every value."""
    if row.versions is None:
        return [row.value]
    return [str(head.value) for head in heads_of(row, table_of(LabResult), "value")] or [row.value]


def digest_of(rows: Iterable[LabResult]) -> str:
    """Different as soon as one of these results says something else, or another one came."""
    said = sorted((str(row.pk), *values_of(row)) for row in rows)
    return blake2s(repr(said).encode(), digest_size=8).hexdigest()


def flag_of(order: LabOrder, row: LabResult) -> str:
    """As it was judged when it was entered. Of one that was written over, each value that stands is judged
    again, and the gravest counts: which flag came with which value nobody knows any more.
    """
    if row.versions is None:
        return row.flag
    age = age_of(order.patient, timezone.localtime(row.reported_at).date())
    flags = [judge(order.test.told, value, sex=order.patient.sex, age=age) for value in values_of(row)]
    return max(flags, key=list(Flag).index).value


def told(orders: Iterable[LabOrder]) -> list[ToldOrder]:
    """Orders with their steps and results, in three queries."""
    asked = list(orders)
    ids = [order.pk for order in asked]
    steps: dict[UUID, list[LabOrderStep]] = {}
    for step in LabOrderStep.objects.living().filter(order_id__in=ids):
        steps.setdefault(step.order_id, []).append(step)
    results: dict[UUID, list[LabResult]] = {}
    for result in LabResult.objects.living().filter(order_id__in=ids):
        results.setdefault(result.order_id, []).append(result)
    writers = [
        *(order.made_by for order in asked),
        *(row.made_by for rows in results.values() for row in rows),
    ]
    names = staff_names(writers)
    return [_told(order, steps.get(order.pk, []), results.get(order.pk, []), names) for order in asked]


def _told(
    order: LabOrder, steps: list[LabOrderStep], results: list[LabResult], names: dict[UUID, str]
) -> ToldOrder:
    reasons = [step.reason for step in steps if step.kind == LabOrderStep.Kind.CANCELLED]
    test, seen = order.test, digest_of(results)
    kinds = [step.kind for step in steps if step.kind != StepKind.SEEN or step.reason == seen]
    return ToldOrder(
        order,
        test.name,
        standing_of(kinds, bool(results)),
        names.get(order.made_by, "") if order.made_by else "",
        reasons[0] if reasons else "",
        [
            ToldResult(
                row,
                result_text(test, row.value),
                test.told.unit,
                names.get(row.made_by, "") if row.made_by else "",
                flag_of(order, row),
            )
            for row in results
        ],
    )


def _orders() -> SyncedQuerySet:
    return LabOrder.objects.living().select_related("test", "patient")


def orders_of_visit(visit: Visit) -> list[ToldOrder]:
    """What was ordered on a visit, in the order it was."""
    return told(_orders().filter(visit=visit).order_by("ordered_at", "test__sort_order", "id"))


def orders_of(patient: Patient) -> list[ToldOrder]:
    """A patient's last orders, the newest first."""
    return told(_orders().filter(patient=patient).order_by("-ordered_at", "test__sort_order", "id")[:RECENT])


def order_of(order_id: UUID) -> ToldOrder | None:
    """One order."""
    return next(iter(told(_orders().filter(pk=order_id))), None)


def bench(facility: Facility) -> list[ToldOrder]:
    """What waits in a facility's laboratory: urgent first, then the longest wait."""
    since = current_node().now() - timedelta(days=BENCH_DAYS)
    resulted = LabResult.objects.living().filter(order=OuterRef("pk"))
    cancelled = LabOrderStep.objects.living().filter(order=OuterRef("pk"), kind=LabOrderStep.Kind.CANCELLED)
    rows = _orders().filter(~Exists(resulted), ~Exists(cancelled), facility=facility, ordered_at__gte=since)
    waiting = [
        one for one in told(rows.order_by("ordered_at", "test__sort_order", "id")) if one.state in WAITING
    ]
    return sorted(waiting, key=lambda one: not one.order.urgent)


def unseen_critical(patient: Patient) -> list[ToldOrder]:
    """Results that somebody must act on and nobody has seen."""
    maybe = LabResult.objects.living().filter(
        Q(flag=Flag.CRITICAL.value) | Q(versions__isnull=False), order=OuterRef("pk")
    )
    rows = _orders().filter(Exists(maybe), patient=patient)
    return [one for one in told(rows) if one.state is OrderState.RESULTED and _is_critical(one)]


def _is_critical(one: ToldOrder) -> bool:
    return any(result.flag == Flag.CRITICAL for result in one.results)


def age_of(patient: Patient, on: date | None = None) -> float | None:
    """Completed years, today or on a day; for a child below one a fraction of them."""
    if patient.birth_date is None:
        return None
    on = on or today()
    whole = age_in_years(patient.birth_date, on)
    return float(whole) if whole >= 1 else max((on - patient.birth_date).days, 0) / 365.25
