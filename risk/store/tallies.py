"""Findings, impairments and answers of each company, counted for a digest as things stood at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from core.response_time import response_time
from risk.finding import Grade, State
from risk.overdue import History, changes_of_state, deadline_at, phase_at, phases
from risk.patience import put_in_hand
from risk.score.formula import shipped
from risk.store.calls import answers, calls
from risk.store.histories import histories


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTally:
    """One company, without what the demo's history made up.

    Args:
        counted, unanswered, answered_p50_s, answered_p90_s: of the occurrences that began in the period, by the targets of the
            score's formula; see `core.response_time.ResponseTime`.
        findings_new, findings_closed, impairment_s: within the period; the other counts are as of its end.
        impairment_s: added up over all impairments.
    """

    counted: int
    unanswered: int
    answered_p50_s: float | None
    answered_p90_s: float | None
    findings_new: int
    findings_closed: int
    findings_open: int
    findings_overdue: int
    major_overdue: int
    impairments_open: int
    impairment_s: float


def risk_tallies(
    connection: Connection[Any], company_ids: Sequence[int], since: datetime, until: datetime
) -> dict[int, RiskTally]:
    """Each of the companies; what happened from `until` on, or was reported only then, is not looked at."""
    sites = _sites(connection, company_ids)
    impaired = _impaired(connection, company_ids, since, until)
    return {
        company: RiskTally(
            **_answered(connection, sites[company], since, until),
            **_of_findings(_histories(connection, sites[company], until), since, until),
            impairments_open=impaired[company][0],
            impairment_s=impaired[company][1],
        )
        for company in company_ids
    }


def _answered(connection: Connection[Any], site_ids: Sequence[int], since: datetime, until: datetime) -> dict[str, Any]:
    real = [call for call in calls(connection, site_ids, since, until) if not call.simulated]
    times = response_time(answers(real, until), shipped().control.response.targets_s)
    return {
        "counted": times.counted, "unanswered": times.unanswered, "answered_p50_s": times.p50_s, "answered_p90_s": times.p90_s,
    }  # fmt: skip


def _of_findings(of: Iterable[History], since: datetime, until: datetime) -> dict[str, int]:
    new = closed = still_open = overdue = major = 0
    waits = put_in_hand()
    for history in of:
        new += history.reported_at >= since
        closed += any(since <= at < until and state == State.CLOSED for at, state in changes_of_state(phases(history)))
        then = phase_at(history, until)
        if then.state == State.CLOSED:
            continue
        still_open += 1
        due = deadline_at(history, until, waits)
        if due is not None and due < until:
            overdue += 1
            major += then.grade == Grade.MAJOR
    return {
        "findings_new": new, "findings_closed": closed, "findings_open": still_open, "findings_overdue": overdue,
        "major_overdue": major,
    }  # fmt: skip


def _histories(connection: Connection[Any], site_ids: Sequence[int], until: datetime) -> list[History]:
    """Of real findings reported by then."""
    found: dict[int, History] = {}
    for site_id in site_ids:
        found |= histories(connection, site_id, until)
    rows = connection.execute(
        "SELECT finding_id FROM finding WHERE finding_id = ANY(%s) AND NOT simulated", (list(found),)
    ).fetchall()
    return [found[row[0]] for row in rows]


def _sites(connection: Connection[Any], company_ids: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {company: [] for company in company_ids}
    for company, site in connection.execute(
        "SELECT company_id, site_id FROM site WHERE company_id = ANY(%s) ORDER BY site_id", (list(company_ids),)
    ):
        found[company].append(site)
    return found


def _impaired(
    connection: Connection[Any], company_ids: Sequence[int], since: datetime, until: datetime
) -> dict[int, tuple[int, float]]:
    """(How many are out of service at the end, seconds of all within the period)."""
    rows = connection.execute(
        """
        SELECT c.company_id, i.open, i.seconds
        FROM unnest(%(companies)s::int[]) AS c(company_id)
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE coalesce(restored_at >= %(until)s, true))::int AS open,
                   coalesce(sum(extract(epoch FROM least(coalesce(restored_at, %(until)s), %(until)s) - greatest(began_at, %(since)s))),
                            0)::float8 AS seconds
            FROM impairment
            WHERE company_id = c.company_id AND NOT simulated AND began_at < %(until)s AND reported_at < %(until)s
              AND coalesce(restored_at >= %(since)s, true)
        ) i
        """,
        {"companies": list(company_ids), "since": since, "until": until},
    ).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}
