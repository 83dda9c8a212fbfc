"""What a site's score is worked out from, as it stood at an instant: rows that came later are not looked at.

Sensors are read back to what they were by the journal, findings by their steps. One thing cannot be: readings that came late
count where they fell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from core.response_time import Answer
from risk.overdue import late, phase_at
from risk.patience import put_in_hand
from risk.score.facts import Overdue, Scenario
from risk.store.calls import answers, calls
from risk.store.histories import histories, made_by_the_demo


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of days of a site, and the site's zone."""

    site_id: int
    time_zone: str
    begins_at: datetime
    ends_at: datetime

    def values(self) -> dict[str, Any]:
        """As a statement takes them."""
        return {"site": self.site_id, "zone": self.time_zone, "begins": self.begins_at, "ends": self.ends_at}


@dataclass(frozen=True, slots=True)
class SensorRow:
    """A sensor as it was; `since`: from when it is expected to report."""

    sensor_id: int
    device: str
    key: str
    name: str
    name_zh: str
    mandatory: bool
    period_s: float
    calibrated_on: date | None
    calibration_days: int | None
    since: datetime
    retired_at: datetime | None


def sensors(connection: Connection[Any], window: Window) -> list[SensorRow]:
    """Real sensors in service at some time of the window, as the journal says they were at its end."""
    with connection.cursor(row_factory=class_row(SensorRow)) as cursor:
        return cursor.execute(
            """
            SELECT s.sensor_id, d.key AS device, s.key, s.name, s.name_zh,
                   coalesce((p.was->>'mandatory')::boolean, s.mandatory) AS mandatory,
                   coalesce((p.was->>'period_s')::float8, s.period_s) AS period_s,
                   CASE WHEN p.was ? 'calibrated_on' THEN (p.was->>'calibrated_on')::date ELSE s.calibrated_on END AS calibrated_on,
                   CASE WHEN p.was ? 'calibration_days' THEN (p.was->>'calibration_days')::int ELSE s.calibration_days END
                       AS calibration_days,
                   least(coalesce(added.at, s.valid_from), heard.hour) AS since, s.retired_at
            FROM sensor s JOIN device d USING (device_id)
            CROSS JOIN LATERAL (
                SELECT coalesce(jsonb_object_agg(o.key, o.value), '{}') AS was FROM (
                    SELECT DISTINCT ON (e.key) e.key, e.value FROM journal j CROSS JOIN jsonb_each(j.old) e
                    WHERE j.subject = 'sensor ' || d.key || '/' || s.key AND j.at >= %(ends)s AND jsonb_typeof(j.old) = 'object'
                    ORDER BY e.key, j.at, j.journal_id
                ) o
            ) p
            CROSS JOIN LATERAL (
                SELECT min(j.at) AS at FROM journal j
                WHERE j.subject = 'sensor ' || d.key || '/' || s.key AND j.action = 'sensor_added'
            ) added
            CROSS JOIN LATERAL (SELECT hour FROM v_heard_since WHERE sensor_id = s.sensor_id LIMIT 1) heard
            WHERE s.site_id = %(site)s AND NOT s.is_virtual AND (s.retired_at IS NULL OR s.retired_at > %(begins)s)
              AND least(coalesce(added.at, s.valid_from), heard.hour) < %(ends)s
            ORDER BY d.key, s.key
            """,
            window.values(),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Received:
    """Usable readings of a sensor on a day of the site.

    Args:
        whole: the same, of an hour at most the number promised for the time in which no message is known to be missing.
    """

    sensor_id: int
    day: date
    received: float
    whole: float


def received(connection: Connection[Any], window: Window, rows: list[SensorRow]) -> list[Received]:
    """By sensor and day; of an hour at most what its period promises, so that a burst fills no gap.

    Of a gap of n messages, n of the n + 1 pauses between those around it count as missing.
    """
    with connection.cursor(row_factory=class_row(Received)) as cursor:
        return cursor.execute(
            """
            WITH gap AS MATERIALIZED (
                SELECT g.device_id, h.hour, least(1, sum(g.missing / (g.missing + 1.0) * extract(epoch FROM
                    least(g.left_until, h.hour + interval '1 hour') - greatest(g.left_from, h.hour)) / 3600))::float8 AS share
                FROM device d JOIN v_stream_gap g USING (device_id) CROSS JOIN LATERAL generate_series(
                    date_bin('1 hour', greatest(g.left_from, %(begins)s), timestamptz 'epoch'), least(g.left_until, %(ends)s),
                    interval '1 hour') h(hour)
                WHERE d.site_id = %(site)s AND g.left_until > %(begins)s AND g.left_from < %(ends)s
                GROUP BY 1, 2
            )
            SELECT u.sensor_id, r.day, r.received, r.whole
            FROM unnest(%(sensors)s::int[], %(periods)s::float8[]) AS u(sensor_id, period_s) JOIN sensor s USING (sensor_id)
            CROSS JOIN LATERAL (
                SELECT (h.hour AT TIME ZONE %(zone)s)::date AS day, sum(least(h.good, greatest(1, 3600 / u.period_s)))::float8 AS received,
                       sum(least(h.good, greatest(1, 3600 / u.period_s) * (1 - coalesce(gap.share, 0))))::float8 AS whole
                FROM v_reading_hour h LEFT JOIN gap ON gap.device_id = s.device_id AND gap.hour = h.hour
                WHERE h.sensor_id = u.sensor_id AND h.hour >= %(begins)s AND h.hour < %(ends)s
                GROUP BY 1
            ) r
            ORDER BY 1, 2
            """,
            {
                **window.values(),
                "sensors": [row.sensor_id for row in rows],
                "periods": [row.period_s for row in rows],
            },
        ).fetchall()


def gap_hours(connection: Connection[Any], window: Window) -> int:
    """Hours of the window in which messages of some device of the site are known to be missing."""
    row = connection.execute(
        """
        SELECT count(DISTINCT h.hour) FROM device d JOIN v_stream_gap g USING (device_id) CROSS JOIN LATERAL generate_series(
            date_bin('1 hour', greatest(g.left_from, %(begins)s), timestamptz 'epoch'),
            least(g.left_until, %(ends)s - interval '1 microsecond'), interval '1 hour') h(hour)
        WHERE d.site_id = %(site)s AND g.left_until > %(begins)s AND g.left_from < %(ends)s
        """,
        window.values(),
    ).fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a site in a window.

    Args:
        hours: hours of sensors with readings.
    """

    days: int
    hours: int
    simulated: bool


def heard(connection: Connection[Any], window: Window) -> Heard:
    """Days with readings, and how much."""
    with connection.cursor(row_factory=class_row(Heard)) as cursor:
        found = cursor.execute(
            """
            SELECT count(DISTINCT h.day)::int AS days, coalesce(sum(h.hours), 0)::int AS hours,
                   coalesce(bool_or(h.simulated), false) AS simulated
            FROM sensor s CROSS JOIN LATERAL (
                SELECT (hour AT TIME ZONE %(zone)s)::date AS day, count(*) AS hours, bool_or(simulated) AS simulated
                FROM v_reading_hour
                WHERE sensor_id = s.sensor_id AND hour >= %(begins)s AND hour < %(ends)s AND readings > 0
                GROUP BY 1
            ) h
            WHERE s.site_id = %(site)s AND NOT s.is_virtual
            """,
            window.values(),
        ).fetchone()
    assert found is not None
    return found


def scenarios(connection: Connection[Any], window: Window) -> list[Scenario]:
    """What was declared at the window's end."""
    with connection.cursor(row_factory=class_row(Scenario)) as cursor:
        return cursor.execute(
            """
            SELECT key, title, title_zh, likelihood, exposure, consequence FROM hazard_scenario
            WHERE site_id = %(site)s AND valid_from < %(ends)s AND (ended_at IS NULL OR ended_at >= %(ends)s) ORDER BY key
            """,
            window.values(),
        ).fetchall()


def answered(connection: Connection[Any], window: Window) -> list[Answer]:
    """Alarms that began in the window and called somebody, as they stood at its end."""
    return answers(calls(connection, [window.site_id], window.begins_at, window.ends_at), window.ends_at)


def occurrences(connection: Connection[Any], window: Window) -> int:
    """How many alarms began in the window."""
    row = connection.execute(
        "SELECT count(*) FROM v_occurrence WHERE site_id = %(site)s AND began_at >= %(begins)s AND began_at < %(ends)s AND NOT exercise",
        window.values(),
    ).fetchone()
    return int(row[0]) if row else 0


def overdue(connection: Connection[Any], window: Window) -> tuple[list[Overdue], bool]:
    """Findings beyond their deadline within the window, for how long; and whether one of them was made by the demo.

    Read off their steps (risk/overdue.py): what was done after the window changes nothing in it.
    """
    found, waits = {}, put_in_hand()
    for finding_id, history in histories(connection, window.site_id, window.ends_at).items():
        days = late(history, waits, window.begins_at, window.ends_at) / timedelta(days=1)
        if days > 0:
            found[finding_id] = Overdue(phase_at(history, window.ends_at).grade, days)
    return list(found.values()), made_by_the_demo(connection, list(found))


def impaired(connection: Connection[Any], window: Window) -> tuple[list[float], bool]:
    """Hours within the window that each impairment lasted; and whether one of them was made by the demo."""
    rows = connection.execute(
        """
        SELECT extract(epoch FROM least(restored_at, %(ends)s) - greatest(began_at, %(begins)s))::float8 / 3600, simulated
        FROM impairment
        WHERE site_id = %(site)s AND began_at < %(ends)s AND reported_at < %(ends)s
          AND (restored_at IS NULL OR restored_at > %(begins)s)
        ORDER BY impairment_id
        """,
        window.values(),
    ).fetchall()
    return [row[0] for row in rows], any(row[1] for row in rows)


def suppressed(connection: Connection[Any], window: Window) -> list[float]:
    """Hours within the window in which a person had put aside a life-safety or high alarm, a row an alarm."""
    rows = connection.execute(
        """
        SELECT sum(extract(epoch FROM least(n.at, %(ends)s) - greatest(t.at, %(begins)s)))::float8 / 3600
        FROM v_alarm_definition d JOIN v_transition t ON t.definition_id = d.definition_id
        LEFT JOIN LATERAL (
            SELECT at FROM v_transition WHERE definition_id = t.definition_id AND sensor_id = t.sensor_id AND number = t.number + 1 LIMIT 1
        ) n ON true
        WHERE d.site_id = %(site)s AND d.priority IN ('life-safety', 'high')
          AND t.suppression IN ('shelved', 'out_of_service') AND t.at < %(ends)s AND coalesce(n.at > %(begins)s, true)
        GROUP BY t.definition_id, t.sensor_id
        HAVING sum(extract(epoch FROM least(n.at, %(ends)s) - greatest(t.at, %(begins)s))) > 0
        ORDER BY t.definition_id, t.sensor_id
        """,
        window.values(),
    ).fetchall()
    return [row[0] for row in rows]


def grave_alarms(connection: Connection[Any], window: Window) -> int:
    """How many life-safety and high alarms the site had in the window; one that came later watched nothing in it.

    Like a sensor, one is there from its first hour of readings, where those are older than its entry (a replayed past).
    """
    row = connection.execute(
        """
        SELECT count(*) FROM v_alarm_definition d
        WHERE d.site_id = %(site)s AND d.priority IN ('life-safety', 'high')
          AND least(d.valid_from, (SELECT h.hour FROM v_heard_since h WHERE h.sensor_id = d.sensor_id)) < %(ends)s
          AND (d.retired_at IS NULL OR d.retired_at > %(begins)s)
        """,
        window.values(),
    ).fetchone()
    return int(row[0]) if row else 0
