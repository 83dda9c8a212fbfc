"""What the demo's sixty days say happened: the shapes of it, and the stories that are told and not drawn. Pure, invented throughout.

Texts are those of the sites' own people, so they are in their language, as in a real plant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NamedTuple

OFFICER: Final = "officer"
INTEGRATOR: Final = "integrator"


class Ending(NamedTuple):
    """How an alarm was closed: what it was, and what was done."""

    resolution: str
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An alarm of the portfolio that comes now and then.

    Args:
        definition: key within the site.
        times: how often in the sixty days.
        values: between which its number lies when it comes.
        lasts_min: between how many minutes its condition holds.
    """

    site: str
    sensor: str
    definition: str
    times: int
    values: tuple[float, float]
    lasts_min: tuple[float, float]
    endings: tuple[Ending, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How quickly the people of a site answer: the median in seconds, at the beginning of the sixty days and at their end."""

    first_s: float
    last_s: float
    spread: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that somebody did to a finding or an impairment.

    Args:
        before: days before the end of the sixty days.
        words: what the act takes besides; instants as days from that end, under a name that ends in `_days`.
    """

    before: float
    what: str
    by: str
    words: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A finding or an impairment from its first act on."""

    site: str
    zone: str | None
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Hours in which nothing came from a device."""

    site: str
    device: str
    before: float
    lasts: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """An alarm put aside for some hours."""

    site: str
    sensor: str
    definition: str
    before: float
    lasts: timedelta
    reason: str


def five(measures: str, funds: str, due_days: float, contingency: str) -> dict[str, str | float]:
    """The five things of a plan; its owner is the integrator."""
    return {"measures": measures, "funds": funds, "due_days": due_days, "contingency": contingency}
