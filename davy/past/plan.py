"""What happened in the demo's sixty days, for a seed: pure, and the same for the same seed and end."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from davy.past.stories import HABITS, KINDS, OUTAGES
from davy.past.told import Ending, Habit, Kind

DAYS: Final = 60
EDGE: Final = timedelta(hours=6)  # of the sixty days at both ends: nothing is left open where they stop
LONGEST_ANSWER: Final = timedelta(hours=3)
RESOLVED_AFTER_H: Final = (0.5, 5.0)
MOST_TRIES: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One alarm from its beginning to its being resolved."""

    kind: Kind
    began_at: datetime
    value: float
    acknowledged_at: datetime
    cleared_at: datetime
    resolved_at: datetime
    ending: Ending


def alarms(seed: int, until: datetime) -> Iterator[tuple[Kind, list[Happened]]]:
    """Each kind with what came of it in the sixty days before `until`, in time order."""
    for kind in KINDS:
        chance = random.Random(f"{seed} {kind.site} {kind.sensor} {kind.definition}")
        slot = (timedelta(days=DAYS) - 2 * EDGE) / kind.times
        begin = until - timedelta(days=DAYS) + EDGE
        yield kind, [_one(kind, begin + n * slot, slot, until, chance) for n in range(kind.times)]


def _one(kind: Kind, begin: datetime, slot: timedelta, until: datetime, chance: random.Random) -> Happened:
    longest = LONGEST_ANSWER + timedelta(hours=RESOLVED_AFTER_H[1]) + timedelta(minutes=kind.lasts_min[1])
    lasts = timedelta(seconds=round(60 * chance.uniform(*kind.lasts_min)))
    tried = (_whole(begin + (slot - longest) * chance.random()) for _ in range(MOST_TRIES))
    began_at = next(at for at in tried if not _silent(kind, at, at + lasts, until))
    cleared_at = began_at + lasts
    share = 1 - (until - began_at) / timedelta(days=DAYS)
    acknowledged_at = began_at + _answer(HABITS[kind.site], share, chance)
    last = max(cleared_at, acknowledged_at)
    return Happened(
        kind=kind,
        began_at=began_at,
        value=round(chance.uniform(*kind.values), 2),
        acknowledged_at=acknowledged_at,
        cleared_at=cleared_at,
        resolved_at=last + timedelta(seconds=round(3600 * chance.uniform(*RESOLVED_AFTER_H))),
        ending=chance.choice(kind.endings),
    )


def _silent(kind: Kind, since: datetime, to: datetime, until: datetime) -> bool:
    """Whether something of the site was silent at that time: a silent detector raises nothing."""
    begins = ((until - timedelta(days=outage.before), outage.lasts) for outage in OUTAGES if outage.site == kind.site)
    return any(since < begin + lasts and begin < to for begin, lasts in begins)


def _answer(habit: Habit, share: float, chance: random.Random) -> timedelta:
    """How long until somebody answered: log-normal around a median that moves over the sixty days."""
    median = habit.first_s + (habit.last_s - habit.first_s) * share
    seconds = median * math.exp(chance.gauss(0.0, habit.spread))
    return min(LONGEST_ANSWER, timedelta(seconds=max(15, round(seconds))))


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)
