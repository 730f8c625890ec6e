"""Answers about a person on their way into an enrollment.

Lives here: `settled_answers`, by which enrolling and correcting judge them (rules, what is missing, what may
stand once only), and `held_by_others`, the same look for the page. Not here: writing them (`following.py`),
cleaning single answers (`answers.py`), the rules (`ruling.py`). Read next: `known.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models.fields.json import KeyTextTransform
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.programs.effects import Effects
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.visits.answers import Answers, refuse_missing
from clinic.visits.known import lacking
from clinic.visits.models import Enrollment
from clinic.visits.ruling import Entering, assigned_in, follow_rules, missing_after
from sync.problems import Problem
from sync.records import SyncedQuerySet

BELONGS_THERE: Final = gettext_lazy("This program needs it. Add it on the person's own page.")


def settled_answers(entering: Entering, given: Answers) -> Answers:
    """The answers to write: those given, and those that rules work out. An enrollment that is made needs all
    that the program insists on; a corrected one may not lose any of it.
    """
    form, before = entering.stage, entering.enrollment.values if entering.enrollment else {}
    after = {key: value for key, value in (before | given).items() if value is not None}
    effects = follow_rules(entering, after, completing=True)
    worked_out = {key: value for key, value in assigned_in(form, effects).items() if before.get(key) != value}
    settled = given | worked_out
    missing = missing_after(form, before | settled, effects)
    if entering.enrollment is None:
        _refuse_lacking(entering, effects)
        refuse_missing(form, missing)
    else:
        refuse_missing(form, [key for key in missing if key in settled])
    _refuse_taken(entering, settled)
    return settled


def _refuse_lacking(entering: Entering, effects: Effects | None) -> None:
    """What belongs on the person's own page is not asked here; without it nobody is enrolled."""
    program = definition_of(entering.version_id)
    required, hidden = (effects.required, effects.hidden) if effects else (set(), set())
    if keys := lacking(program, entering.patient, required, hidden):
        raise Problem(
            "missing-fact",
            BELONGS_THERE,
            fields={f"known.{key}": BELONGS_THERE for key in keys},
            extra={"codes": {f"known.{key}": "missing-fact" for key in keys}},
        )


def _refuse_taken(entering: Entering, settled: Answers) -> None:
    if keys := held_by_others(entering.version_id, entering.patient.pk, settled):
        sentence = _("Another person in this program has this already.")
        raise Problem(
            "not-unique",
            sentence,
            fields={f"values.{key}": sentence for key in keys},
            extra={"codes": {f"values.{key}": "not-unique" for key in keys}},
        )


def held_by_others(version_id: UUID, patient_id: UUID, answers: Mapping[str, Any]) -> list[str]:
    """The keys of those answers that may stand once in a program, and stand in somebody else's enrollment."""
    program_id = ProgramVersion.objects.filter(pk=version_id).values("program_id")[:1]
    rows = Enrollment.objects.living().filter(program_version__program_id=program_id)
    others = rows.exclude(patient_id=patient_id)
    return [
        one.element.key
        for one in definition_of(version_id).attributes
        if one.unique
        and isinstance(answer := answers.get(one.element.key), str)
        and _stands(others, one.element.key, answer)
    ]


def _stands(rows: SyncedQuerySet, key: str, answer: str) -> bool:
    said = rows.alias(said=KeyTextTransform(key, "values")).filter(said__iexact=answer)
    return bool(said.exists())
