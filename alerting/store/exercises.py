"""Exercises and roll calls in the database: asked for, running, ended; and what the roll calls of a position have shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.ledger import AlarmKey
from alerting.readiness import REMEMBERED, Answer


@dataclass(frozen=True, slots=True)
class Asked:
    """An exercise that a person wants, or a roll call that was drawn.

    Args:
        as_definition_id: the limit whose alarm is tried.
        roster_id: the duty position that is called; None: everybody of the site's routes.
        called_id: of a delivery test: whose receiver it goes to.
    """

    company_id: int
    site_id: int
    kind: str
    priority: str
    as_definition_id: int | None
    roster_id: int | None
    asked_by: int | None
    asked_at: datetime
    lasts_s: float
    why: str
    called_id: int | None = None
    on_wire: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """One that has not ended.

    Args:
        answered_at: when a person acknowledged it; None: nobody has.
        real_since: when an alarm of the site that matters more began to wait for a person; None: none does.
        sent_at: when the first of its messages was taken by a receiver.
    """

    exercise_id: int
    company_id: int
    site_id: int
    kind: str
    priority: str
    roster_id: int | None
    asked_at: datetime
    lasts_s: float
    began_at: datetime | None
    occurrence_id: int | None
    stop_asked_at: datetime | None
    answered_at: datetime | None
    answered_by: int | None
    real_since: datetime | None
    sent_at: datetime | None
    called_id: int | None
    on_wire: bool = False
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A site, with whose it is."""

    site_id: int
    company_id: int


@dataclass(frozen=True, slots=True)
class Called:
    """A duty position that is called without warning.

    Args:
        times: in 30 days.
        begins, ends: hours of its clock; None: any.
    """

    roster_id: int
    company_id: int
    site_id: int
    times: int
    begins: time | None
    ends: time | None
    time_zone: str
    seed: int
    looked_until: datetime


def add(connection: Connection[Any], asked: Asked) -> int | None:
    """Writes it down; gives its number, or None where one of the site runs already or that roll call is written down."""
    row = connection.execute(
        """
        INSERT INTO exercise (company_id, site_id, kind, priority, as_definition_id, roster_id, asked_by, asked_at, lasts_s, why)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING RETURNING exercise_id
        """,
        tuple(getattr(asked, name) for name in Asked.__slots__ if name not in ("called_id", "on_wire")),
    ).fetchone()
    if row is not None and asked.called_id is not None:
        connection.execute(
            "UPDATE exercise SET called_id = %s, on_wire = %s WHERE exercise_id = %s",
            (asked.called_id, asked.on_wire, row[0]),
        )
    return None if row is None else int(row[0])


def running(connection: Connection[Any]) -> list[Running]:
    """All that have not ended, in their order; ours until the end of the transaction."""
    with connection.cursor(row_factory=class_row(Running)) as cursor:
        return cursor.execute(
            """
            SELECT e.exercise_id, e.company_id, e.site_id, e.kind, e.priority, e.roster_id, e.asked_at, e.lasts_s, e.began_at, e.occurrence_id, e.stop_asked_at,
                   answer.at AS answered_at, answer.person_id AS answered_by,
                   (SELECT min(a.onset) FROM alarm a JOIN alarm_definition d ON d.definition_id = a.definition_id
                    WHERE a.site_id = e.site_id AND a.state IN ('B', 'E') AND a.state <> 'A' AND a.suppression = 'none' AND d.role = 'alarm'
                      AND d.priority IN ('life-safety', 'high')) AS real_since,
                   (SELECT min(n.sent_at) FROM notification n WHERE n.occurrence_id = e.occurrence_id AND n.state = 'sent') AS sent_at, e.called_id, e.on_wire, e.published_at
            FROM exercise e
            LEFT JOIN LATERAL (
                SELECT t.at, t.person_id FROM transition t WHERE t.occurrence_id = e.occurrence_id AND t.event = 'acknowledge'
                ORDER BY t.transition_id LIMIT 1
            ) answer ON true
            WHERE e.ended_at IS NULL ORDER BY e.exercise_id FOR NO KEY UPDATE OF e SKIP LOCKED
            """
        ).fetchall()


def alarm_of(connection: Connection[Any], site_id: int, priority: str) -> AlarmKey:
    """The alarm by which exercises of a priority walk at a site."""
    row = connection.execute("SELECT * FROM davy_exercise_alarm(%s, %s)", (site_id, priority)).fetchone()
    assert row is not None
    return AlarmKey(int(row[0]), int(row[1]))


