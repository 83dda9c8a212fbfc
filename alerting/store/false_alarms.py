"""Budgets of false alarms in the books: what a site says, which limits the budget sets, what was found, and what people called false."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from core.site_false_alarms import PER_WEEK, SCORES, STATISTICAL, Budgeted, FalseAlarmRow

DETECTORS: Final = sorted(STATISTICAL)
MODEL_SCORES: Final = sorted(SCORES)


def read_false_alarm_rows(connection: Connection[Any]) -> list[FalseAlarmRow]:
    """What sites say; those that say nothing have no row."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT c.key AS company, s.key AS site, f.per_week, f.own_limits, f.own_setpoints
            FROM site_false_alarms f JOIN site s USING (site_id) JOIN company c ON c.company_id = f.company_id ORDER BY f.site_id
            """
        ).fetchall()
    return [
        FalseAlarmRow(
            company=row["company"],
            site=row["site"],
            per_week=row["per_week"],
            own=tuple(zip(row["own_limits"], row["own_setpoints"], strict=True)),
        )
        for row in rows
    ]


def write_false_alarm_rows(connection: Connection[Any], rows: Iterable[FalseAlarmRow]) -> None:
    """Inserts or changes what sites say."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO site_false_alarms (site_id, company_id, per_week, own_limits, own_setpoints)
            SELECT site_id, company_id, %(per_week)s, %(limits)s, %(setpoints)s::double precision[] FROM site WHERE key = %(site)s
            ON CONFLICT (site_id) DO UPDATE SET per_week = excluded.per_week, own_limits = excluded.own_limits,
                own_setpoints = excluded.own_setpoints
            """,
            [
                {
                    "site": row.site,
                    "per_week": row.per_week,
                    "limits": [key for key, _ in row.own],
                    "setpoints": [setpoint for _, setpoint in row.own],
                }
                for row in rows
            ],
        )


def set_by_budget(connection: Connection[Any]) -> dict[tuple[str, str], tuple[float, float]]:
    """(site, key) -> (setpoint, on-delay) that the budget set last, of the limits it may set."""
    rows = connection.execute(
        """
        SELECT s.key, d.key, b.setpoint, b.on_delay_s FROM budgeted_limit b JOIN alarm_definition d USING (definition_id)
        JOIN site s ON s.site_id = b.site_id WHERE b.ended_at IS NULL
        """
    ).fetchall()
    return {(site, key): (setpoint, delay_s) for site, key, setpoint, delay_s in rows}


def base_of_budgeted(connection: Connection[Any]) -> dict[tuple[str, str], tuple[float, float]]:
    """(site, key) -> (setpoint, on-delay) without the budget, of those limits that stand as the budget set them."""
    rows = connection.execute(
        """
        SELECT s.key, d.key, b.base_setpoint, b.base_on_delay_s FROM budgeted_limit b JOIN alarm_definition d USING (definition_id)
        JOIN site s ON s.site_id = b.site_id WHERE b.ended_at IS NULL AND d.setpoint = b.setpoint AND d.on_delay_s = b.on_delay_s
        """
    ).fetchall()
    return {(site, key): (setpoint, delay_s) for site, key, setpoint, delay_s in rows}


def end_budgeted(
    connection: Connection[Any], limits: Sequence[Budgeted], looked_at: Sequence[tuple[str, str]], now: datetime
) -> None:
    """Before an import writes limits: those of the file that the budget sets no more are let go.

    Args:
        limits: those that it sets from now on.
        looked_at: (site, key) of all limits that the file has.
    """
    kept = {(each.base.site, each.base.key) for each in limits}
    gone = [name for name in looked_at if name not in kept]
    connection.execute(
        """
        UPDATE budgeted_limit b SET ended_at = %(now)s FROM alarm_definition d JOIN site s USING (site_id)
        JOIN unnest(%(sites)s::text[], %(keys)s::text[]) AS gone (site, key) ON gone.site = s.key AND gone.key = d.key
        WHERE d.definition_id = b.definition_id AND b.ended_at IS NULL
        """,
        {"now": now, "sites": [site for site, _ in gone], "keys": [key for _, key in gone]},
    )


def register_budgeted(connection: Connection[Any], limits: Sequence[Budgeted]) -> None:
    """After an import has written limits: those that the budget sets from now on, as they stand."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO budgeted_limit AS b (definition_id, company_id, site_id, base_setpoint, base_on_delay_s, setpoint, on_delay_s)
            SELECT d.definition_id, d.company_id, d.site_id, %(base)s, %(delay)s, d.setpoint, d.on_delay_s
            FROM alarm_definition d JOIN site s USING (site_id) WHERE s.key = %(site)s AND d.key = %(key)s
            ON CONFLICT (definition_id) DO UPDATE SET base_setpoint = excluded.base_setpoint, base_on_delay_s = excluded.base_on_delay_s,
                setpoint = excluded.setpoint, on_delay_s = excluded.on_delay_s, ended_at = NULL,
                looked_at = CASE WHEN b.ended_at IS NULL AND b.setpoint = excluded.setpoint THEN b.looked_at END -- else it is its turn
            """,
            [
                {
                    "site": each.base.site,
                    "key": each.base.key,
                    "base": each.base.setpoint,
                    "delay": each.base.on_delay_s,
                }
                for each in limits
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSite:
    """A site with its budget.

    Args:
        per_week: false alarms it bears; None: it has no budget.
        scores: statistical alarms that share it, those with a person's own setpoint too.
    """

    site_id: int
    company_id: int
    key: str
    name: str
    name_zh: str
    per_week: float | None
    scores: int


def budget_sites(connection: Connection[Any], site: str = "") -> list[BudgetSite]:
    """Sites that have statistical alarms, by key; all of them, or the one asked for."""
    with connection.cursor(row_factory=class_row(BudgetSite)) as cursor:
        return cursor.execute(
            """
            SELECT s.site_id, s.company_id, s.key, s.name, s.name_zh,
                   CASE WHEN f.site_id IS NULL THEN %(usual)s::double precision ELSE f.per_week END AS per_week, count(*)::int AS scores
            FROM site s LEFT JOIN site_false_alarms f USING (site_id)
            JOIN alarm_definition d ON d.site_id = s.site_id AND d.role = 'alarm' AND d.retired_at IS NULL AND d.direction = 'high'
                AND d.priority <> 'life-safety'
            JOIN sensor n ON n.sensor_id = d.sensor_id JOIN device v ON v.device_id = n.device_id
            WHERE (d.detector = ANY (%(statistical)s) OR (d.detector = 'limit' AND v.key LIKE '\\_model.%%' AND n.key = ANY (%(scores)s)))
              AND (%(site)s = '' OR s.key = %(site)s)
            GROUP BY s.site_id, f.site_id ORDER BY s.key
            """,
            {"usual": PER_WEEK, "statistical": DETECTORS, "scores": MODEL_SCORES, "site": site},
        ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimit:
    """A limit that the budget may set, as it stands, with what was found last.

    Args:
        own: a person has set it since; the budget leaves it alone.
        model: key of the model whose number it is on; None: of a detector on a sensor of the plant.
    """

    definition_id: int
    site_id: int
    key: str
    title: str
    title_zh: str
    sensor_name: str
    sensor_name_zh: str
    sensor_id: int
    sensor: str
    model: str | None
    asset_id: int | None
    detector: str
    parameters: dict[str, float]
    setpoint: float
    deadband: float
    on_delay_s: float
    off_delay_s: float
    votes: int
    votes_of: int
    period_s: float | None
    base_setpoint: float
    base_on_delay_s: float
    own: bool
    looked_at: datetime | None
    state: str | None
    share: float | None
    expected: float | None
    judged_s: float | None
    far: float | None
    calibrated: int | None
    needs: int | None


def budget_limits(connection: Connection[Any], site_id: int) -> list[BudgetLimit]:
    """Those of one site, by key."""
    with connection.cursor(row_factory=class_row(BudgetLimit)) as cursor:
        return cursor.execute(
            """
            SELECT d.definition_id, d.site_id, d.key, d.title, d.title_zh, n.name AS sensor_name, n.name_zh AS sensor_name_zh,
                   n.sensor_id, n.key AS sensor, CASE WHEN v.key LIKE '\\_model.%%' THEN substr(v.key, 8) END AS model, n.asset_id,
                   d.detector, d.parameters, d.setpoint, d.deadband, d.on_delay_s, d.off_delay_s, d.votes, d.votes_of, n.period_s,
                   b.base_setpoint, b.base_on_delay_s, d.setpoint <> b.setpoint OR d.on_delay_s <> b.on_delay_s AS own,
                   b.looked_at, b.state, b.share, b.expected, b.judged_s, b.far, b.calibrated, b.needs
            FROM budgeted_limit b JOIN alarm_definition d USING (definition_id) JOIN sensor n ON n.sensor_id = d.sensor_id
            JOIN device v ON v.device_id = n.device_id
            WHERE b.site_id = %s AND b.ended_at IS NULL AND d.retired_at IS NULL ORDER BY d.key
            """,
            (site_id,),
        ).fetchall()


def note_budget(
    connection: Connection[Any],
    definition_id: int,
    *,
    now: datetime,
    state: str,
    share: float,
    expected: float | None,
    judged_s: float,
    far: float | None,
    calibrated: int | None,
    needs: int | None,
) -> None:
    """What was found of one limit."""
    connection.execute(
        """
        UPDATE budgeted_limit SET looked_at = %s, state = %s, share = %s, expected = %s, judged_s = %s, far = %s, calibrated = %s, needs = %s
        WHERE definition_id = %s
        """,
        (now, state, share, expected, judged_s, far, calibrated, needs, definition_id),
    )


def apply_budget(
    connection: Connection[Any], definition_id: int, *, setpoint: float, on_delay_s: float, why: str, now: datetime
) -> int | None:
    """Sets what a limit is judged by; None where it is not the budget's to set. Gives the definitions' version."""
    row = connection.execute(
        "SELECT davy_budget_apply(%s, %s, %s, %s, %s)", (definition_id, setpoint, on_delay_s, why, now)
    ).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def not_normal(
    connection: Connection[Any], limit: BudgetLimit, since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """Stretches in which the asset (or, where it stands on none, the sensor) was not normal, by what people said: a danger, a near miss, a
    test, an exercise; and what nobody has resolved yet."""
    return connection.execute(
        """
        SELECT o.began_at, coalesce(o.normal_at, o.resolved_at, %(until)s)
        FROM occurrence o JOIN sensor s ON s.sensor_id = o.sensor_id
        WHERE o.site_id = %(site)s AND (s.sensor_id = %(sensor)s OR s.asset_id = %(asset)s)
          AND o.began_at < %(until)s AND coalesce(o.normal_at, o.resolved_at, %(until)s) >= %(since)s
          AND coalesce(o.resolution, '') NOT IN ('nuisance', 'sensor_fault', 'unknown')
        """,
        {
            "site": limit.site_id,
            "sensor": limit.sensor_id,
            "asset": limit.asset_id,
            "since": since,
            "until": until,
        },
    ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticalCount:
    """Occurrences of one statistical alarm in one week.

    Args:
        week: 0 for the seven days before the end, 1 for those before them.
        what: what people said it was; "open": nobody has yet.
    """

    week: int
    key: str
    title: str
    title_zh: str
    sensor_name: str
    sensor_name_zh: str
    what: str
    count: int


def statistical_weeks(
    connection: Connection[Any], site_id: int, since: datetime, until: datetime, *, made_up: bool
) -> list[StatisticalCount]:
    """What began then, week by week back from the end; exercises and history aside."""
    with connection.cursor(row_factory=class_row(StatisticalCount)) as cursor:
        return cursor.execute(
            """
            SELECT floor(extract(epoch FROM %(until)s - o.began_at) / 604800)::int AS week, d.key, d.title, d.title_zh,
                   n.name AS sensor_name, n.name_zh AS sensor_name_zh,
                   CASE WHEN o.resolved_at IS NULL OR o.resolved_at >= %(until)s THEN 'open' ELSE coalesce(o.resolution, 'unknown') END AS what,
                   count(*)::int AS count
            FROM occurrence o JOIN alarm_definition d USING (definition_id) JOIN sensor n ON n.sensor_id = d.sensor_id
            JOIN device v ON v.device_id = n.device_id
            WHERE o.site_id = %(site)s AND o.began_at >= %(since)s AND o.began_at < %(until)s AND NOT o.historic AND NOT o.exercise
              AND (%(made_up)s OR NOT o.simulated) AND d.priority <> 'life-safety' AND d.direction = 'high'
              AND (d.detector = ANY (%(statistical)s) OR (d.detector = 'limit' AND v.key LIKE '\\_model.%%' AND n.key = ANY (%(scores)s)))
            GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 7
            """,
            {
                "site": site_id,
                "since": since,
                "until": until,
                "statistical": DETECTORS,
                "scores": MODEL_SCORES,
                "made_up": made_up,
            },
        ).fetchall()
