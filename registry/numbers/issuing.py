"""Central's side of registration numbers: drawing blocks and keeping the ledger.

Lives here: `issue_block`, what a replica still lacks, and taking back into the ledger a block that a
rolled-back central had forgotten. Numbers are drawn at random and never twice in the whole programme. Not
here: signing and sending (`sync`), handing numbers to people (`services.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from registry.numbers.blocks import LARGEST_BLOCK, Block, pool_size
from registry.numbers.codes import LETTERS, PER_PREFIX, PREFIXES, prefix_of
from registry.numbers.models import IssuedBlock, IssuedNumber
from sync.node import current_node
from sync.problems import Problem

_FULL: Final = PER_PREFIX * 9 // 10
_ATTEMPTS: Final = 8


def issue_block(
    *, replica: UUID, size: int | None = None, by: UUID | None = None, request_id: UUID | None = None
) -> Block:
    """At central: fresh numbers for one replica. The same `request_id` is answered with the same block."""
    if not current_node().is_central:
        raise Problem("only-central-issues", _("Only central issues registration numbers."), status=403)
    wanted = pool_size() if size is None else size
    if not 0 < wanted <= LARGEST_BLOCK:
        raise Problem("bad-count", _("A block has between 1 and 20,000 numbers."), fields={"count": wanted})
    for _attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                return _issued_before(request_id, replica) or _draw(
                    replica, wanted, by, request_id or uuid4()
                )
        except IntegrityError:
            continue  # another block took one of these numbers a moment ago
    raise Problem("numbers-busy", _("No numbers could be drawn just now. Try again."), status=503)


def _issued_before(request_id: UUID | None, replica: UUID) -> Block | None:
    block = IssuedBlock.objects.filter(pk=request_id, replica=replica).first() if request_id else None
    return None if block is None else _as_sent(block)


def _draw(replica: UUID, size: int, by: UUID | None, block_id: UUID) -> Block:
    ordinal = _roomy_prefix()
    chosen: list[int] = []
    while len(chosen) < size:
        drawn = current_node().rng.sample(range(PER_PREFIX), size - len(chosen))
        before = set(chosen)
        chosen += _never_issued(ordinal, [number for number in drawn if number not in before])
    block = IssuedBlock.objects.create(
        id=block_id, replica=replica, prefix=prefix_of(ordinal), issued_at=current_node().now(), issued_by=by
    )
    _enter(block, ordinal, chosen)
    return _as_sent(block, chosen)


def _roomy_prefix() -> int:
    rng = current_node().rng
    for ordinal in rng.sample(range(PREFIXES), PREFIXES):
        start = ordinal * PER_PREFIX
        if IssuedNumber.objects.filter(number__gte=start, number__lt=start + PER_PREFIX).count() < _FULL:
            return ordinal
    raise Problem("numbers-exhausted", _("Every registration number has been issued."), status=500)


def _never_issued(ordinal: int, numbers: list[int]) -> list[int]:
    keys = [ordinal * PER_PREFIX + number for number in numbers]
    issued: set[int] = set()
    for start in range(0, len(keys), 500):
        chunk = IssuedNumber.objects.filter(number__in=keys[start : start + 500])
        issued.update(chunk.values_list("number", flat=True))
    return [number for number, key in zip(numbers, keys, strict=True) if key not in issued]


def _enter(block: IssuedBlock, ordinal: int, numbers: list[int]) -> None:
    start = ordinal * PER_PREFIX
    IssuedNumber.objects.bulk_create(
        [IssuedNumber(number=start + number, block=block) for number in numbers], batch_size=500
    )


def _as_sent(block: IssuedBlock, numbers: list[int] | None = None) -> Block:
    if numbers is None:
        rows = IssuedNumber.objects.filter(block=block).values_list("number", flat=True)
        # The order they were drawn in is not kept; any order that does not rise will do.
        numbers = sorted((number % PER_PREFIX for number in rows), key=lambda number: str(number)[::-1])
    return Block(
        id=block.pk.bytes,
        replica=block.replica.bytes,
        prefix=block.prefix,
        numbers=numbers,
        issued_at=int(block.issued_at.timestamp() * 1000),
    )


def blocks_lacking(replica: UUID, known: Collection[UUID]) -> list[Block]:
    """At central: what was issued to a replica and has not arrived there."""
    missing = IssuedBlock.objects.filter(replica=replica).exclude(pk__in=list(known))
    return [_as_sent(block) for block in missing.order_by("issued_at", "pk")]


def take_back(block: Block) -> bool:
    """At central, after its own rollback: enter a block it had issued and forgotten; False where it is
    known.
    """
    ordinal = LETTERS.index(block["prefix"][0]) * 10 + int(block["prefix"][1])
    with transaction.atomic():
        row, made = IssuedBlock.objects.get_or_create(
            id=UUID(bytes=block["id"]),
            defaults={
                "replica": UUID(bytes=block["replica"]),
                "prefix": block["prefix"],
                "issued_at": datetime.fromtimestamp(block["issued_at"] / 1000, tz=UTC),
            },
        )
        if made:
            _enter(row, ordinal, block["numbers"])
    return made
