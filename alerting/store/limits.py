"""Changes of limits: what an act must know before it, and the owner's functions that alone write a limit (0015)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from alerting.limit_gate import Proof
from alerting.proposal import Signal
from alerting.store.definitions import numbers_of
from core.model import Priority
from core.portfolio import DefinitionRow, Portfolio, RouteRow, SensorRow, SiteRow, Step


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """A limit, the sensor it is on, and from when on that is known.

    Args:
        definition_id, company_id, site_id: rows of the database.
        is_own: of one of Davy's own sensors: it comes with Davy and is no plant's to change.
        heard_since: None: never.
        for_life: a live compound of life safety counts on it.
        on_life: lives hang on its sensor (`core.site_life`).
        last: it is retired, and was so when it was last in force; None: it is in force, or never was.
        other: what it is compared with; None: nothing.
    """

    definition_id: int
    company_id: int
    site_id: int
    version: int
    row: DefinitionRow
    sensor: SensorRow
    is_own: bool
    heard_since: datetime | None
    for_life: bool
    on_life: bool
    last: DefinitionRow | None = None
    other: Signal | None = None


@dataclass(frozen=True, slots=True)
class OpenChange:
    """A proposal that nobody has settled."""

    change_id: int
    company_id: int
    definition_id: int
    base_version: int
    old: dict[str, Any]
    proposed: dict[str, Any]
    overruling: str | None
    proposed_by: int


def limit_in_force(connection: Connection[Any], definition_id: int) -> LimitInForce | None:
    """The limit, where the principal may see it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            """
            SELECT d.*, c.key AS company, t.key AS site, v.key AS device, s.key AS sensor, w.key || '/' || o.key AS other, o.unit AS other_unit,
                   o.quantity AS other_quantity, CASE WHEN o.period_declared THEN o.period_s END AS other_period_s, s.name, s.name_zh, s.quantity, s.unit,
                   s.range_low, s.range_high, CASE WHEN s.period_declared THEN s.period_s END AS period_s, s.mandatory, s.is_virtual,
                   s.retired_at IS NOT NULL AS sensor_retired, d.retired_at IS NOT NULL AS retired, h.hour AS heard_since,
                   davy_counts_for_life(d.definition_id) AS for_life, davy_life_hangs_on(d.sensor_id) AS on_life,
                   CASE WHEN d.retired_at IS NOT NULL THEN davy_limit_named(davy_limit_last_in_force(d)) END AS last_in_force
            FROM alarm_definition d JOIN sensor s USING (sensor_id) JOIN device v USING (device_id)
            JOIN site t ON t.site_id = d.site_id JOIN company c ON c.company_id = d.company_id
            LEFT JOIN sensor o ON o.sensor_id = d.other_sensor_id LEFT JOIN device w ON w.device_id = o.device_id
            CROSS JOIN LATERAL (SELECT hour FROM v_heard_since WHERE sensor_id = d.sensor_id LIMIT 1) h
            WHERE d.definition_id = %s AND d.role = 'alarm'
            """,
            (definition_id,),
        ).fetchone()
    return None if found is None else _in_force(found)


def _in_force(found: Mapping[str, Any]) -> LimitInForce:
    row = _definition(found)
    last = found.get("last_in_force")
    sensor = SensorRow(
        company=found["company"], site=found["site"], device=found["device"], key=found["sensor"], name=found["name"],
        name_zh=found["name_zh"], quantity=found["quantity"], unit=found["unit"], range_low=found["range_low"],
        range_high=found["range_high"], period_s=found["period_s"], mandatory=found["mandatory"], is_virtual=found["is_virtual"],
        retired=found["sensor_retired"],
    )  # fmt: skip
    return LimitInForce(
        definition_id=found["definition_id"],
        company_id=found["company_id"],
        site_id=found["site_id"],
        version=found["version"],
        row=row,
        sensor=sensor,
        is_own=sensor.is_virtual,
        heard_since=found["heard_since"],
        for_life=found["for_life"],
        on_life=found["on_life"],
        last=None
        if last is None or last["definition_id"] is None
        else _definition({**found, **last, "retired": False}),
        other=None
        if row.other is None
        else Signal(row.other, found["other_unit"], found["other_quantity"], found["other_period_s"]),
    )


def _definition(found: Mapping[str, Any]) -> DefinitionRow:
    values = {name: found[name] for name in DefinitionRow.__dataclass_fields__ if name in found}
    if not isinstance(values["parameters"], dict):  # anything may stand in what is set aside
        values["parameters"] = numbers_of(json.dumps(values["parameters"]))
    return DefinitionRow(**{**values, "priority": Priority(found["priority"])})


