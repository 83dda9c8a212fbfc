"""Sites beside their newest score: the underwriter's table, and one site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from risk.patience import put_in_hand

TREND_DAYS: Final = 60
MOST: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLine:
    """A site as the table shows it.

    Args:
        day: of its newest score; None: it has none yet.
        trend_from: day of the first of `trend`, which holds control day by day, None where it had no number.
        figures: `parts.figures` of the score, see risk/score/record.py.
        overdue: findings beyond their deadline (`risk.finding.deadline`) that nobody has verified; `major`: open major ones.
        impaired_since: when the longest of the `impairments` in force began.
        insured: sums of the policies in force, largest first; `shared_policy`: one of them covers other sites too.
    """

    site_id: int
    key: str
    name: str
    name_zh: str
    time_zone: str
    company: str
    company_zh: str
    day: date | None
    formula: str | None
    hazard: float | None
    hazard_low: float | None
    hazard_high: float | None
    control: float | None
    control_low: float | None
    control_high: float | None
    confidence: float | None
    confidence_low: float | None
    confidence_high: float | None
    not_enough: str | None
    coverage: float | None
    figures: dict[str, float | None] | None
    simulated: bool
    trend: list[float | None]
    findings: int
    major: int
    overdue: int
    overdue_major: int
    to_verify: int
    impairments: int
    impaired_since: datetime | None
    insured: list[dict[str, Any]]


def list_sites(connection: Connection[Any], now: datetime, site: str | None = None) -> list[SiteLine]:
    """All sites that the principal may see, or the one of this key."""
    with connection.cursor(row_factory=class_row(SiteLine)) as cursor:
        return cursor.execute(
            """
            SELECT si.site_id, si.key, si.name, si.name_zh, si.time_zone, c.name AS company, c.name_zh AS company_zh,
                   k.day, k.formula, k.hazard, k.hazard_low, k.hazard_high, k.control, k.control_low, k.control_high,
                   k.confidence, k.confidence_low, k.confidence_high, k.not_enough, k.coverage, k.parts->'figures' AS figures,
                   coalesce(k.simulated, false) AS simulated,
                   ARRAY(SELECT t.control FROM generate_series(k.day - %(trend)s + 1, k.day, interval '1 day') AS d(day)
                         LEFT JOIN site_score t ON t.site_id = si.site_id AND t.day = d.day::date AND t.formula = k.formula
                         ORDER BY d.day) AS trend,
                   f.findings, f.major, f.overdue, f.overdue_major, f.to_verify, i.impairments, i.impaired_since,
                   coalesce(p.insured, '[]') AS insured
            FROM site si JOIN company c USING (company_id)
            LEFT JOIN LATERAL (
                SELECT * FROM site_score s WHERE s.site_id = si.site_id ORDER BY s.day DESC, s.computed_at DESC LIMIT 1
            ) k ON true
            CROSS JOIN LATERAL (
                SELECT count(*)::int AS findings, count(*) FILTER (WHERE grade = 'major')::int AS major,
                       count(*) FILTER (WHERE d.due < %(now)s)::int AS overdue,
                       count(*) FILTER (WHERE d.due < %(now)s AND grade = 'major')::int AS overdue_major,
                       count(*) FILTER (WHERE state = 'claimed_done')::int AS to_verify
                FROM v_finding
                CROSS JOIN LATERAL (
                    SELECT coalesce(due_at, CASE grade WHEN 'major' THEN reported_at + %(put_in_hand)s::interval END) AS due
                ) d
                WHERE site_id = si.site_id AND state <> 'closed'
            ) f
            CROSS JOIN LATERAL (
                SELECT count(*)::int AS impairments, min(began_at) AS impaired_since FROM v_impairment
                WHERE site_id = si.site_id AND restored_at IS NULL AND began_at <= %(now)s
            ) i
            CROSS JOIN LATERAL (
                SELECT jsonb_agg(jsonb_build_object('currency', q.currency, 'amount', q.amount::text, 'sites', q.sites)
                                 ORDER BY q.amount DESC) AS insured
                FROM (SELECT po.currency, sum(po.sum_insured) AS amount, max(n.sites) AS sites
                      FROM policy_site ps JOIN policy po USING (policy_id)
                      CROSS JOIN LATERAL (SELECT count(*) AS sites FROM policy_site o WHERE o.policy_id = po.policy_id) n
                      WHERE ps.site_id = si.site_id
                        AND (%(now)s AT TIME ZONE si.time_zone)::date BETWEEN po.begins_on AND po.ends_on
                      GROUP BY po.currency) q
            ) p
            WHERE %(site)s::text IS NULL OR si.key = %(site)s::text
            ORDER BY c.key, si.key LIMIT %(most)s
            """,
            {"now": now, "trend": TREND_DAYS, "site": site, "most": MOST, "put_in_hand": put_in_hand()},
        ).fetchall()


def insured_of(line: SiteLine) -> list[tuple[str, Decimal, int]]:
    """(currency, sum, sites of the policy that covers most) of a site."""
    return [(each["currency"], Decimal(each["amount"]), int(each["sites"])) for each in line.insured]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayScore:
    """One day of a site's score, with its parts."""

    day: date
    formula: str
    hazard: float | None
    control: float | None
    confidence: float | None
    not_enough: str | None
    parts: dict[str, Any]


def scores(connection: Connection[Any], site_id: int, formula: str, first: date, last: date) -> list[DayScore]:
    """The days that have a score, in time order."""
    with connection.cursor(row_factory=class_row(DayScore)) as cursor:
        return cursor.execute(
            """
            SELECT day, formula, hazard, control, confidence, not_enough, parts FROM site_score
            WHERE site_id = %s AND formula = %s AND day BETWEEN %s AND %s ORDER BY day
            """,
            (site_id, formula, first, last),
        ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An occurrence as the insurer may see it at any time: no values, no people."""

    occurrence_id: int
    began_at: datetime
    normal_at: datetime | None
    resolved_at: datetime | None
    resolution: str | None
    priority: str
    title: str
    title_zh: str
    zone: str | None
    zone_zh: str | None
    shared: bool
    simulated: bool
    exercise: bool


def happenings(connection: Connection[Any], site_id: int, most: int = 20) -> list[Happening]:
    """The newest first."""
    with connection.cursor(row_factory=class_row(Happening)) as cursor:
        return cursor.execute(
            """
            SELECT o.occurrence_id, o.began_at, o.normal_at, o.resolved_at, o.resolution, d.priority, d.title, d.title_zh,
                   z.name AS zone, z.name_zh AS zone_zh, o.shared, o.simulated, o.exercise
            FROM occurrence o JOIN alarm_definition d USING (definition_id) JOIN sensor s ON s.sensor_id = o.sensor_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            WHERE o.site_id = %s ORDER BY o.began_at DESC, o.occurrence_id DESC LIMIT %s
            """,
            (site_id, most),
        ).fetchall()
