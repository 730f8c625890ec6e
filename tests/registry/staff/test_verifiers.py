"""What a node is given must let the right password in, keep every other out, and tell nothing else."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.staff import verifiers
from registry.staff.verifiers import (
    Cost,
    NodeVerifier,
    PasswordHash,
    check_node_verifier,
    hash_password,
    new_pepper,
    node_verifier,
    verify_password,
)

CHEAP = Cost(time=1, memory=8, parallelism=1)
passwords = st.text(max_size=60)
peppers = st.binary(min_size=32, max_size=32)


@settings(max_examples=60, deadline=None)
@given(password=passwords, pepper=peppers)
def test_the_right_password_fits_both(password: str, pepper: bytes) -> None:
    kept = hash_password(password, CHEAP)
    assert verify_password(password, kept)
    assert check_node_verifier(password, node_verifier(kept, pepper), pepper)


@settings(max_examples=60, deadline=None)
@given(password=passwords, other=passwords, pepper=peppers, wrong_pepper=peppers)
def test_nothing_else_fits(password: str, other: str, pepper: bytes, wrong_pepper: bytes) -> None:
    kept = hash_password(password, CHEAP)
    verifier = node_verifier(kept, pepper)
    if verifiers._argon2(other, kept.salt, CHEAP) != kept.digest:
        assert not verify_password(other, kept)
        assert not check_node_verifier(other, verifier, pepper)
    if wrong_pepper != pepper:
        assert not check_node_verifier(password, verifier, wrong_pepper)


@settings(max_examples=40, deadline=None)
@given(password=passwords, pepper=peppers, other_pepper=peppers)
def test_a_verifier_hides_the_hash(password: str, pepper: bytes, other_pepper: bytes) -> None:
    kept = hash_password(password, CHEAP)
    verifier = node_verifier(kept, pepper)
    assert verifier.digest != kept.digest
    # Passed off as central's hash it opens nothing, and another node's pepper makes another one.
    assert not verify_password(password, PasswordHash(verifier.salt, verifier.cost, verifier.digest))
    if pepper != other_pepper:
        assert node_verifier(kept, other_pepper).digest != verifier.digest


def test_two_hashes_of_one_password_differ() -> None:
    assert hash_password("lantern", CHEAP).digest != hash_password("lantern", CHEAP).digest


def test_two_keyboards_type_the_same_password() -> None:
    kept = hash_password("contraseña", CHEAP)
    assert verify_password("contrasen\u0303a", kept)


def test_the_parameters_are_what_argon2_says() -> None:
    """The vector of RFC 9106 has other lengths; argon2-cffi's own encoder is the second opinion."""
    from argon2 import PasswordHasher, Type

    salt = bytes(range(16))
    second = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1, hash_len=32, type=Type.ID)
    import base64

    encoded = second.hash("lantern", salt=salt).rsplit("$", 1)[1]
    digest = hash_password("lantern", Cost(2, 16, 1), salt).digest
    assert base64.b64encode(digest).decode().rstrip("=") == encoded


def test_secrets_are_not_printed() -> None:
    kept = hash_password("lantern", CHEAP)
    verifier = node_verifier(kept, new_pepper())
    assert repr(kept.digest)[2:-1] not in repr(kept)
    assert isinstance(verifier, NodeVerifier)
    assert repr(verifier.digest)[2:-1] not in repr(verifier)


def test_a_short_pepper_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        node_verifier(hash_password("lantern", CHEAP), b"short")


def test_an_endless_password_is_refused_when_set_and_harmless_when_typed() -> None:
    with pytest.raises(ValueError, match="too long"):
        hash_password("x" * 600, CHEAP)
    assert not verify_password("x" * 1_000_000, hash_password("x" * 500, CHEAP))


def test_no_more_than_two_hash_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def slow(*_args: object) -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return bytes(32)

    monkeypatch.setattr(verifiers, "hash_secret_raw", slow)
    threads = [threading.Thread(target=hash_password, args=("x", CHEAP)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
