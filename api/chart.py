"""A curve made ready for drawing: which window, how fine, and where nothing is known. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

POINTS = 1200  # buckets of one curve: more than a phone has pixels, fewer than it minds
BEFORE = timedelta(minutes=15)  # shown ahead of the onset, so that one sees it come
AFTER = timedelta(minutes=15)  # and after the end
LONGEST = timedelta(days=7)  # shown of one occurrence
LONGEST_CURVE = timedelta(days=1096)  # of a sensor: as long as minutes and hours are kept
MOST_READINGS = 20_000  # drawn from raw readings, five and a half hours of one a second; above it, from minutes
_MINUTE_S, _HOUR_S = 60.0, 3600.0
SILENT_PERIODS = 3  # a sensor that misses three of its periods is silent, not slow
_EVERY_READING_S = 0.001


class Grain(Enum):
    """What a curve is drawn from."""

    READING = "reading"
    MINUTE = "minute"
    HOUR = "hour"

    def period_s(self, of_sensor: float) -> float:
        """How often something is expected, in seconds: a silence within a minute does not show in minutes."""
        return max(of_sensor, {Grain.READING: 0.0, Grain.MINUTE: _MINUTE_S, Grain.HOUR: _HOUR_S}[self])


class Lost(Protocol):
    """A stretch in which messages are known to be missing, as the store gives it."""

    @property
    def since(self) -> datetime: ...
    @property
    def until(self) -> datetime: ...
    @property
    def messages(self) -> int: ...


class Bucketed(Protocol):
    """A stretch of readings, as the store gives it."""

    @property
    def at(self) -> datetime: ...
    @property
    def until(self) -> datetime: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Window:
    """What is drawn: from, to, and the width of one bucket in seconds."""

    since: datetime
    until: datetime
    bucket_s: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Columns for drawing, times in Unix seconds.

    Args:
        times: one a bucket, plus one inside each gap whose values are None, so that no line crosses it.
        low, high: extremes of each bucket; None where nothing usable is known.
        gaps: (from, to) of each stretch without readings, in time order, not overlapping.
        losses: those of them in which messages of the device are missing, in time order; they may overlap.
    """

    times: list[float]
    low: list[float | None]
    high: list[float | None]
    gaps: list[tuple[float, float]]
    losses: Sequence[Lost] = ()


def window(began_at: datetime, ended_at: datetime | None, now: datetime, period_s: float) -> Window:
    """Around one occurrence, with a margin; at most seven days, its beginning first."""
    since = began_at - BEFORE
    until = min(now if ended_at is None else ended_at + AFTER, now)
    until = max(min(until, since + LONGEST), since + timedelta(seconds=1))
    return Window(since, until, bucket_seconds(since, until, period_s))


def bucket_seconds(since: datetime, until: datetime, period_s: float) -> float:
    """How wide a bucket must be for the window to have at most `POINTS`; every reading by itself where they are few.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    >>> bucket_seconds(noon, noon + timedelta(minutes=10), 1.0), bucket_seconds(noon, noon + timedelta(hours=1), 1.0)
    (0.001, 3.0)
    """
    width = (until - since).total_seconds() / POINTS
    return _EVERY_READING_S if width <= period_s else width


def grain(shown: Window, period_s: float, *, raw: bool = True) -> Grain:
    """What a window is drawn from: readings where they are few, hours where a bucket is half an hour wide or more, else minutes.

    So thirty days are 720 hours, each with its extremes, instead of 43,200 minutes: a peak stands in the chart all the same.

    Args:
        raw: whether raw readings, or their evidence, reach back to the beginning.

    >>> noon = datetime(2026, 11, 23, 12)
    >>> def of(hours, period_s, **more):
    ...     since = noon - timedelta(hours=hours)
    ...     return grain(Window(since, noon, bucket_seconds(since, noon, period_s)), period_s, **more).value
    >>> of(5, 1.0), of(6, 1.0), of(24 * 24, 1.0), of(24 * 30, 1.0), of(1, 1.0, raw=False), of(24, 60.0)
    ('reading', 'minute', 'minute', 'hour', 'minute', 'reading')
    """
    if shown.bucket_s >= _HOUR_S / 2:
        return Grain.HOUR
    many = (shown.until - shown.since).total_seconds() > MOST_READINGS * period_s
    return Grain.MINUTE if many or not raw else Grain.READING


def curve(buckets: Sequence[Bucketed], missing: Sequence[Lost], shown: Window, period_s: float) -> Curve:
    """Columns, with the gaps: known losses of the device, and silence of the sensor.

    Args:
        missing: stretches in which messages are known to be lost.
    """
    gaps = joined(_silences(buckets, shown, period_s) + _clipped(missing, shown))
    points = [(bucket.at.timestamp(), bucket.low, bucket.high) for bucket in buckets]
    points += [((a + b) / 2, None, None) for a, b in gaps]
    points.sort(key=lambda point: point[0])
    return Curve([p[0] for p in points], [p[1] for p in points], [p[2] for p in points], gaps, missing)


def _silences(buckets: Sequence[Bucketed], shown: Window, period_s: float) -> list[tuple[float, float]]:
    seen = shown.since.timestamp()
    silent = []
    for bucket in buckets:
        if bucket.at.timestamp() - seen > SILENT_PERIODS * period_s:
            silent.append((seen, bucket.at.timestamp()))
        seen = bucket.until.timestamp()
    if shown.until.timestamp() - seen > SILENT_PERIODS * period_s:
        silent.append((seen, shown.until.timestamp()))
    return silent


def _clipped(missing: Sequence[Lost], shown: Window) -> list[tuple[float, float]]:
    pairs = [(max(m.since, shown.since).timestamp(), min(m.until, shown.until).timestamp()) for m in missing]
    return [(a, b) for a, b in pairs if b > a]


def joined(stretches: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The union, in order, without overlaps.

    >>> joined([(5, 7), (1, 3), (2, 4)])
    [(1, 4), (5, 7)]
    """
    union: list[tuple[float, float]] = []
    for begin, end in sorted(stretches):
        if union and begin <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((begin, end))
    return union
