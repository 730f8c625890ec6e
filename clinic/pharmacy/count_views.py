"""Counting the shelf, a part of it at a time.

Lives here: the page, and its form. Going on to another part saves what was counted on this one, so that
nothing is lost on the way. Not here: the parts (`shelves.py`), what is written (`stockkeeping.py`). Read
next: `tests/clinic/pharmacy/test_count_pages.py`.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.pharmacy import shapes, wording
from clinic.pharmacy.fefo import Lot, LotName
from clinic.pharmacy.forms import WholeNumber
from clinic.pharmacy.shelves import Shelf, shelf_at, shelves
from clinic.pharmacy.stock import Held, counted_today, held, is_kept_by_others, stock_of
from clinic.pharmacy.stock_views import place_of_stock
from clinic.pharmacy.stockkeeping import Counted, count
from clinic.pharmacy.views import medicine_named
from registry.people.views import posted_save_id
from registry.places.models import Facility
from registry.staff.selectors import author_of
from sync.problems import Problem

Done = set[tuple[UUID, LotName]]


class CountForm(forms.Form):
    """A number for each lot; an empty one was not counted. Beside each stands what it was shown with."""

    def __init__(self, *args: Any, stock: list[Held], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lots = [(one, lot) for one in stock for lot in one.lots]
        for place, (one, lot) in enumerate(self.lots):
            self.fields[f"counted-{place}"] = WholeNumber(label=wording.lot_text(lot.name), required=False)
            hidden = forms.CharField(required=False, widget=forms.HiddenInput, initial=_key(one, lot.name))
            self.fields[f"lot-{place}"] = hidden
            self.fields[f"shown-{place}"] = forms.IntegerField(
                required=False, widget=forms.HiddenInput, initial=lot.balance
            )

    def rows(self, done: Done) -> list[dict[str, Any]]:
        return [
            {
                "medicine": wording.medicine_text(one.medicine),
                "unit": str(one.medicine.get_unit_display()),
                "lot": shapes.lot(lot, one),
                "counted": self[f"counted-{place}"],
                "counted_today": (one.medicine.pk, lot.name) in done,
                "hidden": [self[f"lot-{place}"], self[f"shown-{place}"]],
            }
            for place, (one, lot) in enumerate(self.lots)
        ]

    def written(self) -> list[tuple[int, Counted]]:
        """The lots for which a number was written, each with its place."""
        return [
            (place, Counted(one.medicine, lot.name, number, self.cleaned_data.get(f"shown-{place}")))
            for place, (one, lot) in enumerate(self.lots)
            if (number := self.cleaned_data.get(f"counted-{place}")) is not None
        ]


def _key(one: Held, lot: LotName) -> str:
    return f"{one.medicine.pk} {lot.expires_on or ''} {lot.number}"


def _as_shown(stock: list[Held], request: HttpRequest) -> list[Held]:
    """The lots that the form had, in its order, so that each number stays with its lot; also one that was
    used up meanwhile.
    """
    asked = [request.POST[name] for name in request.POST if name.startswith("lot-")]
    known = {_key(one, lot.name): (one, lot) for one in stock for lot in one.lots}
    shown = [known.get(key) or _used_up(key, stock) for key in dict.fromkeys(asked)]
    return [Held(one.medicine, one.on, [lot]) for one, lot in (pair for pair in shown if pair is not None)]


def _used_up(key: str, stock: list[Held]) -> tuple[Held, Lot] | None:
    """A lot of which nothing is left, as the form named it."""
    medicine, _space, rest = key.partition(" ")
    expires, _space, number = rest.partition(" ")
    try:
        name = LotName(number, date.fromisoformat(expires) if expires else None)
    except ValueError:
        return None
    found = next((one for one in stock if str(one.medicine.pk) == medicine), None)
    return (found, Lot(name, 0)) if found else None


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def stock_count(request: HttpRequest) -> HttpResponse:
    """Count the shelf, or one medicine. Only lots with a number are written, those of a page in one save."""
    facility = place_of_stock(request)
    chosen = request.GET.get("medicine", "")
    stock = [held(facility, medicine_named(chosen))] if chosen else stock_of(facility)
    parts = [] if chosen else shelves(stock)
    here = shelf_at(parts, request.GET.get("from", ""))
    shown = stock if chosen or not parts else parts[here].stock
    posted = request.method == "POST"
    form = CountForm(request.POST or None, stock=_as_shown(stock, request) if posted else shown)
    if posted and form.is_valid() and _saved(request, facility, form, several=len(parts) > 1):
        return redirect(_next_page(request))
    done = counted_today(facility)
    context = {
        "form": form,
        "rows": form.rows(done),
        "medicine": shapes.medicine(medicine_named(chosen)) if chosen else None,
        "shelves": _shelf_shapes(parts, here, done) if len(parts) > 1 else [],
        "shelf": parts[here].label if len(parts) > 1 else "",
        "next": parts[here + 1].first if here + 1 < len(parts) else "",
        "others": is_kept_by_others(facility),
    }
    return render(request, "pharmacy/count.html", context, status=422 if form.is_bound else 200)


def _shelf_shapes(parts: list[Shelf], here: int, done: Done) -> list[dict[str, Any]]:
    return [
        {
            "first": one.first,
            "label": one.label,
            "left": sum((row.medicine.pk, lot.name) not in done for row in one.stock for lot in row.lots),
            "here": place == here,
        }
        for place, one in enumerate(parts)
    ]


def _next_page(request: HttpRequest) -> str:
    """The part that was asked for; the stock where that was all."""
    wanted = request.POST.get("next", "")
    return f"{reverse('stock-count')}?{urlencode({'from': wanted})}" if wanted else reverse("stock")


def _saved(request: HttpRequest, facility: Facility, form: CountForm, *, several: bool) -> bool:
    """Whether what was written is saved. Of several parts one may be left as it is."""
    written = form.written()
    if several and not written:
        return True
    try:
        count(
            by=author_of(request),
            facility=facility,
            counted=[one for _place, one in written],
            save_id=posted_save_id(request.POST),
        )
    except Problem as problem:
        for name, sentence in problem.fields.items():
            parts = name.split(".")
            place = written[int(parts[1])][0] if len(parts) == 3 else None
            form.add_error(None if place is None else f"counted-{place}", sentence)
        _show_present(form)
        return False
    messages.success(request, _("Counted. Saved on the clinic laptop."))
    return True


def _show_present(form: CountForm) -> None:
    """The balances as they are now, so that a second tap is about what is shown."""
    posted = dict(form.data.items())
    for place, (_one, lot) in enumerate(form.lots):
        posted[f"shown-{place}"] = str(lot.balance)
    form.data = posted
