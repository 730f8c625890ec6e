"""Staff, their roles, and what this database needs to let them in.

Lives here: `StaffMember` and `StaffRole`, central's shared lists; `StaffRequest`, a clinic's wish for one
more; and, for this database only, `Account` (Django's user), `Credential` (what a password is checked
against), `ApiToken`, `SignIn` and what codes by telephone need. Nothing a log-in writes touches a synced row.
Not here: how passwords are kept (`verifiers.py`), what a role allows (`policy.py`).
Read next: `services.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from registry.staff.policy import Role
from registry.staff.verifiers import Cost
from sync.records import Sync, SyncedModel

Follow = Callable[[list[Any]], None]
# What modules above do, in the same transaction, about rows that were written or have come.
when_staff_change: list[Follow] = []
when_requests_change: list[Follow] = []


def _follow_standing(rows: list[Any]) -> None:
    """A staff member ended at central loses their sessions here with the row that says so."""
    for active in (True, False):
        ids = [row.pk for row in rows if (row.active and not row.gone) is active]
        Account.objects.filter(staff_id__in=ids).exclude(is_active=active).update(is_active=active)
    for follow in when_staff_change:
        follow(rows)


class StaffMember(SyncedModel):
    """A person who works in the programme."""

    username = models.CharField(max_length=40, db_index=True)
    full_name = models.CharField(max_length=120, default="", blank=True)
    language = models.CharField(max_length=10, default="en")
    active = models.BooleanField(default=True)
    # Counts the passwords central was given, so that a node sees from its own list that its roster is old.
    passwords_set = models.PositiveIntegerField(default=0)
    # Counts how often central took a lost second step away, so that each node does so once.
    steps_forgotten = models.PositiveIntegerField(default=0)

    sync: ClassVar[Sync] = Sync(
        table="staff", group="registration", scope=None, owner="central", on_apply=_follow_standing
    )

    class Meta:
        ordering: ClassVar = ["full_name", "username"]

    def __str__(self) -> str:
        return self.full_name or self.username


class StaffRole(SyncedModel):
    """What somebody does at a facility; without a facility, at all of them."""

    class Kind(models.TextChoices):
        REGISTRAR = Role.REGISTRAR.value, _("Registrar")
        TRIAGE = Role.TRIAGE.value, _("Triage nurse")
        PROVIDER = Role.PROVIDER.value, _("Provider")
        PHARMACIST = Role.PHARMACIST.value, _("Pharmacist")
        LAB = Role.LAB.value, _("Laboratory")
        COORDINATOR = Role.COORDINATOR.value, _("Coordinator")
        CENTRAL_ADMIN = Role.CENTRAL_ADMIN.value, _("Programme office")

    staff = models.ForeignKey(
        StaffMember, on_delete=models.PROTECT, db_constraint=False, related_name="staff_roles"
    )
    facility = models.ForeignKey(
        "places.Facility",
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    role = models.CharField(max_length=20, choices=Kind.choices)

    sync: ClassVar[Sync] = Sync(table="staff_roles", group="registration", scope=None, owner="central")

    def __str__(self) -> str:
        return f"{self.role} at {self.facility_id or 'all facilities'}"


def _follow_requests(rows: list[Any]) -> None:
    for follow in when_requests_change:
        follow(rows)


class StaffRequest(SyncedModel):
    """Somebody whom a coordinator has let in at a clinic, for central to confirm or refuse.

    `staff` is who they are in everything they write; it follows from `key`, the save with which central will
    add them, so that central's member has the same id. `sealed` is the hash of their password, for central
    alone. There is no answer in it: once central's list has this member, it is decided.
    """

    staff = models.UUIDField(db_index=True)
    key = models.UUIDField()
    username = models.CharField(max_length=40)
    full_name = models.CharField(max_length=120)
    language = models.CharField(max_length=10, default="en")
    role = models.CharField(max_length=20, choices=StaffRole.Kind.choices)
    facility = models.ForeignKey(
        "places.Facility", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    sealed = models.TextField(default="", blank=True)

    sync: ClassVar[Sync] = Sync(
        table="staff_requests",
        group="registration",
        scope="facility_id",
        place="facility",
        rules=dict.fromkeys(
            ("staff", "key", "username", "full_name", "language", "role", "facility", "sealed"), "fixed"
        ),
        on_apply=_follow_requests,
    )

    def __str__(self) -> str:
        return self.full_name or self.username


class Accounts(BaseUserManager["Account"]):
    """How Django finds a user by name."""

    def get_by_natural_key(self, username: str | None) -> Account:
        return self.get(username=username)


class Account(AbstractBaseUser, PermissionsMixin):
    """A person's way into this database. Who they are is the staff member with `staff_id`.

    There is no password here: `Credential` holds what one is checked against. `stamp` changes with it, which
    ends sessions. `language` is what the person chose here, empty before they did.
    """

    local_only: ClassVar[bool] = True
    password = None  # type: ignore[assignment]
    username = models.CharField(max_length=40, unique=True)
    staff_id = models.UUIDField(unique=True)
    is_active = models.BooleanField(default=True)
    stamp = models.CharField(max_length=32, default="", blank=True)
    language = models.CharField(max_length=10, default="", blank=True)
    steps_forgotten = models.PositiveIntegerField(default=0)

    # Of this log-in: central has just said yes, so there is nothing to sign off. Not a column.
    seen_by_central = False

    objects: ClassVar[Accounts] = Accounts()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["staff_id"]

    def __str__(self) -> str:
        return self.username

    @property
    def is_staff(self) -> bool:
        """Django's word for those who may open its admin site; ours has none."""
        return False

    def has_usable_password(self) -> bool:
        return Credential.objects.filter(staff_id=self.staff_id).exists()

    def check_password(self, raw_password: str | None) -> bool:
        from registry.staff.credentials import password_fits

        return raw_password is not None and password_fits(self.staff_id, raw_password)

    def set_password(self, raw_password: str | None) -> None:
        raise NotImplementedError("passwords are set at central: registry.staff.services.set_password")

    def get_session_auth_hash(self) -> str:
        return self._session_hash(settings.SECRET_KEY)

    def get_session_auth_fallback_hash(self) -> Iterable[str]:
        return (self._session_hash(secret) for secret in settings.SECRET_KEY_FALLBACKS)

    def _session_hash(self, secret: str | bytes) -> str:
        return salted_hmac(
            "registry.staff.session", f"{self.staff_id}:{self.stamp}", secret=secret
        ).hexdigest()


