"""How a person wants to be told: over which channels in which order, and when not. Life safety heeds the order and no quiet hours. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerting.roster import Hours, end_of
from core.model import Priority
from core.wish import wish_of

LAST_RESORT: Final = "smtp"  # of a person without any channel: the books then say that they have no address
DEFER, NEXT = "defer", "next"
IN_QUIET: Final = (DEFER, NEXT)
# Alarms that wait for the morning. What is high is not of them unless the person says so; life safety never is.
CAN_WAIT: Final = frozenset({Priority.MEDIUM, Priority.LOW})


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone; None where this machine knows none of that name: hours of a clock that nobody can read hold nobody back.

    >>> zone_of("Mars/Olympus"), zone_of("Asia"), zone_of("../passwd"), zone_of("")
    (None, None, None, None)
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones is an OSError
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """What is known of a person who may be called.

    Args:
        reachable: channels that have an address which lives, mail first.
        urgent, other: channels in their order for life safety and for all else; empty: as reachable.
        quiet: hours of their own clock in which what can wait does; None: there are none, and where the clock's zone is unknown neither.
        quiet_high: alarms of priority high wait too.
        in_quiet: what waits is put off to the end of the quiet hours ("defer"), or goes to the next person ("next").
    """

    person_id: int
    reachable: tuple[str, ...] = ()
    urgent: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    time_zone: str = "UTC"
    quiet: Hours | None = None
    quiet_high: bool = False
    in_quiet: str = DEFER

    def quiet_until(self, priority: Priority, at: datetime) -> datetime | None:
        """When the quiet hours end that hold this message back; None: none do.

        >>> from datetime import UTC, time
        >>> night = Preference(person_id=1, quiet=Hours(time(22), time(7)))
        >>> at = datetime(2026, 3, 1, 23, tzinfo=UTC)
        >>> str(night.quiet_until(Priority.LOW, at)), night.quiet_until(Priority.LIFE_SAFETY, at)
        ('2026-03-02 07:00:00+00:00', None)
        """
        waits = priority in CAN_WAIT or (priority is Priority.HIGH and self.quiet_high)
        zone = zone_of(self.time_zone) if waits and self.quiet is not None else None
        return None if zone is None or self.quiet is None else end_of(self.quiet, zone, at)

    def channel(self, wish: str, priority: Priority) -> str:
        """The channel that a step asks for.

        >>> Preference(person_id=1, reachable=("smtp", "webhook"), urgent=("webhook",)).channel("preferred-2", Priority.LIFE_SAFETY)
        'smtp'
        """
        asked = wish_of(wish)
        if asked is None:
            return wish
        order = self.urgent if priority is Priority.LIFE_SAFETY else self.other
        there = [*(each for each in order if each in self.reachable), *(e for e in self.reachable if e not in order)]
        return there[min(asked, len(there)) - 1] if there else LAST_RESORT
