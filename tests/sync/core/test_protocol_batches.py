"""Batches of changes: whatever goes up comes out the same, and what the other side can work out stays at
home.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest
import zstandard
from hypothesis import given

from sync.core.merge import Past
from sync.core.protocol import (
    BatchTooLarge,
    Change,
    Limits,
    MalformedBatch,
    canonical,
    decode_changes,
    derive_id,
    encode_changes,
    new_save_id,
)
from tests.sync.core.ordinary_day import corrections, registrations_and_events
from tests.sync.core.strategies import quick, thorough
from tests.sync.core.wire_strategies import batches, framed, varint

Refs = Mapping[UUID, int]
DAY = registrations_and_events(people=100, events=300)


def never(seqs: list[int]) -> dict[int, UUID]:
    raise AssertionError(f"nothing refers to {seqs}")


def there_and_back(changes: Sequence[Change], refs: Refs) -> list[Change]:
    records = {seq: record for record, seq in refs.items()}
    return decode_changes(encode_changes(changes, refs, 3), lambda seqs: {seq: records[seq] for seq in seqs})


@thorough
@given(batches())
def test_any_batch_comes_back(batch: tuple[list[Change], Refs]) -> None:
    changes, refs = batch
    back = there_and_back(changes, refs)
    assert list(map(canonical, back)) == list(map(canonical, changes))


@quick
@given(batches())
def test_a_batch_comes_back_without_any_reference(batch: tuple[list[Change], Refs]) -> None:
    back = decode_changes(encode_changes(batch[0], {}, 3), never)
    assert list(map(canonical, back)) == list(map(canonical, batch[0]))


@pytest.mark.parametrize("size", [1, 2, 7, 60, 400])
def test_ordinary_work_comes_back_however_it_is_cut(size: int) -> None:
    refs = {change.record_id: change.seq for change in DAY}
    for start in range(0, len(DAY), size):
        batch = DAY[start : start + size]
        assert there_and_back(batch, refs) == batch


def test_corrections_come_back_with_their_pasts() -> None:
    refs = {change.record_id: change.seq for change in DAY}
    edits = corrections(DAY, 60)
    assert there_and_back(edits, refs) == edits


def test_a_reference_beyond_the_batch_is_not_believed() -> None:
    """A caller's list that runs ahead must not make a change refer to the future."""
    refs = {change.record_id: change.seq for change in DAY}
    assert there_and_back(DAY[:50], {**refs, DAY[0].replica: 10**6}) == DAY[:50]


# What does not travel


def one_save(seq: int, fields: dict[str, Any], **other: Any) -> Change:
    save = new_save_id(1_755_000_000_000 + 60_000 * seq, Random(seq))
    plain = replace(
        DAY[0],
        seq=seq,
        save_id=save,
        record_id=derive_id(save, 0),
        stamp=(1_755_000_000_000 + 60_000 * seq) << 16,
        fields=fields,
    )
    return replace(plain, **other)


def test_ids_of_created_records_cost_nothing() -> None:
    created = [one_save(seq, {"n": seq}) for seq in range(1, 201)]
    moved = [replace(change, record_id=derive_id(change.save_id, 9)) for change in created]
    saved = len(encode_changes(moved, {})) - len(encode_changes(created, {}))
    assert saved > 200 * 9


def test_references_to_earlier_changes_cost_a_byte_or_two() -> None:
    earlier = [derive_id(new_save_id(1_754_000_000_000 + 977 * seq, Random(seq)), 0) for seq in range(1, 301)]
    refs = {record: seq for seq, record in enumerate(earlier, 1)}
    alone = [one_save(300 + seq, {"n": seq}) for seq in range(1, 201)]
    with_reference = [
        replace(change, fields={**change.fields, "patient": Random(change.seq).choice(earlier).bytes})
        for change in alone
    ]
    added = len(encode_changes(with_reference, refs)) - len(encode_changes(alone, refs))
    assert added < 200 * 2
    assert there_and_back(with_reference, refs) == with_reference


def test_a_parent_in_the_same_batch_costs_even_less() -> None:
    families = []
    for seq in range(1, 201, 2):
        parent = one_save(seq, {"n": 1}, last=False)
        child = one_save(seq + 1, {"n": 2, "patient": parent.record_id.bytes})
        child = replace(child, save_id=parent.save_id, ordinal=1, record_id=derive_id(parent.save_id, 1))
        families += [parent, child]
    assert decode_changes(encode_changes(families, {}), never) == families
    without = [replace(change, fields={"n": change.fields["n"]}) for change in families]
    assert len(encode_changes(families, {})) - len(encode_changes(without, {})) < 60


