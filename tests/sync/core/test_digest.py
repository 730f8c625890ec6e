"""Digests: equal exactly when heads are equal, in any order, and pointing at the bucket that differs."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.digest import BUCKETS, HASH_BYTES, TableDigest, bucket_of, differing, record_hash
from sync.core.merge import Dot, Head, Past, State, Value, Write, merge, rewrite_received, state_of
from tests.sync.core.strategies import (
    CENTRAL,
    CLINICS,
    NURSES,
    Clinics,
    histories,
    quick,
    thorough,
    typed,
    values,
)

RECORD = UUID(int=7)
WRITE = Write(Dot(CENTRAL, 3), Past({CENTRAL: 2}), 5, None, NURSES[0], "tablet-1")


def hash_of(fields: dict[str, Value], write: Write = WRITE) -> int:
    return record_hash("patients", RECORD, state_of(write, fields))


def heads_of(state: State) -> dict[str, set[tuple[Dot, tuple[Any, ...]]]]:
    return {name: {(head.write.dot, typed(head.value)) for head in heads} for name, heads in state.items()}


def digest_of(rows: list[tuple[UUID, int]]) -> TableDigest:
    digest = TableDigest()
    for record_id, hashed in rows:
        digest.add(record_id, hashed)
    return digest


@thorough
@given(histories(), st.data())
def test_hashes_are_equal_exactly_when_heads_are(world: Clinics, data: st.DataObject) -> None:
    any_state = st.sampled_from([{}, *world.everything()])
    one, other = data.draw(any_state), data.draw(any_state)
    same = heads_of(one) == heads_of(other)
    assert (record_hash("t", RECORD, one) == record_hash("t", RECORD, other)) == same
    either_way = {record_hash("t", RECORD, merge(*pair)) for pair in ((one, other), (other, one))}
    assert len(either_way) == 1


@quick
@given(values(), values())
def test_values_count_with_their_types(one: Value, other: Value) -> None:
    assert (hash_of({"a": one}) == hash_of({"a": other})) == (typed(one) == typed(other))


def test_what_does_not_identify_a_head_does_not_count() -> None:
    expected = hash_of({"a": 1, "b": 2})
    elsewhere = replace(
        WRITE, author=NURSES[1], device="x", received=1, stamp=9, clock_offset_ms=8, past=Past()
    )
    assert hash_of({"b": 2, "a": 1}, elsewhere) == expected
    received = rewrite_received(state_of(WRITE, {"a": 1, "b": 2}), WRITE.dot, 1)
    assert record_hash("patients", RECORD, received) == expected


def test_the_order_of_heads_does_not_count() -> None:
    heads = tuple(Head(replace(WRITE, dot=Dot(one, 1)), str(one)) for one in CLINICS)
    assert record_hash("t", RECORD, {"a": heads}) == record_hash("t", RECORD, {"a": heads[::-1]})


@pytest.mark.parametrize(
    "other",
    [
        record_hash("visits", RECORD, state_of(WRITE, {"a": 1, "b": 2})),
        record_hash("patients", UUID(int=8), state_of(WRITE, {"a": 1, "b": 2})),
        hash_of({"a": 1, "b": 2}, replace(WRITE, dot=Dot(CENTRAL, 4))),
        hash_of({"a": 1, "b": 2}, replace(WRITE, dot=Dot(CLINICS[0], 3))),
        hash_of({"a": 2, "b": 1}),
        hash_of({"a": 1}),
        hash_of({"a": 1, "c": 2}),
        hash_of({}),
    ],
)
def test_everything_that_identifies_a_head_counts(other: int) -> None:
    assert hash_of({"a": 1, "b": 2}) != other


def test_a_hash_is_blake2b_over_plain_msgpack() -> None:
    fields: dict[str, Value] = {"b": [None, "é"], "a": True}
    spelt_out = (
        b"\x93\xa1t\xc4\x10" + RECORD.bytes + b"\x92"
        b"\x92\xa1a\x91\x93\xc4\x10" + CENTRAL.bytes + b"\x03\xc3"
        b"\x92\xa1b\x91\x93\xc4\x10" + CENTRAL.bytes + b"\x03\x92\xc0\xa2\xc3\xa9"
    )
    expected = int.from_bytes(blake2b(spelt_out, digest_size=16).digest())
    assert record_hash("t", RECORD, state_of(WRITE, fields)) == expected


rows = st.lists(
    st.tuples(st.uuids(), st.integers(0, 2 ** (8 * HASH_BYTES) - 1)),
    max_size=30,
    unique_by=lambda row: row[0],
)


@quick
@given(rows, st.randoms(use_true_random=False))
def test_records_may_come_in_any_order(found: list[tuple[UUID, int]], rng: Any) -> None:
    one = digest_of(found)
    rng.shuffle(found)
    assert digest_of(found).buckets() == one.buckets()
    assert digest_of(found).root() == one.root()


@quick
@given(rows.filter(bool), st.data())
def test_one_record_that_differs_is_found_in_its_bucket(
    found: list[tuple[UUID, int]], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(found) - 1))
    record_id, hashed = found[place]
    changed = [*found[:place], (record_id, (hashed + 1) % 2**128), *found[place + 1 :]]
    one, other = digest_of(found), digest_of(changed)
    assert differing(one.buckets(), other.buckets()) == [bucket_of(record_id)]
    assert differing(one.buckets(), one.buckets()) == []
    assert one.root() != other.root()


def test_a_record_counted_twice_does_not_cancel() -> None:
    hashed = hash_of({"a": 1})
    once, twice, thrice = (digest_of([(RECORD, hashed)] * times) for times in (1, 2, 3))
    assert len({TableDigest().root(), once.root(), twice.root(), thrice.root()}) == 4
    assert differing(once.buckets(), thrice.buckets()) == [7]


def test_sums_stay_within_a_hash() -> None:
    largest = 2 ** (8 * HASH_BYTES) - 1
    assert digest_of([(RECORD, largest)] * 2).buckets()[7] == (largest - 1).to_bytes(HASH_BYTES)
    assert digest_of([(RECORD, largest), (RECORD, 1)]).buckets() == TableDigest().buckets()


def test_there_are_256_buckets_by_the_last_byte() -> None:
    spread = digest_of([(UUID(int=(5 << 120) + place), place + 1) for place in range(BUCKETS)])
    assert spread.buckets() == [(place + 1).to_bytes(HASH_BYTES) for place in range(256)]
    assert bucket_of(UUID(int=0xAB)) == 0xAB
    assert len(spread.root()) == HASH_BYTES


def test_lists_of_different_length_are_not_compared() -> None:
    with pytest.raises(ValueError, match="argument"):
        differing(TableDigest().buckets(), [])
