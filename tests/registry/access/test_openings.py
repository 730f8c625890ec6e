"""What is written down when somebody opens a record, and what is not."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client

from registry.access import services
from registry.access.models import Opening
from registry.access.unwritten import FILE, waiting
from registry.access.verify import verify_openings
from sync.ledger.models import Change
from sync.ledger.recording import recording
from sync.ledger.verify import verify_log
from sync.problems import Problem
from sync.records import StrayWrite, door
from tests.registry.access.conftest import House
from tests.registry.conftest import browser, token_client


@pytest.fixture
def tablet(house: House) -> Client:
    return browser(house.cast.ana)


def test_opening_a_record_is_written_down_with_who_where_and_on_which_device(
    house: House, tablet: Client
) -> None:
    assert tablet.get(f"/patients/{house.jose.pk}/").status_code == 200
    (row,) = house.looks.all()
    assert (row.made_by, row.patient, row.facility_id) == (
        house.cast.ana.pk,
        house.jose.pk,
        house.cast.bocas.pk,
    )
    assert (row.what, row.reason) == ("record", "")
    assert row.made_on.startswith("tablet-")
    assert row.at == house.node.now()


def test_the_same_look_is_written_down_once_an_hour(house: House, tablet: Client) -> None:
    program = token_client(house.cast.ana)
    for minutes, lines in ((0, 1), (1, 1), (58, 1), (2, 2)):
        house.advance(minutes=minutes)
        program.get(f"/api/v1/patients/{house.jose.pk}/")
        assert len(house.seen()) == lines


def test_other_looks_people_and_devices_are_lines_of_their_own(house: House, tablet: Client) -> None:
    tablet.get(f"/patients/{house.jose.pk}/")
    tablet.get(f"/patients/{house.jose.pk}/history/")
    browser(house.cast.ana).get(f"/patients/{house.jose.pk}/")
    rosa = browser(house.cast.rosa)
    rosa.get(f"/patients/{house.jose.pk}/card/")
    ana, jose = house.cast.ana.pk, house.jose.pk
    assert house.seen() == [
        (ana, jose, "record", ""),
        (ana, jose, "history", ""),
        (ana, jose, "record", ""),
        (house.cast.rosa.pk, jose, "print", ""),
    ]


def test_a_program_that_reads_one_person_is_written_down_too(house: House) -> None:
    program = token_client(house.cast.ana)
    assert program.get(f"/api/v1/patients/{house.jose.pk}/").status_code == 200
    assert program.get(f"/api/v1/patients/{house.jose.pk}/timeline/").status_code == 200
    assert program.get(f"/api/v1/patients/{house.jose.pk}/history/").status_code == 200
    assert [(row.what, row.made_on) for row in house.looks.all()] == [
        ("record", "loader-1"),
        ("history", "loader-1"),
    ]


def test_central_writes_its_own_looks_down(house: House) -> None:
    house.node.role = "central"
    assert browser(house.cast.olga).get(f"/patients/{house.jose.pk}/").status_code == 200
    (row,) = house.looks.all()
    assert (row.made_by, row.facility_id) == (house.cast.olga.pk, None)


def test_a_list_that_leaves_the_node_is_one_line_and_names_nobody(house: House) -> None:
    registrar = browser(house.cast.rosa)
    assert registrar.get("/cards/", {"patient": str(house.jose.pk)}).status_code == 200
    (row,) = house.looks.all()
    assert (row.what, row.patient, row.note) == ("list", None, "cards 1")


def test_searching_and_lists_open_nothing(house: House, tablet: Client) -> None:
    tablet.get("/find/", {"q": "José"})
    tablet.get("/worklist/")
    tablet.get("/queue/")
    assert house.seen() == []


def test_nothing_in_the_log_is_edited_removed_or_written_past_the_door(house: House, tablet: Client) -> None:
    tablet.get(f"/patients/{house.jose.pk}/")
    row = Opening.objects.get()
    by = house.cast.author(house.cast.ana)
    with pytest.raises(Problem) as removed, recording(by=by) as save:
        save.remove(row)
    with pytest.raises(Problem) as edited, recording(by=by) as save:
        save.edit(row, {"note": "x"})
    assert (removed.value.code, edited.value.code) == ("append-only", "append-only")
    with pytest.raises(StrayWrite):
        row.save()
    with pytest.raises(StrayWrite):
        Opening.objects.all().delete()


@pytest.mark.parametrize("tamper", ["edit", "delete", "insert", "gone"])
def test_what_was_changed_by_sql_is_found_line_by_line(house: House, tablet: Client, tamper: str) -> None:
    """H10: a line of the access log edited, deleted or put in."""
    tablet.get(f"/patients/{house.jose.pk}/")
    tablet.get(f"/patients/{house.jose.pk}/history/")
    assert verify_openings() == (2, [])
    row = Opening.objects.first()
    assert row is not None
    rows = Opening.objects.filter(pk=row.pk)
    with door():
        if tamper == "edit":
            rows.update(made_by=house.cast.rosa.pk)
        elif tamper == "gone":
            rows.update(gone=True)
        elif tamper == "delete":
            rows.delete()
        else:
            row.pk = uuid4()
            row.save(force_insert=True)
    _number, faults = verify_openings()
    code = {"edit": "altered", "gone": "altered", "delete": "missing", "insert": "unlogged"}[tamper]
    assert [(fault.opening_id, fault.code) for fault in faults] == [(row.pk, code)]


def test_the_log_is_part_of_the_hash_chain(house: House, tablet: Client) -> None:
    tablet.get(f"/patients/{house.jose.pk}/")
    change = Change.objects.get(table="openings")
    assert all(walk.holds for walk in verify_log())
    other = bytes(change.body).replace(house.jose.pk.bytes, uuid4().bytes)
    assert other != bytes(change.body)
    Change.objects.filter(pk=change.pk).update(body=other)
    own = verify_log()[0]
    assert own.broken is not None
    assert (own.broken.seq, own.broken.code) == (change.seq, "altered")


# --- when it cannot be written ----------------------------------------------------------------------------


def broken(*_args: Any, **_kwargs: Any) -> None:
    raise OperationalError("database or disk is full")


def test_a_look_that_the_database_does_not_take_is_kept_beside_it_and_loud(
    house: House, tablet: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as now:
        now.setattr(services, "_write", broken)
        assert tablet.get(f"/patients/{house.jose.pk}/").status_code == 200
    assert waiting() == 1
    assert "could not be written to the access log" in caplog.text
    assert "José" not in house.node.path(FILE).read_text()
    assert house.node.path(FILE).stat().st_mode & 0o077 == 0
    told = browser(house.cora).get("/access/").content.decode()
    assert "1 opened record is not in the log yet" in told
    before = house.node.now()
    house.advance(minutes=7)
    tablet.get(f"/patients/{house.jose.pk}/history/")
    assert waiting() == 0
    late = Opening.objects.get(what="record", made_by=house.cast.ana.pk)
    assert late.at == before


def test_a_look_taken_in_twice_is_one_line(
    house: House, tablet: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as now:
        now.setattr(services, "_write", broken)
        tablet.get(f"/patients/{house.jose.pk}/")
    kept = house.node.path(FILE).read_text()
    tablet.get(f"/patients/{house.jose.pk}/history/")
    house.node.path(FILE).write_text(kept)  # as after a crash between the row and the file
    browser(house.cast.rosa).get(f"/patients/{house.jose.pk}/")
    assert Opening.objects.filter(what="record", made_by=house.cast.ana.pk).count() == 1


def test_what_can_be_written_down_nowhere_is_not_shown(
    house: House, tablet: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_look: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(services, "_write", broken)
    monkeypatch.setattr(services, "keep", full)
    refused = tablet.get(f"/patients/{house.jose.pk}/")
    assert refused.status_code == 503
    assert "José" not in refused.content.decode()
