"""Cards and labels, printed by the browser.

Lives here: the A4 sheet with up to eight cards of bank-card size a page, the 62 mm label, and the page
that chooses whose cards go on a sheet. Not here: what is on them (`cards.py`), how they look
(`static/css/print.css`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from registry.panels import Panel
from registry.people.cards import cards_of
from registry.people.models import Patient
from registry.people.opening import listed
from registry.people.selectors import persons, visible_patients
from registry.people.views import registrar, shown_patient
from registry.people.villages import uuid_in
from registry.staff.policy import can_register
from registry.staff.selectors import authority_in
from sync.node import current_node

A_PAGE: Final = 8
MOST: Final = 80
CHOICES: Final = 40
RECENT: Final = timedelta(days=2)


def card_panel(request: HttpRequest, patient: Patient) -> Panel | None:
    """The way to the card and the label, on the patient's page."""
    if not can_register(authority_in(request)):
        return None
    return Panel("people/_card_panel.html", {"id": patient.pk})


@require_safe
@login_required
def card(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """One card, on an A4 sheet."""
    registrar(request)
    patient = shown_patient(request, patient_id)
    return _sheet(request, [patient], patient)


@require_safe
@login_required
def label(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """A label for a roll of 62 mm."""
    registrar(request)
    patient = shown_patient(request, patient_id)
    (made,) = cards_of([patient])
    return render(request, "people/label.html", {"card": made, "person": made.person})


@require_safe
@login_required
def card_sheet(request: HttpRequest) -> HttpResponse:
    """The cards of several patients; without any, the choice of whose."""
    who = registrar(request)
    wanted = [key for text in request.GET.getlist("patient")[:MOST] if (key := uuid_in(text))]
    rows = {row.pk: row for row in visible_patients(who).filter(pk__in=wanted)}
    chosen = [rows[key] for key in dict.fromkeys(wanted) if key in rows]
    if chosen:
        listed(request, f"cards {len(chosen)}")
        return _sheet(request, chosen, None)
    lately = visible_patients(who).filter(registered_on__gte=current_node().now() - RECENT)
    found = list(lately.order_by("-registered_on", "pk")[:CHOICES])
    return render(request, "people/card_choice.html", {"people": persons(found)})


def _sheet(request: HttpRequest, patients: list[Patient], one: Patient | None) -> HttpResponse:
    made = cards_of(patients)
    context = {
        "pages": [made[start : start + A_PAGE] for start in range(0, len(made), A_PAGE)],
        "person": made[0].person if one else None,
    }
    return render(request, "people/cards.html", context)
