"""The pages that `tests/lived_in.py` can show: who looks, at which address.

Lives here: `LIVED`, by a short name. Together with the specimens (`specimens.py`) it draws every page
template, and `test_access.py` insists. Not here: what the pages must be like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Model
from django.urls import reverse

from clinic.lab.models import LabResult
from clinic.pharmacy.models import Dispensing, Medicine, Prescription
from clinic.programs.selectors import program_named
from clinic.referrals.models import Referral
from clinic.visits.models import Enrollment, Visit
from registry.staff.models import StaffMember
from registry.staff.policy import Role
from sync.review.models import Conflict
from tests.lived_in import LivedIn

Find = Callable[[], list[Any]]


@dataclass(frozen=True)
class Look:
    """Somebody looks at a page; `find` answers what stands in its address."""

    role: Role | None
    url_name: str
    find: Find = list
    central: bool = False
    posted: Callable[[], dict[str, Any]] | None = None

    def html(self, lived: LivedIn, language: str = "en") -> str:
        with lived.at(central=self.central):
            address = reverse(self.url_name, args=self.find())
            posted = self.posted() if self.posted else None
        return lived.page(self.role, address, central=self.central, language=language, posted=posted)


def _first(model: type[Model], **which: Any) -> Find:
    return lambda: [model._default_manager.filter(**which).order_by("pk")[0].pk]


def _referred() -> Referral:
    return Referral.objects.get()


def _their_visit() -> list[Any]:
    return [_referred().visit_id]


def _them() -> list[Any]:
    return [_referred().patient_id]


def _medicine() -> list[Any]:
    return [Medicine.objects.get(code="PARA500").pk]


def _to_give() -> list[Any]:
    done = Dispensing.objects.values("prescription")
    return [Prescription.objects.exclude(pk__in=done).order_by("pk")[0].pk]


def _followed() -> list[Any]:
    return [Enrollment.objects.order_by("pk")[0].pk]


def _a_program() -> dict[str, Any]:
    program = program_named("PNC")
    return {"program": program.pk if program else ""}


def _not_yet_seen() -> list[Any]:
    return [Visit.objects.order_by("-opened_at")[0].pk, "opd_stage_triage"]


R: Final = Role
LIVED: Final[dict[str, Look]] = {
    "clinic-find": Look(R.REGISTRAR, "find"),
    "clinic-register": Look(R.REGISTRAR, "register"),
    "clinic-patient": Look(R.PROVIDER, "patient", _them),
    "clinic-visit": Look(R.PROVIDER, "visit", _their_visit),
    "clinic-visit-triage": Look(R.TRIAGE, "visit", _their_visit),
    "clinic-queue": Look(R.TRIAGE, "queue"),
    "clinic-board": Look(R.COORDINATOR, "board"),
    "clinic-sync": Look(R.COORDINATOR, "sync-status"),
    "clinic-review": Look(R.COORDINATOR, "review"),
    "clinic-conflict": Look(R.COORDINATOR, "review-conflict", _first(Conflict)),
    "family": Look(R.REGISTRAR, "patient-family", _them),
    "cards-choose": Look(R.REGISTRAR, "cards"),
    "card": Look(R.REGISTRAR, "patient-card", _them),
    "label": Look(R.REGISTRAR, "patient-label", _them),
    "enroll": Look(R.PROVIDER, "enroll", _them, posted=_a_program),
    "enrollment": Look(R.PROVIDER, "enrollment", _followed),
    "care-card": Look(R.PROVIDER, "care-card", _followed),
    "worklist": Look(R.PROVIDER, "worklist"),
    "form": Look(R.TRIAGE, "visit-stage", _not_yet_seen),
    "prescribe": Look(R.PROVIDER, "prescribe", _their_visit),
    "prescribe-medicine": Look(R.PROVIDER, "prescribe-medicine", lambda: [*_their_visit(), *_medicine()]),
    "pharmacy": Look(R.PHARMACIST, "pharmacy"),
    "dispense": Look(R.PHARMACIST, "dispense", _to_give),
    "dispensing": Look(R.PHARMACIST, "dispensing", _first(Dispensing)),
    "labels": Look(R.PHARMACIST, "dispensing-labels", _first(Dispensing)),
    "allergies": Look(R.PROVIDER, "patient-allergies", _them),
    "stock": Look(R.PHARMACIST, "stock"),
    "stock-medicine": Look(R.PHARMACIST, "stock-medicine", _medicine),
    "stock-receive-choose": Look(R.PHARMACIST, "stock-receive-choose"),
    "stock-receive": Look(R.PHARMACIST, "stock-receive", _medicine),
    "stock-adjust": Look(R.PHARMACIST, "stock-adjust", _medicine),
    "stock-count": Look(R.PHARMACIST, "stock-count"),
    "lab": Look(R.LAB, "lab"),
    "lab-order": Look(R.PROVIDER, "lab-order", _their_visit),
    "lab-results": Look(R.LAB, "lab-results", _them),
    "lab-correct": Look(R.LAB, "lab-correct", _first(LabResult)),
    "refer": Look(R.PROVIDER, "refer", _their_visit),
    "referrals": Look(R.PROVIDER, "referrals"),
    "referral": Look(R.PROVIDER, "referral", lambda: [_referred().pk]),
    "referral-letter": Look(R.PROVIDER, "referral-letter", lambda: [_referred().pk]),
    "log-ins": Look(R.COORDINATOR, "log-ins"),
    "access-log": Look(R.COORDINATOR, "access-log"),
    "staff": Look(R.COORDINATOR, "staff-list"),
    "staff-rights": Look(R.REGISTRAR, "staff-rights"),
    "reports": Look(R.COORDINATOR, "reports"),
    "report-illnesses": Look(R.COORDINATOR, "report", lambda: ["illnesses"]),
    "report-visits": Look(R.COORDINATOR, "report", lambda: ["visits"]),
    "measurements": Look(R.PROVIDER, "measurements", _them),
    "tablets": Look(R.COORDINATOR, "tablets"),
    "tablets-add": Look(R.COORDINATOR, "tablets-add", posted=dict),
    "tablet-join": Look(None, "tablet-join"),
    "blocked": Look(R.COORDINATOR, "blocked"),
    "guide": Look(None, "guide"),
    "guide-everybody": Look(None, "guide-page", lambda: ["everybody"]),
    "guide-provider": Look(R.PROVIDER, "guide-page", lambda: ["provider"]),
    "my-account": Look(R.REGISTRAR, "me"),
    "log-in": Look(None, "account_login"),
    "password": Look(R.CENTRAL_ADMIN, "account_change_password", central=True),
    "password-forgotten": Look(None, "account_reset_password"),
    "two-step": Look(R.REGISTRAR, "mfa_index"),
    "sessions": Look(R.REGISTRAR, "usersessions_list"),
    "office-home": Look(R.CENTRAL_ADMIN, "home", central=True),
    "office-log-ins": Look(R.CENTRAL_ADMIN, "log-ins", central=True),
    "office-openings": Look(R.CENTRAL_ADMIN, "access-log", central=True),
    "office-staff": Look(R.CENTRAL_ADMIN, "staff-list", central=True),
    "office-member": Look(R.CENTRAL_ADMIN, "staff-member", _first(StaffMember, active=True), central=True),
    "office-clinics": Look(R.CENTRAL_ADMIN, "central-nodes", central=True),
    "office-medicines": Look(R.CENTRAL_ADMIN, "medicines", central=True),
    "office-import": Look(R.CENTRAL_ADMIN, "medicines-import", central=True),
    "office-programs": Look(R.CENTRAL_ADMIN, "programs-import", central=True),
    "office-rules": Look(R.CENTRAL_ADMIN, "program-rules", central=True),
}
