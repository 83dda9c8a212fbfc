"""Silent sensors: how long nothing usable has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.aligned import aligned_zeros, row_of
from core.batch import NEVER, NOTHING_DUE, Float64, Int32, Int64, Scores, UInt8
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import SECOND_US, Columns, Detector, Parameters, Rows, unwatched_us
from detectors.hearing import Heard
from detectors.rhythm import PAUSES, at_least, learn

AGAIN_US: Final = 10 * SECOND_US  # how often a silence that lasts is said again
# What every reading looks at lies together.
_HEARD: Final = row_of(
    LINE,
    [
        ("silent_from", np.int64),  # the last usable reading, moved on by the time not watched since
        ("word", np.int64),  # what comes so soon after a word belongs to it; 0: nothing is learned of this one
        ("allowed", np.int64),
        ("said_at", np.int64),  # when its silence was said last
        ("said", np.uint8),  # whether this one was
    ],
)
CENTURY_US: Final = 100 * 366 * 86_400 * SECOND_US  # a silence that no setpoint needs to tell from a longer one


class StaleParameters(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the sensor may say nothing, beside the setpoint.

    Args:
        periods: it may be silent for at least so many of its own periods; 0: the setpoint alone says it.
        period_s: how often it is measured, as somebody has declared it; 0: nobody has. How often something comes of it is learned
            in any case, and the longer of the two counts: who sends once a minute what is measured each second speaks each minute.
        ceiling_s: no longer than this, whatever was learned; so long too where nothing is known and nothing declared. A declared
            period is a person's word: twice that is always allowed. Missing, it is `core.limit_rule.USUAL_CEILING_S`.
    """

    periods: Annotated[float, msgspec.Meta(ge=0.0, le=1000.0)] = 0.0
    period_s: Annotated[float, msgspec.Meta(ge=0.0, le=1e9)] = 0.0
    ceiling_s: Annotated[float, msgspec.Meta(ge=0.0, le=1e9)] = 10_800.0


