"""The list of log-ins that were checked without central, for the coordinator; at central for the office.

Lives here: the page, and central's answers in plain words. Those that somebody should look at stand on top
for a month. The order is that of the laptop, not of its clock, which may be wrong. Not here: how central
answers (`signoffs.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from registry.answers import answering
from registry.staff.models import SignIn
from registry.staff.policy import (
    Authority,
    can_see_central,
    can_see_log_ins,
    check_see_central,
    check_see_log_ins,
)
from registry.staff.selectors import authority_in, staff_names
from registry.tablets.selectors import all_tablets
from sync.models import EnrolledNode
from sync.node import current_node
from sync.vault.keys import pinned

MOST: Final = 100
LOOKED_AT_FOR: Final = timedelta(days=30)
Outcome = SignIn.Outcome
ATTENTION: Final = (Outcome.REVOKED, Outcome.UNKNOWN, Outcome.PASSWORD_CHANGED)
# Outcome → (state, in a word, what it means for people)
WORDS: Final[dict[str, tuple[str, Any, Any]]] = {
    "": ("waiting", _("Waits for the link"), ""),
    Outcome.FINE: ("done", _("Fine"), ""),
    Outcome.ROLE_CHANGED: ("done", _("Role has changed"), _("The new role counts now.")),
    Outcome.PASSWORD_CHANGED: (
        "needs-you",
        _("Used an old password"),
        _("The password had changed. Only the new one works now. Ask who it was."),
    ),
    Outcome.REVOKED: ("danger", _("May no longer work"), _("The log-in is closed. Their records are kept.")),
    Outcome.UNKNOWN: (
        "danger",
        _("Central does not know them"),
        _("Ask the programme office. Their records are kept."),
    ),
}
NEWER: Final = ("needs-you", _("Another answer"), _("This laptop is older than central. Update it."))


def may_see(who: Authority) -> bool:
    """For the navigation: the office at central, the coordinators of this place at a clinic."""
    return can_see_central(who) if current_node().is_central else can_see_log_ins(who, _here())


def _here() -> list[UUID] | None:
    known = pinned()
    return [UUID(one) for one in known.facilities] if known and known.facilities else None


@require_safe
@login_required
def log_ins(request: HttpRequest) -> HttpResponse:
    """Who, when, on which tablet, and what central said."""
    who, central = authority_in(request), current_node().is_central
    with answering():
        if central:
            check_see_central(who)
        else:
            check_see_log_ins(who, _here())
    nodes = _nodes() if central else {}
    rows = SignIn.objects.filter(node_uuid__isnull=not central)
    chosen = _chosen(request, nodes)
    if chosen is not None:
        rows = rows.filter(node_uuid=chosen)
    first, others = _in_two(rows)
    shown = _shown([*first, *others], nodes)
    context = {
        "attention": shown[: len(first)],
        "others": shown[len(first) :],
        "nodes": [{"id": key, "name": name, "chosen": key == chosen} for key, name in nodes.items()],
        "chosen": chosen,
    }
    return render(request, "staff/log_ins.html", context)


def _nodes() -> dict[UUID, str]:
    return dict(EnrolledNode.objects.order_by("name").values_list("uuid", "name"))


def _chosen(request: HttpRequest, nodes: dict[UUID, str]) -> UUID | None:
    text = request.GET.get("clinic", "")
    if not text:
        return None
    found = next((key for key in nodes if str(key) == text), None)
    if found is None:
        raise Http404
    return found


def _in_two(rows: QuerySet[SignIn]) -> tuple[list[SignIn], list[SignIn]]:
    """What somebody should look at, and the rest; both newest first. What waits counts as the rest."""
    since = current_node().now() - LOOKED_AT_FOR
    known = [*Outcome.values, ""]
    strange = Q(outcome__in=ATTENTION) | ~Q(outcome__in=known)
    first = list(rows.filter(strange, signed_off__gt=since).order_by("-pk")[:MOST])
    rest = rows.exclude(pk__in=[row.pk for row in first]).order_by("-pk")
    return first, list(rest[:MOST])


def _shown(rows: Sequence[SignIn], nodes: dict[UUID, str]) -> list[dict[str, Any]]:
    names = staff_names(row.staff_id for row in rows)
    tablets = {} if current_node().is_central else {one.device: one.label for one in all_tablets()}
    return [
        {
            "name": names.get(row.staff_id, ""),
            "at": row.at,
            "tablet": tablets.get(row.device, row.device),
            "clinic": nodes.get(row.node_uuid, "") if row.node_uuid else "",
            "since": _since(row),
            "answered": row.signed_off,
            **dict(zip(("state", "word", "sentence"), WORDS.get(row.outcome, NEWER), strict=True)),
        }
        for row in rows
    ]


def _since(row: SignIn) -> datetime | None:
    return row.since if row.outcome == Outcome.REVOKED else None
