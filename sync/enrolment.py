"""How a clinic server joins: a one-time code, typed once, makes both sides sure of each other.

Lives here: central's `offer` (makes the code) and its `join` door, the clinic's `join(url, code)`, and
the seams by which rooms above add what a node needs at once (`provide_extra`, `on_welcome`). The code
proves both sides, so the one request needs no trust in TLS: it and its answer are authenticated and
sealed under keys that follow from the code, and everything after it is pinned. Central keeps only hashes
of the code. Not here: the signed conversation that follows (`sync/hello.py`), the page and the command
that show a code.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from sync.carriers.http import LinkBroke
from sync.carriers.server import MSGPACK, Reply, open_endpoint, refusal
from sync.carriers.signing import Wire
from sync.exchanges import JoinAnswer, JoinRequest, Welcome, unpack
from sync.feed.subscriptions import follow_places
from sync.joining import (
    code_id,
    code_key,
    mint_code,
    plain_code,
    proof_of,
    request_proof,
    seal,
    send_unpinned,
    unseal,
)
from sync.ledger.birth import ensure_replica
from sync.ledger.models import Replica
from sync.ledger.replicas import forget_replicas, introduce, self_replica
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.problems import PROBLEM_JSON, Problem
from sync.vault.durable import write_private
from sync.vault.keys import (
    Pinned,
    key_id_of,
    node_key,
    pepper,
    pin,
    pinned,
    public_bytes,
    timeline,
)

CODE_LIFE_MS: Final = 48 * 3_600_000
MOST_EVENTS_A_MINUTE: Final = 20
CENTRAL_CA: Final = "tls-ca.pem"
PINNED_CA: Final = "central-ca.pem"
USED: Final = "."  # what a used code ends with; its id stays, so that the next attempt can be told why

Extra = Callable[[EnrolledNode, bytes], Any]
Installer = Callable[[Any], None]
Facility = tuple[str, str, str]
_extras: dict[str, Extra] = {}
_installers: dict[str, Installer] = {}
_facilities: list[Callable[[], Sequence[Facility]]] = []


def provide_extra(name: str, give: Extra) -> None:
    """At central, for every node that joins: `give(node, pepper)` → something msgpack can carry. A
    repeated join asks again.
    """
    _extras[name] = give


def on_welcome(name: str, install: Installer) -> None:
    """At the clinic: what to do with the extra of that name, in the transaction in which the node joins."""
    _installers[name] = install


def provide_facilities(tell: Callable[[], Sequence[Facility]]) -> None:
    """The facilities that a node may serve, as (id, code, name)."""
    _facilities[:] = [tell]


def facilities() -> Sequence[Facility]:
    """Every facility as (id, code, name); none where no room above keeps them."""
    return _facilities[0]() if _facilities else []


def facilities_named(codes: Sequence[str]) -> list[str]:
    """The ids of facilities given by code or id. Raises a `Problem` that names the first unknown one."""
    known = {key.casefold(): one[0] for one in facilities() for key in one[:2] if key}
    for code in codes:
        if code.casefold() not in known:
            raise Problem(
                "unknown-facility",
                _("There is no facility with the code %(code)s.") % {"code": code[:40]},
                fields={"facilities": _("Unknown.")},
            )
    return list(dict.fromkeys(known[code.casefold()] for code in codes))


# --- central ---------------------------------------------------------------------------------------------


def offer(*, name: str, facilities: Sequence[str], mode: str, replace: bool = False) -> str:
    """A one-time code for a new clinic server, valid for 48 hours. `facilities` are ids, `mode` says which
    patients it may hold: whoever invites a laptop decides that.

    Offering again for a node that has not joined makes its earlier code worthless. A node that has
    joined gets a new laptop only with `replace`: when that joins, the old key and the old copy of the
    database are refused.
    """
    if not current_node().is_central:
        raise Problem("only-central", _("Only central enrols clinics."), status=403)
    name = name.strip()
    _check_offer(name, mode)
    code = mint_code()
    with transaction.atomic():
        node = EnrolledNode.objects.select_for_update().filter(name=name).first() or EnrolledNode(name=name)
        if node.joined_at is not None and not replace:
            raise Problem(
                "already-joined",
                _("A clinic with this name has joined already."),
                detail=_("Choose another name, or say that a new laptop replaces the old one."),
                status=409,
                fields={"name": _("Taken.")},
            )
        node.facilities, node.mode = list(facilities), mode
        node.code_hash = f"{code_id(code).hex()}.{urlsafe_b64encode(code_key(code)).decode()}"
        node.code_expires = current_node().wall() + CODE_LIFE_MS
        node.save()
    return code


def _check_offer(name: str, mode: str) -> None:
    if not 0 < len(name) <= 80:  # what a `Welcome` can carry
        raise Problem(
            "bad-name", _("A clinic's name has 1 to 80 letters."), fields={"name": _("1 to 80 letters.")}
        )
    if mode not in EnrolledNode.Mode.values:
        raise Problem("bad-mode", _("There is no such mode."), fields={"mode": _("Unknown.")})


def offered(name: str) -> EnrolledNode:
    """The node that was just offered a code."""
    return EnrolledNode.objects.get(name=name.strip())


class _NotWelcome(Exception):
    """Why a request to join is refused."""

    def __init__(self, code: str, title: str, node: EnrolledNode | None = None) -> None:
        super().__init__(title)
        self.code, self.title, self.node = code, title, node


@open_endpoint("join")
def receive_join(wire: Wire) -> bytes:
    """Central's door: the first laptop that proves the code is the node; every other attempt is refused
    and noted.
    """
    ask = unpack(JoinRequest, wire.body)
    try:
        with transaction.atomic():
            node, key = _proven(ask)
            _admit(node, ask)
            content = seal(key, b"welcome", _welcome(node, unseal(key, b"pepper", ask.pepper)).pack())
    except (InvalidTag, _NotWelcome) as error:
        no = error if isinstance(error, _NotWelcome) else _NotWelcome("wrong-code", "The code is wrong.")
        _note(no)
        raise refusal(no.code, no.title, 403) from None
    except BaseException:
        forget_replicas()
        raise
    return JoinAnswer(content, proof_of(key, content)).pack()


def _proven(ask: JoinRequest) -> tuple[EnrolledNode, bytes]:
    """The node whose code the request proves, locked: of two attempts at once the second sees what the
    first made of it.
    """
    prefix = f"{ask.code_id.hex()}."
    rows = EnrolledNode.objects.select_for_update().filter(code_hash__startswith=prefix)
    node = next((row for row in rows if row.code_hash.startswith(prefix)), None)
    if node is None:
        raise _NotWelcome("wrong-code", "There is no such code.")
    key = urlsafe_b64decode(node.code_hash.removeprefix(prefix).removesuffix(USED))
    if not hmac.compare_digest(request_proof(key, ask), ask.proof):
        raise _NotWelcome("wrong-code", "The code is wrong.", node)
    offered_at = node.code_expires - CODE_LIFE_MS
    revoked_since = node.revoked_at is not None and node.revoked_at >= offered_at
    if revoked_since or node.code_expires <= current_node().wall():
        raise _NotWelcome("code-expired", "The code is no longer valid; ask for a new one.", node)
    return node, key


def _admit(node: EnrolledNode, ask: JoinRequest) -> None:
    """Pin the node's key and its replica. The same laptop may ask again: its first answer may have been
    lost.
    """
    live = Replica.objects.filter(node_uuid=node.uuid, standing=Replica.Standing.LIVE)
    present = Replica.objects.filter(uuid=UUID(bytes=ask.replica)).first()
    if present is not None and present.node_uuid == node.uuid and bytes(node.public_key) == ask.node_key:
        return
    if node.code_hash.endswith(USED):
        raise _NotWelcome("code-used", "The code has been used by another laptop.", node)
    if present is not None:
        raise _NotWelcome("known-replica", "This copy of a database has joined before.", node)
    live.update(standing=Replica.Standing.FENCED)
    introduce(UUID(bytes=ask.replica), node_uuid=node.uuid, node_name=node.name)
    node.public_key, node.software = ask.node_key, ask.software
    node.joined_at, node.revoked_at, node.revoked_why = current_node().wall(), None, ""
    node.next_key, node.cursors, node.seen = b"", b"", {}
    node.code_hash += USED
    node.save()
    follow_places(node)


def _welcome(node: EnrolledNode, peppered: bytes) -> Welcome:
    public, ca = public_bytes(node_key()), current_node().path("keys", CENTRAL_CA)
    return Welcome(
        node=node.uuid.bytes,
        name=node.name,
        facilities=list(node.facilities),
        central_replica=self_replica().uuid.bytes,
        timeline=timeline().bytes,
        key_id=key_id_of(public),
        receipt_key=public,
        ca_pem=ca.read_bytes() if ca.exists() else b"",
        extras={name: give(node, peppered) for name, give in _extras.items()},
    )


def _note(no: _NotWelcome) -> None:
    """A security event, but not one for each of a thousand guesses: anybody may knock at this door."""
    now = current_node().wall()
    recent = SecurityEvent.objects.filter(code__startswith="join-", at__gt=now - 60_000)
    if recent.count() < MOST_EVENTS_A_MINUTE:
        SecurityEvent.objects.create(
            at=now,
            code=f"join-{no.code}",
            node_uuid=no.node.uuid if no.node else None,
            sentence=f"An attempt to join was refused: {no.title}",
        )


# --- clinic ----------------------------------------------------------------------------------------------

REFUSALS: Final[Mapping[str, tuple[Any, Any]]] = {
    "wrong-code": (_("Central does not know this code."), _("Read it again, or ask for a new one.")),
    "code-expired": (
        _("This code is no longer valid."),
        _("A code is good for two days; ask for a new one."),
    ),
    "code-used": (
        _("This code has been used already."),
        _("Ask for a new one, and tell them: it was not you."),
    ),
    "known-replica": (_("This copy of the data has joined before."), _("Ask the programme office.")),
    "not-central": (_("What answers at this address is not central."), _("Check the address.")),
}


def join(url: str, code: str) -> Pinned:
    """Join central with a one-time code; from here on only what is pinned is believed. A lost answer may
    be asked for again.
    """
    here = current_node()
    if here.is_central:
        raise Problem("not-a-clinic", _("This is central; clinics join it."), status=409)
    if (before := pinned()) is not None:
        raise Problem(
            "already-joined",
            _("This laptop has joined %(url)s already, as %(name)s.")
            % {"url": before.url, "name": before.node_name},
            detail=_("A laptop joins once. Nothing was changed."),
            status=409,
        )
    address, plain = _address(url), plain_code(code)
    key = code_key(plain)
    ask = _request(key, plain)
    welcome = _welcome_in(_send(address, ask), key)
    _install(welcome)
    known = _to_pin(address, welcome)
    pin(known)
    return known


def _address(url: str) -> str:
    address = url.strip() if "://" in url else f"https://{url.strip()}"
    address = address.rstrip("/")
    if urlsplit(address).scheme != "https" or not urlsplit(address).hostname:
        raise Problem(
            "bad-address",
            _("Central's address looks like https://central.example."),
            fields={"url": _("Wrong.")},
        )
    return address


def _request(key: bytes, code: str) -> JoinRequest:
    ask = JoinRequest(
        code_id=code_id(code),
        node_key=public_bytes(node_key()),
        replica=ensure_replica().uuid.bytes,
        pepper=seal(key, b"pepper", pepper()),
        software=str(getattr(settings, "POSTA_VERSION", "")),
        proof=b"",
    )
    ask.proof = request_proof(key, ask)
    return ask


def _send(address: str, ask: JoinRequest) -> Reply:
    wire = Wire("POST", f"{address}/sync/v1/join", ask.pack())
    carrier = current_node().kept.get("carrier")
    try:
        if carrier is not None:
            reply: Reply = carrier.send(wire, patience=60.0)
            return reply
        return send_unpinned(wire)
    except LinkBroke:
        raise Problem(
            "no-link",
            _("Central does not answer at %(url)s.") % {"url": address},
            detail=_("Check the address and the internet; the code is still good for this laptop."),
            status=503,
        ) from None


def _welcome_in(reply: Reply, key: bytes) -> Welcome:
    """What central says, believed only if it knows the code."""
    if reply.status != 200 or not reply.content_type.startswith(MSGPACK):
        raise _refused(reply)
    try:
        answer = unpack(JoinAnswer, reply.body)
        if hmac.compare_digest(proof_of(key, answer.content), answer.proof):
            return unpack(Welcome, unseal(key, b"welcome", answer.content))
    except (msgspec.DecodeError, InvalidTag):
        pass
    raise _refusal("not-central")


def _refused(reply: Reply) -> Problem:
    if not reply.content_type.startswith(PROBLEM_JSON):
        return _refusal("not-central")
    try:
        return _refusal(str(msgspec.json.decode(reply.body, type=dict[str, Any]).get("code")))
    except msgspec.DecodeError:
        return _refusal("not-central")


def _refusal(code: str) -> Problem:
    if code not in REFUSALS:
        return Problem("join-refused", _("Central refuses: %(code)s.") % {"code": code[:40]}, status=502)
    title, detail = REFUSALS[code]
    return Problem(code, title, detail=detail, status=502 if code == "not-central" else 403)


def _install(welcome: Welcome) -> None:
    """Everything the node needs to work at once without central, or nothing of it."""
    try:
        with transaction.atomic():
            introduce(UUID(bytes=welcome.central_replica))
            Replica.objects.filter(is_self=True).update(
                node_uuid=UUID(bytes=welcome.node), node_name=welcome.name
            )
            for name, value in welcome.extras.items():
                if name in _installers:
                    _installers[name](value)
    except BaseException:
        forget_replicas()
        raise


def _to_pin(address: str, welcome: Welcome) -> Pinned:
    ca = current_node().path("keys", PINNED_CA)
    if welcome.ca_pem:
        write_private(ca, welcome.ca_pem)
    return Pinned(
        url=address,
        node=str(UUID(bytes=welcome.node)),
        node_name=welcome.name,
        facilities=list(welcome.facilities),
        central_replica=str(UUID(bytes=welcome.central_replica)),
        timeline=str(UUID(bytes=welcome.timeline)),
        key_id=welcome.key_id,
        receipt_key=welcome.receipt_key.hex(),
        ca_file=str(ca) if welcome.ca_pem else "",
    )
