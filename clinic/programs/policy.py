"""What makes a program document acceptable, and which key each answer is kept under.

Lives here, pure: `check_document` (raises `BadDefinition`), `with_keys` (settles every element's key, for
ever) and `default_rule` (the merge rule of a question that nobody has declared one for). Not here: publishing
(`services.py`). Read next: `document.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from clinic.programs.document import (
    FORMAT,
    AttributePart,
    DataElementPart,
    MergeRule,
    ProgramDocument,
    StagePart,
    ValueType,
    canonical,
)
from registry.refusals import _

MAX_BYTES: Final = 8_000_000
MAX_ELEMENTS: Final = 5_000
MAX_NAME: Final = 230
MAX_CODE: Final = 100
SOURCES: Final = frozenset({"", "icd-10"})
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_UID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,35}")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

MEASURED: Final = frozenset(
    {
        ValueType.NUMBER,
        ValueType.UNIT_INTERVAL,
        ValueType.PERCENTAGE,
        ValueType.INTEGER,
        ValueType.INTEGER_POSITIVE,
        ValueType.INTEGER_NEGATIVE,
        ValueType.INTEGER_ZERO_OR_POSITIVE,
        ValueType.BOOLEAN,
        ValueType.TRUE_ONLY,
        ValueType.MULTI_TEXT,
        ValueType.DATE,
        ValueType.DATETIME,
        ValueType.AGE,
    }
)

_Keyed = TypeVar("_Keyed", DataElementPart, AttributePart)


class BadDefinition(Exception):
    """A document that may not be published. `sentence` is a template for `named`, translated where it is
    answered.
    """

    def __init__(self, code: str, sentence: str, **named: object) -> None:
        super().__init__(code)
        self.code, self.sentence, self.named = code, sentence, named

    def __str__(self) -> str:
        return self.sentence % self.named


def default_rule(value_type: ValueType, *, coded: bool) -> MergeRule:
    """For a question without a declared rule: a measurement or a chosen answer asks; free words show the
    latest.

    Which of two weights or HIV results is right is nobody's guess; asking costs one tap and happens only when
    two people answered the same question of the same record apart from each other.
    """
    return "ask" if coded or value_type in MEASURED else "latest"


def check_document(document: ProgramDocument) -> None:
    """Raise `BadDefinition` unless every reference holds and every form can be built."""
    if document.posta_program != FORMAT:
        raise BadDefinition(
            "unknown-format",
            _("This file is written for another version of Posta (format %(format)s)."),
            format=document.posta_program,
        )
    _check_size(document)
    _check_names(document)
    _check_answers(document)
    if not document.stages:
        raise BadDefinition("no-stages", _("The program %(name)s has no stages."), name=document.name)
    elements = {part.uid for part in document.elements}
    for stage in document.stages:
        _check_stage(stage, elements)


def _check_size(document: ProgramDocument) -> None:
    text = canonical(document)
    if len(text.encode()) > MAX_BYTES or len(document.elements) > MAX_ELEMENTS:
        raise BadDefinition(
            "too-large",
            _("The program %(name)s is too large: at most %(elements)s data elements and %(megabytes)s MB."),
            name=document.name[:MAX_NAME],
            elements=MAX_ELEMENTS,
            megabytes=MAX_BYTES // 1_000_000,
        )
    if _NUL.search(text):
        raise BadDefinition(
            "nul-character", _("The program %(name)s holds a NUL character."), name=document.name
        )


def _check_names(document: ProgramDocument) -> None:
    if not 0 < len(document.name) <= MAX_NAME or len(document.code) > MAX_CODE:
        raise BadDefinition(
            "no-name", _("The program needs a name of at most %(limit)s letters."), limit=MAX_NAME
        )
    for uids in (
        [document.uid],
        [part.uid for part in document.elements],
        [part.uid for part in document.attributes],
        [part.uid for part in document.stages],
        [part.uid for part in document.option_sets],
    ):
        _check_uids(uids)


def _check_uids(uids: Sequence[str]) -> None:
    if (bad := next((uid for uid in uids if not _UID.fullmatch(uid)), None)) is not None:
        raise BadDefinition(
            "bad-id",
            _("%(id)s is no id: it takes letters and digits and starts with a letter."),
            id=repr(bad[:60]),
        )
    if (twice := _repeated(uids)) is not None:
        raise BadDefinition("repeated-id", _("The id %(id)s stands more than once."), id=twice)


def _repeated(names: Iterable[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _check_answers(document: ProgramDocument) -> None:
    sets = {part.uid: part for part in document.option_sets}
    for option_set in document.option_sets:
        codes = [option.code for option in option_set.options]
        if "" in codes or (twice := _repeated(codes)) is not None:
            raise BadDefinition(
                "repeated-code",
                _("The option set “%(name)s” has the code %(answer)s twice, or an option without a code."),
                name=option_set.name,
                answer=repr("" if "" in codes else twice),
            )
    parts: list[DataElementPart | AttributePart] = [*document.elements, *document.attributes]
    for part in parts:
        if part.option_set and part.option_set not in sets:
            raise BadDefinition(
                "missing-reference",
                _("“%(name)s” (%(id)s) uses the option set %(missing)s, which is not there."),
                name=part.name,
                id=part.uid,
                missing=part.option_set,
            )
        if isinstance(part, DataElementPart) and part.option_source not in SOURCES:
            raise BadDefinition(
                "unknown-source",
                _("“%(name)s” (%(id)s) takes its answers from %(source)s, which is not known."),
                name=part.name,
                id=part.uid,
                source=repr(part.option_source[:60]),
            )
        if part.value_type == ValueType.MULTI_TEXT:
            options = sets[part.option_set].options if part.option_set else ()
            if not options or any("," in option.code for option in options):
                raise BadDefinition(
                    "no-options",
                    _("“%(name)s” (%(id)s) takes several answers: it needs options, without commas."),
                    name=part.name,
                    id=part.uid,
                )


def _check_stage(stage: StagePart, elements: set[str]) -> None:
    asked = [part.element for part in stage.elements]
    placed = [uid for section in stage.sections for uid in section.elements]
    missing = next((uid for uid in asked if uid not in elements), None) or next(
        (uid for uid in placed if uid not in set(asked)), None
    )
    if missing is not None:
        raise BadDefinition(
            "missing-reference",
            _("The stage “%(name)s” (%(id)s) asks for the data element %(missing)s, which is not there."),
            name=stage.name,
            id=stage.uid,
            missing=missing,
        )
    for uids in (asked, placed):
        if (twice := _repeated(uids)) is not None:
            raise BadDefinition(
                "repeated-question",
                _("The stage “%(name)s” asks for the data element %(id)s twice."),
                name=stage.name,
                id=twice,
            )


def with_keys(document: ProgramDocument, earlier: Iterable[ProgramDocument] = ()) -> ProgramDocument:
    """The document with every key settled: the code where it makes a good key, else the uid.

    A question keeps the key of earlier versions, and no key ever passes to another question, so that the
    answers of years stay under one name whatever happens to the codes.
    """
    versions = list(earlier)
    return msgspec.structs.replace(
        document,
        elements=_keyed(document.elements, [part for version in versions for part in version.elements]),
        attributes=_keyed(document.attributes, [part for version in versions for part in version.attributes]),
    )


def _keyed(parts: Sequence[_Keyed], earlier: Iterable[_Keyed]) -> tuple[_Keyed, ...]:
    settled = {part.uid: part.key for part in earlier if part.key}
    taken = {key: uid for uid, key in settled.items()} | {part.uid: part.uid for part in parts}
    once = Counter(part.code for part in parts)
    return tuple(
        msgspec.structs.replace(part, key=settled.get(part.uid) or _new_key(part, taken, once))
        for part in parts
    )


def _new_key(part: DataElementPart | AttributePart, taken: Mapping[str, str], once: Mapping[str, int]) -> str:
    good = _KEY.fullmatch(part.code) and once[part.code] == 1
    return part.code if good and taken.get(part.code, part.uid) == part.uid else part.uid
