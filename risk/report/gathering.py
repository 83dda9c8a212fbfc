"""The facts of a report, gathered for one site and month in one transaction of whoever reads it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from risk.report import counting
from risk.report.drivers import drivers, formula_of, graded
from risk.report.facts import DayScore, ReportFacts, ScoreFacts, SiteFacts
from risk.report.month import Month, as_of
from risk.report.refusal import Unreportable, later
from risk.report.scored import Scored, scored
from risk.report.store import arrived, happened
from risk.report.store import site as store
from risk.score.formula import explaining
from risk.store.scores import ScoreRow, scores_between

NAMES: Final = ("hazard", "control", "confidence")


def default_month(
    connection: Connection[Any], site: SiteFacts, now: datetime, *, delay: timedelta = timedelta(0)
) -> Month:
    """The month before where something is recorded of it, else the one that runs: what a reader wants who names none."""
    this = Month.of(now - delay, site.time_zone)
    before = this.previous()
    begun = arrived.first_record(connection, site.site_id)
    return before if begun is not None and begun < this.since(site.time_zone) else this


def gather(
    connection: Connection[Any], site: SiteFacts, month: Month, now: datetime, *, delay: timedelta = timedelta(0)
) -> ReportFacts:
    """Everything a report of `month` says.

    Args:
        site: of `find_site`; its counts are taken anew, as of the report's instant.
        delay: what is younger is not for this reader.

    Raises:
        Unreportable: the month is in the future, too young for this reader, or nothing is recorded of it.
    """
    zone = site.time_zone
    until, since = as_of(month, zone, now, delay=delay), month.since(zone)
    site = store.find_site(connection, site.key, until) or site
    days, last = month.days(), _last_whole_day(until, zone)
    of = scored(scores_between(connection, site.site_id, month.previous().first_day(), last), month)
    alarms = happened.alarms(connection, site.site_id, since, until)
    findings = happened.findings(connection, site.site_id, until)
    impairments = happened.impairments(connection, site.site_id, since, until)
    received = arrived.received(connection, site.site_id, since, until, zone)
    recent = [row for row in findings if any(since <= when for when, _ in row.changes)]
    scores = any(row.control is not None or row.confidence is not None for row in of.days)
    if not (scores or alarms or recent or impairments or received):
        raise _nothing(connection, site, month, until)
    devices, share = counting.coverage(
        arrived.sensors(connection, site.site_id, since, until), received, days, zone, until
    )
    end = until.astimezone(ZoneInfo(zone)).date()
    formula = formula_of(of.now.formula if of.now else None)
    targets = explaining(of.now.formula if of.now else None).control.response.targets_s
    limits = store.standard_limits(connection, site.site_id)
    made_up = [row.simulated for rows in (of.days, alarms, findings, impairments) for row in rows]
    simulated = any(made_up) or arrived.any_simulated(connection, site.site_id, since, until)
    return ReportFacts(
        site=site,
        policies=tuple(store.policies(connection, site.site_id, days[0], days[-1])),
        month=str(month),
        since=since,
        as_of=until,
        complete=until == month.until(zone),
        formula=of.now.formula if of.now else None,
        other_formulas=of.others,
        window_days=formula.window_days if formula else None,
        scores=tuple(_score(name, of) for name in NAMES),
        scenarios=graded(store.scenarios(connection, site.site_id, until), formula),
        drivers=drivers(of.now.parts if of.now else None, of.before.parts if of.before else None),
        score_days=tuple(_day(day, of.days) for day in days),
        priorities=counting.by_priority(alarms, happened.targets(connection, site.site_id), targets, until),
        response=counting.response(alarms, targets, until),
        alarm_days=counting.by_day(alarms, days, zone),
        resolutions=counting.resolutions(alarms),
        grades=counting.by_grade(findings, since, until),
        open_findings=counting.open_ones(findings, until),
        impairments=tuple(impairments),
        silenced=tuple(happened.silenced(connection, site.site_id, since, until)),
        coverage=devices,
        share=share,
        calibrated=arrived.calibrated(connection, site.site_id),
        overdue_calibrations=tuple(arrived.overdue_calibrations(connection, site.site_id, end)),
        standard_limits=limits[0],
        verified_limits=limits[1],
        simulated=simulated,
    )


def _nothing(connection: Connection[Any], site: SiteFacts, month: Month, until: datetime) -> Unreportable:
    """Why there is nothing to tell of a month, and of which there is."""
    begun = arrived.first_record(connection, site.site_id)
    if begun is None:
        return Unreportable(
            later("Nothing is recorded of %(site)s yet: a report can be made once its devices have sent readings."),
            site=site.key,
        )
    first = Month.of(begun, site.time_zone)
    if month < first:
        return Unreportable(
            later("Nothing is recorded of %(site)s in %(month)s: its records begin in %(first)s."),
            site=site.key,
            month=month,
            first=first,
        )
    return Unreportable(
        later("Nothing is recorded of %(site)s in %(month)s, up to %(at)s."),
        site=site.key,
        month=month,
        at=until.astimezone(ZoneInfo(site.time_zone)).strftime("%Y-%m-%d %H:%M"),
    )


def _last_whole_day(until: datetime, zone: str) -> date:
    return (until.astimezone(ZoneInfo(zone)) - timedelta(days=1)).date()


def _score(name: str, of: Scored) -> ScoreFacts:
    now = of.now
    if now is None:
        why_not = "not_computed"
    elif name == "hazard":
        why_not = "no_scenario"
    else:
        why_not = now.not_enough or "too_few_days"
    value = getattr(now, name, None)
    return ScoreFacts(
        name=name,
        value=value,
        low=getattr(now, f"{name}_low", None),
        high=getattr(now, f"{name}_high", None),
        before=getattr(of.before, name, None),
        before_by=of.before_by,
        why_not=why_not if value is None else None,
    )


def _day(day: date, rows: Sequence[ScoreRow]) -> DayScore:
    row = next((row for row in rows if row.day == day), None)
    return DayScore(day=day, control=row.control if row else None, confidence=row.confidence if row else None)