class Stale(Detector):
    """Seconds since the last usable reading (a number whose quality is not bad), counting watched time only.

    A reading gives 0. Silence is seen by `sweep`, which says it at the instant and with the number at which the definition's
    own comparison turns, or, with `periods`, when the sensor's own time is over, which is never before that: what was learned can
    make it shorter, never longer (`rhythm`). That instant does not depend on how often one sweeps. While the silence lasts it is said again
    every 10 s with the same number, so that whoever was told to ignore it (a dead gateway mutes its sensors) hears of it
    afterwards. A sweep over sensors that all speak costs nothing. Time in which ingest was away or behind is not silence of
    the sensor: a definition's count stands still meanwhile, whatever `watched_us` starts from.

    A sensor's word is the batch it came with, at that batch's own `now`, which is stored with it: a restart that judges the same
    batches again learns the same. Not the device's stamps: of thirty readings a second apart that come in one message nobody could
    have heard one earlier.

    Memory: 189 bytes a definition; 153 in a checkpoint, which keeps what the last sweep knew beside each row.
    Warm-up: none; a sensor that never spoke is silent since the first sweep. A period is known after nine words and ten minutes.
    Fails when: somebody between sensor and us keeps sending the last value: that is `stuck`. A sensor that is silent and
        back between two sweeps was not seen to be silent. A reading from before the present watched stretch counts as
        made at its start.
    """

    name = "stale"
    unit = "s"
    parameters = StaleParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        mine = self._definition
        low, rows = definitions.is_low()[mine], definitions.definitions
        turn = rows.floats("setpoint")[mine] + np.where(low, rows.floats("deadband")[mine], 0.0)
        self._turn_us = _turn_us(turn, low)
        self._periods = self._settings["periods"]
        declared_us = _microseconds(self._settings["period_s"])
        self._ceiling_us = np.maximum(_microseconds(self._settings["ceiling_s"]), 2 * declared_us)
        self._heard: Rows = aligned_zeros(len(mine), _HEARD)
        learns = self._periods > 0
        self._word_us: Int64 = self._heard["word"]
        self._word_us[:] = np.where(learns, np.maximum(self._turn_us / np.maximum(self._periods, 1.0), 1), 0).astype(
            np.int64
        )
        self._declared_us = declared_us
        self._period_us: Int64 = np.zeros(len(mine), np.int64)  # as learned
        self._allowed_us: Int64 = self._heard["allowed"]
        self._began_at: Int64 = np.full(len(mine), NEVER, np.int64)
        self._spoke_at: Int64 = np.full(len(mine), NEVER, np.int64)
        self._pauses: Int64 = np.zeros((len(mine), PAUSES), np.int64)
        self._count: Int64 = np.zeros(len(mine), np.int64)
        self._column("period", self._period_us)
        self._column("began_at", self._began_at)
        self._column("spoke_at", self._spoke_at)
        self._column("pauses", self._pauses)
        self._column("pauses_count", self._count)
        # Who was heard since the last sweep, and from when until when the readings were.
        self._fresh: Int32 = np.zeros(len(mine), np.int32)
        self._fresh_count = 0
        self._fresh_from: Int64 = np.full(len(mine), NEVER, np.int64)
        self._fresh_to: Int64 = np.full(len(mine), NEVER, np.int64)
        self._column("fresh_from", self._fresh_from)
        self._column("fresh_to", self._fresh_to)
        self._work_out_allowed()
        self._silent_from: Int64 = self._heard["silent_from"]
        self._silent_from[:] = NEVER
        self._said: UInt8 = self._heard["said"]
        self._said_at: Int64 = self._heard["said_at"]
        self._said_at[:] = NEVER
        self._column("silent_from", self._silent_from)
        self._column("said", self._said)
        self._column("said_at", self._said_at)
        self._swept_us = NEVER
        self._watched_us = 0
        self._watching_from_us = NEVER  # no time since was left unwatched
        self._next_due_us = NEVER if len(self) else NOTHING_DUE

    def _work_out_allowed(self) -> None:
        """`_allowed_us` of every row."""
        _allow(
            np.arange(len(self), dtype=np.int32), self._turn_us, self._periods, self._declared_us, self._ceiling_us,
            self._pauses, self._count, self._period_us, self._allowed_us,
        )  # fmt: skip

    def _instants(self, heard: Heard) -> Int64:
        return _not_before(heard, self._heard)

    def _numbers(self, heard: Heard) -> Float64:
        number, soonest, self._fresh_count = _heard(
            heard, self._heard, self._watching_from_us, self._fresh, self._fresh_count, self._fresh_from, self._fresh_to,
        )  # fmt: skip
        self._next_due_us = min(self._next_due_us, soonest)
        return number

    def sweep(self, now_us: int, watched_us: int) -> Scores:
        """The definitions whose silence has reached what they allow, and every 10 s those where it still lasts."""
        if now_us < self._swept_us or not len(self):
            return Scores.empty()
        swept_us = self._swept_us
        self._leave_out_unwatched(now_us, watched_us)
        self._learn(now_us)
        if now_us < self._next_due_us:
            return Scores.empty()
        found, self._next_due_us = _silent(
            self._definition, self._allowed_us, self._silent_from, self._said, self._said_at, swept_us, now_us
        )
        definition, at, number = found
        return Scores(definition, np.full(len(definition), -1, np.int32), at, number)

    def next_due_us(self) -> int:
        """The earliest instant at which a sensor can have been silent for too long, or its silence is said again."""
        return self._next_due_us

    def _learn(self, now_us: int) -> None:
        """Those that were heard since the last sweep have spoken now."""
        if self._fresh_count == 0:
            return
        fresh, self._fresh_count = self._fresh[: self._fresh_count], 0
        _learn_heard(
            fresh, now_us, self._watching_from_us, self._fresh_from, self._fresh_to, self._word_us,
            self._began_at, self._spoke_at, self._pauses, self._count, self._period_us,
        )  # fmt: skip
        _allow(
            fresh, self._turn_us, self._periods, self._declared_us, self._ceiling_us,
            self._pauses, self._count, self._period_us, self._allowed_us,
        )  # fmt: skip
        self._next_due_us = min(self._next_due_us, int((self._silent_from[fresh] + self._allowed_us[fresh]).min()))

    def _leave_out_unwatched(self, now_us: int, watched_us: int) -> None:
        """Moves every silence on by the time since the last sweep that was not watched."""
        if self._swept_us != NEVER:
            unwatched = unwatched_us(now_us - self._swept_us, watched_us, self._watched_us)
            if unwatched > 0:
                _move_on(self._silent_from, self._swept_us, unwatched)
                self._watching_from_us = self._swept_us + unwatched
        self._swept_us, self._watched_us = now_us, watched_us

    def state(self) -> Columns:
        """Also what the last sweep knew, the same in each row."""
        rows = len(self)
        return super().state() | {
            "swept": np.full(rows, self._swept_us, np.int64),
            "watched": np.full(rows, self._watched_us, np.int64),
            "watching_from": np.full(rows, self._watching_from_us, np.int64),
        }

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Rows that are new keep `NEVER`; what the last sweep knew comes from any row that was there."""
        super().restore(state)
        if len(self):
            row = int(state["swept"].argmax())
            self._swept_us = int(state["swept"][row])
            self._watched_us = int(state["watched"][row])
            self._watching_from_us = int(state["watching_from"][row])
            self._next_due_us = NEVER
            fresh = np.flatnonzero(self._fresh_to != NEVER).astype(np.int32)
            self._fresh[: len(fresh)], self._fresh_count = fresh, len(fresh)
            self._work_out_allowed()


def _microseconds(seconds: Float64) -> Int64:
    return np.minimum(seconds * SECOND_US, CENTURY_US).astype(np.int64)


def _turn_us(turn: Float64, low: NDArray[np.bool_]) -> Int64:
    """The shortest silences, in microseconds, at which the definitions' comparisons turn.

    Args:
        turn: seconds, shape (definitions,); low: whether it turns above that, not at it.
    """
    allowed = np.clip(np.ceil(turn * SECOND_US), 0, CENTURY_US).astype(np.int64)
    while len(short := np.flatnonzero(_is_short(allowed, turn, low))):
        allowed[short] += 1
    return allowed


def _is_short(allowed_us: Int64, turn: Float64, low: NDArray[np.bool_]) -> NDArray[np.bool_]:
    seconds = allowed_us / SECOND_US
    short: NDArray[np.bool_] = (allowed_us < CENTURY_US) & ((seconds < turn) | (low & (seconds == turn)))
    return short


@kernel
def _allow(
    rows: Int32,
    turn_us: Int64,
    periods: Float64,
    declared_us: Int64,
    ceiling_us: Int64,
    pauses: Int64,
    count: Int64,
    period_us: Int64,
    allowed_us: Int64,
) -> None:
    """How long these sensors may say nothing."""
    for d in rows:
        own = 0
        if periods[d] > 0.0:
            own = ceiling_us[d]
            period = declared_us[d]
            if period > 0 or period_us[d] > 0:
                period = max(period, at_least(d, pauses, count, period_us))
                own = min(int(min(periods[d] * period, 1.0 * CENTURY_US)), own)
        allowed_us[d] = max(turn_us[d], own)


@kernel
def _learn_heard(
    rows: Int32,
    now: int,
    watching_from: int,
    fresh_from: Int64,
    fresh_to: Int64,
    word_us: Int64,
    began_at: Int64,
    spoke_at: Int64,
    pauses: Int64,
    count: Int64,
    period_us: Int64,
) -> None:
    """Those that were heard have spoken now."""
    for d in rows:
        span = fresh_to[d] - fresh_from[d]
        learn(d, now, span, watching_from, word_us[d], began_at, spoke_at, pauses, count, period_us)
        fresh_from[d] = fresh_to[d] = NEVER


@kernel
def _not_before(heard: Heard, rows: Rows) -> Int64:
    """The instants of a batch, none before a silence that was said: a reading may have been on its way then."""
    entries = len(heard.member)
    at = np.empty(entries, np.int64)
    for n in range(entries):
        if n + AHEAD < entries:
            prefetch(rows, heard.member[n + AHEAD], 0)
        at[n] = max(heard.at[n], rows[heard.member[n]].said_at)
    return at


@kernel
def _heard(
    heard: Heard,
    rows: Rows,
    watching_from: int,
    fresh: Int32,
    fresh_count: int,
    fresh_from: Int64,
    fresh_to: Int64,
) -> tuple[Float64, int, int]:
    """The numbers; the earliest instant at which one of them can have been silent for too long, and how many are fresh."""
    entries, soonest = len(heard.member), NOTHING_DUE
    number = np.full(entries, np.nan)
    heard, rows, fresh, fresh_from, fresh_to = borrowed((heard, rows, fresh, fresh_from, fresh_to))
    for n in range(entries):
        if n + AHEAD < entries:
            prefetch(rows, heard.member[n + AHEAD], 0)
        d, t = heard.member[n], heard.at[n]
        if not np.isfinite(heard.value[n]):
            continue
        rows[d].silent_from = max(rows[d].silent_from, t, watching_from)
        rows[d].said = False
        if rows[d].word > 0:
            if fresh_to[d] == NEVER:
                fresh[fresh_count] = d
                fresh_count += 1
                fresh_from[d] = fresh_to[d] = t
            fresh_from[d] = min(fresh_from[d], t)
            fresh_to[d] = max(fresh_to[d], t)
        soonest = min(soonest, rows[d].silent_from + rows[d].allowed)
        number[n] = 0.0
    return number, soonest, fresh_count


@kernel
def _move_on(silent_from: Int64, swept: int, unwatched: int) -> None:
    """Leaves out unwatched time, taken to lie at the start of the stretch since the last sweep."""
    for d in range(len(silent_from)):
        if silent_from[d] != NEVER:
            silent_from[d] = max(min(silent_from[d], swept) + unwatched, silent_from[d])


@kernel
def _next_said(silent_from: int, allowed: int, said: int, said_at: int, swept: int) -> int:
    """The first instant after the last sweep at which a silence that goes on is said."""
    if not said:
        return silent_from + allowed  # never before one said earlier: `silent_from` does not go back
    return said_at + AGAIN_US * (max(swept - said_at, 0) // AGAIN_US + 1)


@kernel
def _silent(
    own: Int32, allowed_us: Int64, silent_from: Int64, said: UInt8, said_at: Int64, swept: int, now: int
) -> tuple[tuple[Int32, Int64, Float64], int]:
    """Says each silence that has become too long or still is, and when the next one will be."""
    count = 0
    for d in range(len(own)):
        if silent_from[d] == NEVER:
            silent_from[d] = now
        count += _next_said(silent_from[d], allowed_us[d], said[d], said_at[d], swept) <= now
    definition = np.empty(count, np.int32)
    at = np.empty(count, np.int64)
    number = np.empty(count, np.float64)
    n, soonest = 0, NOTHING_DUE
    for d in range(len(own)):
        due = _next_said(silent_from[d], allowed_us[d], said[d], said_at[d], swept)
        if due <= now:
            if said[d]:
                due += (now - due) // AGAIN_US * AGAIN_US  # the last one, where sweeps were far apart
            else:
                said[d], said_at[d] = True, due
            definition[n], at[n], number[n] = own[d], due, allowed_us[d] / SECOND_US
            n += 1
            due = _next_said(silent_from[d], allowed_us[d], said[d], said_at[d], now)
        soonest = min(soonest, due)
    return (definition, at, number), soonest
