"""Pages of states: whatever goes down comes out the same, heads, pasts and receipts included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.digest import record_hash
from sync.core.merge import GONE, Dot, Past, Write, merge, seen, state_of, state_to_plain
from sync.core.protocol import (
    BatchTooLarge,
    Change,
    Limits,
    MalformedBatch,
    StateRecord,
    decode_page,
    derive_id,
    encode_page,
    new_save_id,
    pack,
)
from tests.sync.core.ordinary_day import corrections, registrations_and_events
from tests.sync.core.strategies import thorough
from tests.sync.core.wire_strategies import state_records

DAY = registrations_and_events(people=100, events=300)
EDITS = corrections(DAY, 60)
CENTRAL = UUID(int=0xC << 124)


def plain(record: StateRecord) -> bytes:
    head = (record.table, record.record_id.bytes, record.position, record.schema)
    return pack((*head, state_to_plain(record.state)))


def created(change: Change, position: int) -> StateRecord:
    write = change.write(received=change.stamp + (3_600_000 << 16))
    fields = {**change.fields, GONE: False}
    return StateRecord(change.table, change.record_id, position, 1, write, fields)


def edited(record: StateRecord, edit: Change) -> StateRecord:
    state = merge(record.state, state_of(edit.write(received=edit.stamp + 9), edit.fields))
    return StateRecord(record.table, record.record_id, record.position, 1, heads=state)


def as_central_has_them(changes: Sequence[Change], edits: Sequence[Change]) -> list[StateRecord]:
    ordered = sorted(changes, key=lambda change: change.table)
    records = {change.record_id: created(change, place) for place, change in enumerate(ordered, 1)}
    for edit in edits:
        records[edit.record_id] = edited(records[edit.record_id], edit)
    return list(records.values())


@thorough
@given(st.lists(state_records(), max_size=5))
def test_any_page_comes_back(records: list[StateRecord]) -> None:
    back = decode_page(encode_page(records, 3))
    assert list(map(plain, back)) == list(map(plain, records))


def test_records_written_once_come_back_as_such() -> None:
    records = as_central_has_them(DAY, [])
    assert decode_page(encode_page(records)) == records


def test_edited_and_contested_records_come_back_whole() -> None:
    records = as_central_has_them(DAY, EDITS)
    rival = replace(EDITS[0], replica=CENTRAL, past=Past({DAY[0].replica: DAY[0].seq}), fields={GONE: True})
    at = next(place for place, one in enumerate(records) if one.record_id == rival.record_id)
    records[at] = edited(records[at], rival)
    assert any(len(heads) > 1 for heads in records[at].state.values())
    back = decode_page(encode_page(records))
    assert list(map(plain, back)) == list(map(plain, records))
    for one, other in zip(back, records, strict=True):
        assert seen(one.state) == seen(other.state)
        assert record_hash(one.table, one.record_id, one.state) == record_hash(
            other.table, other.record_id, other.state
        )


def test_a_state_of_a_single_write_comes_back_as_written_once() -> None:
    record = created(DAY[0], 1)
    whole = StateRecord(record.table, record.record_id, 1, 1, heads=record.state)
    assert decode_page(encode_page([whole])) == [record]


def test_records_are_referred_to_by_their_place_in_the_page() -> None:
    """A child costs no id of its parent, whichever stands first."""
    rng = Random(4)
    parents = [derive_id(new_save_id(1_755_000_000_000 + rng.randrange(10**9), rng), 0) for _ in range(100)]
    records = [
        replace(created(DAY[place], place), record_id=one, fields={"next": parents[place - 1].bytes})
        for place, one in enumerate(parents)
    ]
    strangers = [replace(one, fields={"next": rng.randbytes(16)}) for one in records]
    assert decode_page(encode_page(records)) == records
    assert len(encode_page(strangers)) - len(encode_page(records)) > 100 * 14


def test_an_edit_adds_a_few_bytes_and_not_the_whole_vector() -> None:
    once = encode_page(as_central_has_them(DAY, []))
    with_edits = encode_page(as_central_has_them(DAY, EDITS))
    assert len(with_edits) - len(once) < 40 * len(EDITS)


def test_a_page_may_be_empty() -> None:
    assert decode_page(encode_page([])) == []


@pytest.mark.parametrize(
    "record",
    [
        StateRecord("patients", CENTRAL, 1, 1),
        replace(created(DAY[0], 1), position=-1),
        replace(created(DAY[0], 1), schema=-1),
        replace(created(DAY[0], 1), fields={"x": 2**64}),
        replace(created(DAY[0], 1), write=replace(DAY[0].write(), received=-1)),
        replace(created(DAY[0], 1), write=Write(Dot(CENTRAL, 0), Past(), 1, None, None, "")),
    ],
    ids=["no-heads", "position", "schema", "value", "received", "dot"],
)
def test_what_is_no_record_is_not_sent(record: StateRecord) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode_page([record])


def test_heads_out_of_order_are_not_sent() -> None:
    record = edited(created(DAY[0], 1), replace(EDITS[0], past=Past(), fields=DAY[0].fields))
    turned = {name: heads[::-1] for name, heads in record.heads.items()}
    with pytest.raises(ValueError, match="order"):
        encode_page([replace(record, heads=turned)])


def test_a_page_has_a_most() -> None:
    with pytest.raises(BatchTooLarge):
        encode_page([created(DAY[0], 1)] * 20_001)
    with pytest.raises(MalformedBatch) as refused:
        decode_page(encode_page(as_central_has_them(DAY, [])), Limits(max_values=1000))
    assert refused.value.code == "too-large"
