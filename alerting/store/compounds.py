"""Compounds: written by the site import, read by ingest to judge, and the evidence of each part when one began."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from psycopg import Connection, Cursor
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerting.store.definitions import numbers_of
from core.batch import Event, Part, PartTold
from core.compound_row import CompoundPart, CompoundRow
from core.model import AlarmDefinition, Compound, Priority

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_compounds(connection: Connection[Any]) -> list[CompoundRow]:
    """All compounds with their parts, retired ones too."""
    with connection.cursor(row_factory=dict_row) as cursor:
        parts = cursor.execute(
            """
            SELECT p.compound_id, d.key AS limit, v.key || '/' || s.key AS sensor, p.name, p.name_zh, p.detector, p.parameters,
                   p.direction, p.setpoint, p.deadband, p.on_delay_s, p.off_delay_s, p.votes, p.votes_of
            FROM compound_part p LEFT JOIN alarm_definition d USING (definition_id)
            LEFT JOIN sensor s ON s.sensor_id = p.sensor_id LEFT JOIN device v ON v.device_id = s.device_id
            ORDER BY p.compound_id, p.position
            """
        ).fetchall()
        rows = cursor.execute(
            """
            SELECT c.compound_id, o.key AS company, t.key AS site, c.key, c.window_s, c.in_order, c.retired_at IS NOT NULL AS retired
            FROM compound c JOIN site t USING (site_id) JOIN company o ON o.company_id = c.company_id
            ORDER BY c.compound_id
            """
        ).fetchall()
    of: dict[int, list[CompoundPart]] = {}
    for part in parts:
        said = {name: value for name, value in part.items() if value is not None and name != "compound_id"}
        of.setdefault(part["compound_id"], []).append(CompoundPart(**said))
    own = [(tuple(of.get(row.pop("compound_id"), ())), row) for row in rows]
    return [CompoundRow(**row, parts=parts_of) for parts_of, row in own]


def write_compounds(connection: Connection[Any], rows: Iterable[CompoundRow], now: datetime) -> None:
    """Inserts or changes compounds; their parts are replaced whole.

    A part keeps its id, and with it what is known of its condition, wherever it stands in the list, as long as it is the same
    condition: equal in all that is judged, or the only one of its kind on its sensor before and after. Any other is new.
    """
    rows = list(rows)
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO compound AS c (company_id, site_id, sensor_id, key, window_s, in_order, valid_from, retired_at)
            SELECT s.company_id, s.site_id, s.sensor_id, %(key)s, %(window_s)s, %(in_order)s, %(now)s,
                   CASE WHEN %(retired)s THEN %(now)s::timestamptz END
            FROM sensor s JOIN device v USING (device_id) JOIN site t ON t.site_id = s.site_id
            WHERE t.key = %(site)s AND v.key = '_davy.' || t.key AND s.key = %(sensor)s
            ON CONFLICT (site_id, key) DO UPDATE SET window_s = excluded.window_s, in_order = excluded.in_order,
                version = c.version + 1, valid_from = excluded.valid_from,
                retired_at = CASE WHEN %(retired)s THEN coalesce(c.retired_at, %(now)s) END
            """,
            [
                {
                    "key": row.key,
                    "site": row.site,
                    "sensor": row.sensor,
                    "window_s": row.window_s,
                    "in_order": row.in_order,
                    "retired": row.retired,
                    "now": now,
                }
                for row in rows
            ],
        )
        before = _taken_out(cursor, rows)
        cursor.executemany(
            """
            INSERT INTO compound_part (compound_id, part_id, company_id, position, name, name_zh, definition_id, sensor_id, detector,
                parameters, direction, setpoint, deadband, on_delay_s, off_delay_s, votes, votes_of)
            OVERRIDING SYSTEM VALUE
            SELECT c.compound_id, coalesce(%(part_id)s, nextval(pg_get_serial_sequence('compound_part', 'part_id'))), c.company_id,
                   %(position)s, %(name)s, %(name_zh)s,
                   (SELECT d.definition_id FROM alarm_definition d WHERE d.site_id = c.site_id AND d.key = %(limit)s),
                   (SELECT s.sensor_id FROM sensor s JOIN device v USING (device_id)
                    WHERE s.site_id = c.site_id AND v.key = split_part(%(place)s, '/', 1) AND s.key = split_part(%(place)s, '/', 2)),
                   %(detector)s, %(parameters)s, %(direction)s, %(setpoint)s, %(deadband)s, %(on_delay_s)s, %(off_delay_s)s,
                   %(votes)s, %(votes_of)s
            FROM compound c JOIN site t USING (site_id) WHERE t.key = %(site)s AND c.key = %(key)s
            """,
            [
                {**_written(row, position, part), "part_id": part_id}
                for row in rows
                for position, (part, part_id) in enumerate(
                    zip(row.parts, _ids(row.parts, before.get((row.site, row.key), [])), strict=True)
                )
            ],
        )


