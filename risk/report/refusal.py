"""Why there is no report: a sentence with its particulars, for a reader whose language is not known yet. Pure."""

from __future__ import annotations

from core.errors import BadInput


def later(text: str) -> str:
    """Marks a text for the catalogues; it is translated when a reader is known."""
    return text


class Unreportable(BadInput):
    """There is no report to give.

    Args:
        text: message id, marked with `later`.
        words: what stands in its %(places)s.
    """

    def __init__(self, text: str, /, **words: object) -> None:
        super().__init__(text % words)
        self.text = text
        self.words = words
