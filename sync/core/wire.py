"""The frame that batches and pages travel in, and the one error that bad bytes raise.

Here: `MalformedBatch`, `Limits`, four growing streams with one compressor behind them, and their reader.

A frame is: one byte (kind and dictionary), four lengths, the zstd frame of head ‖ planes ‖ text, then `dense`
as it is. Bytes that look random stay out of the compressor: they would spoil its statistics for all others.

Not here: what the streams hold (ints.py, columns.py, batch.py, pages.py).

Read next: ints.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
import zstandard

MAGIC: Final = zstandard.FRAME_HEADER  # every frame opens with it, so it does not travel
CHANGES: Final = 1
PAGE: Final = 2
DEFAULT_LEVEL: Final = 19
DICTIONARY: Final = 1  # the one that we write with
DICTIONARIES: Final = (0, 1)  # those that we read; 0 is none
_TRIAL_LEVEL: Final = 3
_NOTHING_DECLARED: Final = b"\0"  # a size declared here would be believed before any limit of ours
_DICTIONARY_HELPS: Final = 1 << 16  # past this it costs more than it saves
_WINDOW: Final = 1 << 23
_LONGEST_VARINT: Final = 10
_LONGEST_OPENING: Final = 1 + 4 * _LONGEST_VARINT


class MalformedBatch(Exception):
    """Bytes from elsewhere that say nothing we may believe. `code` is stable, the message is a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BatchTooLarge(ValueError):
    """The writer's side of `Limits`: send fewer records at once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one frame may ask of its reader. Counted as unpacked: a repeated value counts each time."""

    max_bytes: int = 8 << 20
    max_records: int = 20_000
    max_values: int = 600_000


DEFAULT_LIMITS: Final = Limits()


@contextmanager
def malformed_as(code: str) -> Iterator[None]:
    """Whatever Python finds wrong with foreign bytes, the caller hears one word."""
    try:
        yield
    except (ValueError, LookupError, OverflowError, TypeError, RecursionError, msgspec.MsgspecError) as error:
        raise MalformedBatch(code, f"The content cannot be read: {error}") from error


class Writer:
    """Four streams: `head` says what follows, `planes` has small numbers, `text` words, `dense` the rest."""

    __slots__ = ("_bytes_left", "_values_left", "dense", "head", "planes", "text")

    def __init__(self) -> None:
        self.head = bytearray()
        self.planes = bytearray()
        self.text: list[str] = []
        self.dense = bytearray()
        self._bytes_left = DEFAULT_LIMITS.max_bytes
        self._values_left = DEFAULT_LIMITS.max_values

    @property
    def values_left(self) -> int:
        """How many values more the reader will allow."""
        return self._values_left

    def varint(self, number: int) -> None:
        while number > 127:
            self.head.append(number & 127 | 128)
            number >>= 7
        self.head.append(number)

    def signed(self, number: int) -> None:
        self.varint(number << 1 if number >= 0 else ~number << 1 | 1)

    def extend(self, other: Writer) -> None:
        self.head += other.head
        self.planes += other.planes
        self.text += other.text
        self.dense += other.dense
        self.charge(
            DEFAULT_LIMITS.max_values - other._values_left, DEFAULT_LIMITS.max_bytes - other._bytes_left
        )

    def packed_size(self) -> int:
        """A quick trial: what the streams would come to."""
        text = "\0".join(self.text).encode()
        return len(_compress(bytes(self.head + self.planes), text, _TRIAL_LEVEL, 0)) + len(self.dense)

    def charge(self, values: int, size: int = 0) -> None:
        """Counts as the reader will, so that nothing is sent that would be refused for its size."""
        self._values_left -= values
        self._bytes_left -= size
        if self._values_left < 0 or self._bytes_left < 0:
            raise BatchTooLarge("cut the batch: unpacked, it is larger than readers allow")


class Reader:
    """Reads the four streams back; asks for nothing that is not there."""

    __slots__ = ("_bytes_left", "_dense", "_head", "_places", "_planes", "_text", "_values_left", "limits")

    def __init__(self, head: bytes, planes: bytes, text: bytes, dense: bytes, limits: Limits) -> None:
        if text and not text.endswith(b"\0"):
            raise MalformedBatch("truncated", "The last string has no end.")
        if text.count(0) > limits.max_values:
            raise MalformedBatch("too-large", "There are more strings than allowed.")
        self._head, self._planes, self._dense = head, planes, dense
        with malformed_as("broken-text"):
            self._text = text.decode().split("\0")
        self._text.pop()
        self._places = [0, 0, 0, 0]
        self._bytes_left = limits.max_bytes - len(head) - len(planes) - len(text) - len(dense)
        self._values_left = limits.max_values - len(self._text)
        self.limits = limits

    @property
    def place(self) -> int:
        """How far the head has been read."""
        return self._places[0]

    def byte(self) -> int:
        place = self._places[0]
        if place >= len(self._head):
            raise MalformedBatch("truncated", "The head ends too early.")
        self._places[0] = place + 1
        return self._head[place]

    def varint(self) -> int:
        number = 0
        for shift in range(0, 7 * _LONGEST_VARINT, 7):
            byte = self.byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise MalformedBatch("bad-number", "A number is longer than any we write.")

    def signed(self) -> int:
        number = self.varint()
        return ~(number >> 1) if number & 1 else number >> 1

    def count(self, most: int) -> int:
        number = self.varint()
        if number > most:
            raise MalformedBatch("too-large", f"A count of {number} is beyond the {most} possible here.")
        return number

    def planes(self, length: int) -> bytes:
        start = self._places[1]
        self._places[1] = end = start + length
        if end > len(self._planes):
            raise MalformedBatch("truncated", "The planes end too early.")
        return self._planes[start:end]

    def text(self, number: int) -> list[str]:
        start = self._places[2]
        self._places[2] = end = start + number
        if end > len(self._text):
            raise MalformedBatch("truncated", "The strings end too early.")
        return self._text[start:end]

    def dense(self, length: int) -> bytes:
        start = self._places[3]
        self._places[3] = end = start + length
        if end > len(self._dense):
            raise MalformedBatch("truncated", "The frame ends too early.")
        return self._dense[start:end]

    def charge(self, values: int, size: int = 0) -> None:
        """Pay for what is about to be built from a few bytes."""
        self._values_left -= values
        self._bytes_left -= size
        if self._values_left < 0 or self._bytes_left < 0:
            raise MalformedBatch("too-large", "Unpacked, this is larger than allowed.")

    def finish(self) -> None:
        if self._places != [len(self._head), len(self._planes), len(self._text), len(self._dense)]:
            raise MalformedBatch("trailing", "Something is left over at the end.")


