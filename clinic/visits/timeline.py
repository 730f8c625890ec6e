"""A patient's visits and events in words.

Lives here: `timeline` (visits, newest first, each with what was recorded) and `tell` (one event: its stage,
its answers labelled by the program version it was captured under, contested answers with every value). Not
here: the words of single answers (`clinic/forms/wording.py`), every value that ever was (`history.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.forms.wording import answer_text
from clinic.programs.definition import StageDefinition
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.visits.attached import FilesTold, file_values
from clinic.visits.known import entry_of
from clinic.visits.models import Enrollment, StageEvent, Visit
from clinic.visits.policy import Standing
from clinic.visits.selectors import standings
from registry.people.models import Patient
from registry.places.models import Facility
from registry.staff.selectors import staff_names
from sync.apply import heads_of
from sync.review.models import Conflict
from sync.tables import table_of
from sync.whereabouts import Whereabouts, whereabouts


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer in words. Of a contested one `text` has every value, for a person to choose. `url` opens the
    file that answers.
    """

    key: str
    label: str
    text: str
    contested: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """An event as people read it."""

    event: StageEvent
    program: str
    program_uid: str
    stage: str
    by: str
    place: str
    answers: list[Answered]
    received: Whereabouts = Whereabouts.HERE

    @property
    def at(self) -> datetime:
        return self.event.occurred_at

    @property
    def values(self) -> list[tuple[str, str]]:
        return [(answer.label, answer.text) for answer in self.answers]


@dataclass(frozen=True, slots=True)
class ToldVisit:
    """A visit as people read it."""

    visit: Visit
    standing: Standing
    place: str
    received: Whereabouts
    events: list[ToldEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Newest first. `apart` are events that belong to no visit."""

    visits: list[ToldVisit]
    apart: list[ToldEvent]


def timeline(patient: Patient) -> Timeline:
    """Everything that was recorded of a patient, by visit."""
    visits = list(Visit.objects.living().filter(patient=patient).order_by("-opened_at", "-id"))
    events = StageEvent.objects.living().filter(patient=patient).order_by("occurred_at", "made_stamp", "id")
    places, stands = _places(visit.facility_id for visit in visits), standings(visits)
    received = whereabouts(visits)
    found = {
        visit.pk: ToldVisit(
            visit, stands[visit.pk], places.get(visit.facility_id, ""), received=received[visit.pk]
        )
        for visit in visits
    }
    apart: list[ToldEvent] = []
    for told in tell(list(events)):
        home = found.get(told.event.visit_id) if told.event.visit_id else None
        (apart if home is None else home.events).append(told)
    return Timeline(list(found.values()), apart[::-1])


def told_in(visit: Visit) -> list[ToldEvent]:
    """What was recorded on a visit, in order."""
    events = StageEvent.objects.living().filter(visit=visit)
    return tell(list(events.order_by("occurred_at", "made_stamp", "id")))


def tell(events: list[StageEvent]) -> list[ToldEvent]:
    """These events in words, in a few queries however many there are."""
    names = staff_names(event.made_by for event in events)
    places = _places(event.facility_id for event in events)
    contested, received = _contested(events), whereabouts(events)
    files = FilesTold.named_by(value for event in events for value in file_values(stage_behind(event), event))
    return [
        ToldEvent(
            event,
            *_titles(event),
            by=writer_name(event.made_by, names),
            place=places.get(event.facility_id, ""),
            answers=list(_answers(event, contested.get(event.pk, set()), files)),
            received=received[event.pk],
        )
        for event in events
    ]


def writer_name(author: UUID | None, names: dict[UUID, str]) -> str:
    """What to call whoever wrote something."""
    return _("this system") if author is None else names.get(author, _("somebody no longer listed"))


def stage_behind(event: StageEvent | Enrollment) -> StageDefinition | None:
    """The stage an event was captured under, or what an enrollment asks about the person; None while the
    program version has not arrived here.
    """
    try:
        if isinstance(event, Enrollment):
            return entry_of(event.program_version_id)
        return definition_of(event.program_version_id).stage(event.stage)
    except ProgramVersion.DoesNotExist:
        return None


def told_answers(row: Enrollment) -> list[Answered]:
    """What an enrollment says about the person, in words."""
    files = FilesTold.named_by(file_values(stage_behind(row), row))
    return list(_answers(row, _contested([row]).get(row.pk, set()), files))


def _titles(event: StageEvent) -> tuple[str, str, str]:
    """The names of program, program (its uid) and stage."""
    stage = stage_behind(event)
    if stage is None:
        return "", "", event.stage
    program = definition_of(event.program_version_id)
    return str(program.name), program.uid, str(stage.name)


def _answers(event: StageEvent | Enrollment, contested: set[str], files: FilesTold) -> Iterator[Answered]:
    """In the form's order; what the form does not know comes last, as it is kept."""
    stage = stage_behind(event)
    known = {element.key: element for element in stage.elements} if stage else {}
    present = set(event.values) | contested
    for key in [key for key in known if key in present] + sorted(present - set(known)):
        element = known.get(key)
        values = _every_value(event, key) if key in contested else [event.values[key]]
        texts = dict.fromkeys(answer_text(element, value) or "–" for value in values)
        label = str(element.label) if element else key
        if len(values) == 1 and (file := files.of(event.patient_id, values[0])):
            yield Answered(key, label, file.text, url=file.url)
        else:
            yield Answered(key, label, _one_or_other(texts), key in contested)


def _one_or_other(texts: Iterable[str]) -> str:
    return reduce(
        lambda first, second: _("%(first)s or %(second)s") % {"first": first, "second": second}, texts
    )


def _every_value(event: StageEvent | Enrollment, key: str) -> list[str | list[str] | None]:
    heads = heads_of(event, table_of(type(event)), f"values.{key}")
    return [head.value for head in heads]  # type: ignore[misc]


def _contested(events: Iterable[StageEvent | Enrollment]) -> dict[UUID, set[str]]:
    """For each record the keys of the answers that wait for a person."""
    tables = [StageEvent.sync.table, Enrollment.sync.table]
    rows = Conflict.objects.filter(table__in=tables, record_id__in=[event.pk for event in events])
    found: dict[UUID, set[str]] = {}
    for record_id, name in rows.values_list("record_id", "field"):
        column, _dot, key = name.partition(".")
        if column == "values":
            found.setdefault(record_id, set()).add(key)
    return found


def _places(ids: Iterable[UUID]) -> dict[UUID, str]:
    return dict(Facility.objects.filter(pk__in=set(ids)).values_list("pk", "name"))
