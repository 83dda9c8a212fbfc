"""Limits as pages show them: those of a site, one of them, every version it has had, and what is proposed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

PAGE = 300  # limits of one page; a plant has some hundreds


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLine:
    """A limit with its place.

    Args:
        other: `device/sensor` that a difference compares with.
        is_own: it watches Davy itself.
        proposed: a change of it waits for somebody; never true for who may not see that.
        retired: it, or its sensor, is out of use.
        unjudged: its detector does not take it as it stands, so nobody judges by it.
    """

    definition_id: int
    key: str
    detector: str
    parameters: dict[str, float]
    direction: str
    setpoint: float
    deadband: float
    on_delay_s: float
    off_delay_s: float
    votes: int
    votes_of: int
    priority: str
    latch: bool
    realarm_after_s: float | None
    title: str
    title_zh: str
    consequence: str
    consequence_zh: str
    response: str
    response_zh: str
    respond_within_s: float
    standard: str | None
    edition: str | None
    clause: str | None
    verified_by: str | None
    verified_on: date | None
    other: str | None
    version: int
    valid_from: datetime
    sensor_id: int
    sensor_key: str
    sensor: str
    sensor_zh: str
    unit: str
    is_own: bool
    range_low: float | None
    range_high: float | None
    zone: str | None
    zone_zh: str | None
    site_key: str
    site: str
    site_zh: str
    jurisdiction: str
    time_zone: str
    company: str
    company_zh: str
    retired: bool
    proposed: bool
    unjudged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChoice:
    """A site that has limits, and how many of them are in use."""

    key: str
    site: str
    site_zh: str
    company: str
    company_zh: str
    limits: int
    proposed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a limit became at some time.

    Args:
        old: None: it was new.
        two_people: two answered for it.
        who, settler, actor, reason, overruling, answer: None for who may not know the client's people.
    """

    at: datetime
    action: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    by_file: bool
    two_people: bool
    overruled: bool
    backtest_id: int | None
    who: str | None
    settler: str | None
    actor: str | None
    reason: str | None
    overruling: str | None
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that somebody proposed, open or settled without effect."""

    change_id: int
    base_version: int
    old: dict[str, Any]
    proposed: dict[str, Any]
    reason: str
    overruling: str | None
    proposed_by: int
    who: str | None
    proposed_at: datetime
    state: str
    settler: str | None
    settled_at: datetime | None
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The newest back-test of a proposal.

    Args:
        progress: 0 to 1.
        result: None until it is done.
    """

    backtest_id: int
    state: str
    progress: float
    result: dict[str, Any] | None
    problem: str | None
    asked_at: datetime


_LINE: LiteralString = """
SELECT d.definition_id, d.key, d.detector, j.parameters, d.direction, d.setpoint, d.deadband, d.on_delay_s, d.off_delay_s, d.votes, d.votes_of,
       d.priority, d.latch, d.realarm_after_s, d.title, d.title_zh, d.consequence, d.consequence_zh, d.response, d.response_zh, d.respond_within_s, d.standard,
       d.edition, d.clause, d.verified_by, d.verified_on, w.key || '/' || o.key AS other, d.version, d.valid_from, d.sensor_id, s.key AS sensor_key, s.name AS sensor,
       s.name_zh AS sensor_zh, s.unit, s.is_virtual AS is_own, s.range_low, s.range_high, z.name AS zone, z.name_zh AS zone_zh,
       t.key AS site_key, t.name AS site, t.name_zh AS site_zh, t.jurisdiction, t.time_zone, c.name AS company, c.name_zh AS company_zh,
       d.retired_at IS NOT NULL OR s.retired_at IS NOT NULL AS retired,
       EXISTS (SELECT FROM limit_change l WHERE l.definition_id = d.definition_id AND l.state = 'proposed') AS proposed,
       NOT j.judged AS unjudged
FROM alarm_definition d JOIN sensor s USING (sensor_id) JOIN site t ON t.site_id = d.site_id
JOIN company c ON c.company_id = d.company_id LEFT JOIN zone z ON z.zone_id = s.zone_id
LEFT JOIN sensor o ON o.sensor_id = d.other_sensor_id LEFT JOIN device w ON w.device_id = o.device_id
CROSS JOIN LATERAL (SELECT davy_judged(d) AS judged) q
CROSS JOIN LATERAL (SELECT q.judged, CASE WHEN q.judged THEN d.parameters ELSE ( -- of what nobody judges by, what are numbers: anything may stand there
    SELECT coalesce(jsonb_object_agg(p.key, p.value), '{}') FROM jsonb_each(CASE jsonb_typeof(d.parameters) WHEN 'object' THEN d.parameters ELSE '{}' END) p
    WHERE CASE jsonb_typeof(p.value) WHEN 'number' THEN abs((p.value #>> '{}')::numeric) <= 1e300 END) END AS parameters) j
"""


