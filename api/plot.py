"""Lines, bands and rules as the shapes of an SVG, made on the server: no script, no image. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WIDTH: Final = 600.0
HEIGHT: Final = 160.0
MARGIN: Final = 4.0
_BREAK: Final = 4.0  # steps of the usual width without a point: then the line is broken


@dataclass(frozen=True, slots=True)
class Plot:
    """A curve in a box of `WIDTH` by `HEIGHT`, whose top is `highest` and whose bottom is `lowest`.

    Args:
        lines: `points` of polylines; what is not known breaks the line. dots: stretches of one point.
        band: `points` of polygons between the lowest and the highest; other: polylines of a second curve.
        rule: where the limit lies; None: there is none. onset: from where on it was beyond it; None: not known.
    """

    lines: list[str]
    dots: list[tuple[float, float]]
    band: list[str]
    other: list[str]
    lowest: float
    highest: float
    rule: float | None
    onset: float | None


@dataclass(frozen=True, slots=True)
class Course:
    """What is drawn, from left to right.

    Args:
        at: places, ascending; low, high: of one length; None where nothing is known. other: a second curve.
    """

    at: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]
    other: Sequence[float | None] = ()


def plot(
    course: Course, *, since: float, until: float, limit: float | None = None, onset: float | None = None
) -> Plot | None:
    """None where nothing is known.

    Args:
        since, until: what the left and the right edge stand for.
        limit: is always in the picture, unless it is so far off that the curve would be a line on the floor.

    >>> drawn = plot(Course([0, 1, 2], [1, 2, 3], [1, 2, 3]), since=0, until=2, limit=4)
    >>> drawn.lines, drawn.rule, drawn.highest
    (['0.0,156.0 300.0,105.3 600.0,54.7'], 4.0, 4)
    """
    known = [each for each in (*course.low, *course.high, *course.other) if each is not None and math.isfinite(each)]
    if not known:
        return None
    lowest, highest = min(known), max(known)
    if limit is not None and _fits(limit, lowest, highest):
        lowest, highest = min(lowest, limit), max(highest, limit)
    if highest - lowest <= 1e-12 * max(abs(highest), abs(lowest), 1e-300):
        lowest, highest = lowest - _room(lowest), highest + _room(highest)

    def x(at: float) -> float:
        return round(WIDTH * min(max((at - since) / max(until - since, 1e-9), 0.0), 1.0), 1)

    def y(value: float) -> float:
        return round(MARGIN + (HEIGHT - 2 * MARGIN) * (1.0 - (value - lowest) / (highest - lowest)), 1)

    runs = _runs(course.at, course.low, course.high)
    lines = [[(x(at), y((low + high) / 2)) for at, low, high in run] for run in runs]
    bands = [
        [*((x(at), y(high)) for at, _, high in run), *((x(at), y(low)) for at, low, _ in reversed(run))]
        for run in runs
        if len(run) > 1 and any(low != high for _, low, high in run)
    ]
    others = [[(x(at), y(value)) for at, value, _ in run] for run in _runs(course.at, course.other, course.other)]
    inside = limit is not None and lowest <= limit <= highest
    return Plot(
        lines=[_points(line) for line in lines if len(line) > 1],
        dots=[line[0] for line in lines if len(line) == 1],
        band=[_points(band) for band in bands],
        other=[_points(line) for line in others if len(line) > 1],
        lowest=lowest,
        highest=highest,
        rule=y(limit) if inside and limit is not None else None,
        onset=None if onset is None or not since <= onset <= until else x(onset),
    )


def _fits(limit: float, lowest: float, highest: float) -> bool:
    """Whether the limit can be drawn with the curve still to be read: it takes at most nine tenths of the height."""
    spread = highest - lowest
    return spread <= 0 or max(limit - highest, lowest - limit, 0.0) <= 9.0 * spread or limit == 0.0


def _room(value: float) -> float:
    return abs(value) * 0.1 or 1.0


Run = list[tuple[float, float, float]]


def _runs(at: Sequence[float], low: Sequence[float | None], high: Sequence[float | None]) -> list[Run]:
    """Stretches without a hole: what is much farther apart than is usual is one."""
    known = [
        (place, least, most)
        for place, least, most in zip(at, low, high, strict=False)
        if least is not None and most is not None
    ]
    if not known:
        return []
    apart = sorted(after[0] - before[0] for before, after in pairwise(known))
    usual = apart[len(apart) // 2] if apart else 0.0
    runs: list[Run] = [[known[0]]]
    for before, after in pairwise(known):
        if after[0] - before[0] > _BREAK * usual:
            runs.append([])
        runs[-1].append(after)
    return runs


def _points(line: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in line)
