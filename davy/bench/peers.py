"""What others do with the same readings on the same core: for the bench of judging, beside Davy's own figure.

None of them does the same work: they score a value and know no deadband, no delay, no alarm. River's are given one model for all
sensors, which is the kindest that can be done: one each would not fit into memory. PyOD's is fitted once and learns nothing more.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
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


def measured(batches: Iterator[ReadingBatch], seconds: float) -> dict[str, dict[str, float] | None]:
    """Readings a second of each; None for one that is not installed."""
    found: dict[str, dict[str, float] | None] = {}
    for name, kind in RIVER.items():
        judge = _river(kind)
        found[name] = None if judge is None else _speed(name, judge, batches, seconds)
    found["pyod_hbos"] = _speed("pyod_hbos", _pyod(next(batches).value), batches, seconds)
    return found


def _speed(name: str, judge: Judge, batches: Iterator[ReadingBatch], seconds: float) -> dict[str, float]:
    progress(f"{name} ...")
    judge(next(batches))  # whatever is loaded or compiled at first
    spent, readings = 0.0, 0
    while spent < seconds:
        batch = next(batches)
        began = time.perf_counter()
        judge(batch)
        spent += time.perf_counter() - began
        readings += len(batch)
    return {"readings_per_s": round(readings / spent)}


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
