"""A central for the examples of the protocol's page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from sync import doors
from tests.databases import DatabaseShelf
from tests.world import World


@pytest.fixture
def lonely_central(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A central without clinics. It does not wait for a batch that the examples never send."""
    monkeypatch.setattr(doors, "PREDECESSOR_WAIT_S", 0.0)
    with django_db_blocker.unblock():
        shelf = DatabaseShelf(tmp_path)
        world = World(tmp_path / "world", shelf, clinics=0)
        yield world
        world.close()
        shelf.close()
