"""What a visitor gets to see of why an occurrence began: in words, in numbers, drawn. The insurer's people no more than of its curve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from api.choices import sees_evidence
from api.permissions import Right
from api.plot import Course, Plot, plot
from api.store import looks
from api.store.firing import find_firing
from api.store.model_evidence import ModelEvidence, find_model_evidence
from api.store.occurrences import Occurrence
from api.visitor import Visitor
from api.words.alarms import SCORES
from api.words.firing import Telling
from core.i18n import locale_of, translations
from core.numbers import quantity
from detectors.why.told import Firing


@dataclass(frozen=True, slots=True)
class Drawn:
    """A curve with what its axis says.

    Args:
        of_number: it is the detector's number; else the value.
        lowest, highest: of the axis, with their unit. rule: whether the limit is in it.
    """

    plot: Plot
    of_number: bool
    lowest: str
    highest: str

    @property
    def rule(self) -> bool:
        """Whether the limit lies in the picture."""
        return self.plot.rule is not None


@dataclass(frozen=True, slots=True)
class WhyFired:
    """Why one occurrence began.

    Args:
        firing, telling: None: it is not worked out yet.
        model: what each signal adds, of a model's number; None: it is none, or nobody has worked it out.
        drawn: the value, and the detector's number where that is another thing.
        since, until: of what is drawn.
    """

    firing: Firing | None
    worked_at: datetime | None
    telling: Telling | None
    model: ModelEvidence | None
    drawn: list[Drawn]
    since: str = ""
    until: str = ""


def why_fired(connection: Connection[Any], visitor: Visitor, found: Occurrence) -> WhyFired | None:
    """None where this visitor may not see it yet, or no reading began it. The insurer's look is journalled."""
    if not sees_evidence(visitor, found) or found.exercise:
        return None
    if not visitor.may(Right.SEE_READINGS):
        looks.journal(
            connection,
            companies=[found.company_id],
            subject=f"occurrence/{found.occurrence_id}",
            action="evidence_read",
            person_id=visitor.person_id,
            role=visitor.role,
            reason="looked at the evidence of an occurrence",
        )
    model = find_model_evidence(connection, found.occurrence_id) if found.sensor_key in SCORES else None
    kept = find_firing(connection, found.occurrence_id)
    if kept is None:
        return WhyFired(None, None, None, model, [])
    firing = kept.firing
    telling = telling_of(visitor.language, firing, found)
    if not firing.series:
        return WhyFired(firing, kept.worked_at, telling, model, [])
    first, last = firing.series[0][0], max(firing.at_ms, firing.series[-1][0])
    drawn = _drawn(firing, telling, found.unit, locale_of(visitor.language), first, last)
    return WhyFired(firing, kept.worked_at, telling, model, drawn, telling.at(first), telling.at(last))


def telling_of(language: str, firing: Firing, found: Occurrence) -> Telling:
    """A firing in a reader's language."""
    names = (found.sensor_name, found.other_name) if language == "en" else (found.sensor_name_zh, found.other_name_zh)
    return Telling(translations(language), firing, found, names, locale_of(language))


def _drawn(firing: Firing, telling: Telling, unit: str, locale: str, first: int, last: int) -> list[Drawn]:
    at = [float(point[0]) for point in firing.series]
    onset = None if firing.onset_ms is None else float(firing.onset_ms)
    is_value = firing.judged.detector == "limit"
    values = Course(at, [p[1] for p in firing.series], [p[2] for p in firing.series], [p[4] for p in firing.series])
    numbers = [point[3] for point in firing.series]
    limit = firing.judged.setpoint
    found = []
    value = plot(values, since=first, until=last, limit=limit if is_value else None, onset=onset)
    if value is not None:
        found.append(Drawn(value, False, quantity(value.lowest, unit, locale), quantity(value.highest, unit, locale)))
    if not is_value:
        number = plot(Course(at, numbers, numbers), since=first, until=last, limit=limit, onset=onset)
        if number is not None:
            found.append(Drawn(number, True, telling.number(number.lowest), telling.number(number.highest)))
    return found
