"""The drivers of control: what people do about alarms, findings, impairments, shelves and calibration. Pure.

Each is built so that more sensors, or more alarms, cannot take points by themselves: times count, not numbers of alarms;
findings, impairments and calibration do not know how many sensors there are; shelves are a share of alarm time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.response_time import NEVER, NINE_IN_TEN, Answer, counts, nearest_rank
from risk.score import intervals
from risk.score.facts import Aside, SiteFacts
from risk.score.formula import Formula, Name, Planned, Response
from risk.score.texts import SENTENCES

DAYS = 30.0  # amounts are told for so many days
HOURS_A_DAY = 24.0


@dataclass(frozen=True, slots=True)
class Driver:
    """One line of the weighted table.

    Args:
        value: what was measured, in `unit`; None where there was nothing to measure.
        points: 0-100; None where there was nothing to judge by. `low` and `high`: the ends of its interval.
        sentence: id of the sentence that says it (risk/score/texts.py), `words` what stands in its places.
    """

    key: str
    name: Name
    weight: float
    value: float | None
    unit: str
    points: float | None
    low: float
    high: float
    sentence: str
    words: dict[str, float] = field(default_factory=dict)


def drivers(facts: SiteFacts, formula: Formula) -> list[Driver]:
    """The whole table, in the formula's order."""
    return [
        _response(facts, formula),
        _findings(facts, formula),
        _impairments(facts, formula),
        _suppression(facts, formula),
        _calibration(facts, formula),
    ]


def _response(facts: SiteFacts, formula: Formula) -> Driver:
    """The same alarms and the same rank as everywhere (core/response_time.py), each time as a multiple of its target."""
    rule = formula.control.response
    ratios = sorted(_ratio(each, rule) for each in facts.answers if counts(each, rule.targets_s))
    found = nearest_rank(ratios, NINE_IN_TEN)
    if found is None:
        return _driver("response", rule.name, rule.weight, None, "1", None, 0.0, 100.0, {})
    quick, slow = intervals.quantile_ends(ratios, NINE_IN_TEN, formula.level)
    words: dict[str, float] = {"alarms": len(ratios), "waiting": sum(not each.answered for each in facts.answers)}
    if rule.unanswered == "never":
        words["unanswered"] = ratios.count(NEVER)
        words["waiting"] -= words["unanswered"]
    words["late"] = sum(1 < ratio < NEVER for ratio in ratios)
    if found < NEVER:
        words["ratio"] = found
    return _driver(
        "response", rule.name, rule.weight, found if found < NEVER else None, "1", _in_time(found, rule.worst),
        _in_time(slow, rule.worst), _in_time(quick, rule.worst), words,
    )  # fmt: skip


def _ratio(answer: Answer, rule: Response) -> float:
    if not answer.answered and rule.unanswered == "never":
        return NEVER
    return answer.waited_s / rule.targets_s[answer.priority]


def _in_time(ratio: float, worst: float) -> float:
    """100 up to the target, then falling with the logarithm to 0 at `worst` times it."""
    if ratio <= 1:
        return 100.0
    return 0.0 if ratio >= worst else 100 * (1 - math.log(ratio) / math.log(worst))


def _findings(facts: SiteFacts, formula: Formula) -> Driver:
    rule = formula.control.findings
    weighted = [(rule.major if each.grade == "major" else 1.0) * each.days for each in facts.overdue]
    at_a_time = sum(weighted) / facts.observed_days
    low, high = _burden(weighted, rule.assumed, facts.observed_days, rule.half_at, formula.level)
    words = {
        "findings": len(weighted),
        "major": sum(1 for each in facts.overdue if each.grade == "major"),
        "days": sum(each.days for each in facts.overdue),
    }
    points = _left(at_a_time, rule.half_at)
    return _driver("findings", rule.name, rule.weight, at_a_time, "1", points, low, high, words)


def _impairments(facts: SiteFacts, formula: Formula) -> Driver:
    rule = formula.control.impairments
    scale = facts.observed_days / DAYS
    hours = sum(facts.impaired_h)
    low, high = _burden(facts.impaired_h, rule.assumed, scale, rule.half_at, formula.level)
    words = {"impairments": len(facts.impaired_h), "hours": hours}
    points = _left(hours / scale, rule.half_at)
    return _driver("impairments", rule.name, rule.weight, hours / scale, "h", points, low, high, words)


