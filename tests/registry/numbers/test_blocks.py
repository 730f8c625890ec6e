"""Central never issues a number twice; a clinic never hands one out twice, and a crash does not lose or
double it.
"""

from __future__ import annotations

import json
import random
from io import StringIO
from uuid import UUID, uuid4

import msgspec
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from registry.numbers import issuing
from registry.numbers.codes import PER_PREFIX, check_number
from registry.numbers.models import IssuedBlock, IssuedNumber, NumberBlock
from registry.numbers.services import (
    Block,
    block_ids,
    blocks_lacking,
    install_block,
    issue_block,
    new_provisional_code,
    numbers_left,
    numbers_taken,
    numbers_wanted,
    take_back,
    take_number,
)
from sync.core.protocol import first_digest
from sync.ledger.models import Replica
from sync.ledger.recording import recording
from sync.ledger.replicas import self_uuid
from sync.node import Node
from sync.problems import Problem
from tests.registry.conftest import THE_NODE, give_numbers

ELSEWHERE = UUID(int=7)


def travelled(block: Block) -> Block:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(block), type=Block)


def taken_one() -> str | None:
    with recording(by=THE_NODE) as save:
        return take_number(save)


def test_numbers_are_random_and_never_repeat(node: Node) -> None:
    node.rng = random.Random(5)
    blocks = [issue_block(replica=ELSEWHERE, size=300) for _turn in range(4)]
    everything = [(block["prefix"], number) for block in blocks for number in block["numbers"]]
    assert len(set(everything)) == 1200
    for block in blocks:
        steps = {b - a for a, b in zip(block["numbers"], block["numbers"][1:], strict=False)}
        assert len(steps) > 290
        assert block["numbers"] != sorted(block["numbers"])


def test_a_number_drawn_before_is_drawn_again_only_to_be_dropped(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "_roomy_prefix", lambda: 3)
    first = issue_block(replica=ELSEWHERE, size=50)

    class Unlucky(random.Random):
        """Draws the numbers of the first block before any other."""

        turn = 0

        def sample(self, population: object, k: int, **kwargs: object) -> list[int]:  # type: ignore[override]
            self.turn += 1
            return first["numbers"][:k] if self.turn == 1 else super().sample(population, k)  # type: ignore[arg-type]

    node.rng = Unlucky(1)
    second = issue_block(replica=ELSEWHERE, size=20)
    assert len(second["numbers"]) == 20
    assert not set(first["numbers"]) & set(second["numbers"])


def test_a_full_prefix_is_passed_over(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "_FULL", 40)
    monkeypatch.setattr(issuing, "PREFIXES", 6)
    for _turn in range(6):
        issue_block(replica=ELSEWHERE, size=40)
    assert len(set(IssuedBlock.objects.values_list("prefix", flat=True))) == 6
    with pytest.raises(Problem) as refused:
        issue_block(replica=ELSEWHERE, size=1)
    assert refused.value.code == "numbers-exhausted"


def test_a_lost_answer_is_asked_for_again(node: Node) -> None:
    request_id = uuid4()
    first = issue_block(replica=ELSEWHERE, size=30, request_id=request_id)
    again = issue_block(replica=ELSEWHERE, size=30, request_id=request_id)
    assert set(first["numbers"]) == set(again["numbers"])
    assert first["id"] == again["id"] == request_id.bytes
    assert IssuedNumber.objects.count() == 30


def test_what_did_not_arrive_is_sent_again(node: Node) -> None:
    first, second = (issue_block(replica=ELSEWHERE, size=10) for _turn in range(2))
    issue_block(replica=self_uuid(), size=10)
    lacking = blocks_lacking(ELSEWHERE, [UUID(bytes=first["id"])])
    assert [block["id"] for block in lacking] == [second["id"]]
    assert set(lacking[0]["numbers"]) == set(second["numbers"])
    assert lacking[0]["numbers"] != sorted(lacking[0]["numbers"])


@pytest.mark.parametrize("size", [0, -1, 20_001])
def test_senseless_counts_are_refused(node: Node, size: int) -> None:
    with pytest.raises(Problem) as refused:
        issue_block(replica=ELSEWHERE, size=size)
    assert refused.value.code == "bad-count"


def test_a_clinic_issues_nothing(node: Node) -> None:
    node.role = "clinic"
    with pytest.raises(Problem) as refused:
        issue_block(replica=self_uuid(), size=10)
    assert refused.value.code == "only-central-issues"


def test_every_number_of_a_block_is_handed_out_once(node: Node) -> None:
    give_numbers(node, 12)
    node.role = "clinic"
    taken = [taken_one() for _turn in range(12)]
    assert len(set(taken)) == 12
    assert all(number and check_number(number).ok for number in taken)
    assert taken_one() is None
    assert (numbers_left(), numbers_taken()) == (0, 12)


