"""Messages that were not taken: by reason and device, one by one, and the requests to take them in again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

SHOWN_BYTES: Final = 4096  # of a message on a page of many; the database keeps 64 KB
PAGE: Final = 50
MOST_GROUPS: Final = 500
MOST_REPLAYS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message that was not taken.

    Args:
        site, company: None where nobody knows whose it is.
        device: as its topic names it.
        start: its first bytes, as they came.
        length: of the whole message, in bytes; kept: how many of them there are.
        count: how many this row stands for.
        taken_at: when it was taken in after all.
    """

    rejected_id: int
    device_id: int | None
    site_id: int | None
    site: str | None
    site_zh: str | None
    company: str | None
    company_zh: str | None
    time_zone: str | None
    device: str
    received_at: datetime
    topic: str
    start: bytes
    length: int
    kept: int
    sha256: bytes
    reason: str
    sentence: str
    count: int
    taken_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one device sent wrong in one way, and is not taken in yet.

    Args:
        messages: how many came; kept: how many are kept whole, cut: only in part.
        sentence: of the newest.
        asked_at: since when a request to take them in is open.
    """

    site_id: int | None
    site: str | None
    site_zh: str | None
    company: str | None
    company_zh: str | None
    time_zone: str | None
    device: str
    device_id: int | None
    reason: str
    sentence: str
    messages: int
    kept: int
    cut: int
    first_at: datetime
    last_at: datetime
    asked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A request to take messages in again, and how far it is."""

    replay_id: int
    site_id: int
    site: str
    site_zh: str
    time_zone: str
    device: str
    reason: str
    asked_at: datetime
    asked_by: str
    taken: int
    refused: int
    finished_at: datetime | None


def groups(
    connection: Connection[Any],
    *,
    site_id: int | None = None,
    device: str | None = None,
    reason: str | None = None,
) -> list[Group]:
    """By reason and device, the newest first; all, or the one that is named."""
    with connection.cursor(row_factory=class_row(Group)) as cursor:
        return cursor.execute(
            """
            SELECT g.site_id, s.name AS site, s.name_zh AS site_zh, c.name AS company, c.name_zh AS company_zh, s.time_zone,
                   g.device, g.device_id, g.reason, n.sentence, g.messages, g.kept, g.cut, g.first_at, g.last_at,
                   (SELECT p.asked_at FROM rejected_replay p WHERE p.site_id = g.site_id AND p.device = g.device
                    AND p.reason = g.reason AND p.finished_at IS NULL) AS asked_at
            FROM (SELECT r.company_id, r.site_id, split_part(r.topic, '/', 4) AS device, max(r.device_id) AS device_id, r.reason,
                         sum(r.count) AS messages, count(*) FILTER (WHERE r.length = octet_length(r.payload)) AS kept,
                         count(*) FILTER (WHERE r.length <> octet_length(r.payload)) AS cut,
                         min(r.received_at) AS first_at, max(r.received_at) AS last_at, max(r.rejected_id) AS newest_id
                  FROM rejected_message r
                  WHERE r.taken_at IS NULL AND (%(site)s::int IS NULL OR r.site_id = %(site)s::int)
                    AND (%(device)s::text IS NULL OR split_part(r.topic, '/', 4) = %(device)s::text)
                    AND (%(reason)s::text IS NULL OR r.reason = %(reason)s::text)
                  GROUP BY 1, 2, 3, 5) g
            JOIN rejected_message n ON n.rejected_id = g.newest_id
            LEFT JOIN site s ON s.site_id = g.site_id LEFT JOIN company c ON c.company_id = g.company_id
            ORDER BY g.last_at DESC LIMIT %(most)s
            """,
            {"site": site_id, "device": device, "reason": reason, "most": MOST_GROUPS},
        ).fetchall()


