"""What risk knows becomes what alerting sends: findings, impairments and digests. Two siblings meet here."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting import notices
from alerting.digest import CompanyTally, Tally, period
from alerting.store.notices import DigestReader, digest_readers
from alerting.store.tallies import alarm_tallies
from risk.occasions import NEWS_FOR, of_findings, of_impairments
from risk.store.occasions import findings_at_a_point, impairments_at_a_point
from risk.store.tallies import risk_tallies


def tell_occasions(connection: Connection[Any], now: datetime) -> int:
    """Queues messages about findings and impairments that have come to a point; gives how many were new."""
    since = now - NEWS_FOR
    return notices.queue(
        connection,
        [
            *of_findings(findings_at_a_point(connection, now, since), now),
            *of_impairments(impairments_at_a_point(connection, now, since), now),
        ],
        now,
    )


def send_digests(connection: Connection[Any], now: datetime) -> int:
    """Decides the digests whose end has come, each once: written down with its numbers, and queued where it says something.

    Gives how many are to be sent.
    """
    decided = []
    for reader in digest_readers(connection):
        between = period(now, reader.time_zone, reader.decided_until, reader.told_until)
        if between is not None:
            decided.append((reader, tally_for(connection, reader, *between)))
    return notices.queue_digests(connection, decided, now)


def tally_for(connection: Connection[Any], reader: DigestReader, since: datetime, until: datetime) -> Tally:
    """What there was to say at `until` to one reader of the companies they look after, however late it is asked."""
    risks = risk_tallies(connection, reader.companies, since, until)
    companies = []
    for alarms in alarm_tallies(connection, reader.companies, since, until):
        counted = {**asdict(alarms), **asdict(risks[alarms.company_id])}
        del counted["company_id"]
        companies.append(CompanyTally(**counted))
    return Tally(since=since, until=until, time_zone=reader.time_zone, companies=tuple(companies))
