"""What the board puts on a visit's page: a note that somebody else changed it, and what can be done.

Lives here: the two panels. Not here: the page (`clinic/visits/shapes.py`), the steps
(`clinic/visits/moving.py`).
"""

from __future__ import annotations

from django.http import HttpRequest

from clinic.board.shown import visit_digest
from clinic.visits.models import Visit, VisitStep
from clinic.visits.policy import VisitState, can_leave, can_let_go, can_move, can_skip
from clinic.visits.selectors import facility_of, standing
from clinic.visits.wording import station_name
from registry.panels import Panel
from registry.staff.selectors import authority_in, colleagues_at, staff_names


def live_note(request: HttpRequest, visit: Visit) -> Panel | None:
    """Where the page is told of changes. Only the visit's own place has a feed; a closed visit needs none."""
    here, now = facility_of(authority_in(request)), standing(visit)
    if not now.is_open or here is None or here.pk != visit.facility_id:
        return None
    return Panel("board/_visit_live.html", {"id": visit.pk, "digest": visit_digest(visit, now)})


def moves(request: HttpRequest, visit: Visit) -> Panel | None:
    """Hand over, urgency, not there, and the way so far."""
    who, now = authority_in(request), standing(visit)
    if not now.is_open or not can_move(who, [visit.facility_id]):
        return None
    context = {
        "id": visit.pk,
        "left": now.state is VisitState.LEFT,
        "may_let_go": can_let_go(now, who.staff_id),
        "may_skip": can_skip(now),
        "may_leave": can_leave(now, who.staff_id),
        "priority": now.priority,
        "priorities": VisitStep.Urgency.choices,
        "colleagues": [one for one in colleagues_at(visit.facility_id) if one[0] != who.staff_id],
        "steps": way_of(visit),
    }
    return Panel("board/_moves.html", context)


def way_of(visit: Visit) -> list[dict[str, object]]:
    """Every step with who and when, the newest first."""
    steps = list(VisitStep.objects.living().filter(visit=visit).order_by("-made_stamp", "-id"))
    names = staff_names(one for step in steps for one in (step.by, step.to))
    return [
        {
            "word": _word(step),
            "station": station_name(step.station),
            "at": step.at,
            "by": names.get(step.by, "") if step.by else "",
            "to": names.get(step.to, "") if step.to else "",
        }
        for step in steps
    ]


def _word(step: VisitStep) -> str:
    return str(step.get_priority_display() if step.priority else step.get_kind_display())
