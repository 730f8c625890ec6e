"""Registration numbers: what a replica may hand out, and central's ledger of everything it ever issued.

Lives here: `NumberBlock` (numbers this database was given), `IssuedBlock` and `IssuedNumber` (central's
ledger, where one unique index over the whole programme makes a second issue impossible). All local to their
database; a number becomes known to others as an identifier row of the patient who carries it.
Read next: `services.py`.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from registry.numbers.codes import PER_PREFIX


class NumberBlock(models.Model):
    """Numbers given to one replica, handed out from the front. A block of a former replica is never
    touched again.
    """

    local_only: ClassVar[bool] = True
    id = models.UUIDField(primary_key=True)
    replica = models.UUIDField(db_index=True)
    prefix = models.CharField(max_length=2)
    numbers = models.JSONField[list[int]]()
    size = models.PositiveIntegerField()
    taken = models.PositiveIntegerField(default=0)
    issued_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(taken__lte=models.F("size")), name="numbers_not_overdrawn"
            )
        ]

    def __str__(self) -> str:
        return f"{self.prefix}: {self.size - self.taken} of {self.size} left"


class IssuedBlock(models.Model):
    """At central: one block, for whom and when."""

    local_only: ClassVar[bool] = True
    id = models.UUIDField(primary_key=True)
    replica = models.UUIDField(db_index=True)
    prefix = models.CharField(max_length=2)
    issued_at = models.DateTimeField()
    issued_by = models.UUIDField(null=True)

    def __str__(self) -> str:
        return f"{self.prefix} for {self.replica}"


class IssuedNumber(models.Model):
    """At central: one number, issued once. The key is the prefix's ordinal followed by the six digits."""

    local_only: ClassVar[bool] = True
    number = models.IntegerField(primary_key=True)
    block = models.ForeignKey(IssuedBlock, on_delete=models.CASCADE, related_name="issued")

    def __str__(self) -> str:
        return f"{self.number:08d}"

    @property
    def within_prefix(self) -> int:
        return self.number % PER_PREFIX
