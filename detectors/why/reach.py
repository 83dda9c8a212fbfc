"""How far back a detector's number looks, how far it has learned from, and how much of it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from detectors.why.told import Judged

DAY_S: Final = 86_400.0
LONGEST_S: Final = (
    9 * DAY_S
)  # of readings that are played: a week that is settled anew, its warm-up and a day of what is usual
MOST: Final = 400_000  # readings: at one a second some four and a half days
LEAST_SHOWN_S: Final = 300.0
LONGEST_SHOWN_S: Final = 2 * DAY_S
_SHOWN_PERIODS: Final = 60.0
_MEMORIES: Final = 5.0  # after five of its memories less than 1 % of what was before is left
_COUNTED: Final = (
    17.0  # readings, or means, that a detector without a time looks at: a course of `odd` and the one before
)
# Whose number is itself a time back.
_TIMES: Final = frozenset({"stuck", "stale"})
_READINGS: Final = frozenset({"unusable"})
_INSTANT: Final = frozenset({"limit", "outside", "profile"})
_WEEK_S: Final = 7 * DAY_S


@dataclass(frozen=True, slots=True)
class Reach:
    """Seconds back from when it was raised.

    Args:
        looked: what the number is made of.
        played: what is read, so that the detector has learned what it had learned.
        shown: what is drawn.
    """

    looked: float
    played: float
    shown: float


def reach(judged: Judged, period_s: float, number: float | None) -> Reach:
    """By the names of the parameters, so that a detector that is new is reached as well.

    Args:
        judged: with all parameters of its detector.
        period_s: how often the sensor speaks.
        number: as it was recorded; None: it is not known.

    >>> rate = Judged(detector="rate", direction="high", setpoint=2.0, parameters={"window_s": 600.0})
    >>> reach(rate, 1.0, 2.5)
    Reach(looked=600.0, played=88200.0, shown=1500.0)
    >>> reach(Judged(detector="limit", direction="high", setpoint=40.0), 1.0, 55.0)
    Reach(looked=0.0, played=86700.0, shown=300.0)

    Of a profile all the weeks that it must have heard, or, where that would be too many readings, none of what it had learned:

    >>> weeks = Judged(detector="profile", direction="high", setpoint=6.0, parameters={"weeks": 3.0})
    >>> reach(weeks, 60.0, 7.0).played / 86400.0, reach(weeks, 1.0, 7.0).played / 86400.0
    (23.0, 1.0)
    """
    if judged.detector == "profile":
        whole = judged.parameters.get("weeks", 3.0) * _WEEK_S + 2.0 * DAY_S
        return Reach(0.0, whole if whole <= MOST * period_s else DAY_S, DAY_S)
    looked = min(_looked(judged, period_s, number), LONGEST_S)
    waited = judged.on_delay_s + judged.votes_of * period_s
    shown = max(LEAST_SHOWN_S, _SHOWN_PERIODS * period_s, 2.5 * looked, 3.0 * judged.on_delay_s)
    shown = min(shown, max(LONGEST_SHOWN_S, 1.25 * looked))
    learned = _learned(judged, period_s)
    played = min(looked + shown + learned + DAY_S + (waited if looked else 0.0), LONGEST_S, MOST * period_s)
    if not learned and looked and looked == judged.parameters.get("window_s"):
        played = min(DAY_S + 3.0 * looked, LONGEST_S, MOST * period_s)
    return Reach(looked, max(played, shown), shown)


def _looked(judged: Judged, period_s: float, number: float | None) -> float:
    settings = judged.parameters
    if judged.detector in _INSTANT:
        return 0.0
    if judged.detector in _TIMES:
        return number or 0.0
    if judged.detector in _READINGS:
        return (number or 1.0) * period_s
    if settings.get("mean_s"):
        return _COUNTED * settings["mean_s"]
    if settings.get("window_s"):
        return settings["window_s"]
    if settings.get("memory_s"):
        return 3.0 * settings["memory_s"]
    if settings.get("hold_s"):
        return settings["hold_s"]
    if judged.detector == "odd":
        return _COUNTED * period_s
    return max(settings.get("memory", 0.0), _COUNTED) * period_s


def _learned(judged: Judged, period_s: float) -> float:
    settings = judged.parameters
    return (
        _MEMORIES * settings.get("memory_s", 0.0)
        + 1.5 * settings.get("warm_up", 0.0) * max(settings.get("mean_s", 0.0), period_s)
        + _MEMORIES * settings.get("memory", 0.0) * period_s
        + settings.get("renew_s", 0.0)
    )
