"""Storms of sites, who waits for their digests, and the digests themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from alerting.calm import STORM_WINDOW, Calm, Listener, Storm
from alerting.store.calm import read_calm

URGENCY: Final = 1  # of a digest: what waits in it may be high


@dataclass(frozen=True, slots=True)
class SiteStorm:
    """A storm in the books.

    Args:
        looked_at: up to when its alarms are counted.
    """

    storm_id: int
    company_id: int
    site_id: int
    storm: Storm
    looked_at: datetime
    alarms: int


@dataclass(frozen=True, slots=True)
class RestlessSite:
    """A site with a storm, or with so many alarms that there may be one.

    Args:
        storm: the one that goes on; None: there is none.
        since: from when on its alarms are to be looked at.
    """

    company_id: int
    site_id: int
    calm: Calm
    storm: SiteStorm | None
    since: datetime


def restless(
    connection: Connection[Any], now: datetime, site_id: int | None = None, *, least: int
) -> list[RestlessSite]:
    """Sites with a storm, and those that may have one with at least so many new calls in the last ten minutes."""
    rows = connection.execute(
        """
        SELECT s.company_id, s.site_id, c.window_s, c.grouped, c.storms, c.storm_begins, c.storm_ends, c.digest_every_s,
               t.storm_id, t.began_at, t.looked_at, t.alarms,
               (SELECT max(e.ended_at) FROM storm e WHERE e.site_id = s.site_id)
        FROM site s LEFT JOIN site_calm c ON c.site_id = s.site_id LEFT JOIN storm t ON t.site_id = s.site_id AND t.ended_at IS NULL
        LEFT JOIN (
            SELECT d.site_id, count(DISTINCT (n.definition_id, n.sensor_id, n.onset)) AS calls
            FROM notification n JOIN alarm_definition d USING (definition_id)
            WHERE n.subject = 'alarm' AND n.step = 0 AND n.created_at > %(since)s AND NOT n.passed_on AND n.urgency <= 3 -- no exercise
              AND n.company_id IN (SELECT company_id FROM site WHERE %(site)s::int IS NULL OR site_id = %(site)s)
            GROUP BY d.site_id
        ) r ON r.site_id = s.site_id
        WHERE (t.storm_id IS NOT NULL OR (coalesce(c.storms, true) AND r.calls >= %(least)s)) AND (%(site)s::int IS NULL OR s.site_id = %(site)s)
        ORDER BY s.site_id
        """,
        {"since": now - STORM_WINDOW, "site": site_id, "least": least},
    ).fetchall()
    found = []
    for company_id, site, *rest in rows:
        calm = read_calm(*rest[:6])
        storm_id, began_at, looked_at, alarms, ended_at = rest[6:]
        storm = None
        if storm_id is not None:
            storm = SiteStorm(storm_id, company_id, site, Storm(began_at), looked_at, alarms)
        since = looked_at if storm_id is not None else max(now - STORM_WINDOW, ended_at or now - STORM_WINDOW)
        found.append(RestlessSite(company_id, site, calm, storm, since))
    return found


def new_calls(
    connection: Connection[Any], company_id: int, site_id: int, since: datetime, until: datetime
) -> list[datetime]:
    """When alarms of a site began to call somebody, each once."""
    rows = connection.execute(
        """
        SELECT min(n.created_at) FROM notification n JOIN alarm_definition d USING (definition_id)
        WHERE n.company_id = %s AND n.subject = 'alarm' AND n.step = 0 AND n.created_at > %s AND n.created_at <= %s AND NOT n.passed_on
          AND d.site_id = %s AND n.urgency <= 3 -- an exercise is no alarm
        GROUP BY n.definition_id, n.sensor_id, n.onset
        """,
        (company_id, since, until, site_id),
    ).fetchall()
    return [row[0] for row in rows]


def open_storm(connection: Connection[Any], site_id: int) -> SiteStorm | None:
    """The one that goes on at a site."""
    row = connection.execute(
        "SELECT storm_id, company_id, site_id, began_at, looked_at, alarms FROM storm WHERE site_id = %s AND ended_at IS NULL",
        (site_id,),
    ).fetchone()
    return None if row is None else SiteStorm(row[0], row[1], row[2], Storm(row[3]), row[4], row[5])


def begin(connection: Connection[Any], of: RestlessSite, storm: Storm, now: datetime, alarms: int) -> int:
    """Writes down a storm; gives its number."""
    row = connection.execute(
        """
        INSERT INTO storm (company_id, site_id, began_at, ended_at, looked_at, alarms) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (site_id, began_at) DO UPDATE SET looked_at = excluded.looked_at RETURNING storm_id
        """,
        (of.company_id, of.site_id, storm.began_at, storm.ended_at, now, alarms),
    ).fetchone()
    assert row is not None
    return int(row[0])


def go_on(connection: Connection[Any], storm_id: int, storm: Storm, now: datetime, more: int) -> None:
    """It goes on, or is over."""
    connection.execute(
        "UPDATE storm SET ended_at = %s, looked_at = %s, alarms = alarms + %s WHERE storm_id = %s",
        (storm.ended_at, now, more, storm_id),
    )


def hold_all(connection: Connection[Any], of: SiteStorm, now: datetime, until: datetime, why: str) -> int:
    """Holds what is due at a site in a storm and nobody has tried to send, life safety and exercises never; gives how many that were."""
    return connection.execute(
        """
        UPDATE notification SET held_by = 'storm', storm_id = %s, lease_until = %s, outcome = %s
        WHERE notification_id IN (
            SELECT n.notification_id FROM notification n JOIN alarm_definition d USING (definition_id)
            WHERE d.site_id = %s AND n.company_id = %s AND n.subject = 'alarm' AND n.urgency BETWEEN 1 AND 3 AND n.state = 'waiting' AND n.attempt = 0
              AND n.due_at <= %s AND n.held_by IS DISTINCT FROM 'storm' AND n.held_by IS DISTINCT FROM 'cause'
              AND NOT (n.held_by IS NULL AND n.storm_id IS NOT NULL) -- it speaks for the others
            FOR NO KEY UPDATE OF n SKIP LOCKED)
        """,
        (of.storm_id, until, why, of.site_id, of.company_id, now),
    ).rowcount


def speak_up(connection: Connection[Any], of: SiteStorm, why: str) -> int:
    """Lets one held call speak for all of a step to a person over a channel, where nobody has acknowledged anything since the storm began.

    Of high alarms alone, at later steps, and only to who has had a digest that went over another channel: who gets digests over this one
    hears of it already. A row of a storm that is held by nothing is one that speaks; what ended before it was said has not spoken. Gives how many begin to.
    """
    return connection.execute(
        """
        WITH told AS (
            SELECT person_id, array_agg(DISTINCT channel) AS channels FROM notification
            WHERE storm_id = %(storm)s AND subject = 'storm' AND state = 'sent' GROUP BY person_id
        ), spoken AS (
            SELECT person_id, channel, step FROM notification
            WHERE storm_id = %(storm)s AND subject = 'alarm' AND held_by IS NULL AND step > 0 AND state <> 'cancelled'
        )
        UPDATE notification SET held_by = NULL, lease_until = NULL, outcome = %(why)s
        WHERE held_by = 'storm' AND state = 'waiting' AND notification_id IN (
            SELECT DISTINCT ON (n.person_id, n.channel, n.step) n.notification_id
            FROM notification n JOIN told USING (person_id)
            WHERE n.storm_id = %(storm)s AND n.subject = 'alarm' AND n.held_by = 'storm' AND n.state = 'waiting' AND n.attempt = 0
              AND n.urgency = 1 AND n.step > 0 AND NOT n.channel = ANY(told.channels)
              AND NOT EXISTS (SELECT FROM spoken p WHERE (p.person_id, p.channel, p.step) = (n.person_id, n.channel, n.step))
              AND NOT EXISTS (
                SELECT FROM alarm a JOIN transition t ON t.occurrence_id = a.occurrence_id
                WHERE a.site_id = %(site)s AND a.state NOT IN ('B', 'D', 'E') AND a.changed_at >= %(began)s
                  AND t.event = 'acknowledge' AND t.person_id IS NOT NULL AND t.at >= %(began)s)
            ORDER BY n.person_id, n.channel, n.step, n.due_at, n.notification_id)
        """,
        {"storm": of.storm_id, "site": of.site_id, "began": of.storm.began_at, "why": why},
    ).rowcount


def lately(connection: Connection[Any], now: datetime) -> list[tuple[SiteStorm, Calm]]:
    """Storms that go on, and those that ended within the last hour: somebody may wait for their last digest."""
    rows = connection.execute(
        """
        SELECT t.storm_id, t.company_id, t.site_id, t.began_at, t.ended_at, t.looked_at, t.alarms,
               c.window_s, c.grouped, c.storms, c.storm_begins, c.storm_ends, c.digest_every_s
        FROM storm t LEFT JOIN site_calm c USING (site_id) WHERE t.ended_at IS NULL OR t.ended_at > %s ORDER BY t.storm_id
        """,
        (now - timedelta(hours=1),),
    ).fetchall()
    return [
        (SiteStorm(row[0], row[1], row[2], Storm(row[3], row[4]), row[5], row[6]), read_calm(*row[7:])) for row in rows
    ]


def listeners(connection: Connection[Any], storm_id: int) -> list[Listener]:
    """Who hears of a storm: for whom something is held, and who has had a digest of it."""
    with connection.cursor(row_factory=class_row(Listener)) as cursor:
        return cursor.execute(
            """
            SELECT person_id, count(*) FILTER (WHERE subject = 'alarm' AND state = 'waiting' AND held_by = 'storm')::int AS held,
                   max(onset) FILTER (WHERE subject = 'storm' AND NOT passed_on) AS told_at,
                   bool_or(subject = 'storm' AND event = 'ended') AS parted
            FROM notification WHERE storm_id = %s GROUP BY person_id ORDER BY person_id
            """,
            (storm_id,),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Way:
    """How a person hears of a storm's digests: as the gentlest step of theirs says."""

    channel: str
    audience: str
    rule: str


