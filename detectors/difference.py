"""Difference: what two sensors say of each other, in the order of their instants."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, NamedTuple

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from core.batch import NEVER, QUALITY_CODE, Awaited, Float64, Int32, Int64, ReadingBatch, Scores, UInt8
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from detectors.contract import LARGEST, SECOND_US, Detector, Parameters
from detectors.hearing import BAD, Heard, count_heard

WAITING: Final = 64  # readings by which one sensor may be ahead of the other; a power of two: a minute's block at 1 Hz
PLACE: Final = WAITING - 1


class DifferenceParameters(Parameters, frozen=True):
    """What a difference may set; which the other sensor is stands in the definition itself.

    Args:
        signed: 1: this sensor's value less the other's; 0: how far apart they are, whichever is higher.
        hold_s: a reading stands for no longer than this; an import takes it from the sensor's period where it is declared.
    """

    signed: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    hold_s: Annotated[float, Meta(ge=0.001, le=86_400.0)] = 60.0


class _Pairs(NamedTuple):
    """Which definitions hear a sensor, and as which of the two: compressed sparse rows, made for the kernel.

    Args:
        definition: shape (k,), int32, index into the `DefinitionSet`.
        offsets: shape (sensors + 1,), int32, where each slot's places begin in `members` and `sides`.
        members: int32, rows of `definition`; sides: uint8, 0: it is the definition's own sensor, 1: the other.
    """

    definition: Int32
    offsets: Int32
    members: Int32
    sides: UInt8


class _Heard(NamedTuple):
    """What is remembered of each definition: both sensors, and the readings of the one that is ahead.

    Args:
        mark_at: int64 (k, 2), newest instant heard of each.
        held_at, held: int64 and float64 (k, 2), the reading that stands; NaN: it cannot be used.
        wait_at, wait: int64 and float64 (k, WAITING), readings the other has not come to yet: a ring.
        span: int64 (k, 4), first place and number of what waits, whose it is, instant of the last number.
    """

    mark_at: Int64
    held_at: Int64
    held: Float64
    wait_at: Int64
    wait: Float64
    span: Int64


FIRST: Final = 0
COUNT: Final = 1
WHOSE: Final = 2
SAID: Final = 3


class Difference(Detector):
    """`|value - other's value|` of two sensors in one unit, or `value - other's value`: agreement, drop, rise over something.

    At each instant at which one of them speaks the number is that of the readings that stand then. It is said when both have
    spoken up to that instant, so that neither batches nor the order among sensors change it: of two that speak together at
    once, else up to a period of the slower one later. Where a reading is older than `hold_s`, or cannot be used, nobody knows how
    far apart they are: NaN, "cannot judge", never the difference to an old value.

    While one is ahead, no delay that a number on its way may cancel is ended by time alone (`awaited`).

    Memory: 1104 bytes a definition.
    Warm-up: a reading of each.
    Fails when: both are wrong alike (the same gas, the same drift, one sample line). A value that moves fast is seen by each at
        its own instants: an on-delay of two periods helps. One that is ahead by more than 64 readings is not waited for any
        longer: its oldest reading is then compared with what stands, which is NaN while the other is silent.
    """

    name = "difference"
    unit = "{unit}"
    parameters: ClassVar[type[Parameters]] = DifferenceParameters
    is_of_two = True

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        self._pairs = _pairs(definitions, self._definition)
        self._signed = self._is_signed()
        self._hold_us: Int64 = np.rint(self._settings["hold_s"] * SECOND_US).astype(np.int64)
        count = len(self)
        self._heard = _Heard(
            np.full((count, 2), NEVER, np.int64),
            np.full((count, 2), NEVER, np.int64),
            np.full((count, 2), np.nan),
            np.zeros((count, WAITING), np.int64),
            np.zeros((count, WAITING)),
            np.tile(np.array([0, 0, 0, NEVER], np.int64), (count, 1)),
        )
        for name, column in self._heard._asdict().items():
            self._column(name, column)

    def _is_signed(self) -> NDArray[np.bool_]:
        """Of each definition whether it is kept which of the two is higher."""
        return self._settings["signed"] > 0.0

    def score(self, batch: ReadingBatch) -> Scores:
        """Every number that is known now and was not before; a row is that of the reading by which it is known.

        Readings of a batch are taken in the order of their instants, live and after a restart alike: a minute's block of one
        sensor and then one of the other are not ahead of each other.
        """
        return self._compare(batch)[0]

    def _compare(self, batch: ReadingBatch) -> tuple[Scores, Float64]:
        """How far apart they are, and what this sensor itself read at each of those instants."""
        room = count_heard(self._pairs.offsets, batch.sensor)
        if room < 0:
            return super().score(batch), np.empty(0)  # which says what is wrong
        if room == 0:
            return Scores.empty(), np.empty(0)
        room += int(self._heard.span[:, COUNT].sum())
        mine = np.flatnonzero(self._pairs.offsets[batch.sensor + 1] > self._pairs.offsets[batch.sensor])
        order = mine[np.argsort(batch.judged_at[mine], kind="stable")].astype(np.int32)
        out = Scores(
            np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.float64)
        )
        own = np.empty(room)
        n = _difference(
            self._pairs, self._heard, self._signed, self._hold_us,
            order, batch.sensor, batch.judged_at, batch.value, batch.quality,
            out.definition, out.row, out.at, out.number, own,
        )  # fmt: skip
        return Scores(out.definition[:n], out.row[:n], out.at[:n], out.number[:n]), own[:n]

    def awaited(self) -> Awaited:
        """Where one sensor is ahead: its oldest reading that waits, and that for no longer than a reading stands."""
        ahead = np.flatnonzero(self._heard.span[:, COUNT] > 0)
        since = self._heard.wait_at[ahead, self._heard.span[ahead, FIRST]]
        return Awaited(self._definition[ahead], since, self._hold_us[ahead])

    def _numbers(self, heard: Heard) -> Float64:
        """None: `score` makes room of its own, as a reading gives no number, or several."""
        return heard.value


def _pairs(definitions: DefinitionSet, definition: Int32) -> _Pairs:
    own, other = definitions.slot[definition], definitions.other[definition]
    known = np.flatnonzero(other >= 0)
    slots = np.concatenate([own, other[known]])
    rows = np.concatenate([np.arange(len(own)), known]).astype(np.int32)
    sides = np.repeat(np.array([0, 1], np.uint8), [len(own), len(known)])
    if len(slots) and int(slots.max()) >= definitions.sensors:
        raise ValueError(f"slots of the second sensors reach {slots.max()} of {definitions.sensors} sensors")
    offsets = np.zeros(definitions.sensors + 1, np.int32)
    np.cumsum(np.bincount(slots, minlength=definitions.sensors), out=offsets[1:])
    order = np.argsort(slots, kind="stable")
    return _Pairs(definition, offsets, rows[order], sides[order])


@kernel
def _number(d: int, t: int, heard: _Heard, signed: bool, hold: int) -> float:
    """How far apart they are at t; NaN where one of them does not stand."""
    if t - heard.held_at[d, 0] > hold or t - heard.held_at[d, 1] > hold:
        return np.nan
    apart = heard.held[d, 0] - heard.held[d, 1]
    if not signed:
        apart = abs(apart)
    return max(min(apart, LARGEST), -LARGEST) if not np.isnan(apart) else np.nan


@kernel
def _stand(d: int, side: int, t: int, x: float, heard: _Heard) -> None:
    heard.held_at[d, side] = t
    heard.held[d, side] = x


@kernel
def _take_oldest(d: int, heard: _Heard) -> int:
    """The oldest reading that waits stands from its instant on, which is given."""
    place = heard.span[d, FIRST]
    t = heard.wait_at[d, place]
    _stand(d, heard.span[d, WHOSE], t, heard.wait[d, place], heard)
    heard.span[d, FIRST] = (place + 1) & PLACE
    heard.span[d, COUNT] -= 1
    return t  # type: ignore[no-any-return]


@kernel
def _wait(d: int, side: int, t: int, x: float, heard: _Heard) -> None:
    """Keeps a reading that the other sensor has not come to; there is room."""
    place = (heard.span[d, FIRST] + heard.span[d, COUNT]) & PLACE
    heard.wait_at[d, place] = t
    heard.wait[d, place] = x
    heard.span[d, WHOSE] = side
    heard.span[d, COUNT] += 1


@kernel
def _hear(
    d: int, side: int, t: int, x: float, heard: _Heard, signed: bool, hold: int, n: int,
    at: Int64, number: Float64, own: Float64,
) -> int:  # fmt: skip
    """Takes a reading of one of the two; writes the numbers that are known by it from place n on, gives where they end."""
    heard.mark_at[d, side] = t
    if heard.span[d, COUNT] > 0 and heard.span[d, WHOSE] == side:
        if heard.span[d, COUNT] == WAITING:
            at[n] = heard.span[d, SAID] = _take_oldest(d, heard)
            number[n], own[n] = _number(d, at[n], heard, signed, hold), heard.held[d, 0]
            n += 1
        _wait(d, side, t, x, heard)
        return n
    while heard.span[d, COUNT] > 0 and heard.wait_at[d, heard.span[d, FIRST]] < t:
        at[n] = heard.span[d, SAID] = _take_oldest(d, heard)
        number[n], own[n] = _number(d, at[n], heard, signed, hold), heard.held[d, 0]
        n += 1
    if heard.mark_at[d, 1 - side] < t:
        _wait(d, side, t, x, heard)
        return n
    _stand(d, side, t, x, heard)
    if heard.span[d, COUNT] > 0 and heard.wait_at[d, heard.span[d, FIRST]] == t:
        _take_oldest(d, heard)
    if t > heard.span[d, SAID]:
        at[n] = heard.span[d, SAID] = t
        number[n], own[n] = _number(d, t, heard, signed, hold), heard.held[d, 0]
        n += 1
    return n


@kernel
def _difference(
    pairs: _Pairs,
    heard: _Heard,
    signed: NDArray[np.bool_],
    hold_us: Int64,
    order: Int32,
    sensor: Int32,
    judged_at: Int64,
    value: Float64,
    quality: UInt8,
    definition: Int32,
    row: Int32,
    at: Int64,
    number: Float64,
    own: Float64,
) -> int:
    pairs, heard, at, number, own = borrowed((pairs, heard, at, number, own))
    n = 0
    for r in order:
        slot, x = sensor[r], value[r]
        if (quality[r] & QUALITY_CODE) == BAD or not np.isfinite(x):
            x = np.nan
        for k in range(pairs.offsets[slot], pairs.offsets[slot + 1]):
            d = pairs.members[k]
            end = _hear(d, pairs.sides[k], judged_at[r], x, heard, signed[d], hold_us[d], n, at, number, own)
            for i in range(n, end):
                definition[i] = pairs.definition[d]
                row[i] = r
            n = end
    return n
