"""What becomes of a true danger when a limit changes: found, earlier, later, lost, or not to be judged. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alerting.rehearsal import Danger, Onset
from davy.backtest.case import instant, us
from davy.backtest.engine import HOUR_US, SECOND_US
from davy.backtest.store import Resolved

WITHOUT_END_US: Final = HOUR_US // 2  # how long a danger counts of which nobody has said when it was over
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Fate:
    """What each version makes of a danger.

    Args:
        outcome: found, earlier, later, lost, gained, neither or unknown.
        delay_us: of the proposal against the version in force; None where there is nothing to compare.
        was_at, would_at: when each one called; None: it did not.
    """

    outcome: str
    delay_us: int | None
    was_at: int | None
    would_at: int | None


def fate(danger: Danger, was: Onset | None, would_be: Onset | None, *, least_us: int, known: bool) -> Fate:
    """The fate of a danger, by the calls of each version for it.

    Where the version in force reaches somebody, the proposal must reach somebody too: an alarm that only stands in a list has
    called nobody. Where the site's routes reach nobody by either, the beginnings of the alarms are compared.

    Args:
        least_us: how far apart calls must be to be told apart.
        known: whether its readings are there, as far as they are looked at.
    """
    heard = was is not None and was.heard is not None
    was_at = None if was is None else was.heard if heard else was.at
    would_at = None if would_be is None else would_be.heard if heard else would_be.at
    expected = was_at if was_at is not None else (danger.since if danger.own and would_at is not None else None)
    delay_us = None if would_at is None or expected is None else would_at - expected
    if would_at is None:
        outcome = "lost" if was_at is not None else "neither" if known else UNKNOWN
    elif delay_us is None:
        outcome = "gained"
    else:
        outcome = "later" if delay_us > least_us else "earlier" if delay_us < -least_us else "found"
    return Fate(outcome, delay_us, was_at, would_at)


def spanned(found: Resolved) -> tuple[int, int]:
    """From when until when it was a danger, microseconds UTC."""
    since = us(found.began_at)
    until = us(found.normal_at) if found.normal_at is not None else since + WITHOUT_END_US
    return since, max(until, since + SECOND_US)


def as_danger(found: Resolved, *, own: bool) -> Danger:
    """What the rehearsal needs to know of it."""
    return Danger(found.occurrence_id, found.key, found.resolution, own, *spanned(found))


def iso(at_us: int | None) -> str | None:
    """An instant as JSON has it."""
    return None if at_us is None else instant(at_us).isoformat()
