"""What the insurer sees of the voice of its clients: counts, the recommendation, and how complaints keep to their clocks. Pure but for CSV's text."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from api.portfolio import cell
from api.store.complaints import Clock
from api.store.voice import Counted, Recommended
from risk.complaint import late
from risk.rating import nps


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How the complaints of one quarter at one site kept to their clocks.

    Args:
        late: whose first answer or conclusion came late, or is overdue.
        median_answer_h, median_conclude_h: hours from filing, of those that have it; None: none has.
    """

    quarter: date
    site: str
    site_zh: str
    filed: int
    open: int
    late: int
    reopened: int
    median_answer_h: float | None
    median_conclude_h: float | None


@dataclass(frozen=True, slots=True)
class Counts:
    """All of it."""

    counted: Sequence[Counted]
    recommended: Sequence[Recommended]
    kept: Sequence[Kept]


def kept(clocks: Sequence[Clock], now: datetime) -> list[Kept]:
    """By quarter and site, the newest quarter first."""
    found: dict[tuple[date, str, str], list[Clock]] = defaultdict(list)
    for each in clocks:
        day = each.filed_at.astimezone(ZoneInfo(each.time_zone)).date()
        found[date(day.year, 3 * ((day.month - 1) // 3) + 1, 1), each.site, each.site_zh].append(each)
    return [
        Kept(
            quarter=quarter,
            site=site,
            site_zh=site_zh,
            filed=len(rows),
            open=sum(row.state != "closed" for row in rows),
            late=sum(late(row.answer_due_at, row.answered_at, row.conclude_due_at, row.solved_at, now) for row in rows),
            reopened=sum(row.reopened > 0 for row in rows),
            median_answer_h=_median([_hours(row.filed_at, row.answered_at) for row in rows if row.answered_at]),
            median_conclude_h=_median([_hours(row.filed_at, row.solved_at) for row in rows if row.solved_at]),
        )
        for (quarter, site, site_zh), rows in sorted(found.items(), key=lambda one: (-one[0][0].toordinal(), one[0][1]))
    ]


def _hours(since: datetime, until: datetime | None) -> float:
    assert until is not None
    return (until - since).total_seconds() / 3600


def _median(values: list[float]) -> float | None:
    ordered, half = sorted(values), len(values) // 2
    if not ordered:
        return None
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


HEAD = ("kind", "quarter", "company", "company_zh", "site", "site_zh", "hazard", "people", "answers", "useful", "nps", "reason", "n", "filed", "open", "late", "reopened",
        "median_answer_h", "median_conclude_h")  # fmt: skip


def as_csv(counts: Counts) -> str:
    """One row a cell, a reason, a recommendation and a quarter of complaints; in UTF-8 with the mark that Excel wants."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEAD)
    for one in counts.counted:
        place = (one.quarter, one.company, one.company_zh, one.site, one.site_zh, one.hazard)
        writer.writerow(_row("ratings", *place, one.people, one.answers, one.useful))
        for reason, n in sorted(one.reasons.items()):
            writer.writerow(_row("reason", *place, None, None, None, None, reason, n))
    for each in counts.recommended:
        said = nps(each.people, each.promoters, each.detractors)
        where = (each.company, each.company_zh, each.site, each.site_zh)
        writer.writerow(_row("nps", each.quarter, *where, None, each.people, each.people, None, said))
    for kept_to in counts.kept:
        numbers = (
            kept_to.filed,
            kept_to.open,
            kept_to.late,
            kept_to.reopened,
            kept_to.median_answer_h,
            kept_to.median_conclude_h,
        )
        writer.writerow(
            _row("complaints", kept_to.quarter, None, None, kept_to.site, kept_to.site_zh, *[None] * 7, *numbers)
        )
    return "\ufeff" + out.getvalue()


def _row(*values: object) -> list[str]:
    return [cell(value) for value in (*values, *[None] * (len(HEAD) - len(values)))]
