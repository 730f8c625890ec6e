"""People who come from elsewhere are found like those who were registered here."""

from __future__ import annotations

import pytest
from django.db import connection

from registry.people.models import Identifier, Patient, PersonToken
from registry.people.search import search
from registry.people.services import update_patient
from sync.apply import arrival_of, settle
from sync.core.protocol import from_canonical
from sync.ledger.models import Change
from sync.ledger.recording import Author
from sync.node import Node
from sync.problems import Problem
from sync.records import door
from sync.tables import table_of
from tests.registry.conftest import make_patient


def forget_people() -> None:
    """As on a laptop that has downloaded nothing yet; the log of what was written is kept to be played
    again.
    """
    with door(), connection.cursor() as cursor:
        for model in (PersonToken, Identifier, Patient):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608


def everything_written() -> list[bytes]:
    rows = Change.objects.filter(table__in=["patients", "identifiers"]).order_by("seq")
    return [bytes(row.body) for row in rows]


def test_tokens_follow_what_arrives(node: Node, rosa: Author) -> None:
    patient = make_patient(rosa, given="Eva", family="Quintero", identifiers=[("passport", "P777")]).patient
    make_patient(rosa, given="Teo", family="Ruiz", phone="6612-3456")
    update_patient(by=rosa, patient=patient, changes={"family_name": "Bosch", "phone": "777-1234"})
    before = set(PersonToken.objects.values_list("token", "patient_id"))
    written = everything_written()
    forget_people()
    assert not search("Eva").found
    for body in written:
        settle([arrival_of(from_canonical(body), 1, None)])
    assert set(PersonToken.objects.values_list("token", "patient_id")) == before
    assert [one.patient.name for one in search("777 1234").found] == ["Eva Bosch"]
    assert [one.patient.name for one in search("P777").found] == ["Eva Bosch"]
    assert not search("Quintero").found


def test_many_arrivals_at_once(node: Node, rosa: Author) -> None:
    for n in range(30):
        make_patient(rosa, given="Eva", family=f"Ruiz{n}")
    before = set(PersonToken.objects.values_list("token", "patient_id"))
    written = everything_written()
    forget_people()
    settle([arrival_of(from_canonical(body), 1, None) for body in written])
    assert set(PersonToken.objects.values_list("token", "patient_id")) == before


def test_central_looks_at_the_check_digit_of_what_arrives(node: Node) -> None:
    check = table_of(Identifier).sync.check
    assert check is not None
    check({"system": "posta:number", "value": "K7-204581-5"})
    check({"system": "passport", "value": "anything"})
    check({"label": "only the label changes"})
    for value in ("K7-204581-4", "hello"):
        with pytest.raises(Problem):
            check({"system": "posta:number", "value": value})


def test_rows_have_one_door(node: Node, rosa: Author) -> None:
    from sync.records import StrayWrite

    patient = make_patient(rosa).patient
    patient.phone = "1"
    with pytest.raises(StrayWrite):
        patient.save()
    with pytest.raises(StrayWrite):
        Identifier.objects.filter(patient=patient).update(value="x")
    with door():
        assert Patient.objects.get(pk=patient.pk).phone == ""
