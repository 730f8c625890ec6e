"""The same clinic day as the visits' tests."""

from tests.clinic.visits.conftest import cast, cheap_argon2, day, node, visit

__all__ = ["cast", "cheap_argon2", "day", "node", "visit"]
