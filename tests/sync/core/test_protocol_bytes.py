"""What travels is small: bytes per record on ordinary clinic work, against what was promised.

`python -m tests.bench.bytes_probe` prints the whole table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from uuid import UUID

import pytest
import zstandard

from sync.core.merge import GONE
from sync.core.protocol import Change, StateRecord, encode_changes, encode_page
from sync.core.train_dictionary import samples
from sync.core.wire import CHANGES, DICTIONARIES, content_of
from tests.sync.core.ordinary_day import corrections, long_notes, registrations_and_events

WORK = registrations_and_events(people=500, events=2500)
REFS = {change.record_id: change.seq for change in WORK}


def bytes_each(changes: Sequence[Change], size: int) -> float:
    batches = [changes[start : start + size] for start in range(0, len(changes), size)]
    return sum(len(encode_changes(batch, REFS)) for batch in batches) / len(changes)


@pytest.mark.parametrize(("size", "most"), [(1000, 32), (100, 40), (10, 75)])
def test_changes_in_batches(size: int, most: float) -> None:
    assert bytes_each(WORK if size > 10 else WORK[:300], size) <= most


@pytest.mark.parametrize(("size", "most"), [(100, 30), (10, 55)])
def test_corrections_of_a_few_fields(size: int, most: float) -> None:
    assert bytes_each(corrections(WORK, 100), size) <= most


@pytest.mark.parametrize(("size", "most"), [(1000, 38), (100, 48)])
def test_pages(size: int, most: float) -> None:
    ordered = sorted(WORK, key=lambda change: change.table)
    records = [
        StateRecord(
            change.table,
            change.record_id,
            place,
            1,
            change.write(received=(change.stamp >> 32 << 32) + (1 << 42)),
            {**change.fields, GONE: False},
        )
        for place, change in enumerate(ordered, 1)
    ]
    pages = [records[start : start + size] for start in range(0, len(records), size)]
    assert sum(len(encode_page(page)) for page in pages) / len(records) <= most


@pytest.mark.parametrize(("size", "ratio"), [(500, 0.9), (100, 1.1)])
def test_long_notes_in_hindi_and_arabic_against_the_whole_as_json(size: int, ratio: float) -> None:
    notes = long_notes(500)
    whole = json.dumps([as_json(change) for change in notes], ensure_ascii=False).encode()
    floor = len(zstandard.ZstdCompressor(level=19).compress(whole))
    assert bytes_each(notes, size) * len(notes) <= ratio * floor


def as_json(change: Change) -> dict[str, object]:
    fields = {
        name: str(UUID(bytes=value)) if isinstance(value, bytes) else value
        for name, value in change.fields.items()
    }
    who = {"author": str(change.author), "device": change.device, "stamp": change.stamp}
    return {"id": str(change.record_id), "save": str(change.save_id), **who, **fields}


# The dictionary


def test_dictionaries_in_use_never_change() -> None:
    """Frames that were packed with them wait on laptops and sticks."""
    kept = files("sync.core").joinpath("dictionary_v1.bin").read_bytes()
    assert sha256(kept).hexdigest() == "86717281edca4972581f04290a71a9df0a6326496f9c582e20dd296a092e6706"
    assert set(DICTIONARIES) == {0, 1}


def test_the_dictionary_pays_on_small_batches() -> None:
    small = WORK[500:510]
    assert len(encode_changes(small, REFS)) < 0.85 * len(encode_changes(small, REFS, dictionary=0))


def test_the_dictionary_is_trained_on_frames_like_ours() -> None:
    assert samples(1) == samples(1)
    assert b"registered_at" in content_of(CHANGES, encode_changes(WORK[:50], REFS, dictionary=0))
    assert any(b"registered_at" in sample for sample in samples(1))
