"""The only writers of tablets.

Lives here: offering a code, taking a tablet in, renewing its proof, revoking it, and noting who logged in
on it. A proof changes the cookie, so that a copy of the one before shows itself. Not here: whether a
signature is right (`proofs.py`), what each time means (`policy.py`).
Read next: `gate.py`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.dispatch import Signal, receiver
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from registry.answers import answering
from registry.tablets.models import Offer, Tablet
from registry.tablets.policy import (
    CODE_LENGTH,
    LETTERS,
    TAKEN_BACK,
    Standing,
    check_label,
    clean_label,
    device_named,
    is_copy,
    normal_code,
)
from registry.tablets.proofs import is_fresh, is_signed, key_id_of
from registry.tablets.selectors import (
    Sighting,
    cookie_digest,
    labels_in_use,
    new_secret,
    open_offers,
    tablet_of,
)
from sync.ledger.recording import Author
from sync.node import current_node
from sync.problems import Problem

IN_SESSION: Final = "tablet"
FORGOTTEN_AFTER: Final = timedelta(days=1)
tablet_revoked = Signal()  # `tablet`: what it was given elsewhere ends as well


@dataclass(frozen=True, slots=True)
class Signed:
    """A challenge that a tablet answered."""

    challenge: str
    signature: str
    origin: str

    def fits(self, public: bytes) -> bool:
        return is_fresh(self.challenge) and is_signed(
            public, self.signature, challenge=self.challenge, origin=self.origin
        )


@dataclass(frozen=True, slots=True)
class Known:
    """A tablet that proved itself, and the cookie that says so from now on."""

    tablet: Tablet
    cookie: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A code as it is shown, once; of the row only its digest is kept."""

    code: str
    row: Offer


def offer(*, by: Author) -> Offered:
    """A code for one more tablet. Whatever was offered before a day ago is forgotten."""
    now, code = current_node().now(), "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    Offer.objects.filter(offered_at__lt=now - FORGOTTEN_AFTER).delete()
    row = Offer.objects.create(digest=_digest(code), offered_by=by.staff_id, offered_at=now)
    return Offered(code, row)


def _digest(code: str) -> str:
    return salted_hmac("registry.tablets.offer", normal_code(code)).hexdigest()


def enrol(*, code: str, label: str, public: bytes, signed: Signed) -> Known:
    """Take in a tablet that has a code, and that holds the key it brings. A repetition brings it in once."""
    if not signed.fits(public):
        raise Problem("not-proved", _("This tablet could not show its key. Try again."), status=403)
    with transaction.atomic():
        offered = _offer_for(code, public)
        if offered is not None:
            if offered.tablet is not None:
                return _renewed(offered.tablet, signed.challenge)
            made = _made(offered, label, public, signed.challenge)
            Offer.objects.filter(pk=offered.pk).update(tablet=made.tablet)
            return made
    Offer.objects.filter(pk__in=[one.pk for one in open_offers()]).update(wrong_tries=F("wrong_tries") + 1)
    raise Problem(
        "code-unknown",
        _("This code does not work. Ask a coordinator for a new one."),
        status=403,
        fields={"code": _("This code does not work. Ask a coordinator for a new one.")},
    )


def _offer_for(code: str, public: bytes) -> Offer | None:
    """The open offer of this code, or the one that let in this very key: its answer may have been lost."""
    found = Offer.objects.select_for_update().filter(digest=_digest(code)).first()
    if found is None:
        return None
    if found.tablet is not None:
        again = found.tablet.key_id == key_id_of(public) and found.tablet.revoked_at is None
        return found if again else None
    return found if found in open_offers() else None


def _made(offered: Offer, label: str, public: bytes, challenge: str) -> Known:
    taken, now, secret = labels_in_use(), current_node().now(), new_secret()
    name = clean_label(label) or _next_label(taken)
    with answering():
        check_label(name, taken)
    key_id = key_id_of(public)
    tablet = Tablet.objects.create(
        label=name,
        device=device_named(name, secrets.token_hex(3)),
        key_id=key_id,
        public=public,
        enrolled_by=offered.offered_by,
        enrolled_at=now,
        cookie=cookie_digest(secret),
        answered=challenge[-200:],
        proved_at=now,
        last_seen=now,
    )
    return Known(tablet, f"{key_id}.{secret}")


