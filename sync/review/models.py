"""What waits for a person, or for something else.

Lives here: `Conflict` (an `ask` field shows different values; computed on each replica, never synced) and
`Aside` (a save that central keeps apart: quarantined with a code and a sentence, or held until what it waits
for arrives); and `Decision`, the one synced record here: why somebody chose, for colleagues elsewhere.
Read next: `services.py` (resolve, release).
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from sync.records import Sync, SyncedModel


class Conflict(models.Model):
    """One field of one record whose concurrent values no rule may settle."""

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    table = models.CharField(max_length=40)
    record_id = models.UUIDField(db_index=True)
    field = models.CharField(max_length=120)
    scope = models.UUIDField(null=True)
    since = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["table", "record_id", "field"], name="review_conflict_once")
        ]

    def __str__(self) -> str:
        return f"{self.table}.{self.field} of {self.record_id}"


class Aside(models.Model):
    """A save that is not in the rows yet. At central: its own; at a clinic: what central said of this
    clinic's saves. `told` is the code that the clinic hears instead of `code` (`sync/checks.py::as_told`);
    `accepted`, that a person has said yes to who wrote it and when, whatever it waits for besides;
    `clock_behind_ms`, how far the laptop's clock was behind when it came (`sync/ended.py`).
    """

    class State(models.TextChoices):
        HELD = "held"
        QUARANTINED = "quarantined"

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    replica_uuid = models.UUIDField()
    save_id = models.UUIDField()
    seq_from = models.BigIntegerField()
    seq_to = models.BigIntegerField()
    state = models.CharField(max_length=12, choices=State.choices)
    code = models.CharField(max_length=40)
    sentence = models.TextField(default="")
    told = models.CharField(max_length=40, default="")
    waits_for = models.CharField(max_length=80, default="", db_index=True)
    accepted = models.BooleanField(default=False)
    clock_behind_ms = models.BigIntegerField(default=0)
    since = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["replica_uuid", "seq_from"], name="review_aside_once")
        ]

    def __str__(self) -> str:
        return f"{self.state} ({self.code}): save {self.save_id}"


class Decision(SyncedModel):
    """Why a person chose as they did: the note beside a decision, which itself is an ordinary change in the
    same save.
    """

    table = models.CharField(max_length=40)
    record_id = models.UUIDField(db_index=True)
    field = models.CharField(max_length=120)
    note = models.CharField(max_length=500)
    scope = models.UUIDField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="decisions",
        group="observations",
        scope="scope",
        beside=("table", "record_id"),
        rules=dict.fromkeys(("table", "record_id", "field", "note", "scope"), "fixed"),
    )

    def __str__(self) -> str:
        return f"decision on {self.table}.{self.field} of {self.record_id}"
