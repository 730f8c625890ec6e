"""Referring, receiving, answering: each once, at either end."""

from __future__ import annotations

from itertools import permutations
from uuid import uuid4

import pytest

from clinic.referrals.models import Referral, ReferralStep
from clinic.referrals.policy import ReferralState, standing_of
from clinic.referrals.selectors import destinations, expected_at, referral_of, referrals_of, sent_from
from clinic.referrals.services import answer, cancel, receive, refer
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from registry.staff.services import add_staff
from sync.ledger.recording import Author
from sync.node import Node
from sync.problems import Problem
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE


@pytest.fixture
def dario(node: Node, day: Day) -> Author:
    """The provider at Darién."""
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
        urgent=True,
        visit=visit,
    )


def state_of(referral: Referral) -> ReferralState:
    told = referral_of(referral.pk)
    assert told is not None
    return told.state


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ([], ReferralState.SENT),
        (["received"], ReferralState.RECEIVED),
        (["cancelled"], ReferralState.CANCELLED),
        (["received", "cancelled"], ReferralState.RECEIVED),
        (["answered", "cancelled", "received"], ReferralState.ANSWERED),
    ],
)
def test_steps_amount_to_the_same_in_any_order(kinds: list[str], state: ReferralState) -> None:
    assert {standing_of(order) for order in permutations(kinds)} == {state}


def test_a_referral_is_expected_there_and_sent_here(day: Day, referral: Referral) -> None:
    assert [told.row for told in expected_at(day.cast.darien)] == [referral]
    assert [told.row for told in sent_from(day.cast.bocas)] == [referral]
    assert expected_at(day.cast.bocas) == []
    assert [(told.state, told.by, told.destination) for told in referrals_of(referral.patient)] == [
        (ReferralState.SENT, "Ana Batista", "Darién")
    ]
    assert destinations(day.cast.bocas) == [day.cast.darien]


def test_it_is_received_and_answered(day: Day, referral: Referral, dario: Author) -> None:
    assert receive(by=dario, referral=referral, at=day.cast.darien) is ReferralState.RECEIVED
    assert receive(by=dario, referral=referral, at=day.cast.darien) is ReferralState.RECEIVED
    note = "Plaster. Back in six weeks."
    assert answer(by=dario, referral=referral, at=day.cast.darien, note=note) is ReferralState.ANSWERED
    told = referral_of(referral.pk)
    assert told is not None
    assert (told.answer, told.answered_by) == (note, "Darío Ríos")
    assert expected_at(day.cast.darien) == []
    assert ReferralStep.objects.count() == 2


def test_nobody_is_called_back_who_has_arrived(day: Day, referral: Referral, dario: Author) -> None:
    receive(by=dario, referral=referral, at=day.cast.darien)
    with pytest.raises(Problem) as refused:
        cancel(by=day.ana, referral=referral)
    assert refused.value.code == "referral-received"


def test_what_is_cancelled_is_closed(day: Day, referral: Referral, dario: Author) -> None:
    assert cancel(by=day.ana, referral=referral) is ReferralState.CANCELLED
    with pytest.raises(Problem) as refused:
        receive(by=dario, referral=referral, at=day.cast.darien)
    assert refused.value.code == "referral-closed"


def test_a_double_tap_refers_once(day: Day, visit: Visit) -> None:
    save_id = uuid4()
    first, second = (
        refer(
            by=day.ana,
            patient=visit.patient,
            facility=day.cast.bocas,
            to_place="City hospital",
            reason="Surgery",
            save_id=save_id,
        )
        for _ in range(2)
    )
    assert first == second
    assert Referral.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"summary": "x" * 4001}, "summary"),
        ({"to_place": ""}, "to_facility"),
        ({"to_place": "x" * 121}, "to_place"),
        ({"kind": "holiday"}, "kind"),
    ],
)
def test_a_letter_says_why_and_where_to(day: Day, visit: Visit, said: dict[str, str], field: str) -> None:
    words = {"reason": "Surgery", "to_place": "City hospital"} | said
    with pytest.raises(Problem) as refused:
        refer(by=day.ana, patient=visit.patient, facility=day.cast.bocas, **words)  # type: ignore[arg-type]  # words only
    assert field in refused.value.fields
    assert Referral.objects.count() == 0


def test_nobody_is_referred_to_where_they_are(day: Day, visit: Visit) -> None:
    with pytest.raises(Problem) as refused:
        refer(
            by=day.ana,
            patient=visit.patient,
            facility=day.cast.bocas,
            to_facility=day.cast.bocas,
            reason="Surgery",
        )
    assert refused.value.code == "same-place"


def test_registrars_refer_nobody(day: Day, visit: Visit, referral: Referral) -> None:
    with pytest.raises(Problem) as refused:
        refer(by=day.rosa, patient=visit.patient, facility=day.cast.bocas, to_place="X", reason="Y")
    assert refused.value.status == 403
    with pytest.raises(Problem) as refused:
        receive(by=day.ana, referral=referral, at=day.cast.darien)  # Ana has no role there
    assert refused.value.status == 403
