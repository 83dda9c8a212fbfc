"""Which messages go together: several alarms of one hazard as one, everything of a storm as a digest. Pure.

Life safety never comes here: it waits for nothing and is in no group (`alerting.gate` asks for nothing below it, and a constraint
of the database holds that). For all else these functions say what goes out now and until when the rest waits. They go by the
instants at which messages are due, not by when somebody looks: however often and in whatever order that is, the same messages come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from alerting.incident import is_sign
from alerting.performance import FLOOD_BEGINS, FLOOD_ENDS
from alerting.routing import URGENCY
from core.model import Priority
from core.sensor_faults import OF_SENSOR
from core.signal_kind import kind_of

# A flood: so many alarms in ten minutes that nobody can work through them (EEMUA 191, 3rd edition; ANSI/ISA-18.2-2016, clause 16, as
# reference/domain.md 3.2 has them; neither is verified against its text).
STORM_WINDOW: Final = timedelta(minutes=10)
# What belongs together comes within minutes: gas spreads from head to head, a fire heats what stands beside it. Ours.
WINDOW: Final = timedelta(minutes=10)
# How soon a message is brought up to date: at once would be a message an alarm again. Ours.
IN_PLACE: Final = timedelta(seconds=30)
HIGH_FOLLOWS: Final = timedelta(minutes=2)  # where it cannot be: what is high and no news of more urgency. Ours
DIGEST_EVERY: Final = timedelta(minutes=10)
GROUPED: Final = frozenset({Priority.HIGH, Priority.MEDIUM, Priority.LOW})
ASSET: Final = "asset "  # the hazard of what an asset's statistics say, before its number
WATCHING: Final = "watching"  # the hazard of what is wrong with the watching itself
_OF_PLANT: Final = ("_compound.", "_model.")  # virtual sensors that do not tell of Davy's own ways


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """How a site wants it.

    Args:
        window: so long after the first alarm of a hazard the next ones join its message; zero: none does.
        grouped: priorities that do.
        storms: whether there is a storm beyond a rate.
        storm_begins, storm_ends: alarms within `STORM_WINDOW` from which on it is one, and below which it is over.
        digest_every: how often a storm's digest comes.
    """

    window: timedelta = WINDOW
    grouped: frozenset[Priority] = GROUPED
    storms: bool = True
    storm_begins: int = FLOOD_BEGINS
    storm_ends: int = FLOOD_ENDS
    digest_every: timedelta = DIGEST_EVERY

    def groups(self, urgency: int) -> bool:
        """Whether messages of this urgency join others. Life safety never does, whatever anybody has written."""
        return urgency > 0 and self.window > timedelta(0) and any(URGENCY[each] == urgency for each in self.grouped)


def hazard_of(
    detector: str,
    sensor: str,
    unit: str,
    quantity: str,
    zone_id: int | None,
    asset_id: int | None = None,
    of_statistics: bool = False,
) -> str:
    """Which alarms of a site speak of one thing: where they are, and what kind of signal tells.

    Gas and oxygen are one: the air that people breathe. What is wrong with the watching itself is one for the whole site. What statistics
    and the quality of signals say of one asset is one incident of it, whatever kind its signals are (`alerting.incident`).

    Args:
        sensor: its key.
        asset_id: on which it stands; None: on none.
        of_statistics: it is a compound that is made of statistics alone.

    >>> hazard_of("limit", "ch4-1", "%{LEL}", "methane", 7), hazard_of("limit", "o2-1", "%", "oxygen", 7)
    ('zone 7: air', 'zone 7: air')
    >>> hazard_of("stale", "t-1", "Cel", "bearing", 7), hazard_of("limit", "_gateway.gw-1", "1", "connection lost", None)
    ('watching', 'watching')
    >>> hazard_of("limit", "_mewma", "1", "model", 7, 12), hazard_of("shift", "t-1", "Cel", "bearing", 7, 12)
    ('asset 12', 'asset 12')
    """
    if is_sign(detector, sensor, "", asset_id, of_statistics):
        return f"{ASSET}{asset_id}"
    if detector in OF_SENSOR or (sensor.startswith("_") and not sensor.startswith(_OF_PLANT)):
        return WATCHING
    kind = kind_of(unit, quantity)
    name = "other" if kind is None else "air" if kind.is_gas else kind.name
    return f"{'site' if zone_id is None else f'zone {zone_id}'}: {name}"


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """One message that waits.

    Args:
        at: when it is due.
        urgency: 1 high .. 3 low.
    """

    at: datetime
    urgency: int
    number: int


@dataclass(frozen=True, slots=True)
class Group:
    """What has been told of a hazard to one person, over one channel, at one step of the ladder.

    Args:
        began_at: when its first message was due; last_at: its newest.
        worst: the most urgent of it.
        messages: how many there were.
    """

    began_at: datetime
    last_at: datetime
    worst: int
    messages: int = 1


@dataclass(frozen=True, slots=True)
class Together:
    """A message that goes out.

    Args:
        at: when it was due; a look that comes later sends it later.
        rows: what it tells of that no earlier one did.
        group: what has been told with it.
        why: "first", "worse", "next" or "over" of the window.
    """

    at: datetime
    rows: tuple[Due, ...]
    group: Group
    why: str


def pause(urgency: int, in_place: bool, window: timedelta) -> timedelta:
    """How long after a group's newest message something of this urgency may go out that is no worse than what was told.

    Args:
        in_place: the channel replaces what it has shown, and nobody is disturbed anew.
    """
    if in_place:
        return min(IN_PLACE, window)
    return min(HIGH_FOLLOWS, window) if urgency == URGENCY[Priority.HIGH] else window


def messages(
    group: Group | None, waiting: Sequence[Due], now: datetime, *, window: timedelta, in_place: bool
) -> tuple[list[Together], list[Due], datetime | None]:
    """What goes out of one hazard by `now`, in order; what waits on, and until when.

    The first goes at once, with what is due at the same instant: a batch of readings is one. What comes later within the window joins
    it: at once where it is more urgent than all that was told, with whatever waits; else when the newest message is old enough, or
    the window is over. Each is in one message, none in two.

    Args:
        group: the newest one; None: there was none.
        waiting: what is due, in any order, of no message yet.
    """
    sent: list[Together] = []
    held: list[Due] = []
    for due_at, rows in groupby(sorted(each for each in waiting if each.at <= now), key=lambda row: row.at):
        if held and group is not None and (until := _until(group, held, window, in_place)) <= due_at:
            group, held = _send(sent, group, held, until, _why(group, until, window))
        at = due_at if group is None else max(due_at, group.last_at)
        held += rows
        if group is None or at >= group.began_at + window:
            group, held = _send(sent, None, held, at, "first")
        elif min(row.urgency for row in held) < group.worst:
            group, held = _send(sent, group, held, at, "worse")
        elif _until(group, held, window, in_place) <= at:
            group, held = _send(sent, group, held, at, "next")
    if not held or group is None:
        return sent, [], None
    until = _until(group, held, window, in_place)
    if until <= now:
        _send(sent, group, held, until, _why(group, until, window))
        return sent, [], None
    return sent, held, until


def _why(group: Group, until: datetime, window: timedelta) -> str:
    return "over" if until >= group.began_at + window else "next"


def _until(group: Group, held: Sequence[Due], window: timedelta, in_place: bool) -> datetime:
    soonest = group.last_at + min(pause(row.urgency, in_place, window) for row in held)
    return min(soonest, max(group.began_at + window, group.last_at))


def _send(
    sent: list[Together], group: Group | None, rows: list[Due], at: datetime, why: str
) -> tuple[Group, list[Due]]:
    worst = min(row.urgency for row in rows)
    if group is None:
        after = Group(at, at, worst)
    else:
        after = replace(group, last_at=at, worst=min(group.worst, worst), messages=group.messages + 1)
    sent.append(Together(at, tuple(rows), after, why))
    return after, []


@dataclass(frozen=True, slots=True)
class Storm:
    """A stretch in which more comes than people can work through.

    Args:
        ended_at: None: it goes on.
    """

    began_at: datetime
    ended_at: datetime | None = None


def storms(
    running: Storm | None, alarms: Sequence[datetime], since: datetime, now: datetime, calm: Calm
) -> list[Storm]:
    """The storms of a site that began, went on or ended between two looks, in their order.

    One begins with the alarm that makes so many within ten minutes, and is over when the ten minutes hold fewer than the lower number:
    so it neither flickers nor needs anybody to end it.

    Args:
        running: the one that went on at `since`.
        alarms: instants from ten minutes before `since` on, in any order.
    """
    begun, told = running, [running] if running is not None else []
    moments = sorted([*((at, 1) for at in alarms), *((at + STORM_WINDOW, -1) for at in alarms)])
    standing = sum(1 for at in alarms if since - STORM_WINDOW < at <= since)
    for number, (at, change) in enumerate(moments):
        if not since < at <= now:
            continue
        standing += change
        if number + 1 < len(moments) and moments[number + 1][0] == at:
            continue  # of what changes at one instant, what is left after it
        if begun is None and calm.storms and standing >= calm.storm_begins:
            begun = Storm(at)
            told.append(begun)
        elif begun is not None and (standing < calm.storm_ends or not calm.storms):
            told[-1] = replace(begun, ended_at=at)
            begun = None
    if begun is not None and (not calm.storms or standing < calm.storm_ends):
        told[-1] = replace(begun, ended_at=now)
    return told


BEGUN, GOES_ON, ENDED = "begun", "going_on", "ended"


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who hears of a storm.

    Args:
        held: messages for them that wait for its digest.
        told_at: when their newest digest of it was due; None: there was none.
        parted: they have had its last.
    """

    person_id: int
    held: int
    told_at: datetime | None
    parted: bool = False


def digests(storm: Storm, listeners: Sequence[Listener], now: datetime, every: timedelta) -> list[tuple[int, str]]:
    """Who gets a digest of a storm now, and which: (person, event).

    The first as soon as something of theirs is held; then one a time, where something is; and when the storm is over one more to
    everybody who heard of it, so that nothing stays held.
    """
    found = []
    for each in sorted(listeners, key=lambda listener: listener.person_id):
        if storm.ended_at is not None:
            if not each.parted and (each.told_at is not None or each.held):
                found.append((each.person_id, ENDED))
        elif each.held and each.told_at is None:
            found.append((each.person_id, BEGUN))
        elif each.held and each.told_at is not None and now - each.told_at >= every:
            found.append((each.person_id, GOES_ON))
    return found
