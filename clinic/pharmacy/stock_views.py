"""Pages of the stock: the list, one medicine with its lots and movements, receive, adjust; central's list.

Lives here: those pages. A refusal comes back beside the field with everything that was typed. Not here:
counting (`count_views.py`), handing out (`views.py`), what is written (`stockkeeping.py`, `medicines.py`).
Read next: `tests/clinic/pharmacy/test_stock_pages.py`.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.pharmacy import policy, shapes, wording
from clinic.pharmacy.fefo import LotName
from clinic.pharmacy.forms import AdjustForm, ReceiveForm, add_problem
from clinic.pharmacy.medicines import (
    MAX_BYTES,
    MedicineList,
    import_medicines,
    problems_in_words,
    read_again,
    read_list,
)
from clinic.pharmacy.models import Medicine
from clinic.pharmacy.search import medicines_in_use, search_medicines
from clinic.pharmacy.stock import SHOWN, held, movements_of, stock_of
from clinic.pharmacy.stockkeeping import adjust, receive
from clinic.pharmacy.views import medicine_named
from clinic.visits.pages import place_of_work
from registry.answers import answering
from registry.people.views import posted_save_id
from registry.places.models import Facility
from registry.staff.selectors import author_of, authority_in
from sync.problems import Problem

MOST_WRONG_SHOWN: Final = 50


def place_of_stock(request: HttpRequest, *, keeping: bool = True) -> Facility:
    """Where the person works, if they may look after (or look at) its stock."""
    who = authority_in(request)
    facility = place_of_work(who)
    with answering():
        (policy.check_keep_stock if keeping else policy.check_see_stock)(who, [facility.pk])
    return facility


def _lot_in(request: HttpRequest) -> LotName:
    """The lot of an address; two of them may differ only in the date."""
    text = request.GET.get("expires", "")
    try:
        return LotName(request.GET.get("lot", ""), date.fromisoformat(text) if text else None)
    except ValueError:
        raise Http404 from None


@require_safe
@login_required
def stock(request: HttpRequest) -> HttpResponse:
    """What there is, what is low, what expires soon, what needs a count."""
    facility = place_of_stock(request, keeping=False)
    q, only = request.GET.get("q", "").strip(), request.GET.get("only", "")
    everything = stock_of(facility)
    shown = stock_of(facility, q) if q else everything
    keep = SHOWN.get(only)
    context = {
        "q": q,
        "only": only if keep else "",
        "counts": {name: sum(map(test, everything)) for name, test in SHOWN.items()}
        | {"all": len(everything)},
        "rows": [shapes.held(one) for one in shown if keep is None or keep(one)],
        "may_keep": policy.can_keep_stock(authority_in(request), [facility.pk]),
        "place": facility.name,
    }
    fragment = bool(getattr(request, "htmx", False))
    return render(request, "pharmacy/_stock_rows.html" if fragment else "pharmacy/stock.html", context)


@require_safe
@login_required
def stock_medicine(request: HttpRequest, medicine_id: UUID) -> HttpResponse:
    """One medicine: its lots, and everything that happened to them."""
    facility, medicine = place_of_stock(request, keeping=False), medicine_named(str(medicine_id))
    lot = _lot_in(request) if "lot" in request.GET else None
    context = {
        "medicine": shapes.medicine(medicine),
        "held": shapes.held(held(facility, medicine)),
        "lot": wording.lot_text(lot) if lot else "",
        "movements": shapes.movements(movements_of(facility, medicine, lot), medicine.unit),
        "may_keep": policy.can_keep_stock(authority_in(request), [facility.pk]),
    }
    return render(request, "pharmacy/stock_medicine.html", context)


@require_safe
@login_required
def receive_choose(request: HttpRequest) -> HttpResponse:
    """Which medicine came?"""
    place_of_stock(request)
    q = request.GET.get("q", "").strip()
    found = search_medicines(q) if q else medicines_in_use()
    context = {"q": q, "medicines": [shapes.medicine(one) for one in found]}
    fragment = bool(getattr(request, "htmx", False))
    return render(
        request, "pharmacy/_receive_rows.html" if fragment else "pharmacy/receive_choose.html", context
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def stock_receive(request: HttpRequest, medicine_id: UUID) -> HttpResponse:
    """One lot that came."""
    facility, medicine = place_of_stock(request), medicine_named(str(medicine_id))
    form = ReceiveForm(request.POST or None, facility=facility)
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        origin = _facility(said.pop("origin"))
        try:
            receive(
                by=author_of(request),
                facility=facility,
                medicine=medicine,
                origin=origin,
                save_id=posted_save_id(request.POST),
                **said,
            )
        except Problem as problem:
            add_problem(form, problem)
        else:
            amount = wording.amount(said["quantity"], medicine.unit)
            told = _("Received: %(amount)s. Saved on the clinic laptop.") % {"amount": amount}
            messages.success(request, told)
            return redirect("stock-medicine", medicine.pk)
    context = {"medicine": shapes.medicine(medicine), "form": form, "unit": medicine.get_unit_display()}
    return render(request, "pharmacy/receive.html", context, status=422 if form.is_bound else 200)


def _facility(text: str) -> Facility | None:
    return Facility.objects.living().filter(pk=UUID(text)).first() if text else None


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def stock_adjust(request: HttpRequest, medicine_id: UUID) -> HttpResponse:
    """What happened to a lot."""
    facility, medicine, lot = place_of_stock(request), medicine_named(str(medicine_id)), _lot_in(request)
    form = AdjustForm(request.POST or None, facility=facility)
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        to = _facility(said.pop("to"))
        try:
            adjust(
                by=author_of(request),
                facility=facility,
                medicine=medicine,
                lot=lot,
                to=to,
                save_id=posted_save_id(request.POST),
                **said,
            )
        except Problem as problem:
            add_problem(form, problem)
        else:
            messages.success(request, _("The stock is corrected. Saved on the clinic laptop."))
            return redirect("stock-medicine", medicine.pk)
    one = held(facility, medicine)
    left = next((one.balance for one in one.lots if one.name == lot), 0)
    context = {
        "medicine": shapes.medicine(medicine),
        "lot": wording.lot_text(lot),
        "left": wording.amount(left, medicine.unit),
        "unit": medicine.get_unit_display(),
        "form": form,
    }
    return render(request, "pharmacy/adjust.html", context, status=422 if form.is_bound else 200)


# --- central's list ---------------------------------------------------------------------------------------


@require_safe
@login_required
def medicines(request: HttpRequest) -> HttpResponse:
    """The list of medicines, as every clinic gets it."""
    with answering():
        policy.check_list_medicines(authority_in(request))
    listed = Medicine.objects.living().order_by("-active", "name", "strength", "id")
    return render(request, "pharmacy/medicines.html", {"medicines": list(listed)})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def medicines_import(request: HttpRequest) -> HttpResponse:
    """A file is read and shown row by row; only then is it taken over."""
    with answering():
        policy.check_list_medicines(authority_in(request))
    context: dict[str, Any] = {"problem": ""}
    if request.method == "POST":
        try:
            if "rows" in request.POST:
                counts = import_medicines(
                    by=author_of(request),
                    listed=read_again(request.POST["rows"]),
                    save_id=posted_save_id(request.POST),
                )
                told = _("Taken over: %(new)d new, %(changed)d changed.") % counts
                messages.success(request, told)
                return redirect("medicines")
            context |= _preview(_uploaded(request))
        except Problem as problem:
            context["problem"] = problem.title
    status = 422 if context["problem"] else 200
    return render(request, "pharmacy/medicines_import.html", context, status=status)


def _uploaded(request: HttpRequest) -> MedicineList:
    file = request.FILES.get("file")
    if file is None or isinstance(file, list):
        sentence = _("Choose a file.")
        raise Problem("no-file", sentence, fields={"file": sentence})
    return read_list(content=file.read(MAX_BYTES + 1), name=str(file.name))


def _preview(listed: MedicineList) -> dict[str, Any]:
    return {
        "counts": listed.counts(),
        "wrong": problems_in_words(listed.wrong)[:MOST_WRONG_SHOWN],
        "rows": [row for row in listed.rows if row.does in ("new", "changed")],
        "kept": "" if listed.wrong else listed.kept(),
    }
