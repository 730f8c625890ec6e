"""Shift PINs: six digits that let somebody back in, in the browser where they logged in with their password.

Lives here: choosing a PIN, which ones are too simple, and checking one. What is kept of it is Argon2id under
this node's pepper, which is not in the database. A try is counted before the PIN is looked at, and five wrong
ones in a row end it until the next password, whatever is restarted meanwhile. Not here: how long a shift
lasts (`shifts.py`), what a log-in by PIN may not do (`full_login.py`).
"""

from __future__ import annotations

import re
import secrets
from itertools import pairwise
from typing import Final
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.contrib.auth import login
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from registry.staff.credentials import hashing_cost
from registry.staff.models import Account, Shift
from registry.staff.shifts import BACK_TO, BY_PIN, UNTIL, browser_of, leave_open, live_shift
from registry.staff.verifiers import (
    Cost,
    NodeVerifier,
    check_node_verifier,
    hash_password,
    node_verifier,
    spend_as_much,
)
from sync.node import current_node
from sync.problems import Problem
from sync.vault.keys import pepper

DIGITS: Final = 6
TRIES: Final = 5
_SIX: Final = re.compile(r"[0-9]{6}")
_COMMON: Final = frozenset({"112233", "123321", "159753", "147258", "258369", "147852", "789456", "102030"})
BACKEND: Final = "registry.staff.backends.CachedBackend"


def is_trivial(pin: str) -> bool:
    """What a thief tries first: runs, repetitions, patterns of the pad."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    repeats = any(pin == pin[:length] * (DIGITS // length) for length in (1, 2, 3))
    return repeats or steps in ({1}, {9}) or pin in _COMMON


def digits_in(text: str) -> str:
    """The digits of any script as ours."""
    return "".join(str(int(one)) if one.isdecimal() else one for one in text.strip())


def clean_pin(text: str) -> str:
    """Six digits; refuses what is no PIN."""
    pin = digits_in(text)
    if not _SIX.fullmatch(pin):
        sentence = _("A shift PIN has six digits.")
        raise Problem("bad-pin", sentence, fields={"pin": sentence})
    return pin


def choose_pin(request: HttpRequest, account: Account, text: str) -> None:
    """A PIN for the rest of this shift, in this browser."""
    pin, shift = clean_pin(text), live_shift(account.staff_id, browser_of(request))
    if shift is None or current_node().is_central:
        raise Problem("no-shift", _("Log in with your password on this tablet first."), status=409)
    if is_trivial(pin):
        sentence = _("This PIN is too easy to guess. Choose another.")
        raise Problem("weak-pin", sentence, fields={"pin": sentence})
    cost = hashing_cost()
    kept = node_verifier(
        hash_password(_secret(account.staff_id, pin), cost, secrets.token_bytes(16)), pepper()
    )
    Shift.objects.filter(pk=shift.pk).update(
        pin_salt=kept.salt,
        pin_verifier=kept.digest,
        pin_cost=[cost.time, cost.memory, cost.parallelism],
        pin_failures=0,
    )


def has_pin(shift: Shift | None) -> bool:
    """Whether this shift can be opened by PIN now."""
    return shift is not None and bool(bytes(shift.pin_verifier)) and shift.pin_failures < TRIES


def check_pin(staff_id: UUID, browser: str, text: str) -> Shift | None:
    """The shift that this PIN opens. The answer takes as long whether there is one or not."""
    shift = live_shift(staff_id, browser)
    counted = Shift.objects.filter(pk=shift.pk, pin_failures__lt=TRIES) if shift is not None else None
    open_to_tries = (
        counted is not None and has_pin(shift) and counted.update(pin_failures=F("pin_failures") + 1)
    )
    if shift is None or not open_to_tries:
        spend_as_much(text, hashing_cost())
        return None
    kept = NodeVerifier(bytes(shift.pin_salt), Cost(*shift.pin_cost), bytes(shift.pin_verifier))
    if not check_node_verifier(_secret(staff_id, digits_in(text)), kept, pepper()):
        return None
    Shift.objects.filter(pk=shift.pk).update(pin_failures=0)
    return shift


def tries_left(staff_id: UUID, browser: str) -> int:
    """How often somebody may still mistype before the password is needed."""
    shift = live_shift(staff_id, browser)
    return TRIES - shift.pin_failures if shift is not None and has_pin(shift) else 0


def log_in_by_pin(request: HttpRequest, staff_id: UUID, text: str) -> Account | None:
    """Open a session by PIN. It says of itself that it was, and ends with the shift."""
    shift = check_pin(staff_id, browser_of(request), text)
    account = Account.objects.filter(staff_id=staff_id, is_active=True).first() if shift is not None else None
    if shift is None or account is None:
        return None
    if isinstance(request.user, Account):
        leave_open(request)
    back_to = request.session.get(BACK_TO)
    login(request, account, backend=BACKEND)
    if back_to is not None:
        request.session[BACK_TO] = back_to
    request.session[BY_PIN] = True
    request.session[UNTIL] = shift.ends_at.timestamp()
    request.session.set_expiry(0)
    UserSession.objects.create_from_request(request)
    return account


def _secret(staff_id: UUID, pin: str) -> str:
    """Two people with the same PIN have nothing in common."""
    return f"shift pin {staff_id} {pin}"
