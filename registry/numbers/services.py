"""Handing out registration numbers at a replica that was given some.

Lives here: taking one number inside a save, and the provisional code for when none is left. A number leaves
its block in the transaction that gives it to a patient, so that a crash gives both or neither; a count
outside the database rises with it, so that an older copy of the database cannot hand a number out again.
Other rooms find everything about numbers under this name. Not here: the codes themselves (`codes.py`).
Read next: `blocks.py` (what a replica was given), `issuing.py` (central's side).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.db import transaction
from django.db.models import F

from registry.numbers.blocks import (
    Block,
    block_ids,
    install_block,
    numbers_left,
    numbers_taken,
    numbers_wanted,
)
from registry.numbers.codes import as_text, provisional_code, short_tag
from registry.numbers.issuing import blocks_lacking, issue_block, take_back
from registry.numbers.models import NumberBlock
from sync.ledger.recording import Save
from sync.ledger.replicas import self_replica, self_uuid
from sync.node import current_node

__all__ = [
    "Block",
    "block_ids",
    "blocks_lacking",
    "install_block",
    "issue_block",
    "new_provisional_code",
    "numbers_left",
    "numbers_taken",
    "numbers_wanted",
    "take_back",
    "take_number",
]


def take_number(save: Save) -> str | None:
    """One number for the save that is being made; None where none is left. It goes back if the save does
    not happen.
    """
    if save.repeated:
        raise RuntimeError("a repeated save takes no number")
    block = _next_block()
    if block is None and current_node().is_central:
        install_block(issue_block(replica=self_uuid()))
        block = _next_block()
    if block is None:
        return None
    held = NumberBlock.objects.filter(pk=block.pk, taken=block.taken).update(taken=F("taken") + 1)
    if held != 1:
        raise RuntimeError("a registration number was taken twice at once")
    _note_handed_out()
    return as_text(block.prefix, block.numbers[block.taken])


def _next_block() -> NumberBlock | None:
    mine = NumberBlock.objects.select_for_update().filter(replica=self_uuid(), taken__lt=F("size"))
    return mine.order_by("issued_at", "id").first()


def _note_handed_out() -> None:
    """Raise the mark outside the database, durably, before anybody is told the number."""
    count = numbers_taken()
    marks = current_node().marks
    transaction.on_commit(partial(marks.raise_to, numbers_taken=count))


def new_provisional_code(is_known: Callable[[str], bool]) -> str:
    """A code for a person who gets no number yet; one that this database does not know."""
    tag, rng = short_tag(self_replica().node_name, self_uuid()), current_node().rng
    while is_known(code := provisional_code(tag, rng)):
        continue
    return code
