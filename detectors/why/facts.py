"""What a person would say of why it fired, as numbers by name: the value then, where it belongs, since when. Pure.

| of which detector | facts |
|---|---|
| all | value: the reading that decided |
| rate | before: the value a window earlier |
| stuck, still | rest: the value it stands at; usual_rest: what it knew as the longest, in readings (still) |
| stale | pause, pause_most: the middle and the longest pause of the day before, in seconds |
| ewma, cusum | level, spread: what it had settled on; side: 1 above, -1 below; since_ms: when it began to gather (cusum) |
| spike | before: the median of the five readings ahead of it; usual_step: the farthest it knew |
| clipped | share: of the last readings at the end, percent; usual_share: the most it knew; end: the value there; side: 1 the highest, -1 the lowest |
| profile | level, spread: what is usual in this hour of this weekday |
| drift | other: the other sensor's value; apart: this one's less the other's; level: what that was while it was settled |
| shift | level: the middle it had settled on; mean: of the last readings; usual_shift: the farthest it knew |
| noise | rough: root mean square from one reading to the next; usual_rough: the roughest (of direction low: the smoothest) it knew |
| odd | odds: one reading in so many |
| deviation | level: where it belongs |
| difference | other: the other sensor's value |
| time_to_limit | slope: towards the limit, a minute |
| exposure, time_over | most, least: the extremes within the window |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.why.play import Played, Readings
from detectors.why.told import Judged

SECOND_US: Final = 1_000_000
_BEFORE_SPIKE: Final = 5  # detectors.settled.BEFORE
_LOWEST_ODDS, _HIGHEST_ODDS = 1.0, 1e9


@dataclass(frozen=True, slots=True)
class Scene:
    """All that facts are picked from.

    Args:
        other: readings of the sensor it is compared with; None: it is compared with none.
        at_us: the instant of the number that decided.
        number: it; NaN where there is none.
    """

    judged: Judged
    own: Readings
    other: Readings | None
    played: Played
    at_us: int
    number: float

    @property
    def value(self) -> float:
        """The reading that decided."""
        return self.own.value_at(self.at_us)

    def window(self) -> Readings:
        """The readings within the detector's window, or all that are drawn in where it has none."""
        width = round(self.judged.parameters.get("window_s", 0.0) * SECOND_US)
        return self.own.between(self.at_us - width, self.at_us)


def facts_of(scene: Scene) -> dict[str, float]:
    """By name; those that nobody knows are left out."""
    picked: Mapping[str, float] = _PICKED.get(scene.judged.detector, _nothing)(scene)
    whole = {"value": scene.value, **picked}
    return {name: float(fact) for name, fact in whole.items() if math.isfinite(fact)}


def _nothing(scene: Scene) -> Mapping[str, float]:
    return {}


def _rate(scene: Scene) -> Mapping[str, float]:
    then = scene.at_us - round(scene.judged.parameters.get("window_s", 0.0) * SECOND_US)
    return {"before": scene.own.value_at(then)}


def _stuck(scene: Scene) -> Mapping[str, float]:
    return {"rest": scene.value}


def _still(scene: Scene) -> Mapping[str, float]:
    usable = scene.own.between(-(2**62), scene.at_us)
    values = usable.value[usable.usable]
    moved = np.flatnonzero(values != values[-1]) if len(values) else values
    rests = len(values) - 1 - int(moved[-1]) - 1 if len(moved) else len(values) - 1
    return {"rest": scene.value, "rests": rests, "usual_rest": scene.played.before.get("largest", math.nan)}


def _stale(scene: Scene) -> Mapping[str, float]:
    number = scene.played.number[: max(scene.played.last, 0)]
    known = number[np.isfinite(number)]
    if not len(known):
        return {}
    return {"pause": float(np.median(known)), "pause_most": float(known.max())}


def _settled_on(scene: Scene) -> Mapping[str, float]:
    """Of `ewma`, which keeps a variance."""
    before = scene.played.before
    spread = math.sqrt(max(before.get("variance", math.nan), 0.0))
    level = before.get("level", math.nan)
    spread = max(spread, scene.judged.parameters.get("floor", 0.0))
    return {"level": level, "spread": spread, "side": _side(scene.value - level)}


def _cusum(scene: Scene) -> Mapping[str, float]:
    after = scene.played.after
    number, at = scene.played.number, scene.played.at
    place, stands = scene.played.last, _stands(after)
    while place > 0 and np.isfinite(number[place]) and number[place] > 0.0:
        place -= 1
    return {
        "level": after["level"] if stands else math.nan,
        "spread": after["spread"] if stands else math.nan,
        "side": (1.0 if after["high"] >= after["low"] else -1.0) if stands else math.nan,
        "since_ms": at[place] / 1000 if place >= 0 else math.nan,
    }


