"""`davy bench models`: what judging one window costs, for every kind of model that sites run, without servers."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from core.batch import Float64
from core.model_setup import PLAIN, ModelForecast, ModelSetup
from davy.answer import progress, say
from detectors.models.ahead import KIND, Ahead
from detectors.models.fitting import fit, halves, memory_of
from detectors.models.registry import MODELS

WINDOWS: Final = 3_600  # of ten seconds: ten hours of normal operation
WINDOW_S: Final = 10.0
MOST_MS: Final = 5.0  # a window and model, on one core


def models(members: int, *, windows: int, as_json: bool) -> int:
    """Fits each kind, scores so many windows one by one, each with its memory, and says how long one takes and what is kept.

    Returns:
        1 where the middle window of a kind takes more than 5 ms.
    """
    names = tuple(f"m/{number}" for number in range(members))
    rows = _machine(WINDOWS, members)
    slow = ModelSetup(slow=names[2 : 2 + max(members // 5, 1)], load=names[:2], state_count=2) if members > 2 else PLAIN
    found: dict[str, Any] = {}
    for setup, said in ((PLAIN, ""), (slow, " with slow members and states")):
        parts = halves(rows, names, window_s=WINDOW_S, memory=max(m.memory for m in MODELS.values()), setup=setup)
        memory = memory_of(setup)
        for kind in MODELS:
            progress(f"Fitting {kind}{said} on {WINDOWS} windows of {members} members ...")
            began = time.perf_counter()
            fitted, _ = fit(kind, parts, names, setup=setup)
            took = time.perf_counter() - began
            kept = len(json.dumps(fitted.parameters()))
            score = lambda part, model=fitted: (model.latest(part, names, 1), model.unseen(part[-1:], names))  # noqa: E731
            found[kind + said] = _timed(score, rows, memory, windows) | {"fit_s": round(took, 3), "kept_bytes": kept}
    began = time.perf_counter()
    parts = halves(rows, names, window_s=WINDOW_S, memory=max(m.memory for m in MODELS.values()))
    ahead = Ahead.fit(parts, names, ModelSetup(forecast=ModelForecast(of=names[0], ahead_s=600.0)), WINDOW_S)
    took = time.perf_counter() - began
    timed = _timed(lambda part: ahead.numbers(part, names, 3.0), rows, memory_of(PLAIN), windows)
    found[KIND] = timed | {"fit_s": round(took, 3), "kept_bytes": len(json.dumps(ahead.parameters()))}
    answer = {
        "models": found,
        "slowest_us": max(each["p50_us"] for each in found.values()),
        "settings": {
            "members": members,
            "windows": windows,
            "cpus": len(os.sched_getaffinity(0)),
            "machine": platform.machine(),
        },
    }
    say(answer, as_json=as_json)
    return 0 if answer["slowest_us"] <= 1_000.0 * MOST_MS else 1


def _timed(score: Callable[[Float64], object], rows: Float64, memory: int, windows: int) -> dict[str, float]:
    """Microseconds that one window takes, each scored alone with its memory, as on a site."""
    score(rows[:memory])
    spent = []
    for number in range(windows):
        end = memory + number % (len(rows) - memory)
        part = rows[end - memory : end]
        began = time.perf_counter()
        score(part)
        spent.append(1e6 * (time.perf_counter() - began))
    spent.sort()
    return {
        "least_us": round(spent[0], 1),
        "p50_us": round(statistics.median(spent), 1),
        "p99_us": round(spent[int(0.99 * (len(spent) - 1))], 1),
    }


def _machine(count: int, members: int) -> Float64:
    """Rows of a machine that runs at two loads, all signals following it, a fifth of them late."""
    random = np.random.default_rng(1)
    speed = np.where((np.arange(count) // 120) % 2 == 0, 1.0, 0.6)
    load = speed * (1.0 + 0.1 * np.sin(np.arange(count) / 30.0)) + random.normal(0, 0.02, count)
    late = np.convolve(np.concatenate([np.full(60, load[0]), load]), np.full(61, 1 / 61), "valid")
    slope = random.uniform(0.5, 2.0, members)
    follows = np.where(np.arange(members) % 5 == 2, 1.0, 0.0)
    signal = load[:, None] * (1.0 - follows) + late[:, None] * follows
    found: Float64 = 1.0 + signal * slope + random.normal(0, 0.05, (count, members))
    return found
