"""What a score is made of, now and a month before, side by side. Knows `site_score.parts` (risk/score/record.py) and formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.errors import BadInput
from core.lec import danger
from risk.report.facts import DriverFacts, ScenarioFacts
from risk.score.formula import Formula, shipped


def drivers(now: Any, before: Any) -> tuple[DriverFacts, ...]:
    """The parts of the score, those that took off most first.

    Args:
        now, before: `site_score.parts` at the end of this month and of the one before; None where nothing was computed.
    """
    past = {(score, part["key"]): part for score, part in _parts(before)}
    found = []
    for score, part in _parts(now):
        earlier = past.get((score, part["key"]))
        found.append(
            DriverFacts(
                score=score,
                key=part["key"],
                name=part["name"],
                name_zh=part["name_zh"],
                lost=part["lost"],
                before=earlier["lost"] if earlier else None,
                value=part["value"],
                unit=part["unit"],
                sentence=part["sentence"],
                words=dict(part["words"]),
            )
        )
    return tuple(sorted(found, key=lambda driver: (driver.score != "control", -(driver.lost or 0.0), driver.key)))


def graded(scenarios: Sequence[ScenarioFacts], formula: Formula | None) -> tuple[ScenarioFacts, ...]:
    """The scenarios with what the formula calls their danger."""
    if formula is None:
        return tuple(scenarios)
    found = []
    for one in scenarios:
        product = danger(one.likelihood, one.exposure, one.consequence)
        name = [grade.name for grade in formula.hazard.grades if product > grade.above or grade.above == 0][-1]
        found.append(replace(one, grade=name.en, grade_zh=name.zh))
    return tuple(found)


def formula_of(name: str | None) -> Formula | None:
    """A formula that comes with Davy; None where the score is of one that no longer does."""
    try:
        return shipped(name) if name else None
    except BadInput:
        return None


def _parts(parts: Any) -> list[tuple[str, Mapping[str, Any]]]:
    found = []
    for score in ("control", "confidence"):
        listed = parts.get(score) if isinstance(parts, Mapping) else None
        if isinstance(listed, Sequence):
            found += [(score, part) for part in listed if isinstance(part, Mapping) and "key" in part]
    return found