def seal(kind: int, writer: Writer, level: int = DEFAULT_LEVEL, dictionary: int = DICTIONARY) -> bytes:
    """One frame of the writer's streams."""
    text = "".join([f"{string}\0" for string in writer.text]).encode()
    numbers = bytes(writer.head + writer.planes)
    if len(numbers) + len(text) > _DICTIONARY_HELPS:
        dictionary = 0
    packed = _compress(numbers, text, level, dictionary)
    frame = Writer()
    frame.head.append(kind << 4 | dictionary)
    for length in (len(writer.head), len(writer.planes), len(text), len(packed)):
        frame.varint(length)
    writer.charge(len(writer.text), len(numbers) + len(text) + len(writer.dense))
    return b"".join((frame.head, packed, writer.dense))


def unseal(kind: int, blob: bytes, limits: Limits = DEFAULT_LIMITS) -> Reader:
    """The reader of a frame. The sizes it declares are checked before anything is unpacked."""
    sizes, content, dense = _opened(kind, blob, limits)
    head, numbers = sizes[0], sizes[0] + sizes[1]
    return Reader(content[:head], content[head:numbers], content[numbers:], dense, limits)


def content_of(kind: int, blob: bytes) -> bytes:
    """What the compressor saw: to train a dictionary, to look at a frame."""
    return _opened(kind, blob, DEFAULT_LIMITS)[1]


def _opened(kind: int, blob: bytes, limits: Limits) -> tuple[list[int], bytes, bytes]:
    opening = Reader(blob[:_LONGEST_OPENING], b"", b"", b"", limits)
    form = opening.byte()
    if form >> 4 != kind or form & 15 not in DICTIONARIES:
        raise MalformedBatch("unknown-format", f"A frame of the form {form} is not known here.")
    sizes = [opening.varint() for _ in range(3)]
    packed = opening.varint()
    start, end = opening.place, opening.place + packed
    if end > len(blob):
        raise MalformedBatch("truncated", "The frame ends too early.")
    if sum(sizes) + len(blob) - end > limits.max_bytes:
        raise MalformedBatch("too-large", f"Unpacked, this is larger than {limits.max_bytes} bytes.")
    return sizes, _decompress(blob[start:end], sum(sizes), form & 15), blob[end:]


def _compress(numbers: bytes, text: bytes, level: int, dictionary: int) -> bytes:
    """A new compressor each time: one shared between threads crashes the process."""
    known = _dictionary(dictionary)
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level,
        source_size=len(numbers) + len(text),
        dict_size=len(known.as_bytes()) if known else 0,
        write_content_size=0,
        write_checksum=0,
        write_dict_id=0,
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters, dict_data=known)
    stream = compressor.compressobj()
    packed = stream.compress(numbers)
    if text:  # a block of its own: letters and numbers share no statistics
        packed += stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) + stream.compress(text)
    return (packed + stream.flush())[len(MAGIC) :]


def _decompress(packed: bytes, size: int, dictionary: int) -> bytes:
    if packed[:1] != _NOTHING_DECLARED:
        raise MalformedBatch("bad-compression", "The compressed part declares what we never declare.")
    reader = zstandard.ZstdDecompressor(dict_data=_dictionary(dictionary), max_window_size=_WINDOW)
    try:
        content = reader.decompress(MAGIC + packed, max_output_size=max(size, 1), allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise MalformedBatch("bad-compression", f"The content cannot be unpacked: {error}") from error
    if len(content) != size:
        raise MalformedBatch("bad-compression", "The content does not have the size it declares.")
    return content


def _dictionary(number: int) -> zstandard.ZstdCompressionDict | None:
    """A new object each time, for the same reason as the compressor; only the bytes are shared."""
    return zstandard.ZstdCompressionDict(_dictionary_bytes(number)) if number else None


@cache
def _dictionary_bytes(number: int) -> bytes:
    return files(__package__).joinpath(f"dictionary_v{number}.bin").read_bytes()
