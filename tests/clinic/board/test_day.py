"""The clinic day: opened and closed by a coordinator, and what becomes of those who are still there."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from clinic.board.models import DayStep
from clinic.board.policy import DayKind, Mark, clean_place, day_of
from clinic.board.selectors import clinic_day, still_open
from clinic.board.services import close_day, open_day
from clinic.visits import moving
from clinic.visits.selectors import open_visit_of, queue, standing
from registry.refusals import Refused
from registry.staff.models import StaffMember
from registry.staff.services import add_staff
from sync.ledger.recording import Author
from sync.problems import Problem
from tests.clinic.visits.day import Day
from tests.registry.conftest import PASSWORD, THE_NODE

OPENED = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
marks = st.lists(
    st.builds(
        Mark,
        kind=st.sampled_from([*(kind.value for kind in DayKind), "of the next version"]),
        place=st.sampled_from(["Almirante", "Changuinola"]),
        at=st.integers(0, 100).map(lambda minutes: OPENED + timedelta(minutes=minutes)),
        by=st.uuids(),
        stamp=st.integers(0, 20),
        id=st.uuids(),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)


@given(marks, st.randoms(use_true_random=False))
def test_everybody_agrees_whether_the_day_is_open(made: list[Mark], chance: random.Random) -> None:
    shuffled = list(made)
    chance.shuffle(shuffled)
    assert day_of(shuffled) == day_of(made)


def test_of_two_openings_the_first_one_counts() -> None:
    first = Mark("opened", "Almirante", OPENED, UUID(int=1), 1, UUID(int=1))
    second = Mark("opened", "Changuinola", OPENED, UUID(int=2), 2, UUID(int=2))
    assert day_of([second, first]).place == "Almirante"


def test_a_place_has_a_name_of_bearable_length() -> None:
    assert clean_place("  Bocas   del Toro ") == "Bocas del Toro"
    with pytest.raises(Refused, match="too-long"):
        clean_place("x" * 81)


@pytest.fixture
def elena(day: Day) -> StaffMember:
    day.node.role = "central"
    made = add_staff(
        by=THE_NODE,
        username="elena",
        full_name="Elena Quintero",
        grants=[("coordinator", day.cast.bocas)],
        password=PASSWORD,
    )
    day.node.role = "clinic"
    return made


@pytest.fixture
def by(day: Day, elena: StaffMember) -> Author:
    return day.cast.author(elena)


def test_the_day_opens_once_at_a_place(day: Day, by: Author) -> None:
    assert not clinic_day(day.cast.bocas).is_open
    now = open_day(by=by, facility=day.cast.bocas, place="Almirante, school")
    assert (now.is_open, now.place, now.by, now.since) == (True, "Almirante, school", by.staff_id, day.now)
    assert open_day(by=by, facility=day.cast.bocas, place="elsewhere") == now
    assert DayStep.objects.count() == 1
    assert not clinic_day(day.cast.darien).is_open


def test_without_a_name_the_place_is_the_facility(day: Day, by: Author) -> None:
    assert open_day(by=by, facility=day.cast.bocas).place == day.cast.bocas.name


@pytest.mark.parametrize("change", [open_day, close_day])
def test_only_a_coordinator_of_this_place_opens_and_closes(day: Day, change: object) -> None:
    for who in (day.nurse, day.ana, day.cast.author(day.cast.iris)):
        with pytest.raises(Problem) as refused:
            change(by=who, facility=day.cast.bocas)  # type: ignore[operator]
        assert (refused.value.code, refused.value.status) == ("not-allowed", 403)


def test_closing_sends_home_or_carries_over_whoever_is_still_there(day: Day, by: Author) -> None:
    open_day(by=by, facility=day.cast.bocas)
    stays = day.visit()
    day.advance(minutes=1)
    goes, gone = day.visit(), day.visit()
    moving.close_visit(by=day.nurse, visit=gone)
    moving.claim_visit(by=day.nurse, visit=stays)
    assert list(still_open(day.cast.bocas)) == [stays, goes]
    save_id = uuid4()
    closed = close_day(by=by, facility=day.cast.bocas, carry=[stays.pk], save_id=save_id)
    assert (closed.closed, closed.carried) == (1, 1)
    assert not clinic_day(day.cast.bocas).is_open
    assert not standing(goes).is_open
    close_day(by=by, facility=day.cast.bocas, carry=[], save_id=save_id)  # the same tap once more
    assert standing(stays).is_open
    day.advance(hours=60)  # over the weekend
    assert [entry.visit for entry in queue(day.cast.bocas)] == [stays]
    assert open_visit_of(stays.patient) == stays


def test_the_pages_open_and_close_the_day(day: Day, elena: StaffMember) -> None:
    client = day.browser(elena)
    assert client.get("/", follow=True, secure=True).redirect_chain[-1][0] == reverse("board")
    assert "Open the day" in client.get(reverse("clinic-day"), secure=True).content.decode()
    client.post(reverse("clinic-day"), {"do": "open", "place": "Almirante"}, secure=True)
    visit = day.visit()
    page = client.get(reverse("clinic-day"), secure=True).content.decode()
    assert "1 person is still on a visit." in page
    assert "José Pérez" in page
    answer = client.post(
        reverse("clinic-day"), {"do": "close", "carry": [str(visit.pk), "nonsense"]}, follow=True, secure=True
    )
    assert [str(one) for one in answer.context["messages"]] == [
        "The day is closed. Visits closed: 0. Carried over: 1."
    ]
    assert day.browser().get(reverse("clinic-day"), secure=True).status_code == 403
