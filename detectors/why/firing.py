"""Why one condition began, put together from what was recorded and the readings before it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import Float64, Int64
from core.errors import BadInput
from detectors.why.facts import SECOND_US, Scene, facts_of
from detectors.why.play import STALE, Played, Readings, play, same, with_defaults
from detectors.why.reach import DAY_S, Reach, reach
from detectors.why.told import (
    BY_STAMP,
    CUT_OFF,
    DIFFERS,
    FAILED,
    NO_READINGS,
    UNKNOWN_DETECTOR,
    UNPLAYED,
    Firing,
    Judged,
    Point,
    Usual,
)

POINTS: Final = 180  # that are drawn: a phone has about so many pixels to give
FEWEST: Final = 20  # numbers from which on it is said what is usual
FEWEST_RESTS: Final = 3
LEAD_S: Final = 60.0  # ahead of the run beyond the limit: what led to it
LONGEST_LEAD_S: Final = 8 * 3600.0
_COUNTS_UP: Final = frozenset({"stuck", "still", "unusable"})
BREAKS: Final = (ArithmeticError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be explained.

    Args:
        at_us: when it was raised, microseconds UTC; recorded: the number then.
        period_s: how often the sensor speaks.
        older: whether the detector had readings before those that are given.
        time_zone: of the site.
        notes: what is known already, of `told.NOTES`.
    """

    judged: Judged
    at_us: int
    recorded: float | None
    period_s: float
    older: bool = False
    notes: tuple[str, ...] = ()
    time_zone: str = "UTC"


def reach_of(asked: Asked) -> Reach:
    """How far back readings are needed.

    Raises:
        BadInput: no such detector, or parameters that are not its own.
    """
    return reach(with_defaults(asked.judged), asked.period_s, asked.recorded)


