"""Models for their cards: what is declared, fitted and in force, and how people resolved what they raised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from core.model_difference import OF_NUMBERS, Difference, FittedFor, differences

MOST = 500  # models of one list


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    """A model as lists show it.

    Args:
        version: in force since `since`; None: nobody has put one in force. versions: how many were fitted.
        signals, setup: what is declared; fitted_on, fitted_window_s, fitted_setup: what the version in force was fitted for.
        scored_until: of the newest number, where this reader may see live values.
        open: alarms of it that are not resolved; dangers, nuisances: those of all its alarms that people resolved so.
    """

    asset_id: int
    key: str
    window_s: float
    retired: bool
    members: int
    asset: str
    asset_zh: str
    site_key: str
    site: str
    site_zh: str
    company_id: int
    company: str
    company_zh: str
    time_zone: str
    version: int | None
    versions: int
    since: datetime | None
    signals: list[str]
    setup: dict[str, Any]
    fitted_on: list[str] | None
    fitted_window_s: float | None
    fitted_setup: dict[str, Any] | None
    scored_until: datetime | None
    open: int
    dangers: int
    nuisances: int
    resolved: int

    @property
    def declared(self) -> FittedFor:
        """What the site file says now."""
        return FittedFor.of(self.signals, self.window_s, self.setup)

    @property
    def other_setup(self) -> list[Difference]:
        """In what the version in force was fitted for something else than is declared now; empty where it suits, or none is in force."""
        if self.fitted_on is None or self.fitted_window_s is None:
            return []
        return differences(FittedFor.of(self.fitted_on, self.fitted_window_s, self.fitted_setup), self.declared)

    @property
    def is_silent(self) -> bool:
        """Whether it judges nothing for that; a forecast that is another leaves the other numbers."""
        return any(each.part in OF_NUMBERS for each in self.other_setup)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One signal that a model watches."""

    sensor_id: int
    sensor: str
    name: str
    name_zh: str
    unit: str
    quantity: str
    period_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One kind of one fit; fitted_by, reason, cut and contamination are None for who may not know them."""

    model_id: int
    version: int
    kind: str
    members: list[str]
    window_s: float
    trained_from: datetime
    trained_until: datetime
    windows: int
    highest: float
    notices: list[str]
    fitted_at: datetime
    calibrated_on: int | None
    setup: dict[str, Any]
    cut: list[dict[str, Any]] | None
    contamination: dict[str, Any] | None
    fitted_by: str | None
    reason: str | None

    @property
    def fitted_for(self) -> FittedFor:
        """What it can judge."""
        return FittedFor.of(self.members, self.window_s, self.setup)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A version that was put in force."""

    version: int
    promoted_at: datetime
    shadow_windows: int
    is_overruled: bool
    promoted_by: str | None
    reason: str | None
    overruled: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLimit:
    """A limit on one of the model's numbers."""

    definition_id: int
    sensor_id: int
    sensor_key: str
    title: str
    title_zh: str
    priority: str
    detector: str
    unit: str
    direction: str
    setpoint: float
    on_delay_s: float
    off_delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What the last look at the version in force found; drifted_since None: it fits, as far as can be said."""

    version: int
    looked_at: datetime
    drifted_since: datetime | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many alarms of one of its numbers people resolved in one way; resolution None: not resolved yet."""

    sensor_key: str
    resolution: str | None
    alarms: int


def list_models(connection: Connection[Any], asset_id: int | None = None) -> list[ModelLine]:
    """All models, or the one, by company, site and asset."""
    with connection.cursor(row_factory=class_row(ModelLine)) as cursor:
        return cursor.execute(
            """
            SELECT m.asset_id, m.key, m.window_s, m.retired_at IS NOT NULL AS retired,
                   (SELECT count(*) FROM asset_model_member k WHERE k.asset_id = m.asset_id)::int AS members,
                   a.name AS asset, a.name_zh AS asset_zh, t.key AS site_key, t.name AS site, t.name_zh AS site_zh, t.time_zone,
                   c.company_id, c.name AS company, c.name_zh AS company_zh,
                   p.version, coalesce(v.versions, 0)::int AS versions, p.promoted_at AS since, m.setup,
                   ARRAY(SELECT e.key || '/' || s.key FROM asset_model_member k JOIN sensor s USING (sensor_id) JOIN device e USING (device_id)
                         WHERE k.asset_id = m.asset_id ORDER BY k.position) AS signals,
                   f.members AS fitted_on, f.window_s AS fitted_window_s, f.setup AS fitted_setup,
                   (SELECT l.measured_at FROM sensor s JOIN v_latest l ON l.sensor_id = s.sensor_id WHERE s.device_id = d.device_id AND s.key = '_missing') AS scored_until,
                   coalesce(r.open, 0)::int AS open, coalesce(r.dangers, 0)::int AS dangers, coalesce(r.nuisances, 0)::int AS nuisances,
                   coalesce(r.resolved, 0)::int AS resolved
            FROM asset_model m JOIN asset a USING (asset_id) JOIN zone z USING (zone_id) JOIN site t USING (site_id)
            JOIN company c ON c.company_id = m.company_id LEFT JOIN device d ON d.key = '_model.' || m.key AND d.site_id = t.site_id
            LEFT JOIN LATERAL (SELECT count(DISTINCT version) AS versions FROM v_model_version WHERE asset_id = m.asset_id) v ON true
            LEFT JOIN LATERAL (SELECT version, promoted_at FROM v_model_promotion WHERE asset_id = m.asset_id
                               ORDER BY promoted_at DESC LIMIT 1) p ON true
            LEFT JOIN LATERAL (SELECT members, window_s, setup FROM v_model_version WHERE asset_id = m.asset_id AND version = p.version
                               ORDER BY model_id LIMIT 1) f ON true
            LEFT JOIN LATERAL (
                SELECT count(*) FILTER (WHERE o.resolved_at IS NULL) AS open, count(*) FILTER (WHERE o.resolution IN ('true_danger', 'near_miss')) AS dangers,
                       count(*) FILTER (WHERE o.resolution = 'nuisance') AS nuisances, count(*) FILTER (WHERE o.resolved_at IS NOT NULL) AS resolved
                FROM sensor s JOIN v_occurrence o ON o.sensor_id = s.sensor_id
                WHERE s.device_id = d.device_id AND NOT o.exercise AND NOT o.simulated AND NOT o.replayed) r ON true
            WHERE %(asset)s::int IS NULL OR m.asset_id = %(asset)s::int
            ORDER BY c.company_id, t.key, a.key LIMIT %(most)s
            """,
            {"asset": asset_id, "most": MOST},
        ).fetchall()


