"""The recipes of CONTRIBUTING.md, tried on the real code."""

from __future__ import annotations

import textwrap
from typing import Any, ClassVar

import msgspec
from django.test.utils import isolate_apps

from clinic.programs.document import DataElementPart, SectionPart, StageElementPart
from clinic.programs.examples import example
from clinic.programs.policy import check_document, with_keys
from sync.core.merge import GONE
from sync.records import Sync, SyncedModel
from sync.tables import _compiled, table_named
from tests.docs.pages import ROOT, indented_blocks_of

CONTRIBUTING = ROOT / "CONTRIBUTING.md"


def recipe(language: str) -> list[str]:
    return [
        textwrap.dedent(block.content)
        for block in indented_blocks_of(CONTRIBUTING)
        if block.language == language
    ]


def test_a_question_is_added_to_a_form_without_code() -> None:
    (said,) = recipe("json")
    question = msgspec.json.decode(said, type=DataElementPart)
    before = example("outpatient")
    first, *others = before.stages
    asked = msgspec.structs.replace(
        first,
        elements=(*first.elements, StageElementPart(element=question.uid, compulsory=True)),
        sections=(*first.sections[:-1], _with(first.sections[-1], question.uid)),
    )
    after = msgspec.structs.replace(before, elements=(*before.elements, question), stages=(asked, *others))
    check_document(after)
    keys = {part.uid: part.key for part in with_keys(after, [with_keys(before)]).elements}
    assert keys[question.uid] == "smokes"


def _with(section: SectionPart, uid: str) -> SectionPart:
    return msgspec.structs.replace(section, elements=(*section.elements, uid))


def _somebody() -> None:
    """What the recipe's example refers to, in a registry where nothing touches the real one."""

    class Patient(SyncedModel):
        sync: ClassVar[Sync] = Sync(table="patients", group="registration", scope="id")

        class Meta:
            app_label = "people"

        def __str__(self) -> str:
            return str(self.pk)


def test_a_synced_model_is_declared_as_the_recipe_says() -> None:
    model, service = recipe("python")
    given: dict[str, Any] = {"__name__": "clinic.visits.models"}
    with isolate_apps("clinic.visits", "registry.people"):
        _somebody()
        exec(model, given)  # noqa: S102  the page is ours
        table = _compiled(given["Implant"])
        exec(service, given)  # noqa: S102
    assert table_named("implants") is None, "the recipe's example has become real: choose another"
    assert [column.parent for column in table.parents] == ["patients"]
    assert table.scope_attname == "patient_id"
    assert (table.rule("side", {}), table.rule(GONE, {})) == ("ask", "latest")
    assert table.python("side", "left") == "left"
    assert callable(given["add_implant"])
