"""A clinic day (`day.py`) at the registry's cast."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils.translation import override

from clinic.programs.examples import example
from clinic.programs.selectors import definition_of
from clinic.programs.services import publish
from clinic.visits.models import Visit
from registry.staff.services import add_staff
from sync.node import Node
from tests.clinic.programs.samples import CHILD
from tests.clinic.visits.day import Day
from tests.registry.conftest import PASSWORD, THE_NODE, Cast, cast, cheap_argon2, node

__all__ = ["cast", "cheap_argon2", "node"]


@pytest.fixture
def day(node: Node, cast: Cast) -> Iterator[Day]:
    """The node is a clinic; the lists were written while it was central. The language is English again after
    each test.
    """
    definition_of.cache_clear()
    node.role = "central"
    tina = add_staff(
        by=THE_NODE,
        username="tina",
        full_name="Tina Abrego",
        grants=[("triage", cast.bocas)],
        password=PASSWORD,
    )
    pia = add_staff(
        by=THE_NODE,
        username="pia",
        full_name="Pia Ortega",
        grants=[("pharmacist", cast.bocas)],
        password=PASSWORD,
    )
    outpatient = publish(document=example("outpatient"), by=THE_NODE).version
    child = publish(document=CHILD, by=THE_NODE).version
    node.role = "clinic"
    with override("en"):
        yield Day(node, cast, tina, pia, outpatient, child)


@pytest.fixture
def visit(day: Day) -> Visit:
    """José has come, and waits for triage."""
    return day.visit()
