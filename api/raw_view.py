"""Bytes that somebody sent, made safe and readable: text where it is text, else hexadecimal. Pure."""

from __future__ import annotations

import unicodedata

HEX_BYTES = 256  # shown of what is not text, in a list
WHOLE = 4096  # shown of one message on its page; its file has the rest
_ROW = 16


def raw_view(start: bytes, length: int) -> str:
    """What the page shows of a message; escaping for HTML is the template's.

    Args:
        start: its first bytes.
        length: of the whole message.

    >>> raw_view(b'{"a": 1}', 8)
    '{"a": 1}'
    >>> raw_view(b"a\\x00b", 3)
    'a␀b'
    >>> print(raw_view(b"\\xff\\xfe" + b"A" * 2, 4))
    0000  ff fe 41 41                                      ..AA
    """
    text = as_text(start, length)
    return "\n".join(hex_rows(start[:HEX_BYTES])) if text is None else text


def as_text(start: bytes, length: int) -> str | None:
    """The same where it is text; None where it is not: nothing is guessed."""
    text = _text(start, cut=length > len(start))
    return None if text is None else "".join(_visible(character) for character in text)


def _text(start: bytes, *, cut: bool) -> str | None:
    try:
        return start.decode("utf-8")
    except UnicodeDecodeError as error:
        # A cut in the middle of a character is ours, not the sender's.
        if cut and error.start >= len(start) - 3:
            return start[: error.start].decode("utf-8")
        return None


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode's control pictures
    # Direction marks and other format characters would let a payload rearrange what stands around it.
    return f"\\u{code:04x}" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") else character


def hex_rows(start: bytes) -> list[str]:
    """Sixteen bytes a row: where they stand, in hexadecimal, and as ASCII where they are.

    >>> hex_rows(b"AB")
    ['0000  41 42                                            AB']
    """
    rows = []
    for at in range(0, len(start), _ROW):
        part = start[at : at + _ROW]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        rows.append(f"{at:04x}  {part.hex(' '):<{3 * _ROW - 1}}  {shown}")
    return rows
