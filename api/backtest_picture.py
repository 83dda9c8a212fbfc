"""When two versions of a limit would have fired, as bars of an SVG: three strips under each other, one scale of time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

WIDTH: Final = 600.0
LEAST: Final = 2.0  # so wide at least, that a spell of a second on a week is seen


@dataclass(frozen=True, slots=True)
class Bar:
    """From where to where, in the units of the strip's box."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a true danger stands, and what became of it."""

    x: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The strips.

    Args:
        holes: in which nothing is known, beneath both versions.
        whole: whether every spell is in it; else the first few hundred are.
    """

    in_force: list[Bar]
    proposed: list[Bar]
    holes: list[Bar]
    dangers: list[Mark]
    whole: bool


def picture(part: Mapping[str, Any], since: datetime, until: datetime) -> Picture:
    """Of one definition of a result."""
    first, length = since.timestamp(), max(1.0, (until - since).total_seconds())

    def at(text: str | None) -> float:
        seconds = length if text is None else datetime.fromisoformat(text).timestamp() - first
        return round(min(max(seconds / length, 0.0), 1.0) * WIDTH, 2)

    def bars(spells: Sequence[Mapping[str, Any]]) -> list[Bar]:
        return merged([(at(spell["from"]), at(spell["to"])) for spell in spells])

    return Picture(
        in_force=bars(part["in_force"]["fired"]),
        proposed=bars(part["proposed"]["fired"]),
        holes=bars(part["holes"]),
        dangers=[Mark(at(danger["at"]), danger["outcome"]) for danger in part["dangers"]],
        whole=not part["in_force"]["fired_more"] and not part["proposed"]["fired_more"],
    )


def merged(stretches: Sequence[tuple[float, float]]) -> list[Bar]:
    """Bars wide enough to be seen, those that touch made one.

    >>> merged([(1.0, 1.1), (2.0, 2.2), (50.0, 60.0)])
    [Bar(x=1.0, width=3.0), Bar(x=50.0, width=10.0)]
    """
    found: list[tuple[float, float]] = []
    for begin, end in sorted(stretches):
        end = min(max(end, begin + LEAST), WIDTH)
        begin = min(begin, WIDTH - LEAST)
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return [Bar(begin, round(end - begin, 2)) for begin, end in found]
