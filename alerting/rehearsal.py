"""What conditions would have meant to people: spells, chatter, floods, calls, and the dangers they tell of. Pure.

A rehearsal has no people in it. So it takes one assumption, the same for every version that is compared: whoever is called
acknowledges after `ANSWERED_AFTER`, and resets what is latched as soon as that is allowed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from alerting.alarm import Alarm, Happening, State, step
from alerting.routing import Route, plan
from core.batch import Event
from core.model import Priority

SECOND_US: Final = 1_000_000
ANSWERED_AFTER: Final = timedelta(minutes=5)  # ours: within the first escalation of every ladder
# A chattering alarm: three or more raises and clears within a minute. A flood: more than ten within ten minutes.
# Source: ANSI/ISA-18.2-2016 and IEC 62682, from secondary texts (reference/domain.md 3.2); not verified against the standards' text.
CHATTER_TIMES, CHATTER_US = 3, 60 * SECOND_US
FLOOD_ABOVE, FLOOD_US = 10, 600 * SECOND_US
ANSWERED_US: Final = ANSWERED_AFTER // timedelta(microseconds=1)
EARLY_US: Final = (
    3_600 * SECOND_US
)  # ours: who was called longer ago than this, and has answered, was called for something else
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WAITS: Final = (State.UNACKNOWLEDGED, State.RETURNED, State.LATCHED_UNACKNOWLEDGED)


class Spell(NamedTuple):
    """From when until when a condition holds, microseconds UTC.

    Args:
        until: None: it holds still.
        value: the number that began it.
    """

    since: int
    until: int | None
    value: float


@dataclass(frozen=True, slots=True)
class Danger:
    """An occurrence that people have resolved: what really was.

    Args:
        own: it was told by the definition that is tried, not by another one of its sensor or zone.
        since, until: when it was noticed and when it was over, microseconds UTC.
    """

    occurrence_id: int
    definition: str
    resolution: str
    own: bool
    since: int
    until: int


class Onset(NamedTuple):
    """An instant from which people are called, microseconds UTC.

    Args:
        heard: when the first of the client's people is; None: the routes send nobody.
    """

    at: int
    heard: int | None


@dataclass(frozen=True, slots=True)
class Calls:
    """How often people are called, and how many messages that makes.

    Args:
        onsets: microseconds UTC, of the stretch.
        messages: of the client's people, before somebody acknowledges, of the stretch.
        all: those before the stretch too, in the order of time.
    """

    onsets: tuple[int, ...]
    messages: int
    all: tuple[Onset, ...] = ()


def spells(events: Sequence[Event], since: int) -> list[Spell]:
    """The spells that events of one condition tell, in the order of time; what was over by `since` is left out."""
    found: list[Spell] = []
    began: Event | None = None
    for event in sorted(events, key=lambda e: e.at):  # stable: of one instant the order of the events stays
        if event.active:
            began = began or event
        elif began is not None:
            if event.at > since:
                found.append(Spell(began.at, event.at, began.value))
            began = None
    return [*found, Spell(began.at, None, began.value)] if began is not None else found


def raises(of: Sequence[Spell], since: int) -> list[int]:
    """When they began, but for what held at `since` already."""
    return [spell.since for spell in of if spell.since >= since]


def chatter(of: Sequence[Spell]) -> int:
    """How many times it chatters: bursts of three or more raises and clears within a minute.

    >>> chatter([Spell(at * 10 * SECOND_US, at * 10 * SECOND_US + 1, 0.0) for at in (0, 1, 2, 3, 50, 51, 52, 90)])
    2
    """
    bursts, first = 0, 0
    ends = [spell.until for spell in of if spell.until is not None]
    begins = [spell.since for spell in of if spell.until is not None]
    while first + CHATTER_TIMES <= len(ends):
        last = first + CHATTER_TIMES - 1
        if ends[last] - begins[first] > CHATTER_US:
            first += 1
            continue
        bursts += 1
        while last + 1 < len(ends) and ends[last + 1] - begins[last - 1] <= CHATTER_US:
            last += 1
        first = last + 1
    return bursts


def floods(own: Sequence[int], others: Sequence[int]) -> tuple[int, int]:
    """Stretches of ten minutes with more than ten alarms of the site, and how many of `own` fall into them.

    Args:
        own, others: when alarms were raised, microseconds UTC: of what is tried, and of the rest of the site.

    >>> floods([0, 1, 2], [3] * 8)
    (1, 3)
    """
    counts: dict[int, int] = {}
    for at in (*own, *others):
        counts[at // FLOOD_US] = counts.get(at // FLOOD_US, 0) + 1
    flooded = {window for window, count in counts.items() if count > FLOOD_ABOVE}
    return len(flooded), sum(at // FLOOD_US in flooded for at in own)


def calls(
    of: Sequence[Spell],
    since: int,
    priority: Priority,
    routes: Sequence[Route],
    *,
    latch: bool,
    until: int | None = None,
    realarm_after: timedelta | None = None,
) -> Calls:
    """Who is called, by the table of states and the site's routes.

    A higher limit that is reached on the same sensor announces what is acknowledged again and makes no call of its own (ESCALATE):
    it is that limit's.

    Args:
        until: end of the stretch, microseconds UTC; None: what comes after the last turn is not looked at.
        realarm_after: acknowledged and still active for so long, it calls again; None: never.
    """
    life = _Life(latch, realarm_after)
    for at_us, _, happening in sorted(
        [(s.since, 1, Happening.RAISE) for s in of] + [(s.until, 0, Happening.CLEAR) for s in of if s.until is not None]
    ):
        at = _EPOCH + timedelta(microseconds=at_us)
        life.pass_time(at)
        life.take(happening, at)
    if until is not None:
        life.pass_time(_EPOCH + timedelta(microseconds=until))
    onsets, messages = list[Onset](), 0
    for at in life.called:
        told = [call.at for call in plan(priority, routes, onset=at, now=at) if call.audience == "client"]
        onsets.append(Onset(_us(at), _us(min(told)) if told else None))
        if onsets[-1].at >= since:
            messages += sum(call < at + ANSWERED_AFTER for call in told)
    return Calls(tuple(onset.at for onset in onsets if onset.at >= since), messages, tuple(onsets))


def _us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


class _Life:
    """One alarm and the people who answer it.

    Args:
        called: when people were called.
    """

    def __init__(self, latch: bool, realarm_after: timedelta | None) -> None:
        self._alarm, self._latch, self._realarm_after = Alarm(), latch, realarm_after
        self._answered_at = _EPOCH
        self.called: list[datetime] = []

    def take(self, happening: Happening, at: datetime) -> None:
        """What happens at `at`."""
        done = step(self._alarm, happening, at=at, latch=self._latch)
        self._alarm = done.alarm
        if done.calls:
            self.called.append(at)

    def pass_time(self, at: datetime) -> None:
        """The alarm as `at` finds it: acknowledged, heard again where it held on, and reset where it was latched."""
        while True:
            if (
                self._alarm.state in _WAITS
                and self._alarm.onset is not None
                and at - self._alarm.onset >= ANSWERED_AFTER
            ):
                self._answered_at = self._alarm.onset + ANSWERED_AFTER
                self.take(Happening.ACKNOWLEDGE, self._answered_at)
            elif self._is_due_again(at) and self._realarm_after is not None:
                self.take(Happening.REALARM, self._answered_at + self._realarm_after)
            else:
                break
        if self._alarm.state is State.LATCHED_ACKNOWLEDGED:
            self.take(Happening.RESET, at)

    def _is_due_again(self, at: datetime) -> bool:
        return (
            self._alarm.state is State.ACKNOWLEDGED
            and self._realarm_after is not None
            and self._answered_at + self._realarm_after < at
        )


def found_at(danger: Danger, of: Sequence[Spell]) -> int | None:
    """When the spells tell of a danger: the beginning of the first that holds while it lasts.

    >>> found_at(Danger(1, "gas", "true_danger", True, 5000, 6000), [Spell(5500, None, 1.0)])
    5500
    """
    for spell in of:
        if spell.since <= danger.until and (spell.until is None or spell.until >= danger.since):
            return spell.since
    return None


def called_for(danger: Danger, of: Sequence[Spell], called: Calls, ends: Sequence[int]) -> Onset | None:
    """The call that told people of a danger: the first within it, or one before it that was about it.

    One before it is about it where nobody had answered yet when it began, or where its condition ran into the danger without a stop,
    from at most `EARLY_US` ahead. A condition that swallows two of the version in force has called for the first of them alone.

    Args:
        of: the spells of this version, in the order of time.
        called: the calls that they make.
        ends: when the spells of the version in force were over, ascending.

    >>> swallowed = [Spell(0, 9_000_000_000, 1.0)]
    >>> second = Danger(1, "gas", "true_danger", True, 1_000_000_000, 2_000_000_000)
    >>> called_for(second, swallowed, Calls((0,), 1, (Onset(0, 0),)), [500_000_000]) is None
    True
    """
    holding = found_at(danger, of)
    if holding is None:
        return None
    for onset in called.all[bisect_left(called.all, danger.since - EARLY_US, key=lambda each: each.at) :]:
        if onset.at > danger.until:
            return None
        if onset.at >= danger.since or danger.since - onset.at < ANSWERED_US:
            return onset
        stopped = bisect_left(ends, danger.since) > bisect_right(ends, onset.at)
        if onset.at >= holding and not stopped:
            return onset
    return None
