"""The checks of doctor that compare clocks: this machine's, the database's, the devices'.

A server clock that is minutes ahead makes right devices look as if their messages came from a backlog: so many devices that
are wrong by the same are taken for one clock that is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

from psycopg import Connection

from davy.doctor import store
from davy.doctor.examination import Check, Examination, few
from davy.doctor.store import ClockOffset

HEARD: Final = timedelta(minutes=10)  # what was heard longer ago says nothing of the clocks of today
ENOUGH: Final = 3  # devices that agree; two may share a gateway's wrong clock
MOST: Final = 0.8  # of the devices heard
AHEAD, BEHIND = 1, -1


def database_clock(on: Examination, connection: Connection[Any]) -> Check:
    """The database's clock against this machine's: both put stamps on the same rows."""
    before = datetime.now(UTC)
    theirs = store.database_now(connection)
    return judge_database_clock(on, offset_s(before, theirs, datetime.now(UTC)))


def offset_s(before: datetime, theirs: datetime, after: datetime) -> float:
    """Another clock minus ours, in seconds, asked between `before` and `after`; what the way may have taken is in its favour.

    >>> at = datetime(2026, 3, 1, tzinfo=UTC)
    >>> offset_s(at, at + timedelta(seconds=1), at + timedelta(seconds=3)), offset_s(at, at - timedelta(seconds=60), at)
    (0.0, -60.0)
    """
    if before <= theirs <= after:
        return 0.0
    return (theirs - (after if theirs > after else before)).total_seconds()


def judge_database_clock(on: Examination, wrong_s: float) -> Check:
    """What the database's clock minus ours means."""
    _ = on.gettext
    if abs(wrong_s) > on.settings.clock_tolerance_s:
        found = _("The database's clock and this machine's differ by %(seconds)s s.") % {"seconds": f"{wrong_s:+.0f}"}
        advice = _(
            "Let both machines keep their time by NTP: deadlines, leases and what is stored would contradict each other."
        )
        return Check("database_clock", False, found, advice)
    return Check("database_clock", True, _("The database's clock and this machine's agree."))


def server_clock(on: Examination, connection: Connection[Any]) -> Check:
    """This machine's clock, as all devices together see it."""
    return judge_server_clock(on, store.clock_offsets(connection, on.now - HEARD))


def judge_server_clock(on: Examination, clocks: Sequence[ClockOffset]) -> Check:
    """What the clocks of devices heard lately say of ours: many that are wrong the same way point at us."""
    _, side = on.gettext, common_side(clocks, on.settings.clock_tolerance_s)
    if side is None:
        return Check("server_clock", True, _("The devices do not speak against this machine's clock."))
    by = {"count": len(clocks), "seconds": f"{abs(median(clock.offset_s for clock in clocks)):.0f}"}
    if side == BEHIND:
        found = _("Nearly all of %(count)s devices seem about %(seconds)s s behind.") % by
        advice = _(
            "Rather this machine's clock is ahead: look at its NTP (`timedatectl`). If it is right, the devices are sending a backlog."
        )
    else:
        found = _("Nearly all of %(count)s devices seem about %(seconds)s s ahead.") % by
        advice = _("Rather this machine's clock is behind: look at its NTP (`timedatectl`).")
    return Check("server_clock", False, found, advice)


def common_side(clocks: Sequence[ClockOffset], tolerance_s: float) -> int | None:
    """On which side nearly all devices are wrong; None where they are right, too few, or wrong each in its own way."""
    for side in (AHEAD, BEHIND):
        wrong = sum(1 for clock in clocks if side * clock.offset_s > tolerance_s)
        if wrong >= ENOUGH and wrong >= MOST * len(clocks):
            return side
    return None


def device_clocks(on: Examination, connection: Connection[Any]) -> Check:
    """Each device's clock, by the largest lead of its stamps that was seen."""
    _, tolerance = on.gettext, on.settings.clock_tolerance_s
    clocks = store.clock_offsets(connection)
    wrong = [clock for clock in clocks if abs(clock.offset_s) > tolerance]
    if wrong:
        told = [f"{clock.device} {clock.offset_s:+.0f} s" for clock in wrong]
        found = _("Clock wrong by: %(devices)s.") % {"devices": few(told)}
        return Check("device_clocks", False, found, _("Let these devices keep their time by NTP."))
    found = _("All %(count)s known clocks are within %(tolerance)s s.") % {
        "count": len(clocks),
        "tolerance": f"{tolerance:g}",
    }
    return Check("device_clocks", True, found)
