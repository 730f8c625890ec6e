"""What the referrals' pages, panels and letter print.

Lives here: contexts from what the selectors read, and the summary that a letter begins with. Not here:
requests (`views.py`).
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from clinic.referrals.policy import OPEN, ReferralState, can_refer
from clinic.referrals.selectors import ToldReferral, referrals_of
from clinic.visits.models import Visit
from clinic.visits.received import received_of
from clinic.visits.timeline import told_in
from registry.panels import Panel
from registry.people.models import Patient
from registry.people.selectors import person, persons
from registry.staff.policy import Authority
from registry.staff.selectors import authority_in

_STATES = {
    ReferralState.SENT: "waiting",
    ReferralState.RECEIVED: "waiting",
    ReferralState.ANSWERED: "done",
    ReferralState.CANCELLED: "",
}


def state_word(state: ReferralState) -> str:
    """What a referral is, in words."""
    return {
        ReferralState.SENT: _("On the way"),
        ReferralState.RECEIVED: _("Received"),
        ReferralState.ANSWERED: _("Answered"),
        ReferralState.CANCELLED: _("Cancelled"),
    }[state]


def referral_shape(told: ToldReferral) -> dict[str, Any]:
    row = told.row
    return {
        "id": row.pk,
        "kind": str(row.get_kind_display()),
        "from": row.facility.name,
        "to": told.destination,
        "urgent": row.urgent,
        "reason": row.reason,
        "summary": row.summary,
        "at": row.referred_at,
        "by": told.by,
        "state": told.state.value,
        "state_mark": _STATES[told.state],
        "state_word": state_word(told.state),
        "is_open": told.state in OPEN,
        "answer": told.answer,
        "answered_by": told.answered_by,
        "outside": row.to_facility_id is None,
    }


def listed(told: list[ToldReferral]) -> list[dict[str, Any]]:
    """Rows of a list, each with its person."""
    people = persons([one.row.patient for one in told])
    return [referral_shape(one) | {"person": person} for one, person in zip(told, people, strict=True)]


def visit_panel(request: HttpRequest, visit: Visit) -> Panel | None:
    """The way to refer the patient of a visit."""
    if not can_refer(authority_in(request), [visit.facility_id]):
        return None
    return Panel("referrals/_visit_panel.html", {"visit_id": visit.pk})


def patient_panel(request: HttpRequest, patient: Patient) -> Panel | None:
    """A patient's referrals, if there are any."""
    found = referrals_of(patient)
    received = received_of([row for told in found for row in (told.row, *told.steps)])
    rows = [referral_shape(told) | {"received": received(told.row, *told.steps)} for told in found]
    return Panel("referrals/_patient_panel.html", {"referrals": rows}) if rows else None


def page_context(told: ToldReferral, who: Authority, here: Any) -> dict[str, Any]:
    """One referral's page: what may be done depends on which end asks."""
    row = told.row
    receiving = row.to_facility_id is not None and row.to_facility_id == here
    return {
        "referral": referral_shape(told),
        "person": person(row.patient),
        "may_receive": receiving and told.state is ReferralState.SENT and can_refer(who, [here]),
        "may_answer": receiving and told.state in OPEN and can_refer(who, [here]),
        "may_cancel": told.state is ReferralState.SENT and can_refer(who, [row.facility_id]),
    }


def summary_of(visit: Visit) -> str:
    """What was recorded on a visit, a line each: what a letter begins with, for the writer to change."""
    lines = []
    for event in told_in(visit):
        for label, text in event.values:
            lines.append(f"{label}: {text}")
    return "\n".join(lines)
