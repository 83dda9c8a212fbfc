"""Alarms that are put aside, and the orders and rules behind them, as pages and programs read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import class_row

MOST = 500  # alarms on the page; it says how many more there are
MOST_ORDERS = 200
MOST_OVER = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """An alarm that is put aside.

    Args:
        since: from when on nobody has been called for it, whatever held it back.
        suppression_reason, suppressed_by: None for who may not read the client's words and people.
    """

    occurrence_id: int | None
    definition_id: int
    state: str
    active: bool
    suppression: str
    suppressed_until: datetime | None
    suppression_reason: str | None
    suppressed_by: str | None
    since: datetime
    priority: str
    title: str
    title_zh: str
    sensor_name: str
    sensor_name_zh: str
    zone: str | None
    zone_zh: str | None
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str

    @property
    def stands_out(self) -> bool:
        """Whether it is more than a normal alarm within a window."""
        return self.active or self.suppression != "by_design" or self.priority == "life-safety"


def aside_now(connection: Connection[Any]) -> list[Aside]:
    """The gravest first, and of those the longest."""
    with connection.cursor(row_factory=class_row(Aside)) as cursor:
        return cursor.execute(
            """
            SELECT a.occurrence_id, a.definition_id, a.state::text AS state, a.active, a.suppression, a.suppressed_until,
                   a.suppression_reason, p.name AS suppressed_by, coalesce(b.since, a.changed_at) AS since, d.priority, d.title,
                   d.title_zh, s.name AS sensor_name, s.name_zh AS sensor_name_zh, z.name AS zone, z.name_zh AS zone_zh,
                   t.name AS site, t.name_zh AS site_zh, t.time_zone, c.name AS company, c.name_zh AS company_zh
            FROM v_alarm a
            JOIN alarm_definition d USING (definition_id)
            JOIN sensor s ON s.sensor_id = a.sensor_id
            JOIN site t ON t.site_id = a.site_id
            JOIN company c ON c.company_id = a.company_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            LEFT JOIN person p ON p.person_id = a.suppressed_by
            LEFT JOIN LATERAL (
                SELECT min(x.at) AS since FROM v_transition x
                WHERE x.definition_id = a.definition_id AND x.sensor_id = a.sensor_id AND x.number > coalesce((
                    SELECT max(y.number) FROM v_transition y
                    WHERE y.definition_id = a.definition_id AND y.sensor_id = a.sensor_id AND y.suppression = 'none'), 0)
            ) b ON true
            WHERE a.suppression <> 'none'
            ORDER BY CASE d.priority WHEN 'life-safety' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, b.since, a.definition_id
            LIMIT %s
            """,
            (MOST,),
        ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """An order.

    Args:
        number, reason, signed_by, refusal, end_note, and the people: None for who may not read the client's words and people.
        alarms, alarms_zh: the single alarms it names, each with its sensor: four tanks have one title.
        requested_id: the person's number, to know oneself.
    """

    order_id: int
    company_id: int
    kind: str
    begins_at: datetime
    ends_at: datetime
    over_at: datetime
    recorded_at: datetime
    number: str | None
    reason: str | None
    signed_by: str | None
    requested_id: int
    requested_by: str | None
    authorised_at: datetime | None
    authorised_by: str | None
    refused_at: datetime | None
    refused_by: str | None
    refusal: str | None
    ended_at: datetime | None
    ended_by: str | None
    end_note: str | None
    zone: str | None
    zone_zh: str | None
    asset: str | None
    asset_zh: str | None
    alarms: list[str]
    alarms_zh: list[str]
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str

    def standing(self, now: datetime) -> str:
        """How it stands, from its instants alone."""
        if self.refused_at is not None:
            return "refused"
        if self.ended_at is not None or now >= self.ends_at:
            return "over"
        if self.kind == "out_of_service" and self.authorised_at is None:
            return "asked"
        return "planned" if now < self.begins_at else "open"


def orders(connection: Connection[Any], now: datetime) -> list[OrderLine]:
    """What holds, waits or is to come; then the newest of what is over."""
    return _lines(connection, now=now)


def find_order(connection: Connection[Any], order_id: int) -> OrderLine | None:
    """None where there is none, or none that the principal may see."""
    return next(iter(_lines(connection, order_id=order_id)), None)


def _lines(connection: Connection[Any], *, now: datetime | None = None, order_id: int | None = None) -> list[OrderLine]:
    """One order, or those of the list as of `now`."""
    with connection.cursor(row_factory=class_row(OrderLine)) as cursor:
        return cursor.execute(
            """
            SELECT o.order_id, o.company_id, o.kind, o.begins_at, o.ends_at, o.over_at, o.recorded_at, o.number, o.reason, o.signed_by,
                   o.requested_by AS requested_id, q.name AS requested_by, o.authorised_at, u.name AS authorised_by, o.refused_at,
                   f.name AS refused_by, o.refusal, o.ended_at, e.name AS ended_by, o.end_note, h.zone, h.zone_zh, h.asset, h.asset_zh,
                   coalesce(h.alarms, '{}') AS alarms, coalesce(h.alarms_zh, '{}') AS alarms_zh,
                   t.name AS site, t.name_zh AS site_zh, t.time_zone, c.name AS company, c.name_zh AS company_zh
            FROM (
                (SELECT * FROM v_suppression_order WHERE over_at > %(now)s::timestamptz AND refused_at IS NULL ORDER BY begins_at, order_id LIMIT %(most)s)
                UNION ALL
                (SELECT * FROM v_suppression_order WHERE %(now)s::timestamptz IS NOT NULL AND (over_at <= %(now)s OR refused_at IS NOT NULL)
                 ORDER BY least(over_at, refused_at) DESC, order_id DESC LIMIT %(over)s)
                UNION ALL
                (SELECT * FROM v_suppression_order WHERE order_id = %(order)s::bigint)
            ) o
            JOIN site t ON t.site_id = o.site_id JOIN company c ON c.company_id = o.company_id
            LEFT JOIN LATERAL (
                SELECT min(z.name) AS zone, min(z.name_zh) AS zone_zh, min(a.name) AS asset, min(a.name_zh) AS asset_zh,
                       array_agg(d.title || ' · ' || n.name ORDER BY d.definition_id) FILTER (WHERE d.title IS NOT NULL) AS alarms,
                       array_agg(d.title_zh || ' · ' || n.name_zh ORDER BY d.definition_id) FILTER (WHERE d.title IS NOT NULL) AS alarms_zh
                FROM suppression_scope s LEFT JOIN zone z ON z.zone_id = s.zone_id LEFT JOIN asset a ON a.asset_id = s.asset_id
                LEFT JOIN alarm_definition d ON d.definition_id = s.definition_id LEFT JOIN sensor n ON n.sensor_id = d.sensor_id
                WHERE s.order_id = o.order_id
            ) h ON true
            LEFT JOIN person q ON q.person_id = o.requested_by LEFT JOIN person u ON u.person_id = o.authorised_by
            LEFT JOIN person f ON f.person_id = o.refused_by LEFT JOIN person e ON e.person_id = o.ended_by
            """,
            {"now": now, "order": order_id, "most": MOST_ORDERS, "over": MOST_OVER},
        ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """A rule, and since when its parent holds.

    Args:
        episode_since: from when its longest time counts.
    """

    title: str
    title_zh: str
    parent: str
    parent_zh: str
    active_since: datetime | None
    episode_since: datetime | None
    longest_s: float
    alarms: int
    site: str
    site_zh: str
    time_zone: str

    def is_over(self, now: datetime) -> bool:
        """Whether its longest time has passed although its parent holds."""
        return self.episode_since is not None and now >= self.episode_since + timedelta(seconds=self.longest_s)


def rules(connection: Connection[Any]) -> list[RuleLine]:
    """Those at work first."""
    with connection.cursor(row_factory=class_row(RuleLine)) as cursor:
        return cursor.execute(
            """
            SELECT r.title, r.title_zh, d.title AS parent, d.title_zh AS parent_zh, r.active_since, r.episode_since, r.longest_s,
                   (SELECT count(*) FROM suppression_rule_alarm a WHERE a.rule_id = r.rule_id)::int AS alarms,
                   t.name AS site, t.name_zh AS site_zh, t.time_zone
            FROM suppression_rule r JOIN alarm_definition d ON d.definition_id = r.parent_id JOIN site t ON t.site_id = r.site_id
            WHERE r.retired_at IS NULL ORDER BY r.active_since NULLS LAST, r.rule_id LIMIT %s
            """,
            (MOST_ORDERS,),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that is announced."""

    order_id: int
    ends_at: datetime
    site: str
    site_zh: str
    time_zone: str