class Credential(models.Model):
    """What a typed password is compared with. Central's own (`central`) never leaves it; a clinic holds
    `node` only.
    """

    class Kind(models.TextChoices):
        CENTRAL = "central"
        NODE = "node"

    local_only: ClassVar[bool] = True
    staff_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    salt = models.BinaryField()
    verifier = models.BinaryField()
    time_cost = models.PositiveIntegerField()
    memory_cost = models.PositiveIntegerField()
    parallelism = models.PositiveSmallIntegerField()
    password_number = models.PositiveIntegerField(default=0)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    # Of somebody who is not on this node's roster and has logged in here with central's help.
    visiting = models.BooleanField(default=False)
    # Beyond its end, by a code that the office told over the telephone, and the question that it answered.
    lent_until = models.DateTimeField(null=True)
    lent_on = models.CharField(max_length=12, default="", blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["staff_id", "kind"], name="staff_one_credential_of_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} credential of {self.staff_id}"

    @property
    def cost(self) -> Cost:
        return Cost(self.time_cost, self.memory_cost, self.parallelism)


class Visitor(models.Model):
    """At central: somebody who is not of a node's staff has proved their password there. Only then may that
    node ask for their verifier again.
    """

    local_only: ClassVar[bool] = True
    node_uuid: models.UUIDField[UUID, UUID] = models.UUIDField()
    staff_id: models.UUIDField[UUID, UUID] = models.UUIDField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["node_uuid", "staff_id"], name="staff_one_visitor_of_a_node")
        ]

    def __str__(self) -> str:
        return f"{self.staff_id} at node {self.node_uuid}"