def sensors_of_site(connection: Connection[Any], site_id: int) -> dict[str, SensorRow]:
    """Its sensors by `device/sensor`, those out of use and Davy's own too; a period only where it is declared."""
    with connection.cursor(row_factory=class_row(SensorRow)) as cursor:
        rows = cursor.execute(
            """
            SELECT c.key AS company, t.key AS site, v.key AS device, s.key, s.name, s.name_zh, s.quantity, s.unit, s.range_low, s.range_high,
                   CASE WHEN s.period_declared THEN s.period_s END AS period_s, s.mandatory, s.is_virtual,
                   s.retired_at IS NOT NULL OR v.retired_at IS NOT NULL AS retired
            FROM sensor s JOIN device v USING (device_id) JOIN site t ON t.site_id = s.site_id JOIN company c ON c.company_id = t.company_id
            WHERE s.site_id = %s ORDER BY v.key, s.key
            """,
            (site_id,),
        ).fetchall()
    return {f"{row.device}/{row.key}": row for row in rows}


def open_change(connection: Connection[Any], *, definition_id: int) -> OpenChange | None:
    """The proposal that waits for somebody, of which a limit has one at most."""
    with connection.cursor(row_factory=class_row(OpenChange)) as cursor:
        return cursor.execute(
            """
            SELECT change_id, company_id, definition_id, base_version, old, proposed, overruling, proposed_by
            FROM limit_change WHERE definition_id = %s AND state = 'proposed'
            """,
            (definition_id,),
        ).fetchone()


def proofs_of(connection: Connection[Any], limit: LimitInForce, judged: Mapping[str, Any]) -> list[Proof]:
    """All finished back-tests of exactly this change of the version in force; none where nothing changes that is judged by.

    Args:
        judged: the fields of the change that are judged by; its texts and its source prove nothing.
    """
    if not judged:
        return []
    with connection.cursor(row_factory=class_row(Proof)) as cursor:
        return cursor.execute(
            """
            SELECT backtest_id, from_at, to_at, coalesce((result #>> '{verdict,refused}')::boolean, true) AS refused,
                   coalesce((result ->> 'lost_true')::int, 0) AS lost_true, coalesce((result ->> 'delayed_true')::int, 0) AS delayed_true,
                   coalesce((result #>> '{verdict,lost_injected}')::int, 0) AS lost_injected,
                   CASE WHEN jsonb_typeof(result -> 'problems') = 'array' THEN jsonb_array_length(result -> 'problems') ELSE 0 END AS problems,
                   coalesce((result #>> '{known,share}')::float8, 0) AS known_share, davy_limit_least_known() AS least_known,
                   CASE WHEN jsonb_typeof(result -> 'rollups_only') = 'object' THEN (result #>> '{rollups_only,to}')::timestamptz END AS rollups_to
            FROM backtest
            WHERE site_id = %s AND definition_key = %s AND proposed = %s AND state = 'done' AND definition_version = %s
            """,
            (limit.site_id, limit.row.key, Jsonb(dict(judged)), limit.version),
        ).fetchall()


def backtests_waiting(connection: Connection[Any]) -> int:
    """How many of the principal's companies are not done."""
    row = connection.execute("SELECT count(*) FROM backtest WHERE state IN ('waiting', 'running')").fetchone()
    assert row is not None
    return int(row[0])


