"""What else a batch leaves: messages that could not be taken, and holes in what devices sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from ingest.directory import Directory
from ingest.instant import instant
from ingest.rejection import MINUTE_US, Rejected
from ingest.stream import GapRow


def insert_rejected(connection: Connection[Any], rejected: list[Rejected]) -> None:
    """Keeps what could not be taken. A message delivered before may have its row already: then none is added."""
    rows = [r for r in rejected if not r.continued]
    if rows:
        connection.execute(
            """
            INSERT INTO rejected_message
                (company_id, site_id, device_id, received_at, topic, payload, length, sha256, reason, sentence, count)
            SELECT t.company_id, t.site_id, t.device_id, t.received_at, t.topic, t.payload, t.length, t.sha256, t.reason,
                   t.sentence, t.count
            FROM unnest(%s::int[], %s::int[], %s::int[], %s::timestamptz[], %s::text[], %s::bytea[], %s::int[], %s::bytea[],
                        %s::text[], %s::text[], %s::int[], %s::boolean[])
                 WITH ORDINALITY AS t(company_id, site_id, device_id, received_at, topic, payload, length, sha256, reason,
                                      sentence, count, repeated, place)
            WHERE NOT t.repeated OR NOT EXISTS (
                SELECT FROM rejected_message r
                WHERE r.device_id IS NOT DISTINCT FROM t.device_id AND r.sha256 = t.sha256 AND r.topic = t.topic
                  AND r.reason = t.reason AND r.received_at > t.received_at - interval '1 day')
            ORDER BY t.place
            """,
            (
                [r.place[0] if r.place else None for r in rows],
                [r.place[1] if r.place else None for r in rows],
                [r.device.row.device_id if r.device else None for r in rows],
                [instant(r.received_us) for r in rows],
                [r.topic for r in rows],
                [r.payload for r in rows],
                [r.length for r in rows],
                [r.sha256 for r in rows],
                [r.reason for r in rows],
                [r.sentence for r in rows],
                [r.count for r in rows],
                [r.repeated for r in rows],
            ),
        )
    for flood in (r for r in rejected if r.continued):
        minute = flood.received_us // MINUTE_US * MINUTE_US
        connection.execute(
            """
            UPDATE rejected_message SET count = count + %s WHERE rejected_id = (
                SELECT max(rejected_id) FROM rejected_message
                WHERE reason = 'flood' AND device_id IS NOT DISTINCT FROM %s AND site_id IS NOT DISTINCT FROM %s AND topic = %s
                  AND received_at >= %s AND received_at < %s)
            """,
            (
                flood.count,
                flood.device.row.device_id if flood.device else None,
                flood.place[1] if flood.place else None,
                flood.topic,
                instant(minute),
                instant(minute + MINUTE_US),
            ),
        )


def write_gaps(connection: Connection[Any], gaps: list[GapRow], directory: Directory, now: datetime) -> None:
    """Holes in (boot, seq) that opened, shrank or closed; the last word of the batch on each counts.

    One that opened and closed within the batch leaves no row: its messages only changed places on their way. Nor does one that lies
    within another: a batch before it was lost since it was judged, and the start that found that has written down the whole of it.
    """
    final = {(g.device_id, g.boot, g.run, g.first): g for g in gaps if g.device_id in directory.device_of}
    if not final:
        return
    rows = list(final.values())
    connection.execute(
        """
        WITH told AS (
            SELECT * FROM unnest(%(company)s::int[], %(device)s::int[], %(boot)s::bigint[], %(run)s::int[], %(first)s::bigint[],
                                 %(last)s::bigint[], %(from)s::timestamptz[], %(until)s::timestamptz[], %(missing)s::bigint[],
                                 %(left_from)s::timestamptz[], %(left_until)s::timestamptz[])
                 AS t(company_id, device_id, boot, run, first_seq, last_seq, missing_from, missing_until, missing, left_from,
                      left_until)
        ), closed AS (
            UPDATE stream_gap s SET closed_at = %(now)s, missing = 0
            FROM told t
            WHERE t.missing = 0 AND (s.device_id, s.boot, s.run, s.first_seq) = (t.device_id, t.boot, t.run, t.first_seq)
        )
        INSERT INTO stream_gap
            (company_id, device_id, boot, run, first_seq, last_seq, missing_from, missing_until, missing, left_from, left_until, seen_at)
        SELECT company_id, device_id, boot, run, first_seq, last_seq, missing_from, missing_until, missing, left_from, left_until,
               %(now)s
        FROM told t WHERE missing > 0 AND NOT EXISTS (
            SELECT FROM stream_gap s
            WHERE (s.device_id, s.boot, s.run) = (t.device_id, t.boot, t.run)
              AND s.first_seq < t.first_seq AND s.last_seq >= t.last_seq AND s.closed_at IS NULL)
        ON CONFLICT (device_id, boot, run, first_seq) DO UPDATE SET
            last_seq = excluded.last_seq, missing_from = excluded.missing_from, missing_until = excluded.missing_until,
            missing = excluded.missing, left_from = excluded.left_from, left_until = excluded.left_until, closed_at = NULL,
            seen_at = CASE WHEN stream_gap.closed_at IS NULL THEN stream_gap.seen_at ELSE excluded.seen_at END
        """,
        {
            "now": now,
            "company": [directory.device_of[g.device_id].row.company_id for g in rows],
            "device": [g.device_id for g in rows],
            "boot": [g.boot for g in rows],
            "run": [g.run for g in rows],
            "first": [g.first for g in rows],
            "last": [g.last for g in rows],
            "from": [instant(g.from_us) for g in rows],
            "until": [instant(g.until_us) for g in rows],
            "missing": [g.missing for g in rows],
            "left_from": [instant(g.left_from_us) for g in rows],
            "left_until": [instant(g.left_until_us) for g in rows],
        },
    )