def messages(
    connection: Connection[Any],
    *,
    rejected_id: int | None = None,
    device_id: int | None = None,
    site_id: int | None = None,
    device: str | None = None,
    reason: str | None = None,
    from_nobody: bool = False,
    before: int | None = None,
    most: int = PAGE,
    shown: int = SHOWN_BYTES,
) -> list[Rejected]:
    """The newest first: of a device, of a group, of nobody we know, of all the principal may see. One that is named also when it
    was taken in since.

    Args:
        shown: bytes of each.
    """
    with connection.cursor(row_factory=class_row(Rejected)) as cursor:
        return cursor.execute(
            """
            SELECT r.rejected_id, r.device_id, r.site_id, s.name AS site, s.name_zh AS site_zh, c.name AS company,
                   c.name_zh AS company_zh, s.time_zone, split_part(r.topic, '/', 4) AS device, r.received_at, r.topic,
                   substring(r.payload FROM 1 FOR %(shown)s) AS start, r.length, octet_length(r.payload) AS kept, r.sha256,
                   r.reason, r.sentence, r.count, r.taken_at
            FROM rejected_message r LEFT JOIN site s ON s.site_id = r.site_id LEFT JOIN company c ON c.company_id = r.company_id
            WHERE (r.taken_at IS NULL OR %(one)s::bigint IS NOT NULL)
              AND (%(one)s::bigint IS NULL OR r.rejected_id = %(one)s::bigint)
              AND (%(device_id)s::int IS NULL OR r.device_id = %(device_id)s::int)
              AND (%(site)s::int IS NULL OR r.site_id = %(site)s::int)
              AND (%(device)s::text IS NULL OR split_part(r.topic, '/', 4) = %(device)s::text)
              AND (%(reason)s::text IS NULL OR r.reason = %(reason)s::text)
              AND (NOT %(nobody)s OR r.device_id IS NULL)
              AND (%(before)s::bigint IS NULL OR r.rejected_id < %(before)s::bigint)
            ORDER BY r.rejected_id DESC LIMIT %(most)s
            """,
            {
                "one": rejected_id, "device_id": device_id, "site": site_id, "device": device, "reason": reason,
                "nobody": from_nobody, "before": before, "most": most, "shown": shown,
            },
        ).fetchall()  # fmt: skip


def replays(connection: Connection[Any], replay_id: int | None = None) -> list[Replay]:
    """The newest first, or the one that is named."""
    with connection.cursor(row_factory=class_row(Replay)) as cursor:
        return cursor.execute(
            """
            SELECT p.replay_id, p.site_id, s.name AS site, s.name_zh AS site_zh, s.time_zone, p.device, p.reason, p.asked_at,
                   p.asked_by, p.taken, p.refused, p.finished_at
            FROM rejected_replay p JOIN site s USING (site_id)
            WHERE %(one)s::bigint IS NULL OR p.replay_id = %(one)s::bigint
            ORDER BY p.replay_id DESC LIMIT %(most)s
            """,
            {"one": replay_id, "most": MOST_REPLAYS},
        ).fetchall()


def ask(
    connection: Connection[Any], *, site_id: int, device: str, reason: str, person_id: int, name: str, now: datetime
) -> tuple[int, bool]:
    """Asks ingest to take a group in again; gives the request, and whether it is a new one: while one is open there is no second."""
    asked = {"site": site_id, "device": device, "reason": reason, "person": person_id, "name": name, "now": now}
    made = connection.execute(
        """
        INSERT INTO rejected_replay (company_id, site_id, device, reason, upto_id, asked_at, person_id, asked_by)
        SELECT s.company_id, s.site_id, %(device)s, %(reason)s, (SELECT max(rejected_id) FROM rejected_message), %(now)s,
               %(person)s, %(name)s
        FROM site s WHERE s.site_id = %(site)s
        ON CONFLICT (site_id, device, reason) WHERE finished_at IS NULL DO NOTHING RETURNING replay_id, company_id
        """,
        asked,
    ).fetchone()
    if made is None:
        open_one = connection.execute(
            """SELECT replay_id FROM rejected_replay
               WHERE site_id = %(site)s AND device = %(device)s AND reason = %(reason)s ORDER BY replay_id DESC LIMIT 1""",
            asked,
        ).fetchone()
        assert open_one is not None
        return int(open_one[0]), False
    connection.execute(
        """
        INSERT INTO journal (at, company_id, person_id, actor, action, subject, new, reason)
        SELECT %(now)s, s.company_id, %(person)s, %(name)s, 'rejected_replay', 'site/' || s.key,
               jsonb_build_object('replay', %(replay)s::bigint, 'device', %(device)s::text, 'reason', %(reason)s::text),
               'taken in again after the map was mended'
        FROM site s WHERE s.site_id = %(site)s
        """,
        {**asked, "replay": made[0]},
    )
    return int(made[0]), True
