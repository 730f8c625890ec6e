"""The demo's programme at central: places, staff with their passwords, programs.

Lives here: `STAFF` and `load`, which may be repeated. Passwords are printed and lie here in the open: they
open nothing but a demo. Not here: people and their histories (`seeding.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.core.management import call_command

from clinic.programs.examples import SHIPPED, example
from clinic.programs.services import publish
from deploy.demo import lab, pharmacy
from registry.places.models import Area, Facility
from registry.places.services import add_area, add_facility, set_catchment
from registry.staff.models import StaffMember
from registry.staff.policy import Role
from registry.staff.services import add_staff
from sync.ledger.recording import Author

BY: Final = Author(None, "demo")
REGION: Final = ("BT", "Bocas del Toro")
DISTRICTS: Final = (("BT-1", "Chiriquí Grande"), ("BT-2", "Kusapín"))
VILLAGES: Final = (
    ("BT-1-1", "Bahía Azul", 0),
    ("BT-1-2", "Punta Peña", 0),
    ("BT-1-3", "Rambala", 0),
    ("BT-1-4", "Valle Risco", 0),
    ("BT-2-1", "Río Caña", 1),
    ("BT-2-2", "Playa Lorenzo", 1),
    ("BT-2-3", "Tobobe", 1),
    ("BT-2-4", "Cayo Paloma", 1),
)
FACILITIES: Final = (
    ("BOCAS", "Bocas mobile team", Facility.Kind.MOBILE, 0),
    ("KUSAPIN", "Kusapín health post", Facility.Kind.POST, 1),
    ("CHANGUINOLA", "Hospital de Changuinola", Facility.Kind.HOSPITAL, 0),
)
LAPTOPS: Final = ("Bocas laptop", "Kusapín laptop")


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who works in the demo."""

    username: str
    full_name: str
    role: Role
    does: str

    @property
    def password(self) -> str:
        return f"{self.username}-at-posta"


STAFF: Final = (
    Colleague("rosa", "Rosa Pineda", Role.REGISTRAR, "registers people"),
    Colleague("luis", "Luis Palacio", Role.TRIAGE, "triage"),
    Colleague("ana", "Ana Batista", Role.PROVIDER, "consultation"),
    Colleague("pedro", "Pedro Palacios", Role.LAB, "laboratory"),
    Colleague("carmen", "Carmen Abrego", Role.PHARMACIST, "pharmacy"),
    Colleague("elena", "Elena Quintero", Role.COORDINATOR, "sync, conflicts"),
    Colleague("marta", "Marta Serrano", Role.CENTRAL_ADMIN, "programme office, at central"),
)


def colleague(role: Role) -> Colleague:
    """Who does this."""
    return next(one for one in STAFF if one.role is role)


def load(packages: Iterable[Path] = ()) -> None:
    """Everything that central decides. Loading it again changes nothing."""
    facilities = _places()
    _staff(facilities)
    for name in SHIPPED:
        publish(document=example(name), by=BY)
    pharmacy.load(by=BY)
    lab.load(by=BY)
    publish(document=example("field_kinds"), by=BY)
    files = [str(path) for path in packages]
    if files:
        call_command("import_programs", *files)


def _places() -> list[Facility]:
    region = add_area(by=BY, code=REGION[0], name=REGION[1])
    districts = [add_area(by=BY, code=code, name=name, parent=region) for code, name in DISTRICTS]
    for code, name, district in VILLAGES:
        add_area(by=BY, code=code, name=name, parent=districts[district])
    return [_facility(*one, districts) for one in FACILITIES]


def _facility(code: str, name: str, kind: Facility.Kind, district: int, districts: list[Area]) -> Facility:
    facility = add_facility(by=BY, code=code, name=name, kind=kind, area=districts[district])
    if kind is not Facility.Kind.HOSPITAL:  # it has those who are sent, and its district
        set_catchment(by=BY, facility=facility, areas=[districts[district]])
    return facility


def _staff(facilities: list[Facility]) -> None:
    known = set(StaffMember.objects.values_list("username", flat=True))
    for one in STAFF:
        if one.username in known:
            continue
        places = [None] if one.role is Role.CENTRAL_ADMIN else facilities
        add_staff(
            by=BY,
            username=one.username,
            full_name=one.full_name,
            grants=[(one.role.value, place) for place in places],
            password=one.password,
        )
