"""What the wire's tests are drawn from: any value, columns that look like something, batches, pages; frames
to tamper with.

Not here: clinic work with its real proportions (ordinary_day.py), the merge's histories (strategies.py).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from random import Random
from typing import Any, Final
from uuid import UUID

import zstandard
from hypothesis import strategies as st

from sync.core.changes import Change, derive_id, new_save_id
from sync.core.merge import Dot, Head, Past, Value, Write
from sync.core.pages import StateRecord

texts: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
id_pool: Final = [UUID(int=Random(5).getrandbits(128) >> number % 3 * 60) for number in range(6)] + [
    derive_id(new_save_id(1_700_000_000_000 + 977 * number, Random(number)), number) for number in range(6)
]
some_id: Final = st.sampled_from(id_pool)
scalars: Final[st.SearchStrategy[Value]] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.integers(-5, 300),
    st.floats(),
    texts,
    st.binary(max_size=20),
    some_id.map(lambda one: one.bytes),
)
values: Final = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
digits: Final = st.text("0123456789", min_size=1, max_size=14)
columns_alike: Final[st.SearchStrategy[list[Any]]] = st.one_of(
    *(
        st.lists(one, min_size=1, max_size=60)
        for one in (
            st.integers(-(2**63), 2**63 - 1),
            st.integers(0, 200),
            st.integers(1_748_736_000_000, 1_748_736_000_000 + 10**9),
            st.sampled_from([0, 0, 0, 0, 10**15]),
            st.booleans(),
            st.none() | st.booleans(),
            st.floats(),
            st.dates().map(str),
            st.decimals(allow_nan=False, allow_infinity=False, places=1).map(str),
            st.integers().map(str),
            digits,
            digits.map("+255 {}".format),
            st.tuples(digits, digits).map("/".join),
            st.sampled_from(["", "true", "37.5", "120", "0120", "-0", "1e3", "٣"]),
            st.sampled_from(["B54", "J06.9", "A09"]),
            st.lists(st.sampled_from(["fever", "cough", "خير", "दवा", ""]), max_size=7).map(" ".join),
            st.lists(st.sampled_from(["HEAD", "CHEST"]), max_size=2),
            some_id.map(lambda one: one.bytes),
            texts,
            st.none() | texts,
        )
    )
)
seqs: Final = st.integers(1, 40) | st.integers(1, 2**63 - 1)
stamps: Final = st.integers(0, 2**63 - 1) | st.integers(10**12 << 16, (10**12 << 16) + 10**9)
offsets: Final = st.sampled_from([0, 0, -3_600_000, 2**62])
names: Final = st.sampled_from(["given_name", "phone", "values.bp", "values.note", "", "é", "nul\0"])
fields: Final = st.dictionaries(names, values, max_size=4)


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    highest = draw(st.dictionaries(some_id, seqs, max_size=2))
    also = draw(st.frozensets(st.builds(Dot, some_id, seqs), max_size=2))
    return Past(highest, also)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Change], dict[UUID, int]]:
    """Changes of one replica without a gap, and what an earlier change of it had touched."""
    replica = draw(some_id)
    first = draw(st.integers(20, 60) | st.integers(20, 2**62))
    earlier = draw(st.dictionaries(some_id, st.integers(1, 19), max_size=4))
    refs = {record: seq for seq, record in {seq: record for record, seq in earlier.items()}.items()}
    saves = st.sampled_from(id_pool[-3:]) | st.uuids()
    changes: list[Change] = []
    for seq in range(first, first + draw(st.integers(1, 9))):
        again = bool(changes) and draw(st.booleans())
        save = changes[-1].save_id if again else draw(saves)
        ordinal = draw(st.integers(0, 2**31 - 1) | st.integers(0, 4))
        touched = draw(some_id | st.just(derive_id(save, ordinal)) | st.sampled_from([*refs, replica]))
        known = [change.record_id for change in changes]
        record = draw(st.sampled_from([touched, *known]))
        changes.append(
            Change(
                replica=replica,
                seq=seq,
                save_id=save,
                ordinal=ordinal,
                last=draw(st.booleans()),
                table=draw(st.sampled_from(["patients", "events", "ñ\0"])),
                record_id=record,
                stamp=draw(stamps),
                author=draw(st.none() | some_id),
                device=draw(texts),
                clock_offset_ms=draw(offsets),
                schema=draw(st.sampled_from([1, 1, 2, 2**31 - 1])),
                past=draw(st.just(Past()) | pasts() | seqs.map(lambda seq: Past({replica: seq}))),
                fields={
                    **draw(fields),
                    **({"ref": draw(st.sampled_from([record, *refs])).bytes} if again else {}),
                },
            )
        )
    return changes, refs


writes: Final = st.builds(
    Write,
    dot=st.builds(Dot, some_id, seqs),
    past=st.just(Past()) | pasts(),
    stamp=stamps,
    received=st.none() | stamps,
    author=st.none() | some_id,
    device=texts,
    clock_offset_ms=offsets,
)


@st.composite
def state_records(draw: st.DrawFn) -> StateRecord:
    common: dict[str, Any] = {
        "table": draw(st.sampled_from(["patients", "events"])),
        "record_id": draw(some_id | st.uuids()),
        "position": draw(st.integers(0, 2**63 - 1) | st.integers(0, 50)),
        "schema": draw(st.integers(0, 3)),
    }
    if draw(st.booleans()):
        return StateRecord(**common, write=draw(writes), fields=draw(fields))
    known = draw(st.lists(writes, min_size=1, max_size=3, unique_by=lambda write: write.dot))
    heads = {
        name: tuple(Head(write, draw(values)) for write in sorted(chosen, key=lambda write: write.dot))
        for name in draw(st.sets(names, min_size=1, max_size=3))
        for chosen in [draw(st.lists(st.sampled_from(known), min_size=1, unique_by=lambda write: write.dot))]
    }
    return StateRecord(**common, heads=heads)


# Frames


def tampered(blob: bytes, tamper: Callable[[bytearray], None], part: str) -> bytes:
    """The frame with its `content` or `dense` bytes changed behind the compressor's back."""
    sizes, at = [], 1
    for _ in range(4):
        number = shift = 0
        while True:
            byte = blob[at]
            at += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        sizes.append(number)
    head, planes, text, packed = sizes
    dictionary = files("sync.core").joinpath("dictionary_v1.bin").read_bytes()
    reader = zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary))
    plain = zstandard.ZstdDecompressor() if not blob[0] & 15 else reader
    content = bytearray(
        plain.decompress(
            zstandard.FRAME_HEADER + blob[at : at + packed], max_output_size=head + planes + text + 1
        )
    )
    dense = bytearray(blob[at + packed :])
    tamper(content if part == "content" else dense)
    head = min(head, len(content))
    planes = min(planes, len(content) - head)
    return framed(blob[0] & 240, [head, planes, len(content) - head - planes], bytes(content), bytes(dense))


def framed(form: int, sizes: list[int], content: bytes, dense: bytes = b"") -> bytes:
    """A frame without a dictionary, written by the book and not by the code under test."""
    parameters = zstandard.ZstdCompressionParameters.from_level(1, write_content_size=0, write_checksum=0)
    packed = zstandard.ZstdCompressor(compression_params=parameters).compress(content)[4:]
    return bytes([form]) + b"".join(map(varint, [*sizes, len(packed)])) + packed + dense


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
