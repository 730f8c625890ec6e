"""What central says of log-ins that were checked without it.

Lives here, for any carrier: the question (`signoffs_to_ask`), central's answer (`answer_signoffs`) and what
the laptop does about it (`take_signoffs`). They work on bytes and know nothing of the link, so a bundle on a
stick carries the same. A person who may no longer work here is out in the same transaction that learns it;
rooms that have more to do then say so with `when_revoked`. Not here: the door and the run's step
(`enrolling.py`), a log-in while the link is up (`online.py`), the list for people (`log_ins.py`).
Read next: `enrolling.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Max, QuerySet

from registry.staff.breakglass import keep_key
from registry.staff.models import Credential, SignIn, StaffMember, Visitor
from registry.staff.newcomers import waiting_ids
from registry.staff.revocations import make_list, reapply, serial_kept, serial_now, take_list
from registry.staff.selectors import ended_ms, grants_of
from registry.staff.services import (
    RosterEntry,
    close_account,
    forget_verifier,
    install_roster,
    instant,
    roster_for,
    visitors_here,
)
from registry.staff.sessions import forget_old_sign_ins
from sync.exchanges import Body, Count, Id, Name, unpack
from sync.models import EnrolledNode
from sync.node import current_node
from sync.vault.keys import pepper

MOST_ASKED: Final = 200
Outcome = SignIn.Outcome
Instant = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_000)]  # the last one that a calendar has
Hook = Callable[[UUID, datetime], None]
_hooks: list[Hook] = []


class AskedLogIn(Body):
    """One log-in, and what the laptop knew of the person then. `grants` is null where it had no lists yet.
    `lent_on` is the question whose code let them in (`breakglass.py`).
    """

    ref: Id
    staff: Id
    at_ms: Instant
    device: Annotated[str, msgspec.Meta(max_length=40)]
    password_number: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
    grants: list[Name] | None
    lent_on: Annotated[str, msgspec.Meta(max_length=12)] = ""


class SignOffQuestion(Body):
    """What a laptop asks: the roster too if it wants one. With a pepper central makes verifiers that fit.
    `list_here` is the number of the list of revocations that it has.
    """

    pepper: Annotated[bytes, msgspec.Meta(max_length=64)]
    log_ins: Annotated[list[AskedLogIn], msgspec.Meta(max_length=MOST_ASKED)]
    visitors: list[Id]
    roster: bool
    list_here: Count = 0


class SignedOff(Body):
    """Central's word on one log-in; `since_ms` says from when somebody may no longer work here."""

    ref: Id
    staff: Id
    outcome: Name
    since_ms: Instant = 0


class SignOffAnswer(Body):
    """All of it, as central saw it at `made_ms`; the list of revocations where it is news."""

    made_ms: Instant
    log_ins: list[SignedOff]
    roster: list[RosterEntry] | None = None
    revocations: bytes = b""


# --- clinic ----------------------------------------------------------------------------------------------


def sign_ins_to_sign_off() -> list[SignIn]:
    """What central has not heard of, oldest first."""
    return list(_unasked().order_by("id")[:MOST_ASKED])


def _unasked() -> QuerySet[SignIn]:
    """Of people whom central has not decided about, it could only say that it does not know them."""
    rows = SignIn.objects.filter(node_uuid=None, outcome="")
    return rows.exclude(staff_id__in=waiting_ids())


def waits_for_sign_off() -> bool:
    """Whether anybody has logged in here without central since the last contact."""
    return _unasked().exists()


def signoffs_to_ask(*, roster: bool = True) -> bytes:
    """The question, with as many log-ins as it holds; ask again while some wait."""
    asked = [
        AskedLogIn(
            ref=row.ref.bytes,
            staff=row.staff_id.bytes,
            at_ms=max(int(row.at.timestamp() * 1000), 0),
            device=row.device,
            password_number=row.password_number,
            grants=row.grants,
            lent_on=row.lent_on,
        )
        for row in sign_ins_to_sign_off()
    ]
    visitors = [one.bytes for one in visitors_here()]
    return SignOffQuestion(pepper(), asked, visitors, roster, serial_kept()).pack()


def take_signoffs(body: bytes, *, from_stick: bool = False) -> int:
    """Believe an answer (whoever calls has made sure that it is central's), in one transaction. Answers how
    many log-ins it settled; one that came before settles nothing.

    What comes on a stick may be old, and its roster older than the one that is here: then that is left. And
    whoever is on the list of revocations has no place on any roster.
    """
    told = unpack(SignOffAnswer, body)
    with transaction.atomic():
        if told.revocations:
            take_list(told.revocations)
        if told.roster is not None and not (from_stick and _is_older(told.made_ms)):
            install_roster(told.roster)
        settled = sum(_take(answer) for answer in told.log_ins)
        reapply()
        if settled:
            forget_old_sign_ins()
        return settled


def _is_older(made_ms: int) -> bool:
    newest = Credential.objects.filter(kind=Credential.Kind.NODE).aggregate(at=Max("issued_at"))["at"]
    return newest is not None and made_ms < int(newest.timestamp() * 1000)


