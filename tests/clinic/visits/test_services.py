"""Opening, moving, closing; enrolling. Each save once, whatever the tablet does."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from clinic.visits.models import Enrollment, Visit, VisitStep
from clinic.visits.moving import claim_visit, close_visit, send_visit
from clinic.visits.policy import VisitState
from clinic.visits.selectors import open_visit_of, queue, standing
from clinic.visits.services import Opened, enrol, open_visit
from registry.people.selectors import person
from sync.ledger.models import Change
from sync.node import Node
from sync.problems import Problem
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE, give_numbers


def code_of(refused: pytest.ExceptionInfo[Problem]) -> str:
    return refused.value.code


def steps_of(visit: Visit) -> list[tuple[str, str, UUID | None]]:
    return list(VisitStep.objects.filter(visit=visit).values_list("kind", "station", "by"))


# --- visits -------------------------------------------------------------------------------------------------


def test_a_visit_begins_at_triage_in_one_save(day: Day) -> None:
    patient, before = day.patient(), Change.objects.count()
    opened = open_visit(by=day.rosa, patient=patient, facility=day.cast.bocas, category="anc")
    assert opened.created
    assert (opened.visit.category, opened.visit.opened_at) == ("anc", day.now)
    assert steps_of(opened.visit) == [("sent", "triage", day.cast.rosa.pk)]
    made = list(Change.objects.order_by("id")[before:])
    assert [change.table for change in made] == ["visits", "visit_steps"]
    assert len({change.save_id for change in made}) == 1


def test_whoever_left_with_a_provisional_code_gets_the_number_with_the_next_visit(
    day: Day, node: Node
) -> None:
    patient, save_id = day.patient(), uuid4()
    assert person(patient).number is None
    give_numbers(node, 1)
    opened = open_visit(by=day.rosa, patient=patient, facility=day.cast.bocas, save_id=save_id)
    assert opened.number == person(patient).number is not None
    again = open_visit(by=day.rosa, patient=patient, facility=day.cast.bocas, save_id=save_id)
    assert (again.visit, again.number) == (opened.visit, None)


def test_a_double_tap_opens_one_visit(day: Day) -> None:
    patient, save_id = day.patient(), uuid4()
    first, second = (
        open_visit(by=day.rosa, patient=patient, facility=day.cast.bocas, save_id=save_id) for _ in range(2)
    )
    assert first == second == Opened(first.visit, created=True)
    assert (Visit.objects.count(), VisitStep.objects.count()) == (1, 1)


def test_who_is_on_a_visit_stays_on_it(day: Day, visit: Visit) -> None:
    again = open_visit(by=day.ana, patient=visit.patient, facility=day.cast.bocas, category="anc")
    assert again == Opened(visit, created=False)
    assert Visit.objects.count() == 1


def test_a_visit_left_open_yesterday_is_closed_by_todays(day: Day, visit: Visit) -> None:
    day.advance(hours=25)
    assert open_visit_of(visit.patient) is None
    assert queue(day.cast.bocas) == []
    opened = open_visit(by=day.rosa, patient=visit.patient, facility=day.cast.bocas)
    assert opened.created
    assert not standing(visit).is_open
    assert standing(opened.visit).is_open


def test_the_same_person_may_be_on_a_visit_elsewhere(day: Day, visit: Visit) -> None:
    iris = day.cast.author(day.cast.iris)
    elsewhere = open_visit(by=iris, patient=visit.patient, facility=day.cast.darien)
    assert elsewhere.created
    assert standing(visit).is_open


@pytest.mark.parametrize(
    ("said", "kept"),
    [("general", "general"), ("General OPD", "general"), ("NCD_care", "ncd-care"), ("PNC", "pnc")],
)
def test_a_kind_of_visit_is_known_however_it_is_spelled(day: Day, said: str, kept: str) -> None:
    assert day.visit(category=said).category == kept


@pytest.mark.parametrize(
    ("said", "code"),
    [({"category": "party"}, "unknown-category"), ({"station": "roof"}, "unknown-station")],
)
def test_what_nobody_knows_opens_no_visit(day: Day, said: dict[str, str], code: str) -> None:
    with pytest.raises(Problem) as refused:
        day.visit(**said)  # type: ignore[arg-type]
    assert code_of(refused) == code
    assert list(refused.value.fields) == list(said)
    assert not Visit.objects.exists()


def test_a_stranger_opens_and_moves_nothing_here(day: Day, visit: Visit) -> None:
    iris = day.cast.author(day.cast.iris)
    for attempt in (
        lambda: open_visit(by=iris, patient=visit.patient, facility=day.cast.bocas),
        lambda: send_visit(by=iris, visit=visit, station="provider"),
        lambda: claim_visit(by=iris, visit=visit),
        lambda: close_visit(by=iris, visit=visit),
    ):
        with pytest.raises(Problem) as refused:
            attempt()
        assert (refused.value.code, refused.value.status) == ("not-allowed", 403)
    assert len(steps_of(visit)) == 1


def test_a_patient_passes_through_the_stations(day: Day, visit: Visit) -> None:
    day.advance(minutes=10)
    claimed = claim_visit(by=day.nurse, visit=visit)
    assert (claimed.state, claimed.claimed_by) == (VisitState.WITH_SOMEONE, day.tina.pk)
    day.advance(minutes=5)
    sent = send_visit(by=day.nurse, visit=visit, station="provider")
    assert (sent.state, sent.station, sent.arrived_at) == (VisitState.WAITING, "provider", day.now)
    closed = close_visit(by=day.ana, visit=visit)
    assert (closed.state, closed.closed_by) == (VisitState.CLOSED, day.cast.ana.pk)
    assert steps_of(visit) == [
        ("sent", "triage", day.cast.rosa.pk),
        ("claimed", "triage", day.tina.pk),
        ("sent", "provider", day.tina.pk),
        ("closed", "provider", day.cast.ana.pk),
    ]


def test_a_step_taken_twice_is_one_step(day: Day, visit: Visit) -> None:
    save_id = uuid4()
    for _ in range(2):
        claim_visit(by=day.nurse, visit=visit, save_id=save_id)
    claim_visit(by=day.nurse, visit=visit, save_id=uuid4())
    send_visit(by=day.nurse, visit=visit, station="provider")
    send_visit(by=day.nurse, visit=visit, station="provider")
    close_visit(by=day.ana, visit=visit)
    close_visit(by=day.ana, visit=visit)
    assert [kind for kind, _station, _by in steps_of(visit)] == ["sent", "claimed", "sent", "closed"]


def test_a_late_repeat_of_a_step_undoes_nothing(day: Day, visit: Visit) -> None:
    save_id = uuid4()
    send_visit(by=day.nurse, visit=visit, station="lab", save_id=save_id)
    send_visit(by=day.nurse, visit=visit, station="provider")
    assert send_visit(by=day.nurse, visit=visit, station="lab", save_id=save_id).station == "provider"


def test_two_who_reach_for_the_same_patient(day: Day, visit: Visit) -> None:
    claim_visit(by=day.nurse, visit=visit)
    with pytest.raises(Problem) as refused:
        claim_visit(by=day.ana, visit=visit)
    assert (refused.value.code, refused.value.status) == ("already-claimed", 409)
    send_visit(by=day.ana, visit=visit, station="triage")
    assert claim_visit(by=day.ana, visit=visit).claimed_by == day.cast.ana.pk


def test_who_went_home_is_not_sent_on(day: Day, visit: Visit) -> None:
    close_visit(by=day.ana, visit=visit)
    with pytest.raises(Problem) as refused:
        send_visit(by=day.ana, visit=visit, station="pharmacy")
    assert (refused.value.code, refused.value.status) == ("visit-closed", 409)


def test_only_a_person_takes_a_patient(day: Day, visit: Visit) -> None:
    with pytest.raises(Problem, match="not-allowed"):
        claim_visit(by=THE_NODE, visit=visit)


def test_a_save_id_belongs_to_what_it_saved(day: Day, visit: Visit) -> None:
    save_id = uuid4()
    other = day.visit()
    send_visit(by=day.nurse, visit=visit, station="lab", save_id=save_id)
    for attempt in (
        lambda: send_visit(by=day.nurse, visit=other, station="lab", save_id=save_id),
        lambda: day.triage(other, save_id=save_id),
        lambda: open_visit(by=day.rosa, patient=day.patient(), facility=day.cast.bocas, save_id=save_id),
    ):
        with pytest.raises(Problem) as refused:
            attempt()
        assert (refused.value.code, refused.value.status) == ("save-id-used", 409)


# --- enrollments --------------------------------------------------------------------------------------------


def test_somebody_is_followed_in_a_program_once(day: Day) -> None:
    patient, save_id = day.patient(), uuid4()
    rows = [
        enrol(
            by=day.ana,
            patient=patient,
            program_version=day.child,
            facility=day.cast.bocas,
            save_id=key,
        )
        for key in (save_id, save_id, uuid4())
    ]
    assert {row.pk for row in rows} == {rows[0].pk}
    assert (rows[0].enrolled_on, rows[0].status) == (day.now.date(), "active")


def test_nobody_is_enrolled_in_single_events(day: Day) -> None:
    with pytest.raises(Problem) as refused:
        enrol(by=day.ana, patient=day.patient(), program_version=day.outpatient, facility=day.cast.bocas)
    assert code_of(refused) == "no-enrollment"


def test_nobody_is_enrolled_tomorrow(day: Day) -> None:
    with pytest.raises(Problem) as refused:
        enrol(
            by=day.ana,
            patient=day.patient(),
            program_version=day.child,
            facility=day.cast.bocas,
            enrolled_on=day.now.date() + timedelta(days=1),
        )
    assert (code_of(refused), list(refused.value.fields)) == ("in-the-future", ["enrolled_on"])


def test_the_pharmacist_enrols_nobody(day: Day) -> None:
    with pytest.raises(Problem) as refused:
        enrol(
            by=day.cast.author(day.pia),
            patient=day.patient(),
            program_version=day.child,
            facility=day.cast.bocas,
        )
    assert code_of(refused) == "not-allowed"
    assert not Enrollment.objects.exists()
