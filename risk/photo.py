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

from core.errors import Refused

MOST_BYTES: Final = 10 * 1024 * 1024
MOST_PIXELS: Final = 50_000_000  # the sensors of today's phones; decoded that is 150 MB, and a bomb is far beyond
LONGEST_EDGE: Final = 1600  # pixels: a crack or a gauge can be read, a year of photos fits a disk
MOST_KEPT: Final = 2_000_000  # bytes of the jpeg, as the table allows
FORMATS: Final = ("JPEG", "PNG", "WEBP")
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

    Memory: three bytes a pixel of what was sent, at most `MOST_PIXELS`; a JPEG is decoded smaller at once.

    Raises:
        Refused: nothing, too much, or no photo.
    """
    if not sent:
        raise Refused("Choose a photo first: nothing was sent.")
    if len(sent) > MOST_BYTES:
        # Whoever receives it stops at the limit, so how much larger it is nobody knows.
        raise Refused("The photo has more than 10 MB. Take it with a lower resolution.")
    try:
        picture = _decoded(sent)
        flat = _flat(ImageOps.exif_transpose(picture))
        flat.thumbnail((LONGEST_EDGE, LONGEST_EDGE), Image.Resampling.LANCZOS)
        jpeg = _encoded(flat)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused(_too_large()) from error
    except _DAMAGED as error:
        raise Refused(_NOT_ONE) from error
    return Photo(jpeg, flat.width, flat.height, hashlib.sha256(jpeg).digest())


def _decoded(sent: bytes) -> Image.Image:
    picture: Image.Image = Image.open(BytesIO(sent), formats=FORMATS)
    if picture.width * picture.height > MOST_PIXELS:
        raise Image.DecompressionBombError
    picture.draft("RGB", (LONGEST_EDGE, LONGEST_EDGE))  # a JPEG decodes to a half, a quarter or an eighth by itself
    picture.load()
    return picture


def _flat(picture: Image.Image) -> Image.Image:
    """Without transparency, in RGB, and without what else hung on it: a new picture has no metadata."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
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


def _too_large() -> str:
    return f"The photo has more than {MOST_PIXELS // 1_000_000} million pixels. Take it with a lower resolution."
