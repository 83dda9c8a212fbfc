"""What people type, as it is kept: their words without what no page could show. Pure."""

from __future__ import annotations

import unicodedata

from core.errors import Refused
from risk.findings import text_of

# Marks that turn the direction of what follows: with one of them a text reads as another than was typed.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def words_of(text: str, missing: str | None, longest: int) -> str:
    """A text as it is kept: trimmed, lines as they are.

    Args:
        missing: the sentence where it is empty; None where it may be.

    Raises:
        Refused: empty, far too long, or with characters that cannot be shown.

    >>> words_of(" a\\r\\nb ", None, 10)
    'a\\nb'
    """
    kept = text_of(text.replace("\r\n", "\n"), missing, longest)
    if any(each in _TURNING or (unicodedata.category(each) in ("Cc", "Cs") and each not in "\n\t") for each in kept):
        raise Refused("The text has characters that cannot be shown; type it anew, or paste it as plain text.")
    return kept
