"""A pharmacy (`shelf.py`) on the clinic day of `tests/clinic/visits`."""

from __future__ import annotations

import pytest

from tests.clinic.pharmacy.shelf import Shelf
from tests.clinic.visits.conftest import cast, cheap_argon2, day, node, visit
from tests.clinic.visits.day import Day

__all__ = ["cast", "cheap_argon2", "day", "node", "visit"]


@pytest.fixture
def shelf(day: Day) -> Shelf:
    """Six medicines, nothing in stock."""
    return Shelf.filled(day)