def _next_label(taken: list[str]) -> str:
    number = len(taken) + 1
    while (name := _("Tablet %(number)d") % {"number": number}) in taken:
        number += 1
    return name


def prove(*, key_id: str, signed: Signed, came_with: str) -> Known:
    """Renew the proof of a tablet. `came_with` is the cookie it brought, whatever that is worth."""
    with transaction.atomic():
        tablet = Tablet.objects.select_for_update().filter(key_id=key_id, revoked_at=None).first()
        again = tablet is not None and tablet.answered == signed.challenge[-200:]
        if tablet is None or again or not signed.fits(bytes(tablet.public)):
            raise Problem("unknown-device", _("This tablet is not known here."), status=403)
        _take_back(tablet, cookie_digest(came_with.partition(".")[2]))
        return _renewed(tablet, signed.challenge)


def _renewed(tablet: Tablet, challenge: str) -> Known:
    secret, now = new_secret(), current_node().now()
    if tablet.cookie_used:  # otherwise it never arrived, and the one before is what the tablet holds
        tablet.cookie_before = bytes(tablet.cookie)
    tablet.cookie, tablet.cookie_used = cookie_digest(secret), False
    tablet.proved_at = tablet.last_seen = now
    tablet.answered = challenge[-200:]
    tablet.save()
    return Known(tablet, f"{tablet.key_id}.{secret}")


def _take_back(tablet: Tablet, digest: bytes) -> None:
    """It was the tablet itself that came with its cookie of before: it lost power meanwhile."""
    now = current_node().now()
    if tablet.copied_at and bytes(tablet.copied_cookie) == digest and now - tablet.copied_at <= TAKEN_BACK:
        tablet.copied_at, tablet.copied_cookie = None, b""


def note_sighting(seen: Sighting) -> None:
    """What a request tells about its tablet: that it is there, that its new cookie arrived, or that there
    are two of it. A minute more or less is not written down.
    """
    tablet, now = seen.tablet, current_node().now()
    proof = tablet.proof(seen.digest)
    if proof is not None and is_copy(proof, now) and bytes(tablet.copied_cookie) != seen.digest:
        Tablet.objects.filter(pk=tablet.pk).update(copied_at=now, copied_cookie=seen.digest)
    if seen.standing is not Standing.PROVED or proof is None:
        return
    arrived = proof.current and not tablet.cookie_used
    if arrived or abs(now - tablet.last_seen).total_seconds() > 60:
        which = Tablet.objects.filter(pk=tablet.pk, cookie=tablet.cookie)
        which.update(last_seen=now, cookie_used=tablet.cookie_used or arrived)


def revoke(*, by: Author, tablet: Tablet) -> None:
    """From its next request it is unknown here, and the log-ins on it have ended. What it kept may still
    come, in its authors' names.
    """
    now = current_node().now()
    with transaction.atomic():
        changed = Tablet.objects.filter(pk=tablet.pk, revoked_at=None)
        if not changed.update(revoked_at=now, revoked_by=by.staff_id, copied_at=None):
            return
        end_log_ins(tablet.pk)
        tablet_revoked.send(Tablet, tablet=tablet)


def end_log_ins(tablet_id: UUID) -> None:
    """Every session that was begun on this tablet ends, and with it what streams to its pages."""
    ours = [row.pk for row in Session.objects.all() if row.get_decoded().get(IN_SESSION) == str(tablet_id)]
    Session.objects.filter(pk__in=ours).delete()


def forget_copy(*, by: Author, tablet: Tablet) -> None:
    """Somebody looked into it."""
    Tablet.objects.filter(pk=tablet.pk).update(copied_at=None)


@receiver(user_logged_in)
def note_log_in(request: HttpRequest | None, user: Any, **_more: Any) -> None:
    """A log-in belongs to the tablet that it was made on."""
    tablet = tablet_of(request) if request is not None else None
    if request is None or tablet is None:
        return
    request.session[IN_SESSION] = str(tablet.pk)
    Tablet.objects.filter(pk=tablet.pk).update(
        last_staff_id=getattr(user, "staff_id", None), last_log_in=current_node().now()
    )
