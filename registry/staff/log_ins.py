"""The list of log-ins that were checked without central, for the coordinator; at central for the office.

Lives here: the page, and central's answers in plain words. Those that somebody should look at stand on top
for a month; those on a code by telephone until somebody says that they have looked. The order is that of the
laptop, not of its clock, which may be wrong. Not here: how central answers (`signoffs.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from registry.answers import answering
from registry.staff.full_login import needs_full_login
from registry.staff.models import SignIn, TelephoneCode
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
from sync.problems import Problem
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
BY_CODE: Final = _("With a code by telephone")
NOT_MADE: Final = _("Nobody here made this code. Treat the laptop as stolen.")
NEWER: Final = ("needs-you", _("Another answer"), _("This laptop is older than central. Update it."))


def may_see(who: Authority) -> bool:
    """For the navigation: the office at central, the coordinators of this place at a clinic."""
    return can_see_central(who) if current_node().is_central else can_see_log_ins(who, _here())


def _here() -> list[UUID] | None:
    known = pinned()
    return [UUID(one) for one in known.facilities] if known and known.facilities else None


def _reader(request: HttpRequest) -> Authority:
    who = authority_in(request)
    with answering():
        if current_node().is_central:
            check_see_central(who)
        else:
            check_see_log_ins(who, _here())
    return who


@require_POST
@login_required
@needs_full_login
def reviewed(request: HttpRequest, log_in_id: int) -> HttpResponse:
    """Somebody has looked at a log-in that began with a code by telephone. Nobody looks at their own."""
    who = _reader(request)
    rows = SignIn.objects.filter(node_uuid__isnull=not current_node().is_central).exclude(lent_on="")
    row = get_object_or_404(rows, pk=log_in_id)
    if row.staff_id == who.staff_id:
        raise Problem("not-yourself", gettext("A colleague must do this."), status=409)
    rows.filter(pk=row.pk, reviewed_at=None).update(
        reviewed_at=current_node().now(), reviewed_by=who.staff_id
    )
    return redirect("log-ins")


@require_safe
@login_required
def log_ins(request: HttpRequest) -> HttpResponse:
    """Who, when, on which tablet, and what central said."""
    who, central = _reader(request), current_node().is_central
    nodes = _nodes() if central else {}
    rows = SignIn.objects.filter(node_uuid__isnull=not central)
    chosen = _chosen(request, nodes)
    if chosen is not None:
        rows = rows.filter(node_uuid=chosen)
    first, others = _in_two(rows)
    shown = _shown([*first, *others], nodes, who)
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
    by_code = ~Q(lent_on="") & Q(reviewed_at=None)
    first = list(rows.filter(by_code | strange & Q(signed_off__gt=since)).order_by("-pk")[:MOST])
    rest = rows.exclude(pk__in=[row.pk for row in first]).order_by("-pk")
    return first, list(rest[:MOST])


def _shown(rows: Sequence[SignIn], nodes: dict[UUID, str], who: Authority) -> list[dict[str, Any]]:
    codes = _codes_made(rows) if current_node().is_central else {}
    names = staff_names(
        [one for row in rows for one in (row.staff_id, row.reviewed_by)]
        + [code.made_by for code in codes.values()]
    )
    tablets = {} if current_node().is_central else {one.device: one.label for one in all_tablets()}
    return [
        {
            "name": names.get(row.staff_id, ""),
            "at": row.at,
            "tablet": tablets.get(row.device, row.device),
            "clinic": nodes.get(row.node_uuid, "") if row.node_uuid else "",
            "since": _since(row),
            "answered": row.signed_off,
            "code": _code_words(row, codes.get(row.pk), names) if row.lent_on else None,
            "looked": names.get(row.reviewed_by, "") if row.reviewed_by else "",
            "to_review": row.pk if _waits_for(row, who) else None,
            **dict(zip(("state", "word", "sentence"), WORDS.get(row.outcome, NEWER), strict=True)),
        }
        for row in rows
    ]


def _waits_for(row: SignIn, who: Authority) -> bool:
    return bool(row.lent_on) and row.reviewed_at is None and row.staff_id != who.staff_id


def _codes_made(rows: Sequence[SignIn]) -> dict[int, TelephoneCode]:
    """At central: the code that each of these log-ins began with, as far as one was made here."""
    by_code = [row for row in rows if row.lent_on]
    made = {
        (code.node_uuid, code.staff_id, code.question): code
        for code in TelephoneCode.objects.filter(question__in={row.lent_on for row in by_code})
    }
    found = {row.pk: made.get((row.node_uuid, row.staff_id, row.lent_on)) for row in by_code if row.node_uuid}
    return {pk: code for pk, code in found.items() if code is not None}


def _code_words(row: SignIn, code: TelephoneCode | None, names: dict[UUID, str]) -> dict[str, Any]:
    """What is said of the code. One that the office has not made is an alarm: the laptop's keys are out."""
    if row.node_uuid is None:
        return {"state": "needs-you", "word": BY_CODE, "sentence": ""}
    if code is None:
        return {"state": "danger", "word": BY_CODE, "sentence": NOT_MADE}
    told = gettext("Code made by %(name)s.") % {"name": names.get(code.made_by, "")}
    return {"state": "needs-you", "word": BY_CODE, "sentence": told}


def _since(row: SignIn) -> datetime | None:
    return row.since if row.outcome == Outcome.REVOKED else None
