"""Which score of a day a report tells, where several formulas have made one: that of the month's end, for every day that has it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from risk.report.month import Month
from risk.store.scores import ScoreRow


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of a month.

    Args:
        now: of its last day that has one.
        before: of the last day before it, by the same formula where there is one.
        days: a row a day of the month, by the same formula where there is one.
    """

    now: ScoreRow | None
    before: ScoreRow | None
    days: tuple[ScoreRow, ...]

    @property
    def others(self) -> tuple[str, ...]:
        """Formulas of the month's days besides that of its end."""
        return tuple(sorted({row.formula for row in self.days} - {self.now.formula if self.now else ""}))

    @property
    def before_by(self) -> str | None:
        """The formula of the month before, where it is another one: then the two do not compare."""
        if self.now is None or self.before is None or self.before.formula == self.now.formula:
            return None
        return self.before.formula


def scored(rows: Sequence[ScoreRow], month: Month) -> Scored:
    """Chooses among the scores up to the month's end.

    A day keeps the formula that it was first computed by, so a month that is over is told the same after a new one came.
    """
    first = month.first_day()
    mine, past = [row for row in rows if row.day >= first], [row for row in rows if row.day < first]
    now = _of_last_day(mine, "")
    formula = now.formula if now else ""
    days = sorted({row.day for row in mine})
    chosen = (_of_last_day([row for row in mine if row.day == day], formula) for day in days)
    return Scored(now, _of_last_day(past, formula), tuple(row for row in chosen if row is not None))


def _of_last_day(rows: Sequence[ScoreRow], formula: str) -> ScoreRow | None:
    """The one of this formula, else the one computed first."""
    last = max((row.day for row in rows), default=None)
    there = [row for row in rows if row.day == last]
    return min(there, key=lambda row: (row.formula != formula, row.computed_at, row.formula), default=None)
