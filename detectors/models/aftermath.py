"""After something large, what is small beside it is not news: a number measured against the largest of the rows before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.batch import Float64


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """The number of a row, divided by a share of the largest one of the rows before it, where that is above 1.

    A machine does not come back from an incident to the very state it was in: a rotor that ran out of balance stays a little so, a
    pipe that was drained fills slowly. To a model of the state before, all of that is odd for hours, and an alarm that does not end
    tells nobody when the incident did. Measured against the incident it ends, and begins anew when something of its size comes again.

    Memory: `rows` rows.
    Warm-up: none.
    Fails when: something else, smaller than `share` of what has just been, goes wrong within `rows` of it: it is not seen before they
        have passed. So it is for models that add alarms, never for limits.

    Args:
        share: of the largest number before.
        rows: how many of them are looked at.
    """

    share: float
    rows: int

    def numbers(self, numbers: Float64) -> Float64:
        """Each number against those before it: float64, shape (n,); NaN stays NaN and is passed over."""
        known = np.where(np.isfinite(numbers), numbers, 0.0)
        behind = np.concatenate([np.zeros(self.rows), known[:-1]]) if len(known) else known
        largest = np.lib.stride_tricks.sliding_window_view(behind, self.rows).max(axis=1) if len(known) else known
        return numbers / np.maximum(self.share * largest, 1.0)
