"""Two colleagues who answer one letter; and who may read who is expected."""

from __future__ import annotations

from uuid import uuid4

import pytest

from clinic.referrals.models import Referral
from clinic.referrals.selectors import referral_of
from clinic.referrals.services import answer, refer
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from registry.staff.services import add_staff
from sync.ledger.recording import Author
from sync.node import Node
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE


@pytest.fixture
def dario(node: Node, day: Day) -> Author:
    node.role = "central"
    member: StaffMember = add_staff(
        by=THE_NODE, username="dario", full_name="Darío Ríos", grants=[("provider", day.cast.darien)]
    )
    node.role = "clinic"
    return day.cast.author(member)


@pytest.fixture
def referral(day: Day, visit: Visit) -> Referral:
    return refer(
        by=day.ana,
        patient=visit.patient,
        facility=day.cast.bocas,
        to_facility=day.cast.darien,
        reason="Fracture of the left arm",
        visit=visit,
    )


def test_a_second_answer_is_added_and_not_swallowed(day: Day, referral: Referral, dario: Author) -> None:
    key, where = uuid4(), day.cast.darien
    for _tap in range(2):
        answer(by=dario, referral=referral, at=where, note="Plaster, 6 weeks", save_id=key)
    answer(by=dario, referral=referral, at=where, note="Plaster, 6 weeks")
    answer(by=dario, referral=referral, at=where, note="Needs surgery: sent to the city")
    told = referral_of(referral.pk)
    assert told is not None
    assert told.answer == "Plaster, 6 weeks\nNeeds surgery: sent to the city"
    assert told.answered_by == "Darío Ríos"


def test_who_is_expected_is_not_for_everybody(day: Day, referral: Referral) -> None:
    assert day.api(day.tina).get("/api/v1/referrals/").status_code == 200
    assert day.api(day.pia).get("/api/v1/referrals/").status_code == 403
