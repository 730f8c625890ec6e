"""The log that everything is agreed from.

Lives here: `Replica` (one copy of a node's database), `Change` (the append-only log with its hash chain),
`Answer` (what a repeat is told) and `Receipt` (central's signed word). All local to this database: they are
what sync is made of, not what it carries. Not here: how a change is written (`recording.py`) or merged
(`sync/apply.py`).
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Replica(models.Model):
    """One copy of a node's database, known here under a small number.

    `head_*` is the last change of that replica in this log. For this database's own row `acked_seq` is the
    last change that a verified receipt covers and `last_stamp` the last clock reading issued. At central,
    `token` and `token_before` are the hello tokens that the live copy may show.
    """

    class Standing(models.TextChoices):
        LIVE = "live"
        FENCED = "fenced"
        CLOSED = "closed"

    local_only: ClassVar[bool] = True
    number = models.AutoField(primary_key=True)
    uuid = models.UUIDField(unique=True)
    node_uuid = models.UUIDField(null=True, db_index=True)
    node_name = models.CharField(max_length=100, default="")
    is_self = models.BooleanField(default=False)
    standing = models.CharField(max_length=10, choices=Standing.choices, default=Standing.LIVE)
    head_seq = models.BigIntegerField(default=0)
    head_digest = models.BinaryField()
    acked_seq = models.BigIntegerField(default=0)
    last_stamp = models.BigIntegerField(default=0)
    token = models.CharField(max_length=64, default="")
    token_before = models.CharField(max_length=64, default="")
    clock_offset_ms = models.BigIntegerField(default=0)
    follows = models.UUIDField(null=True)
    follows_digest = models.BinaryField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_self"], condition=models.Q(is_self=True), name="ledger_one_self"
            )
        ]

    def __str__(self) -> str:
        return f"{self.node_name or 'unnamed'}/{self.uuid}"


class Change(models.Model):
    """One record's part of a save, as it was made. Append-only: only `state` and `received` may be set later.

    `body` is the canonical form (`sync.core.protocol.canonical`); the other columns repeat what must be found
    by.
    """

    class State(models.IntegerChoices):
        APPLIED = 0
        HELD = 1
        QUARANTINED = 2

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    replica = models.ForeignKey(Replica, on_delete=models.PROTECT, db_index=False)
    seq = models.BigIntegerField()
    save_id = models.UUIDField(db_index=True)
    table = models.CharField(max_length=40)
    record_id = models.UUIDField(db_index=True)
    body = models.BinaryField()
    digest = models.BinaryField()
    received = models.BigIntegerField(null=True)
    state = models.PositiveSmallIntegerField(choices=State.choices, default=State.APPLIED)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["replica", "seq"], name="ledger_dot")]

    def __str__(self) -> str:
        return f"{self.table} {self.record_id} at {self.replica_id}:{self.seq}"


class Answer(models.Model):
    """What a save was answered, where looking again could say something else: that an edit met another one
    (`about` is the record), or how a decision ended (`about` says which). A repeat is told the same.
    """

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    save_id = models.UUIDField()
    about = models.CharField(max_length=40)
    by = models.UUIDField(null=True)
    word = models.CharField(max_length=12)
    code = models.CharField(max_length=40, default="")
    sentence = models.TextField(default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["save_id", "about"], name="ledger_answer_once")
        ]

    def __str__(self) -> str:
        return f"{self.word}: {self.about} by save {self.save_id}"


class Receipt(models.Model):
    """Central's signed answer for a run of changes. At a clinic only verified ones are kept; they tile
    1..acked.
    """

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    replica = models.ForeignKey(Replica, on_delete=models.PROTECT)
    seq_from = models.BigIntegerField()
    seq_to = models.BigIntegerField()
    received = models.BigIntegerField()
    envelope = models.BinaryField()
    digest = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["replica", "seq_from"], name="ledger_receipt_run")
        ]

    def __str__(self) -> str:
        return f"receipt for {self.replica_id}:{self.seq_from}–{self.seq_to}"
