"""Site, policies, declared hazards, scores."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from risk.report.facts import PolicyFacts, ScenarioFacts, SiteFacts


def find_site(connection: Connection[Any], key: str, at: datetime) -> SiteFacts | None:
    """The site with what stood there at `at`; None where there is none that the principal may see."""
    with connection.cursor(row_factory=class_row(SiteFacts)) as cursor:
        return cursor.execute(
            """
            SELECT si.site_id, si.key, si.name, si.name_zh, si.company_id, c.name AS company, c.name_zh AS company_zh,
                   si.time_zone, si.jurisdiction,
                   (SELECT count(*) FROM zone z WHERE z.site_id = si.site_id) AS zones,
                   (SELECT count(*) FROM asset a JOIN zone z USING (zone_id) WHERE z.site_id = si.site_id) AS assets,
                   count(DISTINCT s.device_id) FILTER (WHERE NOT s.is_virtual) AS devices,
                   count(s.sensor_id) FILTER (WHERE NOT s.is_virtual) AS sensors,
                   count(s.sensor_id) FILTER (WHERE s.mandatory) AS mandatory
            FROM site si JOIN company c USING (company_id)
            LEFT JOIN sensor s ON s.site_id = si.site_id AND coalesce(s.retired_at > %(at)s, true)
            WHERE si.key = %(key)s GROUP BY si.site_id, c.company_id
            """,
            {"key": key, "at": at},
        ).fetchone()


def site_keys(connection: Connection[Any]) -> list[str]:
    """Every site that the principal may see."""
    return [row[0] for row in connection.execute("SELECT key FROM site ORDER BY key")]


def policies(connection: Connection[Any], site_id: int, first: date, last: date) -> list[PolicyFacts]:
    """Those in force on some day from `first` to `last`."""
    with connection.cursor(row_factory=class_row(PolicyFacts)) as cursor:
        return cursor.execute(
            """
            SELECT p.number, p.begins_on, p.ends_on, p.premium, p.sum_insured, p.currency
            FROM policy p JOIN policy_site ps USING (policy_id)
            WHERE ps.site_id = %s AND p.begins_on <= %s AND p.ends_on >= %s ORDER BY p.begins_on, p.number
            """,
            (site_id, last, first),
        ).fetchall()


def scenarios(connection: Connection[Any], site_id: int, at: datetime) -> list[ScenarioFacts]:
    """What was declared at `at`, the most dangerous first."""
    with connection.cursor(row_factory=class_row(ScenarioFacts)) as cursor:
        return cursor.execute(
            """
            SELECT title, title_zh, likelihood, exposure, consequence, source FROM hazard_scenario
            WHERE site_id = %(site)s AND valid_from <= %(at)s AND coalesce(ended_at > %(at)s, true)
            ORDER BY likelihood * exposure * consequence DESC, key
            """,
            {"site": site_id, "at": at},
        ).fetchall()


def standard_limits(connection: Connection[Any], site_id: int) -> tuple[int, int]:
    """Limits in force that name a standard, and of them those held against its text by a person."""
    row = connection.execute(
        """
        SELECT count(*), count(verified_on) FROM v_alarm_definition
        WHERE site_id = %s AND retired_at IS NULL AND standard IS NOT NULL
        """,
        (site_id,),
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)
