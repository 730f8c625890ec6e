"""Reading programs.

Lives here: `definition_of` (a version's definition, resolved once per process: versions never change), its
`rule_book_of`,
`stage_of`, the version to use for something new, and `merge_rule` for form values. Not here: writing
(`services.py`). Read next: `definition.py`.
"""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from clinic.programs.definition import ElementDefinition, ProgramDefinition, StageDefinition, resolve
from clinic.programs.document import MergeRule, ProgramDocument
from clinic.programs.models import Program, ProgramVersion
from clinic.programs.rules import RuleBook, compiled
from sync.problems import Problem


@lru_cache(maxsize=256)
def definition_of(version_id: UUID) -> ProgramDefinition:
    """The definition of a published version; raises `ProgramVersion.DoesNotExist`, never remembered."""
    return resolve(ProgramVersion.objects.only("definition").get(pk=version_id).document())


@lru_cache(maxsize=64)
def rule_book_of(version_id: UUID) -> RuleBook:
    """The rules of a published version, compiled once per process."""
    return compiled(definition_of(version_id))


def stage_of(version_id: UUID, name: str) -> StageDefinition:
    """A stage of a version, by its uid or its code; raises a 404 `Problem`."""
    try:
        stage = definition_of(version_id).stage(name)
    except ProgramVersion.DoesNotExist:
        stage = None
    if stage is None:
        raise Problem("no-such-stage", _("This program has no such stage."), status=404)
    return stage


def merge_rule(version_id: UUID | None, key: str, *, about_person: bool = False) -> MergeRule:
    """The merge rule of the answer under `key`, of a stage or about the person. What is not known here is
    asked: an unknown rule settles nothing.
    """
    try:
        element = _question(definition_of(version_id), key, about_person) if version_id else None
    except ProgramVersion.DoesNotExist:
        element = None
    return element.merge_rule if element else "ask"


def _question(program: ProgramDefinition, key: str, about_person: bool) -> ElementDefinition | None:
    if not about_person:
        return program.element(key)
    attribute = program.attribute(key)
    return attribute.element if attribute else None


def program_named(name: str) -> Program | None:
    """A program by its uid, else by its code."""
    programs = Program.objects.living()
    found: Program | None = programs.filter(uid=name).first() or (
        programs.filter(code=name).first() if name else None
    )
    return found


def published_versions(program_id: UUID) -> QuerySet[ProgramVersion]:
    """A program's versions, newest first, without their documents."""
    versions: QuerySet[ProgramVersion] = (
        ProgramVersion.objects.living().filter(program_id=program_id).defer("definition")
    )
    return versions.order_by("-number", "-made_stamp")


def current_version(program_id: UUID) -> ProgramVersion | None:
    """The version that a new event is captured under."""
    return published_versions(program_id).first()


def current_versions() -> QuerySet[ProgramVersion]:
    """The newest version of every program, with its program, by program name."""
    newest = (
        ProgramVersion.objects.living()
        .filter(program_id=OuterRef("program_id"))
        .order_by("-number", "-made_stamp")
        .values("pk")[:1]
    )
    versions: QuerySet[ProgramVersion] = ProgramVersion.objects.living().filter(
        pk=Subquery(newest), program__gone=False
    )
    return versions.select_related("program").defer("definition").order_by(F("program__name"), "pk")


def documents_of(program_id: UUID) -> list[ProgramDocument]:
    """The documents of every version of a program, oldest first."""
    versions = ProgramVersion.objects.living().filter(program_id=program_id).order_by("number", "made_stamp")
    return [version.document() for version in versions]
