"""What nodes say to each other about files.

Lives here: msgspec structures like those of `sync/exchanges.py`. Files are named by the record that owns
them, never by their hash. Not here: who may ask (`doors.py`).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from sync.exchanges import Body, Count, Id

MOST_ASKED = 200
LARGEST_PIECE = 1 << 18


class FilesRequest(Body):
    """How far are you with the files of these records?"""

    records: Annotated[list[Id], msgspec.Meta(max_length=MOST_ASKED)]


class FilesAnswer(Body):
    """For each record that the asker may know: how many bytes have come, and whether that is the file."""

    known: dict[Id, tuple[Count, bool]]


class PieceSent(Body):
    """A piece of a record's file, from `at` on. An empty one at the end asks to bring it to its end."""

    record: Id
    at: Count
    piece: Annotated[bytes, msgspec.Meta(max_length=LARGEST_PIECE)]


class PieceTaken(Body):
    """How many bytes are there now, and whether that is the file."""

    there: Count
    whole: bool


class PieceWanted(Body):
    """A piece of a record's file, from `at` on."""

    record: Id
    at: Count
    most: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PIECE)]


class PieceGiven(Body):
    """The piece; empty where nothing is left."""

    piece: bytes