def began(
    connection: Connection[Any],
    exercise_id: int,
    now: datetime,
    occurrence_id: int,
    *,
    called_id: int | None,
    hour: int | None,
    holiday: bool | None,
) -> None:
    """People are called from here on."""
    connection.execute(
        "UPDATE exercise SET began_at = %s, occurrence_id = %s, called_id = %s, local_hour = %s, on_holiday = %s WHERE exercise_id = %s",
        (now, occurrence_id, called_id, hour, holiday, exercise_id),
    )


def ended(connection: Connection[Any], of: Running, now: datetime, outcome: str) -> None:
    """It is over, and so is its occurrence."""
    connection.execute(
        "UPDATE exercise SET ended_at = %s, outcome = %s, answered_at = %s, answered_by = %s, delivered_at = %s WHERE exercise_id = %s",
        (now, outcome, of.answered_at, of.answered_by, of.sent_at if outcome == "delivered" else None, of.exercise_id),
    )
    if of.occurrence_id is not None:
        connection.execute(
            "UPDATE occurrence SET resolved_at = %s, resolution = 'test_or_drill' WHERE occurrence_id = %s AND exercise",
            (now, of.occurrence_id),
        )


def ask_to_stop(connection: Connection[Any], exercise_id: int, now: datetime, person_id: int | None) -> bool:
    """Whether there was anything to stop."""
    return (
        connection.execute(
            "UPDATE exercise SET stop_asked_at = %s, stopped_by = %s WHERE exercise_id = %s AND ended_at IS NULL AND stop_asked_at IS NULL",
            (now, person_id, exercise_id),
        ).rowcount
        == 1
    )


def find_site(connection: Connection[Any], key: str) -> Place | None:
    """The site of a key, where it may be seen."""
    with connection.cursor(row_factory=class_row(Place)) as cursor:
        return cursor.execute("SELECT site_id, company_id FROM site WHERE key = %s", (key,)).fetchone()


def find_limit(connection: Connection[Any], site_id: int, key: str) -> tuple[int, str] | None:
    """(definition, priority) of a limit of the site that holds."""
    row = connection.execute(
        "SELECT definition_id, priority FROM alarm_definition WHERE site_id = %s AND key = %s AND role = 'alarm' AND retired_at IS NULL",
        (site_id, key),
    ).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def find_position(connection: Connection[Any], site_id: int, key: str) -> int | None:
    """A duty position of the site by its key."""
    row = connection.execute(
        "SELECT roster_id FROM roster WHERE site_id = %s AND key = %s AND retired_at IS NULL", (site_id, key)
    ).fetchone()
    return None if row is None else int(row[0])


def waits_for_somebody(connection: Connection[Any], site_id: int) -> bool:
    """Whether an alarm of the site, life safety or high, waits for a person: an exercise would stand in its way."""
    row = connection.execute(
        """
        SELECT EXISTS (SELECT FROM alarm a JOIN alarm_definition d USING (definition_id)
                       WHERE a.site_id = %s AND a.state IN ('B', 'E') AND a.suppression = 'none' AND d.role = 'alarm'
                         AND d.priority IN ('life-safety', 'high'))
        """,
        (site_id,),
    ).fetchone()
    return row is not None and bool(row[0])


def in_storm(connection: Connection[Any], site_id: int, since: datetime, most: int) -> bool:
    """Whether so many alarms of the site began since then that its people have their hands full."""
    row = connection.execute(
        "SELECT count(*) >= %s FROM v_occurrence WHERE site_id = %s AND began_at >= %s AND NOT exercise AND NOT simulated AND NOT historic",
        (most, site_id, since),
    ).fetchone()
    return row is not None and bool(row[0])


def records(connection: Connection[Any], roster_ids: Sequence[int], now: datetime | None) -> dict[int, list[Answer]]:
    """What roll calls of the last year showed, by position; those that a real alarm or a person ended show nothing.

    Args:
        now: None: the database's own.
    """
    found: dict[int, list[Answer]] = {}
    if not roster_ids:
        return found
    rows = connection.execute(
        """
        SELECT roster_id, local_hour, on_holiday, extract(epoch FROM answered_at - began_at)::float8 FROM exercise
        WHERE roster_id = ANY(%s) AND kind = 'roll_call' AND outcome IN ('answered', 'unanswered') AND local_hour IS NOT NULL
          AND began_at > coalesce(%s, now()) - %s::interval
        ORDER BY exercise_id
        """,
        (list(roster_ids), now, REMEMBERED),
    ).fetchall()
    for roster_id, hour, holiday, took_s in rows:
        found.setdefault(int(roster_id), []).append(Answer(int(hour), bool(holiday), took_s))
    return found


