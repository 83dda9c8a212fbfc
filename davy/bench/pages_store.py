"""The past of the pages' bench, written by the database itself, and what its pages must show. The tables belong to others.

It is written as superuser with foreign keys at rest: a million rows, each looked up three times, would take longer than the bench.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from davy.bench.portfolio import ALARMING

VIEWER: Final = "bench-underwriter"
STEPS: Final = 4  # transitions of an occurrence that is over: raise, acknowledge, clear, resolve
EVERY_STATE: Final = (
    4  # one open alarm in four waits, is acknowledged, is back unanswered, is back and waits to be resolved
)
EVERY_SHELVED: Final = 10  # one open alarm in ten is shelved


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What lies behind the bench.

    Args:
        transitions: of occurrences that are over.
        open_per_company: alarms that stand open besides.
        charted: sensors of the first site with minutes and hours of all those days.
    """

    since: datetime
    until: datetime
    transitions: int
    open_per_company: int
    charted: int


def write_past(superuser: Connection[Any], past: Past) -> None:
    """Fills an instance whose ingest judges already, so that it takes none of it for its own."""
    with superuser.transaction():
        superuser.execute("SET LOCAL session_replication_role = replica")
        superuser.execute("SET LOCAL synchronous_commit = off")
        _write_occurrences(superuser, past)
        _write_transitions(superuser)
        _write_alarms(superuser, past)
        _write_rollups(superuser, past)
        _write_scores(superuser)
    for table in ("occurrence", "transition", "alarm", "notification", "reading_minute", "reading_hour", "site_score"):
        superuser.execute(_VACUUM[table])  # as autovacuum would have, long ago


_VACUUM: Final = {
    "occurrence": "VACUUM ANALYZE occurrence",
    "transition": "VACUUM ANALYZE transition",
    "alarm": "VACUUM ANALYZE alarm",
    "notification": "VACUUM ANALYZE notification",
    "reading_minute": "VACUUM ANALYZE reading_minute",
    "reading_hour": "VACUUM ANALYZE reading_hour",
    "site_score": "VACUUM ANALYZE site_score",
}


