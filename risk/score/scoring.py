"""Scores of days, from the database: the nightly duty and `davy score` go through the same function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from risk.score import record as score_record
from risk.score.facts import SensorDay, SensorFacts, SiteFacts
from risk.score.formula import Formula, shipped
from risk.score.score import score
from risk.store import scores, site_facts
from risk.store.aside import put_aside
from risk.store.scores import ScoreRow, SiteRow
from risk.store.site_facts import SensorRow, Window

LOOK_BACK: Final = timedelta(days=92)  # days without a score that are made up for: a quarter
AGAIN: Final = timedelta(days=2)  # a day is computed again so long, because readings come late
STALE: Final = timedelta(hours=6)  # and so often
MOST: Final = 40  # days of sites in one go: a few seconds


def score_sites(connection: Connection[Any], now: datetime, *, most: int = MOST) -> int:
    """Scores every day that needs it, the newest first; doing it again at once changes nothing.

    Returns:
        How many were computed.
    """
    formula = shipped()
    due: list[tuple[date, SiteRow]] = []
    for site in scores.sites(connection):
        last = now.astimezone(ZoneInfo(site.time_zone)).date() - timedelta(days=1)
        days = scores.due_days(
            connection,
            site,
            formula=formula.formula,
            first=last - LOOK_BACK,
            last=last,
            again_from=last - AGAIN + timedelta(days=1),
            stale=now - STALE,
        )
        due += [(day, site) for day in days]
    due.sort(key=lambda each: (-each[0].toordinal(), each[1].site_id))
    for day, site in due[:most]:
        scores.write_score(connection, score_day(connection, site, day, formula, now))
    return len(due[:most])


def score_day(connection: Connection[Any], site: SiteRow, day: date, formula: Formula, now: datetime) -> ScoreRow:
    """The score of one site as of the end of one of its days; nothing is written.

    Args:
        now: what is written down as the time of computing; it moves no number.
    """
    facts = facts_of(connection, site, day, formula)
    return score_record.row(site, facts, score(facts, formula), formula, computed_at=now)


def facts_of(connection: Connection[Any], site: SiteRow, day: date, formula: Formula) -> SiteFacts:
    """What was known of the site at the end of the day."""
    window = _window(site, day, formula.window_days)
    last_days = _window(site, day, formula.confidence.days)
    rows = site_facts.sensors(connection, window)
    heard = site_facts.heard(connection, window)
    overdue, made_findings = site_facts.overdue(connection, window)
    impaired, made_impairments = site_facts.impaired(connection, window)
    first = max(window.begins_at, min((row.since for row in rows), default=window.begins_at))
    observed = max(1.0, (window.ends_at - first) / timedelta(days=1))
    return SiteFacts(
        day=day,
        observed_days=observed,
        days_with_readings=heard.days,
        sensors=[
            SensorFacts(r.sensor_id, r.device, r.key, r.name, r.name_zh, r.mandatory, calibration(r, day))
            for r in rows
            if r.retired_at is None or r.retired_at >= window.ends_at
        ],
        sensor_days=_sensor_days(rows, site_facts.received(connection, last_days, rows), site, day, formula),
        scenarios=site_facts.scenarios(connection, window),
        answers=site_facts.answered(connection, window),
        overdue=overdue,
        impaired_h=impaired,
        suppressed_h=site_facts.suppressed(connection, window),
        aside=put_aside(connection, window.site_id, window.begins_at, window.ends_at),
        alarm_hours=24 * observed * site_facts.grave_alarms(connection, window),
        occurrences=site_facts.occurrences(connection, window),
        sensor_hours=heard.hours,
        gap_hours=site_facts.gap_hours(connection, last_days),
        simulated=heard.simulated or made_findings or made_impairments,
    )


def calibration(row: SensorRow, day: date) -> str | None:
    """Whether a sensor was in calibration at the end of a day; None where nobody has stated an interval."""
    if row.calibration_days is None:
        return None
    within = row.calibrated_on is not None and (day - row.calibrated_on).days <= row.calibration_days
    return "within" if within else "overdue"


def _window(site: SiteRow, day: date, days: int) -> Window:
    begins, ends = (
        midnight(site.time_zone, day - timedelta(days=days - 1)),
        midnight(site.time_zone, day + timedelta(1)),
    )
    return Window(site.site_id, site.time_zone, begins, ends)


def midnight(zone: str, day: date) -> datetime:
    """When a day of a zone begins, in UTC.

    >>> midnight("Asia/Shanghai", date(2026, 6, 30)).isoformat()
    '2026-06-29T16:00:00+00:00'
    """
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _sensor_days(
    rows: Sequence[SensorRow], came: Sequence[site_facts.Received], site: SiteRow, day: date, formula: Formula
) -> list[SensorDay]:
    """Expected beside received, for each sensor and each day that it was in service on."""
    there = {(each.sensor_id, each.day): (each.received, each.whole) for each in came}
    found = []
    for back in range(formula.confidence.days):
        on = day - timedelta(days=back)
        begins, ends = midnight(site.time_zone, on), midnight(site.time_zone, on + timedelta(days=1))
        for row in rows:
            until = ends if row.retired_at is None else min(ends, row.retired_at)
            served_s = (until - max(begins, row.since)).total_seconds()
            if served_s > 0:
                received, whole = there.get((row.sensor_id, on), (0.0, 0.0))
                found.append(SensorDay(row.sensor_id, on, served_s / row.period_s, received, whole))
    return found
