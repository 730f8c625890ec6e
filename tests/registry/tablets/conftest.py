"""A clinic whose clock a test moves on, and the cast of `tests/registry`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from registry.staff.models import Credential, StaffMember
from registry.staff.services import install_roster, roster_for
from sync.node import Node
from sync.vault.keys import pepper
from tests.registry.conftest import Cast, browser

Later = Callable[..., None]


@pytest.fixture
def clinic(node: Node) -> Node:
    """A laptop that has just been set up: nobody is in its lists yet."""
    node.role = "clinic"
    return node


@pytest.fixture
def passwords(cast: Cast, node: Node, settings: Settings) -> None:
    """The staff of Bocas may log in here, and nobody is locked out for standing still."""
    node.role = "central"
    entries = roster_for([cast.bocas.pk], pepper())
    Credential.objects.all().delete()
    node.role = "clinic"
    install_roster(entries)
    settings.POSTA_IDLE_MINUTES = 600


@pytest.fixture
def at_the_laptop(carla: StaffMember) -> Client:
    return browser(carla)


@pytest.fixture
def later(node: Node) -> Later:
    """`later(minutes=5)`: so much time passes."""

    def pass_by(**how_long: float) -> None:
        before, ms = node.wall, int(timedelta(**how_long).total_seconds() * 1000)
        node.wall = lambda: before() + ms

    return pass_by
