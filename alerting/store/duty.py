"""What people write down about duty: who takes over, what the next should know, how they want to be told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, time
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from core.portfolio import PersonRow
from core.store import journal as journals


@dataclass(frozen=True, slots=True)
class RosterHead:
    """Whose a duty position is."""

    roster_id: int
    company_id: int
    site: str
    key: str
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A row of `person_preference`."""

    person_id: int
    company_id: int | None
    urgent: list[str]
    other: list[str]
    time_zone: str
    quiet_from: time | None
    quiet_until: time | None
    quiet_high: bool
    in_quiet: str
    changed_at: datetime


def find_head(connection: Connection[Any], roster_id: int) -> RosterHead | None:
    """The duty position, where the transaction may see it and it is not retired."""
    with connection.cursor(row_factory=class_row(RosterHead)) as cursor:
        return cursor.execute(
            """
            SELECT r.roster_id, r.company_id, s.key AS site, r.key, r.audience
            FROM roster r JOIN site s USING (site_id) WHERE r.roster_id = %s AND r.retired_at IS NULL
            """,
            (roster_id,),
        ).fetchone()


def add_override(
    connection: Connection[Any],
    head: RosterHead,
    *,
    person_id: int | None,
    begins_at: datetime,
    ends_at: datetime,
    reason: str,
    by: int,
    now: datetime,
) -> int:
    """Somebody takes over; gives its number."""
    row = connection.execute(
        """
        INSERT INTO roster_override (roster_id, company_id, person_id, begins_at, ends_at, reason, made_at, made_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING override_id
        """,
        (head.roster_id, head.company_id, person_id, begins_at, ends_at, reason, now, by),
    ).fetchone()
    assert row is not None
    return int(row[0])


def withdraw(
    connection: Connection[Any], head: RosterHead, override_id: int, *, by: int, now: datetime
) -> dict[str, Any] | None:
    """Takes an override back; gives what it was, None where it is over or was taken back before."""
    row = connection.execute(
        """
        UPDATE roster_override SET withdrawn_at = %s, withdrawn_by = %s
        WHERE override_id = %s AND roster_id = %s AND withdrawn_at IS NULL AND ends_at > %s
        RETURNING person_id, begins_at, ends_at
        """,
        (now, by, override_id, head.roster_id, now),
    ).fetchone()
    return None if row is None else {"person": row[0], "begins_at": row[1].isoformat(), "ends_at": row[2].isoformat()}


