"""The central that these tests publish at."""

from tests.clinic.nodes import central
from tests.clinic.visits.conftest import cast, cheap_argon2, day, node

__all__ = ["cast", "central", "cheap_argon2", "day", "node"]
