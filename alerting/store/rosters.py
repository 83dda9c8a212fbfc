"""Duty positions and how people want to be told, as whoever plans a call reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from alerting.preference import Preference, zone_of
from alerting.roster import CalendarTurn, Hours, Layer, Override, Roster
from core.log import logger

OVER: Final = timedelta(days=31)  # overrides that ended so long ago are still read: pages show what was
UNKNOWN_ZONE: Final = (
    "UTC"  # of a roster whose own zone this machine does not know: turns move by hours, and somebody is called
)

log = logger(__name__)


def load_rosters(
    connection: Connection[Any], roster_ids: Iterable[int], now: datetime | None = None
) -> dict[int, Roster]:
    """The rosters by id, with the overrides that count.

    Args:
        now: overrides that ended a month before it are left out; None: all.
    """
    wanted = sorted(set(roster_ids))
    if not wanted:
        return {}
    with connection.cursor(row_factory=dict_row) as cursor:
        heads = cursor.execute(
            """
            SELECT r.roster_id, r.key, r.audience, r.time_zone, r.holidays,
                   ARRAY(SELECT g.person_id FROM v_roster_gone g WHERE g.roster_id = r.roster_id) AS gone
            FROM roster r WHERE r.roster_id = ANY(%s) ORDER BY r.roster_id
            """,
            (wanted,),
        ).fetchall()
        layers = cursor.execute(
            """
            SELECT l.roster_id, l.key, l.begins_on, l.hand_over, l.turn_days, l.hours_from, l.hours_until, l.on_holidays,
                   ARRAY(SELECT m.person_id FROM roster_member m
                         WHERE m.roster_id = l.roster_id AND m.layer = l.layer ORDER BY m.position) AS people
            FROM roster_layer l WHERE l.roster_id = ANY(%s) ORDER BY l.roster_id, l.layer
            """,
            (wanted,),
        ).fetchall()
        overrides = cursor.execute(
            """
            SELECT o.roster_id, o.override_id, o.person_id, o.begins_at, o.ends_at FROM roster_override o
            WHERE o.roster_id = ANY(%(ids)s) AND o.withdrawn_at IS NULL AND (%(since)s::timestamptz IS NULL OR o.ends_at > %(since)s)
            ORDER BY o.override_id
            """,
            {"ids": wanted, "since": None if now is None else now - OVER},
        ).fetchall()
        turns = cursor.execute(
            "SELECT roster_id, begins_at, ends_at, person_id FROM roster_turn WHERE roster_id = ANY(%s) ORDER BY roster_id, number",
            (wanted,),
        ).fetchall()
    layers_of, overrides_of, turns_of = _by_roster(layers), _by_roster(overrides), _by_roster(turns)
    return {
        roster_id: Roster(
            **{
                **head,
                "time_zone": readable_zone(roster_id, head["time_zone"]),
                "holidays": frozenset(head["holidays"]),
                "gone": frozenset(head["gone"]),
                "layers": tuple(_layer(row) for row in layers_of[roster_id]),
                "overrides": tuple(_override(row) for row in overrides_of[roster_id]),
                "turns": tuple(
                    CalendarTurn(row["begins_at"], row["ends_at"], row["person_id"]) for row in turns_of[roster_id]
                ),
            }
        )
        for roster_id, head in ((each["roster_id"], each) for each in heads)
    }


def _by_roster(rows: Iterable[dict[str, Any]]) -> Mapping[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["roster_id"]].append(row)
    return found


def readable_zone(roster_id: int, zone: str) -> str:
    """One company's roster must not end the batch of all: its zone, or another that is said."""
    if zone_of(zone) is not None:
        return zone
    log.error("time_zone_unknown", roster=roster_id, zone=zone, read_as=UNKNOWN_ZONE)
    return UNKNOWN_ZONE


def _layer(row: dict[str, Any]) -> Layer:
    hours = None if row["hours_from"] is None else Hours(row["hours_from"], row["hours_until"])
    kept = {name: row[name] for name in ("key", "begins_on", "hand_over", "turn_days", "on_holidays")}
    return Layer(**kept, hours=hours, people=tuple(row["people"]))


def _override(row: dict[str, Any]) -> Override:
    return Override(**{name: row[name] for name in ("override_id", "person_id", "begins_at", "ends_at")})


def load_preferences(connection: Connection[Any], person_ids: Sequence[int]) -> dict[int, Preference]:
    """How these people want to be told; of each what is known, at least by which living channels they can be reached."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT w.person_id, f.urgent, f.other, f.time_zone, f.quiet_from, f.quiet_until, f.quiet_high, f.in_quiet,
                   ARRAY(SELECT v.channel FROM v_reachable v WHERE v.person_id = w.person_id AND NOT v.dead
                         ORDER BY v.channel <> 'smtp', v.channel) AS reachable
            FROM unnest(%s::int[]) AS w(person_id) LEFT JOIN person_preference f USING (person_id)
            """,
            (sorted(person_ids),),
        ).fetchall()
    return {row["person_id"]: _preference(row) for row in rows}


def _preference(row: dict[str, Any]) -> Preference:
    reachable = tuple(row["reachable"])
    if row["time_zone"] is None:
        return Preference(person_id=row["person_id"], reachable=reachable)
    quiet = None if row["quiet_from"] is None else Hours(row["quiet_from"], row["quiet_until"])
    if quiet is not None and zone_of(row["time_zone"]) is None:
        log.error("time_zone_unknown", person=row["person_id"], zone=row["time_zone"], read_as="no quiet hours")
    return Preference(
        person_id=row["person_id"],
        reachable=reachable,
        urgent=tuple(row["urgent"]),
        other=tuple(row["other"]),
        time_zone=row["time_zone"],
        quiet=quiet,
        quiet_high=row["quiet_high"],
        in_quiet=row["in_quiet"],
    )


def watched(connection: Connection[Any]) -> dict[int, str]:
    """The duty positions that somebody must fill at any time -> key of their site."""
    rows = connection.execute(
        "SELECT r.roster_id, s.key FROM roster r JOIN site s USING (site_id) WHERE r.retired_at IS NULL AND NOT r.may_be_empty"
    ).fetchall()
    return {int(roster_id): str(site) for roster_id, site in rows}
