"""Pages of the laboratory.

Lives here: ordering tests on a visit, the bench's list, entering and correcting results, having seen one. Not
here: what they print (`shapes.py`), writing (`services.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.lab.models import LabResult
from clinic.lab.policy import OrderState, can_order, can_report, can_see_bench
from clinic.lab.selectors import ToldOrder, age_of, bench, order_of
from clinic.lab.services import (
    Entry,
    acknowledge,
    cancel_order,
    correct_result,
    judged_result,
    order_tests,
    report_results,
    take_specimen,
)
from clinic.lab.shapes import BENCHES, input_shape, order_shape, test_groups
from clinic.visits.live_parts import list_digest, patient_note
from clinic.visits.pages import place_of_work, shown_visit
from clinic.visits.shapes import alerts_of, visit_shape
from registry.drafts import continued, finished, offered
from registry.people.selectors import person
from registry.people.views import posted_save_id, shown_patient
from registry.staff.selectors import author_of, authority_in
from sync.ledger.selectors import was_saved
from sync.problems import Problem

LONGEST_SHOWN: Final = 80


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def order(request: HttpRequest, visit_id: UUID) -> HttpResponse:
    """Choose tests for the patient of a visit."""
    visit = shown_visit(request, visit_id)
    if not can_order(authority_in(request), [visit.facility_id]):
        raise PermissionDenied
    problem: Problem | None = None
    begun = continued(request) if request.method == "POST" else None
    if request.method == "POST" and begun is None:
        try:
            made = order_tests(
                by=author_of(request),
                patient=visit.patient,
                facility=visit.facility,
                tests=request.POST.getlist("tests"),
                visit=visit,
                urgent="urgent" in request.POST,
                note=request.POST.get("note", ""),
                save_id=posted_save_id(request.POST),
            )
        except Problem as refused:
            if not refused.fields:
                raise
            problem = refused
        else:
            finished(request)
            said = ngettext(
                "%(n)d test ordered. Saved on the clinic laptop.",
                "%(n)d tests ordered. Saved on the clinic laptop.",
                len(made),
            )
            messages.success(request, said % {"n": len(made)})
            return redirect("visit", visit.pk)
    typed = begun.posted if begun else request.POST
    context = {
        "visit": visit_shape(visit),
        "person": person(visit.patient),
        "alerts": alerts_of(visit.patient),
        "groups": test_groups(),
        "chosen": typed.getlist("tests"),
        "note": typed.get("note", ""),
        "urgent": "urgent" in typed,
        "save_id": begun.save_id if begun else "",
        "draft": None if request.method == "POST" else offered(request),
        "problems": _problems(problem.fields if problem else {}, {}),
        "errors": problem.fields if problem else {},
    }
    return render(request, "lab/order.html", context, status=422 if problem else 200)


def _problems(errors: Mapping[str, Any], targets: Mapping[str, str]) -> list[dict[str, str]]:
    """For the summary at the top: each with the control that it leads to."""
    return [{"target": targets.get(name, name), "message": str(text)} for name, text in errors.items()]


@require_safe
@login_required
def the_bench(request: HttpRequest) -> HttpResponse:
    """What waits in the laboratory."""
    who = authority_in(request)
    if not can_see_bench(who):
        raise PermissionDenied
    facility = place_of_work(who)
    name, bench_list = BENCHES[can_report(who, [facility.pk])]
    context = dict(bench_list.context(facility))
    if getattr(request, "htmx", False):
        return render(request, bench_list.template, context)
    context |= {"part": name, "digest": list_digest(name, facility)}
    return render(request, "lab/bench.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def results(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Enter results: everything that waits for a patient, on one page. What is left empty goes on waiting."""
    patient = shown_patient(request, patient_id)
    facility = place_of_work(authority_in(request))
    if not can_report(authority_in(request), [facility.pk]):
        raise PermissionDenied
    waiting = [told for told in bench(facility) if told.order.patient_id == patient.pk]
    errors: dict[str, str] = {}
    begun = continued(request) if request.method == "POST" else None
    if request.method == "POST" and begun is None:
        saved, errors = _enter(request, patient.pk, waiting)
        if saved:
            said = ngettext(
                "%(n)d result entered. Saved on the clinic laptop.",
                "%(n)d results entered. Saved on the clinic laptop.",
                saved,
            )
            messages.success(request, said % {"n": saved})
        elif not errors:
            messages.warning(request, _("Nothing is filled in yet."))
        if saved and not errors:
            finished(request)
            return redirect("lab")
        waiting = [told for told in bench(facility) if told.order.patient_id == patient.pk]
    age, typed = age_of(patient), begun.posted if begun else request.POST
    context = {
        "person": person(patient),
        "alerts": alerts_of(patient),
        "rows": [_entry(told, age, typed, errors) for told in waiting],
        "live": patient_note(request, patient),
        "problems": [{"target": name, "message": text} for name, text in errors.items()],
        "save_id": begun.save_id if begun else "",
        "draft": None if request.method == "POST" else offered(request),
    }
    return render(request, "lab/results.html", context, status=422 if errors else 200)


def _entry(told: ToldOrder, age: float | None, posted: QueryDict, errors: dict[str, str]) -> dict[str, Any]:
    key = told.order.pk
    return order_shape(told) | {
        "input": input_shape(told.order.test, told.order.patient, age),
        "value": posted.get(f"value-{key}", ""),
        "comment": posted.get(f"comment-{key}", ""),
        "error": errors.get(f"value-{key}", ""),
        "comment_error": errors.get(f"comment-{key}", ""),
    }


