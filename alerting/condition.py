"""From a detector's numbers to conditions that begin and end: setpoint, deadband, votes, on-delay, off-delay, in judged time.

A delay ends at the first number at or after onset + delay or, if none comes, when `now` passes it (`sweep`); the event
carries onset + delay either way, so how readings are cut into batches changes nothing. Where a number of an instant before
that end is on its way (`expect`), `now` is patient: the number may say that the delay is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerting.votes import Ballots, Votes, vote
from core.alike import alike
from core.batch import NEVER, NOTHING_DUE, Awaited, Event, Float64, Int32, Int64, Scores
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, prefetch

# Status of a condition. Odd: a delay is running.
CLEAR: Final = 0
RISING: Final = 1  # beyond the setpoint, on-delay running
ACTIVE: Final = 2
FALLING: Final = 3  # back beyond the deadband, off-delay running

Bool = NDArray[np.bool_]
Rows = NDArray[np.void]
# What every number looks at lies together, 16 bytes a definition: one fetch from memory, not one a column.
_STANDING: Final = np.dtype([("number", np.float64), ("rule", np.int32), ("status", np.uint8)], align=True)
# What a definition asks for, once for all that ask the same; low is high upside down.
_RULE: Final = np.dtype(
    [
        ("setpoint", np.float64),
        ("back", np.float64),
        ("on_delay", np.int64),
        ("off_delay", np.int64),
        ("low", np.bool_),
    ],
    align=True,
)
_Found = tuple[int, Int32, Int32, Bool, Int64, Float64]  # how many, then definition, row, active, at, number


class Conditions:
    """The conditions of all definitions of a `DefinitionSet`.

    A number of NaN means "cannot judge": it ends a delay that is due by then, and changes nothing else.

    Memory: 40 bytes a definition, and those of `votes` where a definition wants k of m.
    """

    def __init__(self, definitions: DefinitionSet) -> None:
        rows = definitions.definitions
        self._definition_id, self._sensor_id = rows.numbers("definition_id"), rows.numbers("sensor_id")
        self._rules, rule = _rules(definitions)
        self.votes = Votes(definitions)
        n = len(rows)
        self._standing: Rows = np.zeros(n, _STANDING)
        self._standing["rule"] = rule
        self._status, self._number = self._standing["status"], self._standing["number"]
        self._number[:] = np.nan
        self._due: Int64 = np.full(n, NOTHING_DUE, np.int64)
        self._last_raise: Int64 = np.full(n, NEVER, np.int64)
        self._last_clear: Int64 = np.full(n, NEVER, np.int64)
        self._awaited = Awaited.none()

    def expect(self, awaited: Awaited) -> None:
        """Which numbers are on their way, until it is said anew."""
        self._awaited = awaited

    def step(self, scores: Scores) -> list[Event]:
        """Takes numbers in; gives what began or ended, in the order of the numbers that showed it.

        An event that a delay's end decided has row -1 and the last number before that end; the others carry their row.
        """
        found = _step(
            scores.definition, scores.row, scores.at, scores.number,
            self._rules, self.votes.ballots, self._standing, self._due, self._last_raise, self._last_clear,
        )  # fmt: skip
        return self._events(found)

    def sweep(self, now_us: int, but: Bool | None = None) -> list[Event]:
        """Ends the delays that `now_us` (microseconds UTC) has passed, earliest first.

        Args:
            but: shape (definitions,), those that are left out; None: none is.
        """
        left_out = but if but is not None else np.empty(0, np.bool_)
        ends_by = self._ends_by()
        found = _sweep(now_us, left_out, ends_by, self._standing, self._due, self._last_raise, self._last_clear)
        events = self._events(found)
        return sorted(events, key=lambda event: (event.at, event.definition_id, event.sensor_id))

    def next_due_us(self) -> int | None:
        """When the earliest running delay ends, microseconds UTC; None when none runs."""
        if len(self._due) == 0:
            return None
        earliest = int(self._ends_by().min())
        return None if earliest == NOTHING_DUE else earliest

    def _ends_by(self) -> Int64:
        """When time alone ends each running delay: at its end, or later by the patience for a number that may cancel it."""
        awaited = self._awaited
        if len(awaited.definition) == 0:
            return self._due
        ends_by, due = self._due.copy(), self._due[awaited.definition]
        may_cancel = (due != NOTHING_DUE) & (awaited.since < due)
        ends_by[awaited.definition] += np.where(may_cancel, awaited.patience, 0)
        return ends_by

    @property
    def active(self) -> Bool:
        """Which conditions hold, shape (definitions,): what `alarm.active` must say too."""
        return self._status >= ACTIVE

    def was_active(self, index: int, at: int) -> bool:
        """Whether definition `index` was active at `at` (microseconds UTC), as far as its last raise and clear tell.

        Fails when: `at` lies before the last raise; then the answer is False, one pair of events too many rather than a miss.
        """
        raised, cleared = int(self._last_raise[index]), int(self._last_clear[index])
        if raised == NEVER or at < raised:
            return False
        return self._status[index] >= ACTIVE or at < cleared

    def last_raise(self, index: int) -> tuple[int, float]:
        """When definition `index` last became active, microseconds UTC, and its last number."""
        return int(self._last_raise[index]), float(self._number[index])

    def leave(self, index: int, *, active: bool) -> None:
        """Lets definition `index`, by which nobody judges, hold or not, as people were last told."""
        if bool(self._status[index] >= ACTIVE) != active:
            self._status[index] = ACTIVE if active else CLEAR
            self._due[index] = NOTHING_DUE

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything that time has made of the conditions, first dimension = number of definitions.

        The columns themselves, as of now: whoever keeps them beyond the next batch copies them.
        """
        return {name: getattr(self, f"_{name}") for name in _STATE}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`, rows in this set's order.

        Raises:
            ValueError: other columns, lengths or types than `state()` gives.
        """
        if set(state) != set(_STATE):
            raise ValueError(f"condition state has columns {sorted(state)}; it must have {sorted(_STATE)}")
        for name in _STATE:
            own, given = getattr(self, f"_{name}"), state[name]
            if given.shape != own.shape or given.dtype != own.dtype:
                raise ValueError(
                    f"condition state {name} is {given.dtype}{given.shape}; it must be {own.dtype}{own.shape}"
                )
        for name in _STATE:
            getattr(self, f"_{name}")[:] = state[name]

    def _events(self, found: _Found) -> list[Event]:
        count, definition, row, active, at, number = found
        return [
            Event(
                definition_id=int(self._definition_id[definition[i]]),
                sensor_id=int(self._sensor_id[definition[i]]),
                active=bool(active[i]),
                at=int(at[i]),
                value=float(number[i]),
                row=int(row[i]),
            )
            for i in range(count)
        ]


_STATE: Final = ("status", "due", "number", "last_raise", "last_clear")


def _rules(definitions: DefinitionSet) -> tuple[Rows, Int32]:
    """What is asked for, each once, and which of them each definition asks for."""
    rows, low = definitions.definitions, definitions.is_low()
    # Negating a float is exact, so one kernel serves both.
    setpoint: Float64 = np.where(low, -1.0, 1.0) * rows.floats("setpoint")
    asked = {
        "setpoint": setpoint,
        "back": setpoint - rows.floats("deadband"),
        "on_delay": rows.integers("on_delay_us"),
        "off_delay": rows.integers("off_delay_us"),
        "low": low,
    }
    rule, first = alike(*asked.values())
    rules: Rows = np.zeros(len(first), _RULE)
    for name, column in asked.items():
        rules[name] = column[first]
    return rules, rule


@kernel
def _end_delay(i: int, standing: Rows, due: Int64, last_raise: Int64, last_clear: Int64) -> int:
    """Lets the running delay of definition i end; the instant it ended at."""
    at = due[i]
    due[i] = NOTHING_DUE
    if standing[i].status == RISING:
        standing[i].status = ACTIVE
        last_raise[i] = at
    else:
        standing[i].status = CLEAR
        last_clear[i] = at
    return at  # type: ignore[no-any-return]


@kernel
def _look(i: int, leaves: bool, stays: bool, t: int, before: Int64, delay: int, standing: Rows, due: Int64) -> bool:
    """Starts or stops the delay of definition i, which is at rest or has one running; whether one that is over has started.

    Args:
        leaves: the number is where the condition changes.
        stays: the number is where a running delay is cancelled; neither of both lets it run.
        before: when each definition changed the other way last.
    """
    running = (standing[i].status & 1) == 1
    if stays and running:
        standing[i].status -= 1
        due[i] = NOTHING_DUE
    if not leaves or running:
        return False
    standing[i].status += 1
    # A sweep may have changed it at a later instant than a reading that was on its way: time does not run back.
    due[i] = max(t, before[i]) + delay
    return delay == 0


@kernel
def _step(
    definition: Int32,
    row: Int32,
    at: Int64,
    number: Float64,
    rules: Rows,
    ballots: Ballots,
    standing: Rows,
    due: Int64,
    last_raise: Int64,
    last_clear: Int64,
) -> _Found:
    """One pass over the numbers; a number can end a delay and begin or end a condition: at most two events each."""
    rules, ballots, standing, due, last_raise, last_clear = borrowed(
        (rules, ballots, standing, due, last_raise, last_clear)
    )
    count = len(definition)
    e_definition = np.empty(2 * count, np.int32)
    e_row = np.empty(2 * count, np.int32)
    e_active = np.empty(2 * count, np.bool_)
    e_at = np.empty(2 * count, np.int64)
    e_number = np.empty(2 * count, np.float64)
    n, voting = 0, len(ballots.row) > 0
    for k in range(count):
        if k + AHEAD < count:
            prefetch(standing, definition[k + AHEAD], 0)
        i = definition[k]
        t = at[k]
        status = standing[i].status
        if (status & 1) == 1 and due[i] <= t:
            e_at[n] = _end_delay(i, standing, due, last_raise, last_clear)
            e_definition[n] = i
            e_row[n] = -1
            status = standing[i].status
            e_active[n] = status == ACTIVE
            e_number[n] = standing[i].number
            n += 1
        if np.isnan(number[k]):
            continue
        standing[i].number = number[k]
        rule = standing[i].rule
        x = -number[k] if rules[rule].low else number[k]
        beyond = x >= rules[rule].setpoint
        if status == CLEAR and not beyond and not voting:
            continue  # as nearly all of them
        held = not x < rules[rule].back
        if voting and ballots.row[i] >= 0:
            beyond, held = vote(ballots, ballots.row[i], beyond, held)
        if status <= RISING:
            now_over = _look(i, beyond, not beyond, t, last_clear, rules[rule].on_delay, standing, due)
        else:
            now_over = _look(i, not held, beyond, t, last_raise, rules[rule].off_delay, standing, due)
        if not now_over:
            continue
        e_at[n] = _end_delay(i, standing, due, last_raise, last_clear)
        e_definition[n] = i
        e_row[n] = row[k]
        e_active[n] = standing[i].status == ACTIVE
        e_number[n] = number[k]
        n += 1
    return n, e_definition, e_row, e_active, e_at, e_number


@kernel
def _sweep(
    now: int, but: Bool, ends_by: Int64, standing: Rows, due: Int64, last_raise: Int64, last_clear: Int64
) -> _Found:
    """Ends every delay that time alone has ended by `now`; `ends_by` may be `due` itself."""
    pending, all_of_them = 0, len(but) == 0
    for i in range(len(ends_by)):
        if ends_by[i] <= now and (all_of_them or not but[i]):
            pending += 1
    e_definition = np.empty(pending, np.int32)
    e_row = np.full(pending, -1, np.int32)
    e_active = np.empty(pending, np.bool_)
    e_at = np.empty(pending, np.int64)
    e_number = np.empty(pending, np.float64)
    n = 0
    for i in range(len(ends_by)):
        if ends_by[i] <= now and (all_of_them or not but[i]):
            e_at[n] = _end_delay(i, standing, due, last_raise, last_clear)
            e_definition[n] = i
            e_active[n] = standing[i].status == ACTIVE
            e_number[n] = standing[i].number
            n += 1
    return n, e_definition, e_row, e_active, e_at, e_number


def compile_kernels() -> None:
    """Compiles the kernels into numba's cache, so that no first batch waits for a compiler."""
    conditions = Conditions(DefinitionSet(0, (), np.empty(0, np.int32), 0))
    conditions.step(Scores.empty())
    conditions.sweep(0)
