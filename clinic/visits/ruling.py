"""Program rules at work: what they are asked about, and who follows them.

Lives here: `situation_of` (everything that rules may ask about an event and its person), `effects_for`, and
`follow_rules`, by which a save obeys them: what a rule assigns is recorded, and what it refuses is refused.
Not here: the evaluator (`clinic/programs/effects.py`), the form (`clinic/forms/ruled.py`). Read next:
`clinic/programs/effects.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from clinic.forms.ruled import answer_assigned, sections_of
from clinic.programs.definition import ElementDefinition, ProgramDefinition, StageDefinition
from clinic.programs.effects import Effects, Recorded, Said, Situation, effects_of
from clinic.programs.selectors import definition_of, rule_book_of
from clinic.visits.models import Enrollment, StageEvent
from registry.people.models import Patient
from registry.people.selectors import today
from registry.places.models import Facility
from registry.staff.selectors import authority_of
from sync.node import current_node
from sync.problems import Problem

_MOST_EVENTS: Final = 500
_NEWEST: Final = 2**63
_STATUSES: Final = {StageEvent.Status.ACTIVE: "ACTIVE", StageEvent.Status.COMPLETED: "COMPLETED"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One event as rules see it: where it is recorded, for whom, under which version; `event` is the one that
    is corrected.
    """

    version_id: UUID
    stage: StageDefinition
    patient: Patient
    facility: Facility
    enrollment: Enrollment | None = None
    event: StageEvent | None = None
    occurred_at: datetime | None = None
    staff_id: UUID | None = None

    def concerned(self) -> bool:
        """Whether there are any rules for it."""
        return rule_book_of(self.version_id).concern(self.stage.uid)


def situation_of(asked: Asked, values: Mapping[str, Any]) -> Situation:
    """Everything that rules may ask about."""
    program = definition_of(asked.version_id)
    event, followed = asked.event, asked.enrollment or (asked.event.enrollment if asked.event else None)
    now = asked.occurred_at or (event.occurred_at if event else current_node().now())
    present = Recorded(
        uid=str(event.pk) if event else "",
        stage=asked.stage.uid,
        at=timezone.localtime(now),
        values=values,
        made=event.made_stamp if event else _NEWEST,
        status=_STATUSES.get(StageEvent.Status(event.status), "ACTIVE") if event else "ACTIVE",
    )
    return Situation(
        event=present,
        today=today(),
        others=_others(asked, followed),
        attributes=_attributes(program, asked.patient),
        enrollment=str(followed.pk) if followed else "",
        enrolled_on=followed.enrolled_on if followed else None,
        incident_on=followed.incident_on if followed else None,
        place=str(asked.facility.pk),
        place_code=asked.facility.code,
        program_name=program.name.default,
        stage_name=asked.stage.name.default,
        roles=_roles(asked.staff_id),
    )


def _others(asked: Asked, followed: Enrollment | None) -> list[Recorded]:
    """The other events of this program: of the enrollment, where there is one, else of the person."""
    rows = StageEvent.objects.living().filter(patient=asked.patient)
    if followed is not None:
        rows = rows.filter(enrollment=followed)
    else:
        programs = StageEvent.objects.filter(program_version_id=asked.version_id)
        rows = rows.filter(program_version__program_id__in=programs.values("program_version__program_id")[:1])
    if asked.event is not None:
        rows = rows.exclude(pk=asked.event.pk)
    newest = rows.order_by("-occurred_at", "-made_stamp").only(
        "stage", "occurred_at", "values", "made_stamp", "status"
    )
    return [
        Recorded(
            uid=str(row.pk),
            stage=row.stage,
            at=timezone.localtime(row.occurred_at),
            values=row.values,
            made=row.made_stamp,
            status=_STATUSES.get(StageEvent.Status(row.status), "ACTIVE"),
        )
        for row in newest[:_MOST_EVENTS]
    ]


def _roles(staff_id: UUID | None) -> frozenset[str]:
    if staff_id is None:
        return frozenset()
    return frozenset(str(role) for role in authority_of(staff_id).roles)


