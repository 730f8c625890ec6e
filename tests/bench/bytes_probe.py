"""Prints bytes per record and milliseconds per batch on ordinary clinic work, level by level.

Run as `python -m tests.bench.bytes_probe [--json]`. Not here: limits
(tests/sync/core/test_protocol_bytes.py).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from time import process_time
from typing import Any
from uuid import UUID

import zstandard

from sync.core.merge import GONE
from sync.core.protocol import (
    Change,
    StateRecord,
    canonical,
    decode_changes,
    decode_page,
    encode_changes,
    encode_page,
)
from tests.sync.core.ordinary_day import corrections, long_notes, registrations_and_events
from tests.sync.core.test_protocol_bytes import as_json

LEVELS = (3, 12, 19)
SIZES = (1000, 100, 10, 1)
MOST_BATCHES = 120

Row = dict[str, Any]


def measured(
    what: str, rows: Sequence[Any], size: int, pack: Callable[[Any], bytes], unpack: Callable[[bytes], Any]
) -> Row:
    batches = [rows[start : start + size] for start in range(0, len(rows), size)][:MOST_BATCHES]
    number = sum(map(len, batches))
    started = process_time()
    blobs = [pack(batch) for batch in batches]
    packed = process_time()
    assert [unpack(blob) for blob in blobs] == [list(batch) for batch in batches]
    done = process_time()
    return {
        "what": what,
        "batch": size,
        "bytes_each": round(sum(map(len, blobs)) / number, 1),
        "encode_ms": round((packed - started) / len(batches) * 1000, 2),
        "decode_ms": round((done - packed) / len(batches) * 1000, 2),
    }


def changes_rows(
    what: str, changes: Sequence[Change], known: Sequence[Change], sizes: Sequence[int]
) -> list[Row]:
    refs = {change.record_id: change.seq for change in known}
    records = {change.seq: change.record_id for change in known}

    def resolve(seqs: list[int]) -> dict[int, UUID]:
        return {seq: records[seq] for seq in seqs}

    return [
        measured(
            f"{what}, level {level}",
            changes,
            size,
            partial(encode_changes, ref_of=refs, level=level),
            lambda blob: decode_changes(blob, resolve),
        )
        for size in sizes
        for level in LEVELS
    ]


def page_rows(changes: Sequence[Change]) -> list[Row]:
    ordered = sorted(changes, key=lambda change: change.table)
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
    return [measured("pages, level 19", records, size, encode_page, decode_page) for size in (1000, 100)]


def floor_rows(what: str, changes: Sequence[Change]) -> list[Row]:
    """The same work as others would send it: all of it at once, as JSON and as the canonical forms."""
    whole = json.dumps([as_json(change) for change in changes], ensure_ascii=False).encode()
    bodies = b"".join(map(canonical, changes))
    sizes = {"JSON": whole, "canonical forms": bodies}
    pack = zstandard.ZstdCompressor(level=19).compress
    return [
        {"what": f"{what}, whole, {name}, zstd -19", "bytes_each": round(len(pack(raw)) / len(changes), 1)}
        for name, raw in sizes.items()
    ]


def table() -> list[Row]:
    work = registrations_and_events(people=2000, events=10_000)
    edits = corrections(work, 1000)
    notes = long_notes(2000)
    return [
        *floor_rows("work", work),
        *changes_rows("work", work, work, SIZES),
        *changes_rows("corrections", edits, work, SIZES[1:]),
        *page_rows(work),
        *floor_rows("long notes", notes),
        *changes_rows("long notes", notes, notes, SIZES[:2]),
    ]


if __name__ == "__main__":
    found = table()
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps(found))
    else:
        for row in found:
            sys.stdout.write("  ".join(f"{name} {value}" for name, value in row.items()) + "\n")
