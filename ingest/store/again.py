"""Rejected messages that are taken again: what was asked for, what is next, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from core.wire_rules import MENDABLE
from ingest.rejection import LIMIT, Rejected
from ingest.source import Lot
from ingest.verdict import Settled, settled

PORTION: Final = LIMIT  # messages in a batch: of more than that, conflicts of one device would not all be kept
# Ingest hears of a change within 2 s; what was announced and then rolled back is not waited for.
ENOUGH: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is not finished."""

    replay_id: int
    site: str
    device: str
    reason: str
    upto_id: int
    done_id: int


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A rejected message as it was kept, whole.

    Args:
        first_at: when the first copy of it came: its readings have the same keys whichever copy is taken.
    """

    rejected_id: int
    first_at: datetime
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """What one device sent wrong in one way, and is not taken in yet.

    Args:
        site, device: as the topic names them.
        cut: kept in part only.
    """

    site: str
    device: str
    reason: str
    sentence: str
    messages: int
    kept: int
    cut: int
    first_at: datetime
    last_at: datetime


def lying(connection: Connection[Any]) -> list[Lying]:
    """By reason and device, the newest first; for the operator."""
    with connection.cursor(row_factory=class_row(Lying)) as cursor:
        return cursor.execute(
            """SELECT split_part(topic, '/', 3) AS site, split_part(topic, '/', 4) AS device, reason, max(sentence) AS sentence,
                      sum(count) AS messages, count(*) FILTER (WHERE length = octet_length(payload)) AS kept,
                      count(*) FILTER (WHERE length <> octet_length(payload)) AS cut,
                      min(received_at) AS first_at, max(received_at) AS last_at
               FROM rejected_message WHERE taken_at IS NULL GROUP BY 1, 2, 3 ORDER BY max(received_at) DESC"""
        ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """How far a request is."""

    replay_id: int
    taken: int
    refused: int
    finished_at: datetime | None


def ask(connection: Connection[Any], *, site: str, device: str, reason: str, by: str, now: datetime) -> Came:
    """Asks, as owner, for what lies there of a site that is there; where the same is asked for already, gives that."""
    asked = {"site": site, "device": device, "reason": reason, "by": by, "now": now}
    connection.execute(
        """INSERT INTO rejected_replay (company_id, site_id, device, reason, upto_id, asked_at, asked_by)
           SELECT company_id, site_id, %(device)s, %(reason)s, (SELECT max(rejected_id) FROM rejected_message), %(now)s, %(by)s
           FROM site WHERE key = %(site)s
           ON CONFLICT (site_id, device, reason) WHERE finished_at IS NULL DO NOTHING""",
        asked,
    )
    row = connection.execute(
        """SELECT max(replay_id) FROM rejected_replay JOIN site USING (site_id)
           WHERE key = %(site)s AND device = %(device)s AND reason = %(reason)s""",
        asked,
    ).fetchone()
    assert row is not None
    return came(connection, int(row[0]))


def came(connection: Connection[Any], replay_id: int) -> Came:
    """How far a request is."""
    with connection.cursor(row_factory=class_row(Came)) as cursor:
        row = cursor.execute(
            "SELECT replay_id, taken, refused, finished_at FROM rejected_replay WHERE replay_id = %s", (replay_id,)
        ).fetchone()
    assert row is not None
    return row


def next_asked(connection: Connection[Any], worker: str, now: datetime) -> Asked | None:
    """The oldest request, once the worker judges by the map as it is now."""
    with connection.cursor(row_factory=class_row(Asked)) as cursor:
        return cursor.execute(
            """
            SELECT r.replay_id, s.key AS site, r.device, r.reason, r.upto_id, r.done_id
            FROM rejected_replay r JOIN site s USING (site_id)
            WHERE r.finished_at IS NULL AND (r.asked_at < %(long_ago)s OR EXISTS (
                SELECT FROM ingest_status i WHERE i.worker = %(worker)s
                  AND (i.report ->> 'definitions_version')::bigint >= (SELECT last_value FROM definitions_version)))
            ORDER BY r.replay_id LIMIT 1
            """,
            {"worker": worker, "long_ago": now - ENOUGH},
        ).fetchone()


def next_kept(connection: Connection[Any], asked: Asked) -> list[KeptRow]:
    """The next messages of a request in the order in which they came; those that were kept in part only are left out."""
    if asked.reason not in MENDABLE:
        return []
    with connection.cursor(row_factory=class_row(KeptRow), binary=True) as cursor:
        return cursor.execute(
            """
            SELECT m.rejected_id, m.topic, m.payload,
                   (SELECT min(c.received_at) FROM rejected_message c WHERE c.sha256 = m.sha256 AND c.topic = m.topic) AS first_at
            FROM rejected_message m
            WHERE split_part(m.topic, '/', 4) = %(device)s AND m.reason = %(reason)s AND m.taken_at IS NULL
              AND m.rejected_id > %(done)s AND m.rejected_id <= %(upto)s
              AND split_part(m.topic, '/', 3) = %(site)s AND m.length = octet_length(m.payload)
            ORDER BY m.rejected_id LIMIT %(most)s
            """,
            {
                "site": asked.site, "device": asked.device, "reason": asked.reason, "done": asked.done_id,
                "upto": asked.upto_id, "most": PORTION,
            },
        ).fetchall()  # fmt: skip


def finish(connection: Connection[Any], replay_id: int, now: datetime) -> None:
    """Nothing is left of a request."""
    connection.execute("UPDATE rejected_replay SET finished_at = %s WHERE replay_id = %s", (now, replay_id))


def done_upto(connection: Connection[Any], replay_id: int) -> int:
    """The last message of a request whose batch is stored."""
    row = connection.execute("SELECT done_id FROM rejected_replay WHERE replay_id = %s", (replay_id,)).fetchone()
    return 0 if row is None else int(row[0])


def settle(connection: Connection[Any], lot: Lot, rejected: Sequence[Rejected], now: datetime) -> dict[str, int]:
    """Writes down what came of a lot of kept messages, in the transaction that stores it; gives how many of each.

    A lot that was stored before, by a process that died before it could say so, has been written down then.
    """
    if lot.again is None:
        return {}
    moved = connection.execute(
        "UPDATE rejected_replay SET done_id = %(upto)s WHERE replay_id = %(replay)s AND done_id < %(upto)s RETURNING reason",
        {"replay": lot.again.replay_id, "upto": lot.again.upto_id},
    ).fetchone()
    if moved is None:
        return {}
    ids = [message.kept.rejected_id for message in lot.messages if message.kept is not None]
    came = settled(ids, rejected, str(moved[0]), _standing(connection, ids))
    _write(connection, came, now)
    connection.execute(
        "UPDATE rejected_replay SET taken = taken + %s, refused = refused + %s WHERE replay_id = %s",
        (len(came.taken), len(ids) - len(came.taken), lot.again.replay_id),
    )
    return {"taken": len(came.taken), "refused": len(ids) - len(came.taken)}


def _standing(connection: Connection[Any], ids: Sequence[int]) -> dict[int, set[str]]:
    """Reasons for which each message still lies there: one that was taken in part may have several rows."""
    found: dict[int, set[str]] = {}
    for rejected_id, reason in connection.execute(
        """SELECT m.rejected_id, c.reason FROM rejected_message m
           JOIN rejected_message c ON c.sha256 = m.sha256 AND c.topic = m.topic AND c.taken_at IS NULL
           WHERE m.rejected_id = ANY(%s)""",
        (list(ids),),
    ):
        found.setdefault(rejected_id, set()).add(reason)
    return found


def _write(connection: Connection[Any], came: Settled, now: datetime) -> None:
    connection.execute(
        "UPDATE rejected_message SET taken_at = %s WHERE rejected_id = ANY(%s) AND taken_at IS NULL", (now, came.taken)
    )
    connection.execute(
        """UPDATE rejected_message m SET reason = t.reason, sentence = t.sentence, device_id = coalesce(m.device_id, t.device_id),
                  company_id = coalesce(m.company_id, t.company_id), site_id = coalesce(m.site_id, t.site_id)
           FROM (SELECT t.*, d.device_id, d.company_id, d.site_id
                 FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS t(rejected_id, reason, sentence)
                 JOIN rejected_message r USING (rejected_id)
                 LEFT JOIN (device d JOIN site s ON s.site_id = d.site_id)
                      ON d.key = split_part(r.topic, '/', 4) AND s.key = split_part(r.topic, '/', 3)) t
           WHERE m.rejected_id = t.rejected_id AND m.taken_at IS NULL""",
        (
            [row for row, _, _ in came.changed],
            [reason for _, reason, _ in came.changed],
            [said for _, _, said in came.changed],
        ),
    )
    connection.execute(
        """INSERT INTO rejected_message (company_id, site_id, device_id, received_at, topic, payload, length, sha256, reason, sentence)
           SELECT m.company_id, m.site_id, m.device_id, m.received_at, m.topic, m.payload, m.length, m.sha256, t.reason, t.sentence
           FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS t(rejected_id, reason, sentence)
           JOIN rejected_message m USING (rejected_id)""",
        (
            [row for row, _, _ in came.added],
            [reason for _, reason, _ in came.added],
            [said for _, _, said in came.added],
        ),
    )