def _stands(after: Mapping[str, float]) -> bool:
    """Whether sums have a level to gather against: in a warm-up its place is lent to something else (`detectors.wild.lent`)."""
    return after.get("readings", 0.0) > 0.0


def _spike(scene: Scene) -> Mapping[str, float]:
    until = scene.own.between(-(2**62), scene.at_us)
    values = until.value[until.usable][-_BEFORE_SPIKE - 1 : -1]
    return {
        "before": float(np.median(values)) if len(values) else math.nan,
        "usual_step": scene.played.before.get("largest", math.nan),
    }


def _clipped(scene: Scene) -> Mapping[str, float]:
    after = scene.played.after
    highest, lowest = (
        after.get("past.4", math.nan),
        after.get("past.5", math.nan),
    )  # detectors.settled: shares at the two ends
    is_high = highest >= lowest
    ends = ("past.0", "past.1") if is_high else ("past.2", "past.3")
    values = [after.get(name, math.nan) for name in ends]
    return {
        "share": 100.0 * (highest if is_high else lowest),
        "usual_share": 100.0 * scene.played.before.get("largest", math.nan),
        "end": max(values) if is_high else min(values),
        "side": 1.0 if is_high else -1.0,
    }


def _profile(scene: Scene) -> Mapping[str, float]:
    after = scene.played.after
    return {"level": after.get("level", math.nan), "spread": after.get("spread", math.nan)}


def _drift(scene: Scene) -> Mapping[str, float]:
    if scene.other is None:
        return {}
    other, after = scene.other.value_at(scene.at_us), scene.played.after
    return {"other": other, "apart": scene.value - other, "level": after["level"] if _stands(after) else math.nan}


def _shift(scene: Scene) -> Mapping[str, float]:
    before = scene.played.before
    return {
        "level": before.get("middle", math.nan),
        "usual_shift": before.get("largest", math.nan),
        "mean": scene.played.after.get("past.0", math.nan),
    }


def _noise(scene: Scene) -> Mapping[str, float]:
    squares = scene.played.after.get("past.1", math.nan)
    return {"rough": math.sqrt(max(squares, 0.0)), "usual_rough": scene.played.before.get("largest", math.nan)}


def _odd(scene: Scene) -> Mapping[str, float]:
    return {"odds": 10.0 ** min(max(scene.number, math.log10(_LOWEST_ODDS)), math.log10(_HIGHEST_ODDS))}


def _deviation(scene: Scene) -> Mapping[str, float]:
    if not scene.judged.parameters.get("window_s"):
        return {"level": scene.judged.parameters.get("reference", math.nan)}
    inside = scene.window()
    values = inside.value[inside.usable][:-1]
    if not len(values):
        return {}
    # A mean that one wild reading carries is not what it was measured from; the middle one is near that then.
    near = (float(values.mean()), float(np.median(values)))
    sides = (scene.value - scene.number, scene.value + scene.number)
    return {"level": min(sides, key=lambda side: min(abs(side - each) for each in near))}


def _difference(scene: Scene) -> Mapping[str, float]:
    return {} if scene.other is None else {"other": scene.other.value_at(scene.at_us)}


def _time_to_limit(scene: Scene) -> Mapping[str, float]:
    limit = scene.judged.parameters.get("limit", math.nan)
    slope = (limit - scene.value) / scene.number * 60.0 if scene.number > 0.0 else math.nan
    return {"limit": limit, "slope": slope}


def _extremes(scene: Scene) -> Mapping[str, float]:
    inside = scene.window()
    values = inside.value[inside.usable]
    return {"most": float(values.max()), "least": float(values.min())} if len(values) else {}


def _side(distance: float) -> float:
    return math.nan if math.isnan(distance) else 1.0 if distance >= 0.0 else -1.0


_PICKED: Final[Mapping[str, Callable[[Scene], Mapping[str, float]]]] = {
    "rate": _rate,
    "stuck": _stuck,
    "still": _still,
    "stale": _stale,
    "ewma": _settled_on,
    "cusum": _cusum,
    "spike": _spike,
    "clipped": _clipped,
    "profile": _profile,
    "drift": _drift,
    "shift": _shift,
    "noise": _noise,
    "odd": _odd,
    "deviation": _deviation,
    "difference": _difference,
    "time_to_limit": _time_to_limit,
    "time_over": _extremes,
    "exposure": _extremes,
}
