"""Numbers may be typed in the digits that somebody grew up with, wherever a number is asked for.

Lives here: one look at each room that reads numbers. Not here: everything that a number may be (the tests of
`clinic/forms/numbers.py`, `registry/people/birth.py` and the others).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Final

import pytest
from django import forms

from clinic.forms.values import clean
from clinic.lab.examples import shipped
from clinic.lab.values import clean_result
from clinic.pharmacy.forms import Number, WholeNumber
from clinic.programs.document import ValueType
from registry.numbers.codes import check_number
from registry.people.birth import number_in
from registry.people.policy import clean_phone

EASTERN: Final = str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")
PERSIAN: Final = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
DEVANAGARI: Final = str.maketrans("0123456789", "०१२३४५६७८९")
SCRIPTS: Final = {"eastern": EASTERN, "persian": PERSIAN, "devanagari": DEVANAGARI}
TODAY: Final = date(2026, 11, 20)
HAEMOGLOBIN: Final = next(test for test in shipped() if test.code == "hb")


def _in_form(field: forms.Field) -> Callable[[str], object]:
    return field.clean


READERS: Final[dict[str, tuple[Callable[[str], object], str, object]]] = {
    "a measurement": (lambda text: clean(ValueType.NUMBER, text, today=TODAY), "38.4", "38.4"),
    "a count": (lambda text: clean(ValueType.INTEGER_POSITIVE, text, today=TODAY), "128", "128"),
    "a percentage": (lambda text: clean(ValueType.PERCENTAGE, text, today=TODAY), "97", "97"),
    "a date": (lambda text: clean(ValueType.DATE, text, today=TODAY), "2026-11-05", "2026-11-05"),
    "an age": (lambda text: number_in(text, "age", "?"), "34", 34),
    "a phone": (clean_phone, "66120045", "66120045"),
    "a card": (lambda text: check_number(text).value, "F1-601533-2", "F1-601533-2"),
    "a result": (lambda text: clean_result(HAEMOGLOBIN, text), "6.1", "6.1"),
    "a dose": (_in_form(Number()), "2.5", Decimal("2.5")),
    "a quantity": (_in_form(WholeNumber()), "300", 300),
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("what", READERS)
def test_digits_of_any_script_are_understood(what: str, script: str) -> None:
    read, western, meant = READERS[what]
    assert read(western.translate(SCRIPTS[script])) == read(western) == meant
