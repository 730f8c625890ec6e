"""Publishing: a changed program is a new version, an unchanged one nothing new; a version never changes."""

from __future__ import annotations

from uuid import uuid4

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.programs.document import ProgramDocument
from clinic.programs.models import Program, ProgramVersion
from clinic.programs.selectors import (
    current_version,
    current_versions,
    definition_of,
    documents_of,
    merge_rule,
    program_named,
    published_versions,
    stage_of,
)
from clinic.programs.services import Published, publish
from sync.ledger.models import Change
from sync.ledger.recording import recording
from sync.node import Node
from sync.problems import Problem
from sync.records import StrayWrite
from tests.clinic.nodes import NOW, OFFICE
from tests.clinic.programs.samples import CHILD, with_element


def published(document: ProgramDocument = CHILD) -> Published:
    return publish(document=document, by=OFFICE)


def test_a_first_version(central: Node) -> None:
    made = published()
    assert (made.program.uid, made.program.code, made.program.name) == ("child0", "CHILD", "Child health")
    assert made.program.has_registration
    assert (made.version.number, made.version.published_at, made.created) == (1, NOW, True)
    assert definition_of(made.version.pk).name.default == "Child health"


def test_publishing_the_same_again_changes_nothing(central: Node) -> None:
    first, again = published(), published()
    assert (again.version.pk, again.created) == (first.version.pk, False)
    assert ProgramVersion.objects.count() == 1
    assert Change.objects.count() == 2


def test_a_changed_program_is_a_new_version_and_the_old_one_stays(central: Node) -> None:
    first = published()
    second = published(with_element(CHILD, "weight0", unit="g"))
    assert (second.program.pk, second.version.number, second.created) == (first.program.pk, 2, True)
    units = [definition_of(version.pk).element("WEIGHT") for version in (first.version, second.version)]
    assert [element.unit for element in units if element] == ["kg", "g"]


def test_going_back_to_an_older_text_is_a_new_version_too(central: Node) -> None:
    published()
    published(with_element(CHILD, "weight0", unit="g"))
    assert published().version.number == 3


def test_a_new_name_is_the_programs_name(central: Node) -> None:
    program = published().program
    published(msgspec.structs.replace(CHILD, name="Growth", registration=False))
    program.refresh_from_db()
    assert (program.name, program.kind) == ("Growth", Program.Kind.WITHOUT_REGISTRATION)


def test_a_question_keeps_its_key_over_versions(central: Node) -> None:
    published()
    second = published(with_element(CHILD, "weight0", code="KILOS"))
    element = definition_of(second.version.pk).element("WEIGHT")
    assert element is not None and element.code == "KILOS"


def test_a_save_id_that_came_before_publishes_once(central: Node) -> None:
    save_id = uuid4()
    first = publish(document=CHILD, by=OFFICE, save_id=save_id)
    again = publish(document=CHILD, by=OFFICE, save_id=save_id)
    assert (again.version.pk, again.program.pk) == (first.version.pk, first.program.pk)
    next_save = uuid4()
    changed = msgspec.structs.replace(CHILD, name="Growth")
    second = publish(document=changed, by=OFFICE, save_id=next_save)
    repeated = publish(document=changed, by=OFFICE, save_id=next_save)
    assert (repeated.version.pk, repeated.created) == (second.version.pk, False)
    late = publish(document=CHILD, by=OFFICE, save_id=save_id)
    assert (late.version.pk, late.created) == (first.version.pk, False)


def test_a_bad_document_publishes_nothing(central: Node) -> None:
    with pytest.raises(Problem) as refused:
        published(msgspec.structs.replace(CHILD, stages=()))
    assert (refused.value.code, refused.value.status) == ("no-stages", 422)
    assert "Child health" in refused.value.title
    assert not Program.objects.exists()


def test_a_clinic_cannot_publish(central: Node) -> None:
    central.role = "clinic"
    with pytest.raises(Problem) as refused:
        published()
    assert refused.value.code == "owned-by-central"
    assert not Program.objects.exists()


@pytest.mark.parametrize("field", ["definition", "number", "content_hash", "published_at"])
def test_a_published_version_cannot_be_changed(central: Node, field: str) -> None:
    version = published().version
    with pytest.raises(Problem) as refused, recording(by=OFFICE) as save:
        save.edit(version, {field: getattr(version, field)})
    assert refused.value.code == "fixed-field"
    with pytest.raises(StrayWrite):
        version.save()


def test_a_definition_is_read_once(central: Node) -> None:
    version = published().version
    first = definition_of(version.pk)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert definition_of(version.pk) is first
    assert len(queries) == 0


def test_an_unknown_version_is_not_remembered(central: Node) -> None:
    stranger = uuid4()
    for _ in range(2):
        with pytest.raises(ProgramVersion.DoesNotExist):
            definition_of(stranger)


def test_a_stage_by_name_or_not_found(central: Node) -> None:
    version = published().version
    assert stage_of(version.pk, "growth").uid == "growth0"
    for missing in ((version.pk, "x"), (uuid4(), "growth")):
        with pytest.raises(Problem) as refused:
            stage_of(*missing)
        assert refused.value.status == 404


def test_the_merge_rule_of_an_answer(central: Node) -> None:
    version = published().version
    assert [merge_rule(version.pk, key) for key in ("WEIGHT", "note0")] == ["ask", "latest"]


def test_what_is_not_known_is_asked(central: Node) -> None:
    version = published().version
    assert [
        merge_rule(*known) for known in ((version.pk, "gone"), (uuid4(), "WEIGHT"), (None, "WEIGHT"))
    ] == ["ask"] * 3


def test_finding_programs_and_their_versions(central: Node) -> None:
    published()
    second = published(with_element(CHILD, "weight0", unit="g"))
    other = published(msgspec.structs.replace(CHILD, uid="adult0", code="", name="Adult health"))
    program = second.program
    assert program_named("child0") == program_named("CHILD") == program
    assert program_named("") is None and program_named("x") is None
    assert current_version(program.pk) == second.version
    assert current_version(uuid4()) is None
    assert [version.number for version in published_versions(program.pk)] == [2, 1]
    assert [version.pk for version in current_versions()] == [other.version.pk, second.version.pk]
    assert [document.elements[0].unit for document in documents_of(program.pk)] == ["kg", "g"]


def test_a_list_of_versions_does_not_read_their_documents(central: Node) -> None:
    published()
    with CaptureQueriesContext(connection) as queries:
        (version,) = current_versions()
        assert str(version.program) == "Child health"
        assert [earlier.number for earlier in published_versions(version.program_id)] == [1]
    assert len(queries) == 2
    assert not [query for query in queries if "definition" in query["sql"]]
