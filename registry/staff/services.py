"""The only writers of staff, accounts and credentials.

Lives here: at central, adding staff, giving and ending roles, setting passwords, and the roster for one
node's staff; at a clinic, installing that roster. Roster entries are plain values that travel in enrolment
and in every run. Not here: sealing and sending them (`sync`), checking a password (`credentials.py`), tokens
and sign-ins (`sessions.py`).
Read next: `credentials.py`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from registry.places.models import Facility
from registry.staff.backends import plain_username
from registry.staff.credentials import LIFETIME, hashing_cost
from registry.staff.models import Account, Credential, StaffMember, StaffRole
from registry.staff.newcomers import waiting_ids
from registry.staff.policy import AT_THE_CLINIC, Role, can_visit
from registry.staff.selectors import authority_of
from registry.staff.sessions import revoke_tokens
from registry.staff.verifiers import PasswordHash, hash_password, node_verifier
from sync.ledger.recording import Author, recording
from sync.node import current_node
from sync.problems import Problem

RENEWED_EVERY: Final = timedelta(days=1)
_USERNAME: Final = re.compile(r"[\w.@+-]{2,40}")
Grant = tuple[str, Facility | None]


class RosterEntry(TypedDict):
    """One person who may log in at a node: everything it needs to check their password offline. Times are
    whole ms.
    """

    staff_id: bytes
    username: str
    salt: bytes
    cost: list[int]
    verifier: bytes
    password_number: int
    issued_at: int
    expires_at: int
    visiting: bool


def add_staff(
    *,
    by: Author,
    username: str,
    full_name: str = "",
    language: str = "en",
    grants: Iterable[Grant] = (),
    password: str | None = None,
    save_id: UUID | None = None,
) -> StaffMember:
    """At central: a new member of staff with their roles and, if given, a password."""
    name = plain_username(username)
    check_central()
    check_username(name)
    roles = [_checked_grant(grant) for grant in grants]
    kept = None if password is None else hashed(password, name)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return StaffMember.objects.get(pk=save.id_of(0))
        if StaffMember.objects.filter(username=name).exists():
            raise Problem(
                "username-taken", _("Somebody has this user name already."), fields={"username": name}
            )
        member = save.add(
            StaffMember,
            username=name,
            full_name=full_name.strip(),
            language=language,
            passwords_set=int(kept is not None),
        )
        for role, facility in roles:
            save.add(StaffRole, staff=member, role=role.value, facility=facility)
        Account.objects.create(username=name, staff_id=member.pk, stamp=secrets.token_hex(8))
        if kept is not None:
            keep_central(member.pk, kept, 1)
    return member


def give_role(
    *,
    by: Author,
    staff: StaffMember,
    role: str,
    facility: Facility | None = None,
    save_id: UUID | None = None,
) -> None:
    """At central: one more role. Giving it twice changes nothing."""
    kind, place = _checked_grant((role, facility))
    with recording(by=by, save_id=save_id) as save:
        held = StaffRole.objects.living().filter(staff=staff, role=kind.value, facility=place)
        if not save.repeated and not held.exists():
            save.add(StaffRole, staff=staff, role=kind.value, facility=place)


def end_role(
    *,
    by: Author,
    staff: StaffMember,
    role: str,
    facility: Facility | None = None,
    save_id: UUID | None = None,
) -> None:
    """At central: a role no longer held."""
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return
        for row in (
            StaffRole.objects.living().filter(staff=staff, role=role, facility=facility).order_by("id")
        ):
            save.remove(row)


def end_staff(*, by: Author, staff: StaffMember, save_id: UUID | None = None) -> None:
    """At central: the person leaves. Their sessions end at once here, elsewhere with the next contact."""
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            save.edit(staff, {"active": False})  # the hash stays: only who knows the password is told why


def set_password(*, by: Author, staff: StaffMember, password: str, save_id: UUID | None = None) -> None:
    """At central: keep a new password's hash. Every session of the person ends; nodes that see the list
    change fetch their roster.
    """
    check_central()
    kept = hashed(password, staff.username)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return
        number = StaffMember.objects.get(pk=staff.pk).passwords_set + 1
        save.edit(staff, {"passwords_set": number})
        keep_central(staff.pk, kept, number)
        Account.objects.filter(staff_id=staff.pk).update(stamp=secrets.token_hex(8))


def forget_second_step(*, by: Author, staff: StaffMember, save_id: UUID | None = None) -> None:
    """At central: telephone and recovery codes are lost. The step goes at every node that hears of it, and
    the person sets it up again at the next log-in.
    """
    check_central()
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            count = StaffMember.objects.get(pk=staff.pk).steps_forgotten + 1
            save.edit(staff, {"steps_forgotten": count})


def check_central() -> None:
    if not current_node().is_central:
        raise Problem("owned-by-central", _("Only central can change staff."), status=403)


def check_username(name: str) -> None:
    if not _USERNAME.fullmatch(name):
        sentence = _("A user name has 2 to 40 letters, digits, dots or hyphens.")
        raise Problem("bad-username", sentence, fields={"username": sentence})


def _checked_grant(grant: Grant) -> tuple[Role, Facility | None]:
    role, facility = grant
    try:
        return Role(role), facility
    except ValueError:
        raise Problem("unknown-role", _("There is no such role."), fields={"role": role}) from None


def hashed(password: str, username: str) -> PasswordHash:
    try:
        validate_password(password, user=Account(username=username))
        return hash_password(password, hashing_cost())
    except ValidationError as error:
        raise Problem(
            "weak-password", _("Choose another password."), fields={"password": " ".join(error.messages)}
        ) from None
    except ValueError as error:
        raise Problem(
            "weak-password", _("Choose another password."), fields={"password": str(error)}
        ) from None


def keep_central(staff_id: UUID, kept: PasswordHash, number: int) -> None:
    Credential.objects.update_or_create(
        staff_id=staff_id,
        kind=Credential.Kind.CENTRAL,
        defaults={
            "salt": kept.salt,
            "verifier": kept.digest,
            "time_cost": kept.cost.time,
            "memory_cost": kept.cost.memory,
            "parallelism": kept.cost.parallelism,
            "password_number": number,
            "issued_at": current_node().now(),
        },
    )


def staff_serving(facility_ids: Collection[UUID]) -> set[UUID]:
    """Active staff with a clinic role at one of the facilities or at all of them."""
    at = Q(facility_id__in=list(facility_ids)) | Q(facility_id=None)
    held = StaffRole.objects.living().filter(at, role__in=[role.value for role in AT_THE_CLINIC])
    members = StaffMember.objects.living().filter(active=True, pk__in=held.values("staff_id"))
    return set(members.values_list("pk", flat=True))


def roster_for(
    facility_ids: Collection[UUID], pepper: bytes, visitors: Collection[UUID] = ()
) -> list[RosterEntry]:
    """At central: verifiers for the staff of a node, peppered for that node alone. Central's hashes stay
    here. `visitors` have logged in there without being of its staff; they are named as long as they may.
    """
    serving = staff_serving(facility_ids)
    listed = serving | {one for one in visitors if can_visit(authority_of(one))}
    names = dict(StaffMember.objects.filter(pk__in=listed).values_list("pk", "username"))
    rows = Credential.objects.filter(kind=Credential.Kind.CENTRAL, staff_id__in=listed).order_by("staff_id")
    return [_entry(row, names[row.staff_id], pepper, row.staff_id not in serving) for row in rows]


def entry_for(staff_id: UUID, facility_ids: Collection[UUID], pepper: bytes) -> RosterEntry | None:
    """At central: the verifier of one person who has just proved their password at a node."""
    row = Credential.objects.filter(kind=Credential.Kind.CENTRAL, staff_id=staff_id).first()
    if row is None:
        return None
    username = StaffMember.objects.get(pk=staff_id).username
    return _entry(row, username, pepper, staff_id not in staff_serving(facility_ids))


def _entry(row: Credential, username: str, pepper: bytes, visiting: bool) -> RosterEntry:
    verifier = node_verifier(PasswordHash(bytes(row.salt), row.cost, bytes(row.verifier)), pepper)
    now = current_node().now()
    return RosterEntry(
        staff_id=row.staff_id.bytes,
        username=username,
        salt=verifier.salt,
        cost=[verifier.cost.time, verifier.cost.memory, verifier.cost.parallelism],
        verifier=verifier.digest,
        password_number=row.password_number,
        issued_at=_ms(now),
        expires_at=_ms(now + LIFETIME),
        visiting=visiting,
    )


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def roster_is_old(facility_ids: Collection[UUID]) -> bool:
    """At a clinic: whether its verifiers still are those of the people its own copy of the lists names.

    They are renewed daily in any case, so that thirty days are counted from the last contact.
    """
    kept = dict(
        Credential.objects.filter(kind=Credential.Kind.NODE, visiting=False).values_list(
            "staff_id", "password_number"
        )
    )
    visiting = dict(_visitors().values_list("staff_id", "password_number"))
    undecided = waiting_ids()
    kept = {one: number for one, number in kept.items() if one not in undecided}
    serving = _numbers_of(staff_serving(facility_ids))
    if (
        _renamed(serving)
        or kept != serving
        or visiting != {k: n for k, n in _numbers_of(visiting).items() if k not in serving}
    ):
        return True
    old = current_node().now() - RENEWED_EVERY
    rows = Credential.objects.filter(kind=Credential.Kind.NODE, visiting=False, issued_at__lt=old)
    return rows.exclude(staff_id__in=undecided).exists()


def _renamed(ids: Collection[UUID]) -> bool:
    """Whether somebody's user name here is no longer theirs."""
    named = set(StaffMember.objects.filter(pk__in=ids).values_list("pk", "username"))
    here = set(Account.objects.filter(staff_id__in=ids, is_active=True).values_list("staff_id", "username"))
    return bool(here - named)