def way_of(connection: Connection[Any], storm_id: int, person_id: int) -> Way | None:
    """By their newest digest, else by the first of what is held for them."""
    with connection.cursor(row_factory=class_row(Way)) as cursor:
        return cursor.execute(
            """
            SELECT channel, audience, split_part(rule, '; ', 1) AS rule FROM notification
            WHERE storm_id = %s AND person_id = %s
            ORDER BY subject <> 'storm', passed_on, step, urgency, notification_id LIMIT 1 -- of some people only stand-ins are held
            """,
            (storm_id, person_id),
        ).fetchone()


def add_digest(connection: Connection[Any], of: SiteStorm, person_id: int, event: str, way: Way, now: datetime) -> int:
    """Queues one digest; gives how many were new. What is held for them is taken when it is sent."""
    at_us = int(now.timestamp() * 1_000_000)
    return connection.execute(
        """
        INSERT INTO notification (key, company_id, subject, event, storm_id, onset, step, rule, audience, person_id, channel, due_at, urgency,
                                  created_at)
        VALUES (%(key)s, %(company)s, 'storm', %(event)s, %(storm)s, %(now)s, 0, %(rule)s, %(audience)s, %(person)s, %(channel)s,
                %(now)s, %(urgency)s, %(now)s)
        ON CONFLICT (key) DO NOTHING
        """,
        {
            "key": f"storm-{of.storm_id}-{event}-{at_us}-{person_id}-{way.channel}",
            "company": of.company_id,
            "event": event,
            "storm": of.storm_id,
            "now": now,
            "rule": way.rule,
            "audience": way.audience,
            "person": person_id,
            "channel": way.channel,
            "urgency": URGENCY,
        },
    ).rowcount


