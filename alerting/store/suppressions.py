"""What silences alarms: orders and rules, read as covers; and orders as people write them down. Rules by themselves: rules.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from alerting.alarm import Suppression
from alerting.ledger import AlarmKey
from alerting.orders import GUARDS, Order, Touched
from alerting.store.columns import columns
from alerting.suppressing import Cover
from core.model import Priority
from core.signal_kind import is_gas

_INSTANT: Final = timedelta(microseconds=1)


def covers(
    connection: Connection[Any], now: datetime, keys: Sequence[AlarmKey] | None = None
) -> dict[AlarmKey, list[Cover]]:
    """What is in force at `now`, by alarm.

    Args:
        keys: only of these; None: of all.

    A permit for work guards: what it guards, no order silences while it holds. A rule whose parent is put aside itself is not in
    force, because then the parent calls nobody either.
    """
    rows = connection.execute(
        """
        WITH in_force AS (
            SELECT o.order_id, o.site_id, o.kind, o.begins_at, o.ends_at, o.requested_by FROM suppression_order o
            WHERE o.ends_at > %(now)s AND o.begins_at <= %(now)s
              AND NOT EXISTS (SELECT FROM suppression_step s WHERE s.order_id = o.order_id AND s.step IN ('ended', 'refused'))
              AND (o.kind <> 'out_of_service'
                   OR EXISTS (SELECT FROM suppression_step s WHERE s.order_id = o.order_id AND s.step = 'authorised'))
        ), touched AS (
            SELECT o.order_id, o.kind, o.begins_at, o.ends_at, o.requested_by, d.definition_id, d.sensor_id, d.priority,
                   (x.unit, x.quantity) IN (SELECT * FROM unnest(%(units)s::text[], %(quantities)s::text[])) AS is_gas, c.definition_id IS NOT NULL AS named
            FROM in_force o JOIN suppression_scope c USING (order_id)
            JOIN alarm_definition d ON d.site_id = o.site_id AND d.retired_at IS NULL AND d.role = 'alarm'
            JOIN sensor x ON x.sensor_id = d.sensor_id AND x.retired_at IS NULL
            WHERE c.definition_id = d.definition_id
               OR (c.definition_id IS NULL AND (o.kind IN ('hot_work', 'confined_space') OR NOT x.is_virtual) AND (c.zone_id IS NULL OR c.zone_id = x.zone_id)
                   AND (c.asset_id IS NULL OR c.asset_id = x.asset_id))
        ), guarded AS (
            SELECT definition_id FROM touched WHERE kind IN ('hot_work', 'confined_space') AND (is_gas OR priority = 'life-safety')
        ), found AS (
            SELECT t.definition_id, t.sensor_id, CASE t.kind WHEN 'out_of_service' THEN 'out_of_service' ELSE 'by_design' END AS suppression,
                   t.begins_at, t.ends_at, t.order_id, NULL::int AS rule_id, t.requested_by
            FROM touched t
            WHERE t.kind = 'out_of_service'
               OR (t.kind IN ('maintenance', 'shutdown') AND t.priority <> 'life-safety' AND (t.named OR NOT t.is_gas))
            UNION ALL
            SELECT d.definition_id, d.sensor_id, 'by_design', r.active_since, r.episode_since + r.longest_s * interval '1 second',
                   NULL, r.rule_id, NULL
            FROM suppression_rule r JOIN suppression_rule_alarm a USING (rule_id)
            JOIN alarm_definition d ON d.definition_id = a.definition_id AND d.retired_at IS NULL AND d.priority <> 'life-safety'
            WHERE r.retired_at IS NULL AND r.active_since <= %(now)s AND r.episode_since + r.longest_s * interval '1 second' > %(now)s
              AND NOT EXISTS (SELECT FROM alarm p WHERE p.definition_id = r.parent_id AND p.suppression <> 'none')
        )
        SELECT f.definition_id, f.sensor_id, f.suppression, f.begins_at, f.ends_at, f.order_id, f.rule_id, f.requested_by
        FROM found f
        WHERE (%(definitions)s::int[] IS NULL OR f.definition_id = ANY (%(definitions)s::int[]))
          AND f.definition_id NOT IN (SELECT definition_id FROM guarded)  -- hashed: thousands against thousands
        """,
        {
            "now": now,
            "definitions": None if keys is None else [key.definition_id for key in keys],
            **_gases(connection, now),
        },
    ).fetchall()
    found: dict[AlarmKey, list[Cover]] = {}
    for definition_id, sensor_id, suppression, begins_at, ends_at, order_id, rule_id, by in rows:
        cover = Cover(Suppression(suppression), begins_at, ends_at, order_id, rule_id, by)
        found.setdefault(AlarmKey(definition_id, sensor_id), []).append(cover)
    return found


def _gases(connection: Connection[Any], now: datetime) -> dict[str, list[str]]:
    """What sensors of sites with an order in force measure that is a gas, as pairs of unit and quantity; what is one, Python says."""
    pairs = connection.execute(
        """
        SELECT DISTINCT x.unit, x.quantity FROM sensor x
        WHERE x.site_id IN (SELECT site_id FROM suppression_order WHERE ends_at > %(now)s AND begins_at <= %(now)s)
        """,
        {"now": now},
    ).fetchall()
    gases = [pair for pair in pairs if is_gas(*pair)]
    return {"units": [unit for unit, _ in gases], "quantities": [quantity for _, quantity in gases]}


@dataclass(frozen=True, slots=True)
class Guard:
    """A permit under which an alarm must stay in service."""

    kind: str
    begins_at: datetime
    ends_at: datetime
    time_zone: str


def guards(
    connection: Connection[Any], definition_ids: Sequence[int], begins: datetime, ends: datetime
) -> dict[int, Guard]:
    """Of alarms that people at work depend on, the permit that overlaps the time from `begins` to before `ends`."""
    rows = connection.execute(
        """
        SELECT d.definition_id, d.priority, x.unit, x.quantity, o.kind, o.begins_at, o.ends_at, t.time_zone
        FROM alarm_definition d JOIN sensor x ON x.sensor_id = d.sensor_id
        JOIN suppression_scope c ON c.site_id = d.site_id AND c.zone_id = x.zone_id AND (c.asset_id IS NULL OR c.asset_id = x.asset_id)
        JOIN suppression_order o ON o.order_id = c.order_id JOIN site t ON t.site_id = o.site_id
        WHERE d.definition_id = ANY (%(definitions)s) AND o.kind IN ('hot_work', 'confined_space')
          AND o.ends_at > %(begins)s AND o.begins_at < %(ends)s
          AND NOT EXISTS (SELECT FROM suppression_step s WHERE s.order_id = o.order_id AND s.step IN ('ended', 'refused'))
        ORDER BY d.definition_id, o.ends_at
        """,
        {"definitions": list(definition_ids), "begins": begins, "ends": ends},
    ).fetchall()
    # Of several permits the one that ends last.
    return {
        definition_id: Guard(*rest)
        for definition_id, priority, unit, quantity, *rest in rows
        if priority == Priority.LIFE_SAFETY or is_gas(unit, quantity)
    }


def guarded_now(connection: Connection[Any], definition_ids: Sequence[int], now: datetime) -> frozenset[int]:
    """Of alarms, those that people at work depend on at this instant."""
    return frozenset(guards(connection, definition_ids, now, now + _INSTANT)) if definition_ids else frozenset()


def guarded_shelves(connection: Connection[Any], now: datetime) -> list[AlarmKey]:
    """Alarms on a shelf that guard people at work now."""
    shelved = connection.execute(
        "SELECT definition_id, sensor_id FROM alarm WHERE suppression = 'shelved' ORDER BY definition_id, sensor_id"
    ).fetchall()
    held = guarded_now(connection, [row[0] for row in shelved], now)
    return [AlarmKey(*row) for row in shelved if row[0] in held]


def put_aside(connection: Connection[Any]) -> dict[AlarmKey, tuple[Suppression, datetime | None]]:
    """Alarms that are put aside, as their rows say."""
    rows = connection.execute(
        """
        SELECT definition_id, sensor_id, suppression, suppressed_until FROM alarm WHERE suppression <> 'none'
        """
    ).fetchall()
    return {AlarmKey(d, s): (Suppression(suppression), until) for d, s, suppression, until in rows}


def retired(connection: Connection[Any], keys: Sequence[AlarmKey]) -> set[AlarmKey]:
    """Of some alarms those that are judged no more."""
    if not keys:
        return set()
    rows = connection.execute(
        """
        SELECT d.definition_id, d.sensor_id FROM alarm_definition d JOIN sensor x USING (sensor_id)
        WHERE d.definition_id = ANY (%s) AND (d.retired_at IS NOT NULL OR x.retired_at IS NOT NULL)
        """,
        ([key.definition_id for key in keys],),
    ).fetchall()
    return {AlarmKey(*row) for row in rows}


def words_for(connection: Connection[Any], covers: Iterable[Cover]) -> dict[tuple[str, int], str]:
    """What is kept as the reason with an alarm, by the source of its cover."""
    found = {cover.source for cover in covers}
    if not found:
        return {}
    return words_of(connection, *([each for of, each in sorted(found) if of == kind] for kind in ("order", "rule")))


def words_of(
    connection: Connection[Any], order_ids: Sequence[int], rule_ids: Sequence[int]
) -> dict[tuple[str, int], str]:
    """What is kept as the reason with an alarm, by ("order" or "rule", id)."""
    rows = connection.execute(
        """
        SELECT 'order', order_id, number || ': ' || reason FROM suppression_order WHERE order_id = ANY (%s::bigint[])
        UNION ALL SELECT 'rule', rule_id, title || ' / ' || title_zh FROM suppression_rule WHERE rule_id = ANY (%s::int[])
        """,
        (list(order_ids), list(rule_ids)),
    ).fetchall()
    return {(source, source_id): words for source, source_id, words in rows}


def touched(connection: Connection[Any], order: Order) -> list[Touched] | None:
    """The alarms that an order names or whose place it names; None where site, zone, machine or alarm is not there."""
    place = connection.execute(
        """
        SELECT 1 FROM site s WHERE s.site_id = %(site)s
          AND (%(zone)s::int IS NULL OR EXISTS (SELECT FROM zone z WHERE z.zone_id = %(zone)s AND z.site_id = s.site_id))
          AND (%(asset)s::int IS NULL OR EXISTS (SELECT FROM asset a WHERE a.asset_id = %(asset)s AND a.zone_id = %(zone)s))
          AND (SELECT count(*) FROM alarm_definition d WHERE d.definition_id = ANY (%(definitions)s::int[]) AND d.site_id = s.site_id
               AND d.retired_at IS NULL AND d.role = 'alarm') = cardinality(%(definitions)s::int[])
        """,
        _place(order),
    ).fetchone()
    if place is None:
        return None
    rows = connection.execute(
        """
        SELECT d.definition_id, d.sensor_id, d.title, d.priority, x.unit, x.quantity
        FROM alarm_definition d JOIN sensor x ON x.sensor_id = d.sensor_id AND x.retired_at IS NULL
        WHERE d.site_id = %(site)s AND d.retired_at IS NULL AND d.role = 'alarm'
          AND CASE WHEN cardinality(%(definitions)s::int[]) > 0 THEN d.definition_id = ANY (%(definitions)s::int[])
              ELSE (%(guards)s OR NOT x.is_virtual) AND (%(zone)s::int IS NULL OR x.zone_id = %(zone)s)
                   AND (%(asset)s::int IS NULL OR x.asset_id = %(asset)s) END
        ORDER BY d.definition_id
        """,
        _place(order),
    ).fetchall()
    return [Touched(d, s, title, Priority(priority), is_gas(*measured)) for d, s, title, priority, *measured in rows]


def _place(order: Order) -> dict[str, Any]:
    return {
        "site": order.site_id,
        "zone": order.zone_id,
        "asset": order.asset_id,
        "definitions": list(order.definition_ids),
        "guards": order.kind in GUARDS,  # a compound guards people; no window silences it
    }


def out_of_service_in(
    connection: Connection[Any], definition_ids: Sequence[int], begins: datetime, ends: datetime
) -> tuple[str, datetime, str] | None:
    """Of these alarms one that will be out of service at some time from `begins` to `ends`: title, until when, zone of the site."""
    row = connection.execute(
        """
        SELECT d.title, o.ends_at, t.time_zone FROM suppression_order o
        JOIN suppression_scope c USING (order_id) JOIN alarm_definition d ON d.definition_id = c.definition_id
        JOIN site t ON t.site_id = o.site_id
        WHERE o.kind = 'out_of_service' AND c.definition_id = ANY (%s) AND o.ends_at > %s AND o.begins_at < %s
          AND EXISTS (SELECT FROM suppression_step s WHERE s.order_id = o.order_id AND s.step = 'authorised')
          AND NOT EXISTS (SELECT FROM suppression_step s WHERE s.order_id = o.order_id AND s.step IN ('ended', 'refused'))
        ORDER BY o.ends_at DESC, d.definition_id LIMIT 1
        """,
        (list(definition_ids), begins, ends),
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def insert(connection: Connection[Any], order: Order, *, company_id: int, person_id: int, now: datetime) -> int:
    """Writes an order and where it holds; gives its id."""
    row = connection.execute(
        """
        INSERT INTO suppression_order (company_id, site_id, kind, begins_at, ends_at, number, reason, signed_by, recorded_at, requested_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING order_id
        """,
        (
            company_id, order.site_id, order.kind, order.begins_at, order.ends_at, order.number, order.reason, order.signed_by,
            now, person_id,
        ),
    ).fetchone()  # fmt: skip
    assert row is not None
    order_id = int(row[0])
    scopes: list[tuple[int | None, int | None, int | None]] = [(None, None, each) for each in order.definition_ids]
    connection.execute(
        """
        INSERT INTO suppression_scope (order_id, company_id, site_id, zone_id, asset_id, definition_id)
        SELECT %s, %s, %s, u.* FROM unnest(%s::int[], %s::int[], %s::int[]) AS u(zone_id, asset_id, definition_id)
        """,
        (order_id, company_id, order.site_id, *columns(scopes or [(order.zone_id, order.asset_id, None)], 3)),
    )
    return order_id


@dataclass(frozen=True, slots=True)
class OrderRow:
    """What a step needs of an order."""

    order_id: int
    company_id: int
    site_id: int
    kind: str
    begins_at: datetime
    ends_at: datetime
    requested_by: int
    authorised_at: datetime | None
    refused_at: datetime | None
    ended_at: datetime | None


def find(connection: Connection[Any], order_id: int) -> OrderRow | None:
    """The order, where the transaction may see it."""
    with connection.cursor(row_factory=class_row(OrderRow)) as cursor:
        return cursor.execute(
            """
            SELECT order_id, company_id, site_id, kind, begins_at, ends_at, requested_by, authorised_at, refused_at, ended_at
            FROM v_suppression_order WHERE order_id = %s
            """,
            (order_id,),
        ).fetchone()


def definitions_of(connection: Connection[Any], order_id: int) -> list[int]:
    """The single alarms it names."""
    rows = connection.execute(
        "SELECT definition_id FROM suppression_scope WHERE order_id = %s AND definition_id IS NOT NULL ORDER BY 1",
        (order_id,),
    ).fetchall()
    return [row[0] for row in rows]


def add_step(
    connection: Connection[Any], found: OrderRow, step: str, *, person_id: int, now: datetime, note: str
) -> bool:
    """Writes what became of it; False where somebody was faster."""
    done = connection.execute(
        """
        INSERT INTO suppression_step (order_id, company_id, step, at, person_id, note) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (found.order_id, found.company_id, step, now, person_id, note),
    )
    return done.rowcount == 1


def guarding(connection: Connection[Any], order_id: int) -> int:
    """How many alarms guard the people who work under a permit; 0: nothing of Davy's watches the air there."""
    rows = connection.execute(
        """
        SELECT DISTINCT d.definition_id, d.priority, x.unit, x.quantity
        FROM suppression_scope c JOIN sensor x ON x.site_id = c.site_id AND x.zone_id = c.zone_id AND x.retired_at IS NULL
        JOIN alarm_definition d ON d.sensor_id = x.sensor_id AND d.retired_at IS NULL AND d.role = 'alarm' AND d.detector <> 'stale'
        WHERE c.order_id = %(order)s AND (c.asset_id IS NULL OR c.asset_id = x.asset_id)
        """,
        {"order": order_id},
    ).fetchall()
    return sum(priority == Priority.LIFE_SAFETY or is_gas(unit, quantity) for _, priority, unit, quantity in rows)


def title_of(connection: Connection[Any], definition_id: int) -> str:
    """What an alarm is called."""
    row = connection.execute("SELECT title FROM alarm_definition WHERE definition_id = %s", (definition_id,)).fetchone()
    return row[0] if row else str(definition_id)
