"""A pharmacy on a clinic day, for counting what was done; what was there before; and who looks at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from clinic.reports.asked import Asked, asked_in
from registry.staff.models import StaffMember
from registry.staff.policy import Authority, Role
from registry.staff.services import add_staff
from tests.clinic.pharmacy.conftest import cast, cheap_argon2, day, node, shelf, visit
from tests.clinic.reports.past import Past
from tests.clinic.visits.day import Day
from tests.registry.conftest import PASSWORD, THE_NODE

__all__ = ["cast", "cheap_argon2", "day", "node", "shelf", "visit"]
ALL_WEEK = {"from": "2026-11-16", "to": "2026-11-22"}
Ask = Callable[..., Asked]


@dataclass(frozen=True)
class Readers:
    """Carmen coordinates at Bocas."""

    carmen: StaffMember


@pytest.fixture
def readers(day: Day) -> Readers:
    day.node.role = "central"
    carmen = add_staff(
        by=THE_NODE,
        username="carmen",
        full_name="Carmen Sosa",
        grants=[("coordinator", day.cast.bocas)],
        password=PASSWORD,
    )
    day.node.role = "clinic"
    return Readers(carmen)


@pytest.fixture
def past(day: Day) -> Past:
    return Past(day)


@pytest.fixture
def ask(day: Day) -> Ask:
    """What somebody who may see every place asks about; the whole week unless told otherwise."""
    everywhere = Authority(None, grants=frozenset({(Role.CENTRAL_ADMIN, None)}))

    def asked(**query: str) -> Asked:
        return asked_in(query or ALL_WEEK, everywhere)

    return asked
