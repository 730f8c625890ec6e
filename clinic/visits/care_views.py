"""Pages of care that goes on: the working lists, one enrollment with its schedule, adding to a program.

Lives here: the requests. Every writing form carries a save id. Not here: writing (`following.py`), the shapes
(`care_shapes.py`), filling in a stage (`stage_page.py`).
Read next: `tests/clinic/visits/test_care_pages.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import current_version, definition_of, stage_of
from clinic.visits import following
from clinic.visits.care_shapes import card_context, enrollment_context, worklist_context
from clinic.visits.entry_page import EntryPage
from clinic.visits.history import told_fields
from clinic.visits.live_parts import list_digest
from clinic.visits.models import Enrollment, Visit
from clinic.visits.pages import place_of_work
from clinic.visits.planning import Followed, followed
from clinic.visits.policy import check_enrol
from clinic.visits.saving import check_right
from clinic.visits.selectors import facility_of
from clinic.visits.services import open_visit
from clinic.visits.shapes import alerts_of
from clinic.visits.worklists import ListName
from registry.people.models import Patient
from registry.people.selectors import person, today
from registry.people.views import posted_save_id, shown_patient
from registry.staff.models import StaffMember
from registry.staff.selectors import author_of, authority_in
from sync.node import current_node
from sync.problems import Problem


def _day(text: str, field: str) -> date | None:
    """A day as a form posts it; None where it is left empty."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        sentence = _("This is not a date.")
        raise Problem("not-a-date", sentence, fields={field: sentence}) from None


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 1


def shown_enrollment(request: HttpRequest, enrollment_id: UUID) -> tuple[Enrollment, Patient]:
    """The enrollment and its patient, if whoever asks may see them."""
    row: Enrollment | None = Enrollment.objects.living().filter(pk=enrollment_id).first()
    if row is None:
        raise Http404
    row.patient = shown_patient(request, row.patient_id)
    return row, row.patient


def _followed(row: Enrollment) -> Followed:
    """An enrollment with its schedule; a twin is shown as the one that leads."""
    for one in followed([row.patient_id]):
        if row.pk in {one.enrollment.pk, *(twin.pk for twin in one.twins)}:
            return one
    raise Problem("program-missing", _("This program has not arrived here yet."), status=409)


@require_safe
@login_required
def worklist(request: HttpRequest) -> HttpResponse:
    """Who is due, overdue, to be followed up, mine."""
    who = authority_in(request)
    asked = request.GET.get("list", ListName.DUE)
    name = ListName(asked) if asked in set(ListName) else ListName.DUE
    facility = None if current_node().is_central else facility_of(who)
    try:
        program = UUID(request.GET.get("program", ""))
    except ValueError:
        program = None
    page = _number(request.GET.get("page", "1"))
    context = worklist_context(who, facility, name, program, page)
    context["digest"] = list_digest("due", facility) if facility else ""
    return render(request, "visits/worklist.html", context)


@require_safe
@login_required
def enrollment(request: HttpRequest, enrollment_id: UUID) -> HttpResponse:
    """One person in one program: what was done, what is due, what comes."""
    row, patient = shown_enrollment(request, enrollment_id)
    who = authority_in(request)
    context = enrollment_context(_followed(row), patient, who, facility_of(who))
    return render(request, "visits/enrollment.html", context | {"alerts": alerts_of(patient)})


@require_safe
@login_required
def card(request: HttpRequest, enrollment_id: UUID) -> HttpResponse:
    """The same as a card to print and take home."""
    row, patient = shown_enrollment(request, enrollment_id)
    return render(request, "visits/care_card.html", card_context(_followed(row), patient))


