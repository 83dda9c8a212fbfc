"""What risk knows becomes what alerting sends: findings, impairments, complaints and digests. Two siblings meet here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting import notices
from alerting.approval import of_approvals
from alerting.digest import CompanyTally, Tally, period
from alerting.store.approvals import approvals_at_a_point
from alerting.store.casework import given_since
from alerting.store.notices import DigestReader, digest_readers
from alerting.store.tallies import alarm_tallies
from risk.occasions import NEWS_FOR, of_findings, of_impairments
from risk.store.occasions import findings_at_a_point, impairments_at_a_point
from risk.store.tallies import risk_tallies
from risk.store.voice_occasions import complaints_at_a_point
from risk.voice_occasions import of_complaints


def tell_occasions(connection: Connection[Any], now: datetime) -> int:
    """Queues messages about findings, impairments and complaints that have come to a point, to whom an occurrence was given, and what waits for
    a second person; gives how many were new.
    """
    since = now - NEWS_FOR
    return notices.queue(
        connection,
        [
            *of_findings(findings_at_a_point(connection, now, since), now),
            *of_impairments(impairments_at_a_point(connection, now, since), now),
            *given_since(connection, since),
            *of_complaints(complaints_at_a_point(connection), now),
            *of_approvals(approvals_at_a_point(connection, since), now),
        ],
        now,
    )


def send_digests(connection: Connection[Any], now: datetime) -> int:
    """Decides the digests whose end has come, each once: written down with its numbers, and queued where it says something.

    Gives how many are to be sent.
    """
    due = []
    for reader in digest_readers(connection):
        between = period(now, reader.time_zone, reader.decided_until, reader.told_until)
        if between is not None:
            due.append((reader, between))
    return notices.queue_digests(connection, tallies(connection, due), now)


def tallies(
    connection: Connection[Any], due: Sequence[tuple[DigestReader, tuple[datetime, datetime]]]
) -> list[tuple[DigestReader, Tally]]:
    """What there was to say to each reader at the end of their period of the companies they look after, however late it is asked.

    A company is counted once a period, however many readers it has.
    """
    counted: dict[tuple[datetime, datetime], dict[int, CompanyTally]] = {}
    for since, until in {between for _, between in due}:
        wanted = sorted(
            {company for reader, between in due if between == (since, until) for company in reader.companies}
        )
        counted[since, until] = _companies(connection, wanted, since, until)
    return [
        (
            reader,
            Tally(
                since=between[0],
                until=between[1],
                time_zone=reader.time_zone,
                companies=tuple(counted[between][company] for company in reader.companies),
            ),
        )
        for reader, between in due
    ]


def _companies(
    connection: Connection[Any], company_ids: Sequence[int], since: datetime, until: datetime
) -> dict[int, CompanyTally]:
    risks, found = risk_tallies(connection, company_ids, since, until), {}
    for alarms in alarm_tallies(connection, company_ids, since, until):
        told = {**asdict(alarms), **asdict(risks[alarms.company_id])}
        del told["company_id"]
        found[alarms.company_id] = CompanyTally(**told)
    return found
