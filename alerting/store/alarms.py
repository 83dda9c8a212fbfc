"""Alarms as they stand, their occurrences and transitions: every write is one statement for any number of alarms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.alarm import Alarm, State, Suppression
from alerting.chain import Link
from alerting.ledger import AlarmKey, Standing
from alerting.store.columns import columns, key_columns
from core.model import Priority


def make_missing(
    connection: Connection[Any], keys: Sequence[AlarmKey], geneses: Sequence[bytes], now: datetime
) -> None:
    """Alarm rows for those that have none yet: normal, with nothing on their chain."""
    connection.execute(
        """
        INSERT INTO alarm (definition_id, sensor_id, company_id, site_id, changed_at, chain)
        SELECT k.definition_id, k.sensor_id, d.company_id, d.site_id, %s, k.chain
        FROM unnest(%s::int[], %s::int[], %s::bytea[]) AS k(definition_id, sensor_id, chain)
        JOIN alarm_definition d ON d.definition_id = k.definition_id AND d.sensor_id = k.sensor_id
        WHERE NOT EXISTS (SELECT FROM alarm a WHERE a.definition_id = k.definition_id AND a.sensor_id = k.sensor_id)
        ORDER BY k.definition_id, k.sensor_id
        ON CONFLICT DO NOTHING
        """,
        (now, *key_columns(keys), list(geneses)),
    )


@dataclass(frozen=True, slots=True)
class _AlarmRow:
    definition_id: int
    sensor_id: int
    company_id: int
    site_id: int
    priority: str
    latch: bool
    state: str
    active: bool
    suppression: str
    suppressed_until: datetime | None
    onset: datetime | None
    occurrence_id: int | None
    chain: bytes
    transitions: int
    changed_at: datetime
    is_state: bool
    is_exercise: bool

    def standing(self) -> Standing:
        return Standing(
            key=AlarmKey(self.definition_id, self.sensor_id),
            company_id=self.company_id,
            site_id=self.site_id,
            priority=Priority(self.priority),
            latch=self.latch,
            alarm=Alarm(
                State(self.state), self.active, Suppression(self.suppression), self.suppressed_until, self.onset
            ),
            occurrence_id=self.occurrence_id,
            chain=self.chain,
            transitions=self.transitions,
            changed_at=self.changed_at,
            is_state=self.is_state,
            is_exercise=self.is_exercise,
        )


def lock(connection: Connection[Any], keys: Sequence[AlarmKey]) -> dict[AlarmKey, Standing]:
    """The alarms, locked in the order of their keys, so that two who want the same ones never wait for each other."""
    with connection.cursor(row_factory=class_row(_AlarmRow)) as cursor:
        rows = cursor.execute(
            """
            SELECT a.definition_id, a.sensor_id, a.company_id, a.site_id, d.priority, d.latch, a.state::text AS state, a.active,
                   a.suppression, a.suppressed_until, a.onset, a.occurrence_id, a.chain, a.transitions, a.changed_at,
                   d.role = 'state' AS is_state, d.role = 'exercise' AS is_exercise
            FROM unnest(%s::int[], %s::int[]) AS k(definition_id, sensor_id)
            JOIN alarm a ON a.definition_id = k.definition_id AND a.sensor_id = k.sensor_id
            JOIN alarm_definition d ON d.definition_id = a.definition_id
            ORDER BY a.definition_id, a.sensor_id
            FOR NO KEY UPDATE OF a
            """,
            key_columns(keys),
        ).fetchall()
    return {AlarmKey(row.definition_id, row.sensor_id): row.standing() for row in rows}


def acknowledged_below(connection: Connection[Any], keys: Sequence[AlarmKey]) -> dict[AlarmKey, list[AlarmKey]]:
    """Of some alarms the acknowledged ones whose definition has a milder setpoint on the same number of the same sensor."""
    rows = connection.execute(
        """
        SELECT h.definition_id, h.sensor_id, a.definition_id, a.sensor_id
        FROM unnest(%s::int[], %s::int[]) AS k(definition_id, sensor_id)
        JOIN alarm_definition h ON h.definition_id = k.definition_id AND h.sensor_id = k.sensor_id
        JOIN alarm a ON a.sensor_id = h.sensor_id AND a.state = 'C' AND a.definition_id <> h.definition_id
        JOIN alarm_definition m ON m.definition_id = a.definition_id AND m.detector = h.detector AND m.direction = h.direction
             AND m.parameters = h.parameters AND m.other_sensor_id IS NOT DISTINCT FROM h.other_sensor_id
             AND CASE h.direction WHEN 'high' THEN m.setpoint < h.setpoint ELSE m.setpoint > h.setpoint END
        ORDER BY h.definition_id, a.definition_id
        """,
        key_columns(keys),
    ).fetchall()
    found: dict[AlarmKey, list[AlarmKey]] = {}
    for of, sensor_id, definition_id, _ in rows:
        found.setdefault(AlarmKey(of, sensor_id), []).append(AlarmKey(definition_id, sensor_id))
    return found


def announced_with(connection: Connection[Any], key: AlarmKey) -> list[AlarmKey]:
    """The alarms of milder setpoints on the same number that wait for a person because this one was raised."""
    rows = connection.execute(
        """
        SELECT a.definition_id, a.sensor_id FROM alarm_definition h
        JOIN alarm_definition m ON m.site_id = h.site_id AND m.sensor_id = h.sensor_id AND m.detector = h.detector
             AND m.direction = h.direction AND m.parameters = h.parameters
             AND CASE h.direction WHEN 'high' THEN m.setpoint < h.setpoint ELSE m.setpoint > h.setpoint END
        JOIN alarm a ON a.definition_id = m.definition_id AND a.sensor_id = m.sensor_id AND a.state = 'B'
        JOIN transition t ON t.definition_id = a.definition_id AND t.sensor_id = a.sensor_id AND t.number = a.transitions
             AND t.event = 'escalate'
        WHERE h.definition_id = %s AND h.sensor_id = %s
        ORDER BY a.definition_id
        """,
        tuple(key),
    ).fetchall()
    return [AlarmKey(*row) for row in rows]


def due_again(connection: Connection[Any], now: datetime) -> list[tuple[AlarmKey, datetime]]:
    """Acknowledged alarms whose condition has held for longer since than their definition bears, with when they were acknowledged.

    What is retired is not judged any more, and what the demo made up calls nobody.
    """
    rows = connection.execute(
        """
        SELECT a.definition_id, a.sensor_id, a.changed_at FROM alarm a
        JOIN alarm_definition d ON d.definition_id = a.definition_id
        JOIN sensor s ON s.sensor_id = a.sensor_id
        JOIN occurrence o ON o.occurrence_id = a.occurrence_id
        WHERE a.state = 'C' AND a.active AND a.suppression = 'none' AND NOT o.simulated
          AND d.retired_at IS NULL AND s.retired_at IS NULL
          AND a.changed_at + d.realarm_after_s * interval '1 second' <= %s
        ORDER BY a.definition_id, a.sensor_id
        """,
        (now,),
    ).fetchall()
    return [(AlarmKey(definition_id, sensor_id), since) for definition_id, sensor_id, since in rows]


def ended_shelves(connection: Connection[Any], now: datetime) -> list[tuple[AlarmKey, datetime]]:
    """Alarms whose shelf has ended by `now`, with when it did, in the order of their keys."""
    rows = connection.execute(
        """
        SELECT definition_id, sensor_id, suppressed_until FROM alarm
        WHERE suppression = 'shelved' AND suppressed_until <= %s ORDER BY definition_id, sensor_id
        """,
        (now,),
    ).fetchall()
    return [(AlarmKey(definition_id, sensor_id), until) for definition_id, sensor_id, until in rows]


def uncalled_but_held(connection: Connection[Any], now: datetime, news: timedelta) -> list[tuple[AlarmKey, datetime]]:
    """Active alarms that wait for a person who was not called in full, and whose sensor spoke lately; with their onset.

    Args:
        news: what was learnt of later than this after it happened called nobody, or not in full; a reading younger than this
            says how things are now.
    """
    rows = connection.execute(
        """
        SELECT a.definition_id, a.sensor_id, a.onset FROM alarm a
        CROSS JOIN LATERAL (SELECT measured_at FROM v_latest WHERE sensor_id = a.sensor_id LIMIT 1) l
        WHERE a.state = 'B' AND a.state <> 'A' AND a.active AND a.suppression = 'none'
          AND a.onset < %(now)s - %(news)s AND l.measured_at > %(now)s - %(news)s
          AND EXISTS (SELECT FROM transition t
                      WHERE t.definition_id = a.definition_id AND t.sensor_id = a.sensor_id AND t.at = a.onset
                        AND t.to_state = 'B' AND t.event <> 'escalate' AND t.recorded_at - t.at > %(news)s)
        ORDER BY a.definition_id, a.sensor_id
        """,
        {"now": now, "news": news},
    ).fetchall()
    return [(AlarmKey(definition_id, sensor_id), onset) for definition_id, sensor_id, onset in rows]


def untold(connection: Connection[Any], news: timedelta) -> list[AlarmKey]:
    """Alarms that wait for a person, active or latched, and nobody is being called; in the order of their keys.

    Args:
        news: a latched one whose beginning was learnt of later than this after it happened is the past, and calls nobody. Nor
            does one that was put aside since it ended: who did that knows of it.
    """
    rows = connection.execute(
        """
        SELECT a.definition_id, a.sensor_id FROM alarm a JOIN alarm_definition d ON d.definition_id = a.definition_id AND d.retired_at IS NULL
        WHERE a.state IN ('B', 'E') AND a.state <> 'A' AND a.suppression = 'none' AND a.onset IS NULL
          AND (a.active OR EXISTS (
              SELECT FROM transition c
              CROSS JOIN LATERAL (
                  SELECT t.at, t.recorded_at FROM transition t
                  WHERE t.definition_id = c.definition_id AND t.sensor_id = c.sensor_id AND t.event = 'raise'
                  ORDER BY t.number DESC LIMIT 1
              ) r
              WHERE c.definition_id = a.definition_id AND c.sensor_id = a.sensor_id AND c.number = a.transitions
                AND c.event = 'clear' AND r.recorded_at - r.at <= %s
          ))
        ORDER BY a.definition_id, a.sensor_id
        """,
        (news,),
    ).fetchall()
    return [AlarmKey(*row) for row in rows]


def untold_spools(connection: Connection[Any], key: str, percent: float) -> list[AlarmKey]:
    """Of those that are active and of which nobody has been told, the alarms of Davy's own sensor `key` that `percent` reaches."""
    rows = connection.execute(
        """
        SELECT a.definition_id, a.sensor_id FROM alarm a
        JOIN sensor s ON s.sensor_id = a.sensor_id AND s.is_virtual AND s.key = %s
        JOIN alarm_definition d ON d.definition_id = a.definition_id AND d.setpoint <= %s
        WHERE a.state = 'B' AND a.state <> 'A' AND a.suppression = 'none' AND a.onset IS NULL
        ORDER BY a.definition_id, a.sensor_id
        """,
        (key, percent),
    ).fetchall()
    return [AlarmKey(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Opening:
    """An occurrence that begins."""

    key: AlarmKey
    company_id: int
    site_id: int
    began_at: datetime
    first_value: float | None
    evidence_from: datetime
    historic: bool
    replayed: bool
    simulated: bool = False


def open_occurrences(connection: Connection[Any], openings: Sequence[Opening]) -> dict[AlarmKey, int]:
    """Writes new occurrences; gives their ids."""
    rows = connection.execute(
        """
        INSERT INTO occurrence (definition_id, sensor_id, company_id, site_id, began_at, first_value, evidence_from, historic,
                                replayed, simulated, setpoint, definition_version, exercise)
        SELECT u.*, d.setpoint, d.version, d.role = 'exercise'
        FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::timestamptz[], %s::float8[], %s::timestamptz[],
                    %s::boolean[], %s::boolean[], %s::boolean[])
             AS u(definition_id, sensor_id, company_id, site_id, began_at, first_value, evidence_from, historic, replayed,
                  simulated)
        JOIN alarm_definition d ON d.definition_id = u.definition_id
        RETURNING definition_id, sensor_id, occurrence_id
        """,
        (
            *key_columns([o.key for o in openings]),
            *columns(
                [
                    (
                        o.company_id,
                        o.site_id,
                        o.began_at,
                        o.first_value,
                        o.evidence_from,
                        o.historic,
                        o.replayed,
                        o.simulated,
                    )
                    for o in openings
                ],
                8,
            ),
        ),
    ).fetchall()
    return {AlarmKey(definition_id, sensor_id): occurrence_id for definition_id, sensor_id, occurrence_id in rows}


def set_normality(connection: Connection[Any], rows: Sequence[tuple[int, datetime | None, datetime | None]]) -> None:
    """(occurrence, back in normal at or null, end of its evidence or null) for occurrences that left or regained normal."""
    connection.execute(
        """
        UPDATE occurrence o SET normal_at = u.normal_at, evidence_until = u.evidence_until
        FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS u(occurrence_id, normal_at, evidence_until)
        WHERE o.occurrence_id = u.occurrence_id
        """,
        columns(rows, 3),
    )


def set_real(connection: Connection[Any], occurrence_ids: Sequence[int | None]) -> None:
    """Takes the mark of history that is played from occurrences that something real has joined."""
    connection.execute(
        "UPDATE occurrence SET replayed = false WHERE occurrence_id = ANY (%s::bigint[]) AND replayed",
        ([each for each in occurrence_ids if each is not None],),
    )


_LINK = tuple(Link.__slots__)


def add_transitions(connection: Connection[Any], rows: Sequence[tuple[Link, bytes, bytes]]) -> None:
    """Appends transitions with their (previous, hash)."""
    connection.execute(
        """
        INSERT INTO transition (company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event,
                                from_state, to_state, suppression, value, person_id, reason, until, batch_no, replayed, previous,
                                hash)
        SELECT u.company_id, u.definition_id, u.sensor_id, u.number, u.occurrence_id, u.at, u.recorded_at, u.event,
               u.from_state::"char", u.to_state::"char", u.suppression, u.value, u.person_id, u.reason, u.until, u.batch_no,
               u.replayed, u.previous, u.hash
        FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[],
                    %s::text[], %s::text[], %s::text[], %s::float8[], %s::int[], %s::text[], %s::timestamptz[], %s::bigint[],
                    %s::boolean[], %s::bytea[], %s::bytea[])
             AS u(company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event, from_state, to_state,
                  suppression, value, person_id, reason, until, batch_no, replayed, previous, hash)
        """,
        columns([(*(getattr(link, name) for name in _LINK), previous, hashed) for link, previous, hashed in rows], 19),
    )


def save(connection: Connection[Any], standings: Sequence[Standing]) -> None:
    """The alarms' rows as they stand now."""
    connection.execute(
        """
        UPDATE alarm a SET state = u.state::"char", active = u.active, changed_at = u.changed_at, suppression = u.suppression,
               suppressed_until = u.suppressed_until, occurrence_id = u.occurrence_id, onset = u.onset, chain = u.chain,
               transitions = u.transitions
        FROM unnest(%s::int[], %s::int[], %s::text[], %s::boolean[], %s::timestamptz[], %s::text[], %s::timestamptz[],
                    %s::bigint[], %s::timestamptz[], %s::bytea[], %s::int[])
             AS u(definition_id, sensor_id, state, active, changed_at, suppression, suppressed_until, occurrence_id, onset, chain,
                  transitions)
        WHERE a.definition_id = u.definition_id AND a.sensor_id = u.sensor_id
        """,
        (
            *key_columns([s.key for s in standings]),
            *columns(
                [
                    (
                        s.alarm.state, s.alarm.active, s.changed_at, s.alarm.suppression, s.alarm.until, s.occurrence_id,
                        s.alarm.onset, s.chain, s.transitions,
                    )
                    for s in standings
                ],
                9,
            ),
        ),
    )  # fmt: skip
    said = [(*s.key, *s.suppressed) for s in standings if s.suppressed is not None]
    if said:
        connection.execute(
            """
            UPDATE alarm a SET suppression_reason = u.reason, suppressed_by = u.person_id
            FROM unnest(%s::int[], %s::int[], %s::text[], %s::int[]) AS u(definition_id, sensor_id, reason, person_id)
            WHERE a.definition_id = u.definition_id AND a.sensor_id = u.sensor_id
            """,
            columns(said, 4),
        )


def notify(connection: Connection[Any], company_ids: Iterable[int], *, outbox: bool) -> None:
    """Tells the pages whose scope changed (ids only) and, where something is to be sent, the outbox."""
    connection.execute(
        """
        SELECT pg_notify('davy_scope', company_id::text) FROM unnest(%s::int[]) AS c(company_id)
        UNION ALL SELECT pg_notify('davy_outbox', '') WHERE %s
        """,
        (sorted(set(company_ids)), outbox),
    )


def transitions_of(connection: Connection[Any], keys: Sequence[AlarmKey]) -> list[tuple[Link, bytes, bytes]]:
    """Every transition of some alarms with its (previous, hash), as `chain.verify` wants them."""
    rows = connection.execute(
        """
        SELECT company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event, from_state::text,
               to_state::text, suppression, value, person_id, reason, until, batch_no, replayed, previous, hash
        FROM transition JOIN unnest(%s::int[], %s::int[]) AS k(definition_id, sensor_id) USING (definition_id, sensor_id)
        ORDER BY definition_id, sensor_id, number
        """,
        key_columns(keys),
    ).fetchall()
    return [(Link(**dict(zip(_LINK, row, strict=False))), row[-2], row[-1]) for row in rows]


def active(connection: Connection[Any]) -> set[AlarmKey]:
    """Alarms whose condition holds, as ingest last said: what a restarted ingest compares its own conditions with; of what is judged."""
    rows = connection.execute(
        "SELECT a.definition_id, a.sensor_id FROM alarm a JOIN sensor s USING (sensor_id) WHERE a.active AND s.judged"
    ).fetchall()
    return {AlarmKey(*row) for row in rows}
