"""A site's score of a day: hazard, control, confidence, each 0-100 with an interval, never made one. Pure.

The same facts and formula give the same numbers for ever. What each means, and what not: docs/explanation/site-score.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from core.lec import LIKELIHOOD, danger, next_to
from risk.score import intervals
from risk.score.control import Driver, drivers
from risk.score.facts import SensorDay, SiteFacts
from risk.score.formula import Formula

TOO_FEW_DAYS = "too_few_days"
LOW_COVERAGE = "low_coverage"
NO_SENSORS = "no_sensors"


@dataclass(frozen=True, slots=True)
class Number:
    """A number 0-100 and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Declared:
    """A scenario and what it comes to."""

    key: str
    title: str
    title_zh: str
    likelihood: float
    exposure: float
    consequence: float
    danger: float
    grade: str
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a day's score says.

    Args:
        hazard: the lower the better; None where no scenario is declared.
        control, confidence: the higher the better; control is None for the reason `not_enough`.
        coverage: 0-1; None where nothing was expected.
        absent: ids of mandatory sensors that were not there on the day.
        devices: coverage of each device over the days of confidence.
        gap_hours: hours of those days that count for less, because messages are known to be missing in them.
    """

    formula: str
    hazard: Number | None
    control: Number | None
    confidence: Number | None
    not_enough: str | None
    coverage: float | None
    declared: Sequence[Declared] = ()
    drivers: Sequence[Driver] = ()
    mandatory: int = 0
    absent: Sequence[int] = ()
    devices: dict[str, float] = field(default_factory=dict)
    gap_hours: int = 0


def score(facts: SiteFacts, formula: Formula) -> Score:
    """The three numbers."""
    gaps_count = formula.confidence.gaps == "missing"
    if gaps_count:
        facts = replace(facts, sensor_days=[replace(row, received=row.whole) for row in facts.sensor_days])
    declared = _declared(facts, formula)
    coverage = _coverage(facts.sensor_days)
    mandatory = [sensor.sensor_id for sensor in facts.sensors if sensor.mandatory]
    absent = _absent(facts, set(mandatory), formula.confidence.present)
    found = drivers(facts, formula)
    lacking = _not_enough(facts, coverage, formula)
    return Score(
        formula=formula.formula,
        hazard=_hazard(declared, formula),
        control=None if lacking else _control(found),
        confidence=None
        if lacking in (TOO_FEW_DAYS, NO_SENSORS) or coverage is None
        else _confidence(coverage, len(facts.sensor_days), len(mandatory), len(absent), formula.level),
        not_enough=lacking,
        coverage=coverage,
        declared=declared,
        drivers=found,
        mandatory=len(mandatory),
        absent=absent,
        devices=_by_device(facts),
        gap_hours=facts.gap_hours if gaps_count else 0,
    )


def _not_enough(facts: SiteFacts, coverage: float | None, formula: Formula) -> str | None:
    if coverage is None:
        return NO_SENSORS
    if facts.days_with_readings < formula.enough.days:
        return TOO_FEW_DAYS
    return LOW_COVERAGE if coverage < formula.enough.coverage else None


def _declared(facts: SiteFacts, formula: Formula) -> list[Declared]:
    """The scenarios, the worst first."""
    found = []
    for each in facts.scenarios:
        product = danger(each.likelihood, each.exposure, each.consequence)
        grade = [g.key for g in formula.hazard.grades if product > g.above or g.above == 0][-1]
        found.append(
            Declared(
                each.key, each.title, each.title_zh, each.likelihood, each.exposure, each.consequence, product, grade,
                on_curve(formula.hazard.curve, product),
            )
        )  # fmt: skip
    return sorted(found, key=lambda d: (-d.danger, d.key))


def _hazard(declared: Sequence[Declared], formula: Formula) -> Number | None:
    """The worst scenario; assessors differ by a step of likelihood, so that is the interval."""
    if not declared:
        return None
    ends = [next_to(LIKELIHOOD, each.likelihood) for each in declared]
    low, high = (
        max(
            on_curve(formula.hazard.curve, danger(end[side], d.exposure, d.consequence))
            for d, end in zip(declared, ends, strict=True)
        )
        for side in (0, 1)
    )
    return Number(declared[0].points, low, high)


def on_curve(corners: Sequence[tuple[float, float]], x: float) -> float:
    """The height of a line of corners at `x`; flat beyond its ends.

    >>> on_curve([(0, 0), (20, 20), (70, 40)], 45), on_curve([(0, 0), (20, 20)], 99)
    (30.0, 20)
    """
    for (x0, y0), (x1, y1) in pairwise(corners):
        if x <= x1:
            return y0 + (y1 - y0) * max(0.0, x - x0) / (x1 - x0)
    return corners[-1][1]


def _control(found: Sequence[Driver]) -> Number | None:
    """The weighted mean of the drivers there is something to judge by; what there is not widens the interval."""
    known = [driver for driver in found if driver.points is not None]
    weight = sum(driver.weight for driver in known)
    value = sum(driver.weight * (driver.points or 0.0) for driver in known) / weight
    below = above = 0.0
    for driver in found:
        middle = value if driver.points is None else driver.points
        below += (driver.weight * (middle - driver.low)) ** 2
        above += (driver.weight * (driver.high - middle)) ** 2
    return Number(value, max(0.0, value - below**0.5), min(100.0, value + above**0.5))


def _coverage(days: Sequence[SensorDay]) -> float | None:
    """A sensor at a time, then the mean: one that reports ten times a second hides nobody's silence."""
    by_sensor: dict[int, list[SensorDay]] = {}
    for each in days:
        by_sensor.setdefault(each.sensor_id, []).append(each)
    shares = [_share(rows) for rows in by_sensor.values() if sum(row.expected for row in rows) > 0]
    return sum(shares) / len(shares) if shares else None


def _share(rows: Sequence[SensorDay]) -> float:
    return min(1.0, sum(row.received for row in rows) / sum(row.expected for row in rows))


def _absent(facts: SiteFacts, mandatory: set[int], present: float) -> list[int]:
    """Mandatory sensors that did not send enough on the day itself."""
    shares = {row.sensor_id: _share([row]) for row in facts.sensor_days if row.day == facts.day and row.expected > 0}
    return sorted(sensor for sensor in mandatory if shares.get(sensor, 0.0) < present)


def _confidence(coverage: float, sensor_days: int, mandatory: int, absent: int, level: float) -> Number:
    """Coverage has Wilson's interval over sensor-days; the points there are counted, not estimated."""
    there = 1.0 if mandatory == 0 else 1 - absent / mandatory
    low, high = intervals.share(coverage, sensor_days, level)
    return Number(100 * coverage * there, 100 * low * there, 100 * high * there)


def _by_device(facts: SiteFacts) -> dict[str, float]:
    device = {sensor.sensor_id: sensor.device for sensor in facts.sensors}
    rows: dict[str, list[SensorDay]] = {}
    for row in facts.sensor_days:
        if row.sensor_id in device:
            rows.setdefault(device[row.sensor_id], []).append(row)
    found = {key: _coverage(those) for key, those in sorted(rows.items())}
    return {key: value for key, value in found.items() if value is not None}


def as_json(number: Number | None) -> dict[str, Any] | None:
    """For a machine."""
    return None if number is None else {"value": number.value, "low": number.low, "high": number.high}
