"""The tablets that this laptop knows. Nothing of it is synced.

Lives here: `Tablet` (its name and public key, the cookie that it proved itself for), `Offer` (a code that
lets one tablet in) and `Blocked` (what browsers refused to run on our pages). Of cookies and codes only
digests are kept. Not here: what these times mean (`policy.py`), log-ins (a session names its tablet,
`services.py`).
Read next: `services.py`.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID, uuid4

from django.db import models

from registry.tablets.policy import LONGEST_LABEL, Proof


class Tablet(models.Model):
    """A browser whose key this laptop knows. Revoked ones stay: what they kept may still come."""

    local_only: ClassVar[bool] = True
    id: models.UUIDField[UUID, UUID] = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    label = models.CharField(max_length=LONGEST_LABEL)
    device = models.CharField(max_length=40, unique=True)  # what every change from it carries
    key_id = models.CharField(max_length=43, unique=True)
    public = models.BinaryField()
    enrolled_by: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True)
    enrolled_at = models.DateTimeField()
    cookie = models.BinaryField()
    cookie_before = models.BinaryField(default=b"")
    cookie_used = models.BooleanField(default=False)
    answered = models.CharField(max_length=200, default="", blank=True)  # the challenge of the last proof
    proved_at = models.DateTimeField()
    last_seen = models.DateTimeField()
    last_staff_id: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True)
    last_log_in = models.DateTimeField(null=True)
    copied_at = models.DateTimeField(null=True)  # when somebody else came with its cookie
    copied_cookie = models.BinaryField(default=b"")
    revoked_at = models.DateTimeField(null=True)
    revoked_by: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True)

    class Meta:
        ordering: ClassVar = ["label", "enrolled_at"]

    def __str__(self) -> str:
        return self.label

    def proof(self, cookie_digest: bytes) -> Proof | None:
        """What this cookie would prove; None where it is neither the present one nor the one before."""
        current = bytes(self.cookie) == cookie_digest
        if not current and (not cookie_digest or bytes(self.cookie_before) != cookie_digest):
            return None
        return Proof(self.proved_at, self.revoked_at is not None, current, self.cookie_used)


class Offer(models.Model):
    """A code that a coordinator shows. It lets one tablet in, for ten minutes."""

    local_only: ClassVar[bool] = True
    digest = models.CharField(max_length=64, unique=True)
    offered_by: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True)
    offered_at = models.DateTimeField()
    wrong_tries = models.PositiveIntegerField(default=0)
    tablet = models.ForeignKey(Tablet, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"offer {self.pk}"


class Blocked(models.Model):
    """What browsers refused on a page of ours, counted. It names rules, hosts and pages: no address of a
    record, nothing that anybody typed.
    """

    local_only: ClassVar[bool] = True
    rule = models.CharField(max_length=40)
    what = models.CharField(max_length=120)
    page = models.CharField(max_length=80)
    script = models.CharField(max_length=120)
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-last_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "what", "page", "script"], name="tablets_blocked_once")
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"
