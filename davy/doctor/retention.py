"""Doctor's look at what is kept: days of raw readings, whether they go in their time, how long the disk lasts, legal holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from core.settings import variable
from davy.doctor.examination import Check, Examination, few
from davy.duties.retention import keep_of
from davy.retention import State, free_bytes, look, weight
from ingest.retention import Fate, Hold, bytes_per_day, days_of_disk

OVERDUE: Final = timedelta(days=1)  # after its time; the risk process looks every minute
STAY: Final = 2  # the newest days with readings, which stay whatever the clock says
SOON_DAYS: Final = 14  # time enough to order a disk
MOST_OTHER: Final = 1e9  # bytes without a day of their own: more comes of days that were not made, or of wrong clocks


def readings_kept(on: Examination, connection: Connection[Any]) -> Check:
    """Whether old days go in their time, and new ones have a place."""
    _, keep, state = on.gettext, keep_of(on.settings), look(connection, keep_of(on.settings), on.now)
    raw = keep.raw_on(compresses=state.storage.compresses)
    days = [chunk for chunk in state.chunks if chunk.since is not None and chunk.filled]
    if not days:
        return Check("readings_kept", True, _("No reading is stored yet."))
    found = _("%(days)s days of raw readings since %(since)s, %(size)s; %(kept)s days are kept.") % {
        "days": len(days),
        "since": f"{days[0].since:%Y-%m-%d}",
        "size": weight(sum(chunk.bytes for chunk in state.chunks)),
        "kept": raw.days,
    }
    if late := _overdue(state, on.now - raw - OVERDUE):
        told = _("%(found)s Should have gone: %(days)s.") % {"found": found, "days": few(late)}
        advice = _("Run `davy retain`: it says what is in the way. The risk process does the same every minute.")
        return Check("readings_kept", False, told, advice)
    other = sum(chunk.bytes for chunk in state.chunks if chunk.since is None)
    if other > MOST_OTHER:
        told = _("%(found)s %(size)s have no day of their own.") % {
            "found": found,
            "size": weight(other),
        }
        advice = _("Look at the devices' clocks, and whether the risk process runs: it makes the days ahead.")
        return Check("readings_kept", False, told, advice)
    return Check("readings_kept", True, found)


def _overdue(state: State, before: datetime) -> list[str]:
    newest = [d for d in state.destinies if d.chunk.filled][-STAY:]
    return [
        f"{d.chunk.since:%Y-%m-%d}"
        for d in state.destinies
        if d.fate is Fate.DROP and d not in newest and d.chunk.until is not None and d.chunk.until < before
    ]


def disk_lasts(on: Examination, connection: Connection[Any]) -> Check:
    """How long the disk lasts at the present rate, where the database lies on this machine."""
    _, keep, state = on.gettext, keep_of(on.settings), look(connection, keep_of(on.settings), on.now)
    rate = bytes_per_day(state.chunks, on.now)
    free = free_bytes(on.settings.state_dir)
    left, enough = days_of_disk(state.chunks, keep, on.now, free, compresses=state.storage.compresses)
    if not rate or left is None:
        return Check("disk_lasts", True, _("No whole day of readings is stored yet, so the rate is not known."))
    said = {"rate": weight(rate), "days": f"{left:.0f}", "folder": str(on.settings.state_dir)}
    if enough:
        told = _("%(rate)s a day; the disk of %(folder)s is enough for what is kept.") % said
        return Check("disk_lasts", True, told)
    told = _("%(rate)s a day; the disk of %(folder)s is full in %(days)s days, before the oldest day goes.") % said
    advice = _("Take a larger disk, or keep raw readings for fewer days: %(name)s.") % {
        "name": variable("keep_raw_days")
    }
    return Check("disk_lasts", left > SOON_DAYS, told, None if left > SOON_DAYS else advice)


def legal_holds(on: Examination, connection: Connection[Any]) -> Check:
    """What is kept beyond its time, and what that costs; no fault in itself."""
    _, state = on.gettext, look(connection, keep_of(on.settings), on.now)
    if not state.holds:
        return Check("legal_holds", True, _("No legal hold is in force."))
    held = sum(d.chunk.bytes for d in state.destinies if d.fate is Fate.HELD)
    found = _("In force: %(holds)s; %(size)s are kept beyond their time.") % {
        "holds": few([_named(hold) for hold in state.holds]),
        "size": weight(held),
    }
    return Check("legal_holds", True, found)


def _named(hold: Hold) -> str:
    until = f"{hold.until:%Y-%m-%d}" if hold.until else "..."
    return f"{hold.hold_id} {hold.site} {hold.since:%Y-%m-%d}/{until}"
