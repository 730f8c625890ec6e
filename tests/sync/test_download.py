"""The clinic's side of the feed: pages become rows whole or not at all; what is not understood is kept."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

import sync.download as downloading
from registry.people.models import Identifier, Patient
from sync import compare as comparing
from sync import tables
from sync.carriers.server import Reply
from sync.carriers.signing import Wire
from sync.compare import not_vouched_for
from sync.core.merge import Dot, Head, Past, Write
from sync.core.protocol import StateRecord
from sync.crash import install_hook
from sync.download import Inflow, apply_kept, apply_page
from sync.feed.models import Cursor, Kept
from sync.feed.pages import record_of
from sync.ledger.models import Replica
from sync.ledger.recording import recording
from sync.ledger.selectors import history_of
from sync.models import SecurityEvent
from sync.node import current_node
from sync.records import door
from sync.review.models import Aside, Conflict
from sync.run import make_run
from sync.tables import table_of
from tests.world import Site, World

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)


class PowerCut(BaseException):
    """The process is gone."""


def register(world: World, site: Site, name: str = "Ana", **fields: Any) -> Patient:
    with world.at(site), recording(by=world.author(site)) as save:
        return save.add(Patient, given_name=name, registered_on=NOON, **fields)


def edit(world: World, site: Site, row: Any, **changes: Any) -> None:
    with world.at(site), recording(by=world.author(site)) as save:
        save.edit(type(row).objects.get(pk=row.pk), changes)


def sql(world: World, site: Site, statement: str, *params: Any) -> None:
    """Behind everybody's back: with the key, and not through this program."""
    with world.at(site), door(), connection.cursor() as cursor:
        cursor.execute(statement, params)


def events(world: World, site: Site) -> list[str]:
    with world.at(site):
        return list(SecurityEvent.objects.order_by("id").values_list("code", flat=True))


# --- one transaction -------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["page.before-cursor", "page.before-commit", "page.after-commit"])
@pytest.mark.parametrize("nth", [1, 3])
def test_a_power_cut_in_a_page_leaves_rows_and_cursor_together(
    world: World, monkeypatch: pytest.MonkeyPatch, point: str, nth: int
) -> None:
    """C7: the same in one process, at each passage of a point."""
    one, two = world.clinics
    for number in range(90):
        register(world, one, f"N{number}")
    world.sync(one)
    proper = Inflow.__init__
    monkeypatch.setattr(
        Inflow,
        "__init__",
        lambda self, *args, **kwargs: proper(self, *args, **{**kwargs, "page_bytes": 1_000}),
    )
    left = [nth]

    def hook(passed: str) -> None:
        left[0] -= passed == point
        if not left[0]:
            raise PowerCut

    install_hook(hook)
    try:
        with world.at(two), pytest.raises(PowerCut):
            make_run()
    finally:
        install_hook(None)
    two.connection.close()
    two.node.kept.pop("replicas", None)
    with world.at(two):
        there = set(Patient.objects.values_list("position", flat=True))
        cursor = Cursor.objects.filter(table="patients").values_list("position", flat=True).first() or 0
        assert there == set(range(1, cursor + 1))
        assert bool(there) == (nth > 1 or point == "page.after-commit")
    world.advance(120_000)
    run = world.sync(two)[0]
    assert (run.outcome, run.digests) == ("done", "equal")
    assert run.fetched == 90 - cursor  # what was there is not fetched again


