"""A list of 1,200 answers: none of them on the page, the few that are meant on the tablet as one types.

Not here: shorter lists (`test_stage_form.py`).
"""

from __future__ import annotations

import gzip
from typing import Final
from uuid import UUID, uuid4

import pytest

from clinic.forms.controls import matching
from clinic.forms.views import MOST
from clinic.programs.definition import OptionDefinition, Words
from clinic.programs.document import (
    DataElementPart,
    OptionPart,
    OptionSetPart,
    ProgramDocument,
    SectionPart,
    StageElementPart,
    StagePart,
    ValueType,
)
from clinic.programs.services import publish
from tests.clinic.visits.conftest import cast, cheap_argon2, day, node
from tests.clinic.visits.day import Day
from tests.registry.conftest import THE_NODE

__all__ = ["cast", "cheap_argon2", "day", "node"]
VILLAGES: Final = tuple((f"V{number:04}", f"Río Guarumo {number:04}") for number in range(1_200))
LONG: Final = ProgramDocument(
    uid="long0",
    name="Long list",
    registration=False,
    stages=(
        StagePart(
            uid="where0",
            name="Where",
            station="triage",
            elements=(StageElementPart(element="place0"),),
            sections=(SectionPart(uid="sec0", name="Place", elements=("place0",)),),
        ),
    ),
    elements=(
        DataElementPart(
            uid="place0", code="place", name="Place", value_type=ValueType.TEXT, option_set="set0"
        ),
    ),
    option_sets=(
        OptionSetPart(
            uid="set0",
            name="Places",
            options=tuple(OptionPart(uid=f"o{code}", code=code, name=name) for code, name in VILLAGES),
        ),
    ),
)


def options(*names: str) -> list[OptionDefinition]:
    return [OptionDefinition(f"C{place}", f"C{place}", Words(name)) for place, name in enumerate(names)]


def test_every_word_counts_in_any_order_and_what_begins_with_it_comes_first() -> None:
    found = options("Vista Alegre", "Alegre Vista", "Monte Alegre", "Alto")
    assert matching(found, "alegre", "en", most=9) == ["Alegre Vista", "Vista Alegre", "Monte Alegre"]
    assert matching(found, "vista aleg", "en", most=9) == ["Vista Alegre", "Alegre Vista"]
    assert matching(found, "C3", "en", most=9) == ["Alto"]
    assert matching(found, "", "en", most=2) == ["Vista Alegre", "Alegre Vista"]


def test_accents_may_be_left_out_or_added() -> None:
    found = options("Río Sixaola", "Peña", "عُمان")
    assert matching(found, "rio", "en", most=9) == ["Río Sixaola"]
    assert matching(found, "peña", "en", most=9) == matching(found, "PENA", "en", most=9) == ["Peña"]
    assert matching(found, "عمان", "ar", most=9) == ["عُمان"]


@pytest.fixture
def version(day: Day) -> UUID:
    day.node.role = "central"
    made = publish(document=LONG, by=THE_NODE).version
    day.node.role = "clinic"
    return made.pk


def test_the_page_of_a_long_list_is_small_and_its_answer_is_taken(day: Day, version: UUID) -> None:
    visit, browser = day.visit(), day.browser()
    address = f"/visits/{visit.pk}/stages/where0/"
    page = browser.get(address)
    text = page.content.decode()
    assert page.status_code == 200
    assert "Guarumo" not in text
    assert f'hx-get="/options/{version}/place/"' in text
    assert len(gzip.compress(page.content)) < 30_000
    answer = browser.post(address, {"save_id": str(uuid4()), "place": "río guarumo 0731"})
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    assert visit.events.get().values["place"] == "V0731"


def test_few_are_offered_and_only_to_who_is_logged_in(day: Day, version: UUID) -> None:
    address = f"/options/{version}/place/"
    found = day.browser().get(address, {"place": "guarumo 07"}).content.decode()
    assert found.count("<option") == MOST
    assert "0700" in found
    assert day.browser().get(address, {"place": "zzz"}).content.decode().count("<option") == 0
    assert day.browser().get(f"/options/{version}/nothing/").status_code == 404
    assert day.browser().get(f"/options/{uuid4()}/place/").status_code == 404


def test_a_strange_answer_says_what_to_do(day: Day, version: UUID) -> None:
    visit = day.visit()
    page = day.browser().post(
        f"/visits/{visit.pk}/stages/where0/", {"save_id": str(uuid4()), "place": "Nowhere"}
    )
    assert "Choose one of the answers from the list." in page.content.decode()
    assert "Nowhere" in page.content.decode()
    assert not visit.events.exists()
