"""Every way of writing a row that Django offers, tried on every synced model past the door: none passes.

Each try must end in `StrayWrite` (or, of a row that others need, in Django's own refusal); afterwards the
table is what it was. New methods of Django that write are noticed: what is tried here is compared with what a
queryset has.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.core import serializers
from django.db import connection, models, transaction
from django.db.models.deletion import Collector
from django.db.models.fields.related_descriptors import create_reverse_many_to_one_manager
from django.db.models.sql import DeleteQuery, UpdateQuery

from sync.bulk import insert, insert_plain
from sync.ledger.models import Change
from sync.ledger.recording import recording
from sync.records import StrayWrite, SyncedModel, SyncedQuerySet, door
from sync.tables import Table, all_tables
from tests.sync.battery import BY, Battery, home, make
from tests.world import World

TABLES = all_tables()
Tries = dict[str, Callable[[], Any]]


def awaited(method: Any) -> Callable[..., Any]:
    """An asynchronous method, as something that is simply called. (Those of managers do not look like it.)"""

    async def wait(*args: Any, **kwargs: Any) -> Any:
        return await method(*args, **kwargs)

    return async_to_sync(wait)


def another(row: SyncedModel) -> SyncedModel:
    """The same values under a new id, not in the database."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return type(row)(**{**values, "id": uuid4()})


def on_a_row(row: SyncedModel) -> Tries:
    new = another(row)
    # In a fixture's way: a row of its own that skips what the model says about saving.
    fixture = next(iter(serializers.deserialize("python", serializers.serialize("python", [new]))))
    return {
        "save": row.save,
        "save of a field": lambda: row.save(update_fields=["gone"]),
        "save by force": lambda: new.save(force_insert=True),
        "save of a new row": new.save,
        "save_base": lambda: row.save_base(raw=True),
        "save_base of any model": lambda: models.Model.save_base(row, raw=True),
        "save_base of any model, new": lambda: models.Model.save_base(another(row), raw=True),
        "asave": lambda: awaited(row.asave)(),
        "delete": row.delete,
        "adelete": lambda: awaited(row.adelete)(),
        "delete of any model": lambda: models.Model.delete(row),
        "a fixture": fixture.save,
    }


def on_rows(rows: Any, row: SyncedModel, prefix: str = "") -> Tries:
    new = {field.attname: getattr(another(row), field.attname) for field in row._meta.concrete_fields}
    one = rows.filter(pk=row.pk)
    tries: Tries = {
        "create": lambda: rows.create(**new),
        "acreate": lambda: awaited(rows.acreate)(**new),
        "bulk_create": lambda: rows.bulk_create([another(row)]),
        "bulk_create over what is there": lambda: rows.bulk_create(
            [row], update_conflicts=True, unique_fields=["id"], update_fields=["gone"]
        ),
        "abulk_create": lambda: awaited(rows.abulk_create)([another(row)]),
        "bulk_update": lambda: rows.bulk_update([row], ["gone"]),
        "abulk_update": lambda: awaited(rows.abulk_update)([row], ["gone"]),
        "get_or_create": lambda: rows.get_or_create(id=uuid4(), defaults=new),
        "aget_or_create": lambda: awaited(rows.aget_or_create)(id=uuid4(), defaults=new),
        "update_or_create": lambda: rows.update_or_create(id=row.pk, defaults={"gone": True}),
        "aupdate_or_create": lambda: awaited(rows.aupdate_or_create)(id=row.pk, defaults={"gone": True}),
        "update": lambda: one.update(gone=True),
        "aupdate": lambda: awaited(one.aupdate)(gone=True),
        "update with an expression": lambda: one.update(made_seq=models.F("made_seq") + 1),
        "update of all": lambda: rows.update(gone=True),
        "delete": one.delete,
        "adelete": lambda: awaited(one.adelete)(),
        "_raw_delete": lambda: one._raw_delete("default"),
        "_update": lambda: one._update([(row._meta.get_field("gone"), None, True)]),
        "_insert": lambda: rows._insert([another(row)], fields=row._meta.concrete_fields),
    }
    return {f"{prefix}{name}": attempt for name, attempt in tries.items()}


def past_the_manager(row: SyncedModel) -> Tries:
    """What does not go through our querysets at all."""
    model: Any = type(row)
    plain: models.QuerySet[Any] = models.QuerySet(model)
    pks: list[Any] = [row.pk]
    name = connection.ops.quote_name(model._meta.db_table)

    def collected() -> None:
        collector = Collector(using="default", origin=row)
        collector.collect([row], fail_on_restricted=False)
        collector.delete()

    def run(statement: str) -> Callable[[], Any]:
        def execute() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement)

        return execute

    return {
        **on_rows(plain, row, "a plain queryset: "),
        **on_rows(model._base_manager.all(), row, "the base manager: "),
        **on_rows(model._default_manager.using("default"), row, "using(): "),
        "the collector": collected,
        "a delete query": lambda: DeleteQuery(model).delete_batch(pks, "default"),
        "an update query": lambda: UpdateQuery(model).update_batch(pks, {"gone": True}, "default"),
        "our fast insert": lambda: insert(model, [another(row)]),
        "our fast insert of values": lambda: insert_plain(model, ["id"], [[uuid4()]]),
        "SQL update": run(f"UPDATE {name} SET gone = gone"),  # noqa: S608
        "SQL update, small": run(f"update {name.strip(chr(34))} set gone = gone"),  # noqa: S608
        "SQL delete": run(f"DELETE FROM {name} WHERE 1 = 0"),  # noqa: S608
        "SQL insert": run(f"INSERT INTO {name} SELECT * FROM {name}"),  # noqa: S608
        "SQL with a WITH": run(f"WITH few AS (SELECT 1) DELETE FROM {name} WHERE 1 = 0"),  # noqa: S608
        "SQL within a WITH": run(f"WITH few AS (DELETE FROM {name} RETURNING id) SELECT 1"),  # noqa: S608
        "SQL behind a comment": run(f"/* by hand */ DELETE /* all */ FROM {name}"),
        "SQL behind a line": run(f"-- by hand\nDELETE FROM {name} -- all"),
        "SQL explained": run(f"EXPLAIN ANALYZE DELETE FROM {name}"),  # noqa: S608
        "SQL behind another": run(f"SELECT 1; DELETE FROM {name}"),  # noqa: S608
        "raw()": lambda: list(model.objects.raw(f"UPDATE {name} SET gone = gone RETURNING *")),  # noqa: S608
    }


