"""A score as it is kept: the row of `site_score` with its parts, which explain it for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from core.response_time import response_time
from risk.score.control import Driver
from risk.score.facts import SiteFacts
from risk.score.formula import Formula
from risk.score.score import Declared, Number, Score
from risk.store.scores import ScoreRow, SiteRow

MOST_ABSENT: Final = 20  # sensors named; beyond, their number alone


def row(site: SiteRow, facts: SiteFacts, found: Score, formula: Formula, *, computed_at: datetime) -> ScoreRow:
    """The row to keep.

    Args:
        formula: the one that `found` was made with; its words and targets explain it, whichever is in use by now.
    """
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
        parts=parts(facts, found, formula),
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


def parts(facts: SiteFacts, found: Score, formula: Formula) -> dict[str, Any]:
    """What the numbers are made of. Keys may be added, never renamed: reports of past months read them."""
    names = {sensor.sensor_id: sensor for sensor in facts.sensors}
    return {
        "window": {"days": round(facts.observed_days, 3), "days_with_readings": facts.days_with_readings},
        "hazard": [_declared(each, formula) for each in found.declared],
        "control": [_driver(each) for each in found.drivers],
        "confidence": _confidence(found),
        "absent": [
            {"device": names[n].device, "sensor": names[n].key, "name": names[n].name, "name_zh": names[n].name_zh}
            for n in found.absent[:MOST_ABSENT]
        ],
        "devices": [{"device": key, "coverage": round(share, 4)} for key, share in found.devices.items()],
        "figures": figures(facts, formula),
    }


def _declared(each: Declared, formula: Formula) -> Any:
    grade = next(g.name for g in formula.hazard.grades if g.key == each.grade)
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
    came: dict[str, float] = {"percent": 100 * found.coverage}
    if found.gap_hours:
        came["gap_hours"] = found.gap_hours
    rows: list[tuple[str, float, str, dict[str, float]]] = [
        ("coverage", found.coverage, "confidence.gaps" if found.gap_hours else "confidence.coverage", came),
        (
            "present",
            share,
            "confidence.present",
            {"mandatory": found.mandatory, "present": there, "absent": len(found.absent)},
        ),
    ]
    return [
        _rounded(
            {
                "key": key, "name": names[key][0], "name_zh": names[key][1], "value": 100 * value, "unit": "%", "weight": None,
                "points": 100 * value, "lost": 100 * (1 - value), "sentence": sentence, "words": words,
            }
        )
        for key, value, sentence, words in rows
    ]  # fmt: skip


_FACTORS: Final = (
    ("coverage", ("Readings received", "数据到达率")),
    ("present", ("Mandatory points present", "法定监测点在线")),
)


def figures(facts: SiteFacts, formula: Formula) -> Any:
    """What a portfolio shows beside the score; of `counted`, `unanswered` and the two times see core/response_time.py."""
    targets = formula.control.response.targets_s
    times = response_time(facts.answers, targets)
    return _rounded(
        {
            "alarms": facts.occurrences,
            "sensor_hours": facts.sensor_hours,
            "alarms_per_1000_sensor_hours": 1000 * facts.occurrences / facts.sensor_hours
            if facts.sensor_hours
            else None,
            "acknowledged": sum(1 for each in facts.answers if each.answered),
            "waiting": sum(1 for each in facts.answers if not each.answered),
            "late": sum(1 for each in facts.answers if each.waited_s > targets[each.priority]),
            "counted": times.counted,
            "unanswered": times.unanswered,
            "ack_p50_s": times.p50_s,
            "ack_p90_s": times.p90_s,
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
