"""The only writers of the laboratory.

Lives here: the programme's tests, ordering, taking, cancelling, entering and correcting a result, having seen
it. Each is one save. Not here: what a result means (`definition.py`), the checks (`policy.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from clinic.lab import policy
from clinic.lab.definition import LabDefinition, judge, reference_text, written
from clinic.lab.models import LabOrder, LabOrderStep, LabResult, LabTest
from clinic.lab.policy import OrderState, StepKind
from clinic.lab.selectors import ToldOrder, age_of, order_of, tests_named
from clinic.lab.selectors import told as told_of
from clinic.lab.values import LONGEST_COMMENT, clean_result
from clinic.visits.models import Visit
from registry.answers import answering
from registry.people.models import Patient
from registry.places.models import Facility
from registry.staff.policy import Authority
from registry.staff.selectors import authority_of
from sync.apply import Outcome
from sync.ledger.recording import Author, Save, recording
from sync.ledger.repeats import first_outcome
from sync.node import current_node
from sync.problems import Problem

LONGEST_NOTE = 400
LONGEST_REASON = 200
Check = Callable[[Authority, list[UUID]], None]


def _check(by: Author, check: Check, facility_id: UUID) -> None:
    if by.staff_id is not None:
        with answering():
            check(authority_of(by.staff_id), [facility_id])


def publish_tests(*, by: Author, tests: Sequence[LabDefinition]) -> int:
    """The programme offers these tests, in this order, and no others. Returns how many rows changed."""
    present = {row.code: row for row in LabTest.objects.living()}
    changed = 0
    with recording(by=by) as save:
        for position, test in enumerate(tests):
            row = present.pop(test.code, None)
            wanted: dict[str, Any] = {
                "definition": written(test),
                "sort_order": position,
                "offered": True,
            }
            if row is None:
                save.add(LabTest, code=test.code, **wanted)
            elif any(getattr(row, name) != value for name, value in wanted.items()):
                save.edit(row, wanted)
            else:
                continue
            changed += 1
        for row in present.values():
            if row.offered:
                save.edit(row, {"offered": False})
                changed += 1
    return changed


def order_tests(
    *,
    by: Author,
    patient: Patient,
    facility: Facility,
    tests: Sequence[str],
    visit: Visit | None = None,
    urgent: bool = False,
    note: str = "",
    save_id: UUID | None = None,
) -> list[LabOrder]:
    """Ask for tests, by their codes; one order each."""
    _check(by, policy.check_order, facility.pk)
    codes = list(dict.fromkeys(tests))
    with answering():
        policy.check_tests(codes)
    known = tests_named(codes)
    if len(known) != len(codes):
        sentence = _("There is no such test.")
        raise Problem("unknown-test", sentence, fields={"tests": sentence})
    if visit is not None and visit.patient_id != patient.pk:
        sentence = _("This belongs to another person or program.")
        raise Problem("wrong-visit", sentence, fields={"visit": sentence})
    _check_text("note", note, LONGEST_NOTE)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            now = current_node().now()
            for code in codes:
                save.add(
                    LabOrder,
                    patient=patient,
                    visit=visit,
                    facility=facility,
                    test=known[code],
                    urgent=urgent,
                    note=note.strip(),
                    ordered_at=now,
                )
        ids = [save.id_of(place) for place in range(len(codes))]
    made = LabOrder.objects.select_related("test", "patient").in_bulk(ids)
    return [made[pk] for pk in ids if pk in made]


def _check_text(name: str, text: str, limit: int) -> None:
    if "\0" in text:
        unfit = _("The text holds a character that cannot be kept.")
        raise Problem("nul-character", unfit, fields={name: unfit})
    if len(text.strip()) > limit:
        sentence = _("This is longer than %(limit)s characters.") % {"limit": limit}
        raise Problem("too-long", sentence, fields={name: sentence})


def take_specimen(*, by: Author, order: LabOrder, save_id: UUID | None = None) -> OrderState:
    """The specimen is taken."""
    _check(by, policy.check_report, order.facility_id)
    return _step(by, order, StepKind.TAKEN, policy.check_waits, save_id)


def cancel_order(*, by: Author, order: LabOrder, reason: str = "", save_id: UUID | None = None) -> OrderState:
    """The test is not done after all."""
    _check(by, policy.check_order, order.facility_id)
    _check_text("reason", reason, LONGEST_REASON)
    return _step(by, order, StepKind.CANCELLED, policy.check_waits, save_id, reason.strip())


def acknowledge(*, by: Author, order: LabOrder, results: str = "", save_id: UUID | None = None) -> OrderState:
    """A provider has seen the result; `results` is the digest of what they were shown. The step says which
    results it is about: one that changes or comes later is to be seen again, wherever it was written.
    """
    _check(by, policy.check_order, order.facility_id)
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            present = _present(order)
            with answering():
                policy.check_has_result(present.state)
            if results and results != present.digest:
                raise Problem("result-changed", _("The result changed. Look at it again."), status=409)
            if present.state is not OrderState.SEEN:
                _add_step(save, order, StepKind.SEEN, present.digest)
    return _present(order).state


def _step(
    by: Author,
    order: LabOrder,
    kind: StepKind,
    check: Callable[[OrderState], None],
    save_id: UUID | None,
    reason: str = "",
) -> OrderState:
    """Add a step, unless it is there already."""
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            with answering():
                check(_present(order).state)
            if not LabOrderStep.objects.living().filter(order=order, kind=kind.value).exists():
                _add_step(save, order, kind, reason)
    return _present(order).state


def _present(order: LabOrder) -> ToldOrder:
    found = order_of(order.pk)
    if found is None:
        raise Problem("not-found", _("There is no such record here."), status=404)
    return found


def _add_step(save: Save, order: LabOrder, kind: StepKind, reason: str) -> None:
    save.add(
        LabOrderStep,
        order=order,
        patient_id=order.patient_id,
        kind=kind.value,
        reason=reason,
        at=current_node().now(),
        by=save.by.staff_id,
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One result as somebody typed it."""

    order: LabOrder
    value: str
    comment: str = ""


