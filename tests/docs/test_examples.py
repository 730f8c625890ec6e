"""The examples of the protocol's page, run from top to bottom in one namespace."""

from __future__ import annotations

from typing import Any

from registry.places.services import add_area
from sync.carriers.server import answer
from sync.carriers.signing import Wire
from sync.enrolment import offer
from sync.ledger.recording import Author
from tests.docs.pages import PROTOCOL, blocks_of, name_of
from tests.world import World


def test_the_examples_of_the_protocol_hold(lonely_central: World) -> None:
    central = lonely_central.central

    def ask(door: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        with lonely_central.at(central):
            reply = answer(Wire("POST", f"https://central.example/sync/v1/{door}", body, headers))
        return reply.status, reply.content_type, reply.body

    def new_code(name: str) -> str:
        with lonely_central.at(central):
            return offer(name=name, facilities=[], mode="everything")

    with lonely_central.at(central):
        add_area(by=Author(None), name="Bocas del Toro")
    given: dict[str, Any] = {"ask": ask, "new_code": new_code}
    blocks = [block for block in blocks_of(PROTOCOL) if block.language == "python"]
    for block in blocks:
        source = "\n" * (block.line - 1) + block.content
        exec(compile(source, name_of(PROTOCOL), "exec"), given)  # noqa: S102  the page is ours
    assert len(blocks) > 10