def _suppression(facts: SiteFacts, formula: Formula) -> Driver:
    rule = formula.control.suppression
    if facts.alarm_hours <= 0:
        return _driver("suppression", rule.name, rule.weight, None, "%", None, 0.0, 100.0, {})
    if rule.kinds:
        return _by_kind(facts, formula)
    part = sum(facts.suppressed_h) / facts.alarm_hours
    low, high = _burden(facts.suppressed_h, rule.assumed, facts.alarm_hours, rule.half_at, formula.level)
    words = {"alarms": len(facts.suppressed_h), "hours": sum(facts.suppressed_h), "percent": 100 * part}
    points = _left(part, rule.half_at)
    return _driver("suppression", rule.name, rule.weight, 100 * part, "%", points, low, high, words)


def _by_kind(facts: SiteFacts, formula: Formula) -> Driver:
    """Every hour is told; what it counts depends on who wanted it, and whether it was announced."""
    rule = formula.control.suppression
    hours = dict.fromkeys(rule.kinds, 0.0)
    counted: dict[int, float] = {}
    for each in facts.aside:
        kind = "planned" if _planned(each, rule.planned) else each.kind
        hours[kind] += each.hours
        counted[each.alarm] = counted.get(each.alarm, 0.0) + rule.kinds[kind] * each.hours
    amounts = [amount for amount in counted.values() if amount > 0]
    part = sum(amounts) / facts.alarm_hours
    low, high = _burden(amounts, rule.assumed, facts.alarm_hours, rule.half_at, formula.level)
    words = {"alarms": len(counted), "hours": sum(hours.values()), "percent": 100 * part, **hours}
    points = _left(part, rule.half_at)
    return _driver("suppression", rule.name, rule.weight, 100 * part, "%", points, low, high, words)


def _planned(each: Aside, rule: Planned) -> bool:
    return (
        each.kind == "window"
        and each.notice_h is not None
        and each.lasts_h is not None
        and each.notice_h >= rule.notice_h
        and each.lasts_h <= rule.longest_h
    )


def _calibration(facts: SiteFacts, formula: Formula) -> Driver:
    rule = formula.control.calibration
    within = sum(1 for sensor in facts.sensors if sensor.calibration == "within")
    overdue = sum(1 for sensor in facts.sensors if sensor.calibration == "overdue")
    silent = sum(1 for sensor in facts.sensors if sensor.mandatory and sensor.calibration is None)
    words = {"sensors": within + overdue, "overdue": overdue, "unstated": silent}
    if within + overdue == 0:
        return _driver("calibration", rule.name, rule.weight, None, "%", None, 0.0, 100.0, words)
    points = 100 * within / (within + overdue)
    # Where the file is silent on a mandatory point, it may be in calibration or not.
    total = within + overdue + silent
    return _driver(
        "calibration", rule.name, rule.weight, points, "%", points, 100 * within / total,
        100 * (within + silent) / total, words,
    )  # fmt: skip


def _left(amount: float, half_at: float) -> float:
    """Points left by an amount: all at nothing, half at `half_at`, never none.

    >>> _left(0, 2), _left(2, 2), _left(6, 2)
    (100.0, 50.0, 25.0)
    """
    return 100 / (1 + amount / half_at)


def _burden(
    amounts: Sequence[float], assumed: float, exposure: float, half_at: float, level: float
) -> tuple[float, float]:
    """Ends of the points of a burden: its events are a count, each as large as the mean of those seen (or `assumed`)."""
    few, many = intervals.count(len(amounts), level)
    size = sum(amounts) / len(amounts) if amounts else assumed
    return _left(many * size / exposure, half_at), _left(few * size / exposure, half_at)


def _driver(
    key: str,
    name: Name,
    weight: float,
    value: float | None,
    unit: str,
    points: float | None,
    low: float,
    high: float,
    words: Mapping[str, float],
) -> Driver:
    sentence = next(s.key for s in SENTENCES[key] if s.fits(words))
    return Driver(key, name, weight, value, unit, points, low, high, sentence, dict(words))
