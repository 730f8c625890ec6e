"""The rights of all rooms in words, for the table of who may do what.

Lives here: one line for each question that a policy answers about a person. Not here: the answers (each
room's `policy.py`), the table (`registry/staff/rights.py`). A test finds policies that are missing here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _

from clinic.lab import policy as lab
from clinic.pharmacy import policy as pharmacy
from clinic.referrals import policy as referrals
from clinic.reports import policy as reports
from clinic.tablet import policy as tablet
from clinic.visits import policy as visits
from registry.access import policy as access
from registry.staff import policy as staff
from registry.staff.policy import MAY_RECORD, Authority
from registry.staff.rights import Asked, Right

STATIONS = {
    "registration": _("Fill in forms of registration"),
    "triage": _("Fill in forms of triage"),
    "provider": _("Fill in forms of the provider"),
    "pharmacy": _("Fill in forms of the pharmacy"),
    "lab": _("Fill in forms of the laboratory"),
}


def _anywhere(may: Callable[[Authority], bool]) -> Asked:
    """A right that does not ask at which place."""
    return lambda who, _places: may(who)


def _at_station(station: str) -> Asked:
    return lambda who, places: staff.can_record(who, station, places)


def all_rights() -> list[Right]:
    """Every right, chapter by chapter."""
    chapters: list[tuple[Any, list[tuple[Any, Asked]]]] = [
        (_("Patients"), _patients()),
        (_("Care"), _care()),
        (_("Medicines and stock"), _medicines()),
        (_("The day, sync and staff"), _running()),
    ]
    return [Right(chapter, word, may) for chapter, lines in chapters for word, may in lines]


def _patients() -> list[tuple[Any, Asked]]:
    return [
        (_("Find and open patients of the place"), staff.can_see_patients),
        (_("Register and change people"), staff.can_register),
        (_("Start a visit"), visits.can_open),
        (_("Enrol in a program"), visits.can_enrol),
        (_("Choose between two answers"), staff.can_resolve),
    ]


def _care() -> list[tuple[Any, Asked]]:
    stations = [(STATIONS[station], _at_station(station)) for station in MAY_RECORD]
    return [
        (_("Call, send on and close visits"), visits.can_move),
        *stations,
        (_("Order tests"), lab.can_order),
        (_("Enter results"), lab.can_report),
        (_("See the laboratory's list"), lab.can_see_bench),
        (_("Refer to another place"), referrals.can_refer),
        (_("See who is referred"), _anywhere(referrals.can_see_list)),
    ]


def _medicines() -> list[tuple[Any, Asked]]:
    return [
        (_("Prescribe"), pharmacy.can_prescribe),
        (_("Hand out medicines"), pharmacy.can_dispense),
        (_("Note an allergy"), pharmacy.can_note_allergy),
        (_("Refute an allergy"), pharmacy.can_refute_allergy),
        (_("See the stock"), pharmacy.can_see_stock),
        (_("Count and change the stock"), pharmacy.can_keep_stock),
        (_("Change the list of medicines"), _anywhere(pharmacy.can_list_medicines)),
    ]


def _running() -> list[tuple[Any, Asked]]:
    return [
        (_("Open and close the day"), visits.can_manage_day),
        (_("See reports"), reports.can_see_reports),
        (_("Start a sync"), staff.can_sync),
        (_("Add and remove tablets"), _anywhere(tablet.can_manage_tablets)),
        (_("See what browsers have blocked"), _anywhere(tablet.can_see_blocked)),
        (_("See who logged in without internet"), staff.can_see_log_ins),
        (_("Let new people in until the office decides"), staff.can_let_in),
        (_("Read who opened which record"), access.can_read_log),
        (_("Work at another clinic after asking central"), _anywhere(staff.can_visit)),
        (_("See all clinics and laptops"), _anywhere(staff.can_see_central)),
        (_("Add staff, give roles, set passwords"), _anywhere(staff.can_manage_staff)),
    ]
