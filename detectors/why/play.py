"""Stored readings through a detector's own code once more: the numbers it gives, and what it knew before it fired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import QUALITY_CODE, Float64, Int64, Mark, Quality, ReadingBatch, UInt8
from core.model import AlarmDefinition, DefinitionSet, Priority
from detectors.contract import Detector
from detectors.profile import Profile
from detectors.registry import detector_class
from detectors.why.told import Judged

_BAD: Final = int(Quality.BAD)
_LATE: Final = int(Mark.LATE)
STALE: Final = "stale"
LARGEST_STATE: Final = 8  # numbers of a column that are looked at: rings and sketches say nothing to a person


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of one sensor, in the order in which they were judged.

    Args:
        at: int64, microseconds UTC, ascending; value: float64; quality: uint8, as stored.
    """

    at: Int64
    value: Float64
    quality: UInt8

    def __len__(self) -> int:
        return len(self.at)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """bool: finite and not of bad quality."""
        found: NDArray[np.bool_] = np.isfinite(self.value) & ((self.quality & QUALITY_CODE) != _BAD)
        return found

    def on_time(self) -> Readings:
        """Without those that came late, which only detectors without a memory saw."""
        kept = (self.quality & _LATE) == 0
        if len(self) and kept.any():
            first = np.ones(len(self), np.bool_)
            places = np.flatnonzero(kept)
            at = self.at[places]
            first[places[1:]] = at[1:] > at[:-1]
            kept &= first
        return Readings(self.at[kept], self.value[kept], self.quality[kept])

    def between(self, since: int, until: int) -> Readings:
        """Those from `since` to `until`, both counted in."""
        low, high = np.searchsorted(self.at, since, "left"), np.searchsorted(self.at, until, "right")
        return Readings(self.at[low:high], self.value[low:high], self.quality[low:high])

    def value_at(self, at: int) -> float:
        """The newest usable value by then; NaN: there is none."""
        until = self.between(-(2**62), at)
        places = np.flatnonzero(until.usable)
        return float(until.value[places[-1]]) if len(places) else float("nan")

    @staticmethod
    def none() -> Readings:
        """No readings."""
        return Readings(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint8))


@dataclass(frozen=True, slots=True)
class Played:
    """What came out.

    Args:
        at: int64, microseconds UTC; number: float64, NaN where it could not be judged.
        first: place of the number that began the run beyond the setpoint that raised it; last: of the one that decided.
            -1: there is none.
        before: what the detector knew ahead of that run; after: once it had decided.
    """

    at: Int64
    number: Float64
    first: int
    last: int
    before: Mapping[str, float]
    after: Mapping[str, float]


def with_defaults(judged: Judged) -> Judged:
    """With all parameters that its detector has.

    Raises:
        BadInput: no such detector or parameter.
    """
    detector = detector_class(judged.detector)
    read = detector.read_parameters(judged.detector, judged.parameters)
    parameters = {name: float(getattr(read, name)) for name in detector.parameters.__struct_fields__}
    return Judged(**{**{f: getattr(judged, f) for f in judged.__struct_fields__}, "parameters": parameters})


def play(
    judged: Judged, own: Readings, other: Readings | None, at_us: int, recorded: float | None, time_zone: str = "UTC"
) -> Played:
    """Plays the readings up to `at_us`, and those before the run beyond the setpoint once more by themselves.

    Args:
        at_us: when it was raised.
        recorded: the number that decided, as it was judged then; None: it is not known.
        time_zone: of the site, for what goes by the clock there.

    Raises:
        BadInput: no such detector, parameter or zone.
    """
    numbers, after = _run(judged, own, other, at_us, time_zone)
    at, number = numbers
    last = _decisive(at, number, at_us, recorded)
    first = _begin(judged, number, last)
    before: Mapping[str, float] = {}
    if first >= 0:
        _, before = _run(judged, own, other, int(at[first]) - 1, time_zone)
    return Played(at, number, first, last, before, after)


