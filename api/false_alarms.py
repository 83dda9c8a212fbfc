"""False alarms of a site's statistics against what it bears: how many people called so, and what could be tried where they are too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from alerting.false_alarms import CAPPED, WEEK_S, realised
from alerting.store.false_alarms import (
    BudgetLimit,
    BudgetSite,
    StatisticalCount,
    budget_limits,
    budget_sites,
    statistical_weeks,
)

FALSE: Final = frozenset({"nuisance", "sensor_fault", "unknown"})
TRUE: Final = frozenset({"true_danger", "near_miss"})
OPEN: Final = "open"
TOO_OFTEN: Final = 2  # weeks beyond the budget from which on something is proposed: one bad week is an event. Ours


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstLimit:
    """The alarm with most of the false ones."""

    key: str
    title: str
    title_zh: str
    sensor_name: str
    sensor_name_zh: str
    false: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """How a stretch of time went.

    Args:
        budget: a week; None: the site has none.
        scores: statistical alarms that share it.
        per_week: false ones, by what people said; open_: what nobody has resolved is neither.
        weeks_over: of whole weeks, how many had more than the budget; weeks: how many there were.
        worst: proposed to be changed; None: the budget was kept, or passed too seldom to say anything.
        limits: what the budget sets, as it stands.
    """

    budget: float | None
    scores: int
    per_week: float
    false: int
    true: int
    open_: int
    weeks_over: int
    weeks: int
    worst: WorstLimit | None
    limits: tuple[BudgetLimit, ...]

    @property
    def is_over(self) -> bool:
        """Whether there were more than the site bears."""
        return self.budget is not None and self.per_week > self.budget

    @property
    def too_small(self) -> tuple[BudgetLimit, ...]:
        """Limits whose calibration is too small for the budget."""
        return tuple(each for each in self.limits if each.needs is not None or each.state == CAPPED)


def false_alarms(
    connection: Connection[Any], site: str, since: datetime, until: datetime, *, made_up: bool
) -> FalseAlarms | None:
    """Those of one site; None: it has no statistical alarm."""
    found = budget_sites(connection, site)
    if not found:
        return None
    rows = statistical_weeks(connection, found[0].site_id, since, until, made_up=made_up)
    return counted(found[0], budget_limits(connection, found[0].site_id), rows, (until - since).total_seconds())


def counted(
    site: BudgetSite, limits: Sequence[BudgetLimit], rows: Sequence[StatisticalCount], seconds: float
) -> FalseAlarms:
    """The same from what was read. Pure."""
    by_week: Counter[int] = Counter()
    by_limit: Counter[str] = Counter()
    for row in rows:
        if row.what in FALSE:
            by_week[row.week] += row.count
            by_limit[row.key] += row.count
    weeks = int(seconds // WEEK_S)
    over = 0 if site.per_week is None else sum(by_week[week] > site.per_week for week in range(weeks))
    return FalseAlarms(
        budget=site.per_week,
        scores=site.scores,
        per_week=realised(list(by_week.values()), max(seconds, 86_400.0) / WEEK_S),
        false=sum(by_week.values()),
        true=sum(row.count for row in rows if row.what in TRUE),
        open_=sum(row.count for row in rows if row.what == OPEN),
        weeks_over=over,
        weeks=weeks,
        worst=_worst(rows, by_limit) if over >= TOO_OFTEN else None,
        limits=tuple(limits),
    )


def _worst(rows: Sequence[StatisticalCount], by_limit: Counter[str]) -> WorstLimit:
    key, count = max(by_limit.items(), key=lambda item: (item[1], item[0]))
    row = next(each for each in rows if each.key == key)
    return WorstLimit(
        key=key, title=row.title, title_zh=row.title_zh, sensor_name=row.sensor_name, sensor_name_zh=row.sensor_name_zh, false=count
    )  # fmt: skip
