"""What the pharmacy puts on pages that are not its own.

Lives here: the panels of a visit and of a patient (medicines, allergies), the alerts of the banner, and the
pages of the navigation. Not here: the seams (`registry/panels.py`), the pages themselves (`views.py`).
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.pharmacy import shapes
from clinic.pharmacy.models import Allergy
from clinic.pharmacy.policy import (
    can_dispense,
    can_keep_stock,
    can_list_medicines,
    can_note_allergy,
    can_prescribe,
    can_see_stock,
)
from clinic.pharmacy.selectors import ToldPrescription, allergies_of, current_lines, prescriptions_in
from clinic.visits.live_parts import LiveList, offer_list
from clinic.visits.models import Visit
from clinic.visits.received import received_of
from clinic.visits.selectors import standing
from registry.panels import Alert, Panel, offer_alerts, offer_page, offer_panel
from registry.people.models import Patient
from registry.staff.policy import Role
from registry.staff.selectors import authority_in


def offer() -> None:
    """Called once, when the app starts."""
    offer_panel("visit.main", visit_medicines, order=30)
    offer_panel("visit.side", visit_allergies, order=60)
    offer_panel("patient.main", patient_medicines, order=30)
    offer_panel("patient.side", patient_allergies, order=20)
    offer_alerts(allergy_alerts)
    offer_list("pharmacy", LiveList("pharmacy/_waiting_list.html", shapes.waiting, can_dispense))
    clinic = ("clinic",)
    theirs = (Role.PHARMACIST,)
    offer_page(
        "pharmacy",
        "pharmacy",
        gettext_lazy("Pharmacy"),
        order=60,
        may=can_dispense,
        roles=clinic,
        first_for=theirs,
    )
    offer_page(
        "stock",
        "stock",
        gettext_lazy("Stock"),
        order=65,
        may=_sees_stock_page,
        roles=clinic,
        first_for=theirs,
    )
    offer_page(
        "medicines",
        "pharmacy",
        gettext_lazy("Medicines"),
        order=65,
        may=can_list_medicines,
        roles=("central",),
    )


def _sees_stock_page(who: Any) -> bool:
    return can_see_stock(who) and (can_keep_stock(who) or can_dispense(who))


def allergy_alerts(patient: Patient) -> list[Alert]:
    """Every allergy that stands, the severe ones first."""
    standing = sorted(allergies_of(patient), key=lambda one: one.severity != Allergy.Severity.SEVERE)
    return [Alert(_("Allergy: %(substance)s") % {"substance": one.substance}, "danger") for one in standing]


def visit_medicines(request: HttpRequest, visit: Visit) -> Panel | None:
    """What was prescribed on this visit, and the way to more of it."""
    who, here = authority_in(request), [visit.facility_id]
    is_open = standing(visit).is_open
    told = prescriptions_in(visit)
    may_prescribe = is_open and can_prescribe(who, here)
    if not told and not may_prescribe:
        return None
    context = {
        "visit": visit.pk,
        "prescriptions": _with_received(told),
        "may_prescribe": may_prescribe,
        "may_dispense": can_dispense(who, here),
    }
    return Panel("pharmacy/_visit.html", context)


def _with_received(told: list[ToldPrescription]) -> list[shapes.Shape]:
    """Prescriptions and what was handed out of them, each with where it has been received."""
    lines = [line for one in told for line in one.lines]
    items = [item for line in lines for item in line.items]
    handed = {item.dispensing_id: item.dispensing for item in items}
    written = [*(one.prescription for one in told), *(line.line for line in lines)]
    received = received_of([*written, *items, *handed.values()])
    return [
        shape
        | {
            "received": received(one.prescription, *(line.line for line in one.lines)),
            "handed": [
                {"id": pk, "received": received(handed[pk], *(i for i in items if i.dispensing_id == pk))}
                for pk in shape["dispensings"]
            ],
        }
        for shape, one in zip(shapes.prescriptions(told), told, strict=True)
    ]


def visit_allergies(request: HttpRequest, visit: Visit) -> Panel | None:
    return _allergies(request, visit.patient)


def patient_allergies(request: HttpRequest, patient: Patient) -> Panel | None:
    return _allergies(request, patient)


def _allergies(request: HttpRequest, patient: Patient) -> Panel | None:
    rows = allergies_of(patient)
    received = received_of(rows)
    context = {
        "patient": patient.pk,
        "allergies": [
            shape | {"received": received(one)}
            for shape, one in zip(shapes.allergies(rows), rows, strict=True)
        ],
        "may_note": can_note_allergy(authority_in(request)),
    }
    return Panel("pharmacy/_allergies.html", context)


def patient_medicines(request: HttpRequest, patient: Patient) -> Panel | None:
    """What somebody is on now."""
    found = current_lines(patient)
    received = received_of([row for told in found for row in (told.line, *told.items)])
    lines = [shapes.line(told) | {"received": received(told.line, *told.items)} for told in found]
    return Panel("pharmacy/_patient.html", {"lines": lines}) if lines else None