def test_the_past_of_whoever_saw_the_latest_costs_nothing() -> None:
    refs = {change.record_id: change.seq for change in DAY}
    edits = corrections(DAY, 100)
    blind = [replace(change, past=Past()) for change in edits]
    assert abs(len(encode_changes(edits, refs)) - len(encode_changes(blind, refs))) < 40


def test_seqs_are_asked_for_once_and_only_if_needed() -> None:
    asked: list[list[int]] = []
    records = {change.seq: change.record_id for change in DAY}

    def resolve(seqs: list[int]) -> dict[int, UUID]:
        asked.append(seqs)
        return {seq: records[seq] for seq in seqs}

    refs = {change.record_id: change.seq for change in DAY}
    decode_changes(encode_changes(DAY[200:], refs), resolve)
    assert len(asked) == 1
    assert sorted(set(asked[0])) == asked[0]
    assert max(asked[0]) <= 200


def test_an_unknown_reference_is_refused() -> None:
    refs = {change.record_id: change.seq for change in DAY}
    with pytest.raises(MalformedBatch) as refused:
        decode_changes(encode_changes(DAY[200:], refs), lambda seqs: {})
    assert refused.value.code == "unknown-reference"


def test_what_resolve_raises_passes_through() -> None:
    refs = {change.record_id: change.seq for change in DAY}

    def resolve(seqs: list[int]) -> dict[int, UUID]:
        raise ValueError("the database is away")

    with pytest.raises(ValueError, match="away"):
        decode_changes(encode_changes(DAY[200:], refs), resolve)


# What cannot travel


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [DAY[0], DAY[2]],
        [DAY[1], DAY[0]],
        [DAY[0], replace(DAY[1], replica=UUID(int=9))],
        [replace(DAY[0], seq=0)],
        [replace(DAY[0], seq=2**63)],
        [replace(DAY[0], stamp=-1)],
        [replace(DAY[0], stamp=2**63)],
        [replace(DAY[0], ordinal=2**31)],
        [replace(DAY[0], ordinal=-1)],
        [replace(DAY[0], schema=-1)],
        [replace(DAY[0], clock_offset_ms=2**63)],
        [replace(DAY[0], past=Past({DAY[0].replica: 0}))],
        [replace(DAY[0], fields={"x": 2**64})],
        [replace(DAY[0], fields={"x": "\ud800"})],
    ],
    ids=["none", "gap", "backwards", "two-replicas", *(f"bound-{number}" for number in range(11))],
)
def test_what_is_no_batch_is_not_sent(changes: list[Change]) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode_changes(changes, {})


def test_nothing_is_sent_that_would_be_refused_for_its_size() -> None:
    note = "x" * 900_000
    big = [one_save(seq, {"note": note}) for seq in range(1, 10)]
    with pytest.raises(BatchTooLarge):
        encode_changes(big, {})
    assert decode_changes(encode_changes(big[:8], {}), never) == big[:8]


def test_a_batch_has_a_most() -> None:
    with pytest.raises(BatchTooLarge):
        encode_changes([one_save(1, {})] * 20_001, {})


@pytest.mark.parametrize(
    "limits", [Limits(max_bytes=2000), Limits(max_records=399), Limits(max_values=1000)], ids=str
)
def test_the_reader_may_allow_less(limits: Limits) -> None:
    with pytest.raises(MalformedBatch) as refused:
        decode_changes(encode_changes(DAY, {}), never, limits)
    assert refused.value.code == "too-large"


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = framed(16, [9 << 20, 0, 0], bytes(9 << 20))
    assert len(bomb) < 2000
    with pytest.raises(MalformedBatch) as refused:
        decode_changes(bomb, never)
    assert refused.value.code == "too-large"


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    with pytest.raises(MalformedBatch) as refused:
        decode_changes(framed(16, [100, 0, 0], bytes(9 << 20)), never)
    assert refused.value.code == "bad-compression"


def test_a_bomb_that_declares_its_size_to_the_compressor_is_refused() -> None:
    """zstd would believe that size and reserve it, whatever limit it is given."""
    packed = zstandard.ZstdCompressor().compress(bytes(9 << 20))[4:]
    blob = b"\x10" + b"".join(map(varint, [100, 0, 0, len(packed)])) + packed
    with pytest.raises(MalformedBatch) as refused:
        decode_changes(blob, never)
    assert refused.value.code == "bad-compression"


# By many at once


def test_threads_do_not_share_a_compressor() -> None:
    with ThreadPoolExecutor(8) as pool:
        blobs = list(pool.map(lambda _: encode_changes(DAY, {}), range(24)))
    assert len(set(blobs)) == 1
