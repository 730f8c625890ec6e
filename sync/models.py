"""Nodes, runs and security events.

Lives here: `EnrolledNode` (central: who may sync, and its pinned key), `RecoveryKey` (central: what opens a
laptop whose passphrase is forgotten), `SyncRun` (clinic: one run with its lease and its progress, the row
that pages read live) and `SecurityEvent`. All local-only. Not here: replicas
and the log (`sync/ledger/models.py`).
"""

from __future__ import annotations

import uuid
from typing import ClassVar, Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

LEASE_MS: Final = 60_000


class EnrolledNode(models.Model):
    """A clinic server that central knows. Its public key is pinned when it joins; scope comes from this row,
    never from a payload. `next_key` is believed beside `public_key` until its first use (`sync/rotation.py`).
    `cursors` is how far it told that it has downloaded (`sync/feed/anchors.py`); `seen` where it spoke from
    and with which token, to notice two that use one credential (`sync/parallel.py`). `mode` is which patients
    it may hold.
    """

    class Mode(models.TextChoices):
        SUBSCRIBED = "subscribed", _("Those of its own area, and those it has seen")
        EVERYTHING = "everything", _("All patients of the programme")

    local_only: ClassVar[bool] = True
    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=100, unique=True)
    facilities = models.JSONField(default=list)
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.SUBSCRIBED)
    public_key = models.BinaryField(default=bytes)
    next_key = models.BinaryField(default=bytes)
    code_hash = models.CharField(max_length=64, default="")
    code_expires = models.BigIntegerField(default=0)
    joined_at = models.BigIntegerField(null=True)
    revoked_at = models.BigIntegerField(null=True)
    revoked_why = models.CharField(max_length=200, default="")
    last_contact = models.BigIntegerField(null=True)
    backlog = models.IntegerField(default=0)
    software = models.CharField(max_length=40, default="")
    clock_offset_ms = models.BigIntegerField(default=0)
    cursors = models.BinaryField(default=bytes)
    seen = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class RecoveryKey(models.Model):
    """At central: a laptop's recovery key, sealed to central's own key (`sync/recovery.py`). Several of one
    node: a laptop that was replaced may turn up again.
    """

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    node_uuid = models.UUIDField()
    key_id = models.CharField(max_length=9)
    sealed = models.BinaryField()
    received_at = models.BigIntegerField()
    given_at = models.BigIntegerField(null=True)
    given_by = models.UUIDField(null=True)
    given_why = models.CharField(max_length=200, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["node_uuid", "key_id"], name="sync_recovery_key_once")
        ]

    def __str__(self) -> str:
        return f"recovery key {self.key_id}"


class SyncRun(models.Model):
    """One run of upload and download. At most one holds a lease; a run whose lease ran out is dead and may be
    followed.
    """

    class Outcome(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    trigger = models.CharField(max_length=20)
    started_at = models.BigIntegerField()
    finished_at = models.BigIntegerField(null=True)
    lease_until = models.BigIntegerField(default=0)
    holder = models.CharField(max_length=64, default="")
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.RUNNING)
    reason = models.TextField(default="")
    step = models.CharField(max_length=40, default="")
    to_send = models.IntegerField(default=0)
    sent = models.IntegerField(default=0)
    to_fetch = models.IntegerField(default=0)
    fetched = models.IntegerField(default=0)
    bytes_up = models.BigIntegerField(default=0)
    bytes_down = models.BigIntegerField(default=0)
    digests = models.CharField(max_length=12, default="")

    def __str__(self) -> str:
        return f"run {self.pk}: {self.outcome}"

    @staticmethod
    def on_its_way(now: int) -> Q:
        """Runs that hold their lease. One that ends later than a lease taken now is of a clock that was put
        back since.
        """
        return Q(outcome=SyncRun.Outcome.RUNNING, lease_until__gt=now, lease_until__lte=now + 2 * LEASE_MS)


class LinkState(models.Model):
    """What the last probe found. One row."""

    class State(models.TextChoices):
        UP = "up"
        DOWN = "down"
        NOT_REAL = "no-real-internet"
        REFUSED = "refused"
        UNKNOWN = "unknown"

    local_only: ClassVar[bool] = True
    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    state = models.CharField(max_length=20, choices=State.choices, default=State.UNKNOWN)
    since = models.BigIntegerField(default=0)
    reason = models.TextField(default="")
    failures = models.IntegerField(default=0)
    next_try = models.BigIntegerField(default=0)
    clock_offset_ms = models.BigIntegerField(default=0)
    digests_checked = models.CharField(max_length=64, default="")
    held = models.IntegerField(default=0)
    quarantined = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"link {self.state}"


class SecurityEvent(models.Model):
    """Something that must not have happened: a forged receipt, a fork, a write outside a node's scope."""

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    at = models.BigIntegerField()
    code = models.CharField(max_length=40)
    node_uuid = models.UUIDField(null=True)
    sentence = models.TextField()

    def __str__(self) -> str:
        return f"{self.code} at {self.at}"