def held_for(connection: Connection[Any], digest_id: int, now: datetime) -> list[int]:
    """What is held for the reader of a digest, ours until the end of the transaction; also what another digest took with it when it died."""
    rows = connection.execute(
        """
        SELECT h.notification_id FROM notification g JOIN notification h ON h.storm_id = g.storm_id AND h.person_id = g.person_id
        WHERE g.notification_id = %s AND h.subject = 'alarm' AND h.held_by = 'storm'
          AND (h.state = 'waiting' OR (h.state = 'claimed' AND h.lease_until <= %s)) FOR NO KEY UPDATE OF h SKIP LOCKED
        """,
        (digest_id, now),
    ).fetchall()
    return [int(row[0]) for row in rows]


def ride_along(
    connection: Connection[Any], held: Sequence[int], lease_until: datetime, most: int
) -> tuple[list[int], list[int], int]:
    """Takes what is held: (what is listed, a row an alarm, the most urgent first; the rest; how many alarms it is).

    Of an alarm that would have called the reader over several channels or at several steps there are several rows.
    """
    rows = connection.execute(
        """
        UPDATE notification SET state = 'claimed', attempt = attempt + 1, lease_until = %s WHERE notification_id = ANY(%s)
        RETURNING notification_id, urgency, due_at, definition_id, sensor_id, onset
        """,
        (lease_until, list(held)),
    ).fetchall()
    first: dict[tuple[Any, ...], int] = {}
    for number, _urgency, _due_at, *alarm in sorted(rows, key=lambda row: (row[1], row[2], row[0])):
        first.setdefault(tuple(alarm), int(number))
    listed = list(first.values())[:most]
    return listed, sorted({int(row[0]) for row in rows} - set(listed)), len(first)


