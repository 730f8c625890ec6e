"""Pages of the day board: where a person lands, my station, every station, the clinic day.

Lives here: `home`, `queue` (one station), `day_board`, `clinic_day_page` and `station` (which one is mine).
Their parts renew themselves through the live feed (`clinic/live`); without it they fetch themselves again.
Not here: a visit's own page (`clinic/visits`), how a part looks (`shown.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.board.policy import DayStanding
from clinic.board.queues import StationQueue, board, choose_station, station_in
from clinic.board.selectors import clinic_day, still_open
from clinic.board.services import close_day, open_day
from clinic.board.shown import COUNTS, DAY, Picture, queue_context, shown
from clinic.visits.pages import place_of_work
from clinic.visits.policy import Station, can_manage_day, check_manage_day, clean_station
from clinic.visits.selectors import Entry
from clinic.visits.wording import station_name
from registry.answers import answering
from registry.people.selectors import persons, today
from registry.people.views import posted_save_id
from registry.places.models import Facility
from registry.staff.newcomers import waiting as waiting_for_office
from registry.staff.policy import can_manage_staff, can_see_patients
from registry.staff.selectors import author_of, authority_in, staff_names
from sync.models import EnrolledNode
from sync.node import current_node
from sync.review.models import Aside, Conflict

SILENT_AFTER_MS = 24 * 3600 * 1000


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
        "newcomers": waiting_for_office().count() if can_manage_staff(authority_in(request)) else 0,
    }
    return render(request, "home.html", context)


@require_safe
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    """My station, or another: whom I am with, whom to take next, who waits. Whoever has no station of their
    own sees the board.
    """
    who = authority_in(request)
    facility = place_of_work(who)
    mine = station_in(request, facility)
    asked = request.GET.get("station", mine.value if mine else "")
    queues = board(facility) if can_see_patients(who) else []
    chosen = next((one for one in queues if one.id == asked), None)
    if chosen is None:
        return redirect("board")
    picture = Picture({}, tuple(queues), on=today())
    context = queue_context(chosen, picture.on, who.staff_id) | {
        "stations": queues,
        "digests": {"queue": picture.digest(f"queue:{chosen.id}"), "counts": picture.digest(COUNTS)},
    }
    fragment = bool(getattr(request, "htmx", False))
    return render(request, "visits/_queue.html" if fragment else "visits/queue.html", context)


@require_safe
@login_required
def day_board(request: HttpRequest) -> HttpResponse:
    """Every station side by side."""
    who = authority_in(request)
    facility = place_of_work(who)
    queues = board(facility) if can_see_patients(who) else []
    now = clinic_day(facility)
    picture = Picture({}, tuple(queues), now, on=today())
    mine = station_in(request, facility)
    context = {
        "columns": [
            queue_context(one, picture.on, who.staff_id) | {"digest": picture.digest(f"station:{one.id}")}
            for one in queues
        ],
        "digests": {"day": picture.digest(DAY)},
        "my_station": mine and {"id": mine.value, "name": station_name(mine)},
        "may_manage": can_manage_day(who, [facility.pk]),
    }
    return render(request, "board/board.html", context | _day_shown(now))


def _day_shown(now: DayStanding) -> dict[str, Any]:
    return {"day": now, "day_by": staff_names([now.by]).get(now.by, "") if now.by else ""}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def clinic_day_page(request: HttpRequest) -> HttpResponse:
    """Open the day, or close it: then whoever is still on a visit goes home or comes another day."""
    who = authority_in(request)
    facility = place_of_work(who)
    with answering():
        check_manage_day(who, [facility.pk])
    if request.method == "POST":
        return _change_day(request, facility)
    now = clinic_day(facility)
    context = _day_shown(now) | {
        "place": now.place or facility.name,
        "left": _still_open_shown(facility) if now.is_open else [],
    }
    return render(request, "board/day.html", context)


def _still_open_shown(facility: Facility) -> list[dict[str, Any]]:
    found = still_open(facility)
    names = staff_names(now.claimed_by for now in found.values())
    on = today()
    return [
        shown(Entry(visit, person, now, names), on) | {"since": visit.opened_at, "here": now.is_here}
        for (visit, now), person in zip(
            found.items(), persons([visit.patient for visit in found]), strict=True
        )
    ]


def _change_day(request: HttpRequest, facility: Facility) -> HttpResponse:
    by, save_id = author_of(request), posted_save_id(request.POST)
    if request.POST.get("do") == "open":
        now = open_day(by=by, facility=facility, place=request.POST.get("place", ""), save_id=save_id)
        messages.success(request, _("The day is open: %(place)s") % {"place": now.place})
        return redirect("board")
    carry = [UUID(text) for text in request.POST.getlist("carry") if _is_uuid(text)]
    closed = close_day(by=by, facility=facility, carry=carry, save_id=save_id)
    messages.success(
        request,
        _("The day is closed. Visits closed: %(closed)s. Carried over: %(carried)s.")
        % {"closed": closed.closed, "carried": closed.carried},
    )
    return redirect("board")


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


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
