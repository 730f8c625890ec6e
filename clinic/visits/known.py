"""What our own record of a person answers of a program's questions about people.

Lives here: `known_answers` (by the questions' keys), `entry_of` (the questions that are left to ask, as a
form), `told_facts` and `lacking` for whoever enrols. A name or a birth date is written once, on the person's
own page, and never a second time for a program. Not here: asking what is left (`entry_page.py`), what rules
make of it (`ruling.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from clinic.forms.wording import answer_text
from clinic.programs.definition import (
    AttributeDefinition,
    ElementDefinition,
    ProgramDefinition,
    StageDefinition,
    entry_form,
)
from clinic.programs.selectors import definition_of
from registry.people.links import photo_of
from registry.people.models import Identifier, Patient
from registry.people.policy import NUMBER_SYSTEM, PROVISIONAL_SYSTEM
from registry.people.selectors import codes_of
from registry.places.models import Area

_SHARED: Final = {
    **dict.fromkeys(("NI0QRzJvQ0k", "PATINFO_DOB", "birth_date"), "birth_date"),
    **dict.fromkeys(("Z1rLc1rVHK8", "DOB_ESTINMATED", "birth_date_estimated"), "estimated"),
    **dict.fromkeys(("oindugucx72", "PATINFO_SEX", "sex"), "sex"),  # "sex": the code in our documents
    **dict.fromkeys(("ENRjVGxVL6l", "FAMILY_NAME", "family_name"), "family_name"),
    **dict.fromkeys(("sB1IHYu2xQT", "GIVEN_NAME", "given_name"), "given_name"),
    **dict.fromkeys(("fctSQp5nAYl", "PHONE_LOCAL", "YRDy9xy9jD0", "phone"), "phone"),
    **dict.fromkeys(("Ewi7FUfcHAD", "NATIONAL_ID", "national_id"), "national_id"),
    **dict.fromkeys(("xsxMR7crjZ6", "VPD_CS_PATINFO_RESADMIN0.2", "ljHL8NnSEAD", "village"), "village"),
    **dict.fromkeys(("exeNeuAtVOu", "photo"), "photo"),
}
"""The ids and codes of WHO's common metadata, and the columns' own names, for documents of ours."""
_NAMES: Final = frozenset({"family_name", "given_name"})
_UNSEEN: Final = frozenset({"photo", "estimated"})
"""A photo stands in the banner; that a date is no estimate is nothing that lacks."""


def _national_id(patient: Patient) -> str:
    numbers = Identifier.objects.living().filter(patient=patient, system="national-id")
    return numbers.order_by("made_stamp", "pk").values_list("value", flat=True).first() or ""


def _number(patient: Patient) -> str:
    codes = codes_of([patient.pk]).get(patient.pk, {})
    return codes.get(NUMBER_SYSTEM) or codes.get(PROVISIONAL_SYSTEM) or ""


def _village(patient: Patient) -> str:
    if patient.village_id is None:
        return ""
    return Area.objects.filter(pk=patient.village_id).values_list("name", flat=True).first() or ""


def _photo(patient: Patient) -> str:
    photo = photo_of(patient.pk)
    return photo.url if photo else ""


_FACTS: Final[dict[str, Callable[[Patient], str]]] = {
    "birth_date": lambda patient: patient.birth_date.isoformat() if patient.birth_date else "",
    "estimated": lambda patient: "true" if patient.birth_date_estimated else "",
    "sex": lambda patient: "" if patient.sex == Patient.Sex.UNKNOWN else patient.sex,
    "family_name": lambda patient: patient.family_name,
    "given_name": lambda patient: patient.given_name,
    "phone": lambda patient: patient.phone,
    "national_id": _national_id,
    "number": _number,
    "village": _village,
    "photo": _photo,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """What the person's own record answers to a question; `text` is empty where it does not yet."""

    key: str
    label: str
    text: str


def _fact_behind(attribute: AttributeDefinition) -> str:
    """Which fact answers a question; empty where the record has no place for it. The numbers that DHIS2 gives
    by itself are ours to give: the registration number.
    """
    if attribute.generated:
        return "number"
    return _SHARED.get(attribute.element.uid) or _SHARED.get(attribute.element.code, "")


@lru_cache(maxsize=256)
def entry_of(version_id: UUID) -> StageDefinition:
    """What a version asks about the person and our record has no place for, as a form."""
    asked = definition_of(version_id).attributes
    return entry_form(tuple(one.element for one in asked if not _fact_behind(one)))


def known_answers(program: ProgramDefinition, patient: Patient) -> dict[str, Any]:
    """What the record of the person says, by the questions' keys."""
    return {one.element.key: answer for one, answer in _facts(program, patient) if answer}


def _facts(program: ProgramDefinition, patient: Patient) -> Iterator[tuple[AttributeDefinition, str]]:
    for attribute in program.attributes:
        if name := _fact_behind(attribute):
            fact = _FACTS[name](patient)
            yield attribute, _option(attribute.element, fact) if attribute.element.options else fact


def _option(element: ElementDefinition, fact: str) -> str:
    """The option that says this: by its code or its name, or by its first letter (M, F)."""
    if not fact:
        return ""
    for option in element.options:
        if fact.lower() in (option.code.lower(), option.name.default.lower()):
            return option.code
    letters = (option.code for option in element.options if option.code.lower() == fact[:1])
    return next(letters, fact)


def told_facts(program: ProgramDefinition, patient: Patient) -> list[Fact]:
    """The same in words, for whoever enrols."""
    return [
        Fact(one.element.key, str(one.element.label), _said(one.element, answer, patient))
        for one, answer in _facts(program, patient)
        if _fact_behind(one) not in _UNSEEN
    ]


def _said(element: ElementDefinition, answer: str, patient: Patient) -> str:
    if answer and answer == patient.sex and not element.options:
        return str(patient.get_sex_display())
    return answer_text(element, answer)


def lacking(
    program: ProgramDefinition,
    patient: Patient,
    required: Collection[str] = (),
    hidden: Collection[str] = (),
) -> list[str]:
    """The keys of what the program insists on and the record of the person does not say. Of somebody with one
    name nobody wants a second one.
    """
    named = _NAMES if patient.name else frozenset()
    return [
        one.element.key
        for one, answer in _facts(program, patient)
        if (one.element.compulsory or one.element.key in required)
        and one.element.key not in hidden
        and not answer
        and _fact_behind(one) not in _UNSEEN | named
    ]
