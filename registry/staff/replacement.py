"""Somebody new at a clinic, at once: a coordinator lets them in, central confirms or refuses.

Lives here: the only writers of `StaffRequest`, and central's two answers. The lists of staff stay central's:
a request only asks. Whoever is let in has an account on this laptop, for daily work; what they write carries
the id that central's member will have. Their password's hash goes to central sealed, so nobody types a new
one. A refusal is a member who never worked: the account ends as that of everybody who left. Not here: who is
waiting (`newcomers.py`), the pages (`newcomer_views.py`).
See docs/adr/0031-codes-by-telephone.md.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from django.utils.translation import gettext_lazy as _

from registry.answers import answering
from registry.places.models import Facility
from registry.staff.backends import plain_username
from registry.staff.credentials import LIFETIME, hashing_cost
from registry.staff.models import (
    Account,
    Credential,
    StaffMember,
    StaffRequest,
    StaffRole,
    when_requests_change,
)
from registry.staff.newcomers import is_waiting, waiting
from registry.staff.policy import MAY_BE_PROVISIONAL, Role, check_let_in
from registry.staff.selectors import authority_of
from registry.staff.services import check_central, check_username, close_account, hashed, keep_central
from registry.staff.verifiers import Cost, PasswordHash, node_verifier
from sync.core.changes import derive_id, new_save_id
from sync.exchanges import Body, Id, unpack
from sync.ledger.recording import Author, Save, recording
from sync.ledger.selectors import instant
from sync.node import current_node
from sync.problems import Problem
from sync.vault.envelope import Unopened, opened, seal_to
from sync.vault.keys import pepper, pinned, receipt_keys

MOST_WAITING: Final = 10


class SealedPassword(Body):
    """The hash of one person's password, for central alone."""

    staff: Id
    salt: Annotated[bytes, msgspec.Meta(min_length=16, max_length=64)]
    cost: tuple[int, int, int]
    digest: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


# --- clinic ----------------------------------------------------------------------------------------------


def let_in(
    *,
    by: Author,
    full_name: str,
    username: str,
    role: str,
    facility: Facility,
    password: str,
    language: str = "en",
    save_id: UUID | None = None,
) -> StaffRequest:
    """At a clinic: somebody works here from now on, until central says otherwise."""
    known = pinned()
    if current_node().is_central or known is None:
        raise Problem("only-clinics", _("New people are let in at a clinic."), status=404)
    with answering():
        check_let_in(authority_of(by.staff_id), Role(role), facility.pk, served=_served())
    name = plain_username(username)
    kept = hashed(password, name)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return StaffRequest.objects.get(pk=save.id_of(0))
        _check_free(name)
        if waiting().count() >= MOST_WAITING:
            raise Problem("too-many", _("Ten people wait already. Call the programme office."), status=409)
        node = current_node()
        key = new_save_id(node.wall(), node.rng)
        staff_id = derive_id(key, 0)
        made = save.add(
            StaffRequest,
            staff=staff_id,
            key=key,
            username=name,
            full_name=full_name.strip(),
            language=language,
            role=role,
            facility=facility,
            sealed=_sealed(staff_id, kept, known.key_id),
        )
        _open_account(made, kept)
    return made


def _served() -> set[UUID]:
    known = pinned()
    return {UUID(one) for one in known.facilities} if known is not None else set()


def _check_free(name: str) -> None:
    check_username(name)
    taken = StaffMember.objects.filter(username=name).exists()
    if taken or Account.objects.filter(username=name).exists() or waiting().filter(username=name).exists():
        sentence = _("Somebody has this user name already.")
        raise Problem("username-taken", sentence, fields={"username": name})


def _sealed(staff_id: UUID, kept: PasswordHash, key_id: str) -> str:
    cost = (kept.cost.time, kept.cost.memory, kept.cost.parallelism)
    content = SealedPassword(staff_id.bytes, kept.salt, cost, kept.digest).pack()
    return base64.b64encode(seal_to(receipt_keys()[key_id], content)).decode()


