"""Passes: that somebody was logged in on a tablet, so that what they sealed can be written in their name
later.

Lives here: making one with a log-in's first page, its signed text for that page, ending it with the
log-in, reading it back, and whether its own tablet brings it (`bearer_of`). The text is signed by this laptop
and names author, tablet, browser and times; the row knows whether the log-in ended meanwhile and whether the
password is still the same. It is no secret: it stands on the page. Not here: what a pass allows
(`policy.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.core import signing
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from clinic.tablet.models import AuthorPass
from clinic.tablet.policy import LATEST, Bearer, Pass
from registry.staff.devices import device_of
from registry.staff.models import Account
from registry.staff.selectors import account_of
from registry.staff.shifts import browser_of
from registry.tablets.gate import on_own_screen
from registry.tablets.models import Tablet
from registry.tablets.policy import Standing
from registry.tablets.selectors import sighting_of
from registry.tablets.services import tablet_revoked
from sync.node import current_node

_SALT: Final = "clinic.tablet.pass"
_IN_SESSION: Final = "author_pass"


def pass_for(request: HttpRequest) -> str:
    """The signed pass of whoever is logged in on this tablet; empty where nobody is."""
    account = account_of(request)
    if account is None:
        return ""
    text = request.session.get(_IN_SESSION, "")
    if not text:
        text = _issue(account, device_of(request), browser_of(request))
        request.session[_IN_SESSION] = text
    return str(text)


def _issue(account: Account, device: str, browser: str) -> str:
    now = current_node().now()
    row = AuthorPass.objects.create(
        id=uuid4(),
        staff_id=account.staff_id,
        device=device,
        credential=account.get_session_auth_hash(),
        issued_at=now,
        expires_at=now + timedelta(seconds=settings.SESSION_COOKIE_AGE),
    )
    AuthorPass.objects.filter(expires_at__lt=now - 2 * LATEST).delete()
    times = (int(at.timestamp() * 1000) for at in (row.issued_at, row.expires_at))
    return signing.dumps([str(row.pk), str(row.staff_id), device, browser, *times], salt=_SALT)


@receiver(user_logged_out)
def end_pass(request: HttpRequest | None, **_more: Any) -> None:
    """What is sealed after a log-out is not written in that person's name."""
    if request is not None:
        _end(request.session.get(_IN_SESSION, ""))


@receiver(pre_delete, sender=Session)
def end_pass_of(instance: Session, **_more: Any) -> None:
    """A log-in that somebody ended from elsewhere ends here as well."""
    _end(instance.get_decoded().get(_IN_SESSION, ""))


@receiver(user_logged_in)
def begin_anew(request: HttpRequest | None, **_more: Any) -> None:
    """A log-in on top of a log-in takes the session over, and the session that it was is ended."""
    if request is not None:
        request.session.pop(_IN_SESSION, None)


def _end(text: str) -> None:
    held = read_pass(text)
    if held is not None:
        AuthorPass.objects.filter(pk=held.id, ended_at=None).update(ended_at=current_node().now())


@receiver(tablet_revoked)
def end_passes_of(tablet: Tablet, **_more: Any) -> None:
    """Whatever it still brings is for its authors to look at, even where they are taken back."""
    AuthorPass.objects.filter(device=tablet.device, ended_at=None).update(ended_at=current_node().now())


def read_pass(text: str) -> Pass | None:
    """What a pass says, if this laptop signed it."""
    try:
        pass_id, staff_id, device, browser, issued, expires = signing.loads(text, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    row = AuthorPass.objects.filter(pk=pass_id).first()
    account = Account.objects.filter(staff_id=staff_id).first()
    return Pass(
        id=UUID(pass_id),
        staff_id=UUID(staff_id),
        device=device,
        issued_at=datetime.fromtimestamp(issued / 1000, tz=UTC),
        expires_at=datetime.fromtimestamp(expires / 1000, tz=UTC),
        ended_at=row.ended_at if row else None,
        known=row is not None and account is not None and row.credential == account.get_session_auth_hash(),
        active=account is not None and account.is_active,
        browser=browser,
    )


def bearer_of(request: HttpRequest, held: Pass) -> Bearer:
    """Whether the tablet that a pass was given to brings it. An enrolled one shows by its key that it is the
    one; the laptop's own screen, and any browser in a trial, by the secret cookie of that log-in.
    """
    tablet = Tablet.objects.filter(device=held.device).first()
    if tablet is None:
        let_in = on_own_screen(request) or settings.POSTA_TABLETS == "open"
        same = bool(held.browser) and constant_time_compare(held.browser, browser_of(request))
        return Bearer.OWN if let_in and same else Bearer.OTHER
    if tablet.revoked_at is not None:
        return Bearer.SENT_AWAY
    seen = sighting_of(request)
    if seen is None or seen.standing is Standing.STALE:
        return Bearer.UNPROVED
    return Bearer.OWN if seen.tablet.pk == tablet.pk else Bearer.OTHER
