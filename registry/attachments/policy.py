"""What may be attached to a patient.

Lives here, pure: sizes, what a file is by how it begins, and a name that is safe to show. Not here: making a
picture small (`pictures.py`), who may see a patient (`registry/people/selectors.py`).
"""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

from registry.refusals import Refused, _

Sort = Literal["picture", "pdf"]

LONGEST_NAME: Final = 120
LARGEST_PICTURE: Final = 12 << 20
LARGEST_DOCUMENT: Final = 10 << 20
SEVERAL_EDGES: Final = 60_000_000  # pixels of a JPEG, which is read small
PLAIN_EDGES: Final = 25_000_000  # pixels of what is read whole
_PDF: Final = b"%PDF-"
_BEGINNINGS: Final = ((b"\xff\xd8\xff", 0), (b"\x89PNG\r\n\x1a\n", 0), (b"WEBP", 8))

TOO_LARGE_PICTURE: Final = _("This picture is too large. Take a smaller one. Nothing else is lost.")
TOO_LARGE_FILE: Final = _("This file is too large. Choose a smaller one. Nothing else is lost.")
NOT_A_PICTURE: Final = _("This is not a picture that Posta can read. Use the camera, a JPEG or a PNG.")
NOT_A_FILE: Final = _("Posta keeps pictures and PDF files. Choose one of those.")
EMPTY: Final = _("Choose a picture or a file first.")


def sort_of(beginning: bytes, *, picture_only: bool) -> Sort:
    """What a file is, by its first bytes; its name and what the browser says count for nothing."""
    if not beginning:
        raise Refused.field("file", "no-file", EMPTY)
    if any(beginning[at : at + len(sign)] == sign for sign, at in _BEGINNINGS):
        return "picture"
    if picture_only:
        raise Refused.field("file", "not-a-picture", NOT_A_PICTURE)
    if beginning.startswith(_PDF):
        return "pdf"
    raise Refused.field("file", "not-a-file", NOT_A_FILE)


def check_size(sort: Sort, size: int) -> None:
    if sort == "picture" and size > LARGEST_PICTURE:
        raise Refused("file-too-large", TOO_LARGE_PICTURE, status=413, fields={"file": TOO_LARGE_PICTURE})
    if sort == "pdf" and size > LARGEST_DOCUMENT:
        raise Refused("file-too-large", TOO_LARGE_FILE, status=413, fields={"file": TOO_LARGE_FILE})


def check_pixels(width: int, height: int, *, read_small: bool) -> None:
    """A small file may unfold into a picture that fills the laptop."""
    if width * height > (SEVERAL_EDGES if read_small else PLAIN_EDGES):
        raise Refused("file-too-large", TOO_LARGE_PICTURE, status=413, fields={"file": TOO_LARGE_PICTURE})


def clean_file_name(name: str) -> str:
    """The file's own name, without a path and without anything that does not print."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    printed = (character for character in last if unicodedata.category(character)[0] != "C")
    return " ".join("".join(printed).split())[-LONGEST_NAME:]