def sites(connection: Connection[Any]) -> list[SiteChoice]:
    """The sites that the principal sees, by name."""
    with connection.cursor(row_factory=class_row(SiteChoice)) as cursor:
        return cursor.execute(
            """
            SELECT t.key, t.name AS site, t.name_zh AS site_zh, c.name AS company, c.name_zh AS company_zh,
                   (SELECT count(*) FROM alarm_definition d WHERE d.site_id = t.site_id AND d.retired_at IS NULL
                      AND d.role = 'alarm')::int AS limits,
                   (SELECT count(*) FROM limit_change l WHERE l.site_id = t.site_id AND l.state = 'proposed')::int AS proposed
            FROM site t JOIN company c USING (company_id) ORDER BY c.company_id, t.site_id
            """
        ).fetchall()


def list_limits(
    connection: Connection[Any], site: str, *, retired: bool = False, of_signals: bool | None = None, after: int = 0
) -> list[LimitLine]:
    """The limits of a site, by zone and sensor; what watches Davy itself comes last.

    Args:
        retired: those out of use instead of those in use.
        of_signals: True: those that watch the signal itself, or Davy; False: those on what it measures; None: all.
        after: how many of them to leave out.
    """
    with connection.cursor(row_factory=class_row(LimitLine)) as cursor:
        return cursor.execute(
            _LINE
            + """
            WHERE t.key = %(site)s AND d.role = 'alarm' AND (d.retired_at IS NOT NULL OR s.retired_at IS NOT NULL) = %(retired)s
              AND (%(signals)s::boolean IS NULL OR (s.is_virtual OR d.detector IN ('stale', 'stuck')) = %(signals)s::boolean)
            ORDER BY s.is_virtual, z.zone_id NULLS LAST, s.sensor_id, d.definition_id LIMIT %(most)s OFFSET %(after)s
            """,
            {"site": site, "retired": retired, "signals": of_signals, "most": PAGE, "after": after},
        ).fetchall()


def find_limit(connection: Connection[Any], definition_id: int) -> LimitLine | None:
    """One limit, in use or not; a state of the plant is none."""
    with connection.cursor(row_factory=class_row(LimitLine)) as cursor:
        return cursor.execute(_LINE + " WHERE d.definition_id = %s AND d.role = 'alarm'", (definition_id,)).fetchone()


def unjudged_of_site(connection: Connection[Any], device_id: int) -> list[LimitLine]:
    """The limits in use that nobody judges by, at the site of a device."""
    with connection.cursor(row_factory=class_row(LimitLine)) as cursor:
        return cursor.execute(
            _LINE
            + """
            JOIN device own ON own.site_id = t.site_id WHERE own.device_id = %s AND d.retired_at IS NULL AND s.retired_at IS NULL
              AND NOT j.judged ORDER BY d.key LIMIT %s
            """,
            (device_id, PAGE),
        ).fetchall()


def versions_of(connection: Connection[Any], definition_id: int) -> list[Version]:
    """What it became and when, the newest first."""
    with connection.cursor(row_factory=class_row(Version)) as cursor:
        return cursor.execute(
            """
            SELECT h.at, h.action, h.old, h.new, h.by_file, h.two_people, h.overruled, h.backtest_id, p.name AS who, q.name AS settler,
                   h.actor, h.reason, h.overruling, h.answer
            FROM v_limit_history h LEFT JOIN person p ON p.person_id = h.person_id LEFT JOIN person q ON q.person_id = h.settled_by
            WHERE h.definition_id = %s ORDER BY h.journal_id DESC
            """,
            (definition_id,),
        ).fetchall()


def proposals_of(connection: Connection[Any], definition_id: int) -> list[Proposal]:
    """What was proposed and is not in force: the open one first, then those refused or withdrawn, the newest first."""
    with connection.cursor(row_factory=class_row(Proposal)) as cursor:
        return cursor.execute(
            """
            SELECT l.change_id, l.base_version, l.old, l.proposed, l.reason, l.overruling, l.proposed_by, p.name AS who, l.proposed_at,
                   l.state, q.name AS settler, l.settled_at, l.answer
            FROM limit_change l LEFT JOIN person p ON p.person_id = l.proposed_by LEFT JOIN person q ON q.person_id = l.settled_by
            WHERE l.definition_id = %s AND l.state <> 'applied' ORDER BY l.state <> 'proposed', l.change_id DESC LIMIT 50
            """,
            (definition_id,),
        ).fetchall()


def trial_of(connection: Connection[Any], site: str, key: str, judged: dict[str, Any]) -> Trial | None:
    """The newest back-test of a change, whatever became of it."""
    with connection.cursor(row_factory=class_row(Trial)) as cursor:
        return cursor.execute(
            """
            SELECT b.backtest_id, b.state, b.progress, b.result, b.problem, b.asked_at
            FROM backtest b JOIN site t USING (site_id)
            WHERE t.key = %s AND b.definition_key = %s AND b.proposed = %s AND b.state <> 'cancelled'
            ORDER BY b.backtest_id DESC LIMIT 1
            """,
            (site, key, Jsonb(judged)),
        ).fetchone()
