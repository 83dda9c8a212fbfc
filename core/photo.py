"""Photos of findings: whether it is one, and a copy made anew: upright, smaller, without place or other metadata.

Reads bytes and gives bytes; no file, no network.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from core.errors import Refused

MOST_BYTES: Final = 10 * 1024 * 1024
# A JPEG's sensor may be that of today's phones: it is decoded to an eighth at once, and costs what it becomes. What has no such
# way is decoded whole, at up to 18 bytes a pixel (WebP, which keeps its canvases): 225 MB (tests/core/test_photo_memory.py).
MOST_PIXELS: Final = 50_000_000
MOST_PIXELS_WHOLE: Final = 12_500_000  # a phone's usual 4032 x 3024
LONGEST_EDGE: Final = 1600  # pixels: a crack or a gauge can be read, a year of photos fits a disk
MOST_KEPT: Final = 2_000_000  # bytes of the jpeg, as the table allows
FORMATS: Final = ("JPEG", "PNG", "WEBP")
_SHRINKS: Final = ("L", "LA", "RGB", "RGBA", "CMYK")  # what is made small as it is; the rest becomes one of them before
QUALITIES: Final = (85, 70, 50, 30)
# What Pillow raises on bytes that only look like a photo; found by feeding it damaged ones.
_DAMAGED: Final = (
    UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, OverflowError, IndexError,
    KeyError, TypeError, AttributeError,
)  # fmt: skip
_NOT_ONE: Final = "This file is not a photo that can be read: send a JPEG, PNG or WebP picture."


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as it is kept.

    Args:
        jpeg: re-encoded by us.
        sha256: of the jpeg.
    """

    jpeg: bytes
    width: int
    height: int
    sha256: bytes


def prepare(sent: bytes) -> Photo:
    """The photo as it will be kept.

    Memory: below 300 MB for the worst that is admitted; see `MOST_PIXELS`.

    Raises:
        Refused: nothing, too much, or no photo.
    """
    if not sent:
        raise Refused("Choose a photo first: nothing was sent.")
    if len(sent) > MOST_BYTES:
        # Whoever receives it stops at the limit, so how much larger it is nobody knows.
        raise Refused("The photo has more than 10 MB. Take it with a lower resolution.")
    try:
        flat = _flat(ImageOps.exif_transpose(_small(_opened(sent))))
        jpeg = _encoded(flat)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused(_too_large(MOST_PIXELS_WHOLE)) from error
    except _DAMAGED as error:
        raise Refused(_NOT_ONE) from error
    return Photo(jpeg, flat.width, flat.height, hashlib.sha256(jpeg).digest())


def _opened(sent: bytes) -> Image.Image:
    """Looked at, not decoded: what it says of itself decides whether it will be."""
    picture: Image.Image = Image.open(BytesIO(sent), formats=FORMATS)
    by_parts = isinstance(picture, JpegImageFile) and _comes_in_one_scan(sent, len(picture.getbands()))
    most = MOST_PIXELS if by_parts else MOST_PIXELS_WHOLE
    if picture.width * picture.height > most:
        raise Refused(_too_large(most))
    return picture


def _comes_in_one_scan(jpeg: bytes, colours: int) -> bool:
    """Whether its decoder goes line by line; a progressive one, or one colour after the other, is held as a whole, at any size.

    Source: ITU-T T.81 (1992) B.1.1.3 and B.2.3, SOF2 is progressive, SOS says how many components its scan has.
    """
    at = 2
    while jpeg[at] == 0xFF:
        kind = jpeg[at + 1]
        if kind == 0xFF:  # a marker may be preceded by any number of them
            at += 1
            continue
        if kind == 0xDA:
            return jpeg[at + 4] == colours
        if 0xC0 < kind <= 0xCF and kind not in {0xC1, 0xC4, 0xC8, 0xCC}:
            return False
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return False


def _small(picture: Image.Image) -> Image.Image:
    """Decoded and made small, before anything makes a further copy of it."""
    share = LONGEST_EDGE / max(picture.size)
    picture.draft("RGB", (int(picture.width * share), int(picture.height * share)))  # of use for a JPEG only
    picture.load()
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode not in _SHRINKS:
        picture = picture.convert("RGB")
    picture.thumbnail((LONGEST_EDGE, LONGEST_EDGE), Image.Resampling.LANCZOS)
    return picture


def _flat(picture: Image.Image) -> Image.Image:
    """Without transparency, in RGB, and without what else hung on it: a new picture has no metadata."""
    if picture.mode in ("RGBA", "LA"):
        below = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(below, picture.convert("RGBA"))
    flat = Image.new("RGB", picture.size)
    flat.paste(picture.convert("RGB"))
    return flat


def _encoded(picture: Image.Image) -> bytes:
    kept = b""
    for quality in QUALITIES:
        out = BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True)
        kept = out.getvalue()
        if len(kept) <= MOST_KEPT:
            break
    return kept


def _too_large(most: int) -> str:
    if most == MOST_PIXELS:
        return f"The photo has more than {MOST_PIXELS // 1_000_000} million pixels. Take it with a lower resolution."
    return (
        "The picture has more than 12.5 million pixels. Take it with a lower resolution, or send it as an ordinary JPEG "
        "(not a progressive one), which may have 50 million."
    )
