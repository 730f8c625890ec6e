"""Publishing programs: the only writer of this room's rows.

Lives here: `publish`. Not here: what may be published (`policy.py`), reading DHIS2's packages
(`clinic/exchange/dhis2/`). Read next: `selectors.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.programs.document import ProgramDocument, canonical, content_hash
from clinic.programs.models import Program, ProgramVersion
from clinic.programs.policy import BadDefinition, check_document, with_keys
from clinic.programs.selectors import current_version, documents_of
from sync.ledger.recording import Author, Save, recording
from sync.node import current_node
from sync.problems import Problem


@dataclass(frozen=True, slots=True)
class Published:
    """What came of publishing; `created` is False where the newest version already says exactly this."""

    program: Program
    version: ProgramVersion
    created: bool


@contextmanager
def answering() -> Iterator[None]:
    """Whatever makes a definition unacceptable leaves as a `Problem` in the reader's language."""
    try:
        yield
    except BadDefinition as bad:
        raise Problem(bad.code, _(bad.sentence) % bad.named, status=422) from None


def publish(*, document: ProgramDocument, by: Author, save_id: UUID | None = None) -> Published:
    """Publish a document as its program's next version, unless the newest version already says the same."""
    with answering():
        check_document(document)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return _published_before(save)
        program = Program.objects.living().filter(uid=document.uid).first()
        if program is None:
            return _first_version(save, with_keys(document))
        return _next_version(save, program, document)


def _published_before(save: Save) -> Published:
    version = ProgramVersion.objects.filter(pk__in=[save.id_of(0), save.id_of(1)]).get()
    return Published(version.program, version, created=False)


def _kind_of(document: ProgramDocument) -> Program.Kind:
    return Program.Kind.WITH_REGISTRATION if document.registration else Program.Kind.WITHOUT_REGISTRATION


def _first_version(save: Save, document: ProgramDocument) -> Published:
    program = save.add(
        Program, uid=document.uid, code=document.code, name=document.name, kind=_kind_of(document)
    )
    return Published(program, _add_version(save, program, 1, document), created=True)


def _next_version(save: Save, program: Program, document: ProgramDocument) -> Published:
    newest = current_version(program.pk)
    keyed = with_keys(document, documents_of(program.pk))
    if newest is not None and newest.content_hash == content_hash(keyed):
        return Published(program, newest, created=False)
    version = _add_version(save, program, newest.number + 1 if newest else 1, keyed)
    said = {"code": document.code, "name": document.name, "kind": _kind_of(document)}
    if changed := {name: value for name, value in said.items() if getattr(program, name) != value}:
        save.edit(program, changed, seen=None)
    return Published(program, version, created=True)


def _add_version(save: Save, program: Program, number: int, document: ProgramDocument) -> ProgramVersion:
    version: ProgramVersion = save.add(
        ProgramVersion,
        program=program,
        number=number,
        published_at=current_node().now(),
        content_hash=content_hash(document),
        definition=canonical(document),
    )
    return version
