"""How fast one address may be written to: a bucket of tokens, and what becomes of messages for which it holds none.

The bucket is a row of the database (`alerting/store/peers.py`), so that any number of dispatchers share it. Here is what it
does. Life safety has a lane of its own: it takes its token without asking, so it never waits and is never folded, and a part
of the bucket is kept for it, so that what is less urgent has not used up what the vendor allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# So many may wait for one address before they go as one: fewer are quicker read one by one. Ours.
FOLD_FROM: Final = 3
MOST_FOLDED: Final = 50  # messages in one digest: a phone shows no more; the list of alarms has them all


@dataclass(frozen=True, slots=True)
class Pace:
    """What a vendor allows.

    Args:
        per_minute: tokens that come back in a minute, and as many as the bucket holds.
        kept: tokens that only life safety may take.
    """

    per_minute: float
    kept: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tokens of one address at an instant. Below zero after life safety went out with none left."""

    tokens: float
    as_of: datetime

    def at(self, pace: Pace, now: datetime) -> Bucket:
        """The bucket later; a clock that goes back adds nothing."""
        elapsed = max((now - self.as_of).total_seconds(), 0.0)
        return Bucket(min(self.tokens + elapsed * pace.per_minute / 60, pace.per_minute), max(now, self.as_of))


@dataclass(frozen=True, slots=True)
class Leave:
    """Whether a message may go out now.

    Args:
        bucket: what is left.
        until: when it may go; None: now.
        fold: it goes together with the others that are due for the same person.
    """

    bucket: Bucket
    until: datetime | None = None
    fold: bool = False


def full(pace: Pace, now: datetime) -> Bucket:
    """The bucket of an address that was never written to."""
    return Bucket(pace.per_minute, now)


def ask(pace: Pace, bucket: Bucket, now: datetime, *, urgent: bool, others: int) -> Leave:
    """Takes a token, or says when there is one.

    Args:
        urgent: life safety.
        others: messages that are due for the same person by the same channel, life safety not counted.

    >>> from datetime import UTC
    >>> now, robot = datetime(2026, 1, 1, tzinfo=UTC), Pace(per_minute=20, kept=5)
    >>> ask(robot, full(robot, now), now, urgent=False, others=30).fold
    True
    >>> ask(robot, Bucket(5.0, now), now, urgent=False, others=0).until.second
    3
    >>> ask(robot, Bucket(0.0, now), now, urgent=True, others=30).until is None
    True
    """
    filled = bucket.at(pace, now)
    left = Bucket(filled.tokens - 1, filled.as_of)
    if urgent:
        # As low as one bucket below nothing: a flood of life safety does not silence everything else for an hour.
        return Leave(Bucket(max(left.tokens, -pace.per_minute), left.as_of))
    missing = pace.kept + 1 - filled.tokens
    if missing > 0:
        return Leave(filled, until=now + timedelta(seconds=missing * 60 / pace.per_minute))
    return Leave(left, fold=others + 1 >= FOLD_FROM and others > left.tokens - pace.kept)
