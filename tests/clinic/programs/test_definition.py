"""The resolved view: order, lookups, languages."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from django.utils.translation import override

from clinic.programs.definition import StageDefinition, Words, resolve
from clinic.programs.policy import with_keys
from tests.clinic.programs.samples import CHILD

DEFINITION = resolve(with_keys(CHILD))


def growth() -> StageDefinition:
    stage = DEFINITION.stage("growth0")
    assert stage is not None
    return stage


def test_a_stage_is_found_by_uid_and_by_code() -> None:
    assert DEFINITION.stage("growth") is DEFINITION.stage("growth0")
    follow_up = DEFINITION.stage("follow0")
    assert follow_up is not None and follow_up.repeatable and follow_up.sort_order == 1
    assert DEFINITION.stage("") is None and DEFINITION.stage("other") is None


def test_questions_stand_in_their_sections_order_and_the_rest_comes_last_untitled() -> None:
    sections = growth().sections
    assert [[element.key for element in section.elements] for section in sections] == [
        ["STATUS", "WEIGHT"],
        ["note0"],
    ]
    assert [str(section.name) for section in sections] == ["Measures", ""]


def test_a_question_carries_what_its_stage_and_its_option_set_say() -> None:
    weight, status = growth().element("WEIGHT"), growth().element("STATUS")
    assert weight is not None and status is not None
    assert (weight.compulsory, weight.unit, weight.merge_rule) == (True, "kg", "ask")
    assert [option.code for option in status.options] == ["GOOD", "POOR"]
    assert status.option("POOR") is status.options[1] and status.option("X") is None
    assert growth().element("nothing") is None and DEFINITION.element("WEIGHT") is not None


def test_the_same_question_may_be_compulsory_in_one_stage_only() -> None:
    follow_up = DEFINITION.stage("follow0")
    assert follow_up is not None and not follow_up.elements[0].compulsory


def test_a_label_is_the_form_name_in_each_language_that_has_one() -> None:
    weight = growth().element("WEIGHT")
    assert weight is not None
    assert [weight.label.spoken(code) for code in ("en", "es", "fr", "hi")] == [
        "Weight",
        "Peso",
        "Poids de l’enfant",
        "Weight",
    ]


def test_words_speak_the_language_of_the_person_being_served() -> None:
    name = growth().name
    with override("es"):
        assert str(name) == "Crecimiento"
    with override("ar"):
        assert str(name) == "Growth"
    with override(None):
        assert str(name) == "Growth"


def test_a_regional_language_falls_back_to_its_main_one() -> None:
    words = Words("Weight", {"pt": "Peso", "pt-br": "Peso (kg)"})
    assert [words.spoken(code) for code in ("pt-BR", "pt-pt", None)] == ["Peso (kg)", "Peso", "Weight"]


def test_a_definition_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        growth().repeatable = True  # type: ignore[misc]
    with pytest.raises(TypeError):
        DEFINITION.kept["x"] = ()  # type: ignore[index]
