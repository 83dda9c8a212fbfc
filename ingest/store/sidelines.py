"""What else a batch leaves: messages that could not be taken, and holes in what devices sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from ingest.directory import Directory
from ingest.instant import instant
from ingest.rejection import MINUTE_US, Rejected
from ingest.sequence import GapRow


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
            UPDATE rejected_message SET count = count + %s
            WHERE reason = 'flood' AND device_id IS NOT DISTINCT FROM %s AND received_at >= %s AND received_at < %s
            """,
            (
                flood.count,
                flood.device.row.device_id if flood.device else None,
                instant(minute),
                instant(minute + MINUTE_US),
            ),
        )


def write_gaps(connection: Connection[Any], gaps: list[GapRow], directory: Directory, now: datetime) -> None:
    """Holes in (boot, seq) that opened, changed or closed; the last word of the batch on each counts."""
    final = {(g.device_id, g.boot, g.first): g for g in gaps if g.device_id in directory.device_of}
    if not final:
        return
    closed = [g for g in final.values() if g.last < g.first]
    opened = [g for g in final.values() if g.last >= g.first]
    connection.execute(
        """
        UPDATE stream_gap s SET closed_at = %s
        FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS t(device_id, boot, first_seq)
        WHERE s.device_id = t.device_id AND s.boot = t.boot AND s.first_seq = t.first_seq
        """,
        (now, [g.device_id for g in closed], [g.boot for g in closed], [g.first for g in closed]),
    )
    connection.execute(
        """
        INSERT INTO stream_gap
            (company_id, device_id, boot, first_seq, last_seq, missing_from, missing_until, seen_at)
        SELECT t.company_id, t.device_id, t.boot, t.first_seq, t.last_seq, t.missing_from, t.missing_until, %s
        FROM unnest(%s::int[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
             AS t(company_id, device_id, boot, first_seq, last_seq, missing_from, missing_until)
        ON CONFLICT (device_id, boot, first_seq) DO UPDATE SET last_seq = excluded.last_seq, closed_at = NULL
        """,
        (
            now,
            [directory.device_of[g.device_id].row.company_id for g in opened],
            [g.device_id for g in opened],
            [g.boot for g in opened],
            [g.first for g in opened],
            [g.last for g in opened],
            [instant(g.from_us) for g in opened],
            [instant(g.until_us) for g in opened],
        ),
    )
