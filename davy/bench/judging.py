"""`davy bench detectors`: judging alone, on one core: detectors and conditions on batches of columns, no servers."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from alerting.condition import Conditions
from core.batch import ReadingBatch
from core.model import AlarmDefinition, DefinitionSet, Priority
from core.row_table import RowTable
from davy.answer import progress, say
from davy.bench.peers import Peers, Spent
from detectors.contract import Detector
from detectors.registry import DETECTORS

CORE = ("limit", "rate", "stuck", "ewma", "cusum")  # the core set of design section 12
OPTIONAL = ("profile",)  # switched on for few sensors, those that have a week: weeks of a clock are kept where it is
FULL = tuple(name for name, kind in DETECTORS.items() if not kind.is_of_two and name not in OPTIONAL)
BATCH_ROWS = 5_000
BATCHES = 64  # different ones, so that no batch stays in the processor's cache
WARM_UP_READINGS = 100  # of each sensor, before it is measured: a detector that still learns has something else to do; the longest needs 80
ROUNDS = 5  # in which the sets and their peers take turns, so that what else the machine does meets all of them
AT_ONCE = 500  # sensors whose definitions are made into columns at once
SECOND_US = 1_000_000
START_US = 1_790_000_000 * SECOND_US
# What a definition alarms on: about one reading in a thousand does, so that conditions move; nothing stands still.
SETPOINTS = {
    "limit": 99.8, "rate": 95.0, "stuck": 600.0, "ewma": 2.1, "cusum": 12.0, "stale": 60.0, "unusable": 3.0, "outside": 1.0, "spike": 1.3, "shift": 1.5, "still": 2.0,
    "noise": 1.3, "clipped": 1.5, "odd": 3.0, "profile": 6.0, "deviation": 49.9, "time_to_limit": 30.0,
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


class _Judge:
    """A set of detectors with their conditions, fed with readings of its own."""

    def __init__(self, detectors: Sequence[str], sensors: int) -> None:
        progress(f"{sensors} sensors with {', '.join(detectors)} ...")
        definitions = _definitions(sensors, detectors)
        self.sensors = sensors
        self.detectors: Sequence[Detector] = [DETECTORS[name](definitions) for name in detectors]
        self.conditions = Conditions(definitions)
        self.spent = Spent()
        self.events = 0
        self._rounds = _Rounds(sensors)

    def judge(self, batch: ReadingBatch) -> None:
        """One batch, as ingest does."""
        for scores in [detector.score(batch) for detector in self.detectors]:
            self.events += len(self.conditions.step(scores))

    def warm_up(self, seconds: float) -> None:
        """Until every sensor has been heard often enough, and for so long at least."""
        warming = Spent()
        while warming.elapsed_s < seconds or warming.readings < WARM_UP_READINGS * self.sensors:
            warming.add(self.judge, self._rounds.next_batch())
        self.events = 0

    def go_on(self, seconds: float) -> None:
        """Judges for so long and counts it."""
        until = self.spent.elapsed_s + seconds
        while self.spent.elapsed_s < until:
            self.spent.add(self.judge, self._rounds.next_batch())

    def answer(self) -> dict[str, float]:
        """Speed, and bytes a sensor: of what a checkpoint keeps, and of every array that detectors and conditions hold."""
        states = [*(detector.state() for detector in self.detectors), self.conditions.state()]
        kept = sum(array.nbytes for state in states for array in state.values())
        return {
            **self.spent.answer(),
            "bytes_per_sensor": round(kept / self.sensors, 1),
            "held_bytes_per_sensor": round(held_bytes([*self.detectors, self.conditions]) / self.sensors, 1),
        }


def judging(sensors: int, *, warm_up_s: float, seconds: float, as_json: bool) -> int:
    """Judges for so long and says how fast it went; the sets and their peers in turns."""
    sets = {"core": CORE, "full": FULL} | {name: (name,) for name in OPTIONAL}
    judges = {name: _Judge(detectors, sensors) for name, detectors in sets.items()}
    for judge in judges.values():
        judge.warm_up(warm_up_s)
    peers = Peers(_Rounds(sensors).batches())
    for turn in range(ROUNDS):
        progress(f"Turn {turn + 1} of {ROUNDS} ...")
        for judge in judges.values():
            judge.go_on(seconds / ROUNDS)
        peers.go_on(seconds / 4 / ROUNDS)
    found = {name: judge.answer() for name, judge in judges.items()}
    spent = judges["core"].spent
    answer = {
        "core": found["core"],
        "full": found["full"],
        "optional": {name: found[name] for name in OPTIONAL},
        "peers": peers.answer(),
        "settings": {
            "detectors": list(CORE),
            "full_detectors": list(FULL),
            "optional_detectors": list(OPTIONAL),
            "events_per_s": round(judges["core"].events / spent.elapsed_s, 1),
            "cpus": len(os.sched_getaffinity(0)),
            "machine": platform.machine(),
            "sensors": sensors,
            "seconds": round(spent.elapsed_s, 2),
            "warm_up_s": warm_up_s,
            "batch_rows": BATCH_ROWS,
        },
    }
    say(answer, as_json=as_json)
    return 0


def held_bytes(things: Sequence[object]) -> int:
    """Bytes of all arrays that these objects hold, each once, whatever views there are of it."""
    whole: dict[int, int] = {}
    seen: set[int] = set()
    waiting = list(things)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            while isinstance(thing.base, np.ndarray):
                thing = thing.base
            whole[id(thing)] = thing.nbytes
        elif isinstance(thing, Mapping):
            waiting += thing.values()
        elif isinstance(thing, tuple | list):
            waiting += thing
        elif hasattr(thing, "__dict__") and not isinstance(thing, ReadingBatch):
            waiting += vars(thing).values()
    return sum(whole.values())


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
    """One definition a sensor and detector, with deadband and both delays; those of a sensor side by side, as they are read from the database.

    They are made into columns a piece at a time, as ingest does: 1,800,000 objects take a gigabyte and minutes.
    """
    each = [
        (
            name,
            dict(PARAMETERS.get(name, {})),
            "low" if name == "time_to_limit" else "high",
            SETPOINTS[name],
            SETPOINTS[name] / 100,
        )
        for name in detectors
    ]

    def piece(first: int) -> list[tuple[Any, ...]]:
        return [
            (1 + slot * len(each) + number, 1, 1, 1 + slot, f"{name}-{slot}", name, parameters, direction, setpoint, deadband,
             2 * SECOND_US, 3 * SECOND_US, Priority.HIGH, False, 1, 1, 1, 0, "UTC")
            for slot in range(first, min(first + AT_ONCE, sensors))
            for number, (name, parameters, direction, setpoint, deadband) in enumerate(each)
        ]  # fmt: skip

    pieces = (piece(first) for first in range(0, sensors, AT_ONCE))
    slots = np.repeat(np.arange(sensors, dtype=np.int32), len(detectors))
    return DefinitionSet(1, RowTable.read(AlarmDefinition, _FIELDS, pieces), slots, sensors)


_FIELDS: Final = (
    "definition_id", "company_id", "site_id", "sensor_id", "key", "detector", "parameters", "direction", "setpoint", "deadband",
    "on_delay_us", "off_delay_us", "priority", "latch", "votes", "votes_of", "version", "other_sensor_id", "time_zone",
)  # fmt: skip