def test_a_page_that_cannot_be_applied_moves_no_cursor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = world.clinics
    register(world, one)
    world.sync(one)
    with monkeypatch.context() as patched:
        patched.setattr(downloading, "settle", lambda arrivals: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.sync(two)
    with world.at(two):
        assert not Cursor.objects.exists()
        assert not Patient.objects.exists()
    world.sync(two)
    assert world.digests(two) == world.digests(world.central)


def test_a_page_that_comes_twice_changes_nothing(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    edit(world, one, row, phone="1")
    world.sync(one)
    with world.at(world.central):
        record = record_of(table_of(Patient), Patient.objects.get(pk=row.pk))
    with world.at(two):
        for _ in range(3):
            apply_page([record], {"patients": (1, b"anchor")})
            assert Patient.objects.get().phone == "1"
    before = world.shown(two)
    world.sync(two)
    assert world.shown(two) == before


def test_an_older_page_after_a_newer_one_undoes_nothing(world: World) -> None:
    """Pages merge; which of them came first does not matter."""
    one, two = world.clinics
    row = register(world, one)
    world.sync()

    def carried() -> StateRecord:
        with world.at(world.central):
            return record_of(table_of(Patient), Patient.objects.get(pk=row.pk))

    old = carried()
    edit(world, world.central, row, phone="new")
    new = carried()
    for order in ([new, old], [old, new], [new, new, old]):
        with world.at(two):
            for record in order:
                apply_page([record], {})
            assert Patient.objects.get(pk=row.pk).phone == "new"


def test_an_unsent_edit_is_merged_with_what_comes_not_overwritten(world: World) -> None:
    """C5: a nurse edits while the page with the same record is on its way."""
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    edit(world, one, row, family_name="theirs", sex="male")
    world.sync(one)
    link = two.link
    assert link is not None
    true_send = link.send

    def meanwhile(wire: Wire, *, patience: float) -> Reply:
        reply = true_send(wire, patience=patience)
        if wire.url.endswith("pages"):
            edit(world, two, row, phone="mine", sex="female")
        return reply

    link.send = meanwhile  # type: ignore[method-assign]
    world.sync(two)
    link.send = true_send  # type: ignore[method-assign]
    shown = world.shown(two)["patients"][row.pk]
    assert (shown["phone"], shown["family_name"]) == ("mine", "theirs")
    with world.at(two):
        assert Conflict.objects.get().field == "sex"
        assert {entry.value for entry in history_of(Patient.objects.get()) if entry.field == "sex"} >= {
            "male", "female",
        }  # fmt: skip
    world.sync(rounds=2)
    assert world.shown(one) == world.shown(two) == world.shown(world.central)


# --- tombstones ------------------------------------------------------------------------------------------


def remove(world: World, site: Site, row: Any, *, back: bool = False) -> None:
    with world.at(site), recording(by=world.author(site)) as save:
        present = type(row).objects.get(pk=row.pk)
        save.bring_back(present) if back else save.remove(present)


def test_a_tombstone_travels_and_so_does_taking_it_back(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    remove(world, one, row)
    world.sync()
    for site in (one, two, world.central):
        with world.at(site):
            assert Patient.objects.get().gone
            assert not Patient.objects.living().exists()
            assert [e.value for e in history_of(Patient.objects.get()) if e.field == "_gone"][-1] is True
    remove(world, two, row, back=True)
    world.sync(rounds=2)
    assert {world.shown(site)["patients"][row.pk]["gone"] for site in (one, two, world.central)} == {False}
    assert world.digests(one) == world.digests(two) == world.digests(world.central)


def test_a_deletion_against_an_edit_that_did_not_see_it_is_asked(world: World) -> None:
    """C11: neither a silent return nor a silent loss."""
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    remove(world, one, row)
    edit(world, two, row, phone="2")
    world.sync(rounds=2)
    for site in (one, two, world.central):
        with world.at(site):
            assert Conflict.objects.get().field == "_gone"
            assert Patient.objects.get().phone == "2"
    remove(world, two, row, back=True)
    world.sync(rounds=2)
    for site in (one, two, world.central):
        with world.at(site):
            assert not Conflict.objects.exists()
            assert not Patient.objects.get().gone


# --- what this version does not know ---------------------------------------------------------------------


Made = Callable[[tables.Table], tables.Table | None]


@contextmanager
def older(monkeypatch: pytest.MonkeyPatch, site: Site, **known: Made) -> Iterator[None]:
    """That site runs a version that knows less: `known` makes a table what it was then, or nothing."""
    present = tables._tables()
    changed = {name: known[name](table) if name in known else table for name, table in present.items()}
    before = {name: table for name, table in changed.items() if table is not None}

    def here() -> dict[str, tables.Table]:
        return before if current_node() is site.node else present

    with monkeypatch.context() as patched:
        patched.setattr(tables, "_tables", here)
        patched.setattr(tables, "_by_model", lambda: {table.model: table for table in here().values()})
        patched.setattr("sync.apply.table_rank", lambda name: list(here()).index(name))
        yield


def without(*names: str) -> Callable[[tables.Table], tables.Table]:
    def make(table: tables.Table) -> tables.Table:
        return replace(
            table,
            columns={name: column for name, column in table.columns.items() if name not in names},
            _known={name: known for name, known in table._known.items() if name not in names},
        )

    return make


def with_codes(*codes: str) -> Callable[[tables.Table], tables.Table]:
    """Sex had only these codes then."""
    from sync.codecs import Codec, _text

    def make(table: tables.Table) -> tables.Table:
        check, raw = _text(10, frozenset(codes)), _text(10, frozenset())
        column = replace(table.columns["sex"], codec=Codec(check, check, raw))
        return replace(
            table,
            columns={**table.columns, "sex": column},
            _known={**table._known, "sex": (column, column.codec)},
        )

    return make


def test_a_list_of_a_newer_version_is_kept_and_appears_after_the_upgrade(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = world.clinics
    row = register(world, one)
    with world.at(one), recording(by=world.author(one)) as save:
        card = save.add(Identifier, patient=row, system="passport", value="P1")
    world.sync(one)
    with older(monkeypatch, two, identifiers=lambda table: None):
        run = world.sync(two)[0]
        assert (run.outcome, run.digests) == ("done", "equal")
        with world.at(two):
            assert Kept.objects.get().record_id == card.pk
            assert Cursor.objects.get(table="identifiers").position == 1
        edit(world, world.central, card, label="newer")
        world.sync(two)
        with world.at(two):
            assert Kept.objects.get().position == 2
            assert not Identifier.objects.exists()
    with world.at(two):
        assert apply_kept() == 1
        assert Identifier.objects.get().label == "newer"
        assert not Kept.objects.exists()
        assert apply_kept() == 0
    assert world.digests(two) == world.digests(world.central)


def test_a_field_of_a_newer_version_survives_an_edit_by_the_older_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C8: nothing that v1 does erases what it cannot see, and the upgrade shows it."""
    one, two = world.clinics
    rows = [register(world, one, "Ana", phone="555"), register(world, one, "Eva", phone="556")]
    world.sync(one)
    with older(monkeypatch, two, patients=without("phone")):
        run = world.sync(two)[0]
        assert (run.outcome, run.digests) == ("done", "equal")
        edit(world, two, rows[0], family_name="Two")
        assert world.sync(two)[0].digests == "equal"
        with world.at(two):
            assert {row.phone for row in Patient.objects.all()} == {""}
    with world.at(two):
        assert apply_kept() == 2
        assert {row.given_name: row.phone for row in Patient.objects.all()} == {"Ana": "555", "Eva": "556"}
        assert Patient.objects.get(given_name="Eva").versions is None  # known whole: it costs nothing again
        assert apply_kept() == 0
    world.sync(two, one)
    assert world.shown(one) == world.shown(two) == world.shown(world.central)
    assert world.digests(one) == world.digests(two) == world.digests(world.central)


def test_a_code_of_a_newer_version_is_shown_as_it_came_and_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C9: metadata is ahead of the program; the download goes on."""
    one, two = world.clinics
    odd = register(world, one, "Ana", sex="other")
    plain = register(world, one, "Eva", sex="female")
    world.sync(one)
    with older(monkeypatch, two, patients=with_codes("female", "male", "unknown")):
        run = world.sync(two)[0]
        assert (run.outcome, run.digests) == ("done", "equal")
        with world.at(two):
            assert Patient.objects.get(pk=odd.pk).sex == "other"
            assert Patient.objects.get(pk=plain.pk).versions is None
        edit(world, two, odd, phone="5")
        with world.at(two):
            assert Patient.objects.get(pk=odd.pk).sex == "other"
    world.sync(rounds=2)
    with world.at(two):
        apply_kept()
    assert world.shown(one) == world.shown(two) == world.shown(world.central)
    assert world.digests(one) == world.digests(two) == world.digests(world.central)


def test_two_versions_of_a_kept_record_merge_like_any_others(world: World) -> None:
    here = world.clinics[0]
    replica, record = uuid4(), uuid4()

    def state(seq: int, past: Past, name: str, value: str) -> StateRecord:
        write = Write(Dot(replica, seq), past, seq << 16, None, None, "")
        return StateRecord("moods", record, seq, 1, heads={name: (Head(write, value),)})

    with world.at(here):
        apply_page([state(1, Past(), "mood", "low")], {"moods": (1, b"")})
        apply_page(
            [state(2, Past({replica: 1}), "mood", "high"), state(3, Past(), "cause", "rain")],
            {"moods": (3, b"")},
        )
        kept = Kept.objects.get()
        from msgspec import msgpack

        from sync.core.merge import state_from_plain

        found = state_from_plain(msgpack.decode(bytes(kept.state)))
        assert {name: [head.value for head in heads] for name, heads in found.items()} == {
            "mood": ["high"], "cause": ["rain"],
        }  # fmt: skip


# --- digests ---------------------------------------------------------------------------------------------

DRIFTS = {
    "a value altered": "UPDATE people_patient SET given_name = 'Eve' WHERE id = %s",
    "a row deleted": "DELETE FROM people_patient WHERE id = %s",
    "its origin altered": "UPDATE people_patient SET made_seq = 77 WHERE id = %s",
    "a tombstone forged": "UPDATE people_patient SET gone = 1 WHERE id = %s",
    "versions forged": "UPDATE people_patient SET versions = x'c0' WHERE id = %s",
    "versions torn": "UPDATE people_patient SET versions = x'93' WHERE id = %s",
    "a replica that is none": "UPDATE people_patient SET made_replica = 99 WHERE id = %s",
    "a value that cannot be": "UPDATE people_patient SET sex = '?' WHERE id = %s",
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_what_was_changed_behind_our_back_is_found_and_put_right(world: World, drift: str) -> None:
    """C14: the clinics are on the embedded engine in either pass."""
    one, two = world.clinics
    rows = [register(world, one, f"N{number}") for number in range(6)]
    world.sync(rounds=2)
    before = world.shown(two)
    sql(world, two, DRIFTS[drift], rows[3].pk.hex)
    world.advance(24 * 3_600_000)
    run = world.sync(two)[0]
    assert (run.outcome, run.digests) == ("done", "repaired")
    assert world.shown(two) == before
    assert events(world, two) == ["repaired", "digest"]
    with world.at(two):
        assert str(rows[3].pk) in SecurityEvent.objects.get(code="repaired").sentence
    assert world.sync(two)[0].digests == "equal"


def test_a_row_that_nobody_wrote_is_taken_away(world: World) -> None:
    one, two = world.clinics
    row = register(world, one)
    world.sync(rounds=2)
    stray = uuid4()
    names = others_of(world, two)
    copied = f"INSERT INTO people_patient SELECT %s, {names} FROM people_patient WHERE id = %s"  # noqa: S608
    sql(world, two, copied, stray.hex, row.pk.hex)
    assert len(world.shown(two)["patients"]) == 2
    world.advance(24 * 3_600_000)
    assert world.sync(two)[0].digests == "repaired"
    assert set(world.shown(two)["patients"]) == {row.pk}


def others_of(world: World, site: Site) -> str:
    with world.at(site), connection.cursor() as cursor:
        names = [
            column.name for column in connection.introspection.get_table_description(cursor, "people_patient")
        ]
    assert names[0] == "id"
    return ", ".join(names[1:])


def test_a_quiet_clinic_compares_once_a_day(world: World) -> None:
    here = world.clinics[0]
    register(world, here)
    assert [run.digests for run in world.sync(here, rounds=2)] == ["equal", ""]
    world.advance(24 * 3_600_000)
    assert [run.digests for run in world.sync(here, rounds=2)] == ["equal", ""]


def test_more_drift_than_one_answer_can_mend_is_mended_by_the_next_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = world.clinics
    for number in range(12):
        register(world, one, f"N{number}")
    world.sync(rounds=2)
    monkeypatch.setattr(comparing, "MOST_REPAIRED", 5)
    sql(world, two, "UPDATE people_patient SET family_name = 'Drift'")
    world.advance(24 * 3_600_000)
    assert [run.digests for run in world.sync(two, rounds=5)] == ["repaired"] * 3 + ["equal", ""]
    assert world.shown(two) == world.shown(world.central)


def test_saving_while_both_sides_count_is_no_difference(world: World) -> None:
    """New records and edits during the comparison belong to nobody but the clinic, and raise no alarm."""
    one, two = world.clinics
    rows = [register(world, one, f"N{number}") for number in range(3)]
    world.sync(rounds=2)
    link = two.link
    assert link is not None
    true_send = link.send
    made: list[UUID] = []

    def meanwhile(wire: Wire, *, patience: float) -> Reply:
        reply = true_send(wire, patience=patience)
        if wire.url.endswith("digests"):
            made.append(register(world, two, f"during {len(made)}").pk)
            edit(world, two, rows[len(made) % 3], phone=str(len(made)))
        return reply

    edit(world, one, rows[0], family_name="news")
    world.sync(one)
    link.send = meanwhile  # type: ignore[method-assign]
    run = world.sync(two)[0]
    link.send = true_send  # type: ignore[method-assign]
    assert (run.outcome, run.digests, len(made)) == ("done", "equal", 3)
    assert events(world, two) == []
    assert set(made) <= set(world.shown(two)["patients"])
    world.sync(two, one)
    assert world.digests(one) == world.digests(two) == world.digests(world.central)


def test_when_central_moves_faster_than_one_can_compare_there_is_no_alarm(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = world.clinics
    rows = [register(world, one, f"N{number}") for number in range(10)]
    world.sync(rounds=2)
    monkeypatch.setattr(comparing, "MOST_IGNORED", 4)
    link = two.link
    assert link is not None
    true_send = link.send

    def busy(wire: Wire, *, patience: float) -> Reply:
        if wire.url.endswith("digests"):
            for row in rows[:6]:
                edit(world, world.central, row, phone=str(world.now_ms))
        return true_send(wire, patience=patience)

    register(world, two, "something to send")
    link.send = busy  # type: ignore[method-assign]
    world.sync(two)
    link.send = true_send  # type: ignore[method-assign]
    assert events(world, two) == []
    assert world.sync(two)[0].digests == "equal"


def test_a_list_that_central_does_not_know_yet_is_not_compared(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world.clinics[0]
    register(world, here)
    with older(monkeypatch, world.central, identifiers=lambda table: None):
        run = world.sync(here)[0]
    assert (run.outcome, run.digests) == ("done", "equal")
    assert events(world, here) == []


def test_a_thousand_saves_set_aside_do_not_stop_the_comparison(world: World) -> None:
    here = world.clinics[0]
    row = register(world, here)
    with world.at(here):
        Aside.objects.bulk_create(
            Aside(
                replica_uuid=here.replica, save_id=uuid4(), seq_from=10 + n, seq_to=10 + n, state="held",
                code="missing-parent", since=1,
            )
            for n in range(1_500)
        )  # fmt: skip
        assert not_vouched_for() == {"patients": {row.pk}}


def test_digests_see_heads_not_what_is_shown(world: World) -> None:
    """Two replicas that show the same by chance and hold different heads are not equal."""
    one, two = world.clinics
    row = register(world, one)
    world.sync()
    chance = random.Random(1)
    for site in (one, two):
        edit(world, site, row, phone="5551")
    assert world.shown(one) == world.shown(two)
    assert world.digests(one) != world.digests(two)
    edit(world, one, row, phone=str(chance.random()))
    world.sync(rounds=3)
    assert world.digests(one) == world.digests(two) == world.digests(world.central)


def test_the_own_row_of_a_replica_is_known_by_its_receipts(world: World) -> None:
    here = world.clinics[0]
    row = register(world, here)
    world.sync(here)
    with world.at(here):
        mine = Replica.objects.get(is_self=True)
        assert mine.acked_seq == mine.head_seq == 1
        entry = history_of(Patient.objects.get(pk=row.pk))[0]
        assert entry.received_at["central"] is not None
        assert abs(entry.received_at["central"].timestamp() * 1000 - world.now_ms) < 60_000
