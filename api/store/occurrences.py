"""Occurrences: the list, and one with all that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

PAGE = 50  # occurrences on one page


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceLine:
    """One line of the list. No values: the insurer's people read it too."""

    occurrence_id: int
    began_at: datetime
    normal_at: datetime | None
    resolved_at: datetime | None
    resolution: str | None
    shared: bool
    historic: bool
    replayed: bool
    simulated: bool
    exercise: bool
    assignee: str | None
    state: str
    suppression: str
    priority: str
    title: str
    title_zh: str
    zone: str | None
    zone_zh: str | None
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time it happened, with its definition, sensor and the alarm's state now; `other_*`: of the sensor that it is compared with."""

    occurrence_id: int
    company_id: int
    definition_id: int
    sensor_id: int
    device_id: int
    began_at: datetime
    normal_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    action_taken: str | None
    assignee_id: int | None
    assignee: str | None
    first_value: float | None
    evidence_from: datetime
    evidence_until: datetime | None
    shared: bool
    historic: bool
    replayed: bool
    simulated: bool
    exercise: bool
    is_open: bool
    state: str
    active: bool
    changed_at: datetime
    suppression: str
    suppressed_until: datetime | None
    suppression_reason: str | None
    suppressed_by: str | None
    definition_key: str
    priority: str
    detector: str
    parameters: dict[str, float]
    direction: str
    setpoint: float
    setpoint_now: float
    deadband: float
    on_delay_s: float
    latch: bool
    title: str
    title_zh: str
    consequence: str
    consequence_zh: str
    response: str
    response_zh: str
    respond_within_s: float
    realarm_after_s: float | None
    standard: str | None
    edition: str | None
    clause: str | None
    verified_by: str | None
    verified_on: date | None
    sensor_key: str
    sensor_name: str
    sensor_name_zh: str
    unit: str
    period_s: float
    is_virtual: bool
    device_key: str
    asset: str | None
    asset_zh: str | None
    zone: str | None
    zone_zh: str | None
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str
    value: float | None
    measured_at: datetime | None
    other_sensor_id: int | None
    other_device_id: int | None
    other_period_s: float | None
    other_name: str | None
    other_name_zh: str | None

    @property
    def of_wire_test(self) -> bool:
        """A daily delivery test's that begins on the wire."""
        return self.definition_key == "_exercise.wire"


def list_occurrences(connection: Connection[Any], *, only_open: bool, before: int | None) -> list[OccurrenceLine]:
    """The newest first; `before` is the last id of the page above."""
    with connection.cursor(row_factory=class_row(OccurrenceLine)) as cursor:
        return cursor.execute(
            """
            SELECT o.occurrence_id, o.began_at, o.normal_at, o.resolved_at, o.resolution, o.shared, o.historic, o.replayed, o.simulated, o.exercise,
                   assignee.name AS assignee,
                   CASE WHEN a.occurrence_id = o.occurrence_id THEN a.state::text ELSE 'A' END AS state,
                   CASE WHEN a.occurrence_id = o.occurrence_id THEN a.suppression ELSE 'none' END AS suppression,
                   d.priority, d.title, d.title_zh, z.name AS zone, z.name_zh AS zone_zh,
                   si.name AS site, si.name_zh AS site_zh, si.time_zone, c.name AS company, c.name_zh AS company_zh
            FROM occurrence o
            JOIN alarm_definition d USING (definition_id)
            JOIN sensor s ON s.sensor_id = o.sensor_id
            JOIN site si ON si.site_id = o.site_id
            JOIN company c ON c.company_id = o.company_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            LEFT JOIN person assignee ON assignee.person_id = o.assignee_id
            LEFT JOIN LATERAL (
                SELECT occurrence_id, state, suppression FROM v_alarm
                WHERE definition_id = o.definition_id AND sensor_id = o.sensor_id LIMIT 1
            ) a ON true
            WHERE (NOT %(only_open)s OR o.resolved_at IS NULL)
              AND (%(before)s::bigint IS NULL OR (o.began_at, o.occurrence_id)
                   < (SELECT b.began_at, b.occurrence_id FROM occurrence b WHERE b.occurrence_id = %(before)s::bigint))
            ORDER BY o.began_at DESC, o.occurrence_id DESC LIMIT %(most)s
            """,
            {"only_open": only_open, "before": before, "most": PAGE},
        ).fetchall()