def add_note(
    connection: Connection[Any], head: RosterHead, *, by: int, hand_over_at: datetime, body: str, now: datetime
) -> None:
    """Keeps what one shift leaves to the next."""
    connection.execute(
        """
        INSERT INTO roster_note (roster_id, company_id, hand_over_at, person_id, written_at, body) VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (head.roster_id, head.company_id, hand_over_at, by, now, body),
    )


def reachable(connection: Connection[Any], person_id: int) -> list[str]:
    """For which channels somebody has an address, dead or alive, mail first."""
    rows = connection.execute(
        "SELECT channel FROM v_reachable WHERE person_id = %s ORDER BY channel <> 'smtp', channel", (person_id,)
    ).fetchall()
    return [str(row[0]) for row in rows]


def save_preference(connection: Connection[Any], saved: Saved, *, language: str) -> None:
    """Keeps how a person wants to be told, and in which language."""
    connection.execute(
        """
        INSERT INTO person_preference (person_id, company_id, urgent, other, time_zone, quiet_from, quiet_until, quiet_high, in_quiet, changed_at)
        VALUES (%(person_id)s, %(company_id)s, %(urgent)s, %(other)s, %(time_zone)s, %(quiet_from)s, %(quiet_until)s, %(quiet_high)s,
                %(in_quiet)s, %(changed_at)s)
        ON CONFLICT (person_id) DO UPDATE SET urgent = excluded.urgent, other = excluded.other, time_zone = excluded.time_zone,
            quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, quiet_high = excluded.quiet_high,
            in_quiet = excluded.in_quiet, changed_at = excluded.changed_at
        """,
        asdict(saved),
    )
    connection.execute("UPDATE person SET language = %s WHERE person_id = %s", (language, saved.person_id))


def journal(
    connection: Connection[Any],
    head: RosterHead,
    *,
    by: int,
    actor: str,
    now: datetime,
    action: str,
    old: dict[str, Any] | None,
    new: dict[str, Any] | None,
    reason: str,
) -> None:
    """Who changed who is on duty."""
    journals.write(
        connection, at=now, company_id=head.company_id, person_id=by, actor=actor, action=action,
        subject=f"roster {head.site}/{head.key}", old=old, new=new, reason=reason.strip() or "duty",
    )  # fmt: skip


def journal_preference(connection: Connection[Any], saved: Saved, *, actor: str, now: datetime) -> None:
    """That somebody changed how they are told: of a client's person only, since the insurer's people write no such entry."""
    if saved.company_id is None:
        return
    quiet = (
        None if saved.quiet_from is None else f"{saved.quiet_from:%H:%M}-{saved.quiet_until:%H:%M} {saved.time_zone}"
    )
    new = {
        "urgent": saved.urgent,
        "other": saved.other,
        "quiet": quiet,
        "in_quiet": saved.in_quiet,
        "quiet_high": saved.quiet_high,
    }
    journals.write(
        connection, at=now, company_id=saved.company_id, person_id=saved.person_id, actor=actor, action="preference_changed",
        subject=f"person {saved.person_id}", old=None, new=new, reason="own preference",
    )  # fmt: skip


def follow(connection: Connection[Any], head: RosterHead, *, url: str, host: str, by: int, now: datetime) -> None:
    """The position follows a calendar; another one that it followed is forgotten with what it said."""
    connection.execute("DELETE FROM roster_calendar WHERE roster_id = %s", (head.roster_id,))
    connection.execute(
        "INSERT INTO roster_calendar (roster_id, company_id, url, host, set_by, set_at) VALUES (%s, %s, %s, %s, %s, %s)",
        (head.roster_id, head.company_id, url, host, by, now),
    )


def followed_host(connection: Connection[Any], head: RosterHead) -> str | None:
    """Whose calendar it follows."""
    row = connection.execute("SELECT host FROM roster_calendar WHERE roster_id = %s", (head.roster_id,)).fetchone()
    return None if row is None else str(row[0])


def unfollow(connection: Connection[Any], head: RosterHead) -> None:
    """The rotation alone holds again."""
    connection.execute("DELETE FROM roster_calendar WHERE roster_id = %s", (head.roster_id,))


def side_of(connection: Connection[Any], head: RosterHead) -> list[PersonRow]:
    """The people of the client's company whose position it is, as a site file has them, without addresses."""
    rows = connection.execute(
        """
        SELECT c.key, p.key, p.name, p.role, p.language, p.active FROM person p JOIN company c USING (company_id)
        WHERE p.company_id = %s ORDER BY p.person_id
        """,
        (head.company_id,),
    ).fetchall()
    return [
        PersonRow(company=company, key=key, name=name, role=role, language=language, active=active)
        for company, key, name, role, language, active in rows
    ]


def unreached(connection: Connection[Any], head: RosterHead) -> list[tuple[str, str]]:
    """(name, channel) of who is in the rotation and has no address for a channel by which a route tells the position."""
    rows = connection.execute(
        """
        SELECT DISTINCT p.name, CASE WHEN s.channel LIKE 'preferred%%' THEN 'any channel' ELSE s.channel END
        FROM route_step s JOIN roster_member m USING (roster_id) JOIN person p ON p.person_id = m.person_id
        WHERE s.roster_id = %s AND NOT EXISTS (
            SELECT FROM v_reachable v WHERE v.person_id = m.person_id AND (v.channel = s.channel OR s.channel LIKE 'preferred%%'))
        ORDER BY 1, 2
        """,
        (head.roster_id,),
    ).fetchall()
    return [(str(name), str(channel)) for name, channel in rows]


def unreached_of(connection: Connection[Any], head: RosterHead, person_id: int) -> list[tuple[str, str, list[str]]]:
    """(name, channel, other channels that lead to them) where a route by which life safety calls the position has no way to a person."""
    rows = connection.execute(
        """
        SELECT p.name, CASE WHEN s.channel LIKE 'preferred%%' THEN 'any channel' ELSE s.channel END AS wanted, w.channels
        FROM route_step s JOIN route r USING (route_id) JOIN person p ON p.person_id = %(person)s
        CROSS JOIN LATERAL (SELECT coalesce(array_agg(v.channel ORDER BY v.channel <> 'smtp', v.channel), '{}') AS channels
            FROM v_reachable v WHERE v.person_id = p.person_id AND NOT v.dead) w
        WHERE s.roster_id = %(roster)s AND 'life-safety' = ANY (r.priorities)
            AND CASE WHEN s.channel LIKE 'preferred%%' THEN w.channels = '{}' ELSE s.channel <> ALL (w.channels) END
        GROUP BY 1, 2, 3 ORDER BY min(s.position), 2
        """,
        {"roster": head.roster_id, "person": person_id},
    ).fetchall()
    return [(str(name), str(channel), [str(each) for each in others]) for name, channel, others in rows]
