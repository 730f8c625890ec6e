"""Every one of the 27 kinds of field: it renders, takes an answer, keeps it and opens again with it."""

from __future__ import annotations

from typing import Any

import pytest

from clinic.forms.stage_form import StageForm, build_form, changed_values
from clinic.forms.values import FILES
from clinic.programs.definition import StageDefinition, resolve
from clinic.programs.document import ValueType
from clinic.programs.examples import example
from clinic.programs.policy import with_keys
from tests.clinic.forms.page import Page, page_of
from tests.clinic.forms.samples import TODAY, question, stage

SHAPE = '{"type":"Point","coordinates":[-82.24,9.34]}'
FILLED: dict[str, Any] = {
    "text": "fever",
    "long_text": "cough\r\nfor a week",
    "multi_text": ["FIRST", "THIRD"],
    "letter": "b",
    "boolean": "false",
    "true_only": "true",
    "few": "SECOND",
    "many": "Orange",
    "score": "2",
    "number": "12,5",
    "unit_interval": "0.5",
    "percentage": "98 %",
    "integer": "-3",
    "integer_positive": "3",
    "integer_negative": "-3",
    "integer_zero_or_positive": "0",
    "date": "2025-11-19",
    "datetime": "2025-11-19T10:30",
    "time": "10:30",
    "age__years": "34",
    "phone_number": "+507 612 3456",
    "email": "rosa@example.org",
    "url": "https://example.org/",
    "username": "rosa",
    "organisation_unit": "DiszpKrYNg8",
    "reference": "0198f6a2-0000-7000-8000-00000000000a",
    "coordinate__latitude": "9.34",
    "coordinate__longitude": "-82.24",
    "geojson": SHAPE,
    "file_resource": "0198f6a2-0000-7000-8000-0000000000f1",
    "image": "0198f6a2-0000-7000-8000-0000000000f2",
}
STORED: dict[str, Any] = {
    **{key: value for key, value in FILLED.items() if "__" not in key},
    "long_text": "cough\nfor a week",
    "many": "ORANGE",
    "number": "12.5",
    "percentage": "98",
    "age": "1991-11-20",
    "coordinate": "[-82.24,9.34]",
}


def all_kinds() -> StageDefinition:
    found = resolve(with_keys(example("field_kinds"))).stage("all")
    assert found is not None
    return found


def opened(initial: dict[str, Any] | None = None) -> StageForm:
    return build_form(all_kinds(), initial=initial, today=TODAY)


def test_every_kind_is_filled_in_here() -> None:
    assert {element.key for element in all_kinds().elements} == set(STORED)


def test_everything_filled_in_once_is_kept() -> None:
    form = build_form(all_kinds(), page_of(opened()).post(**FILLED), today=TODAY)
    assert form.is_valid(), form.errors
    assert changed_values(form) == STORED


def test_it_opens_again_with_everything_and_nobody_touching_it_changes_nothing() -> None:
    again = build_form(all_kinds(), page_of(opened(STORED)).post(), today=TODAY)
    assert again.is_valid(), again.errors
    assert changed_values(again) == {}
    assert {key: value for key, value in again.cleaned_data.items() if value is not None} == STORED


def test_everything_can_be_taken_back() -> None:
    nothing = {name: "" for name in FILLED if name not in ("multi_text", "true_only")} | {"age__date": ""}
    posted = page_of(opened(STORED)).post(**nothing, multi_text=[], true_only=[])
    form = build_form(all_kinds(), posted, today=TODAY)
    assert form.is_valid(), form.errors
    assert changed_values(form) == dict.fromkeys(STORED)


@pytest.mark.parametrize("initial", [None, STORED], ids=["empty", "filled"])
def test_every_control_is_named_for_those_who_do_not_see_it(initial: dict[str, Any] | None) -> None:
    page = page_of(opened(initial))
    assert len(page.ids) == len(set(page.ids))
    assert set(page.references) <= set(page.ids)
    labelled = {attrs["for"] for tag, attrs in page.tags if tag == "label"}
    visible = [
        attrs for tag, attrs in page.tags if tag in ("input", "textarea") and attrs.get("type") != "hidden"
    ]
    assert len(visible) > 30
    assert [attrs for attrs in visible if attrs["id"] not in labelled] == []


