"""The stored document: one text, one hash, whatever order it was written in."""

from __future__ import annotations

import json

import msgspec
import pytest

from clinic.programs.document import NotADocument, canonical, content_hash, read_document
from tests.clinic.programs.samples import CHILD, with_element


def test_a_document_reads_back_as_it_was_written() -> None:
    assert read_document(canonical(CHILD)) == CHILD


def test_the_order_of_keys_does_not_change_the_hash() -> None:
    shuffled = json.dumps(dict(reversed(json.loads(canonical(CHILD)).items())), indent=2)
    assert content_hash(read_document(shuffled)) == content_hash(CHILD)


def test_any_change_of_content_changes_the_hash() -> None:
    assert content_hash(with_element(CHILD, "weight0", unit="g")) != content_hash(CHILD)


def test_what_equals_its_default_is_not_written() -> None:
    written = json.loads(canonical(CHILD))
    assert "rules" not in written and "merge_rule" not in written["elements"][1]


def test_a_field_that_only_a_newer_posta_knows_is_ignored() -> None:
    newer = json.loads(canonical(CHILD)) | {"invented_later": {"a": 1}}
    assert read_document(json.dumps(newer)) == CHILD


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "truncated"),
        ("[]", "Expected `object`"),
        ('{"uid": "x"}', "name"),
        ('{"uid": "x", "name": "y", "registration": true, "stages": [{"uid": 1}]}', "$.stages[0].uid"),
        (
            '{"uid":"x","name":"y","registration":true,"elements":[{"uid":"e","name":"n","value_type":"NOPE"}]}',
            "$.elements[0].value_type",
        ),
    ],
)
def test_what_is_no_document_is_refused_and_says_where(text: str, said: str) -> None:
    with pytest.raises(NotADocument) as refused:
        read_document(text)
    assert said in str(refused.value)


def test_a_document_cannot_be_changed_in_place() -> None:
    with pytest.raises(AttributeError):
        CHILD.name = "Other"  # type: ignore[misc]
    assert msgspec.structs.replace(CHILD, name="Other").name == "Other"
