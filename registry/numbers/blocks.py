"""The blocks of numbers that this replica was given.

Lives here: taking in a block from central, and how many numbers are left, wanted and taken. Not here: making
blocks (`issuing.py`), handing a number to a person (`services.py`).
Read next: `services.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, TypedDict
from uuid import UUID

from django.conf import settings
from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from registry.numbers.codes import LETTERS, PER_PREFIX
from registry.numbers.models import NumberBlock
from sync.ledger.replicas import self_uuid
from sync.problems import Problem

LARGEST_BLOCK: Final = 20_000


class Block(TypedDict):
    """A block as it travels: plain values."""

    id: bytes
    replica: bytes
    prefix: str
    numbers: list[int]
    issued_at: int


def pool_size() -> int:
    """How many numbers a replica keeps in hand when it is full."""
    return int(getattr(settings, "POSTA_NUMBER_POOL", 1000))


def numbers_left() -> int:
    """How many numbers this replica can still hand out."""
    held = NumberBlock.objects.filter(replica=self_uuid()).aggregate(left=Sum(F("size") - F("taken")))
    return int(held["left"] or 0)


def numbers_wanted() -> int:
    """How many to ask central for: nothing while half the pool is there, else what fills it."""
    left = numbers_left()
    return pool_size() - left if left * 2 < pool_size() else 0


def numbers_taken() -> int:
    """How many numbers this database knows to have been handed out; compare with the mark of the same
    name.
    """
    return int(NumberBlock.objects.aggregate(taken=Sum("taken"))["taken"] or 0)


def block_ids() -> list[UUID]:
    """The blocks this replica has; central sends again what is not among them."""
    return list(NumberBlock.objects.filter(replica=self_uuid()).order_by("id").values_list("id", flat=True))


def install_block(block: Block) -> bool:
    """Take in a block from central; False where it was here already."""
    _check_block(block)
    _row, made = NumberBlock.objects.get_or_create(
        id=UUID(bytes=block["id"]),
        defaults={
            "replica": UUID(bytes=block["replica"]),
            "prefix": block["prefix"],
            "numbers": block["numbers"],
            "size": len(block["numbers"]),
            "issued_at": datetime.fromtimestamp(block["issued_at"] / 1000, tz=UTC),
        },
    )
    return made


def _check_block(block: Block) -> None:
    numbers, prefix = block["numbers"], block["prefix"]
    sound = len(prefix) == 2 and prefix[0] in LETTERS and prefix[1].isdecimal()
    sound = sound and 0 < len(set(numbers)) == len(numbers) <= LARGEST_BLOCK
    if not sound or not all(0 <= number < PER_PREFIX for number in numbers):
        raise Problem("bad-block", _("These registration numbers cannot be used."))
    if UUID(bytes=block["replica"]) != self_uuid():
        raise Problem("block-of-another", _("These registration numbers belong to another clinic laptop."))
