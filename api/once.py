"""What is sent twice is made once: a double tap, the back button, a resend, a program that heard no answer.

A form that makes something carries a key in its hidden field `once`, given out anew with each page; a program may send one as
`Idempotency-Key`. The key and a hash of what was asked for are kept in the transaction that makes the thing, so they are
there exactly when it is. Who sends the same again is answered with what the first has made.

A form that was sent, gone back to and filled in anew asks for another thing and makes another. A program that sends another
thing under a key it has used has made a mistake, and is told so.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Depends, Form, Header
from psycopg import Connection

from api.store import once as store
from api.visitor import Visitor
from api.words.texts import Answer, later

LONGEST_KEY: Final = 128  # characters, as web_once.key


class Sending(NamedTuple):
    """The key under which something was sent; empty where none was given: then each send is one of its own."""

    key: str
    by_program: bool


def new_key() -> str:
    """For the forms of one page."""
    return secrets.token_urlsafe(16)


def _of_form(once: Annotated[str, Form(max_length=LONGEST_KEY)] = "") -> Sending:
    return Sending(once, by_program=False)


def _of_call(
    idempotency_key: Annotated[
        str,
        Header(
            max_length=LONGEST_KEY,
            description="Any text of your choice, a new one for each new thing: sent again with the same body within 24 h, "
            "the call makes nothing new and answers as the first did.",
        ),
    ] = "",
) -> Sending:
    return Sending(idempotency_key, by_program=True)


FormKey = Annotated[Sending, Depends(_of_form)]
CallKey = Annotated[Sending, Depends(_of_call)]


def once(
    connection: Connection[Any],
    visitor: Visitor,
    now: datetime,
    sending: Sending,
    asked: tuple[object, ...],
    make: Callable[[], int],
) -> int:
    """The id of what `make` makes, or of what it made when the same person sent the same under the same key before.

    Two that come at once take turns: the second waits until the first has committed, or has not and is as if never sent.

    Args:
        asked: what is to be made, and of what; whatever tells it from another thing.

    Raises:
        Answer: a program used the key for another thing before.
    """
    if not sending.key:
        return make()
    content = hashlib.sha256(json.dumps(asked, default=str).encode()).digest()
    store.take_turns(connection, visitor.person_id, sending.key)
    before = store.made_under(connection, visitor.person_id, sending.key)
    if content in before:
        return before[content]
    if before and sending.by_program:
        raise Answer(422, later("This Idempotency-Key was used for something else; give each new thing a new key."))
    made = make()
    store.keep(connection, visitor.person_id, sending.key, content, made=made, now=now)
    return made
