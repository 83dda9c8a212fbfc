"""Windows of a small machine for the tests of models: five signals that follow one load."""

from __future__ import annotations

import numpy as np

from core.batch import Float64

MEMBERS = ("p1/flow", "p1/pressure", "p1/current", "p1/vibration", "p1/temperature")
FLOW = 0


def windows(count: int, seed: int, *, fault_from: int | None = None, flow_times: float = 0.7) -> Float64:
    """Rows of normal operation; from `fault_from` on the flow is only `flow_times` of what it should be."""
    random = np.random.default_rng(seed)
    load = 0.5 * np.sin(np.arange(count) / 40.0) + random.normal(0, 0.1, count)
    signals = ((100, 10, 1.0), (5, 0.4, 0.05), (40, 5, 0.5), (2, 0.2, 0.1), (45, 1, 0.3))
    rows = np.stack([level + slope * load + random.normal(0, noise, count) for level, slope, noise in signals], axis=1)
    if fault_from is not None:
        rows[fault_from:, FLOW] *= flow_times
    return rows