def _take(answer: SignedOff) -> bool:
    asked = SignIn.objects.select_for_update().filter(
        node_uuid=None, ref=UUID(bytes=answer.ref), staff_id=UUID(bytes=answer.staff), outcome=""
    )
    row = asked.first()
    if row is None:
        return False
    row.outcome, row.signed_off = answer.outcome, current_node().now()
    row.since = instant(answer.since_ms) if answer.outcome == Outcome.REVOKED else None
    row.save(update_fields=["outcome", "signed_off", "since"])
    if row.outcome == Outcome.REVOKED and row.since is not None:
        on_revoked(row.staff_id, row.since)
    elif row.outcome == Outcome.PASSWORD_CHANGED:
        _end_password(row.staff_id, row.password_number)
    return True


def _end_password(staff_id: UUID, number: int) -> None:
    """The password of that log-in is no longer theirs. Where the roster has brought the new one, it has ended
    the sessions of the old one as well.
    """
    kept = Credential.objects.filter(staff_id=staff_id, kind=Credential.Kind.NODE).first()
    if kept is None or kept.password_number <= number:
        forget_verifier(staff_id)


def when_revoked(hook: Hook) -> None:
    """`hook(staff_id, since)` is called in the transaction in which this laptop learns that somebody may no
    longer work, and since when. It may be called again for the same person.
    """
    if hook not in _hooks:
        _hooks.append(hook)


def on_revoked(staff_id: UUID, since: datetime) -> None:
    """At a clinic: out within one request, verifier gone, and whatever other rooms have to do about it."""
    with transaction.atomic():
        close_account(staff_id)
        for hook in _hooks:
            hook(staff_id, since)


# --- central ---------------------------------------------------------------------------------------------


def answer_signoffs(node: EnrolledNode, body: bytes) -> bytes:
    """Central's answer to a node. It follows from what central knows now and from nothing that the laptop's
    clock says, so asking twice is harmless.
    """
    asked = unpack(SignOffQuestion, body)
    if asked.pepper:
        keep_key(node.uuid, asked.pepper)
    members = StaffMember.objects.in_bulk([UUID(bytes=one.staff) for one in asked.log_ins])
    grants = grants_of(members)
    answers = [
        _judged(one, members.get(UUID(bytes=one.staff)), grants.get(UUID(bytes=one.staff), []))
        for one in asked.log_ins
    ]
    _keep(node, asked.log_ins, answers)
    roster = None
    if asked.pepper and (asked.roster or any(one.outcome != Outcome.FINE for one in answers)):
        visitors = _who_were_there(node, [UUID(bytes=one) for one in asked.visitors])
        roster = roster_for([UUID(one) for one in node.facilities], asked.pepper, visitors)
    news = make_list() if serial_now() > asked.list_here else b""
    return SignOffAnswer(current_node().wall(), answers, roster, news).pack()


def _who_were_there(node: EnrolledNode, named: list[UUID]) -> list[UUID]:
    """A stolen laptop could name anybody: only who proved a password there is its visitor."""
    known = Visitor.objects.filter(node_uuid=node.uuid, staff_id__in=named)
    return list(known.values_list("staff_id", flat=True))


def _judged(asked: AskedLogIn, member: StaffMember | None, grants: list[str]) -> SignedOff:
    if member is None:
        return SignedOff(asked.ref, asked.staff, Outcome.UNKNOWN.value)
    if member.gone or not member.active:
        return SignedOff(asked.ref, asked.staff, Outcome.REVOKED.value, ended_ms(member))
    if asked.password_number < member.passwords_set:
        return SignedOff(asked.ref, asked.staff, Outcome.PASSWORD_CHANGED.value)
    if asked.grants is not None and sorted(asked.grants) != grants:
        return SignedOff(asked.ref, asked.staff, Outcome.ROLE_CHANGED.value)
    return SignedOff(asked.ref, asked.staff, Outcome.FINE.value)


def _keep(node: EnrolledNode, asked: Iterable[AskedLogIn], answers: Iterable[SignedOff]) -> None:
    """What the office sees. A log-in that is asked about again keeps its place and takes the newer answer."""
    now = current_node().now()
    rows = {
        log_in.ref: SignIn(
            ref=UUID(bytes=log_in.ref),
            node_uuid=node.uuid,
            staff_id=UUID(bytes=log_in.staff),
            at=instant(log_in.at_ms),
            device=log_in.device,
            password_number=log_in.password_number,
            grants=log_in.grants,
            lent_on=log_in.lent_on,
            outcome=answer.outcome,
            since=instant(answer.since_ms) if answer.outcome == Outcome.REVOKED else None,
            signed_off=now,
        )
        for log_in, answer in zip(asked, answers, strict=True)
    }
    SignIn.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["node_uuid", "ref"],
        update_fields=["outcome", "since", "signed_off"],
    )
    if rows:
        forget_old_sign_ins(node.uuid)