def through_relations(row: SyncedModel) -> Tries:
    """The managers on the other end of a reference; also of those whose other end has no name."""
    tries: Tries = {}
    for field in row._meta.concrete_fields:
        if not isinstance(field, models.ForeignKey) or getattr(row, field.attname) is None:
            continue
        manager: Any = create_reverse_many_to_one_manager(
            type(row)._default_manager.__class__, field.remote_field
        )
        there, name = manager(getattr(row, field.name)), f"{field.name}, from the other end: "
        tries |= on_rows(there, row, name) | {
            f"{name}add": partial(there.add, row),
            f"{name}aadd": partial(awaited(there.aadd), row),
            f"{name}add one by one": partial(there.add, row, bulk=False),
            f"{name}set": partial(there.set, [another(row)], bulk=False),
        }
        if field.null:
            tries |= {
                f"{name}remove": partial(there.remove, row),
                f"{name}remove one by one": partial(there.remove, row, bulk=False),
                f"{name}clear": there.clear,
                f"{name}clear one by one": partial(there.clear, bulk=False),
                f"{name}set nothing": partial(there.set, []),
                f"{name}aset nothing": partial(awaited(there.aset), []),
            }
    return tries


def outcome(attempt: Callable[[], Any]) -> str:
    """What came of it, without letting anything of it stay."""
    try:
        with transaction.atomic():
            attempt()
            transaction.set_rollback(True)
            return "went through"
    except (StrayWrite, models.ProtectedError):
        return ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_way_around_the_door_gets_through(battery: Battery, table: Table) -> None:
    with battery.world.at(home(battery.world, table)):
        row = battery.present(table)
        before = list(table.model.objects.order_by("pk").values())
        logged = Change.objects.count()
        tries = {
            **on_a_row(row),
            **on_rows(table.model.objects.all(), row),
            **past_the_manager(row),
            **through_relations(row),
        }
        assert {name: how for name, attempt in tries.items() if (how := outcome(attempt))} == {}
        with pytest.raises(StrayWrite), recording(by=BY):
            row.save()
        assert list(table.model.objects.order_by("pk").values()) == before
        assert Change.objects.count() == logged


def test_every_method_of_a_queryset_that_writes_is_tried(world: World) -> None:
    """When Django gains another, this asks for it to be tried."""
    writing = {
        name
        for cls in models.QuerySet.__mro__
        for name, what in vars(cls).items()
        if getattr(what, "alters_data", False)
    }
    row = make(world, next(table for table in TABLES if table.name == "patients"))
    assert writing <= set(on_rows(type(row).objects.all(), row))
    assert {
        name for name in vars(models.Model) if getattr(getattr(models.Model, name), "alters_data", False)
    } <= {*on_a_row(row)}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_manager_of_a_synced_model_guards(table: Table) -> None:
    for manager in (*table.model._meta.managers, table.model._base_manager, table.model._default_manager):
        assert isinstance(manager.get_queryset(), SyncedQuerySet), manager


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_nothing_that_is_deleted_takes_a_synced_row_along(table: Table) -> None:
    """No other table's deletion cascades into this one, nor this one's into another."""
    for field in table.model._meta.get_fields():
        if isinstance(field, (models.ForeignObjectRel, models.ForeignKey)):
            rel = field if isinstance(field, models.ForeignObjectRel) else field.remote_field
            assert rel.on_delete is models.PROTECT, field


def test_an_open_door_is_open_for_its_own_thread_only(world: World) -> None:
    row = make(world, next(table for table in TABLES if table.name == "patients"))
    went: list[str] = []

    def elsewhere() -> None:
        try:
            type(row).objects.update(gone=True)
        except StrayWrite:
            went.append("refused")

    with door():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert went == ["refused"]


def test_reading_and_other_tables_pass(world: World) -> None:
    """The wall looks at statements that write to synced tables, and at nothing else."""

    def harmless() -> Iterator[Any]:
        patients = next(table for table in TABLES if table.name == "patients").model
        yield list(patients.objects.select_for_update().filter(given_name="UPDATE people_patient SET"))
        yield patients.objects.filter(gone=False).count()
        yield Change.objects.filter(table="patients").update(state=0)

    with world.at(world.central), transaction.atomic():
        assert len(list(harmless())) == 3
