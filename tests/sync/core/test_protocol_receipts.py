"""Receipts and signed answers: only central's own word for exactly this content is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sync.core.protocol import (
    BadAnswer,
    BadReceipt,
    Outcome,
    Problem,
    Receipt,
    check_receipt,
    open_answer,
    open_receipt,
    receipt_digest,
    runs_of,
    sign_answer,
    sign_receipt,
)
from sync.core.receipts import OUTCOMES, canonical_receipt
from tests.sync.core.strategies import quick, thorough

SECRET = bytes(range(32))
CENTRAL = Ed25519PrivateKey.from_private_bytes(SECRET)
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEYS = {"central-1": CENTRAL.public_key(), "central-2": Ed25519PrivateKey.generate().public_key()}
NODE, REPLICA, TIMELINE = UUID(int=1 << 100), UUID(int=2 << 100), UUID(int=3 << 100)

RECEIPT = Receipt(
    key_id="central-1",
    timeline=TIMELINE,
    node=NODE,
    replica=REPLICA,
    seq_from=101,
    seq_to=200,
    batch_sha256=sha256(b"batch").digest(),
    outcomes=(("applied", 60), ("quarantined", 1), ("held", 2), ("applied", 30)),
    problems=(
        Problem(60, "wrong-check-digit", "The number 1234 is not one of ours."),
        Problem(61, "parent", "…"),
    ),
    received=1_755_000_000_000 << 16,
    chain_head=sha256(b"head").digest(),
    revocation_version=4,
    previous=sha256(b"previous").digest(),
)
OTHER_PARTS: dict[str, Any] = {
    "key_id": "central-2",
    "timeline": UUID(int=9),
    "node": UUID(int=9),
    "replica": UUID(int=9),
    "seq_from": 100,
    "seq_to": 201,
    "batch_sha256": bytes(32),
    "outcomes": (("applied", 93),),
    "problems": (),
    "received": 1,
    "chain_head": bytes(32),
    "revocation_version": 5,
    "previous": b"",
    "version": 2,
}


def test_a_receipt_comes_back() -> None:
    assert open_receipt(sign_receipt(RECEIPT, CENTRAL), KEYS) == RECEIPT
    assert sign_receipt(RECEIPT, SECRET) == sign_receipt(RECEIPT, CENTRAL)


def test_a_receipt_for_a_thousand_saves_takes_some_two_hundred_bytes() -> None:
    whole = replace(RECEIPT, seq_to=1100, outcomes=(("applied", 1000),), problems=(), previous=b"")
    assert len(sign_receipt(whole, CENTRAL)) <= 230
    assert len(sign_receipt(replace(whole, previous=bytes(32)), CENTRAL)) <= 262


def test_lists_do_as_well_as_tuples() -> None:
    loose = replace(
        RECEIPT,
        outcomes=list(RECEIPT.outcomes),
        problems=[(one[0], one[1], one[2]) for one in RECEIPT.problems],
    )
    assert open_receipt(sign_receipt(loose, CENTRAL), KEYS) == RECEIPT


def test_outcomes_of_each_save() -> None:
    words = RECEIPT.outcome_of_each()
    assert (len(words), words[60], words[62], words[63]) == (93, "quarantined", "held", "applied")
    assert runs_of(words) == RECEIPT.outcomes
    assert RECEIPT.problem_of(60) == RECEIPT.problems[0]
    assert RECEIPT.problem_of(59) is None


@thorough
@given(st.lists(st.sampled_from(OUTCOMES), max_size=30), st.data())
def test_any_outcomes_come_back(words: list[Outcome], data: st.DataObject) -> None:
    named = sorted(data.draw(st.sets(st.integers(0, max(len(words) - 1, 0)), max_size=len(words))))
    problems = tuple(Problem(save, data.draw(st.text("abc-", max_size=9)), "…") for save in named)
    receipt = replace(RECEIPT, outcomes=runs_of(words), problems=problems)
    opened = open_receipt(sign_receipt(receipt, CENTRAL), KEYS)
    assert opened == receipt
    assert opened.outcome_of_each() == words


# Forgeries


def test_every_part_is_tried_below() -> None:
    assert set(OTHER_PARTS) == {one.name for one in fields(Receipt)}


@pytest.mark.parametrize("name", OTHER_PARTS)
def test_a_receipt_with_one_part_altered_is_refused(name: str) -> None:
    _, signature = msgspec.msgpack.decode(sign_receipt(RECEIPT, CENTRAL))
    forged = canonical_receipt(replace(RECEIPT, **{name: OTHER_PARTS[name]}))
    with pytest.raises(BadReceipt) as refused:
        open_receipt(msgspec.msgpack.encode([forged, signature]), KEYS)
    assert refused.value.code == ("unknown-version" if name == "version" else "bad-signature")


def test_a_receipt_signed_by_another_key_is_refused() -> None:
    with pytest.raises(BadReceipt) as refused:
        open_receipt(sign_receipt(RECEIPT, STRANGER), KEYS)
    assert refused.value.code == "bad-signature"


def test_a_receipt_that_names_a_key_not_pinned_here_is_refused() -> None:
    with pytest.raises(BadReceipt) as refused:
        open_receipt(sign_receipt(replace(RECEIPT, key_id="stranger"), STRANGER), KEYS)
    assert refused.value.code == "unknown-key"


@quick
@given(st.data())
def test_a_flipped_or_cut_receipt_is_refused(data: st.DataObject) -> None:
    envelope = bytearray(sign_receipt(RECEIPT, CENTRAL))
    place = data.draw(st.integers(0, len(envelope) - 1))
    cut = bytes(envelope[:place])
    envelope[place] ^= data.draw(st.integers(1, 255))
    for forged in (bytes(envelope), cut):
        with pytest.raises(BadReceipt):
            open_receipt(forged, KEYS)


@pytest.mark.parametrize(
    ("owner", "code"),
    [
        ({"node": UUID(int=9)}, "other-node"),
        ({"replica": UUID(int=9)}, "other-replica"),
        ({"chain_head": bytes(32)}, "other-content"),
        ({"chain_head": None}, "other-content"),
    ],
    ids=["node", "replica", "content", "never-made"],
)
def test_a_true_receipt_for_somebody_else_is_refused(owner: dict[str, Any], code: str) -> None:
    mine: dict[str, Any] = {"node": NODE, "replica": REPLICA, "chain_head": RECEIPT.chain_head}
    check_receipt(RECEIPT, **mine)
    with pytest.raises(BadReceipt) as refused:
        check_receipt(RECEIPT, **{**mine, **owner})
    assert refused.value.code == code


SENSELESS: list[dict[str, Any]] = [
    {"version": 2},
    {"seq_from": 0},
    {"seq_to": 100},
    {"outcomes": (("applied", 101),)},
    {"outcomes": (("applied", 0),)},
    {"outcomes": (("applied", 50), ("applied", 43))},
    {"outcomes": (("maybe", 50),)},
    {"problems": (Problem(93, "x", "…"),)},
    {"problems": (Problem(2, "x", "…"), Problem(1, "x", "…"))},
    {"problems": (Problem(-1, "x", "…"),)},
    {"chain_head": b"short"},
    {"previous": b"short"},
    {"received": -1},
    {"key_id": "x" * 65},
]


@pytest.mark.parametrize("parts", SENSELESS, ids=str)
def test_a_receipt_that_contradicts_itself_is_not_signed(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        sign_receipt(replace(RECEIPT, **parts), CENTRAL)


@pytest.mark.parametrize(
    "parts",
    [{"seq_to": 100}, {"outcomes": (("applied", 101),)}, {"problems": (Problem(93, "x", "…"),)}],
    ids=str,
)
def test_nor_believed_from_whoever_signs_it(parts: dict[str, Any]) -> None:
    body = canonical_receipt(replace(RECEIPT, **parts))
    envelope = msgspec.msgpack.encode([body, CENTRAL.sign(b"posta receipt 1\0" + body)])
    with pytest.raises(BadReceipt) as refused:
        open_receipt(envelope, KEYS)
    assert refused.value.code == "malformed"


def test_receipts_are_linked() -> None:
    first = sign_receipt(replace(RECEIPT, previous=b""), CENTRAL)
    second = replace(RECEIPT, seq_from=201, seq_to=300, previous=receipt_digest(first))
    assert open_receipt(sign_receipt(second, CENTRAL), KEYS).previous == sha256(first).digest()


# Answers

NONCE = bytes(range(16))
ANSWER = sign_answer(NONCE, b"the body", "central-1", CENTRAL)


def test_an_answer_comes_back() -> None:
    assert open_answer(ANSWER, NONCE, KEYS) == b"the body"


@pytest.mark.parametrize(
    ("envelope", "nonce", "code"),
    [
        (ANSWER, bytes(16), "bad-signature"),
        (ANSWER, NONCE[:-1], "bad-signature"),
        (sign_answer(NONCE, b"the body", "central-1", STRANGER), NONCE, "bad-signature"),
        (sign_answer(NONCE, b"the body", "stranger", STRANGER), NONCE, "unknown-key"),
        (ANSWER.replace(b"body", b"b0dy"), NONCE, "bad-signature"),
        (ANSWER.replace(b"central-1", b"central-2"), NONCE, "bad-signature"),
        (b"<html>Welcome to the hotel</html>", NONCE, "malformed"),
        (b"", NONCE, "malformed"),
        (sign_receipt(RECEIPT, CENTRAL), NONCE, "malformed"),
    ],
    ids="replayed shorter-nonce stranger unknown body key portal empty receipt".split(),
)
def test_what_is_not_the_answer_to_this_question_is_refused(envelope: bytes, nonce: bytes, code: str) -> None:
    with pytest.raises(BadAnswer) as refused:
        open_answer(envelope, nonce, KEYS)
    assert refused.value.code == code


def test_a_signed_answer_never_passes_for_a_receipt() -> None:
    """Even if the body is a whole receipt: what is signed says what it is for."""
    body = canonical_receipt(RECEIPT)
    _, _, signature = msgspec.msgpack.decode(sign_answer(NONCE, body, "central-1", CENTRAL))
    with pytest.raises(BadReceipt) as refused:
        open_receipt(msgspec.msgpack.encode([body, signature]), KEYS)
    assert refused.value.code == "bad-signature"


@pytest.mark.parametrize(
    "open_it", [lambda raw: open_receipt(raw, KEYS), lambda raw: open_answer(raw, NONCE, KEYS)]
)
def test_deep_nesting_is_refused(open_it: Callable[[bytes], object]) -> None:
    with pytest.raises((BadReceipt, BadAnswer)) as refused:
        open_it(b"\x91" * 100_000)
    assert refused.value.code == "malformed"
