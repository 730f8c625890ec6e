"""A picture as it is kept: small, upright, and with nothing in it that was not to be seen."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from registry.attachments.pictures import ENOUGH_BYTES, LONGEST_EDGE, THUMBNAIL, small_picture, thumbnail
from registry.attachments.policy import (
    LARGEST_DOCUMENT,
    LARGEST_PICTURE,
    check_size,
    clean_file_name,
    sort_of,
)
from registry.refusals import Refused
from tests.registry.attachments.pictures import CANARY, PDF, bomb, noise, opened, photo


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "MPO"])
def test_what_cameras_make_is_kept_as_a_small_picture(kind: str) -> None:
    kept = small_picture(photo(2400, 1200, kind))
    picture = opened(kept)
    assert (picture.format, picture.size) == ("WEBP", (LONGEST_EDGE, LONGEST_EDGE // 2))
    assert len(kept) < ENOUGH_BYTES


def test_a_small_picture_does_not_grow() -> None:
    assert opened(small_picture(photo(64, 48))).size == (64, 48)


def test_neither_the_place_nor_the_device_is_kept() -> None:
    taken = photo()
    assert CANARY.encode() in taken and 0x8825 in opened(taken).getexif()
    kept = small_picture(taken)
    assert CANARY.encode() not in kept and not opened(kept).getexif()
    assert b"EXIF" not in kept and b"XMP" not in kept and b"ICCP" not in kept


@pytest.mark.parametrize(
    ("turned", "red_at"), [(1, (20, 240)), (3, (600, 240)), (6, (240, 20)), (8, (240, 600))]
)
def test_a_picture_stands_upright_whichever_way_the_tablet_was_held(
    turned: int, red_at: tuple[int, int]
) -> None:
    red, green, _blue = opened(small_picture(photo(turned=turned))).convert("RGB").getpixel(red_at)  # type: ignore[misc]
    assert red > 200 and green < 80


def test_even_noise_becomes_small_enough() -> None:
    assert len(small_picture(noise(1700))) <= ENOUGH_BYTES


def test_what_shines_through_is_put_on_white() -> None:
    out = BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(out, "PNG")
    seen = opened(small_picture(out.getvalue())).convert("L").getpixel((20, 20))
    assert isinstance(seen, int | float) and seen > 240


@pytest.mark.parametrize("size", [(30_000, 30_000), (7_000, 7_000), (60_000, 1_000)])
def test_a_picture_that_would_fill_the_laptop_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(Refused) as refused:
        small_picture(bomb(*size))
    assert refused.value.code == "file-too-large"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xd8\xff", photo()[:200], b"\x89PNG\r\n\x1a\n" + bytes(50), bomb(10, 10_000)[:60], b"GIF89a"],
)
def test_what_is_no_whole_picture_is_refused(content: bytes) -> None:
    with pytest.raises(Refused) as refused:
        small_picture(content)
    assert refused.value.code == "not-a-picture"


def test_a_thumbnail_is_a_small_square() -> None:
    small = thumbnail(small_picture(photo(2400, 600)))
    assert opened(small).size == (THUMBNAIL, THUMBNAIL) and len(small) < 10_000


@pytest.mark.parametrize(
    ("content", "picture_only", "sort"),
    [
        (photo(), True, "picture"),
        (photo(kind="PNG"), False, "picture"),
        (photo(kind="WEBP"), True, "picture"),
        (PDF, False, "pdf"),
    ],
)
def test_a_file_is_what_it_begins_with(content: bytes, picture_only: bool, sort: str) -> None:
    assert sort_of(content[:16], picture_only=picture_only) == sort


@pytest.mark.parametrize(
    ("content", "picture_only", "code"),
    [
        (b"", True, "no-file"),
        (PDF, True, "not-a-picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", False, "not-a-file"),
        (b"<html><script>alert(1)</script>", False, "not-a-file"),
        (b"MZ\x90\x00", False, "not-a-file"),
        (b"PK\x03\x04", False, "not-a-file"),
        (b" %PDF-1.7", False, "not-a-file"),
        (b"RIFF....AVI ", False, "not-a-file"),
    ],
)
def test_everything_else_is_refused(content: bytes, picture_only: bool, code: str) -> None:
    with pytest.raises(Refused) as refused:
        sort_of(content[:16], picture_only=picture_only)
    assert refused.value.code == code and set(refused.value.fields) == {"file"}


def test_sizes_have_an_end() -> None:
    check_size("picture", LARGEST_PICTURE)
    check_size("pdf", LARGEST_DOCUMENT)
    for sort, size in (("picture", LARGEST_PICTURE + 1), ("pdf", LARGEST_DOCUMENT + 1)):
        with pytest.raises(Refused) as refused:
            check_size(sort, size)  # type: ignore[arg-type]
        assert (refused.value.code, refused.value.status) == ("file-too-large", 413)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("scan.pdf", "scan.pdf"),
        ("C:\\Users\\rosa\\letter.pdf", "letter.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a\u202efdp.exe\r\nX: y", "afdp.exeX: y"),
        ("x" * 200 + ".pdf", "x" * 116 + ".pdf"),
        ("رسالة.pdf", "رسالة.pdf"),
    ],
)
def test_a_name_is_safe_to_show(name: str, kept: str) -> None:
    assert clean_file_name(name) == kept
