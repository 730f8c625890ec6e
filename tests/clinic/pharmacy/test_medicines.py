"""The list of medicines: our example, what is wrong row by row, and that nothing is half written."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
import tablib
from django.core.management import CommandError, call_command

from clinic.pharmacy.cautions import folded
from clinic.pharmacy.examples import ESSENTIAL
from clinic.pharmacy.medicines import MAX_BYTES, MedicineList, import_medicines, read_again, read_list
from clinic.pharmacy.models import Medicine
from clinic.pharmacy.policy import ATC
from sync.node import Node
from sync.problems import Problem
from tests.clinic.nodes import OFFICE, central
from tests.clinic.pharmacy.shelf import Shelf

__all__ = ["central"]

GOOD = "code,name,form,unit\nX1,Zinc,tablet,tablet\n"


def read(text: str, name: str = "list.csv") -> MedicineList:
    return read_list(content=text.encode(), name=name)


def test_our_example_is_a_good_list(central: Node) -> None:
    listed = read_list(content=ESSENTIAL.read_bytes(), name=ESSENTIAL.name)
    assert listed.wrong == []
    assert len(listed.rows) > 60
    assert len({row.values["code"] for row in listed.rows}) == len(listed.rows)
    for row in listed.rows:
        assert ATC.fullmatch(row.values["atc"])
    pairs = {(folded(row.values["name"]), row.values["strength"], row.values["form"]) for row in listed.rows}
    assert len(pairs) == len(listed.rows)


def test_a_list_is_taken_over_once_and_then_changes_nothing(central: Node) -> None:
    assert import_medicines(by=OFFICE, listed=read(GOOD))["new"] == 1
    assert read(GOOD).counts() == {"new": 0, "changed": 0, "same": 1, "wrong": 0}
    changed = read(GOOD.replace("Zinc", "Zinc sulfate"))
    assert import_medicines(by=OFFICE, listed=changed)["changed"] == 1
    assert [one.name for one in Medicine.objects.all()] == ["Zinc sulfate"]


def test_a_spreadsheet_says_the_same(central: Node) -> None:
    table = tablib.Dataset(headers=["Code", "Name", "Form", "Unit", "Pack size", "Min-stock"])
    table.append(["X1", "Zinc", "Tablet", "tablets", 100.0, None])
    listed = read_list(content=table.export("xlsx"), name="list.xlsx")
    (row,) = listed.rows
    assert row.problems == []
    assert (row.values["pack_size"], row.values["min_stock"], row.values["unit"]) == (100, 0, "tablet")


def test_every_wrong_cell_is_named_and_nothing_is_written(central: Node) -> None:
    listed = read(
        "code,name,form,unit,route,atc,pack_size\n"
        "X1,Zinc,tablet,tablet,,A12CB01,100\n"
        "X2,,tablet,tablet,,,\n"
        "X3,Iron,cloud,tablet,,B0,many\n"
        "X1,Zinc again,tablet,tablet,,,\n"
        ",,,,,,\n"
    )
    told = [(row.number, column) for row in listed.wrong for column, _sentence in row.problems]
    assert told == [(3, "name"), (4, "form"), (4, "atc"), (4, "pack_size"), (5, "code")]
    with pytest.raises(Problem) as refused:
        import_medicines(by=OFFICE, listed=listed)
    assert refused.value.code == "list-has-errors"
    assert Medicine.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"code,name\nX1,Zinc\n", "list.csv"),
        (b"\xff\xfe\x00", "list.csv"),
        (b"PK\x03\x04 nothing", "list.xlsx"),
        (b"", "list.csv"),
        (b"x" * (MAX_BYTES + 1), "list.csv"),
    ],
)
def test_what_is_no_list_is_one_sentence(central: Node, content: bytes, name: str) -> None:
    with pytest.raises(Problem) as refused:
        read_list(content=content, name=name)
    assert refused.value.code == "unreadable-list"
    assert name in refused.value.title


def test_a_row_without_a_code_gets_one_that_stays(central: Node) -> None:
    text = "name,form,unit,strength\nZinc,tablet,tablet,20 mg\n"
    assert read(text).rows[0].values["code"] == read(text).rows[0].values["code"] == "zinc-20-mg-tablet"


def test_what_was_looked_at_is_read_again_as_it_was(central: Node) -> None:
    listed = read(GOOD)
    assert read_again(listed.kept()).rows == listed.rows
    for broken in ("", "[1]", "{}", '["x"]'):
        with pytest.raises(Problem):
            import_medicines(by=OFFICE, listed=read_again(broken or "x"))


def test_a_clinic_does_not_write_the_list(shelf: Shelf) -> None:
    with pytest.raises(Problem) as refused:
        import_medicines(by=shelf.pia, listed=read(GOOD))
    assert refused.value.status == 403


def test_the_command_checks_imports_and_says_each_row(central: Node, tmp_path: Path) -> None:
    out = StringIO()
    call_command("import_medicines", "--check", "--json", stdout=out)
    assert json.loads(out.getvalue())["written"] is False
    assert Medicine.objects.count() == 0
    call_command("import_medicines", stdout=StringIO())
    assert Medicine.objects.count() > 60
    bad = tmp_path / "bad.csv"
    bad.write_text("name,form,unit\nZinc,cloud,tablet\n")
    with pytest.raises(CommandError, match="Row 2, form, “cloud”: This word is not known"):
        call_command("import_medicines", str(bad))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_medicines", str(tmp_path / "none.csv"))


def test_dates_in_a_spreadsheet_are_text_like_any_other(central: Node) -> None:
    table = tablib.Dataset(headers=["name", "form", "unit", "strength"])
    table.append(["Zinc", "tablet", "tablet", date(2026, 1, 2)])
    (row,) = read_list(content=table.export("xlsx"), name="list.xlsx").rows
    assert row.values["strength"].startswith("2026-01-02")