def test_a_save_that_fails_gives_its_number_back(node: Node) -> None:
    give_numbers(node, 2)
    node.role = "clinic"
    with pytest.raises(ZeroDivisionError), recording(by=THE_NODE) as save:
        lost = take_number(save)
        raise ZeroDivisionError
    assert numbers_left() == 2
    assert taken_one() == lost


def test_central_supplies_itself(node: Node) -> None:
    number = taken_one()
    assert number is not None
    assert check_number(number).ok
    assert IssuedBlock.objects.get().replica == self_uuid()


def test_a_block_is_taken_in_once(node: Node) -> None:
    block = travelled(issue_block(replica=self_uuid(), size=9))
    assert (install_block(block), install_block(block)) == (True, False)
    assert numbers_left() == 9
    assert block_ids() == [UUID(bytes=block["id"])]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"replica": ELSEWHERE.bytes}, "block-of-another"),
        ({"prefix": "I7"}, "bad-block"),
        ({"prefix": "K"}, "bad-block"),
        ({"numbers": []}, "bad-block"),
        ({"numbers": [5, 5]}, "bad-block"),
        ({"numbers": [PER_PREFIX]}, "bad-block"),
        ({"numbers": [-1]}, "bad-block"),
    ],
)
def test_a_block_that_is_not_ours_or_not_sound_is_refused(
    node: Node, wrong: dict[str, object], code: str
) -> None:
    block = issue_block(replica=self_uuid(), size=9)
    with pytest.raises(Problem) as refused:
        install_block({**block, **wrong})  # type: ignore[typeddict-item]
    assert refused.value.code == code
    assert not NumberBlock.objects.exists()


def test_the_pool_is_filled_up_below_half(node: Node, settings: Settings) -> None:
    settings.POSTA_NUMBER_POOL = 10
    node.role = "clinic"
    assert numbers_wanted() == 10
    give_numbers(node, 10)
    wanted = []
    for _turn in range(7):
        taken_one()
        wanted.append(numbers_wanted())
    assert wanted == [0, 0, 0, 0, 0, 6, 7]


def test_numbers_of_a_former_replica_are_abandoned(node: Node) -> None:
    give_numbers(node, 5)
    node.role = "clinic"
    assert taken_one() is not None
    # A restored database takes a new identity; what its former self had in hand may have been handed out.
    replica = Replica.objects.get(is_self=True)
    replica.is_self = False
    replica.save()
    fresh = uuid4()
    Replica.objects.create(uuid=fresh, is_self=True, node_name="Bocas", head_digest=first_digest(fresh))
    node.kept.clear()
    assert numbers_left() == 0
    assert taken_one() is None
    assert numbers_taken() == 1


def test_a_central_that_forgot_takes_blocks_back(node: Node) -> None:
    block = travelled(issue_block(replica=ELSEWHERE, size=25))
    IssuedBlock.objects.all().delete()
    assert not IssuedNumber.objects.exists()
    assert (take_back(block), take_back(block)) == (True, False)
    assert IssuedNumber.objects.count() == 25


@pytest.mark.django_db(transaction=True)
def test_the_mark_outside_the_database_is_raised_before_the_answer(node: Node) -> None:
    give_numbers(node, 3)
    node.role = "clinic"
    for count in (1, 2):
        taken_one()
        assert node.marks.read().numbers_taken == count
    with pytest.raises(ZeroDivisionError), recording(by=THE_NODE) as save:
        take_number(save)
        raise ZeroDivisionError
    assert node.marks.read().numbers_taken == 2


def test_provisional_codes_avoid_what_is_known(node: Node) -> None:
    asked: list[str] = []

    def known(code: str) -> bool:
        asked.append(code)
        return len(asked) < 4

    code = new_provisional_code(known)
    assert code == asked[3]
    assert len(set(asked)) == 4
    assert check_number(code).kind == "provisional"
    assert code.startswith("BCA")


def test_the_command_issues_a_block(node: Node) -> None:
    Replica.objects.create(uuid=ELSEWHERE, node_name="Yaviza", head_digest=first_digest(ELSEWHERE))
    out = StringIO()
    call_command("issue_numbers", "--node", "Yaviza", "--count", "40", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert (said["replica"], said["count"]) == (str(ELSEWHERE), 40)
    assert IssuedNumber.objects.filter(block__replica=ELSEWHERE).count() == 40
    call_command("issue_numbers", "--replica", str(ELSEWHERE), "--count", "2", stdout=out)
    assert "count: 2" in out.getvalue()


def test_the_command_says_what_is_wrong(node: Node) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="no live clinic"):
        call_command("issue_numbers", "--node", "Nowhere", "--json", stdout=out)
    assert json.loads(out.getvalue())["code"] == "unknown-node"
