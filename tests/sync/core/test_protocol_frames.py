"""Frames that were packed long ago are read for ever: they wait on laptops and sticks.

`frames/` has a batch and a page of the first release, each with its dictionary (1) and without (0), in hex,
and the records that changes 1 to 60 of that replica had touched. They hold every kind and way of column. A
file there is never written anew: a later format adds its own.
"""

from __future__ import annotations

import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from sync.core.protocol import (
    canonical,
    chain_digest,
    decode_changes,
    decode_page,
    first_digest,
)
from sync.core.wire import Reader
from tests.sync.core.test_protocol_pages import plain

FRAMES = Path(__file__).parent / "frames"
CHAIN_HEAD = "a0bede26a2c558471383c2a07c949b493f42f929ed319c5f38eb58404f09d667"
STATES = "ef599498d9684c948913ccdfab0f6f94784d0d934ea83eaed178fe0024cc2770"
RECORDS = dict(enumerate(map(UUID, (FRAMES / "records.hex").read_text().split()), 1))


def kept(name: str) -> bytes:
    return bytes.fromhex((FRAMES / name).read_text())


def known(seqs: list[int]) -> dict[int, UUID]:
    return {seq: RECORDS[seq] for seq in seqs}


@pytest.mark.parametrize("dictionary", [0, 1])
def test_a_batch_of_the_first_release(dictionary: int) -> None:
    changes = decode_changes(kept(f"batch_{dictionary}.hex"), known)
    digest = first_digest(changes[0].replica)
    for change in changes:
        digest = chain_digest(digest, canonical(change))
    assert (changes[0].seq, len(changes), digest.hex()) == (61, 155, CHAIN_HEAD)


@pytest.mark.parametrize("dictionary", [0, 1])
def test_a_page_of_the_first_release(dictionary: int) -> None:
    records = decode_page(kept(f"page_{dictionary}.hex"))
    assert sha256(b"".join(map(plain, records))).hexdigest() == STATES


def test_they_hold_every_kind_and_way(monkeypatch: pytest.MonkeyPatch) -> None:
    told: Counter[tuple[str, int]] = Counter()
    byte = Reader.byte

    def note(reader: Reader) -> int:
        value = byte(reader)
        told[_asking(), value] += 1
        return value

    monkeypatch.setattr(Reader, "byte", note)
    decode_changes(kept("batch_1.hex"), known)
    assert {value for who, value in told if who == "read_column"} >= set(range(8))
    assert {min(value, 8) for who, value in told if who == "read_text"} >= {0, 1, 2, 3, 4, 8}
    assert {value >> 6 for who, value in told if who == "read_ints"} == set(range(4))


def _asking() -> str:
    """The function that asked for the byte."""
    return sys._getframe(2).f_code.co_name
