"""What is told of why a condition began, as it is kept and as pages and programs read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

# Why nothing is drawn, or nothing is certain.
SIMULATED: Final = "simulated"  # a demo's history made it up: there never were readings
NO_READINGS: Final = "no_readings"  # they are gone, or never came
OF_CONDITIONS: Final = "of_conditions"  # a compound: its number comes from other conditions
UNKNOWN_DETECTOR: Final = "unknown_detector"  # of a Davy that had another one
FAILED: Final = "failed"  # the detector broke over this history
PROBLEMS: Final = (SIMULATED, NO_READINGS, OF_CONDITIONS, UNKNOWN_DETECTOR, FAILED)
# What a reader must know of what is drawn.
DIFFERS: Final = "differs"  # the number that was played is not the one that was recorded
CUT_OFF: Final = "cut_off"  # the detector had learned from readings before those that were played
UNCERTAIN: Final = "uncertain"  # which version of the limit was in force is not known for certain
BY_STAMP: Final = "by_stamp"  # silence, drawn by the readings' own stamps: what was heard when is not kept
LATE: Final = "late"  # it was raised by readings that came late
UNPLAYED: Final = "unplayed"  # no number comes out of what was read: the detector has to learn for longer
FORGOTTEN: Final = "forgotten"  # what was drawn has gone with its readings
NOTES: Final = (DIFFERS, CUT_OFF, UNCERTAIN, BY_STAMP, LATE, UNPLAYED, FORGOTTEN)

# milliseconds UTC; lowest and highest value; the detector's number; the other sensor's value. None: nothing known.
Point = tuple[int, float | None, float | None, float | None, float | None]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What was in force when it began.

    Args:
        version: of the definition.
        parameters: all that the detector has, those nobody set too.
    """

    detector: str
    direction: str
    setpoint: float
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    votes: int = 1
    votes_of: int = 1
    parameters: dict[str, float] = {}
    version: int = 1

    def beyond(self, number: float) -> bool:
        """Whether a number is where the condition begins; never where it cannot be judged."""
        return number <= self.setpoint if self.direction == "low" else number >= self.setpoint


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """What the number was before, as far back as was looked: up to a day.

    Args:
        since_ms: milliseconds UTC; numbers: how many there were.
        low, middle, high: below these lie 5, 50 and 95 of a hundred.
        most: the farthest towards the setpoint of those that were not beyond it; None where all were.
        beyond: how many were beyond it.
    """

    since_ms: int
    numbers: int
    low: float
    middle: float
    high: float
    most: float | None
    beyond: int


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """One time it fired.

    Args:
        at_ms: when it was raised, milliseconds UTC; onset_ms: from when on the number was beyond the setpoint without a break.
        recorded: the number as it was judged then; played: as it came out now. None: there was none.
        looked_s: how far back that number looks, seconds; played_from_ms: from when on readings were played.
        facts: what a sentence needs, by name; `facts` says which of which detector.
        problem: one of `PROBLEMS`; notes: of `NOTES`.
        series: what is drawn, in time order.
    """

    judged: Judged
    at_ms: int
    onset_ms: int | None = None
    recorded: float | None = None
    played: float | None = None
    looked_s: float = 0.0
    played_from_ms: int | None = None
    readings: int = 0
    facts: dict[str, float] = {}
    usual: Usual | None = None
    problem: str | None = None
    notes: tuple[str, ...] = ()
    series: tuple[Point, ...] = ()


def as_kept(firing: Firing) -> tuple[dict[str, Any], list[Any]]:
    """(all but what is drawn, what is drawn), as JSON."""
    whole: dict[str, Any] = msgspec.to_builtins(firing)
    series: list[Any] = list(whole.pop("series"))
    return whole, series


def as_told(kept: Mapping[str, Any], series: list[Any] | None) -> Firing:
    """The firing of an earlier `as_kept`.

    Args:
        series: None: what was drawn is no longer kept.

    >>> one = Firing(judged=Judged(detector="limit", direction="high", setpoint=40.0), at_ms=5, series=((1, 2.0, 3.0, None, None),))
    >>> as_told(*as_kept(one)) == one
    True
    """
    if series is None:
        return msgspec.convert({**kept, "series": [], "notes": [*kept.get("notes", ()), FORGOTTEN]}, Firing)
    return msgspec.convert({**kept, "series": series}, Firing)