@require_POST
@login_required
def enroll(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Follow the patient in a program; what it asks about the person is asked first."""
    patient = shown_patient(request, patient_id)
    page = EntryPage(request, patient, _version(request.POST.get("program", "")))
    if "live" in request.GET:
        return page.live()
    begun = "enrolled_on" in request.POST or "incident_on" in request.POST
    return page.show() if page.asks and not begun else page.save()


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def correct_answers(request: HttpRequest, enrollment_id: UUID) -> HttpResponse:
    """What was answered about the person when they were enrolled."""
    row, patient = shown_enrollment(request, enrollment_id)
    check_right(author_of(request), check_enrol, row.facility_id)
    present = _followed(row).answers
    page = EntryPage(request, patient, row.program_version, row, present)
    if request.method != "POST":
        return page.show()
    return page.live() if "live" in request.GET else page.save()


@require_safe
@login_required
def enrollment_history(request: HttpRequest, enrollment_id: UUID) -> HttpResponse:
    """Every day and every answer about the person that was ever written."""
    row, patient = shown_enrollment(request, enrollment_id)
    return render(request, "people/history.html", {"person": person(patient), "fields": told_fields(row)})


def _version(text: str) -> ProgramVersion:
    try:
        version = current_version(UUID(text))
    except ValueError:
        version = None
    if version is None:
        raise Problem("unknown-program", _("There is no such program."), status=404)
    return version


@require_POST
@login_required
def fill_in(request: HttpRequest, enrollment_id: UUID) -> HttpResponse:
    """To the form of a stage; whoever is on no visit begins one with this tap."""
    row, patient = shown_enrollment(request, enrollment_id)
    stage = stage_of(row.program_version_id, request.POST.get("stage", ""))
    categories = definition_of(row.program_version_id).categories
    opened = open_visit(
        by=author_of(request),
        patient=patient,
        facility=place_of_work(authority_in(request)),
        category=categories[0] if categories else Visit.Category.GENERAL,
        station=stage.station or "provider",
        save_id=posted_save_id(request.POST),
    )
    if opened.created:
        messages.success(request, _("The visit has begun. Saved on the clinic laptop."))
    return redirect("visit-stage", opened.visit.pk, stage.uid)


@require_POST
@login_required
def decide(request: HttpRequest, enrollment_id: UUID) -> HttpResponse:
    """One decision about the enrollment or one of its stages; `do` says which."""
    row, _patient = shown_enrollment(request, enrollment_id)
    act = _DECISIONS.get(request.POST.get("do", ""))
    if act is None:
        raise Problem("unknown-decision", _("There is no such choice."), status=400)
    try:
        messages.success(request, act(request, row))
    except Problem as problem:
        if problem.status not in (400, 409, 422):
            raise
        messages.warning(request, next(iter(problem.fields.values()), problem.title))
    return redirect("enrollment", row.pk)


def _common(request: HttpRequest, row: Enrollment) -> dict[str, Any]:
    return {
        "by": author_of(request),
        "enrollment": row,
        "facility": place_of_work(authority_in(request)),
        "save_id": posted_save_id(request.POST),
    }


def _of_stage(request: HttpRequest) -> dict[str, Any]:
    return {
        "stage": request.POST.get("stage", ""),
        "occurrence": _number(request.POST.get("occurrence", "1")),
    }


def _wanted_day(request: HttpRequest) -> date:
    on = _day(request.POST.get("on", ""), "on")
    if on is None:
        sentence = _("Choose a day.")
        raise Problem("missing-date", sentence, fields={"on": sentence})
    return on


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason_text", "").strip() or request.POST.get("reason", "")


def _move(request: HttpRequest, row: Enrollment) -> str:
    following.plan_stage(on=_wanted_day(request), **_of_stage(request), **_common(request, row))
    return _("The new day is saved.")


def _skip(request: HttpRequest, row: Enrollment) -> str:
    following.skip_stage(reason=_reason(request), **_of_stage(request), **_common(request, row))
    return _("Skipped. The reason is saved.")


def _want(request: HttpRequest, row: Enrollment) -> str:
    following.want_stage(**_of_stage(request), **_common(request, row))
    return _("It is planned again.")


def _complete(request: HttpRequest, row: Enrollment) -> str:
    following.end_enrollment(reason=_reason(request), **_common(request, row))
    return _("The program is completed for this person.")


def _cancel(request: HttpRequest, row: Enrollment) -> str:
    following.end_enrollment(cancelled=True, reason=_reason(request), **_common(request, row))
    return _("The program is cancelled for this person.")


def _reopen(request: HttpRequest, row: Enrollment) -> str:
    following.reopen_enrollment(**_common(request, row))
    return _("The program goes on for this person.")


def _follow_up(request: HttpRequest, row: Enrollment) -> str:
    following.ask_follow_up(on=_wanted_day(request), reason=_reason(request), **_common(request, row))
    return _("Marked for follow-up.")


def _followed_up(request: HttpRequest, row: Enrollment) -> str:
    following.settle_follow_up(patient=row.patient, **_common(request, row))
    return _("The follow-up is done.")


def _assign(request: HttpRequest, row: Enrollment) -> str:
    who = authority_in(request)
    staff_id = who.staff_id if request.POST.get("staff") == "me" else None
    staff = StaffMember.objects.get(pk=staff_id) if staff_id else None
    following.assign(staff=staff, **_common(request, row))
    return (
        _("You look after this person now.") if staff else _("Nobody in particular looks after this person.")
    )


_DECISIONS: dict[str, Callable[[HttpRequest, Enrollment], str]] = {
    "move": _move,
    "skip": _skip,
    "want": _want,
    "complete": _complete,
    "cancel": _cancel,
    "reopen": _reopen,
    "follow-up": _follow_up,
    "followed-up": _followed_up,
    "assign": _assign,
}


@require_POST
@login_required
def correct_days(request: HttpRequest, enrollment_id: UUID) -> HttpResponse:
    """Another day of enrollment, or another day to count from."""
    row, _patient = shown_enrollment(request, enrollment_id)
    check_right(author_of(request), check_enrol, row.facility_id)
    changes = {
        name: _day(request.POST[name], name)
        for name in ("enrolled_on", "incident_on")
        if name in request.POST
    }
    shown = {name: request.POST.get(f"initial-{name}", "") for name in changes}
    touched = {name: on for name, on in changes.items() if (on.isoformat() if on else "") != shown[name]}
    if touched.get("enrolled_on", today()) is None:
        touched.pop("enrolled_on")
    if touched:
        following.edit_enrollment(
            by=author_of(request),
            enrollment=row,
            changes=touched,
            seen=request.POST.get("version") or None,
            save_id=posted_save_id(request.POST),
        )
        messages.success(request, _("Saved on the clinic laptop."))
    return redirect("enrollment", row.pk)


@require_POST
@login_required
def settle(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """A follow-up that belongs to no program is done."""
    patient = shown_patient(request, patient_id)
    following.settle_follow_up(
        by=author_of(request),
        patient=patient,
        enrollment=None,
        facility=place_of_work(authority_in(request)),
        on=_wanted_day(request),
        save_id=posted_save_id(request.POST),
    )
    messages.success(request, _("The follow-up is done."))
    return redirect("patient", patient_id)
