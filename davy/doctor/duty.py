"""Whether every duty position is filled: a hole comes by itself when somebody leaves, or when a calendar is no longer kept."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerting.calendar_reach import unreached_turns
from alerting.roster import holes
from alerting.store import calendars as store
from alerting.store.rosters import load_rosters, watched
from core.site_rosters import DAYS_AHEAD
from davy.doctor.examination import Check, Examination

_TOLD: Final = 3
LONG: Final = timedelta(hours=2)  # a calendar server may be away for a while


def duty(on: Examination, connection: Connection[Any]) -> Check:
    """Holes of the next days, but for those that the site file says are meant."""
    _ = on.gettext
    known = watched(connection)
    rosters = load_rosters(connection, known, on.now)
    found = [
        (known[at], each, holes(each, on.now, on.now + timedelta(days=DAYS_AHEAD))) for at, each in rosters.items()
    ]
    empty = [(site, roster, gaps[0]) for site, roster, gaps in found if gaps]
    unread = store.failing(connection)
    if not empty and (cut_off := _unreached(on, connection)) is not None:
        return cut_off
    if not empty and unread and on.now - unread[0][2] > LONG:
        position, host, since = unread[0]
        told = _("The calendar of %(position)s (%(host)s) cannot be read since %(at)s UTC (%(n)s calendars in all).") % {
            "position": position, "host": host, "at": f"{since.astimezone(UTC):%Y-%m-%d %H:%M}", "n": len(unread),
        }  # fmt: skip
        advice = _("What it said last holds. The page Duty says why; mend the calendar, or let the rotation hold.")
        return Check("duty", False, told, advice)
    if not empty:
        told = _("Somebody is on duty throughout the next 90 days: %(n)s duty positions.") % {"n": len(known)}
        return Check("duty", True, told)
    shown = "; ".join(
        f"{site}/{roster.key} {gap.begins_at.astimezone(ZoneInfo(roster.time_zone)):%Y-%m-%d %H:%M}"
        for site, roster, gap in empty[:_TOLD]
    )
    told = _("Nobody is on duty, first at: %(holes)s (%(n)s duty positions).") % {"holes": shown, "n": len(empty)}
    advice = _("Put somebody else into the rotation in the site file, or have somebody take over on the page.")
    return Check("duty", False, told, advice)


def _unreached(on: Examination, connection: Connection[Any]) -> Check | None:
    """Whom a calendar puts on duty and nothing reaches: taking over by hand asks for an address, a calendar asks nobody."""
    _, unreached = on.gettext, [each for each in store.unreached(connection) if not each.others]
    rosters = load_rosters(connection, [each.roster_id for each in unreached], on.now)
    turns = [(turn, roster) for roster in rosters.values() for turn in unreached_turns(roster, unreached, on.now)]
    if not turns:
        return None
    shown = "; ".join(
        f"{turn.of.position} {turn.begins_at.astimezone(ZoneInfo(roster.time_zone)):%Y-%m-%d %H:%M}"
        for turn, roster in sorted(turns, key=lambda each: each[0].begins_at)[:_TOLD]
    )
    told = _("A calendar puts somebody on duty whom life safety cannot reach, first at: %(turns)s (%(n)s people).") % {"turns": shown, "n": len(turns)}  # fmt: skip
    advice = _("Add an address of theirs to the site file, or have somebody else take over on the page.")
    return Check("duty", False, told, advice)
