"""How a file lies on the disk: in pieces of 64 KiB, each encrypted and bound to its place.

Lives here: `write_sealed`, `read_sealed` and `Part`, a file that is still arriving. Pure but for the disk:
the caller brings the key. AES-256-GCM; each file has a key of its own, from the store's key, a salt and the
hash that it must have. A piece that was changed, moved, left out or taken from another file does not open.
Not here: names and directories (`store.py`).
See docs/adr/0023-files-beside-the-database.md.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PIECE: Final = 1 << 16
TAG: Final = 16
MAGIC: Final = b"POSTAF1\0"
PART_MAGIC: Final = b"POSTAP1\0"
_SALT: Final = 16
_LENGTH: Final = 8
_HEADER: Final = len(MAGIC) + _SALT + _LENGTH
_FRAME_LENGTH: Final = 4
_NONCE: Final = 12


class Damaged(Exception):
    """The file on the disk is not what was put there, or another key sealed it."""


class NotThatFile(Exception):
    """What was brought does not have the hash or the size that it should have."""


def derived_key(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, purpose).derive(key)


def _opener(key: bytes, header: bytes, digest: str) -> AESGCM:
    salt = header[len(MAGIC) : len(MAGIC) + _SALT]
    return AESGCM(derived_key(key, salt, b"posta file 1" + bytes.fromhex(digest)))


def _nonce(index: int, *, last: bool) -> bytes:
    """A piece's place, and whether it is the last: nothing can be cut off or put behind."""
    return index.to_bytes(_NONCE - 1, "big") + bytes([last])


def _in_pieces(source: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for some in source:
        held += some
        while len(held) > PIECE:  # the last one is not given away before it is known to be the last
            yield bytes(held[:PIECE])
            del held[:PIECE]
    yield bytes(held)


def write_sealed(out: IO[bytes], key: bytes, digest: str, size: int, source: Iterable[bytes]) -> None:
    """Write what `source` brings, sealed. Raises `NotThatFile` where it is not what `digest` and `size`
    say.
    """
    header = MAGIC + secrets.token_bytes(_SALT) + size.to_bytes(_LENGTH, "big")
    sealer, hashed, there = _opener(key, header, digest), hashlib.sha256(), 0
    out.write(header)
    for index, piece in enumerate(_in_pieces(source)):
        there += len(piece)
        if there > size:
            break
        hashed.update(piece)
        out.write(sealer.encrypt(_nonce(index, last=there == size), piece, header))
    if there != size or hashed.hexdigest() != digest:
        raise NotThatFile(digest)


def sealed_size(path: Path) -> int:
    """How long the file itself is, as its header says."""
    with path.open("rb") as file:
        return _size_in(file.read(_HEADER))


def _size_in(header: bytes) -> int:
    if len(header) != _HEADER or not header.startswith(MAGIC):
        raise Damaged
    return int.from_bytes(header[-_LENGTH:], "big")


def read_sealed(path: Path, key: bytes, digest: str, *, start: int = 0) -> Iterator[bytes]:
    """The file from `start` on, piece by piece. Raises `Damaged`, at the latest where it was cut off."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
        size = _size_in(header)
        opener = _opener(key, header, digest)
        index, skipped = divmod(start, PIECE)
        file.seek(_HEADER + index * (PIECE + TAG))
        at = index * PIECE
        while at < size:
            wanted = min(PIECE, size - at)
            try:
                sealed = file.read(wanted + TAG)
                piece = opener.decrypt(_nonce(index, last=at + wanted == size), sealed, header)
            except (InvalidTag, ValueError):
                raise Damaged from None
            yield piece[skipped:]
            at, index, skipped = at + wanted, index + 1, 0
        if file.read(1):
            raise Damaged


class Part:
    """A file that is still arriving: what has come so far, in frames as it came. A frame that was torn by a
    crash is written again. `of` is what the part belongs to, so that no two can be exchanged.
    """

    def __init__(self, path: Path, key: bytes, of: bytes) -> None:
        self.path, self._key, self._of = path, key, of

    @property
    def length(self) -> int:
        """How much has come."""
        try:
            with self.path.open("rb") as file:
                return self._end(file)[0]
        except FileNotFoundError:
            return 0

    def append(self, at: int, piece: bytes) -> int:
        """Put a piece behind what is there, durably; answers how much is there now. What does not begin where
        the part ends is left out. The caller sees to it that nobody else appends.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            there, end = self._end(file)
            if at != there or not piece:
                return there
            if not end:
                file.seek(0)
                file.write(PART_MAGIC + secrets.token_bytes(_SALT))
                end = file.tell()
            file.seek(end)
            file.truncate()
            nonce = secrets.token_bytes(_NONCE)
            sealed = self._sealer(file).encrypt(nonce, piece, self._place(at))
            file.seek(end)
            file.write(len(piece).to_bytes(_FRAME_LENGTH, "big") + nonce + sealed)
            file.flush()
            os.fsync(file.fileno())
        return there + len(piece)

    def pieces(self) -> Iterator[bytes]:
        """What has come, from the beginning. Raises `Damaged`."""
        with self.path.open("rb") as file:
            there, _end = self._end(file)
            sealer, at = self._sealer(file), 0
            file.seek(len(PART_MAGIC) + _SALT)
            while at < there:
                length = int.from_bytes(file.read(_FRAME_LENGTH), "big")
                try:
                    piece = sealer.decrypt(file.read(_NONCE), file.read(length + TAG), self._place(at))
                except (InvalidTag, ValueError):
                    raise Damaged from None
                yield piece
                at += length

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)

    def _place(self, at: int) -> bytes:
        return self._of + at.to_bytes(_LENGTH, "big")

    def _sealer(self, file: IO[bytes]) -> AESGCM:
        file.seek(len(PART_MAGIC))
        return AESGCM(derived_key(self._key, file.read(_SALT), b"posta part 1" + self._of))

    def _end(self, file: IO[bytes]) -> tuple[int, int]:
        """(how much has come, where in the file its last whole frame ends); (0, 0) where nothing has
        begun.
        """
        size = os.fstat(file.fileno()).st_size
        end, there = len(PART_MAGIC) + _SALT, 0
        if size < end or file.read(len(PART_MAGIC)) != PART_MAGIC:
            return 0, 0
        while True:
            file.seek(end)
            told = file.read(_FRAME_LENGTH)
            length = int.from_bytes(told, "big")
            following = end + _FRAME_LENGTH + _NONCE + length + TAG
            if len(told) < _FRAME_LENGTH or not length or following > size:
                return there, end
            end, there = following, there + length
