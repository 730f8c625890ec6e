"""PostgreSQL refuses by itself what central's checks should have refused, for a user who is no superuser.

On the embedded engine there is no such wall: these tests run where central stands on PostgreSQL.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import override_settings

from registry.people.models import Identifier, Patient
from registry.staff.models import Account
from sync import checks
from sync.core.merge import Past
from sync.feed import pages, wall
from sync.feed.wall import POLICY, ROLE, build_wall, check_wall, walled, what_is_wrong
from sync.ledger.recording import recording
from sync.models import EnrolledNode, RecoveryKey
from sync.records import door
from sync.tables import all_tables
from tests.databases import _completed, _connection
from tests.sync.forge import card, edit, patient, slip_in
from tests.sync.looking import asides, register
from tests.world import Site, World

pytestmark = pytest.mark.skipif(
    os.environ.get("POSTA_TEST_ENGINE") != "postgres", reason="row-level security is PostgreSQL's"
)
APP = "posta_wall_test"
SCOPED = [table for table in all_tables() if table.scope_attname]


@pytest.fixture
def guarded(make_world: Callable[..., World]) -> Iterator[World]:
    """Central works as a user who owns nothing and is no superuser, as in production."""
    world = make_world(mode="subscribed")
    owner = world.central.connection
    with owner.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {APP} LOGIN NOSUPERUSER NOBYPASSRLS")
        cursor.execute(f"GRANT {ROLE} TO {APP}")
        cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {APP}")
        cursor.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {APP}")
    settings = _completed(copy.deepcopy(owner.settings_dict))
    settings["USER"] = APP
    world.central.connection = _connection(settings)
    yield world
    world.central.connection.close()
    world.central.connection = owner


def node_of(site: Site) -> EnrolledNode:
    return EnrolledNode.objects.get(name=site.name)


def lived(world: World) -> tuple[Any, Any]:
    """Each clinic has registered somebody with a card, and central has both."""
    rows = []
    for site, name in zip(world.clinics, ("Ana", "Eva"), strict=True):
        row = register(world, site, name)
        with world.at(site):
            slip_in(site, card(row.pk, f"P-{name}"))
        rows.append(row)
    world.sync()
    return rows[0], rows[1]


def test_behind_the_wall_there_is_only_what_the_node_follows(guarded: World) -> None:
    ana, eva = lived(guarded)
    with guarded.at(guarded.central):
        assert not wall.is_superuser()
        for site, own in zip(guarded.clinics, (ana, eva), strict=True):
            with transaction.atomic(), walled(node_of(site)):
                assert set(Patient.objects.values_list("pk", flat=True)) == {own.pk}
                assert set(Identifier.objects.values_list("patient_id", flat=True)) == {own.pk}
        assert Patient.objects.count() == 2, "the wall is over with its block"


def test_what_is_behind_the_wall_cannot_be_changed_or_made(guarded: World) -> None:
    ana, eva = lived(guarded)
    with guarded.at(guarded.central), door():
        with transaction.atomic(), walled(node_of(guarded.clinics[1])):
            assert Patient.objects.filter(pk=ana.pk).update(phone="stolen") == 0
            assert Identifier.objects.filter(patient_id=ana.pk).delete()[0] == 0
        for stolen in (ana.pk, uuid4()):
            row = Identifier.objects.get(patient_id=eva.pk)
            row.pk, row.patient_id = uuid4(), stolen
            node = node_of(guarded.clinics[1])
            with pytest.raises(DatabaseError, match="row-level"), transaction.atomic(), walled(node):
                Identifier.objects.bulk_create([row])
        assert Patient.objects.get(pk=ana.pk).phone == ""


def test_accounts_and_sessions_are_nothing_to_a_nodes_request(guarded: World) -> None:
    lived(guarded)
    with guarded.at(guarded.central):
        assert Account.objects.count() == 0
        node = node_of(guarded.clinics[0])
        with pytest.raises(DatabaseError, match="permission"), transaction.atomic(), walled(node):
            Account.objects.count()
        with pytest.raises(DatabaseError, match="permission"), transaction.atomic(), walled(node):
            RecoveryKey.objects.count()
        assert Account.objects.count() == 0


def test_a_save_that_slipped_past_the_checks_changes_nothing(
    guarded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code's check is gone: the database still refuses, that save alone."""
    ana, _eva = lived(guarded)
    thief = guarded.clinics[1]
    monkeypatch.setattr(checks, "_judge_scope", lambda *args: checks.FINE)
    monkeypatch.setattr(checks, "_hide_foreign", lambda *args: None)
    with guarded.at(thief):
        slip_in(thief, patient("Own 1"))
        slip_in(thief, card(ana.pk, "STOLEN"))
        slip_in(thief, edit(ana.pk, Past({guarded.clinics[0].replica: 1}), phone="stolen"))
        slip_in(thief, patient("Own 2"))
    assert guarded.sync(thief)[0].outcome == "done"
    told = [(state, code) for _seq, state, code in asides(guarded, guarded.central)]
    assert told == [("quarantined", "not-storable")] * 2
    with guarded.at(guarded.central):
        assert Patient.objects.get(pk=ana.pk).phone == ""
        assert not Identifier.objects.filter(value="STOLEN").exists()
        assert Patient.objects.filter(given_name__startswith="Own").count() == 2