def _numbers_of(ids: Collection[UUID]) -> dict[UUID, int]:
    """How many passwords central has been given for each of these people, as far as they may log in."""
    members = StaffMember.objects.living().filter(active=True, pk__in=ids, passwords_set__gt=0)
    return dict(members.values_list("pk", "passwords_set"))


def _visitors() -> QuerySet[Credential]:
    return Credential.objects.filter(kind=Credential.Kind.NODE, visiting=True)


def visitors_here() -> list[UUID]:
    """At a clinic: who may log in offline without being on its roster."""
    return list(_visitors().order_by("staff_id").values_list("staff_id", flat=True))


def install_roster(entries: Sequence[RosterEntry]) -> None:
    """At a clinic: these people, and nobody else, may log in here. A changed password ends the old one's
    sessions.

    A visitor keeps the verifier of their last log-in with central until it expires: only that renews it.
    Whom central has not decided about stays as a coordinator has let them in.
    """
    listed = [UUID(bytes=entry["staff_id"]) for entry in entries]
    stay = [*listed, *waiting_ids()]
    with transaction.atomic():
        for account in Account.objects.filter(is_active=True).exclude(staff_id__in=stay):
            Account.objects.filter(pk=account.pk).update(is_active=False, stamp=secrets.token_hex(8))
        Credential.objects.filter(kind=Credential.Kind.NODE).exclude(staff_id__in=stay).delete()
        for staff_id, entry in zip(listed, entries, strict=True):
            if not entry["visiting"]:
                _install(staff_id, entry)
            elif not _still_fits(staff_id, entry):
                forget_verifier(staff_id)


