"""Program rules at work: what they are asked about, and who follows them.

Lives here: `situation_of` (everything that rules may ask about an event, or an enrollment, and its person),
`effects_for`, `stages_hidden`, and `follow_rules`, by which a save obeys them: what a rule assigns is
recorded, and what it refuses is refused. Not here: the evaluator (`clinic/programs/effects.py`), the form
(`clinic/forms/ruled.py`), what is known of a person (`known.py`). Read next: `clinic/programs/effects.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from clinic.forms.ruled import answer_assigned, sections_of
from clinic.programs.definition import StageDefinition
from clinic.programs.effects import Effects, Recorded, Said, Situation, effects_of
from clinic.programs.selectors import definition_of, rule_book_of
from clinic.visits.known import entry_of, known_answers
from clinic.visits.models import Enrollment, StageEvent
from registry.people.models import Patient
from registry.people.selectors import today
from registry.places.models import Facility
from registry.staff.selectors import authority_of
from sync.node import current_node
from sync.problems import Problem
from sync.records import SyncedQuerySet

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


@dataclass(frozen=True, slots=True)
class Entering:
    """One enrollment as rules see it, being made or, with `enrollment`, corrected: its days, and the answers
    about the person.
    """

    version_id: UUID
    patient: Patient
    facility: Facility
    enrolled_on: date
    incident_on: date | None = None
    enrollment: Enrollment | None = None
    staff_id: UUID | None = None

    @property
    def stage(self) -> StageDefinition:
        """The questions that are asked."""
        return entry_of(self.version_id)

    def concerned(self) -> bool:
        """Whether there are any rules for it."""
        return rule_book_of(self.version_id).concern("")


Ruled: TypeAlias = "Asked | Entering"


def situation_of(asked: Ruled, values: Mapping[str, Any]) -> Situation:
    """Everything that rules may ask about."""
    if isinstance(asked, Entering):
        return _at_entry(asked, values, _recorded_in(asked.enrollment))
    return _at_event(asked, values)


def _recorded_in(enrollment: Enrollment | None) -> list[Recorded]:
    return _recorded(StageEvent.objects.living().filter(enrollment=enrollment)) if enrollment else []


def _at_entry(entering: Entering, values: Mapping[str, Any], events: list[Recorded]) -> Situation:
    program, row = definition_of(entering.version_id), entering.enrollment
    return Situation(
        event=Recorded("", "", timezone.localtime(current_node().now()), {}, made=_NEWEST, status=""),
        today=today(),
        others=events,
        attributes={**values, **known_answers(program, entering.patient)},
        enrollment=str(row.pk) if row else "",
        enrolled_on=entering.enrolled_on,
        incident_on=entering.incident_on,
        place=str(entering.facility.pk),
        place_code=entering.facility.code,
        program_name=program.name.default,
        roles=_roles(entering.staff_id),
        of_person=True,
    )


def _at_event(asked: Asked, values: Mapping[str, Any]) -> Situation:
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
        attributes={**(followed.values if followed else {}), **known_answers(program, asked.patient)},
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
    return _recorded(rows)


def _recorded(rows: SyncedQuerySet) -> list[Recorded]:
    newest = rows.order_by("-occurred_at", "-made_stamp").only(
        "stage", "occurred_at", "values", "made_stamp", "status"
    )
    return [_as_recorded(row, row.made_stamp) for row in newest[:_MOST_EVENTS]]


def _as_recorded(row: StageEvent, made: int) -> Recorded:
    return Recorded(
        uid=str(row.pk),
        stage=row.stage,
        at=timezone.localtime(row.occurred_at),
        values=row.values,
        made=made,
        status=_STATUSES.get(StageEvent.Status(row.status), "ACTIVE"),
    )


def _roles(staff_id: UUID | None) -> frozenset[str]:
    if staff_id is None:
        return frozenset()
    return frozenset(str(role) for role in authority_of(staff_id).roles)


def stages_hidden(
    row: Enrollment, answers: Mapping[str, Any], events: Iterable[StageEvent]
) -> frozenset[str]:
    """The stages that rules take away from somebody who is followed, as things are now. `events` are all of
    the enrollment, oldest first.
    """
    book = rule_book_of(row.program_version_id)
    if not book.hides_stages:
        return frozenset()
    patient = Patient.objects.filter(pk=row.patient_id).first()
    facility = Facility.objects.filter(pk=row.facility_id).first()
    if patient is None or facility is None:
        return frozenset()  # they have not arrived here yet: then nothing is taken away
    entering = Entering(
        row.program_version_id, patient, facility, row.enrolled_on, row.incident_on, enrollment=row
    )
    past = [_as_recorded(event, made) for made, event in enumerate(events)]
    return frozenset(effects_of(book, _at_entry(entering, answers, past)).hidden_stages)


def effects_for(asked: Ruled, values: Mapping[str, Any]) -> Effects:
    """What the rules want of these answers."""
    return effects_of(
        rule_book_of(asked.version_id),
        situation_of(asked, values),
        sections_of(asked.stage),
        answer_assigned(asked.stage, today()),
    )


def follow_rules(asked: Ruled, values: Mapping[str, Any], *, completing: bool) -> Effects | None:
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
