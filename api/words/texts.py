"""Marks of texts: what a reader sees is an English message id here and becomes their language at the edge."""

from __future__ import annotations


def later(text: str) -> str:
    """Marks a text for the catalogues; it is translated when a reader is known.

    >>> later("Nothing to see.")
    'Nothing to see.'
    """
    return text


class Answer(Exception):
    """An answer that ends a request early: a status and one sentence, in the reader's language when it is written.

    Args:
        status: HTTP status, 4xx.
        text: message id, marked with `later`.
        words: what stands in its %(places)s.
    """

    def __init__(self, status: int, text: str, /, **words: object) -> None:
        super().__init__(text % words if words else text)
        self.status = status
        self.text = text
        self.words = words


class NotLoggedIn(Answer):
    """Nobody, or nobody any more."""

    def __init__(self) -> None:
        super().__init__(401, later("Log in first."))


class Forbidden(Answer):
    """Somebody whose role does not have this room or act."""

    def __init__(self) -> None:
        super().__init__(403, later("Your role does not allow this."))


class NotFound(Answer):
    """Nothing, or nothing that this person may see: nobody learns which."""

    def __init__(self) -> None:
        super().__init__(404, later("There is nothing here, or nothing that you may see."))


class FormRefused(Answer):
    """A form without the token of the page it claims to come from."""

    def __init__(self) -> None:
        super().__init__(
            403, later("This form did not come from a page of this session. Reload the page and try again.")
        )