def called_without_warning(connection: Connection[Any], now: datetime) -> list[Called]:
    """The duty positions whose site file wants roll calls; a new one gets its secret number."""
    connection.execute(
        """
        INSERT INTO roll_call_draw (roster_id, company_id, seed, looked_until)
        SELECT roster_id, company_id, hashtextextended(gen_random_uuid()::text, 0), %s FROM roster r
        WHERE roll_calls > 0 AND retired_at IS NULL AND NOT EXISTS (SELECT FROM roll_call_draw w WHERE w.roster_id = r.roster_id)
        ON CONFLICT DO NOTHING
        """,
        (now,),
    )
    with connection.cursor(row_factory=class_row(Called)) as cursor:
        return cursor.execute(
            """
            SELECT r.roster_id, r.company_id, r.site_id, r.roll_calls AS times, r.roll_calls_from AS begins, r.roll_calls_until AS ends, r.time_zone,
                   w.seed, w.looked_until
            FROM roster r JOIN roll_call_draw w USING (roster_id)
            WHERE r.roll_calls > 0 AND r.retired_at IS NULL ORDER BY r.roster_id
            """
        ).fetchall()


def looked(connection: Connection[Any], until: Mapping[int, datetime]) -> None:
    """Up to when the instants of each position are settled."""
    connection.execute(
        "UPDATE roll_call_draw w SET looked_until = u.until FROM unnest(%s::int[], %s::timestamptz[]) AS u (roster_id, until)"
        " WHERE w.roster_id = u.roster_id",
        (list(until), list(until.values())),
    )


def delivery_alarm_of(connection: Connection[Any], site_id: int) -> AlarmKey:
    """The alarm that stands while the delivery test of a site does not arrive."""
    row = connection.execute("SELECT * FROM davy_delivery_alarm(%s)", (site_id,)).fetchone()
    assert row is not None
    return AlarmKey(int(row[0]), int(row[1]))


def late_delivery(connection: Connection[Any], site_id: int) -> AlarmKey | None:
    """That alarm where it stands."""
    row = connection.execute(
        "SELECT a.definition_id, a.sensor_id FROM alarm a JOIN alarm_definition d USING (definition_id)"
        " WHERE a.site_id = %s AND d.key = '_delivery.late' AND a.active",
        (site_id,),
    ).fetchone()
    return None if row is None else AlarmKey(int(row[0]), int(row[1]))


def find_sink(connection: Connection[Any], key: str) -> int | None:
    """Whose receiver takes delivery tests: one of the insurer's own, who is active and can be reached."""
    row = connection.execute(
        "SELECT p.person_id FROM person p WHERE p.key = %s AND p.active AND p.company_id IS NULL"
        " AND EXISTS (SELECT FROM v_reachable v WHERE v.person_id = p.person_id AND NOT v.dead)",
        (key,),
    ).fetchone()
    return None if row is None else int(row[0])


@dataclass(frozen=True, slots=True)
class Tested:
    """A site and its newest delivery test: what pages, doctor and findings read of it.

    Args:
        asked_at: when it was last due; None: never.
        took_s: how long the message took from where it began; None: it did not arrive, or has not yet.
        on_wire: it began with a reading; False: with its alarm, or there was none.
        missing: of one that did not arrive, the first leg that did not come: one of `wire_tests.LEGS`; None where it began with its alarm.
        to_broker_s, to_alarm_s: seconds from its being published until the broker had it, and until ingest had stored it and raised
            its alarm, which is one transaction.
    """

    site_id: int
    company_id: int
    key: str
    asked_at: datetime | None
    outcome: str | None
    took_s: float | None
    on_wire: bool
    missing: str | None
    to_broker_s: float | None
    to_alarm_s: float | None


def deliveries(connection: Connection[Any]) -> list[Tested]:
    """Every site, in the order of their ids."""
    with connection.cursor(row_factory=class_row(Tested)) as cursor:
        return cursor.execute(
            """
            SELECT s.site_id, s.company_id, s.key, e.asked_at, e.outcome,
                   extract(epoch FROM e.delivered_at - coalesce(e.published_at, e.began_at))::float8 AS took_s, coalesce(e.on_wire, false) AS on_wire, e.missing,
                   extract(epoch FROM e.taken_at - e.published_at)::float8 AS to_broker_s, extract(epoch FROM e.raised_at - e.published_at)::float8 AS to_alarm_s
            FROM site s LEFT JOIN LATERAL (
                SELECT asked_at, outcome, delivered_at, began_at, on_wire, published_at, taken_at, raised_at, missing FROM v_exercise
                WHERE site_id = s.site_id AND kind = 'delivery' ORDER BY asked_at DESC LIMIT 1
            ) e ON true
            ORDER BY s.site_id
            """
        ).fetchall()
