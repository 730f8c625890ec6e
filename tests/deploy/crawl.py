"""What a crawler needs: every address of the project, one real record of each kind, and people of every role.

Lives here: `addresses` (patterns as Django has them), `Town` (a patient of Bocas with everything that an
address may name) and `plain`, an answer without what differs from one request to the next. Not here: what is
asked of them (`test_every_address.py`), the rules (`address_rules.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from django.db import models
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from clinic.lab.examples import shipped
from clinic.lab.models import LabTest
from clinic.lab.services import publish_tests
from clinic.programs.models import Program, ProgramVersion
from registry.people.models import Patient
from registry.places.models import Facility
from registry.staff.models import StaffMember, StaffRole
from registry.staff.policy import Role
from registry.staff.services import add_staff
from sync.ledger.models import Change
from sync.ledger.recording import recording
from sync.node import Node
from sync.records import SYNC_COLUMNS, SyncedModel
from sync.review.models import Aside, Conflict
from sync.tables import all_tables
from tests.clinic.visits.day import Day
from tests.registry.conftest import PASSWORD, THE_NODE, browser, make_patient
from tests.sync.battery import plain_value

# What one part of an address names. Those of the first group belong to a patient.
OF_PATIENT: Final[dict[str, str]] = {
    "patient_id": "patients",
    "visit_id": "visits",
    "event_id": "events",
    "enrollment_id": "enrollments",
    "order_id": "lab_orders",
    "result_id": "lab_results",
    "referral_id": "referrals",
    "prescription_id": "prescriptions",
    "line_id": "prescription_lines",
    "dispensing_id": "dispensings",
    "allergy_id": "allergies",
    "file_id": "attachments",
}
# What waits for somebody's decision is of a patient as well; it has a number.
TO_DECIDE: Final = frozenset({"conflict_id", "aside_id"})
NO_NUMBER: Final = 999_999
Plain = tuple[int, bytes, dict[str, str]]
PART: Final = re.compile(r"<(?:(\w+):)?(\w+)>")
_DIFFERS: Final = re.compile(
    rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|nonce=\"[^\"]*\"|value=\"[^\"]*\"|\d\d:\d\d"
    rb"|X-CSRFToken\": \"\w+"
)


def addresses() -> Iterator[tuple[str, URLPattern]]:
    """Every address of the project: its pattern from the root, and what Django knows of it."""
    yield from _walk(get_resolver().url_patterns, "")


def _walk(patterns: list[Any], before: str) -> Iterator[tuple[str, URLPattern]]:
    for one in patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, route)
        else:
            yield route, one


def parts_of(route: str) -> list[str]:
    return [name for _kind, name in PART.findall(route)]


@dataclass
class Town:
    """One patient of Bocas with one record of every kind, and a colleague for each role, here and
    elsewhere.
    """

    day: Day
    patient: Patient
    made: dict[str, SyncedModel] = field(default_factory=dict)
    to_decide: dict[str, int] = field(default_factory=dict)
    here: dict[Role, Client] = field(default_factory=dict)
    stranger: Client = field(default_factory=Client)
    nobody: Client = field(default_factory=Client)

    @property
    def node(self) -> Node:
        return self.day.node

    def value(self, name: str, *, missing: bool = False) -> str:
        """What stands at a part of an address: a real record's id, or one that nobody has."""
        if name in OF_PATIENT:
            return str(uuid4() if missing else self.made[OF_PATIENT[name]].pk)
        if name in TO_DECIDE:
            return str(NO_NUMBER if missing else self.to_decide[name])
        others: dict[str, object] = {
            "medicine_id": self.made["medicines"].pk,
            "relation_id": self.made["relations"].pk,
            "version_id": self.day.outpatient.pk,
            "staff_id": self.day.cast.rosa.pk,
            "role_id": StaffRole.objects.filter(staff=self.day.cast.rosa).values_list("pk", flat=True)[0],
            "stage_id": "triage",
            "key": "sex",
            "which": "morbidity",
            "page": "everybody",
            "why": "gone",
            "act": "end",
            "name": "hello" if not missing else "nothing",
            "offer_id": 1,
        }
        return str(others.get(name, uuid4()))

    def address(self, route: str, *, missing: bool = False) -> str:
        return "/" + PART.sub(lambda part: self.value(part[2], missing=missing), route)


