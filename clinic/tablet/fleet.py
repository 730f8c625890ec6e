"""The coordinator's pages about tablets: which are known here, one more, one less.

Lives here: the list, the code for a new tablet (as a QR code and to be typed), whether it was used yet, and
sending a tablet away. What a tablet itself opens is `registry/tablets/views.py`. Not here: what a code and a
key are worth (`registry/tablets/policy.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.tablet.policy import check_manage_tablets
from registry.answers import answering
from registry.people.cards import qr_of
from registry.staff.selectors import author_of, authority_in, staff_names
from registry.tablets.models import Offer, Tablet
from registry.tablets.policy import OFFERED_FOR, WRONG_TRIES, shown_code
from registry.tablets.selectors import all_tablets, tablet_of
from registry.tablets.services import forget_copy, offer, revoke
from sync.node import current_node

QUIET_AFTER: Final = timedelta(days=30)
_ONLY_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def _check_coordinator(request: HttpRequest) -> None:
    if current_node().is_central:
        raise Http404
    with answering():
        check_manage_tablets(authority_in(request))


@require_safe
@login_required
def tablets(request: HttpRequest) -> HttpResponse:
    """Every tablet that this laptop knows, and those it knew."""
    _check_coordinator(request)
    return render(request, "tablet/fleet.html", _list(request))


def _list(request: HttpRequest) -> dict[str, Any]:
    rows, this = all_tablets(), tablet_of(request)
    names = staff_names([one for row in rows for one in (row.last_staff_id, row.enrolled_by, row.revoked_by)])
    now = current_node().now()
    shapes = [
        {
            "id": row.pk,
            "label": row.label,
            "device": row.device,
            "last_seen": row.last_seen,
            "last_person": names.get(row.last_staff_id) if row.last_staff_id else None,
            "last_log_in": row.last_log_in,
            "enrolled_by": names.get(row.enrolled_by) if row.enrolled_by else None,
            "enrolled_at": row.enrolled_at,
            "revoked_at": row.revoked_at,
            "revoked_by": names.get(row.revoked_by) if row.revoked_by else None,
            "copied_at": row.copied_at,
            "quiet": now - row.last_seen > QUIET_AFTER,
            "this": this is not None and this.pk == row.pk,
        }
        for row in rows
    ]
    return {
        "tablets": [shape for shape in shapes if not shape["revoked_at"]],
        "revoked": [shape for shape in shapes if shape["revoked_at"]],
        "open": settings.POSTA_TABLETS == "open",
    }


@require_POST
@login_required
def add(request: HttpRequest) -> HttpResponse:
    """A code for one more tablet. It is shown now, and never again."""
    _check_coordinator(request)
    made = offer(by=author_of(request))
    address = join_address(request)
    context = {
        "code": shown_code(made.code),
        "address": address,
        "qr": qr_of(f"{address}#{made.code}"),
        "offer": _state(made.row),
    }
    return render(request, "tablet/add.html", context)


def join_address(request: HttpRequest) -> str:
    """Where tablets find this laptop. At its own screen it goes by a name that means nothing elsewhere."""
    host = request.get_host()
    parts = urlsplit(f"//{host}")
    if parts.hostname in _ONLY_HERE:
        host = f"clinic.local:{parts.port}" if parts.port else "clinic.local"
    return f"https://{host}{reverse('tablet-join')}"


@require_safe
@login_required
def offered(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Whether a code was used yet; the page with the code asks."""
    _check_coordinator(request)
    return render(request, "tablet/_offer.html", {"offer": _state(get_object_or_404(Offer, pk=offer_id))})


def _state(row: Offer) -> dict[str, Any]:
    until: datetime = row.offered_at + OFFERED_FOR
    over = current_node().now() > until or row.wrong_tries >= WRONG_TRIES
    return {
        "id": row.pk,
        "label": row.tablet.label if row.tablet else None,
        "until": until,
        "guessed": row.wrong_tries >= WRONG_TRIES,
        "over": over and row.tablet is None,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def send_away(request: HttpRequest, tablet_id: UUID) -> HttpResponse:
    """Asked once, then done: the tablet is unknown from its next request."""
    _check_coordinator(request)
    tablet = get_object_or_404(Tablet, pk=tablet_id)
    if request.method == "POST":
        revoke(by=author_of(request), tablet=tablet)
        return redirect("tablets")
    this = tablet_of(request)
    context = {"tablet": tablet, "this": this is not None and this.pk == tablet.pk}
    return render(request, "tablet/revoke.html", context)


@require_POST
@login_required
def looked_into(request: HttpRequest, tablet_id: UUID) -> HttpResponse:
    """The coordinator knows why the tablet seemed to be in two places."""
    _check_coordinator(request)
    forget_copy(by=author_of(request), tablet=get_object_or_404(Tablet, pk=tablet_id))
    return redirect("tablets")
