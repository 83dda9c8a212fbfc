"""Feeds: addresses at which a calendar or a program reads in the name of who made them, without logging in.

The address is signed, so that nobody guesses one and the database is asked only about addresses that we made. It sees what its
person sees at that moment: who has left, or has lost the right, leaves an address behind at which there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request, Response
from psycopg import Connection

from api import cookies
from api.gate import without_session
from api.permissions import Right
from api.store import duty as duty_store
from api.store import feeds as store
from api.store.feeds import Feed
from api.typed import number
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound
from core.errors import Refused
from core.log import logger

MOST: Final = 30  # feeds of one person: a phone, a computer, a partner; not a way to fill a table
RIGHTS: Final = {"own_duty": None, "roster": Right.SEE_DUTY, "cap": Right.SEE_ALARMS}  # None: everybody
log = logger(__name__)


def subscribe(connection: Connection[Any], visitor: Visitor, what: str, now: datetime) -> int:
    """A new address of `what`: own, roster:7, site:3 or company:1; gives its number.

    Raises:
        Refused: nothing that this person may see, or too many.
    """
    if len(store.list_feeds(connection, visitor.person_id)) >= MOST:
        raise Refused(f"There are {MOST} addresses of yours already; revoke one that you no longer need.")
    kind, company_id, roster_id, site_id = _chosen(connection, visitor, what)
    feed_id = store.add_feed(
        connection, person_id=visitor.person_id, kind=kind, company_id=company_id, roster_id=roster_id,
        site_id=site_id, now=now,
    )  # fmt: skip
    log.info("feed_made", feed=feed_id, kind=kind, person=visitor.person_id)
    return feed_id


def _chosen(connection: Connection[Any], visitor: Visitor, what: str) -> tuple[str, int | None, int | None, int | None]:
    """(kind, company, roster, site) of what was chosen."""
    word, _, text = what.partition(":")
    chosen = number(text)
    if word == "own":
        return "own_duty", None, None, None
    if word == "roster" and visitor.may(Right.SEE_DUTY):
        for line in duty_store.list_rosters(connection):
            if line.roster_id == chosen:
                return "roster", line.company_id, line.roster_id, None
    if word in ("site", "company") and visitor.may(Right.SEE_ALARMS):
        for site in store.list_sites(connection):
            if word == "site" and site.site_id == chosen:
                return "cap", site.company_id, None, site.site_id
            if word == "company" and site.company_id == chosen:
                return "cap", site.company_id, None, None
    raise Refused("Choose what is to be read there.")


@contextmanager
def reading(web: Web, token: str, kinds: tuple[str, ...]) -> Iterator[tuple[Connection[Any], Visitor, Feed]]:
    """A transaction in the name of who made the address.

    Raises:
        NotFound: no address of ours, one that was revoked, or whose person has left or lost the right.
    """
    opened = cookies.open_feed(token, web.cookie_key)
    visitor = None if opened is None else without_session(web, opened[1])
    if opened is None or visitor is None:
        raise NotFound
    with web.acting_for(visitor) as connection:
        feeds = store.list_feeds(connection, visitor.person_id)
        feed = next((each for each in feeds if each.feed_id == opened[0] and each.kind in kinds), None)
        if feed is None or not _may(visitor, feed):
            raise NotFound
        store.note_read(connection, feed, web.clock())
        yield connection, visitor, feed


def _may(visitor: Visitor, feed: Feed) -> bool:
    right = RIGHTS[feed.kind]
    return right is None or visitor.may(right)


def answer(request: Request, content: bytes, media_type: str, name: str) -> Response:
    """The whole, or, for who has it already, that nothing has changed (RFC 9110 13.1.2)."""
    etag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'inline; filename="{name}"'
    return Response(content, media_type=media_type, headers=headers)


def base_url(web: Web, request: Request) -> str:
    """Where programs find us: as the settings say, else as whoever asks has found us."""
    return web.public_url or str(request.base_url).rstrip("/")


def host_of(base: str) -> str:
    """The name of this installation in ids that must be one of a kind.

    >>> host_of("https://davy.example:8443/safety")
    'davy.example'
    """
    return urlsplit(base).hostname or "davy.invalid"