def _enter(request: HttpRequest, patient_id: UUID, waiting: list[ToldOrder]) -> tuple[int, dict[str, str]]:
    """Save what is right, and say what is wrong with the rest: a slip keeps none of the others back."""
    save_id = posted_save_id(request.POST)
    errors = _too_late(request.POST, patient_id, waiting)
    if was_saved(save_id):  # a second tap: what waits no longer is what the first one saved
        return len(errors), {}
    good = []
    for told in waiting:
        key = told.order.pk
        typed = request.POST.get(f"value-{key}", "").strip()
        comment = request.POST.get(f"comment-{key}", "")
        if not typed and not comment.strip():
            continue
        entry = Entry(told.order, typed, comment)
        try:
            judged_result(entry)
        except Problem as refused:
            for name, sentence in refused.fields.items():
                errors[f"{name}-{key}"] = f"{told.name}: {sentence}"
        else:
            good.append(entry)
    if not good:
        return 0, errors
    made = report_results(by=author_of(request), entries=good, save_id=save_id)
    if len(made) < len(good):  # a colleague was faster by a moment
        errors |= _too_late(request.POST, patient_id, [])
        errors = {name: text for name, text in errors.items() if not _is_among(name, made)}
    return len(made), errors


def _is_among(name: str, made: list[LabResult]) -> bool:
    return name in {f"value-{row.order_id}" for row in made}


def _too_late(posted: QueryDict, patient_id: UUID, waiting: list[ToldOrder]) -> dict[str, str]:
    """What was typed for an order that waits no longer is said, never dropped in silence."""
    late: dict[str, str] = {}
    open_now = {f"value-{told.order.pk}" for told in waiting}
    for name in posted:
        typed = posted.get(name, "").strip()
        if not name.startswith("value-") or name in open_now or not typed:
            continue
        told = order_of(_uuid(name.removeprefix("value-")))
        if told is None or told.order.patient_id != patient_id:
            continue
        if told.state is OrderState.CANCELLED:
            sentence = _("%(test)s: This order was cancelled. %(value)s was not saved.")
        elif told.results:
            sentence = _("%(test)s: This order has a result already. %(value)s was not saved.")
        else:
            continue
        late[name] = sentence % {"test": told.name, "value": typed[:LONGEST_SHOWN]}
    return late


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


@require_POST
@login_required
def step(request: HttpRequest, order_id: UUID, deed: str) -> HttpResponse:
    """The specimen is taken; the order is not needed; the result is seen."""
    told = _shown(request, order_id)
    by, save_id = author_of(request), posted_save_id(request.POST)
    try:
        if deed == "taken":
            take_specimen(by=by, order=told.order, save_id=save_id)
        elif deed == "cancel":
            reason = request.POST.get("reason", "")
            cancel_order(by=by, order=told.order, reason=reason, save_id=save_id)
        else:
            shown = request.POST.get("results", "")
            acknowledge(by=by, order=told.order, results=shown, save_id=save_id)
    except Problem as problem:
        if problem.status != 409:
            raise
        messages.error(request, str(problem.title))
    else:
        messages.success(request, _("Saved on the clinic laptop."))
    if deed == "taken":
        return redirect("lab-results", told.order.patient_id)
    if told.order.visit_id:
        return redirect("visit", told.order.visit_id)
    return redirect("patient", told.order.patient_id)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def correct(request: HttpRequest, result_id: UUID) -> HttpResponse:
    """Correct a result that was entered wrongly."""
    row: LabResult | None = LabResult.objects.living().filter(pk=result_id).first()
    if row is None:
        raise Http404
    told = _shown(request, row.order_id)
    if not can_report(authority_in(request), [told.order.facility_id]):
        raise PermissionDenied
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            outcome = correct_result(
                by=author_of(request),
                result=row,
                value=request.POST.get("value-result", ""),
                comment=request.POST.get("comment", ""),
                seen=request.POST.get("version") or None,
                save_id=posted_save_id(request.POST),
            )
        except Problem as refused:
            if not refused.fields:
                raise
            errors = {name: str(sentence) for name, sentence in refused.fields.items()}
        else:
            if outcome == "conflicted":
                messages.warning(
                    request,
                    _("Saved. A colleague wrote something else: both are kept until somebody decides."),
                )
            else:
                messages.success(request, _("Saved on the clinic laptop."))
            return redirect("patient", told.order.patient_id)
    context = {
        "person": person(told.order.patient),
        "alerts": alerts_of(told.order.patient),
        "order": order_shape(told),
        "input": input_shape(told.order.test, told.order.patient, age_of(told.order.patient)),
        "value": request.POST.get("value-result", row.value),
        "comment": request.POST.get("comment", row.comment),
        "version": request.POST.get("version", row.version),
        "error": errors.get("value", ""),
        "comment_error": errors.get("comment", ""),
        "problems": _problems(errors, {"value": "value-result"}),
    }
    return render(request, "lab/correct.html", context, status=422 if errors else 200)


def _shown(request: HttpRequest, order_id: UUID) -> ToldOrder:
    """The order, if whoever asks may see its patient."""
    told = order_of(order_id)
    if told is None:
        raise Http404
    shown_patient(request, told.order.patient_id)
    return told
