"""The central that these tests publish at."""

from tests.clinic.nodes import central

__all__ = ["central"]
