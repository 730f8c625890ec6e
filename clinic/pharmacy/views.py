"""Pages about a person's medicines: prescribe, hand out, labels, who waits at the pharmacy.

Lives here: those pages. Every tap on *Add* is saved at once, so no list can be lost before somebody
finishes it. A refusal comes back beside the field with everything that was typed. Not here: allergies
(`allergy_views.py`), stock (`stock_views.py`), the panels of a visit (`panels.py`). Read next:
`tests/clinic/pharmacy/test_pages.py`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.pharmacy import policy, shapes, wording
from clinic.pharmacy.cautions import is_duplicate
from clinic.pharmacy.dispense_form import DispenseForm, offers_for
from clinic.pharmacy.dispensing import dispense as hand_out
from clinic.pharmacy.dispensing import take_back
from clinic.pharmacy.doses import quantity_for
from clinic.pharmacy.forms import PrescribeForm, ReasonForm, add_problem
from clinic.pharmacy.models import (
    DispensedItem,
    Dispensing,
    Medicine,
    Prescription,
    PrescriptionLine,
)
from clinic.pharmacy.prescribing import (
    Wanted,
    add_to_visit,
    cancel_line,
    end_line,
)
from clinic.pharmacy.search import medicines_in_use, search_medicines, usual_medicines
from clinic.pharmacy.selectors import (
    ToldLine,
    cautions_for,
    prescriptions_in,
    tell,
)
from clinic.pharmacy.stock import lots_at
from clinic.visits.live_parts import list_digest, patient_note
from clinic.visits.pages import place_of_work, shown_visit
from clinic.visits.shapes import alerts_of
from registry.answers import answering
from registry.drafts import continued, finished, offered
from registry.people.selectors import person
from registry.people.views import posted_save_id, shown_patient
from registry.places.models import Facility
from registry.staff.selectors import author_of, authority_in
from sync.ledger.selectors import was_saved
from sync.problems import Problem
from sync.records import SyncedModel


def medicine_named(text: str) -> Medicine:
    """The medicine of an address."""
    try:
        found: Medicine | None = Medicine.objects.living().filter(pk=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404
    return found


def of_patient(request: HttpRequest, model: type[SyncedModel], row_id: UUID) -> Any:
    """A record of somebody whom the asker may see."""
    row: Any = model.objects.living().filter(pk=row_id).first()
    if row is None:
        raise Http404
    row.patient = shown_patient(request, row.patient_id)
    return row


# --- prescribing ------------------------------------------------------------------------------------------


@require_safe
@login_required
def prescribe(request: HttpRequest, visit_id: UUID) -> HttpResponse:
    """Choose a medicine: what is usual here, or by name. Below it what is written already."""
    visit = shown_visit(request, visit_id)
    _check(request, policy.check_prescribe, visit.facility)
    q = request.GET.get("q", "").strip()
    found = search_medicines(q) if q else usual_medicines(visit.facility)
    context = {
        "visit": {"id": visit.pk},
        "person": person(visit.patient),
        "alerts": alerts_of(visit.patient),
        "q": q,
        "live": patient_note(request, visit.patient),
        "medicines": _choices(found, visit.facility),
        "prescriptions": shapes.prescriptions(prescriptions_in(visit)),
    }
    fragment = bool(getattr(request, "htmx", False))
    return render(request, "pharmacy/_choices.html" if fragment else "pharmacy/prescribe.html", context)


def _choices(found: list[Medicine], facility: Facility) -> list[dict[str, Any]]:
    there = lots_at(facility, [medicine.pk for medicine in found])
    return [shapes.medicine(one) | {"in_stock": bool(there.get(one.pk))} for one in found]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def prescribe_medicine(request: HttpRequest, visit_id: UUID, medicine_id: UUID) -> HttpResponse:
    """How much of it, how often, how long. What speaks against it stands above."""
    visit, medicine = shown_visit(request, visit_id), medicine_named(str(medicine_id))
    _check(request, policy.check_prescribe, visit.facility)
    cautions = cautions_for(visit.patient, medicine)
    begun = continued(request) if request.method == "POST" else None
    typed = begun.posted if begun else request.POST
    key = posted_save_id(typed)
    # What a first tap has saved is no reason to stop the second one.
    form = PrescribeForm(typed or None, medicine=medicine, cautions=[] if was_saved(key) else cautions)
    if begun:
        form.errors.clear()  # nobody has tapped Save: nothing is wrong yet
    elif request.method == "POST" and form.is_valid():
        try:
            line = add_to_visit(
                by=author_of(request),
                visit=visit,
                wanted=form.wanted(),
                save_id=key,
            )
        except Problem as problem:
            add_problem(form, problem)
        else:
            finished(request)
            said = _("Prescribed: %(medicine)s. Saved on the clinic laptop.")
            messages.success(request, said % {"medicine": wording.medicine_text(line.medicine)})
            return redirect("prescribe", visit.pk)
    context = {
        "visit": {"id": visit.pk},
        "person": person(visit.patient),
        "alerts": alerts_of(visit.patient),
        "medicine": shapes.medicine(medicine),
        "live": patient_note(request, visit.patient),
        "cautions": [wording.caution_text(one) for one in cautions],
        "marks": " ".join(one.mark for one in cautions),
        "form": form,
        "comes_to": _comes_to(form.wanted()) if form.is_bound else "",
        "save_id": begun.save_id if begun else "",
        "draft": None if request.method == "POST" else offered(request),
    }
    return render(request, "pharmacy/prescribe_medicine.html", context, status=422 if form.errors else 200)


@require_safe
@login_required
def comes_to(request: HttpRequest, medicine_id: UUID) -> HttpResponse:
    """The quantity that the answers come to so far: a piece of the page."""
    form = PrescribeForm(request.GET, medicine=medicine_named(str(medicine_id)))
    form.is_valid()
    return render(request, "pharmacy/_comes_to.html", {"comes_to": _comes_to(form.wanted())})


def _comes_to(wanted: Wanted) -> str:
    if not wanted.frequency or wanted.days < 1:
        return ""
    medicine = wanted.medicine
    n = quantity_for(wanted.dose, wanted.frequency, wanted.days, medicine.unit, medicine.pack_size)
    return "" if n is None else wording.amount(n, medicine.unit)


@require_POST
@login_required
def cancel(request: HttpRequest, line_id: UUID) -> HttpResponse:
    """Take a line back."""
    line: PrescriptionLine = of_patient(request, PrescriptionLine, line_id)
    cancel_line(by=author_of(request), line=line, save_id=posted_save_id(request.POST))
    messages.success(request, _("Cancelled. Saved on the clinic laptop."))
    visit_id = line.prescription.visit_id
    return redirect("prescribe", visit_id) if visit_id else redirect("patient", line.patient_id)


# --- handing out ------------------------------------------------------------------------------------------


@require_safe
@login_required
def waiting(request: HttpRequest) -> HttpResponse:
    """Prescriptions that wait: of those who are here, then the others."""
    facility = place_of_work(authority_in(request))
    _check(request, policy.check_dispense, facility)
    context = shapes.waiting(facility)
    if getattr(request, "htmx", False):
        return render(request, "pharmacy/_waiting_list.html", context)
    context |= {"digest": list_digest("pharmacy", facility)}
    return render(request, "pharmacy/waiting.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def dispense(request: HttpRequest, prescription_id: UUID) -> HttpResponse:
    """Hand out: for each line the lots that expire first are filled in; any number may be smaller."""
    prescription: Prescription = of_patient(request, Prescription, prescription_id)
    facility = place_of_work(authority_in(request))
    _check(request, policy.check_dispense, facility)
    told = tell([prescription])[0]
    chosen = {
        name.removeprefix("instead-"): medicine_named(str(value))
        for name, value in request.GET.items()
        if name.startswith("instead-") and value
    }
    key = posted_save_id(request.POST)
    form = DispenseForm(request.POST or None, offers=offers_for(told.lines, facility, chosen))
    again = was_saved(key)  # a second tap: the lines may be closed by the first
    if request.method == "POST" and (again or form.is_valid()):
        try:
            done = hand_out(
                by=author_of(request),
                prescription=prescription,
                facility=facility,
                items=[] if again else form.items(),
                save_id=key,
            )
        except Problem as problem:
            form.add_problem(problem)
        else:
            messages.success(request, _("Handed out. Saved on the clinic laptop."))
            return redirect("dispensing", done.pk)
    context = {
        "prescription": shapes.prescription(told),
        "person": person(prescription.patient),
        "alerts": alerts_of(prescription.patient),
        "form": form,
        "rows": [_row(row, facility, form) for row in form.rows()],
        "live": patient_note(request, prescription.patient),
        "visit_id": prescription.visit_id,
    }
    return render(request, "pharmacy/dispense.html", context, status=422 if form.is_bound else 200)


def _row(row: dict[str, Any], facility: Facility, form: DispenseForm) -> dict[str, Any]:
    offer = row["offer"]
    return row | {
        "line": shapes.line(offer.told),
        "instead": shapes.medicine(offer.instead) if offer.instead else None,
        "others": _others(offer.told, facility),
    }


def _others(told: ToldLine, facility: Facility) -> list[dict[str, Any]]:
    """What treats the same way and is in stock."""
    wanted = told.line.medicine
    alike = [
        one
        for one in medicines_in_use()
        if one.pk != wanted.pk and is_duplicate(wanted.substance, one.substance)
    ]
    there = lots_at(facility, [one.pk for one in alike])
    return [shapes.medicine(one) for one in alike if there.get(one.pk)]


@require_POST
@login_required
def end(request: HttpRequest, line_id: UUID) -> HttpResponse:
    """Nothing more of a line will be handed out."""
    line: PrescriptionLine = of_patient(request, PrescriptionLine, line_id)
    end_line(
        by=author_of(request),
        line=line,
        reason=request.POST.get("reason", ""),
        save_id=posted_save_id(request.POST),
    )
    messages.success(request, _("Written down. Nothing more waits for this medicine."))
    return redirect("dispense", line.prescription_id)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def dispensing(request: HttpRequest, dispensing_id: UUID) -> HttpResponse:
    """What was handed out: labels to print, and taking back what was a mistake."""
    row: Dispensing = of_patient(request, Dispensing, dispensing_id)
    if request.method == "POST":
        _check(request, policy.check_dispense, row.facility)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        item: DispensedItem = of_patient(request, DispensedItem, _uuid(request.POST.get("item", "")))
        take_back(
            by=author_of(request),
            item=item,
            reason=form.cleaned_data["reason"],
            save_id=posted_save_id(request.POST),
        )
        messages.success(request, _("Taken back. It is in stock again."))
        return redirect("dispensing", row.pk)
    items = list(row.items.living().select_related("medicine", "dispensing"))
    context = {
        "dispensing": {"id": row.pk, "at": row.at, "by": shapes.names([row.by])(row.by)},
        "person": person(row.patient),
        "alerts": alerts_of(row.patient),
        "items": [shapes.item(one) for one in items],
        "form": form,
        "visit_id": row.prescription.visit_id,
        "prescription_id": row.prescription_id if tell([row.prescription])[0].is_open else None,
    }
    return render(request, "pharmacy/dispensing.html", context, status=422 if form.is_bound else 200)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


@require_safe
@login_required
def labels(request: HttpRequest, dispensing_id: UUID) -> HttpResponse:
    """Labels for the bags, in the language of whoever takes the medicine."""
    row: Dispensing = of_patient(request, Dispensing, dispensing_id)
    facility = Facility.objects.filter(pk=row.facility_id).first()
    asked = request.GET.get("language", "")
    language = asked if asked in dict(settings.LANGUAGES) else get_language()
    items = row.items.living().select_related("medicine", "line__medicine")
    context: dict[str, Any] = {
        "dispensing": {"id": row.pk, "at": row.at},
        "person": person(row.patient),
        "place": facility.name if facility else "",
    }
    with override(language):
        context["labels"] = [shapes.label(one) for one in items if one.quantity > 0]
        return render(request, "pharmacy/labels.html", context)


def _check(request: HttpRequest, check: Any, facility: Facility) -> None:
    with answering():
        check(authority_in(request), [facility.pk])
