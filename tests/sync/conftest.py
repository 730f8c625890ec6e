"""Worlds for the sync tests. `world` has a central and two clinics; `make_world` makes others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.databases import DatabaseShelf
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
