"""A score as it is kept: the row of `site_score` with its parts, which explain it for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from risk.score import intervals
from risk.score.control import Driver, P
from risk.score.facts import SiteFacts
from risk.score.formula import CURRENT, shipped
from risk.score.score import Declared, Number, Score
from risk.store.scores import ScoreRow, SiteRow

MOST_ABSENT: Final = 20  # sensors named; beyond, their number alone


def row(site: SiteRow, facts: SiteFacts, found: Score, *, computed_at: datetime) -> ScoreRow:
    """The row to keep."""
    return ScoreRow(
        site_id=site.site_id,
        company_id=site.company_id,
        day=facts.day,
        formula=found.formula,
        **_ends("hazard", found.hazard),
        **_ends("control", found.control),
        **_ends("confidence", found.confidence),
        not_enough=found.not_enough,
        coverage=found.coverage,
        parts=parts(facts, found),
        computed_at=computed_at,
        simulated=facts.simulated,
    )


def _ends(name: str, number: Number | None) -> dict[str, Any]:
    if number is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {
        name: round(number.value, 3),
        f"{name}_low": round(number.low, 3),
        f"{name}_high": round(number.high, 3),
    }


def parts(facts: SiteFacts, found: Score) -> dict[str, Any]:
    """What the numbers are made of. Keys may be added, never renamed: reports of past months read them."""
    names = {sensor.sensor_id: sensor for sensor in facts.sensors}
    return {
        "window": {"days": round(facts.observed_days, 3), "days_with_readings": facts.days_with_readings},
        "hazard": [_declared(each) for each in found.declared],
        "control": [_driver(each) for each in found.drivers],
        "confidence": _confidence(found),
        "absent": [
            {"device": names[n].device, "sensor": names[n].key, "name": names[n].name, "name_zh": names[n].name_zh}
            for n in found.absent[:MOST_ABSENT]
        ],
        "devices": [{"device": key, "coverage": round(share, 4)} for key, share in found.devices.items()],
        "figures": figures(facts),
    }


def _declared(each: Declared) -> Any:
    grade = next(g.name for g in shipped(CURRENT).hazard.grades if g.key == each.grade)
    return _rounded({**asdict(each), "grade_name": grade.en, "grade_name_zh": grade.zh})


def _driver(driver: Driver) -> Any:
    return _rounded(
        {
            "key": driver.key,
            "name": driver.name.en,
            "name_zh": driver.name.zh,
            "value": driver.value,
            "unit": driver.unit,
            "weight": driver.weight,
            "points": driver.points,
            "low": driver.low,
            "high": driver.high,
            "lost": None if driver.points is None else driver.weight * (100 - driver.points),
            "sentence": driver.sentence,
            "words": driver.words,
        }
    )


def _confidence(found: Score) -> list[dict[str, Any]]:
    """Its two factors in the same form; they multiply, so they have no weight."""
    names = dict(_FACTORS)
    if found.coverage is None:
        return []
    there = found.mandatory - len(found.absent)
    share = 1.0 if found.mandatory == 0 else there / found.mandatory
    rows: list[tuple[str, float, dict[str, float]]] = [
        ("coverage", found.coverage, {"percent": 100 * found.coverage}),
        ("present", share, {"mandatory": found.mandatory, "present": there, "absent": len(found.absent)}),
    ]
    return [
        _rounded(
            {
                "key": key, "name": names[key][0], "name_zh": names[key][1], "value": 100 * value, "unit": "%", "weight": None,
                "points": 100 * value, "lost": 100 * (1 - value), "sentence": f"confidence.{key}", "words": words,
            }
        )
        for key, value, words in rows
    ]  # fmt: skip


_FACTORS: Final = (
    ("coverage", ("Readings received", "数据到达率")),
    ("present", ("Mandatory points present", "法定监测点在线")),
)


def figures(facts: SiteFacts) -> Any:
    """What a portfolio shows beside the score."""
    waits = sorted(each.waited_s for each in facts.answers if each.answered)
    targets = shipped().control.response.targets_s
    return _rounded(
        {
            "alarms": facts.occurrences,
            "sensor_hours": facts.sensor_hours,
            "alarms_per_1000_sensor_hours": 1000 * facts.occurrences / facts.sensor_hours
            if facts.sensor_hours
            else None,
            "acknowledged": len(waits),
            "waiting": sum(1 for each in facts.answers if not each.answered),
            "late": sum(1 for each in facts.answers if each.waited_s > targets[each.priority]),
            "ack_p50_s": intervals.quantile(waits, 0.5) if waits else None,
            "ack_p90_s": intervals.quantile(waits, P) if waits else None,
            "sensors": len(facts.sensors),
        }
    )


def _rounded(value: Any) -> Any:
    """Numbers short enough to be read, and the same on every machine."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
