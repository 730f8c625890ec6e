"""A clinic day whose programme offers the shipped tests, and Liz, who works in the laboratory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clinic.lab.examples import shipped
from clinic.lab.services import publish_tests
from registry.staff.models import StaffMember
from registry.staff.services import add_staff
from sync.node import Node
from tests.clinic.visits.conftest import day, visit
from tests.clinic.visits.day import Day
from tests.registry.conftest import PASSWORD, THE_NODE, Cast, cast, cheap_argon2, node

__all__ = ["cast", "cheap_argon2", "day", "node", "visit"]


@pytest.fixture
def liz(node: Node, cast: Cast, day: Day) -> Iterator[StaffMember]:
    """The laboratory's one member of staff; the programme's tests are published as well."""
    node.role = "central"
    publish_tests(by=THE_NODE, tests=shipped())
    member = add_staff(
        by=THE_NODE, username="liz", full_name="Liz Moreno", grants=[("lab", cast.bocas)], password=PASSWORD
    )
    node.role = "clinic"
    yield member
