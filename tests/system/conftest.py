"""The worlds of the sync tests, for tests that pull the plug on real processes."""

from tests.sync.conftest import make_world, world

__all__ = ["make_world", "world"]