def test_a_page_whose_filter_is_forgotten_brings_nothing_of_others(
    guarded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, eva = lived(guarded)
    thief = guarded.clinics[1]
    monkeypatch.setattr(pages, "in_scope", lambda reader, table, rows, **more: rows)
    with guarded.at(guarded.clinics[0]):
        slip_in(guarded.clinics[0], card(ana.pk, "NEW"))
    guarded.sync(*guarded.clinics, thief)
    assert set(guarded.shown(thief)["patients"]) == {eva.pk}
    assert {row["patient"] for row in guarded.shown(thief)["identifiers"].values()} <= {eva.pk}


def test_a_node_that_sees_everything_is_not_walled(make_world: Callable[..., World]) -> None:
    world = make_world()
    lived(world)
    with world.at(world.central), transaction.atomic(), walled(node_of(world.clinics[0])):
        assert Patient.objects.count() == 2
        assert current_user() != ROLE


def current_user() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def test_the_wall_ends_with_its_block_whatever_happens(guarded: World) -> None:
    lived(guarded)
    with guarded.at(guarded.central):
        node, before = node_of(guarded.clinics[0]), current_user()
        with transaction.atomic():
            with pytest.raises(LookupError), walled(node):
                assert current_user() == ROLE
                raise LookupError
            assert current_user() == before
            with pytest.raises(DatabaseError), transaction.atomic(), walled(node):
                Account.objects.count()
            assert current_user() == before
        with pytest.raises(transaction.TransactionManagementError), walled(node):
            pass
        assert current_user() == before


def test_without_a_node_the_role_sees_nothing(guarded: World) -> None:
    lived(guarded)
    with guarded.at(guarded.central), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {ROLE}")
        assert Patient.objects.count() == Identifier.objects.count() == 0


def test_every_table_with_a_scope_has_its_policy(guarded: World) -> None:
    with guarded.at(guarded.central), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_policies WHERE policyname = %s", [POLICY])
        assert {name for (name,) in cursor.fetchall()} == {table.model._meta.db_table for table in SCOPED}
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity")
        assert {name for (name,) in cursor.fetchall()} == {table.model._meta.db_table for table in SCOPED}


def test_a_whole_life_between_nodes_goes_on_as_before(guarded: World) -> None:
    """Registrations, edits, a page, a file's question, digests: nothing that is allowed is refused."""
    here = guarded.clinics[0]
    ana = register(guarded, here)
    guarded.sync()
    with guarded.at(here), recording(by=guarded.author(here)) as save:
        save.edit(Patient.objects.get(pk=ana.pk), {"phone": "555"})
        save.add(Identifier, patient=ana, system="passport", value="P-1")
    for _ in range(2):
        for run in guarded.sync():
            assert (run.outcome, run.digests) in {("done", "equal"), ("done", "")}
    assert guarded.digests(here)["patients"] != guarded.digests(guarded.clinics[1])["patients"]
    assert asides(guarded, guarded.central) == []
    with guarded.at(guarded.central):
        assert Patient.objects.get(pk=ana.pk).phone == "555"


def test_the_check_says_where_the_wall_does_not_stand(
    make_world: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    world = make_world(mode="subscribed")
    with world.at(world.central), override_settings(POSTA_ROLE="central"):
        assert [one.id for one in check_wall()] == ["feed.W002"], "the tests' own user may do everything"
        with connection.cursor() as cursor:
            cursor.execute("COMMENT ON TABLE feed_subscription IS 'an older plan'")
        assert "not those of this version" in what_is_wrong()
        assert [one.id for one in check_wall()] == ["feed.W001", "feed.W002"]
        world.central.node.kept.pop("wall", None)
        assert not wall.wall_stands()
        assert "row-level security is off" in caplog.text
        build_wall(using="default")
        assert what_is_wrong() == ""
        assert wall.wall_stands()
    with override_settings(POSTA_ROLE="clinic"):
        assert check_wall() == []


def test_only_judged_saves_make_new_scopes(guarded: World) -> None:
    """What a node is about to make is named by the judged saves, not by the request."""
    lived(guarded)
    row = Patient(id=UUID(int=5), made_replica=1, made_seq=1, made_stamp=1, registered_on="2026-01-01T00:00Z")
    with guarded.at(guarded.central), door():
        for new, makes in (([], False), ([uuid4()], False), ([row.pk], True)):
            try:
                with transaction.atomic(), walled(node_of(guarded.clinics[0]), new):
                    Patient.objects.bulk_create([row])
                    transaction.set_rollback(True)
            except DatabaseError:
                assert not makes
            else:
                assert makes
