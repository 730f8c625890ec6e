"""The pages about getting back in, and about who is new at a clinic, with what their views would give.

Not here: what must be true of them (`test_pages.py`, `test_reach.py`), how they are drawn (`drawing.py`).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from registry.staff.bounds import PROVISIONAL
from registry.staff.by_code import Call, CodeForm
from registry.staff.models import StaffMember
from registry.staff.office_forms import NewcomerForm, UsernameForm
from tests.deploy.specimen_people import Names, ago

SOMEBODY: Final = "01963c7e-0000-7000-8000-0000000000dd"
Drawn = dict[str, tuple[str, dict[str, Any]]]


def call(names: Names) -> Call:
    """What the log-in page says when the thirty days are over."""
    return Call(names.nurse, names.node, "48 21 73 05", CodeForm())


def of_clinics(names: Names) -> Drawn:
    """By a short name: template and context."""
    places: Any = [SimpleNamespace(pk="p1", name=names.node)]
    return {
        "not-yet": ("staff/not_yet.html", {"why": PROVISIONAL}),
        "newcomer": ("staff/newcomer.html", {"form": NewcomerForm({"full_name": ""}, places=places)}),
    }


def of_the_office(names: Names) -> Drawn:
    """By a short name: template and context."""
    asked = {
        "id": SOMEBODY,
        "name": names.nurse,
        "role": "Triage nurse",
        "place": names.node,
        "at": ago(300),
        "by": names.registrar,
        "by_coordinator": False,
        "taken": True,
        "form": UsernameForm({"username": "noa"}),
    }
    member = StaffMember(pk=UUID(SOMEBODY), full_name=names.nurse)
    code = {"member": member, "clinic": names.node, "code": "40 71 93 55 28"}
    return {
        "staff-requests": ("staff/requests.html", {"requests": [asked]}),
        "staff-code": ("staff/telephone_code.html", code),
    }
