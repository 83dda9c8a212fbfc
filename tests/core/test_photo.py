"""What comes as a photo, and what is kept of it."""

from __future__ import annotations

import hashlib
import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core import photo
from core.errors import Refused
from tests.risk.conftest import picture


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(BytesIO(jpeg))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_of_each_format_becomes_a_small_jpeg(form: str) -> None:
    """At most 1600 pixels along an edge, re-encoded by us, with its hash."""
    kept = photo.prepare(picture(2400, 1800, form))
    shown = opened(kept.jpeg)
    assert (shown.format, shown.size) == ("JPEG", (1600, 1200))
    assert (kept.width, kept.height) == shown.size
    assert kept.sha256 == hashlib.sha256(kept.jpeg).digest()
    assert len(kept.jpeg) <= photo.MOST_KEPT


def test_a_photo_is_turned_upright_and_forgets_where_it_was_taken() -> None:
    """A phone writes orientation, place and its own name into the file; only the first is used, and none is kept."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "A maker of phones"
    exif.get_ifd(0x8825)[1] = "N"
    sent = picture(400, 200, "JPEG", exif=exif, comment=b"secret words")
    assert b"A maker of phones" in sent
    kept = photo.prepare(sent)
    assert (kept.width, kept.height) == (200, 400)
    assert dict(opened(kept.jpeg).getexif()) == {}
    assert b"maker" not in kept.jpeg
    assert b"secret" not in kept.jpeg


def test_transparency_becomes_white() -> None:
    """A screenshot with holes is no black picture."""
    out = BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(out, "PNG")
    pixel = opened(photo.prepare(out.getvalue()).jpeg).getpixel((10, 10))
    assert pixel == (255, 255, 255)


def test_a_noisy_picture_still_fits_the_table() -> None:
    """Whatever it shows, what is kept stays below the bound of the column."""
    assert len(photo.prepare(picture(3000, 3000, "JPEG", quality=60)).jpeg) <= photo.MOST_KEPT


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it has very many pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(8000, 8000), (12_000, 12_000), (60_000, 60_000)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    """The pixels it claims are counted, not made."""
    with pytest.raises(Refused, match="million pixels"):
        photo.prepare(bomb(*size))


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"", "nothing was sent"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a photo"),
        (b"GIF89a" + bytes(40), "not a photo"),
        (b"%PDF-1.7 a report", "not a photo"),
        (picture()[:300], "not a photo"),
        (bomb(40, 40), "not a photo"),
        (bytes(photo.MOST_BYTES + 1), "more than 10 MB"),
    ],
    ids=["nothing", "svg", "gif", "pdf", "cut off", "no pixels", "too large"],
)
def test_what_is_no_photo_gets_a_sentence(sent: bytes, sentence: str) -> None:
    """Never a stack, and nothing of it is kept."""
    with pytest.raises(Refused, match=sentence):
        photo.prepare(sent)


WHOLE = {form: picture(40, 30, form) for form in photo.FORMATS}


@settings(max_examples=300)
@given(st.sampled_from(photo.FORMATS), st.data())
def test_a_damaged_photo_is_a_photo_or_a_sentence(form: str, draw: st.DataObject) -> None:
    """Bytes changed anywhere: either something that can be kept, or `Refused`; no other error gets out."""
    sent = bytearray(WHOLE[form])
    for _ in range(draw.draw(st.integers(1, 12))):
        sent[draw.draw(st.integers(0, len(sent) - 1))] = draw.draw(st.integers(0, 255))
    try:
        kept = photo.prepare(bytes(sent))
    except Refused:
        return
    assert opened(kept.jpeg).format == "JPEG"
