"""Which characters the report's font has: read from its own `cmap` table, so that a missing one is noticed before print.

Source: OpenType specification, "cmap - Character To Glyph Index Mapping Table", format 12 (segmented coverage).
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

FONT_FOLDER: Final = "font"
FONT: Final = "NotoSansSC-Regular.ttf"
_FORMAT: Final = 12
_UNSEEN: Final = frozenset("\n\t\u200b\ufeff")  # what takes no ink


def font_folder() -> Traversable:
    """Where the font is."""
    return resources.files("risk.report").joinpath(FONT_FOLDER)


@cache
def coverage() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First and last code point of each run of characters that the font has, in order.

    Memory: some 5,000 runs, for the life of the process.
    """
    return runs_of(font_folder().joinpath(FONT).read_bytes())


def runs_of(font: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The same of any TrueType font with a format 12 table."""
    cmap = _table(font, b"cmap")
    (count,) = struct.unpack_from(">H", font, cmap + 2)
    for number in range(count):
        (offset,) = struct.unpack_from(">I", font, cmap + 4 + 8 * number + 4)
        start = cmap + offset
        if struct.unpack_from(">H", font, start) == (_FORMAT,):
            (groups,) = struct.unpack_from(">I", font, start + 12)
            found = [struct.unpack_from(">III", font, start + 16 + 12 * group) for group in range(groups)]
            return tuple(run[0] for run in found), tuple(run[1] for run in found)
    raise ValueError("the font has no cmap of format 12; cut it anew with tools/font.py")


def _table(font: bytes, tag: bytes) -> int:
    (count,) = struct.unpack_from(">H", font, 4)
    for number in range(count):
        name, _, offset, _ = struct.unpack_from(">4sIII", font, 12 + 16 * number)
        if name == tag:
            return int(offset)
    raise ValueError(f"the font has no table {tag.decode()}")


def has(character: str) -> bool:
    """Whether the font can show it."""
    if character in _UNSEEN:
        return True
    firsts, lasts = coverage()
    at = bisect_right(firsts, ord(character)) - 1
    return at >= 0 and ord(character) <= lasts[at]


def missing(texts: Iterable[str]) -> tuple[str, str] | None:
    """The first character that the font does not have, and the text it stands in; None where it has all."""
    for text in texts:
        for character in text:
            if not has(character):
                return character, text
    return None


def texts_in(told: Any) -> Iterable[str]:
    """Every text in a nest of lists and mappings."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        for value in told.values():
            yield from texts_in(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from texts_in(value)
