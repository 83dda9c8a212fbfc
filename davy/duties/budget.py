"""Too many messages to one person are a finding against Davy: who counts them (alerting) and who keeps findings (risk) meet here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.budget import LOOKED_AT, MOST_A_DAY, budget, is_too_much, last_days
from alerting.store.budget import messages_by_day
from alerting.weekly import TELLS_OF
from api.offenders import Offender
from api.performance import gather
from risk import own_finding
from risk.own_finding import Offending, TooMany
from risk.report.store.site import find_site
from risk.store.own_findings import sites


def look_at_the_budget(connection: Connection[Any], now: datetime) -> int:
    """Opens, says anew or ends the finding of each site by its last whole days; gives how many stand. Doing it again at once changes nothing."""
    every = sites(connection)
    there = own_finding.standing(connection, [site_id for site_id, *_ in every])
    settled = own_finding.settled_at(connection, [site_id for site_id, *_ in every])
    standing = 0
    for site_id, company_id, key, time_zone in every:
        since, until = last_days(now, time_zone)
        if site_id in settled:
            since = min(max(since, settled[site_id]), until)  # a person has answered for the days before
        counted = budget(messages_by_day(connection, site_id, since, until, time_zone))
        if is_too_much(counted, found=site_id in there):
            facts = TooMany(
                days_over=counted.days_over,
                of_days=LOOKED_AT,
                most=counted.most,
                budget=MOST_A_DAY,
                people=counted.people_over,
                proposed=_worst(connection, key, since, until),
            )
            own_finding.open_or_say(connection, company_id, site_id, now, facts)
            standing += 1
        elif site_id in there:
            own_finding.close(connection, site_id, now)
    return standing


def _worst(connection: Connection[Any], key: str, since: datetime, until: datetime) -> tuple[Offending, ...]:
    """The alarms that disturb most in these days, with what the performance page proposes."""
    site = find_site(connection, key, until)
    if site is None:
        return ()
    found = gather(connection, site, since, until, people=False, made_up=False)
    return tuple(_offending(one) for one in found.offenders[:TELLS_OF])


def _offending(one: Offender) -> Offending:
    return Offending(
        limit=one.limit.key,
        title=f"{one.limit.title} · {one.limit.sensor_name}",
        title_zh=f"{one.limit.title_zh} · {one.limit.sensor_name_zh}",
        announced=one.count.announced,
        change=one.proposal.what if one.proposal else None,
        backtest=one.backtest,
    )
