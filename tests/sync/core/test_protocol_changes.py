"""A change has one canonical form, for ever: equal on every machine, byte for byte, digest for digest."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import normalize
from uuid import UUID

import msgspec
import pytest
from hypothesis import given

from sync.core import protocol
from sync.core.merge import Dot, Past, Write
from sync.core.protocol import (
    Change,
    MalformedBatch,
    canonical,
    chain_digest,
    derive_id,
    first_digest,
    from_canonical,
    new_save_id,
)
from tests.sync.core.strategies import thorough
from tests.sync.core.wire_strategies import batches

REPLICA = UUID("0198a2b0-1111-7aaa-8bbb-000000000001")
OTHER = UUID("0198a2b0-2222-7aaa-8bbb-000000000002")
NURSE = UUID("0198a2b0-3333-8aaa-8bbb-000000000003")
SAVE = UUID("0198a2b0-4444-7ccc-9ddd-000000000004")

PLAIN = Change(
    replica=REPLICA,
    seq=7,
    save_id=SAVE,
    ordinal=0,
    last=True,
    table="patients",
    record_id=derive_id(SAVE, 0),
    stamp=1_755_000_000_000 << 16 | 3,
    author=NURSE,
    device="tablet-3",
    clock_offset_ms=-1500,
    schema=1,
    past=Past({REPLICA: 5, OTHER: 9}, frozenset({Dot(OTHER, 12)})),
    fields={"family_name": "Ana", "birth_date": "1990-02-28", "values.weight": "12.40", "phone": None},
)
SCRIPTS = replace(
    PLAIN,
    author=None,
    past=Past(),
    fields={
        "nfc": "\u00e9",
        "nfd": "e\u0301",
        "arabic": "محمد \u202eعلي",
        "amharic": "ሰላም",
        "emoji": "👩🏽\u200d⚕️",
        "nul": "a\0b",
        "bits": b"\x00\xff",
        "list": ["b", "a", None, True],
        "map": {"z": 1, "a": {"y": 2.5, "b": -1}},
    },
)
LONG = replace(PLAIN, fields={"note": "हाँ " * 25_000})

VECTORS = {
    "plain": (PLAIN, "e0b401d322354867ccd34d8e2ad541631ae12056eac29b1ed4212e7b0b706b78"),
    "scripts": (SCRIPTS, "2a0c67389dce41c5fe5d03c1924cd9fb76ad905e1b142559b1fdfd223969ce3c"),
    "long": (LONG, "8da0d22f41fa34073e3782a922d1abff411e7efebc64652c080120f243c438c3"),
}


@pytest.mark.parametrize("name", VECTORS)
def test_canonical_bytes_never_change(name: str) -> None:
    change, digest = VECTORS[name]
    body = canonical(change)
    assert sha256(body).hexdigest() == digest
    assert from_canonical(body) == change


CANONICAL_PLAIN = (
    "dc001001c4100198a2b011117aaa8bbb00000000000107c4100198a2b044447ccc9ddd00000000000400c3a870617469"
    "656e7473c4100198a2b044448d4995368bcba538401ccf01989e26ce000003c4100198a2b033338aaa8bbb0000000000"
    "03a87461626c65742d33d1fa24019292c4100198a2b011117aaa8bbb0000000000010592c4100198a2b022227aaa8bbb"
    "000000000002099192c4100198a2b022227aaa8bbb0000000000020c84aa62697274685f64617465aa313939302d3032"
    "2d3238ab66616d696c795f6e616d65a3416e61a570686f6e65c0ad76616c7565732e776569676874a531322e3430"
)


def test_canonical_bytes_are_msgpack_in_a_fixed_order() -> None:
    assert canonical(PLAIN).hex() == CANONICAL_PLAIN


def test_the_order_in_which_a_form_lists_its_fields_does_not_matter() -> None:
    turned = replace(PLAIN, fields=dict(reversed(PLAIN.fields.items())))
    nested = replace(SCRIPTS, fields={**SCRIPTS.fields, "map": {"a": {"b": -1, "y": 2.5}, "z": 1}})
    assert canonical(turned) == canonical(PLAIN)
    assert canonical(nested) == canonical(SCRIPTS)


def test_text_is_not_normalised() -> None:
    composed = replace(PLAIN, fields={"name": "Zoë"})
    apart = replace(PLAIN, fields={"name": normalize("NFD", "Zoë")})
    assert canonical(composed) != canonical(apart)
    assert from_canonical(canonical(apart)).fields == apart.fields


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), ("1", 1), (b"a", "a"), (None, ""), ([], {}), (0.0, -0.0)]
)
def test_values_of_different_types_are_different_changes(one: Any, other: Any) -> None:
    assert canonical(replace(PLAIN, fields={"x": one})) != canonical(replace(PLAIN, fields={"x": other}))


CHANGED: list[dict[str, Any]] = [
    {"replica": OTHER},
    {"seq": 8},
    {"save_id": OTHER},
    {"ordinal": 1},
    {"last": False},
    {"table": "patient"},
    {"record_id": OTHER},
    {"stamp": PLAIN.stamp + 1},
    {"author": None},
    {"device": "tablet-4"},
    {"clock_offset_ms": 0},
    {"schema": 2},
    {"past": Past({REPLICA: 5, OTHER: 9})},
    {"past": Past({REPLICA: 5}, frozenset({Dot(OTHER, 12)}))},
    {"fields": {}},
]


@pytest.mark.parametrize("changed", CHANGED, ids=lambda changed: "-".join(changed))
def test_every_part_of_a_change_is_in_its_digest(changed: dict[str, Any]) -> None:
    assert canonical(replace(PLAIN, **changed)) != canonical(PLAIN)


@thorough
@given(batches())
def test_canonical_comes_back(batch: tuple[list[Change], dict[UUID, int]]) -> None:
    for change in batch[0]:
        body = canonical(change)
        assert canonical(from_canonical(body)) == body


def rewritten(place: int, part: Any) -> bytes:
    parts = msgspec.msgpack.decode(canonical(PLAIN))
    parts[place] = part
    return msgspec.msgpack.encode(parts)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        canonical(PLAIN)[:-1],
        canonical(PLAIN) + b"\0",
        rewritten(0, 2),
        rewritten(1, b"short"),
        rewritten(2, 0),
        rewritten(2, 2**63),
        rewritten(4, -1),
        rewritten(5, 1),
        rewritten(8, -1),
        rewritten(13, [[OTHER.bytes, 9], [REPLICA.bytes, 5]]),
        rewritten(13, [[OTHER.bytes, 9], [OTHER.bytes, 9]]),
        rewritten(14, [[OTHER.bytes, 3]]),
        rewritten(15, {"z": 1, "a": 2}),
        rewritten(15, {"x": {1: 2}}),
        rewritten(15, {"x": msgspec.msgpack.Ext(5, b"?")}),
        b"\x91" * 5000,
    ],
    ids=lambda body: body[:9].hex() or "empty",
)
def test_other_bytes_are_not_a_change_even_if_they_mean_one(body: bytes) -> None:
    with pytest.raises(MalformedBatch) as refused:
        from_canonical(body)
    assert refused.value.code == "bad-canonical"


# Chain and ids


def test_the_chain_has_fixed_links() -> None:
    start = first_digest(REPLICA)
    assert start == sha256(REPLICA.bytes).digest()
    assert chain_digest(start, canonical(PLAIN)) == sha256(start + canonical(PLAIN)).digest()


def test_a_restored_replica_starts_from_the_one_it_closed() -> None:
    closed = (OTHER, bytes(range(32)))
    assert first_digest(REPLICA, closed) == sha256(REPLICA.bytes + OTHER.bytes + bytes(range(32))).digest()


def test_ids_of_saves_are_version_7_and_open_with_the_time() -> None:
    one, two = (new_save_id(1_755_000_000_123, Random(seed)) for seed in (1, 2))
    assert (one.version, one.variant) == (7, "specified in RFC 4122")
    assert one.int >> 80 == two.int >> 80 == 1_755_000_000_123
    assert one != two


def test_ids_of_records_follow_from_their_save() -> None:
    assert str(derive_id(SAVE, 0)) == "0198a2b0-4444-8d49-9536-8bcba538401c"
    assert str(derive_id(SAVE, 1)) == "0198a2b0-4444-8e38-a558-0a41cc7d7a98"
    assert derive_id(SAVE, 1).bytes[9:] == sha256(SAVE.bytes + b"\0\0\0\1").digest()[3:10]
    assert derive_id(SAVE, 0).version == 8
    assert derive_id(SAVE, 0).int >> 80 == SAVE.int >> 80


def test_a_change_knows_its_dot_and_its_write() -> None:
    assert PLAIN.dot == Dot(REPLICA, 7)
    assert PLAIN.creates
    assert not replace(PLAIN, ordinal=1).creates
    assert PLAIN.write(received=99) == Write(
        Dot(REPLICA, 7), PLAIN.past, PLAIN.stamp, 99, NURSE, "tablet-3", -1500
    )


# The spec


def test_every_code_is_in_the_spec_and_the_other_way_round() -> None:
    spec = str(protocol.__doc__)
    listed = set(re.findall(r"[a-z-]+", spec[spec.index("# 10.") :].split("\n\n")[1]))
    sources = "".join(one.read_text() for one in Path(protocol.__file__).parent.glob("*.py"))
    assert set(re.findall(r'(?:MalformedBatch|malformed_as)\(\s*"([a-z-]+)"', sources)) == listed


def test_the_door_shows_only_what_is_there() -> None:
    assert all(hasattr(protocol, name) for name in protocol.__all__)