def ask_drills(connection: Connection[Any], now: datetime) -> Cursor[Drill]:
    """Those that are going on, still to be fetched."""
    return connection.cursor(row_factory=class_row(Drill)).execute(
        """
        SELECT o.order_id, o.over_at AS ends_at, t.name AS site, t.name_zh AS site_zh, t.time_zone
        FROM v_suppression_order o JOIN site t ON t.site_id = o.site_id
        WHERE o.kind = 'drill' AND o.begins_at <= %(now)s AND o.over_at > %(now)s ORDER BY o.order_id
        """,
        {"now": now},
    )


def drill_of(connection: Connection[Any], occurrence_id: int) -> int | None:
    """The drill during which an occurrence began, at its place; its order."""
    row = connection.execute(
        """
        SELECT o.order_id FROM v_occurrence c JOIN sensor s ON s.sensor_id = c.sensor_id
        JOIN v_suppression_order o ON o.site_id = c.site_id AND o.kind = 'drill' AND o.begins_at <= c.began_at AND o.over_at > c.began_at
        JOIN suppression_scope p ON p.order_id = o.order_id AND (p.zone_id IS NULL OR p.zone_id = s.zone_id)
             AND (p.asset_id IS NULL OR p.asset_id = s.asset_id)
        WHERE c.occurrence_id = %s ORDER BY o.order_id DESC LIMIT 1
        """,
        (occurrence_id,),
    ).fetchone()
    return None if row is None else int(row[0])


