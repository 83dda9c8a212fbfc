"""What others do with the same readings on the same core: for the bench of judging, beside Davy's own figure.

None of them does the same work: they score a value and know no deadband, no delay, no alarm. River's are given one model for all
sensors, which is the kindest that can be done: one each would not fit into memory. PyOD's is fitted once and learns nothing more.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.batch import Float64, ReadingBatch
from davy.answer import progress

FIRST: Final = 2_000  # values that PyOD's model is fitted on
RIVER: Final = {
    "river_half_space_trees": "HalfSpaceTrees",
    "river_gaussian_scorer": "GaussianScorer",
}

Judge = Callable[[ReadingBatch], object]


@dataclass(slots=True)
class Spent:
    """How long something took, by the clock and of a processor: what else the machine does is in the first alone."""

    readings: int = 0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0

    def add(self, judge: Judge, batch: ReadingBatch) -> None:
        """Has a batch judged, and counts it; making the batch is not counted."""
        began, began_cpu = time.perf_counter(), time.thread_time()
        judge(batch)
        self.elapsed_s += time.perf_counter() - began
        self.cpu_s += time.thread_time() - began_cpu
        self.readings += len(batch)

    def answer(self) -> dict[str, float]:
        """For a machine."""
        return {
            "readings_per_s": round(self.readings / self.elapsed_s),
            "readings_per_cpu_s": round(self.readings / self.cpu_s),
        }


class Peers:
    """All of them, on batches that come for ever."""

    def __init__(self, batches: Iterator[ReadingBatch]) -> None:
        self._batches = batches
        self._judges = {name: _river(kind) for name, kind in RIVER.items()}
        self._judges["pyod_hbos"] = _pyod(next(batches).value)
        self._spent = {name: Spent() for name in self._judges}
        for judge in self._judges.values():
            if judge is not None:
                judge(next(batches))  # whatever is loaded or compiled at first

    def go_on(self, seconds: float) -> None:
        """Each judges for so long."""
        for name, judge in self._judges.items():
            spent = self._spent[name]
            until = spent.elapsed_s + seconds
            while judge is not None and spent.elapsed_s < until:
                spent.add(judge, next(self._batches))

    def answer(self) -> dict[str, dict[str, float] | None]:
        """Readings a second of each; None for one that is not installed."""
        return {name: None if self._judges[name] is None else spent.answer() for name, spent in self._spent.items()}


def _river(kind: str) -> Judge | None:
    """River's model, that scores and learns one reading after the other; None where River is not installed."""
    try:
        anomaly = importlib.import_module("river.anomaly")
    except ImportError:
        progress(f"River is not installed: no figure for {kind}. To have one: pip install river")
        return None
    model: Any = getattr(anomaly, kind)()

    def half_space(batch: ReadingBatch) -> None:
        for value in (batch.value / 100.0).tolist():  # it wants values from 0 to 1
            model.score_one({"value": value})
            model.learn_one({"value": value})

    def gaussian(batch: ReadingBatch) -> None:
        for value in batch.value.tolist():
            model.score_one(None, value)
            model.learn_one(None, value)

    return half_space if kind == "HalfSpaceTrees" else gaussian


def _pyod(first: Float64) -> Judge:
    """PyOD's histogram model, the quickest that it has."""
    from pyod.models.hbos import HBOS

    model = HBOS(contamination=0.001)
    model.fit(np.ascontiguousarray(first[:FIRST]).reshape(-1, 1))

    def judge(batch: ReadingBatch) -> object:
        return model.decision_function(batch.value.reshape(-1, 1))

    return judge