def _open_account(asked: StaffRequest, kept: PasswordHash) -> None:
    """What central's roster would bring. The verifier is the one that it will bring once it has confirmed."""
    verifier, now = node_verifier(kept, pepper()), current_node().now()
    Account.objects.create(username=asked.username, staff_id=asked.staff, stamp=secrets.token_hex(8))
    Credential.objects.create(
        staff_id=asked.staff,
        kind=Credential.Kind.NODE,
        salt=verifier.salt,
        verifier=verifier.digest,
        time_cost=kept.cost.time,
        memory_cost=kept.cost.memory,
        parallelism=kept.cost.parallelism,
        password_number=1,
        issued_at=now,
        expires_at=now + LIFETIME,
    )


def take_back(*, by: Author, staff_id: UUID, save_id: UUID | None = None) -> bool:
    """At a clinic: let in by mistake. The person is out within one request; answers whether they waited."""
    with answering():
        asked = waiting().filter(staff=staff_id).first()
        if asked is None:
            return False
        check_let_in(authority_of(by.staff_id), Role(asked.role), asked.facility_id, served=_served())
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            save.remove(asked)
    return True


def leave_again(rows: Iterable[StaffRequest]) -> None:
    """At a clinic: who was let in and is no longer wished for is out within one request. Whom central knows,
    central decides.
    """
    staff_ids = [row.staff for row in rows if row.gone]
    if current_node().is_central or not staff_ids:
        return
    decided = set(StaffMember.objects.filter(pk__in=staff_ids).values_list("pk", flat=True))
    for staff_id in set(staff_ids) - decided:
        close_account(staff_id)


when_requests_change.append(leave_again)


# --- central ---------------------------------------------------------------------------------------------


def confirm(*, by: Author, asked: StaffRequest, username: str) -> StaffMember:
    """At central: they are staff, with the id under which they have worked since they were let in."""
    name = plain_username(username)
    check_central()
    check_username(name)
    if asked.role not in {role.value for role in MAY_BE_PROVISIONAL}:
        raise Problem("unknown-role", _("A clinic cannot ask for this role."), status=409)
    if StaffMember.objects.filter(username=name).exists():
        sentence = _("Somebody has this user name already.")
        raise Problem("username-taken", sentence, fields={"username": name})
    kept = _password_in(asked)
    with recording(by=by, save_id=asked.key) as save:
        member = _add(save, asked, username=name, passwords_set=int(kept is not None))
        save.add(StaffRole, staff=member, role=asked.role, facility=asked.facility)
        Account.objects.create(username=name, staff_id=member.pk, stamp=secrets.token_hex(8))
        if kept is not None:
            keep_central(member.pk, kept, 1)
    return member


def refuse(*, by: Author, asked: StaffRequest) -> StaffMember:
    """At central: they are not. A member who never worked says so to every node, and frees the user name."""
    check_central()
    with recording(by=by, save_id=asked.key) as save:
        return _add(save, asked, username=f"refused-{asked.staff.hex[-8:]}", active=False)


def _add(save: Save, asked: StaffRequest, **said: object) -> StaffMember:
    """The member, with the id that the request names. It follows from the save, so it is made once."""
    if save.repeated or not is_waiting(asked.staff):
        raise Problem("decided", _("This has been decided, or was taken back."), status=409)
    if save.next_id != asked.staff:
        raise Problem("broken-request", _("The parts of this request do not fit together."), status=409)
    return save.add(StaffMember, full_name=asked.full_name, language=asked.language, **said)


def _password_in(asked: StaffRequest) -> PasswordHash | None:
    """The hash that the clinic sealed. Where it does not open, the office sets a password."""
    try:
        content = unpack(SealedPassword, opened(base64.b64decode(asked.sealed)))
    except (Unopened, binascii.Error, msgspec.DecodeError):
        return None
    if content.staff != asked.staff.bytes or Cost(*content.cost) != hashing_cost():
        return None
    return PasswordHash(content.salt, Cost(*content.cost), content.digest)


def asked_at(asked: StaffRequest) -> datetime:
    """When the coordinator asked, as their laptop's clock had it."""
    return instant(asked.made_stamp, asked.made_offset)
