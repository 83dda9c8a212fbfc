"""The life of an alarm: ISA-18.2 states as one pure table.

    A normal                B unacknowledged, active       C acknowledged, active
    D returned, unacknowledged (unlatched)    E cleared, latched, unacknowledged    F cleared, latched, acknowledged

Suppression (shelved, by design, out of service) is a field over a state that lives on beneath: the condition goes on moving
the state, nobody is called, and leaving suppression while the condition is active leads to B, never to C.

Source: state letters and transitions as in ANSI/ISA-18.2-2016 and IEC 62682 (alarm state transition diagram), quoted from
secondary texts; the clauses named in the table are not verified against the standards' own text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from core.errors import Refused


class State(StrEnum):
    """Where an alarm stands, by the letters of the standard."""

    NORMAL = "A"
    UNACKNOWLEDGED = "B"
    ACKNOWLEDGED = "C"
    RETURNED = "D"
    LATCHED_UNACKNOWLEDGED = "E"
    LATCHED_ACKNOWLEDGED = "F"


class Suppression(StrEnum):
    """Why nobody is called although the alarm lives."""

    NONE = "none"
    SHELVED = "shelved"
    BY_DESIGN = "by_design"
    OUT_OF_SERVICE = "out_of_service"


class Happening(StrEnum):
    """What can happen to an alarm: the words kept in `transition.event`."""

    RAISE = "raise"
    CLEAR = "clear"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    REALARM = "realarm"
    ESCALATE = (
        "escalate"  # a higher limit on the same sensor was reached: what was acknowledged is announced again with it
    )
    SHELVE = "shelve"
    UNSHELVE = "unshelve"  # by a person
    SHELF_EXPIRED = "shelf_expired"
    SUPPRESS = "suppress"  # by design: plant state, parent alarm, permit
    UNSUPPRESS = "unsuppress"
    TAKE_OUT = "take_out_of_service"
    RETURN_TO_SERVICE = "return_to_service"
    RESOLVE = "resolve"  # a person closes the occurrence: what it was, what was done
    EXERCISE_OVER = "exercise_over"  # of an exercise alone: no row of the table knows it


WAITS_FOR_A_PERSON: Final = frozenset({State.UNACKNOWLEDGED, State.RETURNED, State.LATCHED_UNACKNOWLEDGED})
_S = State
_H = Happening


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    Args:
        latch: the row holds only for latching (True) or non-latching (False) definitions; None: for both.
        clause: where the row comes from.
    """

    state: State
    happening: Happening
    to: State
    clause: str
    latch: bool | None = None


_DIAGRAM = "ISA-18.2-2016 5.4 alarm state transition diagram (unverified)"
_LATCH = "ISA-18.2-2016 5.4, latching alarm (unverified)"
_CLOSES = "ours: the standards know no occurrence; it may be closed only when the alarm is normal"
_OURS = "ours, stricter: a latched alarm that comes back must be heard again, so it never returns to C by itself"
_UNTOLD = "ours: a latched alarm waits for a person also where it ended before anybody could be told of it"
_ESCALATES = "ISA-18.2-2016 5.4, an acknowledged alarm whose severity rises is announced again (unverified)"
_HOLDS = "ours: what was learnt of too late to call anybody, and holds now, calls as of now"

