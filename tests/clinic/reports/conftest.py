"""A pharmacy on a clinic day, for counting what was done."""

from __future__ import annotations

from tests.clinic.pharmacy.conftest import cast, cheap_argon2, day, node, shelf, visit

__all__ = ["cast", "cheap_argon2", "day", "node", "shelf", "visit"]