def _taken_out(
    cursor: Cursor[Any], rows: Sequence[CompoundRow]
) -> dict[tuple[str, str], list[tuple[int, CompoundPart]]]:
    """Takes the conditions and limits out that compounds are made of: site and key -> each with its id."""
    cursor.execute(
        """
        DELETE FROM compound_part p
        USING unnest(%s::text[], %s::text[]) AS g (site, key), compound c, site t
        WHERE t.key = g.site AND c.site_id = t.site_id AND c.key = g.key AND p.compound_id = c.compound_id
        RETURNING g.site, g.key, p.part_id, (SELECT d.key FROM alarm_definition d WHERE d.definition_id = p.definition_id),
                  (SELECT v.key || '/' || s.key FROM sensor s JOIN device v USING (device_id) WHERE s.sensor_id = p.sensor_id),
                  p.detector, p.parameters, p.direction, p.setpoint, p.deadband, p.on_delay_s, p.off_delay_s, p.votes, p.votes_of
        """,
        ([row.site for row in rows], [row.key for row in rows]),
    )
    found: dict[tuple[str, str], list[tuple[int, CompoundPart]]] = {}
    for site, key, part_id, limit, sensor, *own in cursor.fetchall():
        said = {name: value for name, value in zip(_OWN, own, strict=True) if value is not None}
        found.setdefault((site, key), []).append((part_id, CompoundPart(limit=limit, sensor=sensor, **said)))
    return {name: sorted(parts, key=itemgetter(0)) for name, parts in found.items()}


def _ids(parts: Sequence[CompoundPart], before: Sequence[tuple[int, CompoundPart]]) -> list[int | None]:
    """The id of each part among those there were; None: it is new."""
    left = dict(before)
    found: list[int | None] = [None] * len(parts)
    for position, part in enumerate(parts):
        same = next((part_id for part_id, earlier in left.items() if _judged(earlier) == _judged(part)), None)
        if same is not None:
            found[position] = same
            del left[same]
    # A changed limit clears no alarm by itself: the condition goes on where there is no doubt which one it is.
    new = Counter(_kind(part) for part, part_id in zip(parts, found, strict=True) if part_id is None)
    gone = Counter(_kind(part) for part in left.values())
    id_of = {_kind(part): part_id for part_id, part in left.items()}
    for position, part in enumerate(parts):
        kind = _kind(part)
        if found[position] is None and new[kind] == gone[kind] == 1:
            found[position] = id_of[kind]
    return found


def _judged(part: CompoundPart) -> tuple[Any, ...]:
    """All of a part that its condition goes by."""
    own = [getattr(part, name) for name in _OWN if name != "parameters"]
    return part.limit, part.sensor, sorted(part.parameters.items()), own


def _kind(part: CompoundPart) -> tuple[str | None, ...]:
    return part.limit, part.sensor, part.detector, part.direction


_OWN: Final = (
    "detector",
    "parameters",
    "direction",
    "setpoint",
    "deadband",
    "on_delay_s",
    "off_delay_s",
    "votes",
    "votes_of",
)


def _written(row: CompoundRow, position: int, part: CompoundPart) -> dict[str, Any]:
    own: dict[str, Any] = {name: getattr(part, name) if part.limit is None else None for name in _OWN}
    if own["parameters"] is not None:
        own["parameters"] = Jsonb(dict(own["parameters"]))
    named = {"name": part.name, "name_zh": part.name_zh, "limit": part.limit, "place": part.sensor}
    return {**own, **named, "site": row.site, "key": row.key, "position": position}


