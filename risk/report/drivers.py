"""What a score is made of, then and a month before, side by side. Pure; knows the shape of `site_score.parts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from risk.report.facts import DriverFacts


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
                name=part.get("name", part["key"]),
                name_zh=part.get("name_zh", part["key"]),
                points=part.get("points", 0.0),
                before=earlier.get("points", 0.0) if earlier else None,
                measured=part.get("value"),
                unit=part.get("unit", ""),
            )
        )
    return tuple(sorted(found, key=lambda driver: (driver.score, -driver.points, driver.key)))


def _parts(parts: Any) -> list[tuple[str, Mapping[str, Any]]]:
    found = []
    for score in ("control", "confidence"):
        listed = parts.get(score) if isinstance(parts, Mapping) else None
        if isinstance(listed, Sequence):
            found += [(score, part) for part in listed if isinstance(part, Mapping) and "key" in part]
    return found