def _still_fits(staff_id: UUID, entry: RosterEntry) -> bool:
    kept = _visitors().filter(staff_id=staff_id).first()
    return kept is not None and bytes(kept.verifier) == entry["verifier"]


def keep_verifier(entry: RosterEntry) -> Account:
    """At a clinic: central has just said yes to this person's password."""
    staff_id = UUID(bytes=entry["staff_id"])
    with transaction.atomic():
        _install(staff_id, entry)
        return Account.objects.get(staff_id=staff_id)


def forget_verifier(staff_id: UUID) -> None:
    """At a clinic: the person's sessions end, and the next log-in needs central or a new roster."""
    with transaction.atomic():
        Credential.objects.filter(staff_id=staff_id, kind=Credential.Kind.NODE).delete()
        Account.objects.filter(staff_id=staff_id).update(stamp=secrets.token_hex(8))


def close_account(staff_id: UUID) -> None:
    """At a clinic: the person is out within one request. Programs that spoke for them are, too."""
    with transaction.atomic():
        forget_verifier(staff_id)
        Account.objects.filter(staff_id=staff_id).update(is_active=False)
        revoke_tokens(staff_id)


def _install(staff_id: UUID, entry: RosterEntry) -> None:
    kind = Credential.Kind.NODE
    before = Credential.objects.filter(staff_id=staff_id, kind=kind).first()
    # A user name that now belongs to somebody else is taken from its former owner's closed account.
    for other in Account.objects.filter(username=entry["username"]).exclude(staff_id=staff_id):
        Account.objects.filter(pk=other.pk).update(username=f"{other.staff_id}", is_active=False)
    account, made = Account.objects.update_or_create(
        staff_id=staff_id, defaults={"username": entry["username"], "is_active": True}
    )
    if made:  # there is no second step here yet to take away
        told = StaffMember.objects.filter(pk=staff_id).values_list("steps_forgotten", flat=True).first()
        Account.objects.filter(pk=account.pk).update(steps_forgotten=told or 0)
    if before is None or bytes(before.verifier) != entry["verifier"]:
        Account.objects.filter(pk=account.pk).update(stamp=secrets.token_hex(8))
    time_cost, memory_cost, parallelism = entry["cost"]
    Credential.objects.update_or_create(
        staff_id=staff_id,
        kind=kind,
        defaults={
            "salt": entry["salt"],
            "verifier": entry["verifier"],
            "time_cost": time_cost,
            "memory_cost": memory_cost,
            "parallelism": parallelism,
            "password_number": entry["password_number"],
            "issued_at": instant(entry["issued_at"]),
            "expires_at": instant(entry["expires_at"]),
            "visiting": entry["visiting"],
            "lent_until": None,
            "lent_on": "",
        },
    )


def instant(ms: int) -> datetime:
    """A moment as it travels."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)