def wait_for_digest(connection: Connection[Any], notification_id: int, now: datetime, until: datetime) -> bool:
    """Lets a claimed call wait that rode with a digest whose sender died, with all that rode beside it: it is sent again, in one message.

    False where none is being sent or is about to be: then each goes by itself.
    """
    return (
        connection.execute(
            """
            UPDATE notification SET state = 'waiting', lease_until = %(until)s, attempt = attempt - (notification_id = %(id)s)::int
            WHERE (notification_id = %(id)s OR notification_id IN (
                SELECT h.notification_id FROM notification n JOIN notification h ON h.storm_id = n.storm_id AND h.person_id = n.person_id
                WHERE n.notification_id = %(id)s AND h.notification_id <> %(id)s AND h.subject = 'alarm' AND h.held_by = 'storm'
                  AND h.state = 'claimed' AND h.lease_until <= %(now)s FOR NO KEY UPDATE OF h SKIP LOCKED))
              AND EXISTS (
                SELECT FROM notification n JOIN notification g ON g.storm_id = n.storm_id AND g.person_id = n.person_id
                WHERE n.notification_id = %(id)s AND g.subject = 'storm'
                  AND (g.state = 'claimed' OR (g.state = 'waiting' AND (g.lease_until IS NULL OR g.lease_until <= %(now)s))))
            """,
            {"id": notification_id, "now": now, "until": until},
        ).rowcount
        > 0
    )


def mark_riders_sent(
    connection: Connection[Any], riders: Sequence[int], key: str, now: datetime, receipt: str, *, delivered: bool
) -> int:
    """What rode along has been told, in the message of that key."""
    return connection.execute(
        """
        UPDATE notification SET state = 'sent', sent_at = %(now)s, finished_at = %(now)s, lease_until = NULL, outcome = %(receipt)s,
               told_in = %(key)s, delivered_at = CASE WHEN %(delivered)s THEN %(now)s::timestamptz END
        WHERE notification_id = ANY(%(riders)s) AND state = 'claimed'
        """,
        {"riders": list(riders), "key": key, "now": now, "receipt": receipt, "delivered": delivered},
    ).rowcount


def release(connection: Connection[Any], riders: Sequence[int], until: datetime | None) -> None:
    """What rode along did not arrive: it waits again, for the next message until then, else by itself."""
    connection.execute(
        """
        UPDATE notification SET state = 'waiting', attempt = attempt - 1, lease_until = %s
        WHERE notification_id = ANY(%s) AND state = 'claimed'
        """,
        (until, list(riders)),
    )


def arrived_with(connection: Connection[Any], digest_id: int, at: datetime) -> None:
    """What rode with a digest has arrived with it."""
    connection.execute(
        """
        UPDATE notification h SET delivered_at = %s FROM notification g
        WHERE g.notification_id = %s AND g.subject = 'storm' AND h.storm_id = g.storm_id AND h.person_id = g.person_id
          AND h.told_in = g.key AND h.state = 'sent' AND h.delivered_at IS NULL
        """,
        (at, digest_id),
    )


def told_by_none(connection: Connection[Any], digest_id: int, until: datetime, why: str) -> None:
    """What rode with a digest that did not arrive after all waits again, for the next digest until then, else by itself."""
    connection.execute(
        """
        UPDATE notification h SET state = 'waiting', sent_at = NULL, finished_at = NULL, told_in = NULL, lease_until = %s, outcome = %s
        FROM notification g
        WHERE g.notification_id = %s AND g.subject = 'storm' AND h.storm_id = g.storm_id AND h.person_id = g.person_id
          AND h.told_in = g.key AND h.state = 'sent' AND h.delivered_at IS NULL
        """,
        (until, why, digest_id),
    )
