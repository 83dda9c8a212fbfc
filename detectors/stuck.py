"""Stuck sensors: how long a value has not moved."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from msgspec import Meta

from core.aligned import aligned_zeros, row_of
from core.batch import NEVER, Float64
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import SECOND_US, Detector, Parameters, Rows
from detectors.hearing import Heard

_REST: Final = row_of(LINE // 2, [("value", np.float64), ("moved_at", np.int64), ("tolerance", np.float64)])


class StuckParameters(Parameters, frozen=True):
    """What a stuck definition may set.

    Args:
        tolerance: a move must be larger than this to count, in the sensor's unit.
    """

    tolerance: Annotated[float, Meta(ge=0.0)] = 0.0


class Stuck(Detector):
    """Seconds of judged time since the value last moved by more than `tolerance`.

    A move is measured from where the value last came to rest, not from the reading before: a slow drift that leaves the
    tolerance behind is a move. A real signal has noise; one that stands still to the last digit has usually been cut off,
    frozen or simulated.

    Memory: 16 bytes a definition.
    Warm-up: none; the first usable reading gives 0.
    Fails when: the signal is quantised more coarsely than its noise, or rests by nature (a gas detector in clean air, a
        contact): then only a long setpoint, or none, is right. After a silence, an unmoved value counts the silence as
        standing still. Readings of bad quality give NaN and do not move it.
    """

    name = "stuck"
    unit = "s"
    parameters = StuckParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        self._rest: Rows = aligned_zeros(len(self), _REST)
        self._rest["tolerance"] = self._settings["tolerance"]
        self._rest["value"] = np.nan
        self._rest["moved_at"] = NEVER
        self._column("rest_value", self._rest["value"])
        self._column("moved_at", self._rest["moved_at"])

    def _numbers(self, heard: Heard) -> Float64:
        return _stuck(heard, self._rest)


@kernel
def _stuck(heard: Heard, rest: Rows) -> Float64:
    heard, rest = borrowed((heard, rest))
    count = len(heard.member)
    number = np.empty(count)
    for n in range(count):
        if n + AHEAD < count:
            prefetch(rest, heard.member[n + AHEAD], 0)
        d, t, x = heard.member[n], heard.at[n], heard.value[n]
        if not np.isfinite(x):
            number[n] = np.nan
        elif rest[d].moved_at == NEVER or abs(x - rest[d].value) > rest[d].tolerance:
            rest[d].value = x
            rest[d].moved_at = t
            number[n] = 0.0
        else:
            number[n] = (t - rest[d].moved_at) / SECOND_US
    return number
