"""Who may listen, and to what.

Lives here: from a request to topic, key and wish; `living` (the streams whose log-in or token, account and
role still hold, in a few queries however many tablets); and this process's hub with what it looks at. Not
here: the stream (`frames.py`), the calls (`views.py`, `api.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.translation import get_language

from clinic.board.shown import COUNTS, DAY, STATUS, Picture, picture_of
from clinic.live.frames import UNKNOWN, Tell, Wish, known_digests
from clinic.live.hub import Hub
from clinic.visits.live_parts import live_list
from clinic.visits.policy import Station
from registry.answers import answering
from registry.places.models import Facility
from registry.staff.models import Account, ApiToken
from registry.staff.policy import can_see_patients, check_see_patients
from registry.staff.selectors import authorities_of, authority_in
from sync.node import current_node
from sync.problems import Problem

MOST_PARTS: Final = 12
LOG_IN: Final = "session"
TOKEN: Final = "token"  # noqa: S105  a word, no password
Key = tuple[str, str, str]
Stream = tuple[Key, UUID | None]
_hub: Hub | None = None


def hub() -> Hub:
    """This process's hub."""
    global _hub
    if _hub is None:
        _hub = Hub(version=version, look=look, living=living, close=let_go)
    return _hub


def version() -> Hashable:
    """Different after every commit of another connection, on either engine; one cheap question."""
    question = (
        "SELECT pg_current_snapshot()::text" if connection.vendor == "postgresql" else "PRAGMA data_version"
    )
    with connection.cursor() as cursor:
        cursor.execute(question)
        row = cursor.fetchone()
    return row[0] if row else None


def look(topic: UUID | None, asks: Collection[str] = ()) -> Picture:
    """One query set per change and facility."""
    return picture_of(None if topic is None else Facility.objects.get(pk=topic), asks)


def let_go() -> None:
    """The hub's thread keeps no connection while nobody listens."""
    if not connection.in_atomic_block:
        connection.close()


def living(streams: Collection[Stream]) -> set[Stream]:
    """Which of these still hold: the log-in or token is there, the account open, the person's role such that
    they may still see this place.
    """
    staff = {UUID(staff_id) for (_kind, _name, staff_id), _topic in streams}
    accounts = {one.staff_id: one for one in Account.objects.filter(staff_id__in=staff, is_active=True)}
    holding = _living_log_ins({key for key, _topic in streams}, accounts)
    holding |= _living_tokens({key for key, _topic in streams})
    rights = authorities_of(accounts.keys() & {UUID(staff_id) for _kind, _name, staff_id in holding})
    return {
        (key, topic)
        for key, topic in streams
        if key in holding
        and (who := rights.get(UUID(key[2]))) is not None
        and can_see_patients(who, None if topic is None else [topic])
    }


def _living_log_ins(keys: Collection[Key], accounts: Mapping[UUID, Account]) -> set[Key]:
    """A session is over with its row, and with the password that it was opened by."""
    names = {name for kind, name, _staff in keys if kind == LOG_IN}
    rows = Session.objects.filter(session_key__in=names, expire_date__gt=current_node().now())
    opened = {row.session_key: row.get_decoded().get(HASH_SESSION_KEY, "") for row in rows}
    fits = {str(pk): account.get_session_auth_hash() for pk, account in accounts.items()}
    return {
        (kind, name, staff_id)
        for kind, name, staff_id in keys
        if kind == LOG_IN and constant_time_compare(opened.get(name, ""), fits.get(staff_id, "-"))
    }


def _living_tokens(keys: Collection[Key]) -> set[Key]:
    asked = {key: bytes.fromhex(key[1]) for key in keys if key[0] == TOKEN}
    rows = ApiToken.objects.filter(digest__in=asked.values()) if asked else ApiToken.objects.none()
    there = {bytes(digest) for digest in rows.values_list("digest", flat=True)}
    return {key for key, digest in asked.items() if digest in there}


def key_of(request: HttpRequest, account: Account, token: bytes | None = None) -> Key:
    """What a stream stands on: what is kept of the token that let it in, else the log-in of a browser."""
    if token is not None:
        return TOKEN, token.hex(), str(account.staff_id)
    return LOG_IN, request.session.session_key or "", str(account.staff_id)


def topic_for(request: HttpRequest, facility: Facility | None, parts: Collection[str]) -> UUID | None:
    """The facility whose board is asked for, if whoever asks may see its patients."""
    if set(parts) <= {STATUS}:
        return None
    if facility is None:
        raise Problem("unknown-facility", "There is no such record here.", status=404)
    with answering():
        check_see_patients(authority_in(request), [facility.pk])
    return UUID(str(facility.pk))


def wish_in(request: HttpRequest, tell: Tell) -> Wish:
    """Parts and digests from the address; a browser that reconnects by itself says the last id instead."""
    asked = dict.fromkeys(request.GET.get("parts", "").split(","))
    parts = tuple(part for part in asked if is_part(part))[:MOST_PARTS]
    have = request.headers.get("Last-Event-ID") or request.GET.get("have", UNKNOWN)
    return Wish(parts, get_language() or "en", known_digests(have, parts), tell)


def is_part(text: str) -> bool:
    kind, _colon, key = text.partition(":")
    if kind in ("station", "queue"):
        return key in set(Station)
    if kind in ("visit", "patient"):
        return _is_uuid(key)
    if kind == "list":
        return live_list(key) is not None
    return text in (STATUS, COUNTS, DAY)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def listening(request: Any) -> Any:
    """The logged-in account; None for nobody."""
    return request.user if isinstance(request.user, Account) else None