def _attributes(program: ProgramDefinition, patient: Patient) -> dict[str, Any]:
    """What is known of the person, for the questions about people that DHIS2's packages share."""
    facts = {
        "birth_date": patient.birth_date.isoformat() if patient.birth_date else "",
        "estimated": "true" if patient.birth_date_estimated else "",
        "sex": "" if patient.sex == "unknown" else patient.sex,
        "family_name": patient.family_name,
        "given_name": patient.given_name,
        "phone": patient.phone,
    }
    found: dict[str, Any] = {}
    for attribute in program.attributes:
        element = attribute.element
        fact = _SHARED.get(element.uid) or _SHARED.get(element.code)
        if fact and facts[fact]:
            found[element.key] = _option(element, facts[fact]) if element.options else facts[fact]
    return found


_SHARED: Final = {
    **dict.fromkeys(("NI0QRzJvQ0k", "PATINFO_DOB", "birth_date"), "birth_date"),
    **dict.fromkeys(("Z1rLc1rVHK8", "DOB_ESTINMATED", "birth_date_estimated"), "estimated"),
    **dict.fromkeys(("oindugucx72", "PATINFO_SEX", "sex"), "sex"),  # "sex": the code in our documents
    **dict.fromkeys(("ENRjVGxVL6l", "FAMILY_NAME", "family_name"), "family_name"),
    **dict.fromkeys(("sB1IHYu2xQT", "GIVEN_NAME", "given_name"), "given_name"),
    **dict.fromkeys(("fctSQp5nAYl", "PHONE_LOCAL", "phone"), "phone"),
}
"""The ids and codes of WHO's common metadata, and the columns' own names, for documents of ours."""


def _option(element: ElementDefinition, fact: str) -> str:
    """The option that says this: by its code or its name, or by its first letter (M, F)."""
    for option in element.options:
        if fact in (option.code.lower(), option.name.default.lower()):
            return option.code
    letters = (option.code for option in element.options if option.code.lower() == fact[:1])
    return next(letters, fact)


def effects_for(asked: Asked, values: Mapping[str, Any]) -> Effects:
    """What the rules want of these answers."""
    return effects_of(
        rule_book_of(asked.version_id),
        situation_of(asked, values),
        sections_of(asked.stage),
        answer_assigned(asked.stage, today()),
    )


def follow_rules(asked: Asked, values: Mapping[str, Any], *, completing: bool) -> Effects | None:
    """Refuse what rules refuse. `values` are the answers as they would be; None where no rule is concerned.

    As on DHIS2's server, an answer to a question that does not apply is kept as it was sent: taking it out is
    the form's work, where a person sees it.
    """
    if not asked.concerned():
        return None
    effects = effects_for(asked, values)
    refused = [(one, "rule-refused") for one in effects.errors]
    refused += [(one, "rule-refused-complete") for one in effects.complete_errors if completing]
    problems: dict[str, tuple[str, str]] = {}
    for one, code in refused:
        problems.setdefault(_named(one, asked.stage), (code, str(one)))
    if problems:
        raise _problem(problems)
    return effects


def _named(said: Said, stage: StageDefinition) -> str:
    return f"values.{said.key}" if said.key and stage.element(said.key) else "values"


def _problem(found: Mapping[str, tuple[str, str]]) -> Problem:
    code, sentence = next(iter(found.values()))
    return Problem(
        code,
        sentence if len(found) == 1 else _("Some answers are not right."),
        fields={name: text for name, (_code, text) in found.items()},
        extra={"codes": {name: one for name, (one, _text) in found.items()}},
    )


def missing_after(stage: StageDefinition, values: Mapping[str, Any], effects: Effects | None) -> list[str]:
    """The keys of what has to be answered and is not, when the rules have had their say."""
    required = effects.required if effects else set()
    away = effects.hidden if effects else set()
    return [
        element.key
        for element in stage.elements
        if (element.compulsory or element.key in required)
        and element.key not in away
        and not values.get(element.key)
    ]


def assigned_in(stage: StageDefinition, effects: Effects | None) -> dict[str, Any]:
    """The answers to this stage's questions that rules give; None takes one back."""
    given = effects.assigned if effects else {}
    return {key: answer for key, answer in given.items() if stage.element(key)}
