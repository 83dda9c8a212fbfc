"""What every page of a person carries: who they are, their form token, what is wrong with Davy itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi.responses import HTMLResponse
from psycopg import Connection

from api import cookies
from api.store import status
from api.texts import later
from api.visitor import Visitor
from api.web import Web

LATE_BEAT = timedelta(seconds=10)  # ingest beats every 2 s: five beats missed is not a hiccup
LATE_MESSAGE = timedelta(seconds=30)  # what is due goes out within a second, unless alerting or a receiver is away
SESSION_WARNING = timedelta(minutes=15)
DEFAULT_ZONE = "Asia/Shanghai"

_LATE = later("Readings are not being stored since %(at)s. Alarms may be missing: use your other means.")
_NEVER = later("Readings are not being stored: Davy's ingest has not run yet.")
_BROKER = later("The message broker is away since %(at)s: no readings arrive. Use your other means.")
_STARTING = later("Davy's ingest is starting; readings wait and will be judged.")
_UNSENT = later("Messages due at %(at)s have not gone out: somebody has not been called. Call them yourself.")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong with Davy itself: a message id, and since when."""

    text: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Frame:
    """What the page says around its subject."""

    trouble: Trouble | None
    sensors: int
    recent: int
    time_zone: str


def trouble(beats: list[status.IngestBeat], now: datetime, unsent: datetime | None = None) -> Trouble | None:
    """What is wrong with ingest, the worst worker deciding, or with calling people; None while all is well.

    Args:
        unsent: when the oldest message that still waits was due.
    """
    if not beats:
        return Trouble(_NEVER, None)
    late = [beat for beat in beats if now - beat.beat_at > LATE_BEAT]
    if late:
        return Trouble(_LATE, min(beat.beat_at for beat in late))
    for state, text in (("broker_away", _BROKER), ("stopping", _LATE), ("starting", _STARTING)):
        for beat in beats:
            if beat.state == state:
                return Trouble(text, beat.beat_at)
    if unsent is not None and now - unsent > LATE_MESSAGE:
        return Trouble(_UNSENT, unsent)
    return None


def frame_of(connection: Connection[Any], now: datetime) -> Frame:
    """The frame as of `now`, under the transaction's principal."""
    heard = status.sensors_heard(connection, now)
    wrong = trouble(status.ingest_beats(connection), now, status.oldest_unsent(connection, now))
    return Frame(wrong, heard.sensors, heard.recent, heard.time_zone or DEFAULT_ZONE)


def person_page(
    web: Web, visitor: Visitor, template: str, *, frame: Frame | None = None, status: int = 200, **words: Any
) -> HTMLResponse:
    """A page of a person."""
    now = web.clock()
    return web.pages.page(
        template,
        visitor.language,
        now=now,
        status=status,
        visitor=visitor,
        form_token=cookies.form_token(visitor.secret, web.cookie_key),
        frame=frame,
        demo=web.inbox is not None,
        session_ends=visitor.expires_at if visitor.expires_at - now < SESSION_WARNING else None,
        **words,
    )
