"""A transfer hands the care over: what is due is the other place's as soon as the patient is there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic.referrals.models import Referral
from clinic.referrals.services import receive, refer
from clinic.visits.following import assign
from clinic.visits.models import Enrollment, Visit
from clinic.visits.services import record_event
from clinic.visits.worklists import ListName, worklist
from registry.people.selectors import today
from registry.places.models import Facility
from registry.staff.models import StaffMember
from registry.staff.selectors import authority_of
from registry.staff.services import add_staff
from sync.ledger.recording import Author
from tests.clinic.visits.care import Care, published
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE


@pytest.fixture
def dario(day: Day) -> StaffMember:
    """The provider at Darién."""
    day.node.role = "central"
    member = add_staff(
        by=THE_NODE, username="dario", full_name="Darío Ríos", grants=[("provider", day.cast.darien)]
    )
    day.node.role = "clinic"
    return member


@pytest.fixture
def woman(day: Day) -> Enrollment:
    """Overdue for the contacts of her pregnancy, told to come back for a cough; Ana looks after her."""
    row = Care(day, *published(day, "antenatal", "immunisation")).pregnant(100)
    back_on = (today() + timedelta(days=3)).isoformat()
    record_event(
        by=day.ana,
        patient=row.patient,
        facility=day.cast.bocas,
        program_version=day.outpatient,
        stage="consultation",
        values={"follow_up_on": back_on},
        visit=day.visit(row.patient),
    )
    assign(by=day.ana, enrollment=row, facility=day.cast.bocas, staff=day.cast.ana)
    day.advance(minutes=5)
    return row


def listed(day: Day, who: StaffMember, facility: Facility) -> set[str]:
    """The lists on which somebody of this place finds anybody."""
    authority = authority_of(who.pk)
    return {name.value for name in ListName if worklist(name=name, who=authority, facility=facility).lines}


def sent(day: Day, dario: StaffMember, row: Enrollment, kind: str) -> Referral:
    made = refer(
        by=day.ana,
        patient=row.patient,
        facility=day.cast.bocas,
        to_facility=day.cast.darien,
        reason="She moves to Darién",
        kind=kind,
    )
    day.advance(minutes=5)
    return made


def arrives(day: Day, dario: StaffMember, referral: Referral) -> Author:
    there = day.cast.author(dario)
    receive(by=there, referral=referral, at=day.cast.darien)
    return there


def test_the_care_of_a_transferred_patient_is_the_other_places(
    day: Day, dario: StaffMember, woman: Enrollment
) -> None:
    here, there = day.cast.bocas, day.cast.darien
    everything = {"due", "overdue", "follow-up", "mine"}
    assert (listed(day, day.cast.ana, here), listed(day, dario, there)) == (everything, set())
    referral = sent(day, dario, woman, Referral.Kind.TRANSFER)
    assert listed(day, day.cast.ana, here) == everything  # she is on her way
    arrives(day, dario, referral)
    assert (listed(day, day.cast.ana, here), listed(day, dario, there)) == (set(), everything)


def test_a_referred_patient_stays_with_those_who_sent_them(
    day: Day, dario: StaffMember, woman: Enrollment
) -> None:
    arrives(day, dario, sent(day, dario, woman, Referral.Kind.REFERRAL))
    assert listed(day, day.cast.ana, day.cast.bocas) == {"due", "overdue", "follow-up", "mine"}
    assert listed(day, dario, day.cast.darien) == set()


def test_whoever_comes_back_after_a_transfer_is_cared_for_where_they_come(
    day: Day, dario: StaffMember, woman: Enrollment
) -> None:
    arrives(day, dario, sent(day, dario, woman, Referral.Kind.TRANSFER))
    day.advance(minutes=5)
    visit: Visit = day.visit(woman.patient)
    record_event(
        by=day.ana,
        patient=woman.patient,
        facility=day.cast.bocas,
        program_version=woman.program_version,
        stage="anc_stage_booking",
        values={},
        visit=visit,
        enrollment=woman,
    )
    assert "overdue" in listed(day, day.cast.ana, day.cast.bocas)
    assert "overdue" not in listed(day, dario, day.cast.darien)