def _write_occurrences(connection: Connection[Any], past: Past) -> None:
    """Rounds of all limits over the days, the newest last; then those that stand open."""
    connection.execute(
        """CREATE TEMP TABLE made ON COMMIT DROP AS
           SELECT row_number() OVER (ORDER BY at, definition_id)::bigint AS occurrence_id, m.*, NULL::int AS open
           FROM (SELECT d.definition_id, d.sensor_id, d.company_id, d.site_id, d.setpoint, n AS round,
                        %(since)s + ((n - 1) + (d.definition_id %% 997) / 997.0) * (%(until)s - %(since)s) / r.rounds AS at
                 FROM alarm_definition d
                 CROSS JOIN (SELECT -(-%(occurrences)s::int / count(*)) + 1 AS rounds FROM alarm_definition WHERE detector = 'limit' AND role = 'alarm') r
                 CROSS JOIN LATERAL generate_series(1, r.rounds) n
                 WHERE d.detector = 'limit' AND d.role = 'alarm'
                 ORDER BY n, d.definition_id LIMIT %(occurrences)s) m""",
        {"since": past.since, "until": past.until, "occurrences": past.transitions // STEPS},
    )
    connection.execute(
        """INSERT INTO made
           SELECT (SELECT count(*) FROM made) + row_number() OVER (ORDER BY c.n, c.definition_id), c.definition_id, c.sensor_id,
                  c.company_id, c.site_id, c.setpoint, coalesce((SELECT max(round) FROM made m WHERE m.definition_id = c.definition_id), 0) + 1,
                  %(until)s + c.n * interval '20 seconds', c.n
           FROM (SELECT d.*, row_number() OVER (PARTITION BY company_id ORDER BY md5(key)) AS n
                 FROM alarm_definition d WHERE detector = 'limit' AND role = 'alarm') c
           WHERE c.n <= %(open)s""",
        {"until": past.until, "open": past.open_per_company},
    )
    connection.execute(
        """INSERT INTO occurrence (occurrence_id, company_id, site_id, definition_id, sensor_id, began_at, normal_at, resolved_at,
                                   resolved_by, resolution, action_taken, first_value, setpoint, definition_version, evidence_from,
                                   evidence_until)
           OVERRIDING SYSTEM VALUE
           SELECT m.occurrence_id, m.company_id, m.site_id, m.definition_id, m.sensor_id, m.at,
                  CASE WHEN m.open IS NULL OR m.open %% %(states)s = 3 THEN m.at + interval '10 minutes' END,
                  CASE WHEN m.open IS NULL THEN m.at + interval '1 hour' END,
                  CASE WHEN m.open IS NULL THEN o.person_id END,
                  CASE WHEN m.open IS NULL THEN CASE m.occurrence_id %% 5 WHEN 0 THEN 'nuisance' ELSE 'true_danger' END END,
                  CASE WHEN m.open IS NULL THEN 'Looked, and put right' END,
                  %(value)s, m.setpoint, 1, m.at - interval '30 minutes',
                  CASE WHEN m.open IS NULL THEN m.at + interval '40 minutes' END
           FROM made m JOIN site s USING (site_id) JOIN person o ON o.key = 'officer-' || s.key
           ORDER BY m.occurrence_id""",
        {"states": EVERY_STATE, "value": float(ALARMING)},
    )
    connection.execute("SELECT setval('occurrence_occurrence_id_seq', (SELECT max(occurrence_id) FROM occurrence))")


def _write_transitions(connection: Connection[Any]) -> None:
    """As they would have come, in the order of time; their hashes hang on each other, but are of no canonical row."""
    connection.execute(
        """CREATE TEMP TABLE step ON COMMIT DROP AS
           SELECT m.*, s.event, s.from_state, s.to_state, s.own, m.at + s.after AS happened,
                  row_number() OVER (PARTITION BY m.definition_id ORDER BY m.at, s.own) AS number
           FROM made m CROSS JOIN LATERAL (VALUES
               (1, 'raise', 'A', 'B', interval '0'),
               (2, 'acknowledge', 'B', 'C', interval '2 minutes'),
               (3, 'clear', CASE WHEN m.open % 4 = 2 THEN 'B' ELSE 'C' END, CASE WHEN m.open % 4 = 2 THEN 'D' ELSE 'A' END,
                   interval '10 minutes'),
               (4, 'resolve', 'A', 'A', interval '1 hour')) s (own, event, from_state, to_state, after)
           WHERE m.open IS NULL OR s.own = 1 OR (m.open % 4 = 1 AND s.own = 2) OR (m.open % 4 = 2 AND s.own = 3)
              OR (m.open % 4 = 3 AND s.own IN (2, 3))"""
    )
    connection.execute(
        """INSERT INTO transition (company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event, from_state,
                                   to_state, suppression, value, person_id, batch_no, previous, hash)
           SELECT t.company_id, t.definition_id, t.sensor_id, t.number, t.occurrence_id, t.happened, t.happened, t.event,
                  t.from_state::"char", t.to_state::"char", 'none',
                  CASE t.event WHEN 'raise' THEN %(value)s WHEN 'clear' THEN 20.0 END,
                  CASE WHEN t.event IN ('acknowledge', 'resolve') THEN o.person_id END,
                  CASE WHEN t.event IN ('raise', 'clear') THEN 0 END,
                  sha256(('bench' || t.definition_id || '/' || t.number - 1)::bytea), sha256(('bench' || t.definition_id || '/' || t.number)::bytea)
           FROM step t JOIN site s USING (site_id) JOIN person o ON o.key = 'officer-' || s.key
           ORDER BY t.happened, t.definition_id, t.number""",
        {"value": float(ALARMING)},
    )
    connection.execute(
        """INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id,
                                     channel, due_at, urgency, state, attempt, created_at, sent_at, finished_at, outcome)
           SELECT t.definition_id || '-' || t.sensor_id || '-' || t.occurrence_id || '-0-webhook', t.company_id, t.occurrence_id,
                  t.definition_id, t.sensor_id, t.happened, 0, 'at-once', 'client', o.person_id, 'webhook', t.happened, 1, 'sent', 1,
                  t.happened, t.happened, t.happened, '200 OK'
           FROM step t JOIN site s USING (site_id) JOIN person o ON o.key = 'officer-' || s.key
           WHERE t.event = 'raise' ORDER BY t.happened"""
    )


def _write_alarms(connection: Connection[Any], past: Past) -> None:
    connection.execute(
        """INSERT INTO alarm (definition_id, sensor_id, company_id, site_id, state, active, changed_at, suppression, suppressed_until,
                              suppression_reason, suppressed_by, occurrence_id, onset, chain, transitions)
           SELECT t.definition_id, t.sensor_id, t.company_id, t.site_id, t.to_state::"char", t.open %% %(states)s IN (0, 1) IS TRUE,
                  t.happened, CASE WHEN shelf.is THEN 'shelved' ELSE 'none' END,
                  CASE WHEN shelf.is THEN now() + interval '8 hours' END, CASE WHEN shelf.is THEN 'Calibration' END,
                  CASE WHEN shelf.is THEN o.person_id END, CASE WHEN t.open IS NOT NULL THEN t.occurrence_id END,
                  CASE WHEN t.to_state = 'B' THEN t.happened END, sha256(('bench' || t.definition_id || '/' || t.number)::bytea), t.number
           FROM (SELECT DISTINCT ON (definition_id) * FROM step ORDER BY definition_id, number DESC) t
           CROSS JOIN LATERAL (SELECT t.open %% %(shelved)s = 0 IS TRUE AS is) shelf
           JOIN site s USING (site_id) JOIN person o ON o.key = 'officer-' || s.key
           ORDER BY t.definition_id""",
        {"states": EVERY_STATE, "shelved": EVERY_SHELVED},
    )


def _write_rollups(connection: Connection[Any], past: Past) -> None:
    """In the order in which the minutes passed: those of one sensor lie apart, as they do."""
    connection.execute(
        """INSERT INTO reading_minute (sensor_id, minute, company_id, readings, good, minimum, maximum, mean)
           SELECT s.sensor_id, at, s.company_id, 60, 60, 20 + sin(extract(epoch FROM at) / 5000), 30 + sin(extract(epoch FROM at) / 5000), 25
           FROM generate_series(date_trunc('minute', %(since)s::timestamptz), %(until)s, interval '1 minute') at
           CROSS JOIN (SELECT sensor_id, company_id FROM sensor ORDER BY site_id, sensor_id LIMIT %(charted)s) s
           ORDER BY at, s.sensor_id""",
        {"since": past.since, "until": past.until, "charted": past.charted},
    )
    connection.execute(
        """INSERT INTO reading_hour (sensor_id, hour, company_id, readings, good, minimum, maximum, mean)
           SELECT sensor_id, date_trunc('hour', minute, 'UTC') AS hour, company_id, sum(readings), sum(good), min(minimum),
                  max(maximum), avg(mean)
           FROM reading_minute GROUP BY 1, 2, 3 ORDER BY 2, 1"""
    )


def _write_scores(connection: Connection[Any]) -> None:
    """Ninety days of each site, for the trend that the portfolio draws."""
    connection.execute(
        """INSERT INTO site_score (site_id, company_id, day, formula, hazard, hazard_low, hazard_high, control, control_low, control_high,
                                   confidence, confidence_low, confidence_high, coverage, parts, computed_at)
           SELECT s.site_id, s.company_id, d.day::date, 'score-1', 40, 30, 50, c.control, c.control - 5, c.control + 5, 80, 75, 85, 0.99,
                  '{"figures": {}, "control": [], "confidence": [], "hazard": []}', d.day + interval '1 day'
           FROM site s CROSS JOIN generate_series(now()::date - 90, now()::date - 1, interval '1 day') AS d(day)
           CROSS JOIN LATERAL (SELECT 60 + 20 * sin(s.site_id + extract(epoch FROM d.day) / 500000) AS control) c"""
    )


def write_viewers(owner: Connection[Any]) -> None:
    """An underwriter who looks after all companies; each site has its officer already."""
    owner.execute(
        "INSERT INTO person (company_id, key, name, role, language) VALUES (NULL, %s, 'Bench', 'underwriter', 'en')",
        (VIEWER,),
    )
    owner.execute(
        """INSERT INTO person_company (person_id, company_id)
           SELECT p.person_id, c.company_id FROM person p CROSS JOIN company c WHERE p.key = %s""",
        (VIEWER,),
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """A company as its officer sees it.

    Args:
        officer: key of the person who logs in.
        charted: a sensor with thirty days behind it; None: of another company.
        occurrences: some of its occurrences that are over.
    """

    company_id: int
    officer: str
    charted: int | None
    occurrences: list[int]


def watched(owner: Connection[Any]) -> list[Watched]:
    """Every company, with the officer of its first site."""
    with owner.cursor(row_factory=class_row(Watched)) as cursor:
        return cursor.execute(
            """SELECT c.company_id, (SELECT min(p.key) FROM person p WHERE p.company_id = c.company_id) AS officer,
                      (SELECT min(h.sensor_id) FROM reading_hour h WHERE h.company_id = c.company_id) AS charted,
                      ARRAY(SELECT occurrence_id FROM occurrence o WHERE o.company_id = c.company_id AND o.resolved_at IS NOT NULL
                            ORDER BY began_at DESC LIMIT 50) AS occurrences
               FROM company c ORDER BY c.company_id"""
        ).fetchall()


def open_by_company(owner: Connection[Any]) -> dict[int, int]:
    """How many alarms each company's list must hold."""
    rows = owner.execute(
        """SELECT company_id, count(*) FROM alarm WHERE occurrence_id IS NOT NULL OR suppression <> 'none' GROUP BY company_id"""
    ).fetchall()
    return {int(company): int(count) for company, count in rows}


def steps_of(owner: Connection[Any], occurrence_ids: Sequence[int]) -> dict[int, int]:
    """How many transitions each occurrence's page must tell."""
    rows = owner.execute(
        "SELECT occurrence_id, count(*) FROM transition WHERE occurrence_id = ANY(%s) GROUP BY occurrence_id",
        (list(occurrence_ids),),
    ).fetchall()
    return {int(occurrence): int(count) for occurrence, count in rows}


def transitions_stored(owner: Connection[Any]) -> int:
    """All there are."""
    row = owner.execute("SELECT count(*) FROM transition").fetchone()
    assert row is not None
    return int(row[0])
