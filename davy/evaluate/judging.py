"""Numbers through the detectors and conditions of production: what would have been in alarm at each row.

Readings go in as ingest gives them, in batches; what comes back is what `alerting.condition` says began and ended. A model's
number takes the way it takes in production: a reading of a virtual sensor, which the detector `limit` looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerting.condition import Conditions
from core.batch import Event, Float64, Int64, Quality, ReadingBatch, Scores
from core.model import AlarmDefinition, DefinitionSet, Priority
from davy.evaluate.measures import Bool
from detectors.contract import LARGEST, SECOND_US
from detectors.registry import detectors_for
from detectors.stale import Stale

DRIVEN_BY_TIME: Final = (Stale.name,)
BATCH_ROWS: Final = 5_000  # readings judged together; how they are cut changes nothing
START_US: Final = 1_700_000_000 * SECOND_US  # where a data set has no clock, its first row stands here


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What a limit in a site file says: a detector and how its number becomes an alarm. Seconds are of the data set's clock.

    Args:
        margin: above 0: each sensor's setpoint is this many times the largest number of its warm-up rows, `setpoint` at least.
            0 for `setpoint`: where the warm-up gives none the rule is out of use. Then deadbands are shares of the setpoint.
    """

    detector: str = "limit"
    parameters: Mapping[str, float] = field(default_factory=dict)
    direction: str = "high"
    setpoint: float
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    votes: int = 1
    votes_of: int = 1
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Stream:
    """Sensors that report together.

    Args:
        at: int64, shape (rows,), microseconds UTC, strictly ascending.
        values: float64, shape (rows, sensors); NaN is sent as a reading of bad quality.
    """

    at: Int64
    values: Float64

    @staticmethod
    def clockless(values: Float64, period_s: float) -> Stream:
        """Rows without a clock, so many seconds apart."""
        step = round(period_s * SECOND_US)
        return Stream(START_US + step * np.arange(len(values), dtype=np.int64), values)

    def batches(self, rows: int = BATCH_ROWS, *, by_time: bool = False) -> Iterator[tuple[int, ReadingBatch]]:
        """The readings, row after row, in batches of about so many; with the first row of each.

        Args:
            by_time: rows in which something is missing come alone, so that time can pass while a sensor is silent.
        """
        sensors = self.values.shape[1]
        cuts = np.arange(0, len(self.at), max(rows // sensors, 1))
        if by_time:
            silent = np.flatnonzero(~np.isfinite(self.values).all(axis=1))
            cuts = np.unique(np.concatenate([cuts, silent, silent + 1]))
        for first, end in pairwise([*cuts[cuts < len(self.at)].tolist(), len(self.at)]):
            values = self.values[first:end].ravel()
            at = np.repeat(self.at[first:end], sensors)
            slots = np.tile(np.arange(sensors, dtype=np.int32), end - first)
            quality = np.where(np.isfinite(values), Quality.GOOD, Quality.BAD).astype(np.uint8)
            yield first, ReadingBatch(slots, at, at, at, values, quality)


def numbers(stream: Stream, alarm: Alarm, memory: dict[str, NDArray[np.generic]] | None = None) -> Float64:
    """What the alarm's detector says of each reading: float64, shape (rows, sensors); NaN: cannot judge.

    Args:
        memory: what the detector knew after the rows before these, empty before the first; it is brought up to date. None: it begins here.
    """
    sensors = stream.values.shape[1]
    found = np.full(stream.values.shape, np.nan)
    (detector,) = detectors_for(_definitions([alarm], sensors))
    if memory:
        detector.restore(memory)
    for first, batch in stream.batches():
        scores = detector.score(batch)
        found[first + scores.row // sensors, scores.definition] = scores.number
    if memory is not None:
        memory |= {name: column.copy() for name, column in detector.state().items()}
    return found


def alarms(stream: Stream, rules: Sequence[Alarm], warm_up: int = 0, batch_rows: int = BATCH_ROWS) -> Bool:
    """Which rules hold at which row: bool, shape (rows, sensors, rules).

    Args:
        warm_up: rows from which setpoints with a `margin` are taken; what alarms in them is said like any other.
    """
    sensors = stream.values.shape[1]
    definitions = _definitions(rules, sensors, _learnt(stream, rules, warm_up))
    detectors, conditions = detectors_for(definitions), Conditions(definitions)
    held = np.zeros((len(stream.at) + 1, len(definitions)), np.int8)
    by_time = any(rule.detector in DRIVEN_BY_TIME for rule in rules)
    for first, batch in stream.batches(batch_rows, by_time=by_time):
        now_us = int(batch.judged_at[-1])
        events = conditions.step(Scores.join([detector.score(batch) for detector in detectors]))
        swept = Scores.join([detector.sweep(now_us, now_us) for detector in detectors])
        for event in (*events, *conditions.step(swept), *conditions.sweep(now_us)):
            held[_row(event, first, sensors, stream.at), event.definition_id - 1] += 1 if event.active else -1
    shape = (len(stream.at), len(rules), sensors)
    return (np.cumsum(held[:-1], axis=0) > 0).reshape(shape).transpose(0, 2, 1)


def any_of(held: Bool) -> Bool:
    """At which rows any rule of any sensor holds: bool, shape (rows,)."""
    found: Bool = np.logical_or.reduce(held.reshape(len(held), -1), axis=1)
    return found


def _row(event: Event, first: int, sensors: int, at: Int64) -> int:
    """The first row at which an event's news counts: its reading's own, or for the end of a delay the next one."""
    return first + event.row // sensors if event.row >= 0 else int(np.searchsorted(at, event.at))


def _learnt(stream: Stream, rules: Sequence[Alarm], warm_up: int) -> Mapping[tuple[int, int], float]:
    """(rule, sensor) -> the setpoint that its warm-up gives."""
    found: dict[tuple[int, int], float] = {}
    first = Stream(stream.at[:warm_up], stream.values[:warm_up])
    for place, rule in enumerate(rules):
        if rule.margin <= 0.0:
            continue
        said = numbers(first, rule)
        judged = np.isfinite(said)
        most = np.where(judged, said, 0.0).max(axis=0, initial=0.0)
        # A warm-up in which nothing could be judged, or moved, gives no setpoint: the rule is out of use, not always beyond it.
        setpoints = np.maximum(rule.margin * most, rule.setpoint)
        setpoints = np.where(judged.any(axis=0) & (setpoints > 0.0), setpoints, LARGEST)
        found |= {(place, sensor): setpoint for sensor, setpoint in enumerate(setpoints.tolist())}
    return found


def _definitions(
    rules: Sequence[Alarm], sensors: int, learnt: Mapping[tuple[int, int], float] | None = None
) -> DefinitionSet:
    """One definition a rule and sensor, rule after rule; ids are indices + 1."""
    rows: list[AlarmDefinition] = []
    for place, rule in enumerate(rules):
        for sensor in range(sensors):
            setpoint = (learnt or {}).get((place, sensor), rule.setpoint)
            rows.append(
                AlarmDefinition(
                    definition_id=len(rows) + 1,
                    company_id=1,
                    site_id=1,
                    sensor_id=1 + sensor,
                    key=f"{rule.detector}-{place}-{sensor}",
                    detector=rule.detector,
                    parameters=rule.parameters,
                    direction=rule.direction,
                    setpoint=setpoint,
                    deadband=rule.deadband * (setpoint if rule.margin > 0.0 else 1.0),
                    on_delay_us=round(rule.on_delay_s * SECOND_US),
                    off_delay_us=round(rule.off_delay_s * SECOND_US),
                    votes=rule.votes,
                    votes_of=rule.votes_of,
                    priority=Priority.MEDIUM,
                )
            )
    return DefinitionSet(1, rows, np.tile(np.arange(sensors, dtype=np.int32), len(rules)), sensors)
