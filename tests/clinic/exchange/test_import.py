"""`manage.py import_programs`: what it says, and that importing again is harmless."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from clinic.programs import examples
from clinic.programs.models import Program, ProgramVersion
from clinic.programs.selectors import definition_of, program_named
from sync.node import Node
from tests.clinic.exchange.package_sample import sample, written

OUTPATIENT = Path(examples.__file__).parent / "outpatient.json"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "demo.json"
    path.write_bytes(written(sample()))
    return path


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("import_programs", *map(str, arguments), stdout=out)
    return out.getvalue()


def run_json(*arguments: Any) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_it_says_how_much_it_imported(central: Node, package: Path) -> None:
    said = run(package)
    assert said.startswith("Blood pressure follow-up (DEMO_HTN): version 1, new\n")
    assert "  data elements: 4 of 5 in the file\n" in said
    assert "  stages: 2\n" in said


def test_it_says_so_in_json(central: Node, package: Path) -> None:
    ((program,),) = [file["programs"] for file in run_json(package)["files"]]
    assert (program["program"], program["version"], program["created"]) == (
        "Blood pressure follow-up",
        1,
        True,
    )
    assert program["counts"] == {
        "stages": 2,
        "sections": 2,
        "data_elements": 4,
        "option_sets": 1,
        "options": 2,
        "attributes": 2,
        "rules": 2,
        "rule_actions": 3,
        "rule_variables": 2,
    }
    assert (program["in_file"]["data_elements"], program["in_file"]["rules"]) == (5, 3)
    assert ProgramVersion.objects.get().pk.hex == program["version_id"].replace("-", "")


def test_importing_it_again_changes_nothing(central: Node, package: Path) -> None:
    run(package)
    assert "version 1, unchanged" in run(package)
    assert ProgramVersion.objects.count() == 1


def test_a_changed_package_is_a_new_version(central: Node, package: Path) -> None:
    run(package)
    changed = sample()
    changed["dataElements"][0]["formName"] = "Systolic"
    package.write_bytes(written(changed))
    assert "version 2, new" in run(package)
    labels = [
        str(definition_of(version.pk).stages[0].elements[0].label)
        for version in ProgramVersion.objects.order_by("number")
    ]
    assert labels == ["Upper pressure", "Systolic"]


def test_the_programmes_of_our_own_are_imported_the_same_way(central: Node, package: Path) -> None:
    said = run(OUTPATIENT, package)
    assert "Outpatient visit (OPD): version 1, new" in said and "Blood pressure follow-up" in said
    assert program_named("OPD") is not None
    assert "Outpatient visit (OPD): version 1, unchanged" in run(OUTPATIENT)


def test_one_bad_file_means_that_nothing_is_imported(central: Node, package: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    with pytest.raises(CommandError) as refused:
        run(package, bad)
    assert "bad.json holds no programs" in str(refused.value)
    assert not Program.objects.exists()


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ('{"posta_program": 1, "uid": "x"}', "wrong-shape", "x.json is not a program of Posta"),
        ('{"posta_program": 9, "uid": "x", "name": "X", "registration": true}', "unknown-format", "format 9"),
        (
            '{"posta_program": 1, "uid": "x", "name": "X", "registration": true}',
            "no-stages",
            "X has no stages",
        ),
        ("nothing", "not-json", "x.json is not JSON"),
    ],
)
def test_a_refusal_is_one_sentence_and_a_problem_in_json(
    central: Node, tmp_path: Path, content: str, code: str, said: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    out = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("import_programs", str(path), "--json", stdout=out)
    assert said in str(refused.value)
    problem = json.loads(out.getvalue())
    assert (problem["code"], problem["status"]) == (code, 422)


def test_a_file_that_is_not_there(central: Node, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        run(tmp_path / "nothing.json")
    assert "nothing.json cannot be read: No such file" in str(refused.value)


def test_a_clinic_does_not_import(central: Node, package: Path) -> None:
    central.role = "clinic"
    with pytest.raises(CommandError) as refused:
        run(package)
    assert "Only central" in str(refused.value)
