"""Incidents that did not happen, laid over the site's own history: so a limit without a true danger behind it is tried too.

How large they are goes by the limit in force and by what the sensor can measure; where they begin is drawn from a seed, so the same
question has the same answer.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from alerting.rehearsal import spells
from core.batch import Float64
from core.limit_checks import DIFFERENCE
from core.model import COMPOUND, AlarmDefinition, Priority, Sensor
from davy.backtest.columns import Stored, joined
from davy.backtest.engine import HOUR_US, NO_TIME, SECOND_US, numbered
from ingest.directory import Directory
from ingest.judge import Judge
from simulators.incident import ADDED, LONGEST_S, RAMP_S, STUCK, lay_over

ONSETS: Final = 3
DRAWS: Final = 12  # instants looked at until so many will do
BEFORE_US: Final = HOUR_US  # of real history ahead of the onset: windows fill, levels are learnt
AFTER_US: Final = int(LONGEST_S * SECOND_US)
LEAST_READINGS: Final = 60  # in what is laid over; fewer are a hole
# How far beyond the limit an incident goes: a share of what the sensor can still measure there. Ours: one that barely passes the
# limit, one that nobody can deny.
SIZES: Final = (("slight", 0.1), ("clear", 0.6))
PUFF: Final = "spike"
UNTRIED: Final = (
    "stale",
    COMPOUND,
)  # silence has no value to lay anything over, and a compound has no signal of its own


@dataclass(frozen=True, slots=True)
class Incident:
    """One that was laid over.

    Args:
        in_force_s, proposed_s: seconds from its onset to the alarm of each version; None: it does not come.
        counts: a version that does not tell of it has lost a danger. A puff of seconds is one for life safety alone:
            elsewhere a delay is there to let it pass.
    """

    shape: str
    size: str
    onset_us: int
    in_force_s: float | None
    proposed_s: float | None
    counts: bool


Read = Callable[[int, int, int], Sequence[Stored]]  # sensor, since, until -> what is stored of it


def try_incidents(
    definition: AlarmDefinition,
    proposed: AlarmDefinition,
    sensor: Sensor,
    directory: Directory,
    between: tuple[int, int],
    seed: int,
    read: Read,
) -> list[Incident]:
    """The incidents of one definition, in a fixed order; none where it watches for silence or is a compound, or history has no room for one.

    Args:
        between: where single readings are, microseconds UTC.
    """
    if definition.detector in UNTRIED:
        return []
    since, until = between[0] + BEFORE_US, between[1] - AFTER_US
    if until <= since:
        return []
    drawn = np.random.default_rng([seed, zlib.crc32(definition.key.encode())])
    alone = _Alone(definition, proposed, directory)
    found: list[Incident] = []
    used = 0
    for onset_us in (int(at) for at in drawn.integers(since, until, DRAWS)):
        part = next(iter(read(definition.sensor_id, onset_us - BEFORE_US, onset_us + AFTER_US)), None)
        if part is None or not _has_room(part, onset_us):
            continue
        alone.beside = [  # as they were: only its own sensor has the incident
            each for other in alone.others for each in read(other, onset_us - BEFORE_US, onset_us + AFTER_US)
        ]
        quiet = alone.first_raises(part, onset_us)
        if quiet is None or quiet[0] is not None:
            continue  # in alarm by itself: nothing could be told apart
        found += _laid(definition, sensor, part, onset_us, alone)
        used += 1
        if used == ONSETS:
            break
    return found


def _has_room(part: Stored, onset_us: int) -> bool:
    usable = np.isfinite(part.value)
    return bool((usable & (part.measured_at < onset_us)).sum() >= LEAST_READINGS) and bool(
        (usable & (part.measured_at >= onset_us)).sum() >= LEAST_READINGS
    )


def _laid(definition: AlarmDefinition, sensor: Sensor, part: Stored, onset_us: int, alone: _Alone) -> list[Incident]:
    shapes = [STUCK] if definition.detector == STUCK else [*ADDED]
    sizes = SIZES if definition.detector != STUCK else SIZES[:1]
    found = []
    for shape in shapes:
        for size, share in sizes:
            amount = _amount(definition, sensor, part, onset_us, share)
            value = lay_over(shape, part.measured_at, part.value, onset_us, amount)
            raised = alone.first_raises(replace(part, value=value), onset_us)
            if raised is None:
                continue
            counts = shape != PUFF or definition.priority is Priority.LIFE_SAFETY
            found.append(Incident(shape, size, onset_us, *raised, counts))
    return found


def _amount(definition: AlarmDefinition, sensor: Sensor, part: Stored, onset_us: int, share: float) -> float:
    """What is added in the end, in the sensor's unit."""
    before: Float64 = part.value[(part.measured_at < onset_us) & np.isfinite(part.value)]
    level, spread = float(np.median(before)), float(np.std(before))
    sign = 1.0 if definition.direction == "high" else -1.0
    if definition.detector == "limit":
        edge = sensor.range_high if definition.direction == "high" else sensor.range_low
        room = sign * (edge - definition.setpoint) if edge is not None else 0.0
        if room <= 0:
            room = max(abs(definition.setpoint) / 2, spread, 1e-9)
        return definition.setpoint + sign * share * room - level
    if definition.detector == "rate":  # so much that the ramp is that much steeper than the limit
        return (1.0 + share) * definition.setpoint * RAMP_S / 60.0
    if definition.detector == DIFFERENCE:
        return sign * (1.0 + share) * abs(definition.setpoint)
    floor = definition.parameters.get("floor", 0.0)
    return sign * (1.0 + share) * abs(definition.setpoint) * max(spread, floor, 1e-9)


class _Alone:
    """Both versions of one definition, judged afresh for each stretch: the judge of ingest. `beside`: what second sensors said."""

    def __init__(self, definition: AlarmDefinition, proposed: AlarmDefinition, directory: Directory) -> None:
        self._directory = directory
        self._sets = [numbered([d], directory) for d in (definition, proposed)]
        self.slot_of = {definition.sensor_id: int(self._sets[0].slot[0])}
        beside = zip((definition, proposed), self._sets, strict=True)
        slots = {each.other_sensor_id: int(found.other[0]) for each, found in beside if found.other[0] >= 0}
        self.slot_of |= slots
        self.others = tuple(slots)
        self.beside: list[Stored] = []

    def first_raises(self, part: Stored, onset_us: int) -> tuple[float | None, float | None] | None:
        """Seconds from the onset to the first alarm of each version; None where one of them holds at the onset already."""
        batch, answer = joined([part, *self.beside], self.slot_of), []
        end = int(part.measured_at[-1]) if len(part) else onset_us
        for definitions in self._sets:
            judge = Judge(self._directory, definitions)
            events = judge.advance(batch, NO_TIME, 0) + judge.advance(batch.empty(), end, 0)
            told = spells(events, onset_us)
            if told and told[0].since < onset_us:
                return None
            answer.append((told[0].since - onset_us) / SECOND_US if told else None)
        return answer[0], answer[1]
