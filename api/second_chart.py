"""A window in its surroundings as the points of an SVG, made on the server: no script, no image. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

WIDTH: Final = 320
HEIGHT: Final = 96
MARGIN: Final = 4.0
BROKEN_S: Final = 180.0  # a line does not cross a longer silence
MOST_POINTS: Final = 320


class Minute(Protocol):
    """A minute of a sensor, as the store gives it."""

    @property
    def at(self) -> datetime: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """Bands between lowest and highest, as `points` of polygons in a box of WIDTH x HEIGHT.

    Args:
        x, wide: where the window lies.
        low, high: what bottom and top stand for, in the sensor's unit.
    """

    bands: list[str]
    x: float
    wide: float
    low: float
    high: float
    since: datetime
    until: datetime


def draw(minutes: Sequence[Minute], span: tuple[datetime, datetime], window: tuple[datetime, datetime]) -> Drawn | None:
    """The curve from `span[0]` to `span[1]`; None where there is nothing to draw."""
    known = [(each.at, each.low, each.high) for each in minutes if each.low is not None and each.high is not None]
    if not known:
        return None
    low, high = min(each[1] for each in known), max(each[2] for each in known)
    reach = high - low or max(abs(high), 1.0) * 0.01
    whole = (span[1] - span[0]).total_seconds()

    def x(at: datetime) -> float:
        return round(WIDTH * (at - span[0]).total_seconds() / whole, 1)

    def y(value: float) -> float:
        return round(MARGIN + (HEIGHT - 2 * MARGIN) * (1.0 - (value - low) / reach), 1)

    step = max(1, -(-len(known) // MOST_POINTS))
    runs: list[list[tuple[float, float, float]]] = []
    last: datetime | None = None
    for first in range(0, len(known), step):
        part = known[first : first + step]
        if last is None or (part[0][0] - last).total_seconds() > BROKEN_S:
            runs.append([])
        last = part[-1][0]
        runs[-1].append((x(part[0][0]), y(min(each[1] for each in part)), y(max(each[2] for each in part))))
    return Drawn([_band(run) for run in runs], x(window[0]), round(x(window[1]) - x(window[0]), 1), low, high, *span)


def _band(run: Sequence[tuple[float, float, float]]) -> str:
    there = [f"{x},{top}" for x, _, top in run]
    back = [f"{x},{bottom}" for x, bottom, _ in reversed(run)]
    return " ".join([*there, *back])
