"""A clinic day with a second place of care, where Iris works."""

from __future__ import annotations

from tests.clinic.visits.conftest import day, visit
from tests.registry.conftest import cast, cheap_argon2, node

__all__ = ["cast", "cheap_argon2", "day", "node", "visit"]
