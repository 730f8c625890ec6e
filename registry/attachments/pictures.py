"""Pictures as they are kept: small, upright, and without anything that the camera wrote into them.

Lives here: `small_picture` (whatever a camera or a person brings → WebP, at most 1600 pixels and about 200
kB) and `thumbnail`. Pixels are read and written anew, so places, names of devices and hidden texts are left
behind. Not here: what may be attached (`policy.py`), keeping (`services.py`).
"""

from __future__ import annotations

import threading
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from registry.attachments.policy import NOT_A_PICTURE, check_pixels
from registry.refusals import Refused

LONGEST_EDGE: Final = 1600
ENOUGH_BYTES: Final = 200_000
QUALITIES: Final = (76, 62, 48)
THUMBNAIL: Final = 192
_KINDS: Final = ("JPEG", "PNG", "WEBP")  # some phones write a JPEG of several pictures: MPO
_READ_SMALL: Final = frozenset({"JPEG", "MPO"})
# An unfolded picture takes much memory: two at a time, however many tablets send one.
_turns = threading.BoundedSemaphore(2)


def small_picture(content: bytes) -> bytes:
    """The picture as it is kept. Raises `Refused` where it is none, or would unfold too large."""
    with _turns:
        try:
            return _encoded(_read(content, LONGEST_EDGE))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            check_pixels(1 << 20, 1 << 20, read_small=False)
            raise
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
            raise Refused.field("file", "not-a-picture", NOT_A_PICTURE) from None


def thumbnail(content: bytes) -> bytes:
    """A small square look of a kept picture."""
    with Image.open(BytesIO(content), formats=("WEBP",)) as picture:
        small = ImageOps.fit(picture.convert("RGB"), (THUMBNAIL, THUMBNAIL))
    out = BytesIO()
    small.save(out, "WEBP", quality=70)
    return out.getvalue()


def _read(content: bytes, edge: int) -> Image.Image:
    with Image.open(BytesIO(content), formats=_KINDS) as picture:
        check_pixels(*picture.size, read_small=picture.format in _READ_SMALL)
        picture.draft("RGB", (edge, edge))  # a JPEG is read at the size that is wanted, or a little above
        picture.load()
        upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    return _on_white(upright)


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGB", "L"):
        return picture.convert("RGB")
    seen = picture.convert("RGBA")
    ground = Image.new("RGBA", seen.size, "white")
    ground.alpha_composite(seen)
    return ground.convert("RGB")


def _encoded(picture: Image.Image) -> bytes:
    """As good as fits: less quality first, then fewer pixels."""
    while True:
        # Made anew from pixels: nothing that came along (EXIF, XMP, colour profile) goes with it.
        pixels = Image.frombytes("RGB", picture.size, picture.tobytes())
        for quality in QUALITIES:
            out = BytesIO()
            pixels.save(out, "WEBP", quality=quality, method=2)
            if out.tell() <= ENOUGH_BYTES:
                return out.getvalue()
        picture = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS)
