"""The battery that every synced model passes, whatever its room: made, changed, removed, sent, fetched, never
written past the door.

A room that adds a model gets these tests for nothing. What a step could not do fails the test of its own
model. Not here: how the rows are made (`battery.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from sync.ledger.models import Change
from sync.ledger.recording import recording
from sync.ledger.selectors import history_of
from sync.ledger.verify import verify_log
from sync.problems import Problem
from sync.records import StrayWrite
from sync.tables import Table
from tests.sync.battery import BY, CENTRALS, TABLES, Battery, free_text, home


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_row_travels_and_both_sides_can_prove_it(battery: Battery, table: Table) -> None:
    seen = battery.after("made", battery.make, table)
    row = battery.rows[table.name]
    assert all(row.pk in shown[table.name] for shown in seen.shown)
    assert seen.shown[0][table.name] == seen.shown[1][table.name] == seen.shown[2][table.name]
    assert seen.digests[0] == seen.digests[1] == seen.digests[2]
    with battery.world.at(home(battery.world, table)):
        first = Change.objects.filter(record_id=row.pk).order_by("id").first()
        assert first is not None and first.table == table.name
        assert Change.objects.filter(save_id=first.save_id, record_id=row.pk).count() == 1


def test_the_whole_log_verifies_everywhere(battery: Battery) -> None:
    for site in (battery.world.central, *battery.world.clinics):
        with battery.world.at(site):
            assert all(walk.holds for walk in verify_log())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_removed_row_is_gone_everywhere_and_comes_back(battery: Battery, table: Table) -> None:
    pk = battery.rows[table.name].pk
    if table.sync.append_only:
        with battery.world.at(home(battery.world, table)):
            with pytest.raises(Problem) as removed, recording(by=BY) as save:
                save.remove(battery.present(table))
            with pytest.raises(Problem) as edited, recording(by=BY) as save:
                save.edit(battery.present(table), {})
            assert (removed.value.code, edited.value.code) == ("append-only", "append-only")
        return
    for gone, seen in (
        (True, battery.after("removed", battery.remove, table)),
        (False, battery.after("back", battery.bring_back, table)),
    ):
        assert [shown[table.name][pk]["gone"] for shown in seen.shown] == [gone] * 3
        assert [pk in living[table.name] for living in seen.living] == [not gone] * 3
        assert seen.digests[0] == seen.digests[1] == seen.digests[2]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_change_and_its_history_reach_central(battery: Battery, table: Table) -> None:
    row, name = battery.rows[table.name], free_text(table)
    if name is None:
        fixed = next(iter(name for name, rule in table.sync.rules.items() if rule == "fixed"), None)
        if fixed is not None:
            there = battery.world.at(home(battery.world, table))
            with there, pytest.raises(Problem), recording(by=BY) as save:
                save.edit(row, {fixed: getattr(row, fixed)})
        return
    seen = battery.after("changed", battery.change, table)
    with battery.world.at(battery.world.central):
        told = [
            (entry.value, entry.author) for entry in history_of(battery.present(table)) if entry.field == name
        ]
    assert told == [(getattr(row, name), BY.staff_id), ("y8", BY.staff_id)]
    assert [shown[table.name][row.pk][name] for shown in seen.shown] == ["y8"] * 3


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_other_door_writes_it(battery: Battery, table: Table) -> None:
    row = battery.rows[table.name]
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
    with battery.world.at(home(battery.world, table)):
        for stray in tries:
            with pytest.raises(StrayWrite):
                stray()
        assert rows.get(pk=row.pk).gone is False


@pytest.mark.parametrize("table", CENTRALS, ids=lambda table: table.name)
def test_a_clinic_does_not_write_what_is_centrals(battery: Battery, table: Table) -> None:
    there = battery.world.at(battery.world.clinics[0])
    with there, pytest.raises(Problem) as refused, recording(by=BY) as save:
        save.remove(battery.present(table))
    assert refused.value.code == "owned-by-central"
