"""The week of each duty position: what the pages count becomes what alerting sends. Two siblings meet here."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from alerting.store.weekly import week_readers, write_weeks
from alerting.weekly import SiteWeek, Week, WorstAlarm, week_to_tell
from api.offenders import Offender
from api.performance import Performance, gather
from risk.report.store.site import find_site


def send_weeks(connection: Connection[Any], now: datetime) -> int:
    """Decides the weeks that are over, each once for each person: written down with its numbers, and queued where it says something.

    Gives how many are to be sent.
    """
    weeks, counted = [], dict[tuple[str, datetime, datetime], SiteWeek | None]()
    for reader in week_readers(connection):
        between = week_to_tell(now, reader.time_zone, reader.decided_until)
        if between is None:
            continue
        for key in reader.sites:
            if (key, *between) not in counted:
                counted[key, *between] = week_of(connection, key, *between)
        sites = [found for key in reader.sites if (found := counted[key, *between]) is not None]
        if reader.audience == "insurer":
            sites = [_for_insurer(site) for site in sites]
        week = Week(since=between[0], until=between[1], time_zone=reader.time_zone, sites=tuple(sites))
        weeks.append((reader, week))
    return write_weeks(connection, weeks, now)


def week_of(connection: Connection[Any], key: str, since: datetime, until: datetime) -> SiteWeek | None:
    """One site's week beside the one before it, without what the demo's history made up; None where the site is gone."""
    site = find_site(connection, key, until)
    if site is None:
        return None
    now = gather(connection, site, since, until, people=False, made_up=False)
    before = gather(connection, site, since - timedelta(days=7), since, people=False, made_up=False)
    return SiteWeek(
        site_key=site.key,
        site=site.name,
        site_zh=site.name_zh,
        announced=now.announced,
        announced_before=before.announced,
        met=_met(now),
        judged=sum(figure.verdict is not None for figure in now.figures),
        met_before=_met(before),
        told=now.told,
        told_before=before.told,
        night_calls=now.night_calls,
        floods_share=now.figure("flood_share").value or 0.0,
        chattering=_whole(now, "chattering"),
        stale=_whole(now, "stale"),
        nuisance_share=now.nuisance_share,
        counted=now.response.counted,
        unanswered=now.response.unanswered,
        answered_p50_s=now.response.p50_s,
        answered_p90_s=now.response.p90_s,
        suppressed_hours=round(now.suppressed_hours, 2),
        most_messages=_whole(now, "most_messages"),
        days_over=_whole(now, "days_over_budget"),
        against_us=now.against_us is not None,
        worst=tuple(_worst(one) for one in now.offenders),
    )


def _met(of: Performance) -> int:
    return sum(figure.verdict == "met" for figure in of.figures)


def _whole(of: Performance, key: str) -> int:
    return round(of.figure(key).value or 0.0)


def _worst(one: Offender) -> WorstAlarm:
    change = one.proposal.what if one.proposal else None
    name = {"deadband": "deadband", "off_delay": "off_delay_s", "on_delay": "on_delay_s"}.get(change or "")
    return WorstAlarm(
        title=f"{one.limit.title} · {one.limit.sensor_name}",
        title_zh=f"{one.limit.title_zh} · {one.limit.sensor_name_zh}",
        announced=one.count.announced,
        change=change,
        now=getattr(one.limit, name) if name else None,
        then=getattr(one.proposal.settings, name) if name and one.proposal else None,
        unit=one.limit.unit,
    )


def _for_insurer(site: SiteWeek) -> SiteWeek:
    """The numbers without the alarms: what could be changed is the client's to decide."""
    return replace(site, worst=())