def _run(
    judged: Judged, own: Readings, other: Readings | None, until_us: int, time_zone: str
) -> tuple[tuple[Int64, Float64], dict[str, float]]:
    """The numbers of all readings until then, and what the detector knows behind them."""
    if judged.detector == STALE:
        return _silences(own, until_us), {}
    kind = detector_class(judged.detector)
    parts = [own if kind.stateless else own.on_time()]
    if other is not None:
        parts.append(other.on_time())
    parts = [part.between(-(2**62), until_us) for part in parts]
    detector = kind(_definitions(judged, len(parts), time_zone))
    scores = detector.score(_batch(parts))
    return (scores.at, scores.number), _known(detector)


def _batch(parts: list[Readings]) -> ReadingBatch:
    slot = np.concatenate([np.full(len(part), place, np.int32) for place, part in enumerate(parts)])
    at, value, quality = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("at", "value", "quality")
    )
    order = np.argsort(at, kind="stable")
    return ReadingBatch(slot[order], at[order], at[order], at[order], value[order], quality[order])


def _definitions(judged: Judged, sensors: int, time_zone: str) -> DefinitionSet:
    definition = AlarmDefinition(
        definition_id=1, company_id=1, site_id=1, sensor_id=1, key=judged.detector, detector=judged.detector,
        direction=judged.direction, setpoint=judged.setpoint, priority=Priority.LOW, deadband=judged.deadband,
        parameters=judged.parameters, other_sensor_id=2 if sensors > 1 else 0, time_zone=time_zone,
    )  # fmt: skip
    other = np.array([1 if sensors > 1 else -1], np.int32)
    return DefinitionSet(1, (definition,), np.zeros(1, np.int32), sensors, other=other)


def _known(detector: Detector) -> dict[str, float]:
    """The state that is a number or a few, by name; of a few `name.0`, `name.1`. Of a profile the hour that it is in."""
    found: dict[str, float] = {}
    for name, column in detector.state().items():
        row = np.atleast_1d(np.asarray(column[0]))
        if row.dtype.names is not None or row.size > LARGEST_STATE or row.dtype.kind not in "fiub":
            continue
        flat = row.astype(np.float64).ravel().tolist()
        found.update({name: flat[0]} if len(flat) == 1 else {f"{name}.{k}": each for k, each in enumerate(flat)})
    if isinstance(detector, Profile):
        found["level"], found["spread"] = detector.usual()
    return found


def _silences(own: Readings, until_us: int) -> tuple[Int64, Float64]:
    """The pauses, each where it ended, in seconds; the last one, which may go on, at `until_us`."""
    usable = own.usable
    at = own.at[usable & (own.at <= until_us)]
    if not len(at):
        return at, np.empty(0, np.float64)
    ends = np.append(at[1:], until_us)
    return ends, (ends - at) / 1_000_000.0


def _decisive(at: Int64, number: Float64, at_us: int, recorded: float | None) -> int:
    """Place of the number that decided: of the last ones by then the newest that is the recorded one, else the newest.

    A delay ends by time with the number before its end; a reading at that very instant comes after it.
    """
    places = np.flatnonzero((at <= at_us) & np.isfinite(number))
    if not len(places):
        return -1
    if recorded is not None:
        for place in places[:-5:-1].tolist():
            if same(float(number[place]), recorded):
                return int(place)
    return int(places[-1])


def _begin(judged: Judged, number: Float64, last: int) -> int:
    if last < 0:
        return -1
    first = place = last
    while place >= 0 and (np.isnan(number[place]) or judged.beyond(float(number[place]))):
        first = first if np.isnan(number[place]) else place
        place -= 1
    return first


def same(one: float, other: float) -> bool:
    """Whether two numbers are the same but for rounding.

    >>> same(0.1 + 0.2, 0.3), same(5.0, 5.1)
    (True, False)
    """
    return bool(np.isclose(one, other, rtol=1e-6, atol=1e-9))
