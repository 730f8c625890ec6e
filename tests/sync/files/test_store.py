"""What lies on the disk: whole or not at all, closed to everybody without the key, and never exchanged."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.crash import install_hook
from sync.files.sealed import PIECE, TAG, Damaged, NotThatFile
from sync.files.store import LARGEST_FILE, LOOSE_S, PART_S, Store, TooLarge, digest_of, is_digest

KEY = bytes(range(32))
CANARY = b"MARISOL-QUINTERO-CANARY"
HEADER = 32


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "files", KEY)


def cut(content: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield content[at : at + size]
        at += size
    yield content[at:]


SIZES = st.sampled_from([1, 2, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 17])


@settings(max_examples=60, deadline=None)
@given(size=SIZES, sizes=st.lists(st.integers(0, PIECE + 5), max_size=8), start=st.integers(0, 4 * PIECE))
def test_what_was_put_comes_back_however_it_came(
    tmp_path_factory: pytest.TempPathFactory, size: int, sizes: list[int], start: int
) -> None:
    kept = Store(tmp_path_factory.mktemp("store"), KEY)
    content = some(size)
    digest = digest_of(content)
    kept.put(digest, size, cut(content, sizes))
    assert kept.has(digest) and kept.size(digest) == size
    assert kept.content(digest) == content
    begin = min(start, size - 1)
    assert kept.read(digest, begin, 1000) == content[begin : begin + 1000]
    assert b"".join(kept.open(digest, start=begin)) == content[begin:]


def test_the_same_file_twice_is_kept_once(store: Store) -> None:
    digest = store.put_content(b"twice")
    before = store.path(digest).read_bytes()
    assert store.put_content(b"twice") == digest
    assert store.path(digest).read_bytes() == before


def test_no_plaintext_lies_anywhere(store: Store) -> None:
    content = CANARY * 9000
    digest = store.put_content(content)
    with store.part(uuid4()) as part:
        part.append(0, content[:30_000])
    files = [path for path in store.root.rglob("*") if path.is_file()]
    assert len(files) == 3  # the file, the part, its lock
    assert not [path for path in files if CANARY in path.read_bytes()]
    assert store.content(digest) == content


@settings(max_examples=120, deadline=None)
@given(where=st.integers(0, HEADER + 3 * (PIECE + TAG) + 17 + TAG - 1), bit=st.integers(0, 7))
def test_any_changed_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, where: int, bit: int) -> None:
    kept = Store(tmp_path_factory.mktemp("store"), KEY)
    digest = kept.put_content(some(3 * PIECE + 17))
    sealed = bytearray(kept.path(digest).read_bytes())
    sealed[where] ^= 1 << bit
    kept.path(digest).write_bytes(sealed)
    with pytest.raises(Damaged):
        kept.content(digest)


@pytest.mark.parametrize("kept", [0, 7, HEADER, HEADER + 9, HEADER + PIECE + TAG, HEADER + 2 * (PIECE + TAG)])
def test_a_file_that_was_cut_off_is_noticed(store: Store, kept: int) -> None:
    digest = store.put_content(some(2 * PIECE + 100))
    path = store.path(digest)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(Damaged):
        store.content(digest)


def test_pieces_cannot_be_exchanged_nor_added(store: Store) -> None:
    digest = store.put_content(some(3 * PIECE))
    path, step = store.path(digest), PIECE + TAG
    sealed = path.read_bytes()
    head, one, two, three = sealed[:HEADER], *(sealed[HEADER + n * step :][:step] for n in range(3))
    for other in (head + two + one + three, head + one + three + two, head + one + two + three + three):
        path.write_bytes(other)
        with pytest.raises(Damaged):
            store.content(digest)


def test_a_file_does_not_open_under_anothers_name(store: Store) -> None:
    mine, theirs = store.put_content(some(500)), store.put_content(some(501))
    store.path(mine).write_bytes(store.path(theirs).read_bytes())
    with pytest.raises(Damaged):
        store.content(mine)


def test_another_key_opens_nothing(store: Store) -> None:
    digest = store.put_content(b"secret")
    with pytest.raises(Damaged):
        Store(store.root, bytes(32)).content(digest)


@pytest.mark.parametrize("told", [b"other", b"rightx", b"righ", b""])
def test_what_is_not_what_its_name_says_is_not_kept(store: Store, told: bytes) -> None:
    digest = digest_of(b"right")
    with pytest.raises(NotThatFile):
        store.put(digest, 5, iter([told]))
    assert not store.has(digest)
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_a_file_has_a_largest_size_and_a_least(store: Store) -> None:
    for size in (0, LARGEST_FILE + 1):
        with pytest.raises(TooLarge):
            store.put("ab" * 32, size, iter([]))


@pytest.mark.parametrize("name", ["", "ab", "../../../etc/passwd", "AB" * 32, "ab" * 31 + "a\n", "ab" * 33])
def test_what_is_no_hash_is_no_path(store: Store, name: str) -> None:
    assert not is_digest(name) and not store.has(name)
    with pytest.raises(ValueError, match="name of a file"):
        store.path(name)


class PowerCut(BaseException):
    """The process is gone."""


def test_a_crash_leaves_no_half_file(store: Store) -> None:
    def die(name: str) -> None:
        if name == "file.before-name":
            raise PowerCut

    install_hook(die)
    try:
        with suppress(PowerCut):
            store.put_content(b"never named")
    finally:
        install_hook(None)
    assert not store.has(digest_of(b"never named"))
    assert store.content(store.put_content(b"never named")) == b"never named"


# Parts


MOVES = st.lists(st.tuples(st.sampled_from([0, 0, 0, -3, 1, -900]), st.integers(0, 40_000), st.booleans()))


@settings(max_examples=60, deadline=None)
@given(size=st.sampled_from([1, 999, PIECE, 2 * PIECE + 5]), moves=MOVES)
def test_a_part_grows_piece_by_piece_and_becomes_the_file(
    tmp_path_factory: pytest.TempPathFactory, size: int, moves: list[tuple[int, int, bool]]
) -> None:
    kept, content, record = Store(tmp_path_factory.mktemp("store"), KEY), some(size), uuid4()
    with kept.part(record) as part:
        for shift, length, torn in [*moves, (0, size, False)]:
            there = part.length
            at = max(0, there + shift)
            piece = content[at : at + length]
            expected = there + len(piece) if at == there else there
            assert part.append(at, piece) == expected == part.length
            if torn and part.length:  # by a crash in the middle of the next frame
                with part.path.open("ab") as file:
                    file.write((5000).to_bytes(4, "big") + bytes(length % 300))
                assert part.length == expected
        kept.finish(part, digest_of(content), len(content))
        assert part.length == 0
    assert kept.content(digest_of(content)) == content


def test_a_part_of_another_file_is_thrown_away(store: Store) -> None:
    record = uuid4()
    with store.part(record) as part:
        part.append(0, b"something else")
        with pytest.raises(NotThatFile):
            store.finish(part, digest_of(b"what it says it i"), 14)
        assert part.length == 0


def test_parts_cannot_be_exchanged(store: Store) -> None:
    mine, theirs = UUID(int=1), UUID(int=2)
    for record in (mine, theirs):
        with store.part(record) as part:
            part.append(0, record.bytes)
    with store.part(mine) as here, store.part(theirs) as there:
        here.path.write_bytes(there.path.read_bytes())
        with pytest.raises(Damaged):
            list(here.pieces())


# Sweeping


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_sweeping_takes_what_nobody_needs_and_nothing_else(store: Store) -> None:
    named, loose, fresh = (store.put_content(word) for word in (b"named", b"loose", b"fresh"))
    for digest in (named, loose):
        age(store.path(digest), LOOSE_S + 60)
    with store.part(UUID(int=1)) as begun, store.part(UUID(int=2)) as left:
        begun.append(0, b"goes on")
        left.append(0, b"given up")
        age(left.path, PART_S + 60)
    torn = store.root / ".new" / "torn"
    torn.write_bytes(b"half")
    age(torn, 2 * 86_400)
    assert store.sweep({named}.intersection) == 3
    assert store.has(named) and store.has(fresh) and not store.has(loose)
    assert begun.length == 7 and left.length == 0 and not torn.exists()


def test_what_is_about_to_be_named_is_not_swept(store: Store) -> None:
    digest = store.put_content(b"about to be named")
    age(store.path(digest), LOOSE_S + 60)
    store.touch(digest)
    assert store.sweep(lambda digests: ()) == 0