def ask_backtest(
    connection: Connection[Any],
    limit: LimitInForce,
    judged: Mapping[str, Any],
    *,
    since: datetime,
    until: datetime,
    person_id: int,
    now: datetime,
) -> None:
    """Asks for a back-test of a change in the person's name; while the same one waits or runs, for nothing new."""
    connection.execute(
        """
        INSERT INTO backtest (company_id, site_id, definition_key, proposed, from_at, to_at, asked_by, asked_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (limit.company_id, limit.site_id, limit.row.key, Jsonb(dict(judged)), since, until, person_id, now),
    )


def take_turns(connection: Connection[Any], definition_id: int) -> None:
    """Until the transaction ends nobody else proposes a change of this limit."""
    connection.execute("SELECT pg_advisory_xact_lock(7251115, %s)", (definition_id,))


def insert_change(
    connection: Connection[Any],
    limit: LimitInForce,
    *,
    old: Mapping[str, Any],
    proposed: Mapping[str, Any],
    reason: str,
    overruling: str | None,
    person_id: int,
    now: datetime,
) -> int:
    """Writes a proposal down; gives its id."""
    row = connection.execute(
        """
        INSERT INTO limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, overruling, proposed_by, proposed_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING change_id
        """,
        (
            limit.company_id,
            limit.site_id,
            limit.definition_id,
            limit.version,
            Jsonb(dict(old)),
            Jsonb(dict(proposed)),
            reason,
            overruling,
            person_id,
            now,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def apply_change(
    connection: Connection[Any], change_id: int, *, words: str, proof: int | None, now: datetime
) -> int | None:
    """The version of the definitions from which on it is judged so; None where the limit is another by now."""
    row = connection.execute("SELECT davy_limit_apply(%s, %s, %s, %s)", (change_id, words, proof, now)).fetchone()
    assert row is not None
    return None if row[0] is None else int(row[0])


def write_overruling(connection: Connection[Any], change_id: int, words: str) -> bool:
    """The proposer's words; False where it is settled, or somebody else's."""
    row = connection.execute("SELECT davy_limit_overrule(%s, %s)", (change_id, words)).fetchone()
    return row is not None and bool(row[0])


def settle_change(connection: Connection[Any], change_id: int, *, words: str, now: datetime) -> bool:
    """Withdrawn by its proposer, refused by anybody else; False where it is settled already."""
    row = connection.execute("SELECT davy_limit_settle(%s, %s, %s)", (change_id, words, now)).fetchone()
    return row is not None and bool(row[0])


def notify(connection: Connection[Any], company_id: int) -> None:
    """Tells the pages of a company that something changed."""
    connection.execute("SELECT pg_notify('davy_scope', %s)", (str(company_id),))


def limits_of_site(connection: Connection[Any], site: str) -> tuple[Portfolio, dict[str, int]]:
    """What `alerting.limit_lint` looks at, of one site, as far as the principal sees it; and the limits' ids by their keys."""
    with connection.cursor(row_factory=dict_row) as cursor:
        sites = cursor.execute(
            """
            SELECT c.key AS company, t.key, t.name, t.name_zh, t.time_zone, t.jurisdiction
            FROM site t JOIN company c USING (company_id) WHERE t.key = %s
            """,
            (site,),
        ).fetchall()
        rows = cursor.execute(
            """
            SELECT d.*, c.key AS company, t.key AS site, v.key AS device, s.key AS sensor, w.key || '/' || o.key AS other, o.unit AS other_unit,
                   o.quantity AS other_quantity, CASE WHEN o.period_declared THEN o.period_s END AS other_period_s, s.name, s.name_zh, s.quantity, s.unit,
                   s.range_low, s.range_high, CASE WHEN s.period_declared THEN s.period_s END AS period_s, s.mandatory, s.is_virtual,
                   s.retired_at IS NOT NULL AS sensor_retired, d.retired_at IS NOT NULL AS retired, NULL::timestamptz AS heard_since,
                   false AS for_life, false AS on_life
            FROM alarm_definition d JOIN sensor s USING (sensor_id) JOIN device v USING (device_id)
            JOIN site t ON t.site_id = d.site_id JOIN company c ON c.company_id = d.company_id
            LEFT JOIN sensor o ON o.sensor_id = d.other_sensor_id LEFT JOIN device w ON w.device_id = o.device_id
            WHERE t.key = %s AND d.role = 'alarm' ORDER BY d.definition_id
            """,
            (site,),
        ).fetchall()
        routes = cursor.execute(
            """
            SELECT r.key, r.audience, r.priorities, array_agg(p.key) AS people
            FROM route r JOIN site t USING (site_id) JOIN v_route_person e USING (route_id) JOIN person p ON p.person_id = e.person_id
            WHERE t.key = %s AND p.active GROUP BY r.route_id
            """,
            (site,),
        ).fetchall()
    limits = [_in_force(row) for row in rows]
    sensors = {(each.sensor.device, each.sensor.key): each.sensor for each in limits}
    heard = [
        RouteRow(
            company=None, site=site, key=row["key"], audience=row["audience"], priorities=tuple(row["priorities"]),
            steps=tuple(Step(position=0, after_s=0.0, person=person, channel="") for person in row["people"]),
        )
        for row in routes
    ]  # fmt: skip
    found = Portfolio(
        sites=[SiteRow(**row) for row in sites],
        sensors=list(sensors.values()),
        definitions=[each.row for each in limits],
        routes=heard,
    )
    return found, {each.row.key: each.definition_id for each in limits}
