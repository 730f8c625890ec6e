"""Numbers between central and a clinic: with the welcome, and topped up in a run before they run short.

Lives here: central's door `numbers`, the run's step, and what a node is given when it joins. Not here:
drawing (`issuing.py`), keeping (`blocks.py`), handing out (`services.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from registry.numbers.blocks import Block, block_ids, install_block, numbers_left, numbers_wanted, pool_size
from registry.numbers.issuing import blocks_lacking, issue_block
from registry.numbers.models import IssuedBlock
from sync.carriers.server import Caller, endpoint, refusal
from sync.enrolment import on_welcome, provide_extra
from sync.ledger.models import Replica
from sync.models import EnrolledNode
from sync.run import Run, step
from sync.status import provide


class NumbersRequest(msgspec.Struct, array_like=True):
    """Which blocks the clinic has, how many more numbers it wants, and the id that makes asking twice
    harmless.
    """

    known: list[bytes]
    wanted: int
    request: bytes


@endpoint("numbers")
def send_numbers(caller: Caller, body: bytes) -> bytes:
    """Central's door: what was issued before and got lost on the way, else a fresh block."""
    ask = msgspec.msgpack.decode(body, type=NumbersRequest)
    if len(ask.request) != 16 or any(len(one) != 16 for one in ask.known):
        raise refusal("malformed", "An id has sixteen bytes.", 400)
    replica = caller.live.uuid
    blocks = blocks_lacking(replica, [UUID(bytes=one) for one in ask.known])
    if not blocks and ask.wanted > 0:
        wanted = min(ask.wanted, pool_size())
        blocks = [issue_block(replica=replica, size=wanted, request_id=UUID(bytes=ask.request))]
    return msgspec.msgpack.encode(blocks)


@step("numbers", 70)
def top_up(run: Run) -> None:
    """Below half the pool: ask for what fills it."""
    wanted = 0 if run.upload_only else numbers_wanted()
    if not wanted:
        return
    from sync.node import current_node

    request = NumbersRequest(
        known=[one.bytes for one in block_ids()], wanted=wanted, request=current_node().rng.randbytes(16)
    )
    answer = run.session.post("numbers", msgspec.msgpack.encode(request))
    for block in msgspec.msgpack.decode(answer, type=list[dict[str, Any]]):
        install_block(_as_block(block))


def _as_block(plain: dict[str, Any]) -> Block:
    return Block(
        id=plain["id"],
        replica=plain["replica"],
        prefix=plain["prefix"],
        numbers=plain["numbers"],
        issued_at=plain["issued_at"],
    )


def _first_block(node: EnrolledNode, _pepper: bytes) -> list[Block]:
    """A node that joins has numbers at once. Joining again gets the same block."""
    replica = Replica.objects.filter(node_uuid=node.uuid, standing=Replica.Standing.LIVE).get().uuid
    if IssuedBlock.objects.filter(replica=replica).exists():
        return blocks_lacking(replica, [])
    return [issue_block(replica=replica)]


def _install_blocks(blocks: list[dict[str, Any]]) -> None:
    for block in blocks:
        install_block(_as_block(block))


provide_extra("numbers", _first_block)
on_welcome("numbers", _install_blocks)
provide("numbers_left", numbers_left)
