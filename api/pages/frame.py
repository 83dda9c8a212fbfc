"""What every page of a person carries: who they are, their form token, what is wrong with Davy itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi.responses import HTMLResponse
from psycopg import Connection

from alerting.pulse import LATE_BEAT, LATE_CARE, LATE_SCORE, LATE_TURN
from alerting.store.status import ProcessBeat, ask_process_beats
from api import cookies
from api.once import new_key
from api.store import status
from api.visitor import Visitor
from api.web import Web
from api.words.texts import later

LATE_MESSAGE = timedelta(seconds=30)  # what is due goes out within a second, unless alerting or a receiver is away
SESSION_WARNING = timedelta(minutes=15)
DEFAULT_ZONE = "Asia/Shanghai"

_LATE = later("Readings are not being stored since %(at)s. Alarms may be missing: use your other means.")
_NEVER = later("Readings are not being stored: Davy's ingest has not run yet.")
_BROKER = later("The message broker is away since %(at)s: no readings arrive. Use your other means.")
_STARTING = later("Davy's ingest is starting; readings wait and will be judged.")
_NOT_CALLING = later("Nobody is being called since %(at)s: Davy's alerting does not run. Call people yourself.")
_NEVER_CALLED = later("Nobody is being called: Davy's alerting has not run yet. Call people yourself.")
_STUCK = later(
    "A message has been stuck in sending since %(at)s: somebody may not have been called. Call them yourself."
)
_UNCARED = later(
    "Deadlines, impairments and digests are not looked after since %(at)s. Alarms and calls are not affected."
)
_NEVER_CARED = later("Deadlines, impairments and digests are not looked after yet. Alarms and calls are not affected.")
_UNJUDGED = later(
    "Not every model judges since %(at)s: what shows only in several signals together may be missed. Limits and calls are not affected."
)
_UNSENT = later("Messages due at %(at)s have not gone out: somebody has not been called. Call them yourself.")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong with Davy itself: a message id, and since when.

    Args:
        grave: alarms or calls may be missing.
    """

    text: str
    since: datetime | None
    grave: bool = True


@dataclass(frozen=True, slots=True)
class Frame:
    """What the page says around its subject.

    Args:
        aside: alarms that call nobody at this moment although they live.
    """

    trouble: Trouble | None
    sensors: int
    recent: int
    time_zone: str
    aside: int = 0


def trouble(
    beats: list[status.IngestBeat],
    now: datetime,
    unsent: datetime | None = None,
    processes: Mapping[str, ProcessBeat] | None = None,
) -> Trouble | None:
    """The worst that is wrong: with ingest, the worst worker deciding, with calling people, or with deadlines; None while all
    is well.

    Args:
        unsent: when the oldest message that still waits was due.
        processes: the beats of alerting and risk; None: not looked at.
    """
    return (
        _with_ingest(beats, now)
        or (None if processes is None else _with_calls(processes.get("alerting"), now))
        or _starting(beats)
        or (Trouble(_UNSENT, unsent) if unsent is not None and now - unsent > LATE_MESSAGE else None)
        or (None if processes is None else _with_models(processes.get("detectors"), now))
        or (None if processes is None else _with_care(processes.get("risk"), now))
    )


def _with_ingest(beats: list[status.IngestBeat], now: datetime) -> Trouble | None:
    if not beats:
        return Trouble(_NEVER, None)
    late = [beat for beat in beats if now - beat.beat_at > LATE_BEAT]
    if late:
        return Trouble(_LATE, min(beat.beat_at for beat in late))
    for state, text in (("broker_away", _BROKER), ("stopping", _LATE)):
        for beat in beats:
            if beat.state == state:
                return Trouble(text, beat.beat_at)
    return None


def _starting(beats: list[status.IngestBeat]) -> Trouble | None:
    return next((Trouble(_STARTING, beat.beat_at) for beat in beats if beat.state == "starting"), None)


def _with_calls(beat: ProcessBeat | None, now: datetime) -> Trouble | None:
    if beat is None:
        return Trouble(_NEVER_CALLED, None)
    if now - beat.beat_at > LATE_BEAT:
        return Trouble(_NOT_CALLING, beat.beat_at)
    return Trouble(_STUCK, beat.turned_at) if now - beat.turned_at > LATE_TURN else None


def _with_models(beat: ProcessBeat | None, now: datetime) -> Trouble | None:
    """Where there is no model nobody is missed."""
    since = now if beat is None else min(beat.beat_at, beat.turned_at)
    return Trouble(_UNJUDGED, since, grave=False) if now - since > LATE_SCORE else None


def _with_care(beat: ProcessBeat | None, now: datetime) -> Trouble | None:
    if beat is None:
        return Trouble(_NEVER_CARED, None, grave=False)
    return Trouble(_UNCARED, beat.beat_at, grave=False) if now - beat.beat_at > LATE_CARE else None


def _lives(beats: Mapping[str, ProcessBeat]) -> dict[str, ProcessBeat]:
    """Who gives signs of life; detectors only where it had a model to judge by."""
    return {name: beat for name, beat in beats.items() if name != "detectors" or beat.report.get("models")}


def frame_of(connection: Connection[Any], now: datetime) -> Frame:
    """The frame as of `now`, under the transaction's principal."""
    with connection.pipeline():
        asked = ask_frame(connection, now)
    return asked()


def ask_frame(connection: Connection[Any], now: datetime) -> Callable[[], Frame]:
    """The frame, still to be fetched: inside a pipeline it goes to the database with what the page itself asks, and is called after it."""
    standing, beats = status.ask_standing(connection, now), ask_process_beats(connection)

    def frame() -> Frame:
        found, lives = status.standing(standing), {row.process: row for row in beats.fetchall()}
        wrong = trouble(found.workers, now, found.unsent, _lives(lives))
        return Frame(wrong, found.sensors, found.recent, found.time_zone or DEFAULT_ZONE, found.aside)

    return frame


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
        once=new_key(),
        frame=frame,
        demo=web.inbox is not None,
        session_ends=visitor.expires_at if visitor.expires_at - now < SESSION_WARNING else None,
        **words,
    )
