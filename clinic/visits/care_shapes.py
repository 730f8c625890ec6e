"""The shapes that the pages of ongoing care print.

Lives here: the contexts of `visits/worklist.html`, `visits/enrollment.html`, `visits/care_card.html`, and the
panel of what is due. Not here: requests (`care_views.py`), the days (`schedule.py`, `planning.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext

from clinic.forms.wording import answer_text
from clinic.programs.definition import ElementDefinition, ProgramDefinition, StageDefinition
from clinic.programs.models import Program
from clinic.programs.selectors import current_versions, definition_of
from clinic.visits.entering import held_by_others
from clinic.visits.known import entry_of
from clinic.visits.models import CareStep, DueItem, Enrollment, StageEvent, Visit
from clinic.visits.planning import Followed
from clinic.visits.policy import can_enrol, can_move, can_open
from clinic.visits.schedule import CareKind, Slot, SlotState, state_on
from clinic.visits.selectors import SOON, open_visit_of, programs_to_enrol
from clinic.visits.timeline import told_answers, writer_name
from clinic.visits.worklists import Line, ListName, counts, due_for, worklist
from registry.panels import Panel
from registry.people.models import Patient
from registry.people.policy import age_in_years
from registry.people.selectors import person, today
from registry.places.models import Facility
from registry.staff.policy import Authority, can_record
from registry.staff.selectors import authority_in, staff_names

LIST_NAMES: Final = {
    ListName.DUE: gettext_lazy("Due this week"),
    ListName.OVERDUE: gettext_lazy("Overdue"),
    ListName.FOLLOW_UP: gettext_lazy("Follow-up"),
    ListName.MINE: gettext_lazy("Mine"),
}
BADGES: Final = {
    SlotState.SCHEDULED: "waiting",
    SlotState.DUE: "needs-you",
    SlotState.OVERDUE: "danger",
    SlotState.MISSED: "waiting",
    SlotState.SKIPPED: "done",
    SlotState.BEGUN: "needs-you",
    SlotState.COMPLETED: "done",
}
REASONS: Final = (
    gettext_noop("Not needed"),
    gettext_noop("Done elsewhere"),
    gettext_noop("Refused"),
    gettext_noop("Moved away"),
    gettext_noop("Not in stock"),
)


def state_word(state: SlotState) -> str:
    """What people call the state of an expected coming."""
    return {
        SlotState.SCHEDULED: pgettext("stage", "Planned"),
        SlotState.DUE: pgettext("stage", "Due"),
        SlotState.OVERDUE: pgettext("stage", "Overdue"),
        SlotState.MISSED: pgettext("stage", "Missed"),
        SlotState.SKIPPED: pgettext("stage", "Skipped"),
        SlotState.BEGUN: pgettext("stage", "Begun"),
        SlotState.COMPLETED: pgettext("stage", "Done"),
    }[state]


def worklist_context(
    who: Authority, facility: Facility | None, name: ListName, program: UUID | None, page: int
) -> dict[str, Any]:
    """One page of one list, and how long each is."""
    found = worklist(name=name, who=who, facility=facility, program_id=program, page=page)
    sizes = counts(who, facility, program)
    versions = current_versions().filter(program__kind=Program.Kind.WITH_REGISTRATION)
    return {
        "lists": [
            {"id": one.value, "name": LIST_NAMES[one], "size": sizes[one], "chosen": one is name}
            for one in ListName
        ],
        "chosen": {"id": name.value, "name": LIST_NAMES[name]},
        "programs": [
            {"id": version.program_id, "name": str(definition_of(version.pk).name)} for version in versions
        ],
        "program": program,
        "lines": [_line(line) for line in found.lines],
        "page": found.number,
        "previous": found.number - 1 or None,
        "following": found.following,
    }


def _line(line: Line) -> dict[str, Any]:
    item = line.item
    follow_up = item.kind == DueItem.Kind.FOLLOW_UP
    return {
        "person": line.person,
        "program": line.program,
        "stage": _("Follow-up") if follow_up else line.stage,
        "reason": item.reason,
        "due_on": item.due_on,
        "state": BADGES[line.state],
        "word": state_word(line.state),
        "assigned_to": line.assigned_to,
        "url": reverse("enrollment", args=[item.enrollment_id])
        if item.enrollment_id
        else reverse("patient", args=[item.patient_id]),
    }


def due_panel(request: HttpRequest, patient: Patient) -> Panel | None:
    """What is due for a patient, on their own page."""
    lines = due_for(patient, today())
    if not lines:
        return None
    may = can_move(authority_in(request), [line.item.facility_id for line in lines])
    shown = [
        _line(line) | {"settle": may and line.item.enrollment_id is None, "on": line.item.due_on.isoformat()}
        for line in lines
    ]
    return Panel("visits/_due.html", {"lines": shown, "patient_id": patient.pk})


def program_panel(request: HttpRequest, visit: Visit) -> Panel | None:
    """On a visit for a program: a way into it for whoever is not followed in it yet."""
    who = authority_in(request)
    if not can_enrol(who, [visit.facility_id]):
        return None
    found = [(version, definition_of(version.pk)) for version in programs_to_enrol(visit.patient)]
    missing = [
        {"id": version.program_id, "name": str(program.name)}
        for version, program in found
        if visit.category in program.categories and _of_an_age_for(program, visit.patient)
    ]
    return (
        Panel("visits/_join.html", {"programs": missing, "patient_id": visit.patient_id}) if missing else None
    )


def _of_an_age_for(program: ProgramDefinition, patient: Patient) -> bool:
    born = patient.birth_date
    return not (program.until_age and born) or age_in_years(born, today()) < program.until_age


def enrollment_context(
    one: Followed, patient: Patient, who: Authority, facility: Facility | None
) -> dict[str, Any]:
    """One enrollment: its days, its schedule, what may be decided."""
    here = [facility.pk] if facility else []
    row, names = one.enrollment, _names(one)
    on_visit = open_visit_of(patient, facility) is not None
    may_fill = can_open(who, here) or on_visit
    slots = one.slots()
    return {
        "person": person(patient),
        "enrollment": {
            "id": row.pk,
            "program": str(one.program.name),
            "enrolled_on": row.enrolled_on,
            "enrolled_label": str(one.program.enrollment_label) or _("Enrolled on"),
            "incident_on": row.incident_on,
            "incident_label": str(one.program.incident_label),
            "status": row.status,
            "status_word": str(Enrollment.Status(row.status).label),
            "active": one.is_active,
            "version": row.version,
            "twice": bool(one.twins),
            "assigned_to": names.get(one.assigned_to, "") if one.assigned_to else "",
            "mine": one.assigned_to is not None and one.assigned_to == who.staff_id,
            "follow_up": one.follow_up,
        },
        "about": _about(one),
        "slots": [_slot(one, slot, who, names, may_fill=may_fill, here=here) for slot in slots],
        "others": _others(one, slots, who, here) if one.is_active and may_fill else [],
        "log": [_told(step, names) for step in reversed(one.steps) if step.kind in _ENROLLMENT_STEPS],
        "reasons": [_(reason) for reason in REASONS],
        "may": {"decide": can_move(who, here), "end": can_enrol(who, here)},
        "today": today().isoformat(),
    }


def _about(one: Followed) -> dict[str, Any]:
    """What was answered about the person. What may stand once and was given twice, at clinics apart from each
    other, is told.
    """
    row = one.enrollment
    told = {answer.key: answer for twin in (*one.twins, row) for answer in told_answers(twin)}
    doubled = held_by_others(row.program_version_id, row.patient_id, one.answers)
    return {
        "asked": bool(told) or bool(entry_of(row.program_version_id).elements),
        "answers": list(told.values()),
        "doubled": [told[key].label for key in doubled if key in told],
    }


_ENROLLMENT_STEPS: Final = frozenset({CareKind.COMPLETED, CareKind.CANCELLED, CareKind.REOPENED})


def _names(one: Followed) -> dict[UUID, str]:
    return staff_names(
        [step.by for step in one.steps]
        + [step.staff for step in one.steps]
        + [event.made_by for event in one.events]
    )


def _told(step: CareStep, names: dict[UUID, str]) -> dict[str, Any]:
    return {
        "word": str(CareStep.Kind(step.kind).label),
        "by": writer_name(step.by, names),
        "at": step.at,
        "reason": step.reason,
    }


def _slot(
    one: Followed, slot: Slot, who: Authority, names: dict[UUID, str], *, may_fill: bool, here: list[UUID]
) -> dict[str, Any]:
    stage = one.program.stage(slot.stage)
    state = state_on(slot, today())
    event = next((event for event in one.events if slot.event and event.pk == slot.event.event), None)
    return {
        "stage": slot.stage,
        "occurrence": slot.occurrence,
        "name": slot_name(stage, slot),
        "due_on": slot.due_on,
        "state": BADGES[state],
        "word": state_word(state),
        "is_open": slot.is_open and one.is_active,
        "pressing": state in (SlotState.DUE, SlotState.OVERDUE, SlotState.BEGUN),
        "soon": slot.due_on is not None and slot.due_on <= today() + SOON,
        "may_fill": may_fill and slot.is_open and one.is_active and _may_record(who, stage, here),
        "done_on": slot.event.on if slot.event else None,
        "by": names.get(event.made_by, "") if event and event.made_by else "",
        "url": _event_url(event, who, stage) if event else "",
        "skipped": slot.skipped,
        "skipped_by": names.get(slot.skipped.by, "") if slot.skipped and slot.skipped.by else "",
    }


def slot_name(stage: StageDefinition | None, slot: Slot) -> str:
    """ "Contact 3": the stage, numbered where it comes more than once."""
    name = str(stage.name) if stage else slot.stage
    if stage is None or not stage.repeatable:
        return name
    return _("%(stage)s %(number)s") % {"stage": name, "number": slot.occurrence}


def _may_record(who: Authority, stage: StageDefinition | None, here: list[UUID]) -> bool:
    return stage is not None and can_record(who, stage.station, here)


def _event_url(event: StageEvent, who: Authority, stage: StageDefinition | None) -> str:
    visit_id = StageEvent.objects.filter(pk=event.pk).values_list("visit_id", flat=True).get()
    if visit_id and stage is not None and can_record(who, stage.station):
        return reverse("visit-stage", args=[visit_id, event.pk])
    return reverse("event-history", args=[event.pk])


def _others(one: Followed, slots: list[Slot], who: Authority, here: list[UUID]) -> list[dict[str, Any]]:
    """Stages that nobody waits for and that may be filled in at any time."""
    waited_for = {slot.stage for slot in slots if slot.is_open or not _again(one, slot.stage)}
    return [
        {"stage": stage.uid, "name": str(stage.name)}
        for stage in one.program.stages
        if stage.uid not in waited_for | one.hidden and can_record(who, stage.station, here)
    ]


def _again(one: Followed, uid: str) -> bool:
    stage = one.program.stage(uid)
    return stage is not None and stage.repeatable


def card_context(one: Followed, patient: Patient) -> dict[str, Any]:
    """The card to take home: every coming with its day, and what was given at it. It shows what the program
    shows in lists, and nothing else: who finds a card need not learn the result of a test.
    """
    rows: list[dict[str, Any]] = []
    for slot in one.slots():
        stage = one.program.stage(slot.stage)
        event = next((event for event in one.events if slot.event and event.pk == slot.event.event), None)
        rows.append(
            {
                "name": slot_name(stage, slot),
                "due_on": slot.due_on,
                "done_on": slot.event.on if slot.event else None,
                "skipped": slot.skipped is not None,
                "asked": [str(element.label) for element in _on_card(stage)],
                "answers": _told_on_card(stage, event.values) if event else [],
            }
        )
    return {
        "person": person(patient),
        "birth_date": patient.birth_date,
        "enrollment": {
            "id": one.enrollment.pk,
            "program": str(one.program.name),
            "incident_label": str(one.program.incident_label),
            "incident_on": one.enrollment.incident_on,
        },
        "facility": one.enrollment.facility.name,
        "rows": rows,
        "printed_on": today(),
    }


def _on_card(stage: StageDefinition | None) -> list[ElementDefinition]:
    return [element for element in stage.elements if element.display_in_list] if stage else []


def _told_on_card(stage: StageDefinition | None, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    told = [
        (str(element.label), answer_text(element, values.get(element.key))) for element in _on_card(stage)
    ]
    return [(label, text) for label, text in told if text]
