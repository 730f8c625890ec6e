"""A row of every synced model, whatever its room, made from the model's own fields, with its parents.

Lives here: `make` (one row in a world of one's own) and `Battery`: one world in which every model has a row
that nothing else refers to, and in which a step is taken for all of them before the world syncs. Not here:
what is tried on them (`test_conformance.py`, `test_strays.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import models

from clinic.programs.examples import example
from clinic.programs.services import publish
from sync.ledger.models import Change
from sync.ledger.recording import Author, recording
from sync.records import KeyedField, SyncedModel
from sync.tables import Table, all_tables, table_of
from tests.world import Site, World

TABLES = all_tables()
CENTRALS = [table for table in TABLES if table.sync.owner == "central"]
PUBLISHED = ("programs", "program_versions")  # made together
BY = Author(UUID(int=7), "tablet 3")
Kin = dict[tuple[str, int], SyncedModel]


def home(world: World, table: Table) -> Site:
    """Where rows of this table are written."""
    return world.central if table.sync.owner == "central" else world.clinics[0]


def make(world: World, table: Table, kin: Kin | None = None) -> SyncedModel:
    """A row with all its parents, where it belongs. With `kin` rows share their parents, which are there."""
    if table.name in PUBLISHED:
        return published(world, table)
    values: dict[str, Any] = {}
    met = Counter[str]()
    for column in table.model._meta.concrete_fields:
        if column.name not in table.columns:
            continue
        parent = parent_of(column)
        if parent is None:
            values[column.name] = None if column.is_relation else plain_value(column)
        else:
            values[column.name] = parent_row(world, parent, met[parent.name], kin)
            met[parent.name] += 1
    if table.sync.owner != "central" and kin is None:
        fetch(world)
    with world.at(home(world, table)), recording(by=BY) as save:
        return save.add(table.model, **values)


def parent_of(column: models.Field[Any, Any]) -> Table | None:
    """The table that a column refers to, unless it is its own."""
    related = column.related_model
    return table_of(related) if column.is_relation and related is not column.model else None  # type: ignore[arg-type]


def parent_row(world: World, table: Table, nth: int, kin: Kin | None) -> SyncedModel:
    """Two references of one row to the same table have two parents."""
    if kin is None:
        return make(world, table)
    if (table.name, nth) not in kin:
        kin[table.name, nth] = make(world, table, kin)
    return kin[table.name, nth]


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
    """A text column that may change, if there is one. What is published does not."""
    if table.name in PUBLISHED:
        return None
    for column in table.model._meta.concrete_fields:
        if (
            column.name in table.columns
            and isinstance(column, (models.CharField, models.TextField))
            and not column.choices
            and table.sync.rules.get(column.name) != "fixed"
        ):
            return column.name
    return None


@dataclass
class Seen:
    """What every site held after a step, central first; and what the step could not do."""

    shown: list[dict[str, dict[UUID, dict[str, Any]]]]
    living: list[dict[str, set[UUID]]]
    digests: list[dict[str, bytes]]
    failed: dict[str, Exception]


@dataclass
class Battery:
    """One world with a row of every synced model."""

    world: World
    rows: dict[str, SyncedModel] = field(default_factory=dict)
    kin: Kin = field(default_factory=dict)
    steps: dict[str, Seen] = field(default_factory=dict)

    def after(self, step: str, act: Callable[[Table], object], table: Table) -> Seen:
        """The world after this step, taken for all models at once; raises what it met at this one."""
        if step not in self.steps:
            failed: dict[str, Exception] = {}
            for one in TABLES:
                try:
                    act(one)
                except Exception as error:
                    failed[one.name] = error
            self.steps[step] = self._look(failed)
        seen = self.steps[step]
        if table.name in seen.failed:
            raise seen.failed[table.name]
        return seen

    def _look(self, failed: dict[str, Exception]) -> Seen:
        self.world.sync(rounds=2)
        sites = [self.world.central, *self.world.clinics]
        return Seen(
            [self.world.shown(site) for site in sites],
            [self._living(site) for site in sites],
            [self.world.digests(site) for site in sites],
            failed,
        )

    def _living(self, site: Site) -> dict[str, set[UUID]]:
        with self.world.at(site):
            return {one.name: set(one.model.objects.living().values_list("pk", flat=True)) for one in TABLES}

    def make(self, table: Table) -> None:
        """Parents and what is central's come first, and are fetched once."""
        if not self.rows:
            for one in TABLES:
                for parent, nth in _references(one):
                    if parent.sync.owner == "central":
                        parent_row(self.world, parent, nth, self.kin)
            self.rows |= {one.name: make(self.world, one, self.kin) for one in CENTRALS}
            fetch(self.world)
        if table not in CENTRALS:
            self.rows[table.name] = make(self.world, table, self.kin)

    def present(self, table: Table) -> SyncedModel:
        """Its row as it is where it is written; for use in that site."""
        found: SyncedModel = table.model.objects.get(pk=self.rows[table.name].pk)
        return found

    def change(self, table: Table) -> None:
        name = free_text(table)
        if name is not None:
            with self.world.at(home(self.world, table)), recording(by=BY) as save:
                assert save.edit(self.present(table), {name: "y8"}) == "applied"

    def remove(self, table: Table) -> None:
        if not table.sync.append_only:
            with self.world.at(home(self.world, table)), recording(by=BY) as save:
                assert save.remove(self.present(table)) == "applied"

    def bring_back(self, table: Table) -> None:
        if not table.sync.append_only:
            with self.world.at(home(self.world, table)), recording(by=BY) as save:
                assert save.bring_back(self.present(table)) == "applied"


def _references(table: Table) -> Iterator[tuple[Table, int]]:
    met = Counter[str]()
    for column in table.model._meta.concrete_fields:
        parent = parent_of(column) if column.name in table.columns else None
        if parent is not None:
            yield parent, met[parent.name]
            met[parent.name] += 1
