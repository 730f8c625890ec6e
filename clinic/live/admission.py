"""Who may listen, and to what.

Lives here: `admit` (a request → topic, key and wish), `living` (the log-ins and tokens that still hold, in
two queries however many tablets), and this process's hub with what it looks at. Not here: the stream
(`frames.py`), the calls (`views.py`, `api.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any, Final
from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django.utils.translation import get_language

from clinic.board.shown import COUNTS, DAY, STATUS, Picture, picture_of
from clinic.live.frames import UNKNOWN, Tell, Wish, known_digests
from clinic.live.hub import Hub
from clinic.visits.policy import Station
from registry.answers import answering
from registry.places.models import Facility
from registry.staff.models import Account
from registry.staff.policy import check_see_patients
from registry.staff.selectors import authority_in
from sync.node import current_node
from sync.problems import Problem

MOST_PARTS: Final = 12
Key = tuple[str, str, str]
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


def look(topic: UUID | None) -> Picture:
    """One query set per change and facility."""
    return picture_of(None if topic is None else Facility.objects.get(pk=topic))


def let_go() -> None:
    """The hub's thread keeps no connection while nobody listens."""
    if not connection.in_atomic_block:
        connection.close()


def living(keys: Collection[Key]) -> set[Key]:
    """Which of these still hold: the session is there and the account open."""
    now = current_node().now()
    names = {name for kind, name, _staff in keys if kind == "session"}
    sessions = Session.objects.filter(session_key__in=names, expire_date__gt=now)
    there = set(sessions.values_list("session_key", flat=True))
    staff = {UUID(staff_id) for _kind, _name, staff_id in keys}
    accounts = Account.objects.filter(staff_id__in=staff, is_active=True)
    active = {str(staff_id) for staff_id in accounts.values_list("staff_id", flat=True)}
    return {key for key in keys if key[2] in active and (key[0] != "session" or key[1] in there)}


def key_of(request: HttpRequest, account: Account) -> Key:
    """What a stream stands on: the log-in of a browser, else the account behind a token."""
    session = request.session.session_key if hasattr(request, "session") else None
    kind = "session" if session and "Authorization" not in request.headers else "token"
    return kind, session or "", str(account.staff_id)


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
    if kind == "visit":
        return _is_uuid(key)
    return text in (STATUS, COUNTS, DAY)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def listening(request: Any) -> Any:
    """The logged-in account; None for nobody."""
    return request.user if isinstance(request.user, Account) else None
