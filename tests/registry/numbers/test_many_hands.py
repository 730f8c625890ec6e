"""Eight people register at once, and the power fails: still no number twice, and none lost without a
trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from registry.numbers.services import numbers_left, numbers_taken
from registry.people.models import Identifier, Patient
from registry.people.policy import NUMBER_SYSTEM, PROVISIONAL_SYSTEM
from registry.people.services import Registered
from sync.crash import install_hook
from sync.node import Node, acting_as
from tests.registry.conftest import Cast, give_numbers, make_patient

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, EACH = 8, 12


class PowerCut(BaseException):
    """What the hook raises instead of killing the process."""


@pytest.fixture
def cut_at() -> Iterator[Callable[[str], None]]:
    """Cut the power at a named place, once."""

    def arm(place: str) -> None:
        def hook(name: str) -> None:
            if name == place:
                install_hook(None)
                raise PowerCut

        install_hook(hook)

    yield arm
    install_hook(None)


def register_some(node: Node, cast: Cast, writer: int) -> list[Registered]:
    try:
        with acting_as(node):
            return [make_patient(cast.author(cast.rosa), f"Writer {writer}", f"Nr {n}") for n in range(EACH)]
    finally:
        connection.close()


def test_eight_writers_never_get_the_same_number(node: Node, cast: Cast) -> None:
    give_numbers(node, WRITERS * EACH - 10)
    with ThreadPoolExecutor(WRITERS) as pool:
        done = [pool.submit(register_some, node, cast, writer) for writer in range(WRITERS)]
        registered = [one for future in done for one in future.result()]
    numbers = [one.number for one in registered if one.number]
    provisional = [one.provisional_code for one in registered if not one.number]
    assert len(registered) == Patient.objects.count() == WRITERS * EACH
    assert len(numbers) == len(set(numbers)) == WRITERS * EACH - 10
    assert len(provisional) == len(set(provisional)) == 10
    assert numbers_left() == 0
    assert node.marks.read().numbers_taken == len(numbers)


def test_a_crash_before_the_commit_leaves_neither_patient_nor_number(
    node: Node, cast: Cast, cut_at: Callable[[str], None]
) -> None:
    give_numbers(node, 5)
    cut_at("save.before-commit")
    with pytest.raises(PowerCut):
        make_patient(cast.author(cast.rosa))
    assert not Patient.objects.exists()
    assert not Identifier.objects.exists()
    assert (numbers_left(), numbers_taken()) == (5, 0)


def test_a_crash_after_the_commit_leaves_both(node: Node, cast: Cast, cut_at: Callable[[str], None]) -> None:
    give_numbers(node, 5)
    cut_at("save.after-commit")
    with pytest.raises(PowerCut):
        make_patient(cast.author(cast.rosa))
    given = Identifier.objects.get()
    assert (given.system, given.patient_id) == (NUMBER_SYSTEM, Patient.objects.get().pk)
    assert make_patient(cast.author(cast.rosa)).number != given.value
    assert numbers_left() == 3


def test_the_empty_pool_turns_nobody_away(node: Node, cast: Cast) -> None:
    done = [make_patient(cast.author(cast.rosa), family=f"Nr {n}") for n in range(30)]
    codes = {one.provisional_code for one in done}
    assert None not in codes
    assert len(codes) == 30
    assert Identifier.objects.filter(system=PROVISIONAL_SYSTEM).count() == 30