def test_every_fieldset_has_a_legend() -> None:
    tags = [tag for tag, _attrs in page_of(opened()).tags]
    assert tags.count("fieldset") == tags.count("legend") > 5


def test_every_control_carries_what_it_showed() -> None:
    page = page_of(opened(STORED))
    carried = {
        name: value.replace("\r\n", "\n") for name, value in page.posted if name.startswith("initial-")
    }
    expected = {f"initial-{key}": value for key, value in STORED.items()}
    assert carried == expected | {"initial-multi_text": "FIRST,THIRD"}


CONTROLS = [
    (ValueType.TEXT, {"type": "text", "dir": "auto"}),
    (ValueType.NUMBER, {"type": "text", "inputmode": "decimal"}),
    (ValueType.INTEGER_POSITIVE, {"type": "text", "inputmode": "numeric"}),
    (ValueType.INTEGER_NEGATIVE, {"type": "text", "inputmode": "text"}),
    (ValueType.PHONE_NUMBER, {"type": "tel", "dir": "ltr"}),
    (ValueType.EMAIL, {"type": "email", "inputmode": "email"}),
    (ValueType.URL, {"type": "url"}),
    (ValueType.DATE, {"type": "date", "max": "2025-11-20"}),
    (ValueType.DATETIME, {"type": "datetime-local"}),
    (ValueType.TIME, {"type": "time"}),
    (ValueType.TRUE_ONLY, {"type": "checkbox"}),
    (ValueType.MULTI_TEXT, {"type": "checkbox"}),
    (ValueType.BOOLEAN, {"type": "radio"}),
]


@pytest.mark.parametrize(("value_type", "attributes"), CONTROLS)
def test_the_keyboard_suits_the_answer(value_type: ValueType, attributes: dict[str, str]) -> None:
    page = page_of(build_form(stage(question(value_type)), today=TODAY))
    control = page.inputs("answer")[0]
    assert {name: control.get(name) for name in attributes} == attributes


def test_a_date_that_may_lie_ahead_has_no_last_day() -> None:
    page = page_of(build_form(stage(question(ValueType.DATE, allow_future_date=True)), today=TODAY))
    assert "max" not in page.inputs("answer")[0]


KEPT, CHOSEN = "0198f6a2-0000-7000-8000-00000000000a", "0198f6a2-0000-7000-8000-00000000000b"


@pytest.mark.parametrize("value_type", sorted(FILES))
@pytest.mark.parametrize(
    ("stored", "posted", "changed"),
    [
        (None, "", {}),
        (None, CHOSEN, {"answer": CHOSEN}),
        (KEPT, KEPT, {}),
        (KEPT, CHOSEN.upper(), {"answer": CHOSEN}),
        (KEPT, "", {"answer": None}),
        ("DiszpKrYNg8", "DiszpKrYNg8", {}),  # from a package's own system: it stays
    ],
)
def test_a_file_is_chosen_replaced_and_taken_away(
    value_type: ValueType, stored: str | None, posted: str, changed: dict[str, str | None]
) -> None:
    asked = stage(question(value_type))
    page = page_of(build_form(asked, initial={"answer": stored}, today=TODAY))
    assert [attrs["value"] for attrs in page.inputs("answer")] == [stored or ""]
    assert ("is kept here" in page.text) == bool(stored)
    form = build_form(asked, page.post(answer=posted), {"answer": stored}, today=TODAY)
    assert form.is_valid(), form.errors
    assert changed_values(form) == changed


@pytest.mark.parametrize("value_type", sorted(FILES))
def test_what_is_no_file_is_said_beside_the_question(value_type: ValueType) -> None:
    asked = stage(question(value_type, compulsory=True))
    page = page_of(build_form(asked, today=TODAY))
    for posted, said in (("forged", "Choose this picture or file again."), ("", "Answer this")):
        form = build_form(asked, page.post(answer=posted), today=TODAY)
        assert not form.is_valid()
        assert said in " ".join(str(one) for one in form.errors["answer"])


def test_a_page_of_all_kinds_is_small() -> None:
    page: Page = page_of(opened(STORED))
    assert len(page.html.encode()) < 40_000
