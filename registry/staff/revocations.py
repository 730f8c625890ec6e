"""Who may no longer work anywhere: central's signed list, and the copy that a laptop keeps beside its data.

Lives here, for any carrier: `make_list` (central) and `take_list` (a laptop), on bytes; and `reapply`, which
puts the kept list into force again after a start, a restore or a roster. The list is whole each time and has
a serial number that only rises: an older one never replaces a newer one, and an older database does not bring
an account back. Not here: how it travels (`signoffs.py`), what being out means (`signoffs.on_revoked`), work
after the end (`sync/ended.py`). Read next: `docs/adr/0030-work-after-the-end.md`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from django.core.checks import CheckMessage
from django.core.checks import Warning as Warned
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from registry.staff.models import Account, ApiToken, Credential, StaffMember
from registry.staff.selectors import ended_ms
from sync.alarms import note
from sync.exchanges import Body, Count, Id, Name, unpack
from sync.feed.models import Gate
from sync.ledger.models import Replica
from sync.models import SecurityEvent
from sync.node import current_node
from sync.problems import Problem
from sync.vault.durable import write_private
from sync.vault.keys import (
    key_id_of,
    node_key,
    pinned,
    public_bytes,
    receipt_keys,
    timeline,
)

FILE: Final = "revocations"
LARGEST: Final = 4 << 20
FORMAT: Final = 1
_PURPOSE: Final = b"posta revocations 1\0"
_A_DAY_MS: Final = 86_400_000
Standing = Literal["none", "kept", "damaged"]


class Ended(Body):
    """One person, and since when."""

    staff: Id
    since_ms: Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_000)]


class Revocations(Body):
    """The list. Lists order by (timeline, serial): a central that was put back begins a later timeline."""

    format: int
    key_id: Name
    timeline: Id
    serial: Count
    made_ms: int
    ended: list[Ended]

    @property
    def order(self) -> tuple[bytes, int]:
        return self.timeline, self.serial

    def since(self) -> dict[UUID, int]:
        return {UUID(bytes=one.staff): one.since_ms for one in self.ended}


class Unreadable(Exception):
    """The kept list is damaged, or it is not there although there has been one."""


# --- central ---------------------------------------------------------------------------------------------


def serial_now() -> int:
    """The number of the newest list: how often the list of staff has changed."""
    gate = Gate.objects.filter(table=StaffMember.sync.table).values_list("last_position", flat=True)
    return gate.first() or 0


def make_list() -> bytes:
    """Everybody whose work has ended, signed. While the counter is locked nobody changes staff, so that one
    number never stands on two different lists.
    """
    with transaction.atomic():
        list(Gate.objects.select_for_update().filter(table=StaffMember.sync.table))
        public = public_bytes(node_key())
        told = Revocations(
            FORMAT,
            key_id_of(public),
            timeline().bytes,
            serial_now(),
            current_node().wall(),
            [Ended(pk.bytes, since) for pk, since in sorted(ended_here(None).items())],
        )
    body = told.pack()
    return msgspec.msgpack.encode((body, node_key().sign(_PURPOSE + body)))


def ended_here(ids: Collection[UUID] | None) -> dict[UUID, int]:
    """Whose work has ended, as this node's copy of the list of staff has it, and since when; of these people,
    or of all.
    """
    rows = StaffMember.objects.filter(Q(active=False) | Q(gone=True))
    return {row.pk: ended_ms(row) for row in (rows if ids is None else rows.filter(pk__in=list(ids)))}


# --- clinic ----------------------------------------------------------------------------------------------


def take_list(body: bytes) -> bool:
    """Believe a list from wherever it came, keep it, and put it into force. False where it is not newer than
    the one that is kept: then nothing changes. Raises a `Problem` for what is not our central's list.

    It is on the disk before it counts in the database: cut in between, `reapply` does the rest.
    """
    told = _opened(body)
    known = pinned()
    if known is None or UUID(bytes=told.timeline) != UUID(known.timeline):
        raise _foreign()
    with transaction.atomic():
        Replica.objects.select_for_update().get(is_self=True)  # of two that come at once one is the newer
        if not _is_newer(told):
            return False
        write_private(current_node().path(FILE), body)
        current_node().marks.raise_to(revocation_version=told.serial)
        reapply()
    return True


def _is_newer(told: Revocations) -> bool:
    try:
        kept = kept_list()
    except Unreadable:  # the same one again mends it; one from before it does not
        return told.serial >= current_node().marks.read().revocation_version
    return kept is None or told.order > kept.order


def _opened(body: bytes) -> Revocations:
    try:
        if len(body) > LARGEST:
            raise ValueError("too large")
        content, signature = msgspec.msgpack.decode(body, type=tuple[bytes, bytes])
        told = unpack(Revocations, content)
        if told.format != FORMAT:
            raise Problem(
                "newer-list",
                _("This list was made by a newer Posta."),
                detail=_("Update this laptop. Nothing was changed."),
                status=409,
            )
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise Problem(
            "damaged-list",
            _("This is not a whole list of central."),
            detail=_("Nothing was changed."),
        ) from None
    key = receipt_keys().get(told.key_id)
    if key is None:
        raise _foreign()
    try:
        key.verify(signature, _PURPOSE + content)
    except InvalidSignature:
        raise _foreign() from None
    return told


def _foreign() -> Problem:
    return Problem(
        "foreign-list",
        _("This list was not signed by this laptop's central."),
        detail=_("Nothing was changed."),
        status=403,
    )


def kept_list() -> Revocations | None:
    """The list as it lies beside the database, its signature checked again; None where there never was one.
    Raises `Unreadable`.
    """
    node = current_node()
    path = node.path(FILE)
    try:
        stat = path.stat()
    except FileNotFoundError:
        if node.marks.read().revocation_version:
            raise Unreadable from None
        return None
    seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    if node.kept.get("revocations_seen") != seen:
        try:
            node.kept["revocations"] = _opened(path.read_bytes())
        except (Problem, OSError):
            raise Unreadable from None
        node.kept["revocations_seen"] = seen
    found: Revocations = node.kept["revocations"]
    return found


def serial_kept() -> int:
    """What to tell central: the number of the list that is here, 0 where none can be read."""
    try:
        kept = kept_list()
    except Unreadable:
        return 0
    return kept.serial if kept else 0


def is_shut_out(staff_id: UUID) -> bool:
    """Whether the kept list names somebody, whatever the database says."""
    try:
        kept = kept_list()
    except Unreadable:
        return False  # the accounts that it closed stay closed
    return kept is not None and staff_id in kept.since()


def reapply() -> int:
    """Whoever is on the kept list and still, or again, has a way in here is out. Answers how many that were.
    A list that cannot be read is told, and shuts nobody in or out.
    """
    from registry.staff.signoffs import on_revoked  # which stands on this module

    if current_node().is_central:
        return 0
    try:
        kept = kept_list()
    except Unreadable:
        _tell_damaged()
        return 0
    since = kept.since() if kept else {}
    out = sorted(_with_a_way_in() & since.keys()) if since else []
    with transaction.atomic():
        for staff_id in out:
            on_revoked(staff_id, datetime.fromtimestamp(since[staff_id] / 1000, tz=UTC))
    return len(out)


def _with_a_way_in() -> set[UUID]:
    accounts = Account.objects.filter(is_active=True).values_list("staff_id", flat=True)
    verifiers = Credential.objects.filter(kind=Credential.Kind.NODE).values_list("staff_id", flat=True)
    return {*accounts, *verifiers, *ApiToken.objects.values_list("staff_id", flat=True)}


# --- telling ---------------------------------------------------------------------------------------------


def _tell_damaged() -> None:
    code, now = "revocations-damaged", current_node().wall()
    if not SecurityEvent.objects.filter(code=code, at__gt=now - _A_DAY_MS).exists():
        note(code, "The kept list of people who may no longer work cannot be read.", None)


def standing() -> Standing:
    """How the kept list is."""
    if current_node().is_central:
        return "none"
    try:
        return "none" if kept_list() is None else "kept"
    except Unreadable:
        return "damaged"


def revocations_told() -> Mapping[str, Any]:
    """For the status: how the list is here, and its number."""
    return {"standing": standing(), "serial": serial_kept()}


def check_list(**_kwargs: Any) -> list[CheckMessage]:
    """For every command and start: a damaged list is said aloud."""
    if standing() != "damaged":
        return []
    return [
        Warned(
            "The list of people who may no longer work cannot be read.",
            hint="Sync now: central sends it again. Until then a restored database may let them in.",
            id="staff.W001",
        )
    ]
