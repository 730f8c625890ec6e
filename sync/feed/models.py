"""Where each table's feed stands, who follows what, and how far this node has downloaded.

Lives here: `Gate` and `Anchor` (central), `Subscription` (central), `Cursor` and `Kept` (clinic). All
local-only. Read next: `positions.py`, then `pages.py`; `anchors.py`.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Gate(models.Model):
    """Per table and lane: the last position given, when, and the random anchor of the block that it
    closed. Anchors before `anchored_from` are forgotten (`anchors.py`).
    """

    local_only: ClassVar[bool] = True
    table = models.CharField(max_length=40, primary_key=True)
    lane = models.PositiveSmallIntegerField(default=0)
    last_position = models.BigIntegerField(default=0)
    last_modified = models.BigIntegerField(default=0)
    anchor = models.BinaryField(default=bytes)
    anchored_from = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.table}@{self.last_position}"


class Anchor(models.Model):
    """The random mark of one block of positions: a clinic that knows it knows this timeline of central."""

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    table = models.CharField(max_length=40)
    position = models.BigIntegerField()
    anchor = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["table", "position"], name="feed_anchor_once")
        ]

    def __str__(self) -> str:
        return f"{self.table}@{self.position}"


class Subscription(models.Model):
    """A node follows a scope from `position` (in the gate `_subscriptions`) on."""

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    node_uuid = models.UUIDField()
    scope = models.UUIDField(db_index=True)
    position = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["node_uuid", "scope"], name="feed_subscription_once"),
            models.UniqueConstraint(fields=["node_uuid", "position"], name="feed_subscription_at"),
        ]

    def __str__(self) -> str:
        return f"{self.node_uuid} follows {self.scope}"


class Cursor(models.Model):
    """How far this clinic has downloaded a table. Moves in the transaction that applies what it covers."""

    local_only: ClassVar[bool] = True
    table = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField(default=0)
    anchor = models.BinaryField(default=bytes)
    moved_at = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.table}@{self.position}"


class Kept(models.Model):
    """A record of a table that this version does not know: kept as it came, applied after an upgrade."""

    local_only: ClassVar[bool] = True
    id = models.BigAutoField(primary_key=True)
    table = models.CharField(max_length=40)
    record_id = models.UUIDField()
    position = models.BigIntegerField(default=0)
    state = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["table", "record_id"], name="feed_kept_once")
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.record_id}, not known to this version"
