"""`davy bench detectors`: judging alone, on one core: detectors and conditions on batches of columns, no servers."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alerting.condition import Conditions
from core.batch import ReadingBatch
from core.model import AlarmDefinition, DefinitionSet, Priority
from davy.answer import progress, say
from davy.bench.peers import measured
from detectors.contract import Detector
from detectors.registry import DETECTORS

CORE = ("limit", "rate", "stuck", "ewma", "cusum")  # the core set of design section 12
FULL = tuple(
    name for name, kind in DETECTORS.items() if not kind.is_of_two and name != "profile"
)  # the per-sensor set; weeks of a clock are for few
BATCH_ROWS = 5_000
BATCHES = 64  # different ones, so that no batch stays in the processor's cache
SECOND_US = 1_000_000
START_US = 1_790_000_000 * SECOND_US
# What a definition alarms on: about one reading in a thousand does, so that conditions move; nothing stands still.
SETPOINTS = {
    "limit": 99.8, "rate": 95.0, "stuck": 600.0, "ewma": 2.1, "cusum": 12.0, "stale": 60.0, "unusable": 3.0, "outside": 1.0, "spike": 1.0, "shift": 1.5, "still": 2.0,
    "noise": 1.05, "clipped": 1.5, "odd": 3.0, "profile": 6.0, "deviation": 49.9, "time_to_limit": 30.0,
    "time_over": 600.0, "exposure": 60.0,
}  # fmt: skip
PARAMETERS = {
    "cusum": {"warm_up": 60.0},  # as that of ewma: so that what is measured is judging, not learning
    **{name: {"warm_up": 60.0} for name in ("spike", "shift", "still", "clipped", "noise", "odd")},
    "outside": {"high": 99.0},
    "deviation": {"window_s": 600.0},
    "time_to_limit": {"limit": 1000.0, "window_s": 60.0},
    "time_over": {"level": 50.0},
    "exposure": {"window_s": 900.0},
}


@dataclass(slots=True)
class _Judge:
    detectors: Sequence[Detector]
    conditions: Conditions
    events: int = 0

    def judge(self, batch: ReadingBatch) -> None:
        for scores in [detector.score(batch) for detector in self.detectors]:  # as ingest does
            self.events += len(self.conditions.step(scores))

    @property
    def state_bytes(self) -> int:
        states = [*(detector.state() for detector in self.detectors), self.conditions.state()]
        return sum(array.nbytes for state in states for array in state.values())


def judging(sensors: int, *, warm_up_s: float, seconds: float, as_json: bool) -> int:
    """Judges for so long and says how fast it went."""
    core, events_per_s, elapsed = _measured(CORE, sensors, warm_up_s, seconds)
    full, _, _ = _measured(FULL, sensors, warm_up_s, seconds)
    answer = {
        "core": core,
        "full": full,
        "peers": measured(_Rounds(sensors).batches(), seconds / 4),
        "settings": {
            "detectors": list(CORE),
            "full_detectors": list(FULL),
            "events_per_s": round(events_per_s, 1),
            "cpus": len(os.sched_getaffinity(0)),
            "machine": platform.machine(),
            "sensors": sensors,
            "seconds": round(elapsed, 2),
            "warm_up_s": warm_up_s,
            "batch_rows": BATCH_ROWS,
        },
    }
    say(answer, as_json=as_json)
    return 0


def _measured(
    detectors: Sequence[str], sensors: int, warm_up_s: float, seconds: float
) -> tuple[dict[str, float], float, float]:
    """Speed and memory of a set of detectors, events a second, and how long it was measured."""
    progress(f"Judging {sensors} sensors with {', '.join(detectors)} ...")
    definitions = _definitions(sensors, detectors)
    judge = _Judge([DETECTORS[name](definitions) for name in detectors], Conditions(definitions))
    clock = _Rounds(sensors)
    _judge_for(judge, clock, warm_up_s)
    events = judge.events
    readings, elapsed, busy = _judge_for(judge, clock, seconds)
    said = {
        "readings_per_s": round(readings / elapsed),
        "readings_per_cpu_s": round(readings / busy),
        "bytes_per_sensor": round(judge.state_bytes / sensors, 1),
    }
    return said, (judge.events - events) / elapsed, elapsed


def _judge_for(judge: _Judge, clock: _Rounds, seconds: float) -> tuple[int, float, float]:
    """Readings judged, the time it took, and the processor's part of it; making the next batch is not counted."""
    spent, busy, readings = 0.0, 0.0, 0
    while spent < seconds:
        batch = clock.next_batch()
        began, began_busy = time.perf_counter(), time.thread_time()
        judge.judge(batch)
        spent, busy = spent + time.perf_counter() - began, busy + time.thread_time() - began_busy
        readings += len(batch)
    return readings, spent, busy


class _Rounds:
    """Batches in random sensor order; every sensor comes once before any comes again, a second later."""

    def __init__(self, sensors: int) -> None:
        self._random = np.random.default_rng(1)
        self._order = self._random.permutation(sensors).astype(np.int32)
        self._at = 0
        self._now = START_US
        self._values = [self._random.uniform(0, 100, BATCH_ROWS) for _ in range(BATCHES)]
        self._turn = 0

    def batches(self) -> Iterator[ReadingBatch]:
        """One after the other, for ever."""
        while True:
            yield self.next_batch()

    def next_batch(self) -> ReadingBatch:
        if self._at >= len(self._order):
            self._random.shuffle(self._order)
            self._at = 0
            self._now += SECOND_US
        sensor = self._order[self._at : self._at + BATCH_ROWS].copy()
        self._at += len(sensor)
        self._turn += 1
        at = np.full(len(sensor), self._now, np.int64)
        value = self._values[self._turn % BATCHES][: len(sensor)]
        return ReadingBatch(sensor, at, at, at, value, np.zeros(len(sensor), np.uint8))


def _definitions(sensors: int, detectors: Sequence[str]) -> DefinitionSet:
    """One definition a sensor and detector, with deadband and both delays; those of a sensor side by side, as they are read from the database."""
    rows = [
        AlarmDefinition(
            definition_id=1 + slot * len(detectors) + number,
            company_id=1,
            site_id=1,
            sensor_id=1 + slot,
            key=f"{name}-{slot}",
            detector=name,
            parameters=PARAMETERS.get(name, {}),
            direction="low" if name == "time_to_limit" else "high",
            setpoint=SETPOINTS[name],
            deadband=SETPOINTS[name] / 100,
            on_delay_us=2 * SECOND_US,
            off_delay_us=3 * SECOND_US,
            priority=Priority.HIGH,
        )
        for slot in range(sensors)
        for number, name in enumerate(detectors)
    ]
    slots = np.repeat(np.arange(sensors, dtype=np.int32), len(detectors))
    return DefinitionSet(1, rows, slots, sensors)
