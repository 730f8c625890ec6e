"""Log-ins as people see them: one's own, each with an end; and those of the team, for who looks after it.

Lives here: ending one's own log-ins one by one or all but this one, and the coordinator's page *Team*: who is
logged in where on this laptop, ending that, and letting somebody try again who guessed wrong too often. Not
here: what central said of log-ins (`log_ins.py`), what ends a shift (`shifts.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from registry.answers import answering
from registry.staff.full_login import needs_full_login
from registry.staff.limits import locked, unlock
from registry.staff.models import Account
from registry.staff.newcomers import waiting_ids
from registry.staff.policy import (
    Authority,
    can_let_in,
    can_manage_staff,
    can_see_log_ins,
    check_manage_staff,
    check_see_log_ins,
)
from registry.staff.replacement import take_back
from registry.staff.second_factor import forget, has_it
from registry.staff.selectors import account_of, author_of, authority_in, people_on_duty, staff_names
from registry.staff.shifts import end_sessions_of, end_shifts
from registry.staff.wording import browser_words
from sync.models import SecurityEvent
from sync.node import current_node
from sync.vault.keys import pinned


@dataclass(frozen=True, slots=True)
class LogInShown:
    """One place where somebody is logged in."""

    id: int
    device: str
    since: datetime
    seen: datetime
    this: bool = False


@dataclass(frozen=True, slots=True)
class ColleagueShown:
    """A member of the team."""

    id: str
    name: str
    role: str
    locked: bool
    me: bool
    two_steps: bool
    provisional: bool
    log_ins: list[LogInShown] = field(default_factory=list)


def log_ins_of(account: Account, present: str = "") -> list[LogInShown]:
    """Where somebody is logged in, the newest first; `present` is the session that asks."""
    living = [
        row for row in UserSession.objects.filter(user=account).order_by("-created_at") if not row.purge()
    ]
    return [
        LogInShown(
            row.pk,
            browser_words(row.user_agent),
            row.created_at,
            row.last_seen_at,
            row.session_key == present,
        )
        for row in living
    ]


@require_POST
@login_required
@needs_full_login
def end_mine(request: HttpRequest) -> HttpResponse:
    """End one of my log-ins, or all but this one with their PINs."""
    account = account_of(request)
    if account is None:
        raise PermissionDenied
    rows = UserSession.objects.filter(user=account).exclude(session_key=request.session.session_key)
    if "session" in request.POST:
        rows = rows.filter(pk=_number(request.POST["session"]))
    ended = list(rows)
    for row in ended:
        row.end()
    if ended:
        end_shifts([account.staff_id])
        messages.success(request, _("Ended. Nobody goes on there in your name."))
    return redirect("me")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


def may_look_after_team(who: Authority) -> bool:
    """For the navigation: the coordinators of this place; at central who manages staff."""
    return can_manage_staff(who) if current_node().is_central else can_see_log_ins(who, _here())


def _check(request: HttpRequest) -> None:
    with answering():
        if current_node().is_central:
            check_manage_staff(authority_in(request))
        else:
            check_see_log_ins(authority_in(request), _here())


def _here() -> list[UUID] | None:
    known = pinned()
    return [UUID(one) for one in known.facilities] if known and known.facilities else None


@require_safe
@login_required
@needs_full_login
def team(request: HttpRequest) -> HttpResponse:
    """Everybody who may log in on this node."""
    _check(request)
    mine, people, undecided = account_of(request), people_on_duty(), waiting_ids()
    waiting = locked(one["username"] for one in people)
    accounts = {account.username: account for account in Account.objects.filter(is_active=True)}
    shown = [
        ColleagueShown(
            one["id"],
            one["name"],
            one["role"],
            one["username"] in waiting,
            mine is not None and one["username"] == mine.username,
            has_it(accounts[one["username"]]),
            UUID(one["id"]) in undecided,
            log_ins_of(accounts[one["username"]], request.session.session_key or ""),
        )
        for one in people
    ]
    shown.sort(key=lambda one: (not one.locked, not one.log_ins))
    may_add = can_let_in(authority_in(request), _here()) and not current_node().is_central
    return render(request, "staff/team.html", {"team": shown, "may_add": may_add})


@require_POST
@login_required
@needs_full_login
def team_act(request: HttpRequest, staff_id: UUID, act: str) -> HttpResponse:
    """Let a colleague try again, log them out everywhere on this node, or forget a lost telephone."""
    _check(request)
    account = get_object_or_404(Account, staff_id=staff_id)
    by = account_of(request)
    name = staff_names([staff_id]).get(staff_id, account.username)
    if act == "unlock" and unlock(account.username):
        _note("log-in-unlocked", "A coordinator let somebody try their password again.", by, staff_id)
        messages.success(request, _("%(name)s may try again now.") % {"name": name})
    elif act == "second-step" and by is not None and by.staff_id != staff_id and forget(account):
        end_sessions_of(staff_id)
        _note(
            "second-step-forgotten", "Somebody's second step was taken away: a lost telephone.", by, staff_id
        )
        messages.success(request, _("%(name)s sets it up again at the next log-in.") % {"name": name})
    elif act == "take-back" and take_back(by=author_of(request), staff_id=staff_id):
        _note("newcomer-taken-back", "A coordinator sent away somebody they had let in.", by, staff_id)
        messages.success(request, _("%(name)s can no longer log in here.") % {"name": name})
    elif act == "end" and by is not None and by.staff_id != staff_id:
        end_sessions_of(staff_id)
        _note("log-ins-ended", "A coordinator ended somebody's log-ins.", by, staff_id)
        messages.success(request, _("%(name)s is logged out everywhere here.") % {"name": name})
    return redirect("team")


def _note(code: str, sentence: str, by: Account | None, about: UUID) -> None:
    told = f"{sentence} By {by.staff_id if by else None}, about {about}."
    SecurityEvent.objects.create(at=current_node().wall(), code=code, sentence=told)


def sessions_context(request: HttpRequest, account: Account) -> dict[str, Any]:
    """What the page of one's own account shows of them."""
    mine = log_ins_of(account, request.session.session_key or "")
    return {"sessions": mine, "others": sum(not one.this for one in mine)}