TABLE: Final = (
    Rule(_S.NORMAL, _H.RAISE, _S.UNACKNOWLEDGED, _DIAGRAM),
    Rule(_S.UNACKNOWLEDGED, _H.ACKNOWLEDGE, _S.ACKNOWLEDGED, _DIAGRAM),
    Rule(_S.UNACKNOWLEDGED, _H.CLEAR, _S.RETURNED, _DIAGRAM, latch=False),
    Rule(_S.ACKNOWLEDGED, _H.CLEAR, _S.NORMAL, _DIAGRAM, latch=False),
    Rule(_S.RETURNED, _H.ACKNOWLEDGE, _S.NORMAL, _DIAGRAM),
    Rule(_S.RETURNED, _H.RAISE, _S.UNACKNOWLEDGED, _DIAGRAM),
    Rule(_S.UNACKNOWLEDGED, _H.CLEAR, _S.LATCHED_UNACKNOWLEDGED, _LATCH, latch=True),
    Rule(_S.ACKNOWLEDGED, _H.CLEAR, _S.LATCHED_ACKNOWLEDGED, _LATCH, latch=True),
    Rule(_S.LATCHED_UNACKNOWLEDGED, _H.ACKNOWLEDGE, _S.LATCHED_ACKNOWLEDGED, _LATCH),
    Rule(_S.LATCHED_ACKNOWLEDGED, _H.RESET, _S.NORMAL, _LATCH),
    Rule(_S.LATCHED_UNACKNOWLEDGED, _H.RAISE, _S.UNACKNOWLEDGED, _LATCH),
    Rule(_S.LATCHED_ACKNOWLEDGED, _H.RAISE, _S.UNACKNOWLEDGED, _OURS),
    Rule(
        _S.ACKNOWLEDGED,
        _H.REALARM,
        _S.UNACKNOWLEDGED,
        "ISA-18.2-2016 5.4, re-alarming (unverified); OPC 10000-9 ReAlarmTime",
    ),
    Rule(_S.ACKNOWLEDGED, _H.ESCALATE, _S.UNACKNOWLEDGED, _ESCALATES),
    Rule(_S.UNACKNOWLEDGED, _H.REALARM, _S.UNACKNOWLEDGED, _HOLDS),
    Rule(_S.LATCHED_UNACKNOWLEDGED, _H.REALARM, _S.LATCHED_UNACKNOWLEDGED, _UNTOLD),
    Rule(_S.NORMAL, _H.RESOLVE, _S.NORMAL, _CLOSES),
)
_NEXT: Final = {
    (rule.state, rule.happening, latch): rule.to
    for rule in TABLE
    for latch in (False, True)
    if rule.latch is None or rule.latch is latch
}

# Happening -> the suppression it leads to. ISA-18.2-2016 5.4, states G, H, I (unverified).
_ENTERS: Final = {
    _H.SHELVE: Suppression.SHELVED,
    _H.SUPPRESS: Suppression.BY_DESIGN,
    _H.TAKE_OUT: Suppression.OUT_OF_SERVICE,
}
_LEAVES: Final = {
    _H.UNSHELVE: Suppression.SHELVED,
    _H.SHELF_EXPIRED: Suppression.SHELVED,
    _H.UNSUPPRESS: Suppression.BY_DESIGN,
    _H.RETURN_TO_SERVICE: Suppression.OUT_OF_SERVICE,
}
# What a person asked for and cannot have is refused; what ingest or a timer says twice is simply nothing new.
_REFUSALS: Final = {
    _H.ACKNOWLEDGE: "There is nothing to acknowledge: the alarm is {state}.",
    _H.RESET: "Only an acknowledged alarm whose condition has cleared can be reset; this one is {state}.",
    _H.RESOLVE: "Only what is back to normal can be resolved; the alarm is {state}.",
    _H.SHELVE: "The alarm is already suppressed ({suppression}); end that first.",
    _H.UNSHELVE: "The alarm is not shelved.",
    _H.SUPPRESS: "The alarm is already suppressed ({suppression}).",
    _H.UNSUPPRESS: "The alarm is not suppressed by design.",
    _H.TAKE_OUT: "The alarm is already suppressed ({suppression}); end that first.",
    _H.RETURN_TO_SERVICE: "The alarm is not out of service.",
}
IN_WORDS: Final = {
    _S.NORMAL: "normal",
    _S.UNACKNOWLEDGED: "active and unacknowledged",
    _S.ACKNOWLEDGED: "active and acknowledged",
    _S.RETURNED: "back to normal but unacknowledged",
    _S.LATCHED_UNACKNOWLEDGED: "latched and unacknowledged",
    _S.LATCHED_ACKNOWLEDGED: "latched and acknowledged, waiting for a reset",
}

