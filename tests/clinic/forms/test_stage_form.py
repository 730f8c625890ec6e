"""A stage's form: what differs from what the page showed, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.http import QueryDict
from django.utils.translation import override

from clinic.forms import fields
from clinic.forms.stage_form import StageForm, Suggestions, build_form, changed_values
from clinic.programs.definition import OptionDefinition, Words
from clinic.programs.document import ValueType
from sync.node import Node, acting_as
from tests.clinic.forms.page import Page, page_of
from tests.clinic.forms.samples import FEW, MANY, TODAY, options, question, stage

T = ValueType
VITALS = stage(
    question(T.NUMBER, "weight", unit="kg"), question(T.NUMBER, "height"), question(T.LONG_TEXT, "notes")
)


def form_of(asked: Any, posted: QueryDict | None = None, initial: Any = None, **more: Any) -> StageForm:
    return build_form(asked, posted, initial, today=TODAY, **more)


def answered(asked: Any, posted: QueryDict, initial: Any = None, **more: Any) -> dict[str, Any]:
    form = form_of(asked, posted, initial, **more)
    assert form.is_valid(), form.errors
    return dict(changed_values(form))


def error_of(asked: Any, posted: QueryDict, **more: Any) -> str:
    form = form_of(asked, posted, **more)
    assert not form.is_valid()
    return " ".join(str(message) for messages in form.errors.values() for message in messages)


# --- what changed ------------------------------------------------------------------------------------------


def test_only_the_touched_box_is_a_change() -> None:
    page = page_of(form_of(VITALS, initial={"weight": "12.4", "height": "90"}))
    assert answered(VITALS, page.post(weight="12.6")) == {"weight": "12.6"}


def test_a_colleagues_newer_weight_is_not_contradicted_by_a_box_that_nobody_touched() -> None:
    page = page_of(form_of(VITALS, initial={"weight": "12.4", "height": "90"}))
    newer = {"weight": "14.2", "height": "90"}
    assert answered(VITALS, page.post(height="91"), newer) == {"height": "91"}


def test_setting_what_the_page_showed_is_no_change_even_if_the_record_moved_on() -> None:
    page = page_of(form_of(VITALS, initial={"weight": "12.4"}))
    assert answered(VITALS, page.post(weight="12,40"), {"weight": "14.2"}) == {}


def test_clearing_a_box_takes_the_answer_back() -> None:
    page = page_of(form_of(VITALS, initial={"weight": "12.4"}))
    assert answered(VITALS, page.post(weight="")) == {"weight": None}


def test_a_post_that_carries_nothing_along_is_measured_by_the_record() -> None:
    posted = QueryDict("weight=12.4&height=91")
    assert answered(VITALS, posted, {"weight": "12.4", "height": "90"}) == {"height": "91"}


def test_a_question_that_the_page_did_not_ask_is_left_alone() -> None:
    assert answered(VITALS, QueryDict("height=91"), {"weight": "12.4"}) == {"height": "91"}


def test_unticking_is_a_change_and_an_absent_box_is_not() -> None:
    asked = stage(question(T.TRUE_ONLY))
    page = page_of(form_of(asked, initial={"answer": "true"}))
    assert answered(asked, page.post(answer=[])) == {"answer": None}
    assert answered(asked, QueryDict(""), {"answer": "true"}) == {}


def test_unticking_the_last_of_several_is_a_change_and_absent_boxes_are_not() -> None:
    asked = stage(question(T.MULTI_TEXT))
    page = page_of(form_of(asked, initial={"answer": ["A", "B"]}))
    assert answered(asked, page.post(answer=[])) == {"answer": None}
    assert answered(asked, page.post(answer=["B", "C"])) == {"answer": ["B", "C"]}
    assert answered(asked, QueryDict(""), {"answer": ["A"]}) == {}


def test_a_stored_value_of_another_spelling_is_not_a_change_until_it_is_touched() -> None:
    page = page_of(form_of(VITALS, initial={"weight": "12.40", "notes": " two \n lines "}))
    assert answered(VITALS, page.post()) == {}


def test_a_stored_value_that_is_not_right_does_not_stop_the_next_person() -> None:
    page = page_of(form_of(VITALS, initial={"weight": "heavy"}))
    assert answered(VITALS, page.post(height="90")) == {"height": "90"}


def test_two_forms_on_one_page_do_not_mix() -> None:
    page = page_of(form_of(VITALS, initial={"weight": "12"}, prefix="today"))
    assert page.inputs("today-weight") and page.inputs("initial-today-weight")
    assert answered(VITALS, page.post(**{"today-weight": "13"}), prefix="today") == {"weight": "13"}
    assert answered(VITALS, page.post(**{"today-weight": "13"}), prefix="other") == {}


# --- errors ------------------------------------------------------------------------------------------------


def test_an_error_stands_by_its_box_with_what_was_typed_and_what_was_shown() -> None:
    page = page_of(form_of(VITALS, initial={"weight": "12.4"}))
    form = form_of(VITALS, page.post(weight="1,500"), {"weight": "14.2"})
    again = page_of(form)
    (box,) = again.inputs("weight")
    assert (box["value"], box["aria-invalid"], box["aria-describedby"]) == (
        "1,500",
        "true",
        "id_weight_error",
    )
    assert again.inputs("initial-weight")[0]["value"] == "12.4"
    assert again.text.count("Is it 1500 or 1.500? Write it without a comma.") == 2
    assert {"href": "#id_weight"} in [attrs for tag, attrs in again.tags if tag == "a"]


def test_the_summary_leads_to_the_first_part_of_every_bad_answer() -> None:
    asked = stage(
        question(T.BOOLEAN, "yes", compulsory=True),
        question(T.COORDINATE, "where"),
        question(T.AGE, "born"),
        question(T.MULTI_TEXT, "several", compulsory=True),
        question(T.TRUE_ONLY, "tick", compulsory=True),
    )
    posted = page_of(form_of(asked)).post(where__latitude="x", born__years="500")
    page = page_of(form_of(asked, posted))
    links = [attrs["href"].removeprefix("#") for tag, attrs in page.tags if tag == "a"]
    assert links == ["id_yes_0", "id_where_latitude", "id_born_date", "id_several_0", "id_tick"]
    assert set(links) <= set(page.ids) and set(page.references) <= set(page.ids)


def test_a_form_that_is_only_opened_complains_of_nothing() -> None:
    page = page_of(form_of(stage(question(T.TEXT, compulsory=True))))
    assert "error" not in page.html


def test_an_error_is_said_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_", lambda sentence: f"«{sentence}»")
    page = page_of(form_of(VITALS))
    assert error_of(VITALS, page.post(weight="1" * 20)) == "«This number has more than 15 digits.»"


@pytest.mark.parametrize("completing", [True, False])
@pytest.mark.parametrize("complete_to_save", [True, False])
def test_a_compulsory_question_may_wait_until_the_stage_is_completed(
    completing: bool, complete_to_save: bool
) -> None:
    asked = stage(question(T.TEXT, compulsory=True), complete_to_save=complete_to_save)
    form = form_of(asked, page_of(form_of(asked)).post(), completing=completing)
    assert form.is_valid() is not (completing or complete_to_save)
    if not form.is_valid():
        assert form.errors["answer"] == ["Answer this: About answer."]


def test_a_compulsory_question_says_so_and_offers_no_way_back() -> None:
    required = page_of(form_of(stage(question(T.BOOLEAN, compulsory=True))))
    free = page_of(form_of(stage(question(T.BOOLEAN))))
    assert ("(required)" in required.text, "No answer" in required.text) == (True, False)
    assert ("(required)" in free.text, "No answer" in free.text) == (False, True)


def test_what_people_write_is_text_and_never_markup() -> None:
    evil = '"><script>alert(1)</script>'
    asked = stage(
        question(T.TEXT, "a", label=evil, description=Words(evil + "!"), unit=evil),
        question(T.LONG_TEXT, "b"),
        question(T.TEXT, "c", options=options(("X", evil))),
    )
    page = page_of(form_of(asked, initial={"a": evil, "b": "</textarea>" + evil, "c": evil}))
    assert "script" not in [tag for tag, _attrs in page.tags]
    assert answered(asked, page.post()) == {}


# --- choices -----------------------------------------------------------------------------------------------

BUTTONS = stage(question(T.TEXT, options=options(*FEW)))
LIST = stage(question(T.TEXT, options=options(*MANY)))


def labels(page: Page) -> list[str]:
    return [attrs["value"] for tag, attrs in page.tags if tag == "option"]


def test_up_to_seven_answers_are_buttons_and_more_are_a_list_to_search() -> None:
    seven = page_of(form_of(stage(question(T.TEXT, options=options(*MANY[:7])))))
    eight = page_of(form_of(stage(question(T.TEXT, options=options(*MANY[:8])))))
    assert len([box for box in seven.inputs("answer") if box["type"] == "radio"]) == 8
    assert labels(seven) == []
    assert len(labels(eight)) == 8 and len(eight.inputs("answer")) == 1


def test_an_answer_can_be_taken_back_with_no_answer() -> None:
    page = page_of(form_of(BUTTONS, initial={"answer": "B"}))
    assert answered(BUTTONS, page.post(answer="")) == {"answer": None}


@pytest.mark.parametrize("typed", ["Colour 3", " colour  3 ", "C3", "c3"])
def test_a_list_takes_words_and_codes(typed: str) -> None:
    assert answered(LIST, page_of(form_of(LIST)).post(answer=typed)) == {"answer": "C3"}


def test_a_list_refuses_what_it_does_not_have() -> None:
    assert error_of(LIST, page_of(form_of(LIST)).post(answer="Colour")) == (
        "Choose one of the answers from the list."
    )


@pytest.mark.parametrize(
    "asked", [BUTTONS, LIST, stage(question(T.MULTI_TEXT))], ids=["buttons", "list", "ticks"]
)
def test_an_answer_that_the_list_no_longer_has_stays(asked: Any) -> None:
    old: Any = ["A", "OLD"] if asked.elements[0].value_type is T.MULTI_TEXT else "OLD"
    page = page_of(form_of(asked, initial={"answer": old}))
    assert "OLD" in page.html
    assert answered(asked, page.post(), {"answer": old}) == {}


def test_a_tick_that_the_list_no_longer_has_is_there_to_be_taken_off() -> None:
    asked = stage(question(T.MULTI_TEXT))
    page = page_of(form_of(asked, initial={"answer": ["A", "OLD"]}))
    ticked = [box["value"] for box in page.inputs("answer") if "checked" in box]
    assert ticked == ["A", "OLD"]
    assert answered(asked, page.post(answer=["A", "B"])) == {"answer": ["A", "B"]}


def test_a_forged_option_is_refused() -> None:
    assert "Choose one" in error_of(BUTTONS, page_of(form_of(BUTTONS)).post(answer="Z"))


def test_options_that_read_the_same_are_told_apart_by_their_codes() -> None:
    twins = stage(question(T.TEXT, options=options(("X", "Same"), ("Y", "same"), *MANY)))
    page = page_of(form_of(twins))
    assert labels(page)[:2] == ["Same (X)", "same (Y)"]
    assert answered(twins, page.post(answer="same (Y)")) == {"answer": "Y"}
    assert "Choose one" in error_of(twins, page.post(answer="Same"))


def test_a_name_wins_over_anothers_code() -> None:
    crossed = stage(question(T.TEXT, options=options(("1", "2"), ("2", "1"), *MANY)))
    assert answered(crossed, page_of(form_of(crossed)).post(answer="2")) == {"answer": "1"}


def test_the_language_may_change_between_page_and_post() -> None:
    spoken = tuple(
        OptionDefinition(code, code, Words(name, {"es": name.replace("Colour", "Color")}))
        for code, name in MANY
    )
    asked = stage(question(T.TEXT, options=spoken))
    with override("es"):
        page = page_of(form_of(asked, initial={"answer": "C1"}))
        assert "Color 1" in labels(page)
    assert answered(asked, page.post()) == {}
    assert answered(asked, page.post(answer="Color 2")) == {"answer": "C2"}


PLACES = Suggestions(
    places=(("DiszpKrYNg8", "Bocas"), ("aiszpKrYNg8", "Darién")), people=(("rosa", "Rosa M."),)
)


def test_places_and_people_are_chosen_by_name_where_they_are_known() -> None:
    asked = stage(
        question(T.ORGANISATION_UNIT, "place"), question(T.USERNAME, "who"), question(T.TEXT, "else")
    )
    page = page_of(form_of(asked, suggestions=PLACES))
    assert labels(page) == ["Bocas", "Darién", "Rosa M."]
    posted = page.post(place="darién", who="Rosa M.")
    assert answered(asked, posted, suggestions=PLACES) == {"place": "aiszpKrYNg8", "who": "rosa"}


# --- parts -------------------------------------------------------------------------------------------------

BORN = stage(question(T.AGE))


def test_an_age_is_kept_as_the_birth_date() -> None:
    posted = page_of(form_of(BORN)).post(answer__years="2", answer__months="3")
    assert answered(BORN, posted) == {"answer": "2023-08-20"}


def test_an_age_replaces_the_birth_date_that_was_shown() -> None:
    page = page_of(form_of(BORN, initial={"answer": "1990-01-01"}))
    assert "Age now: 35 years, 10 months, 19 days." in " ".join(page.text.split())
    assert answered(BORN, page.post(answer__years="34")) == {"answer": "1991-11-20"}


def test_a_new_birth_date_and_an_age_are_one_too_many() -> None:
    page = page_of(form_of(BORN, initial={"answer": "1990-01-01"}))
    posted = page.post(answer__date="1991-01-01", answer__years="34")
    assert error_of(BORN, posted) == "Write the birth date or the age, not both."


def test_half_a_coordinate_is_none() -> None:
    asked = stage(question(T.COORDINATE))
    posted = page_of(form_of(asked)).post(answer__latitude="9.34")
    assert "longitude" in error_of(asked, posted)


def test_a_coordinate_takes_decimal_commas() -> None:
    asked = stage(question(T.COORDINATE))
    posted = page_of(form_of(asked)).post(answer__latitude="9,34", answer__longitude="-82,24")
    assert answered(asked, posted) == {"answer": "[-82.24,9.34]"}


@pytest.mark.parametrize("value_type", [T.DATE, T.DATETIME, T.TIME, T.AGE])
def test_a_date_that_no_browser_can_show_is_shown_as_text(value_type: ValueType) -> None:
    asked = stage(question(value_type))
    name = "answer-date" if value_type is T.AGE else "answer"
    page = page_of(form_of(asked, initial={"answer": "last spring"}))
    assert (page.inputs(name)[0]["type"], page.inputs(name)[0]["value"]) == ("text", "last spring")
    assert answered(asked, page.post()) == {}


def test_today_is_the_nodes_today(tmp_path: Path) -> None:
    spring = datetime(2024, 4, 2, 12, tzinfo=UTC)
    with acting_as(Node("clinic", tmp_path, wall=lambda: int(spring.timestamp() * 1000))):
        assert build_form(VITALS).today == spring.date()