def firing_of(asked: Asked, own: Readings, other: Readings | None = None) -> Firing:
    """What is told; where it cannot be, why not.

    Args:
        own: readings of its sensor up to `at_us`; other: of the one it is compared with.
    """
    bare = Firing(judged=asked.judged, at_ms=asked.at_us // 1000, recorded=asked.recorded, notes=asked.notes)
    try:
        judged = with_defaults(asked.judged)
    except BadInput:
        return _without(bare, UNKNOWN_DETECTOR)
    bare = _changed(bare, judged=judged)
    if not (own.usable.any() or (judged.detector == "unusable" and len(own))):
        return _without(bare, NO_READINGS)
    far = reach(judged, asked.period_s, asked.recorded)
    try:
        played = play(judged, own, other, asked.at_us, asked.recorded, asked.time_zone)
        return _told(asked, bare, far, played, own, other)
    except BREAKS:
        return _without(bare, FAILED)


def _told(asked: Asked, bare: Firing, far: Reach, played: Played, own: Readings, other: Readings | None) -> Firing:
    judged, at = bare.judged, asked.at_us
    number = float(played.number[played.last]) if played.last >= 0 else math.nan
    decided = int(played.at[played.last]) if played.last >= 0 else at
    scene = Scene(judged, own, other, played, decided, number if math.isfinite(number) else asked.recorded or math.nan)
    notes = [*asked.notes]
    if judged.detector == STALE:
        notes.append(BY_STAMP)
    if asked.recorded is not None and not math.isfinite(number):
        notes.append(UNPLAYED)
    elif asked.recorded is not None and not same(number, asked.recorded):
        notes += [DIFFERS, *([CUT_OFF] if asked.older and far.played > DAY_S else [])]
    return _changed(
        bare,
        onset_ms=int(played.at[played.first]) // 1000 if played.first >= 0 else None,
        played=number if math.isfinite(number) else None,
        looked_s=far.looked,
        played_from_ms=int(own.at[0]) // 1000,
        readings=len(own) + (len(other) if other is not None else 0),
        facts=facts_of(scene),
        usual=_usual(judged, played),
        notes=tuple(dict.fromkeys(notes)),
        series=_series(judged, own, other, played, max(at - round(far.shown * SECOND_US), int(own.at[0])), at),
    )


def _usual(judged: Judged, played: Played) -> Usual | None:
    """Of the numbers of a day before what led to the alarm."""
    until = _before_lead(judged, played)
    if until <= 0:
        return None
    since = int(played.at[until - 1]) - round(DAY_S * SECOND_US)
    begin = int(np.searchsorted(played.at[:until], since))
    known = played.number[begin:until]
    known = known[np.isfinite(known)]
    if len(known) < FEWEST:
        return None
    if judged.detector in _COUNTS_UP:
        known = _rests(known)
    is_beyond = known <= judged.setpoint if judged.direction == "low" else known >= judged.setpoint
    calm = known[~is_beyond]
    low, middle, high = (float(each) for each in np.quantile(known, (0.05, 0.5, 0.95)))
    most = None if not len(calm) else float(calm.min() if judged.direction == "low" else calm.max())
    return Usual(
        since_ms=int(played.at[begin]) // 1000,
        numbers=len(known),
        low=low,
        middle=middle,
        high=high,
        most=most,
        beyond=int(is_beyond.sum()),
    )


def _before_lead(judged: Judged, played: Played) -> int:
    """Where the numbers end that had no part in the alarm: a number that climbs towards its limit is not what is usual."""
    if played.first < 0:
        return len(played.at)
    if judged.detector in _COUNTS_UP:
        place = played.first
        while place > 0 and not played.number[place] <= 0.0:
            place -= 1
        return place
    lead_s = min(max(judged.parameters.get("window_s", 0.0), LEAD_S), LONGEST_LEAD_S)
    return int(np.searchsorted(played.at, int(played.at[played.first]) - round(lead_s * SECOND_US)))


def _rests(number: Float64) -> Float64:
    """Of a number that counts up while nothing moves: what each rest came to; all of them where it hardly ever rests."""
    ends = np.flatnonzero(number[1:] < number[:-1])
    return number[ends] if len(ends) >= FEWEST_RESTS else number


def _series(
    judged: Judged, own: Readings, other: Readings | None, played: Played, since: int, until: int
) -> tuple[Point, ...]:
    """What is drawn, in `POINTS` stretches of one length: extremes of the values, and the number nearest to the alarm."""
    edges = np.linspace(since, until, POINTS + 1).astype(np.int64)
    edges[-1] += 1
    inside = own.between(since, until)
    usable = inside.usable
    low, high = _extremes(edges, inside.at[usable], inside.value[usable])
    numbers = _one_each(edges, played.at, played.number, lowest=judged.direction == "low")
    others = [None] * POINTS
    if other is not None:
        there = other.between(since, until)
        others = _one_each(edges, there.at[there.usable], there.value[there.usable], lowest=False)  # type: ignore[assignment]
    ends = ((edges[:-1] + np.diff(edges) // 2) // 1000).tolist()
    whole = zip(ends, low, high, numbers, others, strict=True)
    return tuple(point for point in whole if any(each is not None for each in point[1:]))


def _extremes(edges: Int64, at: Int64, value: Float64) -> tuple[list[float | None], list[float | None]]:
    cuts = np.searchsorted(at, edges)
    low: list[float | None] = []
    high: list[float | None] = []
    for begin, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        part = value[begin:end]
        low.append(float(part.min()) if len(part) else None)
        high.append(float(part.max()) if len(part) else None)
    return low, high


def _one_each(edges: Int64, at: Int64, number: Float64, *, lowest: bool) -> list[float | None]:
    known = np.isfinite(number)
    low, high = _extremes(edges, at[known], number[known])
    return low if lowest else high


def _without(bare: Firing, problem: str) -> Firing:
    return _changed(bare, problem=problem)


def _changed(firing: Firing, **fields: object) -> Firing:
    return Firing(**{**{name: getattr(firing, name) for name in firing.__struct_fields__}, **fields})
