"""The battery that every synced model passes, whatever its room: made, changed, removed, sent, fetched, never
written past the door.

Rows are made from the model's own fields, with their parents; a room that adds a model gets these tests for
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import models

from clinic.programs.examples import example
from clinic.programs.services import publish
from sync.ledger.models import Change
from sync.ledger.recording import Author, recording
from sync.ledger.selectors import history_of
from sync.ledger.verify import verify_log
from sync.problems import Problem
from sync.records import KeyedField, StrayWrite, SyncedModel
from sync.tables import Table, all_tables, table_of
from tests.world import Site, World

TABLES = all_tables()
BY = Author(UUID(int=7), "tablet 3")


def home(world: World, table: Table) -> Site:
    """Where rows of this table are written."""
    return world.central if table.sync.owner == "central" else world.clinics[0]


def make(world: World, table: Table) -> SyncedModel:
    """A row with all its parents, where it belongs."""
    if table.name in ("programs", "program_versions"):
        return published(world, table)
    values = {
        field.name: value_for(world, field)
        for field in table.model._meta.concrete_fields
        if field.name in table.columns
    }
    if table.sync.owner != "central":
        fetch(world)
    with world.at(home(world, table)), recording(by=BY) as save:
        return save.add(table.model, **values)


def fetch(world: World) -> None:
    """The clinic has what central has written, all parents in one run."""
    with world.at(world.central):
        written = Change.objects.count()
    kept = world.clinics[0].node.kept
    if kept.get("fetched", 0) != written:
        world.sync(world.clinics[0])
        kept["fetched"] = written


def published(world: World, table: Table) -> SyncedModel:
    with world.at(world.central):
        made = publish(document=example("outpatient"), by=BY)
        return made.program if table.name == "programs" else made.version


def value_for(world: World, field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.ForeignKey):
        parent = table_of(field.related_model)  # type: ignore[arg-type]
        if field.related_model is field.model:
            return None
        return make(world, parent)
    return plain_value(field)


def plain_value(field: models.Field[Any, Any]) -> Any:
    if field.choices:
        return field.flatchoices[0][0]
    if field.name == "sha256":
        return "ab" * 32
    made: list[tuple[type, Any]] = [
        (KeyedField, {"note": "seen"}),
        (models.JSONField, {"kept": [1, "two"]}),
        (models.UUIDField, uuid4()),
        (models.DateTimeField, datetime(2026, 11, 20, 9, 30, tzinfo=UTC)),
        (models.DateField, date(1990, 5, 17)),
        (models.DecimalField, Decimal("1.5")),
        (models.BooleanField, True),
        (models.IntegerField, 3),
        (models.CharField, "x7"),
        (models.TextField, "text محمد राधा 😀"),
    ]
    return next(value for kind, value in made if isinstance(field, kind))


def free_text(table: Table) -> str | None:
    """A text column that may change, if there is one."""
    for field in table.model._meta.concrete_fields:
        if (
            field.name in table.columns
            and isinstance(field, (models.CharField, models.TextField))
            and not field.choices
            and table.sync.rules.get(field.name) != "fixed"
        ):
            return field.name
    return None


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_row_travels_and_both_sides_can_prove_it(world: World, table: Table) -> None:
    row = make(world, table)
    world.sync(rounds=2)
    shown = [world.shown(site)[table.name] for site in [world.central, *world.clinics]]
    assert row.pk in shown[0]
    assert shown[0] == shown[1] == shown[2]
    assert world.digests(world.central) == world.digests(world.clinics[0]) == world.digests(world.clinics[1])
    with world.at(home(world, table)):
        changes = Change.objects.filter(record_id=row.pk)
        assert [change.table for change in changes] == [table.name]
        assert all(walk.holds for walk in verify_log())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_removed_row_is_gone_everywhere_and_comes_back(world: World, table: Table) -> None:
    row = make(world, table)
    world.sync(rounds=2)
    if table.sync.append_only:
        with world.at(home(world, table)):
            with pytest.raises(Problem) as removed, recording(by=BY) as save:
                save.remove(row)
            with pytest.raises(Problem) as edited, recording(by=BY) as save:
                save.edit(row, {})
            assert (removed.value.code, edited.value.code) == ("append-only", "append-only")
        return
    for gone in (True, False):
        with world.at(home(world, table)), recording(by=BY) as save:
            present = table.model.objects.get(pk=row.pk)
            assert (save.remove(present) if gone else save.bring_back(present)) == "applied"
        world.sync(rounds=2)
        for site in [world.central, *world.clinics]:
            with world.at(site):
                assert table.model.objects.get(pk=row.pk).gone is gone
                assert table.model.objects.living().filter(pk=row.pk).exists() is not gone
    assert world.digests(world.central) == world.digests(world.clinics[1])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_change_and_its_history_reach_central(world: World, table: Table) -> None:
    name = free_text(table)
    row = make(world, table)
    if name is None or table.name in ("programs", "program_versions"):
        fixed = next(iter(name for name, rule in table.sync.rules.items() if rule == "fixed"), None)
        if fixed is not None:
            with world.at(home(world, table)), pytest.raises(Problem), recording(by=BY) as save:
                save.edit(row, {fixed: getattr(row, fixed)})
        return
    with world.at(home(world, table)), recording(by=BY) as save:
        assert save.edit(table.model.objects.get(pk=row.pk), {name: "y8"}) == "applied"
    world.sync(rounds=2)
    with world.at(world.central):
        told = [
            (entry.value, entry.author)
            for entry in history_of(table.model.objects.get(pk=row.pk))
            if entry.field == name
        ]
        assert told == [("x7", BY.staff_id), ("y8", BY.staff_id)] or told[-1] == ("y8", BY.staff_id)
    assert world.shown(world.clinics[1])[table.name][row.pk][name] == "y8"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_other_door_writes_it(world: World, table: Table) -> None:
    row = make(world, table)
    rows = table.model.objects
    tries: list[Callable[[], Any]] = [
        row.save,
        row.delete,
        lambda: row.save_base(raw=True),
        lambda: rows.create(id=uuid4()),
        lambda: rows.bulk_create([row]),
        lambda: rows.bulk_update([row], ["gone"]),
        lambda: rows.update(gone=True),
        lambda: rows.all().delete(),
        lambda: rows.get_or_create(id=uuid4()),
        lambda: rows.filter(pk=row.pk)._raw_delete(None),
    ]
    with world.at(home(world, table)):
        for stray in tries:
            with pytest.raises(StrayWrite):
                stray()
        assert rows.get(pk=row.pk).gone is False


@pytest.mark.parametrize(
    "table", [one for one in TABLES if one.sync.owner == "central"], ids=lambda table: table.name
)
def test_a_clinic_does_not_write_what_is_centrals(world: World, table: Table) -> None:
    row = make(world, table)
    world.sync(world.clinics[0])
    with world.at(world.clinics[0]), pytest.raises(Problem) as refused, recording(by=BY) as save:
        save.remove(table.model.objects.get(pk=row.pk))
    assert refused.value.code == "owned-by-central"