def find_occurrence(connection: Connection[Any], occurrence_id: int) -> Occurrence | None:
    """None where there is none, or none that the principal may see: nobody learns which."""
    with connection.cursor(row_factory=class_row(Occurrence)) as cursor:
        return cursor.execute(
            """
            SELECT o.occurrence_id, o.company_id, o.definition_id, o.sensor_id, s.device_id, o.began_at, o.normal_at,
                   o.resolved_at, resolver.name AS resolved_by, o.resolution, o.action_taken, o.assignee_id,
                   assignee.name AS assignee, o.first_value,
                   o.evidence_from, o.evidence_until, o.shared, o.historic, o.replayed, o.simulated, o.exercise,
                   coalesce(a.occurrence_id = o.occurrence_id, false) AS is_open,
                   CASE WHEN a.occurrence_id = o.occurrence_id THEN a.state::text ELSE 'A' END AS state,
                   coalesce(a.active, false) AS active, coalesce(a.changed_at, o.began_at) AS changed_at,
                   coalesce(a.suppression, 'none') AS suppression, a.suppressed_until, a.suppression_reason,
                   shelver.name AS suppressed_by,
                   d.key AS definition_key, d.priority, d.detector, d.parameters, d.direction,
                   coalesce(o.setpoint, d.setpoint) AS setpoint, d.setpoint AS setpoint_now, d.deadband,
                   d.on_delay_s, d.latch, d.title, d.title_zh, d.consequence, d.consequence_zh, d.response,
                   d.response_zh, d.respond_within_s, d.realarm_after_s, d.standard, d.edition, d.clause, d.verified_by, d.verified_on,
                   s.key AS sensor_key, s.name AS sensor_name, s.name_zh AS sensor_name_zh, s.unit, s.period_s,
                   s.is_virtual, de.key AS device_key, asset.name AS asset, asset.name_zh AS asset_zh,
                   z.name AS zone, z.name_zh AS zone_zh, si.name AS site, si.name_zh AS site_zh, si.time_zone,
                   c.name AS company, c.name_zh AS company_zh, newest.value, newest.measured_at,
                   d.other_sensor_id, other.device_id AS other_device_id, other.period_s AS other_period_s, other.name AS other_name,
                   other.name_zh AS other_name_zh
            FROM v_occurrence o
            JOIN alarm_definition d USING (definition_id)
            JOIN sensor s ON s.sensor_id = o.sensor_id
            LEFT JOIN sensor other ON other.sensor_id = d.other_sensor_id
            JOIN device de ON de.device_id = s.device_id
            JOIN site si ON si.site_id = o.site_id
            JOIN company c ON c.company_id = o.company_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            LEFT JOIN asset ON asset.asset_id = s.asset_id
            LEFT JOIN LATERAL (
                SELECT * FROM v_alarm WHERE definition_id = o.definition_id AND sensor_id = o.sensor_id LIMIT 1
            ) a ON true
            LEFT JOIN LATERAL (
                SELECT value, measured_at FROM v_alarm_value WHERE definition_id = o.definition_id LIMIT 1
            ) newest ON true
            LEFT JOIN person assignee ON assignee.person_id = o.assignee_id
            LEFT JOIN person resolver ON resolver.person_id = o.resolved_by
            LEFT JOIN person shelver ON shelver.person_id = a.suppressed_by
            WHERE o.occurrence_id = %s
            """,
            (occurrence_id,),
        ).fetchone()
