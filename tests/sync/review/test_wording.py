"""Fields and values of any table as people read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from registry.people.models import Patient
from registry.places.models import Area
from sync.core.merge import GONE
from sync.ledger.recording import Author, recording
from sync.review import wording
from sync.review.wording import in_words, table_label, wire_in_words, word_values
from sync.tables import table_named, table_of
from tests.world import World

PATIENTS = table_of(Patient)
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """No room has words of its own."""
    monkeypatch.setattr(wording, "_words", [])


@pytest.mark.parametrize(
    ("field", "value", "label", "text"),
    [
        ("sex", "female", "Sex", "Female"),
        ("sex", "of a later version", "Sex", "of a later version"),
        ("phone", "", "Phone", "–"),
        ("birth_date", None, "Birth date", "–"),
        ("birth_date", date(1990, 5, 17), "Birth date", "17 May 1990"),
        ("deceased", True, "Deceased", "Yes"),
        ("deceased", False, "Deceased", "No"),
        ("registered_on", AT, "Registered on", "20 Nov 2026, 09:30"),
        (GONE, True, "Kept or removed", "Removed"),
        (GONE, False, "Kept or removed", "Kept"),
        ("of_a_later_version", ["a", 1200], "Of_a_later_version", "a, 1200"),
        ("values.blood_pressure", Decimal("12.5"), "Blood pressure", "12.5"),
    ],
)
def test_a_value_has_a_label_and_a_text(field: str, value: Any, label: str, text: str) -> None:
    assert in_words(PATIENTS, None, field, value) == (label, text)


def test_a_value_as_it_travels_reads_the_same_and_a_strange_one_raw() -> None:
    key = UUID("0190f3a2-0000-7000-8000-000000000001")
    assert wire_in_words(PATIENTS, None, "birth_date", "1990-05-17")[1] == "17 May 1990"
    assert wire_in_words(PATIENTS, None, "birth_date", "yesterday")[1] == "yesterday"
    assert wire_in_words(PATIENTS, None, "later", key.bytes)[1] == str(key)
    assert wire_in_words(PATIENTS, None, "later", b"\x01\x02")[1] == "0102"
    assert wire_in_words(PATIENTS, None, GONE, True)[1] == "Removed"


def test_a_reference_is_told_by_name_and_an_unknown_one_by_its_id(make_world: Callable[..., World]) -> None:
    world = make_world(clinics=0)
    with world.at(world.central):
        with recording(by=Author(None, "test")) as save:
            area = save.add(Area, name="Bahía Azul")
        assert in_words(PATIENTS, None, "village", area.pk) == ("Village", "Bahía Azul")
        nowhere = uuid4()
        assert in_words(PATIENTS, None, "village", nowhere) == ("Village", str(nowhere))


def test_a_room_that_knows_more_has_the_first_word() -> None:
    @word_values
    def weights(table: str, row: Any, field: str, value: Any) -> tuple[str, str] | None:
        return ("Weight", f"{value} kg") if field == "values.weight" else None

    assert in_words(PATIENTS, None, "values.weight", 12) == ("Weight", "12 kg")
    assert in_words(PATIENTS, None, "values.other", 12) == ("Other", "12")


def test_a_table_has_a_name_even_if_this_version_does_not_know_it() -> None:
    assert table_named("patients") is PATIENTS
    assert (table_label("patients"), table_label("of a later version")) == ("Patient", "of a later version")