def members_of(connection: Connection[Any], asset_id: int) -> list[Member]:
    """The signals it watches, in their order."""
    with connection.cursor(row_factory=class_row(Member)) as cursor:
        return cursor.execute(
            """
            SELECT s.sensor_id, d.key || '/' || s.key AS sensor, s.name, s.name_zh, s.unit, s.quantity, s.period_s
            FROM asset_model_member k JOIN sensor s USING (sensor_id) JOIN device d USING (device_id)
            WHERE k.asset_id = %s ORDER BY k.position
            """,
            (asset_id,),
        ).fetchall()


def versions_of(connection: Connection[Any], asset_id: int) -> list[Version]:
    """Every fit, the newest first."""
    with connection.cursor(row_factory=class_row(Version)) as cursor:
        return cursor.execute(
            """
            SELECT model_id, version, kind, members, window_s, trained_from, trained_until, windows, highest, notices, fitted_at,
                   calibrated_on, setup, cut, contamination, fitted_by, reason
            FROM v_model_version WHERE asset_id = %s ORDER BY version DESC, model_id
            """,
            (asset_id,),
        ).fetchall()


def promotions_of(connection: Connection[Any], asset_id: int) -> list[Promotion]:
    """What was put in force, the newest first."""
    with connection.cursor(row_factory=class_row(Promotion)) as cursor:
        return cursor.execute(
            """
            SELECT version, promoted_at, shadow_windows, is_overruled, promoted_by, reason, overruled
            FROM v_model_promotion WHERE asset_id = %s ORDER BY promoted_at DESC LIMIT 50
            """,
            (asset_id,),
        ).fetchall()


def drift_of(connection: Connection[Any], asset_id: int, version: int | None) -> Drift | None:
    """Whether the version in force still fits its machine; None: nobody has looked yet, or this reader may not know."""
    with connection.cursor(row_factory=class_row(Drift)) as cursor:
        return cursor.execute(
            "SELECT version, looked_at, drifted_since FROM model_drift WHERE asset_id = %s AND version = %s",
            (asset_id, version),
        ).fetchone()


def limits_of(connection: Connection[Any], asset_id: int) -> list[ScoreLimit]:
    """The limits on its numbers that are in use."""
    with connection.cursor(row_factory=class_row(ScoreLimit)) as cursor:
        return cursor.execute(
            """
            SELECT a.definition_id, s.sensor_id, s.key AS sensor_key, a.title, a.title_zh, a.priority, a.detector, s.unit, a.direction, a.setpoint, a.on_delay_s,
                   a.off_delay_s
            FROM asset_model m JOIN device d ON d.key = '_model.' || m.key AND d.company_id = m.company_id
            JOIN sensor s USING (device_id) JOIN alarm_definition a USING (sensor_id)
            WHERE m.asset_id = %s AND a.retired_at IS NULL AND a.role = 'alarm' ORDER BY a.definition_id
            """,
            (asset_id,),
        ).fetchall()


def record_of(connection: Connection[Any], asset_id: int) -> list[Recorded]:
    """Its alarms by number and by how people resolved them; exercises and made-up or replayed history are none."""
    with connection.cursor(row_factory=class_row(Recorded)) as cursor:
        return cursor.execute(
            """
            SELECT s.key AS sensor_key, o.resolution, count(*)::int AS alarms
            FROM asset_model m JOIN device d ON d.key = '_model.' || m.key AND d.company_id = m.company_id
            JOIN sensor s USING (device_id) JOIN v_occurrence o ON o.sensor_id = s.sensor_id
            WHERE m.asset_id = %s AND NOT o.exercise AND NOT o.simulated AND NOT o.replayed GROUP BY s.key, o.resolution ORDER BY s.key
            """,
            (asset_id,),
        ).fetchall()


def asset_of_sensor(connection: Connection[Any], sensor_id: int) -> int | None:
    """Whose model this sensor is a number of; None: of none."""
    row = connection.execute(
        """
        SELECT m.asset_id FROM sensor s JOIN device d USING (device_id)
        JOIN asset_model m ON d.key = '_model.' || m.key AND d.company_id = m.company_id WHERE s.sensor_id = %s
        """,
        (sensor_id,),
    ).fetchone()
    return None if row is None else int(row[0])
