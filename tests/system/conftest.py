"""The worlds of the sync tests, for tests that pull the plug on real processes."""

from tests.sync.conftest import database_shelf, make_world, world

__all__ = ["database_shelf", "make_world", "world"]
