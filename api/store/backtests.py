"""Back-tests: what can be tried, who asked for what, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from alerting.proposal import Neighbour, Signal
from core.model import AlarmDefinition, Priority

MOST: Final = 50
MOST_CHOICES: Final = 2000
SAME_WITHIN: Final = timedelta(minutes=10)  # a span that ends so little later asks the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A limit in force that can be tried."""

    definition_id: int
    company_id: int
    site_id: int
    sensor_id: int
    key: str
    version: int
    title: str
    title_zh: str
    site: str
    site_zh: str
    time_zone: str
    sensor_name: str
    sensor_name_zh: str
    unit: str
    quantity: str
    period_s: float | None
    sensor_key: str
    range_low: float | None
    range_high: float | None
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
    other_sensor_id: int
    other_key: str | None
    other_unit: str | None
    other_quantity: str | None
    other_period_s: float | None

    def as_signal(self) -> Signal:
        """What it is on."""
        return Signal(self.sensor_key, self.unit, self.quantity, self.period_s, self.range_low, self.range_high)

    def as_other_signal(self) -> Signal | None:
        """What it is compared with; None: nothing."""
        if not self.other_sensor_id:
            return None
        return Signal(self.other_key or "", self.other_unit or "", self.other_quantity or "", self.other_period_s)

    def as_definition(self) -> AlarmDefinition:
        """As alerting judges it."""
        return AlarmDefinition(
            definition_id=self.definition_id, company_id=self.company_id, site_id=self.site_id, sensor_id=self.sensor_id,
            key=self.key, detector=self.detector, direction=self.direction, setpoint=self.setpoint,
            priority=Priority(self.priority), deadband=self.deadband, on_delay_us=round(self.on_delay_s * 1e6),
            off_delay_us=round(self.off_delay_s * 1e6), latch=self.latch, votes=self.votes, votes_of=self.votes_of, version=self.version,
            parameters=self.parameters, other_sensor_id=self.other_sensor_id, time_zone=self.time_zone,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """One back-test.

    Args:
        title: of the limit; None where it is a pattern, or no longer there.
        asked_by: None: the operator, at the command line.
        least_known: the share of its time that must be known for it to prove anything.
    """

    backtest_id: int
    company_id: int
    site_id: int
    site: str
    site_zh: str
    time_zone: str
    definition_key: str
    definition_id: int | None
    title: str | None
    title_zh: str | None
    unit: str | None
    proposed: dict[str, Any]
    from_at: datetime
    to_at: datetime
    asked_at: datetime
    asked_by: str | None
    asked_by_id: int | None
    state: str
    progress: float
    finished_at: datetime | None
    result: dict[str, Any] | None
    least_known: float
    problem: str | None


def choices(connection: Connection[Any], definition_id: int | None = None) -> list[Choice]:
    """Limits in force, by site and title; or the one that is named."""
    with connection.cursor(row_factory=class_row(Choice)) as cursor:
        return cursor.execute(
            """
            SELECT d.definition_id, d.company_id, d.site_id, d.sensor_id, d.key, d.version, d.title, d.title_zh, s.name AS site,
                   s.name_zh AS site_zh, s.time_zone, n.name AS sensor_name, n.name_zh AS sensor_name_zh, n.unit, n.quantity,
                   CASE WHEN n.period_declared THEN n.period_s END AS period_s, n.key AS sensor_key, n.range_low, n.range_high, d.detector, d.parameters, d.direction, d.setpoint, d.deadband, d.on_delay_s, d.off_delay_s,
                   d.votes, d.votes_of, d.priority, d.latch, coalesce(d.other_sensor_id, 0) AS other_sensor_id, o.key AS other_key,
                   o.unit AS other_unit, o.quantity AS other_quantity, CASE WHEN o.period_declared THEN o.period_s END AS other_period_s
            FROM alarm_definition d JOIN sensor n USING (sensor_id) JOIN site s ON s.site_id = d.site_id
            LEFT JOIN sensor o ON o.sensor_id = d.other_sensor_id
            WHERE d.retired_at IS NULL AND d.role = 'alarm' AND n.retired_at IS NULL AND (%(one)s::int IS NULL OR d.definition_id = %(one)s::int)
            ORDER BY s.name, d.title, d.key LIMIT %(most)s
            """,
            {"one": definition_id, "most": MOST_CHOICES},
        ).fetchall()


def neighbour(connection: Connection[Any], site_id: int, place: str) -> Neighbour | None:
    """The sensor of a site that is called `device/sensor`, where it is in use and not Davy's own."""
    row = connection.execute(
        """
        SELECT s.sensor_id, s.key, s.unit, s.quantity, CASE WHEN s.period_declared THEN s.period_s END
        FROM sensor s JOIN device v USING (device_id)
        WHERE s.site_id = %s AND v.key || '/' || s.key = %s AND s.retired_at IS NULL AND v.retired_at IS NULL AND NOT s.is_virtual
        """,
        (site_id, place),
    ).fetchone()
    return None if row is None else Neighbour(row[0], Signal(*row[1:]))


def backtests(
    connection: Connection[Any],
    backtest_id: int | None = None,
    definition_key: str | None = None,
    before: int | None = None,
) -> list[Backtest]:
    """The newest first, without their results; or the one that is named, with its own."""
    with connection.cursor(row_factory=class_row(Backtest)) as cursor:
        return cursor.execute(
            """
            SELECT b.backtest_id, b.company_id, b.site_id, s.name AS site, s.name_zh AS site_zh, s.time_zone, b.definition_key,
                   d.definition_id, d.title, d.title_zh, n.unit, b.proposed, b.from_at, b.to_at, b.asked_at, p.name AS asked_by,
                   b.asked_by AS asked_by_id, b.state, b.progress, b.finished_at,
                   CASE WHEN %(one)s::bigint IS NOT NULL THEN b.result ELSE b.result - 'definitions' END AS result, davy_limit_least_known() AS least_known, b.problem
            FROM backtest b JOIN site s USING (site_id)
            LEFT JOIN alarm_definition d ON d.site_id = b.site_id AND d.key = b.definition_key
            LEFT JOIN sensor n ON n.sensor_id = d.sensor_id
            LEFT JOIN person p ON p.person_id = b.asked_by
            WHERE (%(one)s::bigint IS NULL OR b.backtest_id = %(one)s::bigint)
              AND (%(key)s::text IS NULL OR b.definition_key = %(key)s::text)
              AND (%(before)s::bigint IS NULL OR b.backtest_id < %(before)s::bigint)
            ORDER BY b.backtest_id DESC LIMIT %(most)s
            """,
            {"one": backtest_id, "key": definition_key, "before": before, "most": MOST},
        ).fetchall()


def waiting(connection: Connection[Any]) -> int:
    """How many of the principal's companies are not done."""
    row = connection.execute("SELECT count(*) FROM backtest WHERE state IN ('waiting', 'running')").fetchone()
    assert row is not None
    return int(row[0])


def ask(
    connection: Connection[Any],
    limit: Choice,
    proposed: Mapping[str, Any],
    since: datetime,
    until: datetime,
    *,
    person_id: int,
    now: datetime,
) -> int:
    """Asks for one; where the same is asked for and not done, that one: its span may have moved on by the minutes since."""
    asked = {
        "company": limit.company_id, "site": limit.site_id, "key": limit.key, "proposed": Jsonb(dict(proposed)), "since": since,
        "until": until, "person": person_id, "now": now, "moved": SAME_WITHIN,
    }  # fmt: skip
    going = connection.execute(
        """
        SELECT backtest_id FROM backtest WHERE state IN ('waiting', 'running') AND site_id = %(site)s AND definition_key = %(key)s
          AND proposed = %(proposed)s AND to_at - from_at = %(until)s::timestamptz - %(since)s::timestamptz
          AND to_at BETWEEN %(until)s::timestamptz - %(moved)s AND %(until)s::timestamptz ORDER BY backtest_id LIMIT 1
        """,
        asked,
    ).fetchone()
    if going is not None:
        return int(going[0])
    made = connection.execute(
        """
        INSERT INTO backtest (company_id, site_id, definition_key, proposed, from_at, to_at, asked_by, asked_at)
        VALUES (%(company)s, %(site)s, %(key)s, %(proposed)s, %(since)s, %(until)s, %(person)s, %(now)s)
        ON CONFLICT DO NOTHING RETURNING backtest_id
        """,
        asked,
    ).fetchone()
    if made is None:
        made = connection.execute(
            """
            SELECT backtest_id FROM backtest WHERE site_id = %(site)s AND definition_key = %(key)s AND proposed = %(proposed)s
              AND from_at = %(since)s AND to_at = %(until)s ORDER BY backtest_id DESC LIMIT 1
            """,
            asked,
        ).fetchone()
    assert made is not None
    return int(made[0])


def call_off(connection: Connection[Any], backtest_id: int, now: datetime) -> bool:
    """Calls one off that is not done; False where that is too late, or another person asked for it."""
    return (
        connection.execute(
            "UPDATE backtest SET state = 'cancelled', finished_at = %s WHERE backtest_id = %s AND state IN ('waiting', 'running')",
            (now, backtest_id),
        ).rowcount
        == 1
    )
