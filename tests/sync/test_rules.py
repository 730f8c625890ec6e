"""House rules as tests: what a synced model may not have, and what every module owes its reader."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models
from django.db.migrations import RunPython, RunSQL
from django.db.migrations.loader import MigrationLoader

from sync.records import GROUPS, SyncedModel
from sync.tables import all_tables, synced_models

ROOT = Path(__file__).resolve().parents[2]
OURS = ("sync", "registry", "clinic", "deploy")
SYNCED = sorted(synced_models(), key=lambda model: model.__name__)


def our_models() -> list[type[models.Model]]:
    """Without the tables that Django makes for an account's groups and permissions."""
    return [model for model in apps.get_models() if model.__module__.split(".")[0] in OURS]


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model.__name__)
def test_a_model_is_synced_or_says_that_it_is_local(model: type[models.Model]) -> None:
    assert issubclass(model, SyncedModel) != (getattr(model, "local_only", False) is True)


@pytest.mark.parametrize("model", SYNCED, ids=lambda model: model.__name__)
def test_a_reference_of_a_synced_model_protects_and_has_no_constraint(model: type[SyncedModel]) -> None:
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            assert field.remote_field.on_delete is models.PROTECT, field
            assert getattr(field, "db_constraint", True) is False, field
    assert not model._meta.many_to_many
    assert not [field for field in model._meta.concrete_fields if getattr(field, "auto_now", False)]


def test_every_table_has_a_name_and_a_group_of_its_own() -> None:
    names = [table.name for table in all_tables()]
    assert len(set(names)) == len(names)
    assert {table.sync.group for table in all_tables()} <= set(GROUPS)
    for table in all_tables():
        assert set(table.sync.rules) <= set(table.columns), table.name


def test_parents_come_before_children() -> None:
    names = [table.name for table in all_tables()]
    for table in all_tables():
        for column in table.parents:
            if column.parent != table.name:
                assert names.index(str(column.parent)) < names.index(table.name)


def test_no_migration_writes_to_a_synced_table_past_the_door() -> None:
    synced_apps = {model._meta.app_label for model in SYNCED}
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        if app in synced_apps:
            strays = [one for one in migration.operations if isinstance(one, (RunPython, RunSQL))]
            assert not strays, (app, name)


def test_every_module_says_what_lives_there() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for room in OURS
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts
        and path.read_text().strip()
        and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
