"""The normalised document of one program version: what is stored, hashed and synced.

Lives here, pure: the shape (`ProgramDocument` and its parts), reading and writing its canonical JSON, its
content hash. Not here: what makes a document acceptable (`policy.py`), the resolved view that pages and forms
read (`definition.py`), where a document comes from (`examples/`, `clinic/exchange/dhis2/`). Read next:
`definition.py`.

Fields are only ever added, with a default; an older program of ours ignores what it does not know.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, Literal

import msgspec

FORMAT = 1
Translations = dict[str, dict[str, str]]
"""{language: {field: text}}, for example {"es": {"name": "Peso"}}."""
MergeRule = Literal["latest", "ask"]


class ValueType(StrEnum):
    """What an answer is: the 27 value types of DHIS2."""

    TEXT = "TEXT"
    LONG_TEXT = "LONG_TEXT"
    MULTI_TEXT = "MULTI_TEXT"
    LETTER = "LETTER"
    PHONE_NUMBER = "PHONE_NUMBER"
    EMAIL = "EMAIL"
    BOOLEAN = "BOOLEAN"
    TRUE_ONLY = "TRUE_ONLY"
    DATE = "DATE"
    DATETIME = "DATETIME"
    TIME = "TIME"
    NUMBER = "NUMBER"
    UNIT_INTERVAL = "UNIT_INTERVAL"
    PERCENTAGE = "PERCENTAGE"
    INTEGER = "INTEGER"
    INTEGER_POSITIVE = "INTEGER_POSITIVE"
    INTEGER_NEGATIVE = "INTEGER_NEGATIVE"
    INTEGER_ZERO_OR_POSITIVE = "INTEGER_ZERO_OR_POSITIVE"
    USERNAME = "USERNAME"
    COORDINATE = "COORDINATE"
    ORGANISATION_UNIT = "ORGANISATION_UNIT"
    REFERENCE = "REFERENCE"
    AGE = "AGE"
    URL = "URL"
    FILE_RESOURCE = "FILE_RESOURCE"
    IMAGE = "IMAGE"
    GEOJSON = "GEOJSON"


class _Part(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A part. What equals its default is not written, so that an added field changes no old hash."""


class OptionPart(_Part, frozen=True, kw_only=True):
    """One answer of an option set; `code` is what is stored."""

    uid: str
    code: str
    name: str
    translations: Translations = {}


class OptionSetPart(_Part, frozen=True, kw_only=True):
    """The answers to choose from, in their order."""

    uid: str
    name: str
    value_type: ValueType = ValueType.TEXT
    code: str = ""
    options: tuple[OptionPart, ...] = ()


class DataElementPart(_Part, frozen=True, kw_only=True):
    """One question. `key` names its answer in an event's values; empty until the version is published.

    `option_source` names a classification whose codes are the answers (`icd-10`), too many for an option set.
    """

    uid: str
    name: str
    value_type: ValueType
    code: str = ""
    key: str = ""
    form_name: str = ""
    description: str = ""
    unit: str = ""
    option_set: str = ""
    option_source: str = ""
    merge_rule: MergeRule = "latest"
    translations: Translations = {}


class StageElementPart(_Part, frozen=True, kw_only=True):
    """How a stage asks a question."""

    element: str
    compulsory: bool = False
    allow_future_date: bool = False
    display_in_list: bool = False


class SectionPart(_Part, frozen=True, kw_only=True):
    """A titled group of a stage's questions, by element uid, in their order."""

    uid: str
    name: str
    description: str = ""
    elements: tuple[str, ...] = ()
    translations: Translations = {}


class StagePart(_Part, frozen=True, kw_only=True):
    """One form of the program. `station` says which station of the clinic day records it, where that is
    known.

    `due_days` are the days on which a repeatable stage is wanted, counted like `min_days_from_start`.
    `after` holds a stage back until `after_days` days after another one.
    """

    uid: str
    name: str
    code: str = ""
    description: str = ""
    station: str = ""
    repeatable: bool = False
    min_days_from_start: int = 0
    standard_interval_days: int = 0
    from_enrollment_date: bool = False
    auto_generate: bool = False
    due_days: tuple[int, ...] = ()
    after: str = ""
    after_days: int = 0
    complete_to_save: bool = False
    occurred_label: str = ""
    due_label: str = ""
    elements: tuple[StageElementPart, ...] = ()
    sections: tuple[SectionPart, ...] = ()
    translations: Translations = {}


class AttributePart(_Part, frozen=True, kw_only=True):
    """A question about the person that the program asks at enrollment."""

    uid: str
    name: str
    value_type: ValueType
    code: str = ""
    key: str = ""
    form_name: str = ""
    description: str = ""
    option_set: str = ""
    unique: bool = False
    generated: bool = False
    compulsory: bool = False
    searchable: bool = False
    allow_future_date: bool = False
    display_in_list: bool = False
    merge_rule: MergeRule = "latest"
    translations: Translations = {}


class RulePart(_Part, frozen=True, kw_only=True):
    """A program rule as it came: its condition is text, its actions are DHIS2's own objects."""

    uid: str
    name: str
    condition: str
    stage: str = ""
    priority: int | None = None
    actions: tuple[dict[str, Any], ...] = ()


class ProgramDocument(_Part, frozen=True, kw_only=True):
    """Everything that one version of a program says.

    `incident` says which day it counts from, where that is known of the person already: `birth`. `categories`
    are the kinds of visit that it is for; without any, a program without enrollment is asked on every visit.
    What is `on_request` waits beside a visit until somebody opens it.
    Nobody of `until_age` whole years or more is asked to join; 0 is for every age.
    """

    posta_program: int = FORMAT
    uid: str
    name: str
    code: str = ""
    description: str = ""
    registration: bool
    enrollment_label: str = ""
    incident_label: str = ""
    incident: str = ""
    categories: tuple[str, ...] = ()
    on_request: bool = False
    until_age: int = 0
    places: tuple[str, ...] = ()
    stages: tuple[StagePart, ...] = ()
    elements: tuple[DataElementPart, ...] = ()
    option_sets: tuple[OptionSetPart, ...] = ()
    attributes: tuple[AttributePart, ...] = ()
    rules: tuple[RulePart, ...] = ()
    variables: tuple[dict[str, Any], ...] = ()
    kept: dict[str, tuple[dict[str, Any], ...]] = {}
    translations: Translations = {}


class NotADocument(ValueError):
    """The text is not a program document of ours; the message says where it departs from the shape."""


_decoder = msgspec.json.Decoder(ProgramDocument)


def canonical(document: ProgramDocument) -> str:
    """The one text of a document: sorted keys, no spaces, defaults left out."""
    return msgspec.json.encode(document, order="sorted").decode()


def content_hash(document: ProgramDocument) -> str:
    """SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()


def read_document(text: str | bytes) -> ProgramDocument:
    """A document from JSON; raises `NotADocument`."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise NotADocument(str(error)) from None
