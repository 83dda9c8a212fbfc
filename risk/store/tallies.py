"""Findings and impairments of each company, counted for a digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from risk.patience import put_in_hand


@dataclass(frozen=True, slots=True)
class RiskTally:
    """One company.

    Args:
        findings_new, findings_closed: within the period; the other counts are as of its end or later: now.
        impairment_s: within the period, added up over all impairments.
    """

    company_id: int
    findings_new: int
    findings_closed: int
    findings_open: int
    findings_overdue: int
    major_overdue: int
    impairments_open: int
    impairment_s: float


def risk_tallies(
    connection: Connection[Any], company_ids: Sequence[int], since: datetime, until: datetime, now: datetime
) -> dict[int, RiskTally]:
    """Each of the companies."""
    with connection.cursor(row_factory=class_row(RiskTally)) as cursor:
        rows = cursor.execute(
            """
            SELECT c.company_id, f.findings_new, f.findings_closed, f.findings_open, f.findings_overdue, f.major_overdue,
                   i.impairments_open, i.impairment_s
            FROM unnest(%(companies)s::int[]) AS c(company_id)
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE reported_at >= %(since)s AND reported_at < %(until)s)::int AS findings_new,
                       count(*) FILTER (WHERE closed_at >= %(since)s AND closed_at < %(until)s)::int AS findings_closed,
                       count(*) FILTER (WHERE state <> 'closed')::int AS findings_open,
                       count(*) FILTER (WHERE state <> 'closed' AND d.due < %(now)s)::int AS findings_overdue,
                       count(*) FILTER (WHERE state <> 'closed' AND d.due < %(now)s AND grade = 'major')::int AS major_overdue
                FROM finding
                CROSS JOIN LATERAL (
                    SELECT coalesce(due_at, CASE grade WHEN 'major' THEN reported_at + %(put_in_hand)s::interval END) AS due
                ) d
                WHERE company_id = c.company_id AND NOT simulated AND (state <> 'closed' OR closed_at >= %(since)s)
            ) f
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE restored_at IS NULL AND began_at <= %(now)s)::int AS impairments_open,
                       coalesce(sum(extract(epoch FROM least(coalesce(restored_at, %(until)s), %(until)s)
                           - greatest(began_at, %(since)s))) FILTER (WHERE began_at < %(until)s), 0)::float8 AS impairment_s
                FROM impairment WHERE company_id = c.company_id AND NOT simulated AND (restored_at IS NULL OR restored_at >= %(since)s)
            ) i
            """,
            {"companies": list(company_ids), "since": since, "until": until, "now": now, "put_in_hand": put_in_hand()},
        ).fetchall()
    return {row.company_id: row for row in rows}
