"""Ordering, taking, entering, correcting, having seen: each once, whatever the tablet does."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from clinic.lab.examples import shipped
from clinic.lab.models import LabOrder, LabOrderStep, LabResult, LabTest
from clinic.lab.policy import OrderState, StepKind, standing_of
from clinic.lab.selectors import age_of, bench, order_of, orders_of_visit, unseen_critical
from clinic.lab.services import (
    Entry,
    acknowledge,
    cancel_order,
    correct_result,
    order_tests,
    publish_tests,
    report_result,
    report_results,
    take_specimen,
)
from clinic.visits.models import Visit
from registry.people.services import update_patient
from registry.staff.models import StaffMember
from sync.ledger.recording import Author
from sync.node import Node
from sync.problems import Problem
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE


def ordered(day: Day, visit: Visit, *tests: str, urgent: bool = False) -> list[LabOrder]:
    return order_tests(
        by=day.ana, patient=visit.patient, facility=day.cast.bocas, tests=tests, visit=visit, urgent=urgent
    )


def state_of(order: LabOrder) -> OrderState:
    told = order_of(order.pk)
    assert told is not None
    return told.state


@pytest.fixture
def bench_author(day: Day, liz: StaffMember) -> Author:
    return day.cast.author(liz)


@pytest.mark.parametrize(
    ("kinds", "has_result", "state"),
    [
        ([], False, OrderState.ORDERED),
        (["taken"], False, OrderState.TAKEN),
        (["cancelled", "taken"], False, OrderState.CANCELLED),
        (["taken"], True, OrderState.RESULTED),
        (["cancelled"], True, OrderState.RESULTED),
        (["seen"], True, OrderState.SEEN),
        (["seen", "taken"], False, OrderState.TAKEN),
    ],
)
def test_what_the_steps_amount_to(kinds: list[str], has_result: bool, state: OrderState) -> None:
    assert standing_of(kinds, has_result) is state
    assert standing_of(reversed(kinds), has_result) is state


def test_tests_are_published_once_and_withdrawn_not_deleted(node: Node, day: Day, liz: StaffMember) -> None:
    node.role = "central"
    assert publish_tests(by=THE_NODE, tests=shipped()) == 0
    assert publish_tests(by=THE_NODE, tests=shipped()[:-1]) == 1
    assert not LabTest.objects.get(code="other").offered
    assert publish_tests(by=THE_NODE, tests=shipped()) == 1
    node.role = "clinic"
    with pytest.raises(Problem):
        publish_tests(by=THE_NODE, tests=shipped()[:1])


def test_an_order_walks_to_a_seen_result(day: Day, visit: Visit, bench_author: Author) -> None:
    hb, malaria = ordered(day, visit, "hb", "malaria-rdt")
    assert [told.order.pk for told in bench(day.cast.bocas)] == [hb.pk, malaria.pk]
    assert take_specimen(by=bench_author, order=hb) is OrderState.TAKEN
    report_result(by=bench_author, order=hb, value="12.4", comment="capillary")
    assert state_of(hb) is OrderState.RESULTED
    assert acknowledge(by=day.ana, order=hb) is OrderState.SEEN
    assert [told.order.pk for told in bench(day.cast.bocas)] == [malaria.pk]
    told = orders_of_visit(visit)
    assert [(one.name, one.state) for one in told] == [
        ("Haemoglobin", OrderState.SEEN),
        ("Malaria, rapid test", OrderState.ORDERED),
    ]
    assert (told[0].results[0].text, told[0].results[0].by) == ("12.4", "Liz Moreno")


def test_urgent_orders_come_first(day: Day, visit: Visit, liz: StaffMember) -> None:
    ordered(day, visit, "hb")
    day.advance(minutes=5)
    (urgent,) = ordered(day, visit, "malaria-rdt", urgent=True)
    assert bench(day.cast.bocas)[0].order.pk == urgent.pk


def test_a_result_is_judged_for_the_patient_and_stays_as_it_was_said(
    day: Day, visit: Visit, bench_author: Author
) -> None:
    update_patient(
        by=day.rosa, patient=visit.patient, changes={"sex": "male", "birth_date": date(1980, 1, 1)}
    )
    visit.patient.refresh_from_db()
    (order,) = ordered(day, visit, "hb")
    result = report_result(by=bench_author, order=order, value="7.5")
    assert (result.flag, result.reference) == ("critical", "≥ 13")
    assert [told.order.pk for told in unseen_critical(visit.patient)] == [order.pk]
    acknowledge(by=day.ana, order=order)
    assert unseen_critical(visit.patient) == []


def test_a_double_tap_orders_and_reports_once(day: Day, visit: Visit, bench_author: Author) -> None:
    save_id = uuid4()
    for _ in range(2):
        (order,) = order_tests(
            by=day.ana,
            patient=visit.patient,
            facility=day.cast.bocas,
            tests=["hb"],
            visit=visit,
            save_id=save_id,
        )
    save_id = uuid4()
    first, second = (
        report_result(by=bench_author, order=order, value="12", save_id=save_id) for _ in range(2)
    )
    assert first == second
    assert (LabOrder.objects.count(), LabResult.objects.count()) == (1, 1)


def test_a_second_result_of_one_order_is_refused_at_one_laptop(
    day: Day, visit: Visit, bench_author: Author
) -> None:
    (order,) = ordered(day, visit, "hb")
    report_result(by=bench_author, order=order, value="12")
    with pytest.raises(Problem) as refused:
        report_result(by=bench_author, order=order, value="13")
    assert refused.value.code == "has-a-result"
    assert report_results(by=bench_author, entries=[Entry(order, "13")]) == []


def test_several_results_are_one_save_and_one_wrong_saves_none(
    day: Day, visit: Visit, bench_author: Author
) -> None:
    hb, malaria = ordered(day, visit, "hb", "malaria-rdt")
    with pytest.raises(Problem):
        report_results(by=bench_author, entries=[Entry(hb, "12"), Entry(malaria, "perhaps")])
    assert LabResult.objects.count() == 0
    made = report_results(by=bench_author, entries=[Entry(hb, "12"), Entry(malaria, "negative")])
    assert [row.value for row in made] == ["12", "negative"]
    assert made[0].made_seq + 1 == made[1].made_seq


def test_a_cancelled_order_waits_no_longer(day: Day, visit: Visit, bench_author: Author) -> None:
    (order,) = ordered(day, visit, "hb")
    assert cancel_order(by=day.ana, order=order, reason="not needed") is OrderState.CANCELLED
    assert bench(day.cast.bocas) == []
    with pytest.raises(Problem) as refused:
        take_specimen(by=bench_author, order=order)
    assert refused.value.code == "order-cancelled"


def test_a_corrected_result_must_be_seen_again(day: Day, visit: Visit, bench_author: Author) -> None:
    (order,) = ordered(day, visit, "malaria-rdt")
    result = report_result(by=bench_author, order=order, value="negative")
    acknowledge(by=day.ana, order=order)
    shown = result.version
    assert correct_result(by=bench_author, result=result, value="pf", seen=shown) == "applied"
    assert state_of(order) is OrderState.RESULTED
    result.refresh_from_db()
    assert (result.value, result.flag) == ("pf", "critical")
    # A form from before the correction is another opinion, not a replacement.
    assert correct_result(by=bench_author, result=result, value="mixed", seen=shown) == "conflicted"


def test_a_comment_alone_needs_no_second_look(day: Day, visit: Visit, bench_author: Author) -> None:
    (order,) = ordered(day, visit, "hb")
    result = report_result(by=bench_author, order=order, value="12")
    acknowledge(by=day.ana, order=order)
    correct_result(by=bench_author, result=result, value="12", comment="repeated")
    assert state_of(order) is OrderState.SEEN
    assert LabOrderStep.objects.living().filter(kind=StepKind.SEEN.value).count() == 1


def test_each_role_does_its_part(day: Day, visit: Visit, bench_author: Author) -> None:
    with pytest.raises(Problem) as refused:
        order_tests(by=bench_author, patient=visit.patient, facility=day.cast.bocas, tests=["hb"])
    assert refused.value.status == 403
    (order,) = ordered(day, visit, "hb")
    with pytest.raises(Problem) as refused:
        report_result(by=day.rosa, order=order, value="12")
    assert refused.value.status == 403
    with pytest.raises(Problem) as refused:
        acknowledge(by=day.ana, order=order)
    assert refused.value.code == "no-result"


@pytest.mark.parametrize(
    ("tests", "code"), [([], "no-test"), (["hb", "nonsense"], "unknown-test"), (["hb"] * 2, "")]
)
def test_what_is_ordered_must_be_offered(
    day: Day, visit: Visit, liz: StaffMember, tests: list[str], code: str
) -> None:
    if not code:
        assert len(ordered(day, visit, *tests)) == 1
        return
    with pytest.raises(Problem) as refused:
        ordered(day, visit, *tests)
    assert refused.value.code == code
    assert LabOrder.objects.count() == 0


def test_an_order_is_of_the_visits_patient(day: Day, visit: Visit, liz: StaffMember) -> None:
    with pytest.raises(Problem) as refused:
        order_tests(by=day.ana, patient=day.patient(), facility=day.cast.bocas, tests=["hb"], visit=visit)
    assert refused.value.code == "wrong-visit"


def test_a_baby_has_a_fraction_of_a_year(day: Day, visit: Visit) -> None:
    update_patient(by=day.rosa, patient=visit.patient, changes={"birth_date": date(2026, 8, 21)})
    visit.patient.refresh_from_db()
    age = age_of(visit.patient)
    assert age is not None
    assert 0 <= age < 1
