"""Pages of the day board: where a person lands, who waits, which station is mine.

Lives here: `home`, `queue` and `station`. The queue's page fetches its list again every few seconds. Not
here: a visit's own page (`clinic/visits`).
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.board.queues import StationQueue, board, choose_station, station_in
from clinic.visits.pages import place_of_work
from clinic.visits.policy import Station, VisitState, clean_station
from clinic.visits.selectors import Entry
from clinic.visits.wording import station_name
from registry.answers import answering
from registry.staff.policy import can_see_patients
from registry.staff.selectors import authority_in
from sync.models import EnrolledNode
from sync.node import current_node
from sync.review.models import Aside, Conflict

SILENT_AFTER_MS = 24 * 3600 * 1000
MOST_SHOWN = 200


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Where a person lands: at a clinic the queue, at central what the programme office looks after."""
    if not current_node().is_central:
        return redirect("queue")
    nodes = EnrolledNode.objects.filter(revoked_at=None)
    heard = nodes.filter(last_contact__gte=current_node().wall() - SILENT_AFTER_MS).count()
    context = {
        "nodes_total": nodes.count(),
        "nodes_silent": nodes.count() - heard,
        "reviews": Conflict.objects.count() + Aside.objects.filter(state=Aside.State.QUARANTINED).count(),
    }
    return render(request, "home.html", context)


@require_safe
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    """Who waits at my station, at another, or at all of them."""
    who = authority_in(request)
    facility = place_of_work(who)
    queues = board(facility) if can_see_patients(who) else []
    mine = station_in(request, facility)
    asked = request.GET.get("station", mine.value if mine else "all")
    chosen = next((one for one in queues if one.id == asked), None)
    shown = [entry for one in queues if chosen in (None, one) for entry in one.entries]
    entries = [
        _entry(entry, entry.standing.claimed_by == who.staff_id) for entry in _in_line(shown, who.staff_id)
    ]
    context = {
        "stations": queues,
        "station": chosen,
        "entries": entries[:MOST_SHOWN],
        "next_entry": _next(entries) if chosen is not None and chosen.id == mine else None,
    }
    fragment = bool(getattr(request, "htmx", False))
    return render(request, "visits/_queue.html" if fragment else "visits/queue.html", context)


def _in_line(entries: list[Entry], staff_id: object) -> list[Entry]:
    """Whom I am with, then who waits, the longest first, then who is with a colleague."""

    def place(entry: Entry) -> tuple[bool, bool, Any]:
        now = entry.standing
        return now.claimed_by != staff_id, now.state is VisitState.WITH_SOMEONE, now.arrived_at

    return sorted(entries, key=place)


def _entry(entry: Entry, mine: bool) -> dict[str, Any]:
    visit = entry.visit
    return {
        "visit": {
            "id": visit.pk,
            "category": str(visit.get_category_display()),
            "station": station_name(entry.standing.station),
        },
        "person": entry.person,
        "since": entry.standing.arrived_at,
        "priority": "",
        "claimed_by": entry.claimed_by,
        "mine": mine,
    }


def _next(entries: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Whom to take now; nobody while somebody is still with me."""
    if any(entry["mine"] for entry in entries):
        return None
    return next((entry for entry in entries if entry["claimed_by"] is None), None)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def station(request: HttpRequest) -> HttpResponse:
    """Choose the station that this tablet shows first."""
    facility = place_of_work(authority_in(request))
    if request.method == "POST":
        with answering():
            chosen = clean_station(request.POST.get("station", ""))
        choose_station(request, chosen)
        messages.success(request, _("Your station: %(station)s") % {"station": station_name(chosen)})
        return redirect("queue")
    mine = station_in(request, facility)
    context = {"stations": [_choice(one, mine) for one in board(facility)]}
    return render(request, "staff/station.html", context)


def _choice(one: StationQueue, mine: Station | None) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "waiting": one.waiting, "mine": one.id == mine}
