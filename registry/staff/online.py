"""A log-in while the link is up: central decides, and its word is final.

Lives here: `OnlineBackend`, which asks before the laptop looks at its own verifier; central's door `log-in`;
and what both say. The password travels sealed to central's key inside the signed request; the answer is
sealed with a key that only this question carries, and signed as the answer to it. Neither side keeps or logs
the password. A link that is down by the last probe is not tried, and one that does not answer within seconds
counts as down for a while: nobody waits for it twice. Not here: the check without central (`backends.py`),
how often somebody may guess (`limits.py`), what the page says (`log_in_words.py`).
Read next: `signoffs.py`, for log-ins that central has not seen.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Annotated, Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from registry.staff import limits
from registry.staff.backends import StaffBackend, plain_username
from registry.staff.credentials import password_fits
from registry.staff.log_in_words import ENDED, LOCKED, NOT_HERE, WRONG, refuse
from registry.staff.models import Account, StaffMember, Visitor
from registry.staff.newcomers import is_waiting
from registry.staff.policy import NO_ONE, can_visit
from registry.staff.second_factor import forget_up_to
from registry.staff.selectors import authority_of, ended_ms
from registry.staff.services import RosterEntry, entry_for, instant, keep_verifier, staff_serving
from registry.staff.signoffs import Instant, on_revoked
from sync.alarms import note
from sync.carriers.http import Refused, Session, carrier_to
from sync.carriers.server import Caller, endpoint, refusal
from sync.conversation import BROKEN_OFF, say_hello
from sync.exchanges import Body, Count, Id, Name, unpack
from sync.ledger.replicas import self_replica
from sync.models import LinkState
from sync.node import current_node
from sync.run import STALE
from sync.tasks import ask_for_run
from sync.vault.envelope import Unopened, opened, seal_to
from sync.vault.keys import Pinned, pepper, pinned, receipt_keys

CONNECT_S: Final = 2.5
ANSWER_S: Final = 4.0
TOGETHER_S: Final = 5.0
SILENT_FOR_MS: Final = 60_000
NONCE_BYTES: Final = 12
PADDED_TO: Final = 200
YES: Final = "yes"
GUESSED: Final = (
    "Too many wrong passwords came from this clinic today. Its log-ins have to wait. Ask its coordinator. "
    "Did nobody there mistype so often? Then its key may have been copied: revoke it."
)


class Typed(Body):
    """What somebody typed, for central alone. `key` seals the answer; the node is named again, so that a
    sealed question is of no use in anybody else's request. `pad` hides how long the password is.
    """

    node: Id
    username: Annotated[str, msgspec.Meta(max_length=400)]
    password: Annotated[str, msgspec.Meta(max_length=4096)]
    pepper: Annotated[bytes, msgspec.Meta(min_length=32, max_length=64)]
    key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    pad: Annotated[bytes, msgspec.Meta(max_length=PADDED_TO)] = b""


class Told(Body):
    """Central's word: `yes` with a fresh verifier for this node, or why not. `steps_forgotten` is news of a
    lost telephone for a laptop that has not synced since.
    """

    outcome: Name
    entry: RosterEntry | None = None
    staff: Annotated[bytes, msgspec.Meta(max_length=16)] = b""
    since_ms: Instant = 0
    steps_forgotten: Count = 0


# --- central ---------------------------------------------------------------------------------------------


@endpoint("log-in")
@sensitive_variables()
def answer_log_in(caller: Caller, body: bytes) -> bytes:
    """Central's door: one password of one person, for one node."""
    try:
        typed = unpack(Typed, opened(body))
    except Unopened:
        raise refusal("not-for-us", "This is not sealed to central's key.", 400) from None
    if typed.node != caller.node.uuid.bytes:
        raise refusal("not-for-us", "This was sealed by another node.", 400)
    nonce = secrets.token_bytes(NONCE_BYTES)
    told = _judged(typed, caller.node.uuid, [UUID(one) for one in caller.node.facilities])
    return nonce + AESGCM(typed.key).encrypt(nonce, told.pack(), b"log-in")


