"""From DHIS2's flat lists to a document of ours: order, words, rules; nobody's accounts."""

from __future__ import annotations

import json

import pytest

from clinic.exchange.dhis2.normalise import cleaned, documents_in, language_of
from clinic.exchange.dhis2.package import read_package
from clinic.programs.definition import ProgramDefinition, resolve
from clinic.programs.document import ProgramDocument, ValueType, canonical
from clinic.programs.policy import check_document, with_keys
from tests.clinic.exchange.package_sample import sample, written


def document() -> ProgramDocument:
    (found,) = documents_in(read_package(written(sample()), "demo.json"), "demo.json")
    return found


def definition() -> ProgramDefinition:
    return resolve(with_keys(document()))


def test_it_may_be_published() -> None:
    check_document(document())


def test_stages_and_questions_stand_in_their_order() -> None:
    first, follow_up = definition().stages
    assert (first.uid, follow_up.uid) == ("stag0000001", "stag0000002")
    assert [[element.key for element in section.elements] for section in first.sections] == [
        ["SYSTOLIC"],
        ["elem0000002"],
        ["elem0000003"],
    ]
    assert (follow_up.repeatable, follow_up.min_days_from_start, follow_up.standard_interval_days) == (
        True,
        28,
        30,
    )


def test_what_a_stage_says_of_its_questions() -> None:
    first, follow_up = definition().stages
    asked = {element.key: element for element in first.elements}
    assert asked["SYSTOLIC"].compulsory and not follow_up.elements[0].compulsory
    assert asked["elem0000002"].allow_future_date and asked["elem0000003"].display_in_list
    assert first.complete_to_save and not follow_up.complete_to_save


def test_options_stand_in_their_order() -> None:
    risk = definition().element("elem0000003")
    assert risk is not None and [option.code for option in risk.options] == ["LOW", "HIGH"]
    assert [option.name.spoken("fr") for option in risk.options] == ["Faible", "High"]


def test_an_older_name_of_a_value_type_is_understood() -> None:
    found = definition().element("elem0000004")
    assert found is not None and found.value_type is ValueType.REFERENCE


def test_attributes_stand_in_their_order() -> None:
    national, born = definition().attributes
    assert (national.element.key, national.unique) == ("attr0000001", True)
    assert document().attributes[0].searchable  # kept as it came
    assert (born.element.key, born.element.compulsory) == ("BORN", True)


def test_what_no_stage_asks_for_stays_in_the_file() -> None:
    made = document()
    assert "elem0000009" not in [part.uid for part in made.elements]
    assert [part.uid for part in made.option_sets] == ["opts0000001"]


def test_measures_and_choices_ask_and_the_rest_shows_the_latest() -> None:
    rules = {part.uid: part.merge_rule for part in document().elements}
    assert rules == {
        "elem0000001": "ask",
        "elem0000002": "ask",
        "elem0000003": "ask",
        "elem0000004": "latest",
    }


def test_words_in_other_languages() -> None:
    made = definition()
    assert made.name.spoken("es") == "Control de presión"
    assert made.enrollment_label.spoken("es") == "Registrado el"
    assert made.stages[0].occurred_label.spoken("fr") == "Date de visite"
    label = made.stages[0].elements[0].label
    assert [label.spoken(code) for code in ("pt", "pt-br", "pt-mz", "en-gb")] == [
        "Pressão máxima",
        "Pressão máxima",
        "Tensão máxima",
        "Upper pressure",
    ]


def test_what_a_fallback_says_anyway_is_not_kept() -> None:
    systolic = next(part for part in document().elements if part.uid == "elem0000001")
    assert systolic.translations == {
        "pt": {"form_name": "Pressão máxima"},
        "pt-mz": {"form_name": "Tensão máxima"},
    }


def test_rules_are_kept_as_they_came_even_broken_ones() -> None:
    high, broken = document().rules
    assert (high.condition, high.priority, high.stage) == ("#{sys} > 139", 1, "stag0000001")
    assert high.actions[0]["content"] == "High pressure"
    assert (broken.condition, broken.actions[0]["dataElement"]) == ("#{sys >", {"id": "nowhere0001"})
    assert [variable["name"] for variable in document().variables] == ["sys", "age"]


def test_indicators_shown_in_forms_are_kept() -> None:
    assert [item["name"] for item in document().kept["programIndicators"]] == ["Mean"]


def test_users_roles_and_sharing_are_dropped() -> None:
    text = canonical(document())
    assert not [
        word for word in ("user", "sharing", "Somebody", "lastUpdated", "role0000001") if word in text
    ]


def test_the_placeholder_is_the_programmes_root() -> None:
    assert document().places == ("root",)
    assert "OU_ROOT" not in canonical(document())
    assert cleaned(["<OU_ROOT_UID>", {"a": "x <OU_ROOT_UID>"}]) == ["root", {"a": "x root"}]


def test_a_package_may_hold_several_programs() -> None:
    package = sample()
    package["programs"].append(
        package["programs"][0] | {"id": "prog0000009", "programType": "WITHOUT_REGISTRATION"}
    )
    first, second = documents_in(read_package(written(package), "demo.json"), "demo.json")
    assert (first.registration, second.registration) == (True, False)
    assert [rule.uid for rule in second.rules] == ["rule0000003"]


@pytest.mark.parametrize(("locale", "language"), [("pt_BR", "pt-br"), ("es", "es"), ("uz_UZ", "uz-uz")])
def test_languages_are_named_as_django_names_them(locale: str, language: str) -> None:
    assert language_of(locale) == language


def test_the_order_of_a_packages_lists_does_not_make_another_document() -> None:
    package = sample()
    shuffled = {name: items[::-1] if isinstance(items, list) else items for name, items in package.items()}
    (made,) = documents_in(read_package(json.dumps(shuffled).encode(), "demo.json"), "demo.json")
    assert canonical(made) == canonical(document())
