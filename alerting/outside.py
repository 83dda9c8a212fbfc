"""The sign of life to somebody outside (dead-man's switch): it is given only while Davy does what it is for. Pure.

Whoever waits for it calls people when it stays away: of our own death nobody else can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from alerting.pulse import LATE_BEAT, LATE_TURN

LATE_INGEST: Final = timedelta(seconds=15)  # it beats every 2 s; as doctor has it
STUCK_URGENT: Final = timedelta(minutes=1)  # due, and nobody has tried to send it: life safety
STUCK: Final = timedelta(minutes=10)  # and all else, which may wait for a spool to be applied
WORKING: Final = frozenset({"judging", "starting"})


@dataclass(frozen=True, slots=True)
class Worker:
    """An ingest worker's newest sign of life."""

    name: str
    beat_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Signs:
    """How things stand, as one look at the database shows it.

    Args:
        beat_at: when alerting's duties last came round; None: never.
        turned_at: when the sender that is longest at one message began with it.
        urgent_due, due: when the oldest message was due that nobody has tried to send.
    """

    workers: Sequence[Worker]
    beat_at: datetime | None
    turned_at: datetime | None
    urgent_due: datetime | None
    due: datetime | None


def why_silent(signs: Signs, now: datetime) -> str | None:
    """Why no sign of life is given; None: all is well.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 1, tzinfo=UTC)
    >>> why_silent(Signs([Worker("w", at, "judging")], at, at, None, None), at + timedelta(seconds=5)) is None
    True
    >>> why_silent(Signs([Worker("w", at, "judging")], at, at, None, None), at + timedelta(seconds=12))
    'alerting has not come round for 12 s'
    """
    if not signs.workers:
        return "no ingest has ever run"
    for worker in signs.workers:
        if now - worker.beat_at > LATE_INGEST:
            return f"ingest {worker.name} has not been heard for {_seconds(now - worker.beat_at)} s"
        if worker.state not in WORKING:
            return f"ingest {worker.name} says {worker.state}"
    if signs.beat_at is None or signs.turned_at is None:
        return "alerting has not run"
    if now - signs.beat_at > LATE_BEAT:
        return f"alerting has not come round for {_seconds(now - signs.beat_at)} s"
    if now - signs.turned_at > LATE_TURN:
        return f"a sender has been at one message for {_seconds(now - signs.turned_at)} s"
    for due, limit in ((signs.urgent_due, STUCK_URGENT), (signs.due, STUCK)):
        if due is not None and now - due > limit:
            return f"a message has been due for {_seconds(now - due)} s, and nobody has tried to send it"
    return None


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