@sensitive_variables()
def _judged(typed: Typed, node: UUID, facilities: list[UUID]) -> Told:
    """Whoever does not know the password learns one thing only, and an unknown name takes as long."""
    name = plain_username(typed.username)[:40]
    try:
        attempt = limits.begin(name, node=node.hex)
    except limits.TooManyGuesses as many:
        if many.everybody:
            note("log-ins-guessed", GUESSED, node)
        return Told(LOCKED)
    account = Account.objects.filter(username=name).first()
    if not password_fits(account.staff_id if account else NO_ONE, typed.password) or account is None:
        return Told(WRONG)
    limits.succeeded(attempt)
    member = StaffMember.objects.filter(pk=account.staff_id).first()
    if member is None or member.gone or not member.active:
        return Told(ENDED, None, account.staff_id.bytes, ended_ms(member) if member else 0)
    if member.pk not in staff_serving(facilities):
        if not can_visit(authority_of(member.pk)):
            return Told(NOT_HERE)
        Visitor.objects.get_or_create(node_uuid=node, staff_id=member.pk)
    entry = entry_for(member.pk, facilities, typed.pepper)
    return Told(YES, entry, member.pk.bytes, 0, member.steps_forgotten)


# --- clinic ----------------------------------------------------------------------------------------------


class OnlineBackend(StaffBackend):
    """At a clinic whose link is up: the password against central's own hash, at central."""

    role = "clinic"

    @sensitive_variables()
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: object,
    ) -> Account | None:
        if current_node().role != self.role or not username or password is None:
            return None
        if _is_provisional(plain_username(username)):
            return None  # central has not heard of them, or not decided
        told = ask_central(plain_username(username), password)
        if told is None:
            return None  # the cached credential decides
        if told.outcome != YES or told.entry is None:
            _take_no(told)
            refuse(request, told.outcome)
            raise PermissionDenied(told.outcome)
        account = keep_verifier(told.entry)
        account.seen_by_central = True
        forget_up_to(account, told.steps_forgotten)
        if not StaffMember.objects.filter(pk=account.staff_id).exists():
            ask_for_run("log-in")  # somebody so new that the lists do not have them yet
        return account


def _is_provisional(username: str) -> bool:
    account = Account.objects.filter(username=username[:40]).first()
    return account is not None and is_waiting(account.staff_id)


def _take_no(told: Told) -> None:
    """Central knows that this person has left, and who typed knew the password: the laptop need not wait for
    its next run.
    """
    if told.outcome == ENDED and len(told.staff) == 16:
        on_revoked(UUID(bytes=told.staff), instant(told.since_ms))


def link_is_up() -> bool:
    """By what the probe found last, without trying it; a central that has just kept somebody waiting is left
    in peace.
    """
    node = current_node()
    silent_until = node.kept.get("central_silent_until", 0)
    if pinned() is None or 0 < silent_until - node.wall() <= SILENT_FOR_MS:
        return False
    return LinkState.objects.filter(pk=1, state=LinkState.State.UP).exists()


@sensitive_variables()
def ask_central(username: str, password: str) -> Told | None:
    """Central's word, or None where it could not be had in time."""
    known = pinned()
    if known is None or not link_is_up():
        return None
    key = secrets.token_bytes(32)
    pad = bytes(max(PADDED_TO - len(f"{username}{password}".encode()), 0))
    typed = Typed(UUID(known.node).bytes, username[:400], password[:4096], pepper(), key, pad)
    sealed = seal_to(receipt_keys()[known.key_id], typed.pack())
    try:
        answer = _exchange(known, sealed)
        content = AESGCM(key).decrypt(answer[:NONCE_BYTES], answer[NONCE_BYTES:], b"log-in")
        return unpack(Told, content)
    except (*BROKEN_OFF, InvalidTag, TimeoutError):
        current_node().kept["central_silent_until"] = current_node().wall() + SILENT_FOR_MS
        return None


def _exchange(known: Pinned, sealed: bytes) -> bytes:
    """One request, signed with the nonce of the last hello. Only where that has grown old, hello first."""
    node = current_node()
    mark = node.marks.read()
    carrier = carrier_to(known, connect_seconds=CONNECT_S)
    session = Session(carrier, known, self_replica().uuid, mark.run_nonce, mark.heard_ms, ANSWER_S)
    try:
        try:
            return _in_time(partial(session.post, "log-in", sealed))
        except Refused as refused:
            if refused.code not in STALE:
                raise
        say_hello(session)
        return session.post("log-in", sealed)
    finally:
        carrier.close()


def _in_time(ask: Callable[[], bytes]) -> bytes:
    """Looking up an address has no time limit of its own, so the whole has one. It touches no database."""
    if current_node().kept.get("carrier") is not None:
        return ask()
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log-in")
    try:
        return pool.submit(copy_context().run, ask).result(TOGETHER_S)
    finally:
        pool.shutdown(wait=False)