def report_result(
    *, by: Author, order: LabOrder, value: str, comment: str = "", save_id: UUID | None = None
) -> LabResult:
    """Enter what a test showed. An order that has a result keeps it: a second entry is refused."""
    made = report_results(by=by, entries=[Entry(order, value, comment)], save_id=save_id)
    if not made:
        with answering():
            policy.check_waits(_present(order).state)
        raise Problem("save-id-used", _("This save id was used for something else."), status=409)
    return made[0]


def report_results(*, by: Author, entries: Sequence[Entry], save_id: UUID | None = None) -> list[LabResult]:
    """Enter several results in one save. An order that got its result or was cancelled meanwhile is passed
    over.
    """
    for entry in entries:
        _check(by, policy.check_report, entry.order.facility_id)
    judged = [(entry.order, judged_result(entry)) for entry in entries]
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            standing = {told.order.pk: told.state for told in told_of([entry.order for entry in entries])}
            now = current_node().now()
            for order, columns in judged:
                if standing[order.pk] in policy.WAITING:
                    save.add(LabResult, order=order, patient_id=order.patient_id, reported_at=now, **columns)
        ids = [save.id_of(place) for place in range(len(entries))]
    return list(LabResult.objects.filter(pk__in=ids).order_by("made_stamp", "id"))


def correct_result(
    *,
    by: Author,
    result: LabResult,
    value: str,
    comment: str = "",
    seen: str | None = None,
    save_id: UUID | None = None,
) -> Outcome:
    """Correct a result. Whoever had seen it must see it again."""
    _check(by, policy.check_report, result.order.facility_id)
    told = judged_result(Entry(result.order, value, comment))
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            return first_outcome(result, save.save_id)
        present = LabResult.objects.select_for_update().get(pk=result.pk)
        outcome = save.edit(present, told, seen=None if seen == present.version else seen)
        if told["value"] != present.value:
            for step in LabOrderStep.objects.living().filter(order=result.order, kind=StepKind.SEEN.value):
                save.remove(step)
        return outcome


def judged_result(entry: Entry) -> dict[str, str]:
    """The columns of a result: cleaned, and judged for this person as they are today. Refuses what cannot be
    one.
    """
    _check_text("comment", entry.comment, LONGEST_COMMENT)
    test, patient = entry.order.test.told, entry.order.patient
    with answering():
        clean = clean_result(test, entry.value)
    about: dict[str, Any] = {"sex": patient.sex, "age": age_of(patient)}
    return {
        "value": clean,
        "comment": entry.comment.strip(),
        "flag": judge(test, clean, **about).value,
        "reference": reference_text(test, **about),
    }
