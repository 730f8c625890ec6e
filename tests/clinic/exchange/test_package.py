"""Reading a package: what is wrong with a file is said in a sentence that names what and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clinic.exchange.dhis2 import package as dhis2
from clinic.exchange.dhis2.normalise import documents_in
from clinic.exchange.dhis2.package import BadPackage, read_package
from clinic.programs.document import ProgramDocument
from tests.clinic.exchange.package_sample import sample, written


def read(content: bytes) -> list[ProgramDocument]:
    return documents_in(read_package(content, "demo.json"), "demo.json")


def refused(content: bytes) -> BadPackage:
    with pytest.raises(BadPackage) as caught:
        read(content)
    assert "demo.json" in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "not-json", "truncated"),
        (b"PK\x03\x04", "not-json", "invalid character"),
        (b"\xff\xfe{", "not-json", "invalid"),
        (b'{"programs": [', "not-json", "truncated"),
        (b'{"programs": "\xff"}', "not-json", "utf"),
        (b"[" * 100_000, "not-json", "recursion"),
        (b"[]", "not-a-package", "holds no programs"),
        (b"5", "not-a-package", "holds no programs"),
        (b"{}", "not-a-package", "holds no programs"),
        (b'{"programs": []}', "not-a-package", "holds no programs"),
        (b'{"dataElements": [{"id": 5}]}', "not-a-package", "holds no programs"),
        (b'{"programs": {}}', "wrong-shape", "programs is not as DHIS2 writes it: Expected `array`"),
    ],
)
def test_a_file_that_is_no_package(content: bytes, code: str, said: str) -> None:
    bad = refused(content)
    assert bad.code == code
    assert said.lower() in str(bad).lower()


def test_a_file_that_is_too_large_is_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dhis2, "MAX_BYTES", 1_000_000)
    assert refused(b"x" * 1_000_001).code == "too-large"


def test_a_byte_order_mark_does_no_harm() -> None:
    assert read(b"\xef\xbb\xbf" + written(sample()))[0].code == "DEMO_HTN"


Break = Callable[[dict[str, Any]], None]


def without(collection: str, uid: str) -> Break:
    def change(package: dict[str, Any]) -> None:
        package[collection] = [item for item in package[collection] if item["id"] != uid]

    return change


def setting(collection: str, index: int, **values: Any) -> Break:
    return lambda package: package[collection][index].update(values)


def lacking(collection: str, index: int, name: str) -> Break:
    return lambda package: package[collection][index].pop(name)


def twice(collection: str) -> Break:
    return lambda package: package[collection].append(package[collection][0])


BROKEN: dict[str, tuple[Break, str, list[str]]] = {
    "stage": (
        without("programStages", "stag0000001"),
        "missing-reference",
        ["program “Blood pressure follow-up” (prog0000001)", "stag0000001", "programStages"],
    ),
    "section": (
        without("programStageSections", "sect0000001"),
        "missing-reference",
        ["stage “First visit”", "sect0000001", "programStageSections"],
    ),
    "element": (
        without("dataElements", "elem0000003"),
        "missing-reference",
        ["stage “First visit” (stag0000001)", "elem0000003", "dataElements"],
    ),
    "option set": (
        without("optionSets", "opts0000001"),
        "missing-reference",
        ["data element “Risk”", "opts0000001", "optionSets"],
    ),
    "option": (
        without("options", "opti0000002"),
        "missing-reference",
        ["option set “Risk”", "opti0000002", "in options"],
    ),
    "attribute": (
        without("trackedEntityAttributes", "attr0000002"),
        "missing-reference",
        ["attr0000002", "trackedEntityAttributes"],
    ),
    "section with a stranger": (
        setting("programStageSections", 0, dataElements=[{"id": "elem0000004"}]),
        "missing-reference",
        ["section “Measures”", "elem0000004", "does not ask"],
    ),
    "value type": (
        setting("dataElements", 0, valueType="HOLOGRAM"),
        "unknown-value-type",
        ["data element “HTN - Systolic” (elem0000001)", "HOLOGRAM"],
    ),
    "attribute's value type": (
        setting("trackedEntityAttributes", 1, valueType="X"),
        "unknown-value-type",
        ["attribute “Born on”", "X"],
    ),
    "option set's value type": (
        setting("optionSets", 0, valueType="X"),
        "unknown-value-type",
        ["option set “Risk”"],
    ),
    "program type": (
        setting("programs", 0, programType="DATA_SET"),
        "unknown-program-type",
        ["program “Blood pressure follow-up”", "DATA_SET"],
    ),
    "wrong kind of value": (
        setting("dataElements", 1, name=7),
        "wrong-shape",
        ["dataElements[1].name (elem0000002)", "Expected `str`, got `int`"],
    ),
    "missing value": (
        lacking("dataElements", 2, "valueType"),
        "wrong-shape",
        ["dataElements[2] (elem0000003)", "valueType"],
    ),
    "reference that is none": (
        setting("dataElements", 2, optionSet="opts0000001"),
        "wrong-shape",
        ["dataElements[2].optionSet (elem0000003)"],
    ),
    "object that is none": (lambda package: package["options"].append("x"), "wrong-shape", ["options[2]"]),
    "stage twice": (twice("programStages"), "repeated-id", ["stag0000001", "programStages"]),
    "element twice": (twice("dataElements"), "repeated-id", ["elem0000001", "dataElements"]),
    "option twice": (twice("options"), "repeated-id", ["opti0000001", "options"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_package_says_what_and_where(case: str) -> None:
    change, code, said = BROKEN[case]
    package = sample()
    change(package)
    bad = refused(written(package))
    assert bad.code == code
    assert [words for words in said if words not in str(bad)] == []


@pytest.mark.parametrize(
    "change",
    [
        without("programRuleActions", "acti0000001"),
        setting("programRules", 0, programStage={"id": "nowhere0001"}),
        setting("programRules", 0, condition="((("),
        setting("programRuleActions", 0, programRule={"id": "nowhere0001"}),
        setting("programRuleVariables", 0, dataElement="x"),
        lambda package: package.pop("programRules"),
        lambda package: package.pop("users"),
    ],
)
def test_broken_rules_do_not_stop_a_package(change: Break) -> None:
    package = sample()
    change(package)
    assert len(read(written(package))) == 1
