"""Definitions and readings for the tests of detectors, by hand and drawn by Hypothesis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from core.batch import QUALITY_CODE, Mark, Quality, ReadingBatch, Scores
from core.errors import BadInput
from core.model import AlarmDefinition, DefinitionSet, Priority
from detectors.contract import Detector
from detectors.registry import DETECTORS

SECOND = 1_000_000
START = 1_790_000_000 * SECOND
SENSORS = 3


@dataclass(frozen=True)
class Reading:
    """One row: sensor slot, seconds after START, value, quality."""

    slot: int
    at_s: float
    value: float
    quality: int = Quality.GOOD

    @property
    def at_us(self) -> int:
        return START + round(self.at_s * SECOND)


def definition(
    detector: str,
    slot: int = 0,
    *,
    definition_id: int = 1,
    direction: str = "high",
    setpoint: float = 30.0,
    deadband: float = 0.0,
    parameters: Mapping[str, float] | None = None,
    time_zone: str = "UTC",
) -> AlarmDefinition:
    """A definition on the sensor of `slot`; `sensor_id` is the slot plus one. The second sensor, of a detector of two, is the next."""
    return AlarmDefinition(
        definition_id=definition_id,
        company_id=1,
        site_id=1,
        sensor_id=slot + 1,
        key=f"{detector}-{definition_id}",
        detector=detector,
        direction=direction,
        setpoint=setpoint,
        deadband=deadband,
        priority=Priority.HIGH,
        parameters=parameters or {},
        time_zone=time_zone,
        other_sensor_id=(slot + 1) % SENSORS + 1 if detector in DETECTORS and DETECTORS[detector].is_of_two else 0,
    )


def in_force(*definitions: AlarmDefinition, sensors: int = SENSORS) -> DefinitionSet:
    """A set of definitions in a directory of `sensors` slots."""
    slots = np.array([d.sensor_id - 1 for d in definitions], np.int32)
    return DefinitionSet(
        1, definitions, slots, sensors, other=np.array([d.other_sensor_id - 1 for d in definitions], np.int32)
    )


def batch(readings: Sequence[Reading]) -> ReadingBatch:
    """The readings as columns."""
    at = np.array([r.at_us for r in readings], np.int64)
    return ReadingBatch(
        sensor=np.array([r.slot for r in readings], np.int32),
        measured_at=at,
        judged_at=at.copy(),
        received_at=at + 1000,
        value=np.array([r.value for r in readings], np.float64),
        quality=np.array([r.quality for r in readings], np.uint8),
    )


def rows(scores: Scores, first_row: int = 0) -> list[tuple[int, int, int, bytes]]:
    """Scores as comparable tuples: numbers by their bits, so that NaN equals NaN and -0.0 is not 0.0."""
    return [
        (int(d), int(r) + first_row, int(t), x.tobytes())
        for d, r, t, x in zip(scores.definition, scores.row, scores.at, scores.number, strict=True)
    ]


def numbers_by_definition(scores: Sequence[Scores]) -> dict[int, list[tuple[int, bytes]]]:
    """(instant, number) of each definition, in the order they came."""
    found: dict[int, list[tuple[int, bytes]]] = {}
    for definition, _, at, number in (row for part in scores for row in rows(part)):
        found.setdefault(definition, []).append((at, number))
    return found


GAPS_S = (0.001, 0.5, 1.0, 1.0, 2.5, 9.9, 30.0, 61.0, 200.0)
# Mostly few values, so that a sensor often stands still; now and then any number there is.
VALUES = st.one_of(
    st.sampled_from((0.0, 1.0)), st.sampled_from((1.0, 20.0)), st.floats(allow_nan=False, allow_infinity=False)
)


QUALITIES = (0, 0, 0, 1, 2, 3, Mark.CLOCK | 0, Mark.CLOCK | 2, Mark.REPLAYED | 1)


def readings(max_size: int = 30) -> st.SearchStrategy[list[Reading]]:
    """A stream in arrival order: each sensor's stamps ascend, sensors are interleaved at will; some readings are bad."""
    step = st.tuples(st.integers(0, SENSORS - 1), st.sampled_from(GAPS_S), st.sampled_from(QUALITIES), VALUES)
    return st.lists(step, max_size=max_size).map(_stamped)


def _stamped(steps: list[tuple[int, float, int, float]]) -> list[Reading]:
    clocks = [0.0] * SENSORS
    found = []
    for slot, gap, quality, value in steps:
        clocks[slot] += gap
        silent = quality & QUALITY_CODE == Quality.BAD and value == 0.0
        found.append(Reading(slot, clocks[slot], math.nan if silent else value, int(quality)))
    return found


@st.composite
def definitions_of(draw: st.DrawFn, detector: type[Detector]) -> list[AlarmDefinition]:
    """Definitions of one kind: several on a sensor, none on another, parameters off their defaults."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        parameters = {
            name: draw(st.sampled_from(allowed_values(detector, name)))
            for name in detector.parameters.__struct_fields__
            if draw(st.booleans())
        }
        found.append(
            definition(
                detector.name,
                draw(st.integers(0, SENSORS - 1)),
                definition_id=number + 1,
                direction=draw(st.sampled_from(("high", "low"))),
                setpoint=draw(st.sampled_from((0.5, 30.0, 120.0))),
                parameters=parameters,
            )
        )
    return found


def allowed_values(detector: type[Detector], parameter: str) -> list[float]:
    """A few numbers that the detector takes for the parameter."""
    default = getattr(detector.parameters(), parameter)
    allowed = []
    for value in (default, default / 10, 0.5, 3.0):
        try:
            detector.read_parameters("any", {parameter: value})
        except BadInput:
            continue
        allowed.append(value)
    return allowed
