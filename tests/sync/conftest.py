"""Worlds for the sync tests. `world` has a central and two clinics; `make_world` makes others; `battery` is
one for all tests of a file, with a row of every synced model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.databases import DatabaseShelf
from tests.sync.battery import TABLES, Battery
from tests.world import World


@pytest.fixture
def make_world(
    tmp_path: Path, database_shelf: DatabaseShelf, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[..., World]]:
    """Make worlds that are taken down at the end of the test."""
    made: list[World] = []

    def make(**options: Any) -> World:
        made.append(World(tmp_path / f"world-{len(made)}", database_shelf, **options))
        return made[-1]

    with django_db_blocker.unblock():
        yield make
        for world in made:
            world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A central and two clinics that share everything."""
    return make_world()


@pytest.fixture(scope="module")
def battery(
    tmp_path_factory: pytest.TempPathFactory,
    database_shelf: DatabaseShelf,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Battery]:
    """Each model has a row by now, and everybody knows it."""
    with django_db_blocker.unblock():
        made = Battery(World(tmp_path_factory.mktemp("battery"), database_shelf))
        made.after("made", made.make, TABLES[0])
        yield made
        made.world.close()
