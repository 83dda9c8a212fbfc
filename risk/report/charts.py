"""The charts of a report. Colour never says anything alone: what it says is also in height, place, dashes or words. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from risk.report.svg import INK, PAPER, RULE, SOFT, Drawing, shortened, wide

WIDTH: Final = 680.0
BLUE, TEAL, PALE = "#12476b", "#2b7a78", "#b7cede"
PRIORITY_COLOURS: Final = ("#b00020", "#c2410c", "#e0a800", "#2f6db3")  # those of the alarm page
LABEL_EVERY: Final = 5  # days
MOST_ROWS: Final = 30  # devices on a strip


class Gauge(NamedTuple):
    """A number of 0-100 with its interval."""

    label: str
    said: str
    value: float | None
    low: float | None
    high: float | None
    before: float | None


class Line(NamedTuple):
    """One series over the days of a month; None where there is no point."""

    label: str
    values: Sequence[float | None]


class Row(NamedTuple):
    """One device over the days of a month: shares of 0-1; None where nothing was expected."""

    label: str
    said: str
    days: Sequence[float | None]


def gauges(rows: Sequence[Gauge], key: tuple[str, str, str]) -> str:
    """Numbers of 0-100, each with its interval and where it stood before.

    Args:
        key: words for value, interval and value before.
    """
    left, right, top, step = 150.0, 150.0, 26.0, 40.0
    drawing = Drawing(WIDTH, top + step * len(rows) + 40)
    width = WIDTH - left - right
    for tick in (0, 25, 50, 75, 100):
        x = left + width * tick / 100
        drawing.line(x, top - 6, x, top + step * len(rows))
        drawing.text(x, top - 12, str(tick), anchor="middle")
    for number, row in enumerate(rows):
        y = top + step * number + step / 2
        drawing.text(0, y + 5, row.label, size=15, fill=INK)
        drawing.rect(left, y - 5, width, 10, "#edf0f2")
        if row.low is not None and row.high is not None:
            drawing.rect(left + width * row.low / 100, y - 5, width * (row.high - row.low) / 100, 10, PALE)
        if row.before is not None:
            drawing.dot(left + width * row.before / 100, y, 5, fill=PAPER, stroke=SOFT)
        if row.value is not None:
            drawing.rect(left + width * row.value / 100 - 2.5, y - 12, 5, 24, BLUE)
        drawing.text(WIDTH, y + 5, row.said, anchor="end", size=14, fill=INK)
    y, x = top + step * len(rows) + 24, left
    for shape, word in zip(("value", "interval", "before"), key, strict=True):
        if shape == "value":
            drawing.rect(x + 4, y - 10, 5, 14, BLUE)
        elif shape == "interval":
            drawing.rect(x, y - 8, 16, 10, PALE)
        else:
            drawing.dot(x + 7, y - 3, 5, fill=PAPER, stroke=SOFT)
        drawing.text(x + 22, y + 1, word)
        x += 22 + wide(word) + 22
    return drawing.svg()


def bars(days: Sequence[Sequence[int]], labels: Sequence[str], unit: str) -> str:
    """Counts a day, stacked in the order of `labels`, the first at the bottom.

    Args:
        unit: what is counted, above the scale.
    """
    left, top, height = 36.0, 46.0, 130.0
    drawing = Drawing(WIDTH, top + height + 24)
    most = max((sum(day) for day in days), default=0)
    step = _step(most)
    scale = height / (step * max(1, math.ceil(most / step)))
    for tick in range(0, int(height / scale) + 1, step):
        drawing.line(left, top + height - tick * scale, WIDTH, top + height - tick * scale)
        drawing.text(left - 6, top + height - tick * scale + 4, str(tick), anchor="end")
    drawing.text(0, top - 14, unit)
    x = WIDTH
    for colour, label in reversed(list(zip(PRIORITY_COLOURS, labels, strict=True))):
        drawing.text(x, 12, label, anchor="end")
        x -= wide(label) + 6
        drawing.rect(x - 12, 2, 12, 12, colour)
        x -= 28
    column = (WIDTH - left) / max(1, len(days))
    for index, counts in enumerate(days):
        y = top + height
        for colour, count in zip(PRIORITY_COLOURS, counts, strict=True):
            if count:
                y -= count * scale
                drawing.rect(left + index * column + 2, y, column - 4, count * scale, colour, stroke=PAPER)
    _days(drawing, left, column, len(days), top + height + 16)
    return drawing.svg()


def lines(series: Sequence[Line], days: int) -> str:
    """Numbers of 0-100 over the days; the first line is solid, the second dashed. A gap stays a gap."""
    left, top, height = 36.0, 30.0, 110.0
    drawing = Drawing(WIDTH, top + height + 24)
    for tick in (0, 25, 50, 75, 100):
        y = top + height * (1 - tick / 100)
        drawing.line(left, y, WIDTH, y)
        drawing.text(left - 6, y + 4, str(tick), anchor="end")
    column = (WIDTH - left) / max(1, days)
    x = WIDTH
    for line, colour, dashes in reversed(list(zip(series, (BLUE, TEAL), ("none", "6 3"), strict=False))):
        for stretch in _stretches(line.values):
            points = [(left + (day + 0.5) * column, top + height * (1 - value / 100)) for day, value in stretch]
            if len(points) == 1:
                drawing.dot(*points[0], 2.5, fill=colour)
            else:
                drawing.path(points, stroke=colour, dashes=dashes)
        drawing.text(x, 12, line.label, anchor="end")
        x -= wide(line.label) + 6
        drawing.path([(x - 26, 8), (x, 8)], stroke=colour, dashes=dashes)
        x -= 44
    _days(drawing, left, column, days, top + height + 16)
    return drawing.svg()


def strip(rows: Sequence[Row], days: int, key: tuple[str, str, str]) -> str:
    """A cell a device and day, filled from the bottom to the share that came; nothing came: a cross; none expected: no cell.

    Args:
        key: words for all (at least 95 %), a part, nothing.
    """
    left, right, top, step = 150.0, 56.0, 8.0, 20.0
    drawing = Drawing(WIDTH, top + step * len(rows) + 44)
    column = (WIDTH - left - right) / max(1, days)
    for number, row in enumerate(rows):
        y = top + step * number
        drawing.text(0, y + 14, shortened(row.label, left - 10), fill=INK)
        drawing.text(WIDTH, y + 14, row.said, anchor="end", fill=INK)
        for index, share in enumerate(row.days):
            if share is not None:
                _cell(drawing, left + index * column, y, column - 2, step - 3, share)
    _days(drawing, left, column, days, top + step * len(rows) + 14)
    y, x = top + step * len(rows) + 22, left
    for share, word in zip((1.0, 0.45, 0.0), key, strict=True):
        _cell(drawing, x, y, column - 2, step - 3, share)
        drawing.text(x + column + 4, y + 13, word)
        x += column + wide(word) + 22
    return drawing.svg()


def _cell(drawing: Drawing, x: float, y: float, width: float, height: float, share: float) -> None:
    drawing.rect(x, y, width, height, "#edf0f2", stroke=RULE)
    if share <= 0:
        drawing.line(x + 2, y + 2, x + width - 2, y + height - 2, stroke="#a3001b", width=1.5)
        drawing.line(x + 2, y + height - 2, x + width - 2, y + 2, stroke="#a3001b", width=1.5)
        return
    filled = height * min(share, 1)
    drawing.rect(x, y + height - filled, width, filled, TEAL if share >= 0.95 else "#7fb3b1")


def _days(drawing: Drawing, left: float, column: float, count: int, y: float) -> None:
    for day in range(1, count + 1):
        if day == 1 or day % LABEL_EVERY == 0:
            drawing.text(left + (day - 0.5) * column, y, str(day), anchor="middle")


def _step(most: int) -> int:
    """A round distance between lines of a scale, for about four of them.

    >>> _step(0), _step(3), _step(9), _step(180)
    (1, 1, 5, 50)
    """
    rough = max(most / 4, 1)
    size = 10 ** math.floor(math.log10(rough))
    return int(next(round(size * times) for times in (1, 2, 5, 10) if size * times >= rough))


def _stretches(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Runs of (day, value) without a gap between."""
    runs: list[list[tuple[int, float]]] = [[]]
    for day, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((day, value))
    return [run for run in runs if run]
