"""Importing programs from files.

Lives here: `read_programs` (a DHIS2 metadata package, or a program document of ours → documents, checked) and
`import_programs`, which publishes every program of such a file and says what came of it. Not here: reading
(`package.py`), translating (`normalise.py`), versions (`clinic/programs/services.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from clinic.exchange.dhis2.normalise import documents_in
from clinic.exchange.dhis2.package import BadPackage, Package, read_package
from clinic.programs.document import NotADocument, ProgramDocument, read_document
from clinic.programs.policy import check_document
from clinic.programs.selectors import rule_book_of
from clinic.programs.services import answering, publish
from clinic.programs.wording import fault_words
from registry.refusals import _
from sync.ledger.recording import Author


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """A file that was read and found good. `held` counts what it had, used or not."""

    name: str
    documents: Sequence[ProgramDocument]
    held: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Imported:
    """One program of a file. `counts` is what its version holds, `in_file` what the file had, `off`
    the rules that cannot work and why.
    """

    program: str
    code: str
    uid: str
    version: int
    version_id: UUID
    created: bool
    counts: Mapping[str, int]
    in_file: Mapping[str, int]
    off: Sequence[Mapping[str, str]] = ()

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


class _Kind(msgspec.Struct):
    posta_program: int = 0


def read_programs(*, content: bytes, name: str) -> ProgramFile:
    """The programs of a file, checked; raises a `Problem` whose title names what is wrong and where."""
    with answering():
        file = _read(content, name)
        for document in file.documents:
            check_document(document)
    return file


def import_programs(*, file: ProgramFile, by: Author) -> list[Imported]:
    """Publish every program of a file; what is unchanged stays as it is."""
    return [_imported(document, file.held, by) for document in file.documents]


def _read(content: bytes, name: str) -> ProgramFile:
    if not _is_ours(content):
        package = read_package(content, name)
        return ProgramFile(name, documents_in(package, name), _held(package))
    try:
        return ProgramFile(name, [read_document(content)], {})
    except NotADocument as error:
        raise BadPackage(
            "wrong-shape", _("%(file)s is not a program of Posta: %(reason)s."), file=name, reason=str(error)
        ) from None


def _is_ours(content: bytes) -> bool:
    try:
        return bool(msgspec.json.decode(content, type=_Kind).posta_program)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _imported(document: ProgramDocument, held: Mapping[str, int], by: Author) -> Imported:
    published = publish(document=document, by=by)
    return Imported(
        program=document.name,
        code=document.code,
        uid=document.uid,
        version=published.version.number,
        version_id=published.version.pk,
        created=published.created,
        counts=counts_of(document),
        in_file=held,
        off=[
            {"rule": fault.rule, "name": fault.name, "code": fault.code, "reason": fault_words(fault)}
            for fault in rule_book_of(published.version.pk).faults
        ],
    )


def counts_of(document: ProgramDocument) -> dict[str, int]:
    """How much a version holds."""
    return {
        "stages": len(document.stages),
        "sections": sum(len(stage.sections) for stage in document.stages),
        "data_elements": len(document.elements),
        "option_sets": len(document.option_sets),
        "options": sum(len(option_set.options) for option_set in document.option_sets),
        "attributes": len(document.attributes),
        "rules": len(document.rules),
        "rule_actions": sum(len(rule.actions) for rule in document.rules),
        "rule_variables": len(document.variables),
    }


def _held(package: Package) -> dict[str, int]:
    return {
        "programs": len(package.programs),
        "stages": len(package.program_stages),
        "sections": len(package.program_stage_sections),
        "data_elements": len(package.data_elements),
        "option_sets": len(package.option_sets),
        "options": len(package.options),
        "attributes": len(package.tracked_entity_attributes),
        "rules": len(package.program_rules),
        "rule_actions": len(package.program_rule_actions),
        "rule_variables": len(package.program_rule_variables),
    }
