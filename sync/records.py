"""What a synced model is.

Lives here: `SyncedModel` (id, the change that made the row, its versions, its place in central's feed, the
tombstone), the `Sync` declaration by which a room says how its table travels and merges, and the guard that
refuses every write that did not come through a door. Not here: the door (`sync/ledger/recording.py`), the
merge into rows (`sync/apply.py`). Read next: `sync/tables.py` (a model compiled for speed), then
`sync/ledger/recording.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NoReturn, Self
from uuid import UUID

from django.db import models

from sync.core.merge import Rule, Value

Owner = Literal["clinic", "central"]
Group = Literal[
    "registration",
    "identifiers",
    "enrollments",
    "visits",
    "observations",
    "prescriptions",
    "insurance",
    "stock",
    "attachments",
    "access",
]
LONGEST_DEVICE = 40
GROUPS: tuple[str, ...] = Group.__args__  # type: ignore[attr-defined]


class StrayWrite(RuntimeError):
    """A synced row was about to be written outside `recording(by=…)` and the merge."""


@dataclass(frozen=True, slots=True)
class Sync:
    """How a table travels and merges; declared as `sync = Sync(…)` on the model.

    `table` is its name on the wire, for ever. `group` is the upload group people see. `scope` names the
    column that holds the scope key (for patient records the patient's UUID); None is a shared list that every
    node gets. `owner="central"` means that a clinic's write is refused. `place` names the column of the
    facility that a row without a patient belongs to: only nodes that serve it write there. `beside` names the
    two columns (table, record id) by which a row speaks of any other record. `append_only`: what was written
    is never edited or removed. `rules` gives a field's merge rule where it is not the default (`latest`; for
    central's tables `central`). `key_rule(columns, key)` gives the rule of one key of a `KeyedField`. `local`
    names columns that never travel. `on_apply(rows)` runs in the same transaction, whatever brought the rows.
    """

    table: str
    group: Group
    scope: str | None
    owner: Owner = "clinic"
    place: str | None = None
    beside: tuple[str, str] | None = None
    append_only: bool = False
    rules: Mapping[str, Rule] = field(default_factory=dict)
    key_rule: Callable[[Mapping[str, Any], str], Rule] | None = None
    local: Sequence[str] = ()
    on_apply: Callable[[list[Any]], None] | None = None
    check: Callable[[Mapping[str, Value]], None] | None = None
    schema: int = 1


class KeyedField(models.JSONField[dict[str, Any]]):
    """A JSON object that merges key by key: key `bp` of column `values` is the field `values.bp`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", dict)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)


_door_open: ContextVar[bool] = ContextVar("posta_door_open", default=False)


@contextmanager
def door() -> Iterator[None]:
    """Only `sync.apply` and the replica's repair open it. A room that wants to write uses `recording`."""
    token = _door_open.set(True)
    try:
        yield
    finally:
        _door_open.reset(token)


def refuse_stray(what: str) -> None:
    """Raise `StrayWrite` unless a door is open."""
    if not _door_open.get():
        raise StrayWrite(f"{what} outside recording(by=…); synced rows have one door")


class SyncedQuerySet(models.QuerySet[Any]):
    """Reads as usual; every writing method refuses outside the door."""

    def living(self) -> Self:
        """Rows without a tombstone."""
        return self.filter(gone=False)

    def create(self, **kwargs: Any) -> Any:
        refuse_stray("create()")
        return super().create(**kwargs)

    def bulk_create(self, *args: Any, **kwargs: Any) -> list[Any]:
        refuse_stray("bulk_create()")
        return super().bulk_create(*args, **kwargs)

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        refuse_stray("bulk_update()")
        return super().bulk_update(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        refuse_stray("update()")
        return super().update(**kwargs)

    def _update(self, values: Any) -> int:
        refuse_stray("update()")
        return int(super()._update(values))  # type: ignore[misc]

    def delete(self) -> tuple[int, dict[str, int]]:
        refuse_stray("delete()")
        return super().delete()

    def _insert(self, *args: Any, **kwargs: Any) -> Any:
        refuse_stray("insert")
        return super()._insert(*args, **kwargs)  # type: ignore[misc]

    _insert.queryset_only = False  # type: ignore[attr-defined]  # Django's own save calls it on a manager

    def _raw_delete(self, using: str | None) -> int:
        refuse_stray("delete()")
        return int(super()._raw_delete(using))

    delete.alters_data = True  # type: ignore[attr-defined]


class SyncedModel(models.Model):
    """A record that replicas agree on.

    Nearly every clinical row is written once: then `made_*` say all there is to know of its version, and
    `versions` is null. A row that was overwritten or is contested keeps all its heads in `versions` (msgpack,
    see `sync.core.merge.state_to_plain`) and the columns show what the merge rules choose. `position`,
    `other_position` and `origin` are central's feed.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    gone = models.BooleanField(default=False, editable=False)
    made_replica = models.PositiveSmallIntegerField(editable=False)
    made_seq = models.BigIntegerField(editable=False)
    made_stamp = models.BigIntegerField(editable=False)
    made_received = models.BigIntegerField(null=True, editable=False)
    made_by = models.UUIDField(null=True, editable=False)
    made_on = models.CharField(max_length=LONGEST_DEVICE, default="", editable=False)
    made_offset = models.BigIntegerField(default=0, editable=False)
    versions = models.BinaryField(null=True, editable=False)
    position = models.BigIntegerField(null=True, db_index=True, editable=False)
    other_position = models.BigIntegerField(default=0, editable=False)
    origin = models.PositiveSmallIntegerField(default=0, editable=False)

    sync: ClassVar[Sync]
    objects = SyncedQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"  # related managers and fixtures write through it

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        refuse_stray(f"save() of {type(self).__name__}")
        super().save_base(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise StrayWrite("a synced record is never deleted; use save.remove(row) in recording(by=…)")

    @property
    def version(self) -> str:
        """The opaque token a form carries: what its reader had seen of this record."""
        from sync.versions import token_of

        return token_of(self)

    @property
    def is_contested(self) -> bool:
        """Whether any field holds concurrent values that a person must choose between."""
        from sync.review.models import Conflict

        return self.versions is not None and Conflict.objects.filter(record_id=self.pk).exists()


SYNC_COLUMNS: frozenset[str] = frozenset(f.name for f in SyncedModel._meta.local_fields)


def scope_key(row: SyncedModel) -> UUID | None:
    """The scope key of a row; None for a shared list."""
    column = type(row).sync.scope
    return None if column is None else getattr(row, column)