class ApiToken(models.Model):
    """A program's way in as a staff member. Only the token's hash is kept."""

    local_only: ClassVar[bool] = True
    digest = models.BinaryField(unique=True)
    staff_id: models.UUIDField[UUID, UUID] = models.UUIDField(db_index=True)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"token of {self.staff_id}"


class SignIn(models.Model):
    """A log-in at a clinic that was checked without central, and what central said of it afterwards.

    `password_number` and `grants` are what the laptop knew at the time (grants are null where it had not got
    the lists yet). At the clinic `node_uuid` is empty; central keeps what each clinic asked, with its answer.
    `lent_on` is the question whose code let them in, where their thirty days were over. Each side has its own
    note of who looked at that.
    """

    class Outcome(models.TextChoices):
        FINE = "fine"
        PASSWORD_CHANGED = "password-changed"  # noqa: S105  a word, no password
        ROLE_CHANGED = "role-changed"
        REVOKED = "revoked"
        UNKNOWN = "unknown"

    local_only: ClassVar[bool] = True
    ref = models.UUIDField(default=uuid4)
    node_uuid = models.UUIDField(null=True)
    staff_id = models.UUIDField(db_index=True)
    at = models.DateTimeField()
    device = models.CharField(max_length=40, default="")
    password_number = models.PositiveIntegerField(default=0)
    grants = models.JSONField(null=True)
    outcome = models.CharField(max_length=80, default="", blank=True)  # a later version may know more words
    since = models.DateTimeField(null=True)
    signed_off = models.DateTimeField(null=True)
    lent_on = models.CharField(max_length=12, default="", blank=True)
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["node_uuid", "ref"], name="staff_one_sign_in_of_a_ref")
        ]

    def __str__(self) -> str:
        return f"{self.staff_id} at {self.at:%Y-%m-%d %H:%M}"


class Shift(models.Model):
    """A full log-in of somebody in one browser, and the PIN that opens it again until it ends.

    `browser` is the digest of the browser's secret (`shifts.py`). The row stays when the shift is over: it
    says that this person has logged in here before.
    """

    local_only: ClassVar[bool] = True
    staff_id: models.UUIDField[UUID, UUID] = models.UUIDField()
    browser = models.CharField(max_length=64)
    stamp = models.CharField(max_length=32, default="", blank=True)
    replica: models.UUIDField[UUID, UUID] = models.UUIDField()
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    pin_salt = models.BinaryField(default=b"")
    pin_verifier = models.BinaryField(default=b"")
    pin_cost = models.JSONField(default=list)
    pin_failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["staff_id", "browser"], name="staff_one_shift_in_a_browser")
        ]

    def __str__(self) -> str:
        return f"shift of {self.staff_id} from {self.began_at:%Y-%m-%d %H:%M}"


class Question(models.Model):
    """At a clinic: the number that somebody reads to the office, whose code answers it once."""

    local_only: ClassVar[bool] = True
    staff_id: models.UUIDField[UUID, UUID] = models.UUIDField(db_index=True)
    number = models.CharField(max_length=12)
    replica: models.UUIDField[UUID, UUID] = models.UUIDField()
    asked_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.number} for {self.staff_id}"


class TelephoneKey(models.Model):
    """At central: the key for one node's codes, encrypted under a secret that is not in the database."""

    local_only: ClassVar[bool] = True
    node_uuid: models.UUIDField[UUID, UUID] = models.UUIDField(unique=True)
    sealed = models.BinaryField()

    def __str__(self) -> str:
        return f"key of node {self.node_uuid}"


class TelephoneCode(models.Model):
    """At central: that somebody of the office has made a code."""

    local_only: ClassVar[bool] = True
    node_uuid: models.UUIDField[UUID, UUID] = models.UUIDField()
    staff_id: models.UUIDField[UUID, UUID] = models.UUIDField()
    question = models.CharField(max_length=12)
    made_by: models.UUIDField[UUID, UUID] = models.UUIDField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"code for {self.staff_id} at node {self.node_uuid}"