# A recurrence this soon after a call that nobody has answered belongs to that call, whose escalation is still running:
# chatter must not call the same person again and again. Ours; longer than any escalation ladder's first steps.
SAME_CALL: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the table needs to know of an alarm.

    Args:
        active: the condition, as ingest last said.
        onset: instant from which the running call counts; None when no call is running.
    """

    state: State = State.NORMAL
    active: bool = False
    suppression: Suppression = Suppression.NONE
    until: datetime | None = None
    onset: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What became of an alarm.

    Args:
        changed: there is a transition to write down.
        calls: people are to be told, as of `alarm.onset`.
    """

    alarm: Alarm
    changed: bool
    calls: bool = False


def step(alarm: Alarm, happening: Happening, *, at: datetime, latch: bool, until: datetime | None = None) -> Step:
    """The alarm after `happening`: f(state, event, now).

    Args:
        at: when it happened: the instant a call counts from.
        latch: of the definition; matters only where the condition clears.
        until: with SHELVE, when the shelf ends.
    Raises:
        Refused: a person asked for what the state does not allow.
    """
    if happening in _ENTERS:
        if not _may_enter(alarm, happening, until):
            return _refuse(alarm, happening)
        return Step(replace(alarm, suppression=_ENTERS[happening], until=until, onset=None), changed=True)
    if happening in _LEAVES:
        return _unsuppressed(alarm, happening, at)
    heard = alarm
    if happening in (Happening.RAISE, Happening.CLEAR):
        heard = replace(alarm, active=happening is Happening.RAISE)
    to = _NEXT.get((alarm.state, happening, latch))
    if to is None:
        return _refuse(heard, happening)
    moved = replace(heard, state=to)
    if to not in WAITS_FOR_A_PERSON:
        moved = replace(moved, onset=None)
    if (
        happening is Happening.ESCALATE
    ):  # one call, not two: that of the higher limit, which counts from the same instant
        return Step(replace(moved, onset=at if alarm.suppression is Suppression.NONE else None), changed=True)
    heard_anew = to is State.UNACKNOWLEDGED or happening is Happening.REALARM
    if not heard_anew or alarm.suppression is not Suppression.NONE or _same_call(alarm, at):
        return Step(moved, changed=True)
    return Step(replace(moved, onset=at), changed=True, calls=True)


def end_exercise(alarm: Alarm) -> Step:
    """An exercise after its end: normal, whatever people have done, and nothing puts its alarm aside.

    Ours: the standards know no exercises. It stands beside the table, in which nothing that time does quiets a real alarm.
    """
    return Step(Alarm(), changed=alarm.state is not State.NORMAL)


def _may_enter(alarm: Alarm, happening: Happening, until: datetime | None) -> bool:
    """A shelf is for what nothing else silences. An order or a rule takes the place of whatever is there, but for itself."""
    if happening is Happening.SHELVE:
        return alarm.suppression is Suppression.NONE
    return alarm.suppression is not _ENTERS[happening] or alarm.until != until


def _unsuppressed(alarm: Alarm, happening: Happening, at: datetime) -> Step:
    """G, H and I are left by looking again: still active means B, never C."""
    if alarm.suppression is not _LEAVES[happening]:
        return _refuse(alarm, happening)
    free = replace(alarm, suppression=Suppression.NONE, until=None)
    if not alarm.active:
        return Step(free, changed=True)
    return Step(replace(free, state=State.UNACKNOWLEDGED, onset=at), changed=True, calls=True)


def _same_call(alarm: Alarm, at: datetime) -> bool:
    return alarm.state in WAITS_FOR_A_PERSON and alarm.onset is not None and abs(at - alarm.onset) < SAME_CALL


def _refuse(alarm: Alarm, happening: Happening) -> Step:
    if happening in _REFUSALS:
        raise Refused(
            _REFUSALS[happening].format(state=IN_WORDS[alarm.state], suppression=alarm.suppression.replace("_", " "))
        )
    return Step(alarm, changed=False)