def load_compounds(connection: Connection[Any]) -> tuple[list[Compound], list[AlarmDefinition]]:
    """The compounds in force, and the conditions of their own, under negative ids: they are judged and are no alarms."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT c.compound_id, c.sensor_id AS virtual, c.window_s, c.in_order, c.version, c.company_id, c.site_id, t.time_zone, p.position,
                   p.part_id, p.definition_id, p.sensor_id, p.detector, p.parameters::text AS parameters, p.direction, p.setpoint, p.deadband, p.on_delay_s,
                   p.off_delay_s, p.votes, p.votes_of, coalesce(nullif(p.name, ''), d.title) AS name,
                   coalesce(nullif(p.name_zh, ''), d.title_zh) AS name_zh, d.key AS limit, e.key || '/' || s.key AS sensor,
                   s.name AS sensor_name, s.name_zh AS sensor_name_zh, s.unit, coalesce(p.detector, d.detector) AS of_detector,
                   coalesce(p.direction, d.direction) AS of_direction, coalesce(p.setpoint, d.setpoint) AS of_setpoint
            FROM compound c JOIN compound_part p USING (compound_id) JOIN sensor v ON v.sensor_id = c.sensor_id JOIN site t ON t.site_id = c.site_id
            LEFT JOIN alarm_definition d ON d.definition_id = p.definition_id
            JOIN sensor s ON s.sensor_id = coalesce(p.sensor_id, d.sensor_id) JOIN device e ON e.device_id = s.device_id
            WHERE c.retired_at IS NULL AND v.retired_at IS NULL
            ORDER BY c.compound_id, p.position
            """
        ).fetchall()
    found: dict[int, Compound] = {}
    own: list[AlarmDefinition] = []
    for row in rows:
        part = row["definition_id"]
        if part is None:
            part = -row["part_id"]
            own.append(_condition(part, row))
        before = found.get(row["compound_id"])
        parts = (*before.parts, part) if before else (part,)
        told = (*before.told, _told(row)) if before else (_told(row),)
        found[row["compound_id"]] = Compound(
            row["virtual"], parts, round(row["window_s"] * 1_000_000), bool(row["in_order"]), told
        )
    return list(found.values()), own


def _told(row: dict[str, Any]) -> PartTold:
    return PartTold(
        name=row["name"],
        name_zh=row["name_zh"],
        limit=row["limit"],
        sensor=row["sensor"],
        sensor_name=row["sensor_name"],
        sensor_name_zh=row["sensor_name_zh"],
        unit=row["unit"],
        detector=row["of_detector"],
        direction=row["of_direction"],
        setpoint=row["of_setpoint"],
    )


def _condition(definition_id: int, row: dict[str, Any]) -> AlarmDefinition:
    return AlarmDefinition(
        definition_id=definition_id,
        company_id=row["company_id"],
        site_id=row["site_id"],
        sensor_id=row["sensor_id"],
        key=f"part {row['position']} of compound {row['compound_id']}",
        detector=row["detector"],
        parameters=numbers_of(row["parameters"]),
        direction=row["direction"],
        setpoint=row["setpoint"],
        deadband=row["deadband"],
        on_delay_us=round(row["on_delay_s"] * 1_000_000),
        off_delay_us=round(row["off_delay_s"] * 1_000_000),
        votes=row["votes"],
        votes_of=row["votes_of"],
        priority=Priority.LOW,
        version=row["version"],
        time_zone=row["time_zone"],
    )


def write_evidence(connection: Connection[Any], events: Sequence[Event]) -> None:
    """Freezes the parts of the compounds that began, as they were called when they were judged, beside their open occurrences."""
    began = [(event, [_evidence(part, part.told) for part in event.parts if part.told is not None]) for event in events]
    rows = [(event, parts) for event, parts in began if parts]
    if not rows:
        return
    connection.execute(
        """
        INSERT INTO compound_evidence (occurrence_id, company_id, at, parts)
        SELECT a.occurrence_id, a.company_id, g.at, g.parts
        FROM unnest(%s::int[], %s::int[], %s::timestamptz[], %s::jsonb[]) AS g (definition_id, sensor_id, at, parts)
        JOIN alarm a USING (definition_id, sensor_id)
        WHERE a.occurrence_id IS NOT NULL
        ON CONFLICT DO NOTHING
        """,
        (
            [event.definition_id for event, _ in rows],
            [event.sensor_id for event, _ in rows],
            [_instant(event.at) for event, _ in rows],
            [Jsonb(parts) for _, parts in rows],
        ),
    )


def _evidence(part: Part, told: PartTold) -> dict[str, Any]:
    return {
        **asdict(told),
        "counts": part.counts,
        "began_at": None if part.began_at is None else _instant(part.began_at).isoformat(),
        "ended_at": None if part.ended_at is None else _instant(part.ended_at).isoformat(),
        "value": part.value if part.value is not None and math.isfinite(part.value) else None,
    }


def _instant(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)
