"""Pictures for these tests: as cameras make them, and as nobody should."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from io import BytesIO

from PIL import Image

CANARY = "MARISOL-QUINTERO-CANARY"
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n" + CANARY.encode()


@cache
def photo(width: int = 640, height: int = 480, kind: str = "JPEG", turned: int = 1) -> bytes:
    """A picture with a red left half, as a camera writes it: with the place and the device in it."""
    picture = Image.new("RGB", (width, height), "white")
    picture.paste("red", (0, 0, width // 2, height))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = turned, CANARY
    exif.get_ifd(0x8825)[1] = "N"
    out = BytesIO()
    picture.save(out, kind, exif=exif)
    return out.getvalue()


@cache
def noise(edge: int) -> bytes:
    """What packs worse than any photo."""
    out = BytesIO()
    Image.effect_noise((edge, edge), 80).save(out, "JPEG", quality=95)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says it is enormous."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))
