"""Whatever bytes arrive, a decoder gives back sound changes or raises `MalformedBatch`, and does so soon.

Bytes are tampered with outside the compressor, where nearly all is caught, and behind its back, where a
forger would be: there every stream is changed, and the lengths that say what follows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import process_time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.core.ints import write_ints
from sync.core.protocol import (
    Change,
    MalformedBatch,
    StateRecord,
    canonical,
    decode_changes,
    decode_page,
    encode_changes,
    encode_page,
    from_canonical,
    open_receipt,
)
from sync.core.receipts import BadReceipt
from sync.core.wire import CHANGES, DEFAULT_LIMITS, PAGE, Writer, seal
from tests.sync.core.ordinary_day import corrections, registrations_and_events
from tests.sync.core.strategies import thorough
from tests.sync.core.test_protocol_pages import as_central_has_them, plain
from tests.sync.core.wire_strategies import batches, framed, tampered

MANY = int(os.environ.get("POSTA_FUZZ", "600"))
hard = settings(thorough, max_examples=MANY)
DAY = registrations_and_events(people=12, events=28)
EDITS = corrections(DAY, 12)
BATCHES = [
    encode_changes(DAY, {}),
    encode_changes(DAY[:1], {}),
    encode_changes(EDITS, {change.record_id: change.seq for change in DAY}),
]
PAGES = [encode_page(as_central_has_them(DAY, EDITS)), encode_page(as_central_has_them(DAY[:2], []))]


def anyone(seqs: list[int]) -> dict[int, UUID]:
    return {seq: UUID(int=seq) for seq in seqs}


def read_changes(blob: bytes) -> list[Change]:
    """Sound, if there are any: each has its canonical form, and seqs have no gap."""
    try:
        changes = decode_changes(blob, anyone)
    except MalformedBatch as error:
        assert error.code
        assert error.message
        return []
    for change in changes:
        body = canonical(change)
        assert canonical(from_canonical(body)) == body
    assert [change.seq for change in changes] == list(range(changes[0].seq, changes[0].seq + len(changes)))
    return changes


def read_page(blob: bytes) -> list[StateRecord]:
    try:
        records = decode_page(blob)
    except MalformedBatch as error:
        assert error.code
        assert error.message
        return []
    assert all(plain(record) for record in records)
    return records


@hard
@given(st.binary(max_size=300))
def test_random_bytes(blob: bytes) -> None:
    read_changes(blob)
    read_page(blob)


@hard
@given(st.sampled_from(BATCHES), st.data())
def test_truncated_batches(blob: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(blob) - 1))
    assert read_changes(blob[:cut]) == []
    assert read_changes(blob + b"\0") == []


@hard
@given(st.sampled_from(PAGES), st.data())
def test_truncated_pages(blob: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(blob) - 1))
    assert read_page(blob[:cut]) == []
    assert read_page(blob + b"\0") == []


def flips(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Callable[[bytearray], None]:
    """A few bytes replaced, with a taste for what counts and lengths are made of; sometimes some cut or put
    in.
    """
    places = draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
    fresh = draw(
        st.lists(st.integers(0, 255) | st.sampled_from([0, 1, 127, 128, 255]), min_size=4, max_size=4)
    )
    cut = draw(st.sampled_from([0, 0, 0, 1, 9]))

    def tamper(content: bytearray) -> None:
        for place, byte in zip(places, fresh, strict=False):
            if content:
                content[place % len(content)] = byte
        if cut and len(content) > 20:
            del content[-cut:]

    return tamper


@hard
@given(st.sampled_from(BATCHES), st.data())
def test_flipped_batches(blob: bytes, data: st.DataObject) -> None:
    flipped = bytearray(blob)
    flips(data.draw)(flipped)
    read_changes(bytes(flipped))


@hard
@given(st.sampled_from(BATCHES), st.sampled_from(["content", "dense"]), st.data())
def test_batches_tampered_with_behind_the_compressor(blob: bytes, part: str, data: st.DataObject) -> None:
    read_changes(tampered(blob, flips(data.draw), part))


@hard
@given(st.sampled_from(PAGES), st.sampled_from(["content", "dense"]), st.data())
def test_pages_tampered_with_behind_the_compressor(blob: bytes, part: str, data: st.DataObject) -> None:
    read_page(tampered(blob, flips(data.draw), part))


@thorough
@given(batches(), st.sampled_from(["content", "dense"]), st.data())
def test_any_batch_tampered_with(batch: tuple[list[Change], Any], part: str, data: st.DataObject) -> None:
    read_changes(tampered(encode_changes(batch[0], {}, 1), flips(data.draw), part))


def test_every_byte_of_the_head_in_turn() -> None:
    """The head is where lengths, ways and widths are told: each of its bytes takes each telling value."""
    for blob, read in ((BATCHES[2], read_changes), (PAGES[1], read_page)):
        head = blob[1] & 127 | (blob[2] << 7 if blob[1] > 127 else 0)
        for place in range(head):
            for byte in (0, 1, 2, 7, 63, 64, 127, 128, 192, 255):

                def put(content: bytearray, place: int = place, byte: int = byte) -> None:
                    content[place] = byte

                read(tampered(blob, put, "content"))


@hard
@given(st.lists(st.integers(0, 255), max_size=80), st.binary(max_size=40), st.sampled_from([CHANGES, PAGE]))
def test_heads_from_nothing(head: list[int], rest: bytes, kind: int) -> None:
    content = bytes(head) + rest
    blob = framed(kind << 4, [len(head), len(rest), 0], content, rest)
    read_changes(blob)
    read_page(blob)


@hard
@given(st.binary(max_size=120))
def test_envelopes_from_nothing(envelope: bytes) -> None:
    with pytest.raises(BadReceipt):
        open_receipt(envelope, {})


# Much asked for with few bytes


def opening(count: int) -> Writer:
    """The begin of a batch: one change each save, all alike."""
    writer = Writer()
    writer.varint(count)
    writer.varint(1)
    same = [0] * count
    write_ints(writer, same)
    write_ints(writer, same)
    writer.varint(1)
    write_ints(writer, [count])
    write_ints(writer, [2])
    writer.dense += bytes(16)
    write_ints(writer, same)
    write_ints(writer, same)
    return writer


def test_many_fields_in_many_rows_are_refused_before_they_are_made() -> None:
    count, names = DEFAULT_LIMITS.max_records, 2000
    writer = opening(count)
    writer.varint(1)
    write_ints(writer, [names])
    writer.head += b"\4\0"
    writer.text += ["t", *map(str, range(names))]
    writer.varint(1)
    write_ints(writer, [0])
    write_ints(writer, [1])
    writer.dense += b"\xff" * (names // 8)
    write_ints(writer, [0] * count)
    blob = seal(CHANGES, writer)
    assert len(blob) < 6000
    started = process_time()
    with pytest.raises(MalformedBatch) as refused:
        decode_changes(blob, anyone)
    assert refused.value.code == "too-large"
    assert process_time() - started < 1


def test_a_long_text_in_many_rows_is_refused_before_it_is_copied() -> None:
    text = "x" * 10_000
    writer = opening(DEFAULT_LIMITS.max_records)
    writer.varint(1)
    write_ints(writer, [DEFAULT_LIMITS.max_records])
    writer.head += b"\4\1\1"
    writer.text.append(text)
    write_ints(writer, [0] * (DEFAULT_LIMITS.max_records + 1))
    with pytest.raises(MalformedBatch) as refused:
        decode_changes(seal(CHANGES, writer), anyone)
    assert refused.value.code == "too-large"