@dataclass(frozen=True, slots=True)
class Spot:
    """A site, a zone of one, or a machine in a zone."""

    site_id: int
    zone_id: int | None
    asset_id: int | None
    site: str
    site_zh: str
    zone: str | None
    zone_zh: str | None
    asset: str | None
    asset_zh: str | None
    time_zone: str

    @property
    def code(self) -> str:
        """As a form sends it."""
        zone = "" if self.zone_id is None else f"z{self.zone_id}"
        return f"s{self.site_id}{zone}" + ("" if self.asset_id is None else f"a{self.asset_id}")


def spots(connection: Connection[Any], company_id: int | None) -> list[Spot]:
    """Each site, its zones, and their machines."""
    with connection.cursor(row_factory=class_row(Spot)) as cursor:
        return cursor.execute(
            """
            SELECT s.site_id, p.zone_id, p.asset_id, s.name AS site, s.name_zh AS site_zh, p.zone, p.zone_zh, p.asset, p.asset_zh, s.time_zone
            FROM site s CROSS JOIN LATERAL (
                SELECT NULL::int AS zone_id, NULL::int AS asset_id, NULL AS zone, NULL AS zone_zh, NULL AS asset, NULL AS asset_zh
                UNION ALL SELECT z.zone_id, NULL, z.name, z.name_zh, NULL, NULL FROM zone z WHERE z.site_id = s.site_id
                UNION ALL SELECT z.zone_id, a.asset_id, z.name, z.name_zh, a.name, a.name_zh
                FROM zone z JOIN asset a USING (zone_id) WHERE z.site_id = s.site_id
            ) p
            WHERE s.company_id = %s ORDER BY s.name, s.site_id, p.zone NULLS FIRST, p.zone_id, p.asset NULLS FIRST, p.asset_id
            """,
            (company_id,),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class AlarmChoice:
    """An alarm that an order may name."""

    definition_id: int
    title: str
    title_zh: str
    sensor_name: str
    sensor_name_zh: str
    priority: str


def alarms_at(
    connection: Connection[Any], site_id: int, zone_id: int | None, asset_id: int | None
) -> list[AlarmChoice]:
    """The alarms of a place, the gravest first."""
    with connection.cursor(row_factory=class_row(AlarmChoice)) as cursor:
        return cursor.execute(
            """
            SELECT d.definition_id, d.title, d.title_zh, s.name AS sensor_name, s.name_zh AS sensor_name_zh, d.priority
            FROM alarm_definition d JOIN sensor s USING (sensor_id)
            WHERE d.site_id = %(site)s AND d.retired_at IS NULL AND d.role = 'alarm' AND s.retired_at IS NULL
              AND (%(zone)s::int IS NULL OR s.zone_id = %(zone)s) AND (%(asset)s::int IS NULL OR s.asset_id = %(asset)s)
            ORDER BY CASE d.priority WHEN 'life-safety' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, d.definition_id
            LIMIT %(most)s
            """,
            {"site": site_id, "zone": zone_id, "asset": asset_id, "most": MOST},
        ).fetchall()