def build(day: Day) -> Town:
    """Everything is Bocas's: registered there, cared for there."""
    day.node.role = "central"
    day.node.kept.pop("pinned", None)
    patient = make_patient(day.rosa, "Yolanda", "Quintero", facility=day.cast.bocas).patient
    publish_tests(by=THE_NODE, tests=shipped())
    maker = Maker(day, patient, {"lab_tests": LabTest.objects.order_by("code")[0]})
    town = Town(day, patient)
    for name in (*OF_PATIENT.values(), "medicines", "relations"):
        town.made[name] = maker.row(name)
    town.to_decide = {"conflict_id": _conflict(patient), "aside_id": _aside(patient)}
    cast = day.cast
    for role in Role:
        town.here[role] = browser(_colleague(f"here-{role.value}", [(role.value, cast.bocas)]))
    everything = [(role.value, cast.darien) for role in Role if role is not Role.CENTRAL_ADMIN]
    town.stranger = browser(_colleague("stranger", everything))
    town.nobody = browser(_colleague("nobody", []))
    return town


def _conflict(patient: Patient) -> int:
    made = Conflict.objects.create(
        table="patients", record_id=patient.pk, field="sex", scope=patient.pk, since=1
    )
    return made.pk


def _aside(patient: Patient) -> int:
    """Her registration, as if central had kept it apart."""
    first = Change.objects.filter(record_id=patient.pk).order_by("seq")[0]
    made = Aside.objects.create(
        replica_uuid=first.replica.uuid,
        save_id=first.save_id,
        seq_from=first.seq,
        seq_to=first.seq,
        state=Aside.State.QUARANTINED,
        code="author-ended",
        since=1,
    )
    return made.pk


def _colleague(name: str, grants: Sequence[tuple[str, Facility]]) -> StaffMember:
    return add_staff(by=THE_NODE, username=name, full_name=name, grants=grants, password=PASSWORD)


@dataclass
class Maker:
    """Rows made from their own fields, with their parents, all of one patient."""

    day: Day
    patient: Patient
    rows: dict[str, SyncedModel] = field(default_factory=dict)

    def row(self, name: str) -> SyncedModel:
        if name not in self.rows:
            table = next(one for one in all_tables() if one.name == name)
            self.rows[name] = self.patient if name == "patients" else self._add(table.model)
        return self.rows[name]

    def _add(self, model: type[SyncedModel]) -> SyncedModel:
        values = {
            column.name: self._value(column)
            for column in model._meta.concrete_fields
            if column.name not in SYNC_COLUMNS
        }
        with recording(by=THE_NODE) as save:
            return save.add(model, **values)

    def _value(self, column: models.Field[Any, Any]) -> Any:
        if not isinstance(column, models.ForeignKey):
            return None if column.null else plain_value(column)
        parent: Any = column.related_model
        known: dict[Any, Any] = {
            Patient: self.patient,
            Facility: self.day.cast.bocas,
            ProgramVersion: self.day.outpatient,
            Program: self.day.outpatient.program,
        }
        if parent in known:
            return known[parent]
        return None if column.null else self.row(parent.sync.table)


def plain(answer: HttpResponseBase) -> Plain:
    """An answer without ids, nonces and tokens: what is left must not tell two of them apart."""
    body = getattr(answer, "content", b"")
    headers = {name.lower(): _DIFFERS.sub(b"", value.encode()).decode() for name, value in answer.items()}
    for name in ("content-security-policy", "content-length", "date"):
        headers.pop(name, None)
    return answer.status_code, _DIFFERS.sub(b"", body), headers
