"""A small curve as the points of an SVG, made on the server: no script, no image. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Stretches of a line in a box whose top is 100 and whose bottom is 0.

    Args:
        stretches: `points` of polylines; a day without a number breaks the line.
        dots: ends of stretches of one day, as (x, y).
        last: where the newest number stands; None where the newest day has none.
    """

    width: int
    height: int
    stretches: list[str]
    dots: list[tuple[float, float]]
    last: tuple[float, float] | None


def sparkline(values: Sequence[float | None], width: int = 120, height: int = 32, margin: float = 3.0) -> Sparkline:
    """Numbers 0-100 from left to right.

    >>> sparkline([0, 100, None, 50], 106, 26).stretches
    ['3.0,23.0 36.3,3.0']
    >>> sparkline([], 100, 20).last is None
    True
    """
    step = (width - 2 * margin) / max(1, len(values) - 1)
    at = [
        None
        if value is None
        else (round(margin + n * step, 1), round(margin + (height - 2 * margin) * (1 - value / 100), 1))
        for n, value in enumerate(values)
    ]
    runs: list[list[tuple[float, float]]] = [[]]
    for point in at:
        if point is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    stretches = [" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1]
    return Sparkline(width, height, stretches, [run[0] for run in runs if len(run) == 1], at[-1] if at else None)
