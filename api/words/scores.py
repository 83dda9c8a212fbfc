"""A score in sentences: why a driver has its points, and what has moved a number since another day. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from gettext import NullTranslations
from typing import Any, Final, Protocol

from api.words.texts import later
from risk.score.formula import explaining
from risk.score.texts import TEXTS

NOT_ENOUGH = {
    "too_few_days": later("No number yet: fewer than %(days)s days with readings in the last %(window)s."),
    "low_coverage": later("No number: fewer than %(percent)s in 100 of the readings came in the last %(last)s days."),
    "no_sensors": later("No number: no sensor of this site was in service."),
}
NO_SCENARIO = later("No number: the company has declared no hazard scenario.")
NO_SCORE = later("No score yet: it is worked out after the first day.")
CONFIDENCE = {
    "confidence.coverage": later(
        "%(percent)s %% of the readings that the sensors promise came, as the mean of all sensors."
    ),
    "confidence.gaps": later(
        "%(percent)s %% of the readings that the sensors promise came, as the mean of all sensors. In %(gap_hours)s hours messages"
        " of a device are known to be missing; such time does not count as watched."
    ),
    "confidence.present": later(
        "%(present)s of %(mandatory)s mandatory points sent enough on the day; %(absent)s did not."
    ),
}
MOVED: Final = 0.5  # points of a number: a driver that took less more or less is not worth a sentence

_TOOK = later("%(driver)s takes %(points)s points more")
_GAVE = later("%(driver)s gives back %(points)s points")
_NEW = later("%(driver)s counts for the first time")
_GONE = later("there is nothing to judge %(driver)s by any more")


def limits(formula: str | None) -> dict[str, int]:
    """The numbers in these sentences, as the formula of a score has them."""
    of = explaining(formula)
    return {
        "days": of.enough.days,
        "window": of.window_days,
        "percent": round(100 * of.enough.coverage),
        "last": of.confidence.days,
    }


class Dated(Protocol):
    """A day's score."""

    @property
    def day(self) -> date: ...
    @property
    def parts(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Line:
    """A driver as the page shows it."""

    name: str
    weight: float | None
    points: float | None
    low: float | None
    high: float | None
    lost: float | None
    why: str


def lines(texts: NullTranslations, rows: Sequence[Mapping[str, Any]], language: str) -> list[Line]:
    """Drivers with their sentences, those that take most first."""
    found = [
        Line(
            name=name_of(row, language),
            weight=row.get("weight"),
            points=row.get("points"),
            low=row.get("low"),
            high=row.get("high"),
            lost=row.get("lost"),
            why=sentence(texts, row),
        )
        for row in rows
    ]
    return sorted(found, key=lambda line: -(line.lost or 0.0))


def name_of(row: Mapping[str, Any], language: str) -> str:
    """Its name in the reader's language."""
    return str(row["name_zh" if language == "zh" else "name"])


def sentence(texts: NullTranslations, row: Mapping[str, Any]) -> str:
    """Why it has its points; a sentence that this Davy does not know says nothing rather than something wrong."""
    text = TEXTS.get(row["sentence"]) or CONFIDENCE.get(row["sentence"])
    if text is None:
        return ""
    return texts.gettext(text) % {name: short(value) for name, value in row["words"].items()}


def short(value: float) -> str:
    """A number as a sentence has it.

    >>> short(3.0), short(1.25), short(0.0049), short(1234)
    ('3', '1.2', '0.0049', '1234')
    """
    if float(value).is_integer():
        return str(int(value))
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"


def moved(texts: NullTranslations, before: Dated | None, after: Dated, language: str) -> list[str]:
    """What has moved control between two days, as clauses, the largest first."""
    if before is None:
        return []
    past = {row["key"]: row for row in before.parts.get("control", ())}
    clauses: list[tuple[float, str]] = []
    for row in after.parts.get("control", ()):
        was, lost = past.get(row["key"], {}).get("lost"), row.get("lost")
        words = {"driver": name_of(row, language)}
        if was is None and lost is not None:
            clauses.append((lost, texts.gettext(_NEW) % words))
        elif was is not None and lost is None:
            clauses.append((was, texts.gettext(_GONE) % words))
        elif was is not None and lost is not None and abs(lost - was) >= MOVED:
            text = _TOOK if lost > was else _GAVE
            clauses.append(
                (abs(lost - was), texts.gettext(text) % {**words, "points": short(round(abs(lost - was), 1))})
            )
    return [clause for _, clause in sorted(clauses, key=lambda each: -each[0])]
