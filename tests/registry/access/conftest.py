"""The registry's cast at a laptop that serves Bocas and Darién, with a coordinator at Bocas.

Rosa and Ana work at Bocas, Iris in Darién, Olga is the programme office. José is Bocas's patient.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db.models import QuerySet

from registry.access.models import Opening
from registry.people.models import Patient
from registry.staff.models import StaffMember
from registry.staff.services import add_staff
from sync.core.clock import HybridClock
from sync.node import Node
from sync.vault.keys import Pinned, public_bytes
from tests.registry.conftest import (
    PASSWORD,
    THE_NODE,
    Cast,
    cast,
    cheap_argon2,
    give_numbers,
    make_patient,
    node,
)

__all__ = ["cast", "cheap_argon2", "node"]


@dataclass
class House:
    """Everybody, one patient of Bocas with a number, and a clock that a test moves."""

    node: Node
    cast: Cast
    cora: StaffMember
    jose: Patient
    number: str
    looks: QuerySet[Any] = field(default_factory=lambda: Opening.objects.order_by("made_stamp"))

    def advance(self, **passed: float) -> None:
        then = self.node.wall() + int(timedelta(**passed).total_seconds() * 1000)
        self.node.wall = lambda: then
        self.node.clock = HybridClock(self.node.wall, floor=self.node.clock.floor)

    def seen(self) -> list[tuple[Any, ...]]:
        """What is written down: who, of whom, what, why."""
        return [(row.made_by, row.patient, row.what, row.reason) for row in self.looks.all()]


@pytest.fixture
def house(node: Node, cast: Cast) -> House:
    node.role = "central"
    cora = add_staff(
        by=THE_NODE,
        username="cora",
        full_name="Cora Him",
        grants=[("coordinator", cast.bocas)],
        password=PASSWORD,
    )
    node.role = "clinic"
    node.kept["pinned"] = Pinned(
        url="https://central.test",
        node=str(cast.bocas.pk),
        node_name="Bocas",
        facilities=[str(cast.bocas.pk), str(cast.darien.pk)],
        central_replica=str(cast.bocas.pk),
        timeline=str(cast.bocas.pk),
        key_id="",
        receipt_key=public_bytes(Ed25519PrivateKey.generate()).hex(),
    )
    give_numbers(node, 5)
    made = make_patient(cast.author(cast.rosa), "José", "Pérez", facility=cast.bocas, phone="+507 6123 4567")
    assert made.number
    return House(node, cast, cora, made.patient, made.number)
