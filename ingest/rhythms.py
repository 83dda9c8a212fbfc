"""How often devices speak, learned in watched time: for how long each may say nothing before it counts as gone."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.batch import NEVER, Int64
from core.kernel_cache import kernel
from detectors.contract import SECOND_US
from detectors.rhythm import PAUSES, at_least, learn
from ingest.decode import Decoded
from ingest.directory import Directory

# Learned by the same rule as of sensors. One of which nobody has declared anything may say nothing for so
# long at most: below the ceiling of its sensors (packs/signal_limits.yaml), so that its loss is told before theirs.
WORD_US: Final = 2 * SECOND_US
CEILING_US: Final = 7200 * SECOND_US


def spans(decoded: Decoded) -> Int64:
    """Over how long the readings of each message were gathered, microseconds, as the device says."""
    found = np.zeros(len(decoded.count), np.int64)
    several = decoded.count > 1
    if several.any():
        some = decoded.count > 0
        begins = (np.cumsum(decoded.count) - decoded.count)[some]
        stamp_us = decoded.stamp_us
        found[some] = np.maximum.reduceat(stamp_us, begins) - np.minimum.reduceat(stamp_us, begins)
    return found


class Rhythms:
    """How often devices speak, in watched time, and for how long they may say nothing."""

    def __init__(self, directory: Directory) -> None:
        devices = directory.devices
        self._device_id = np.array([device.row.device_id for device in devices], np.int64)
        self._learns = np.array([bool(device.slots) for device in devices], np.bool_)
        self._declared_us = np.array([device.silent_after_us for device in devices], np.int64)
        wholly = np.array([device.wholly_declared for device in devices], np.bool_)
        self._least_us = np.where(wholly, self._declared_us, 0)
        self._most_us = np.array([device.silent_at_most_us for device in devices], np.int64)
        self._began_at: Int64 = np.full(len(devices), NEVER, np.int64)
        self._spoke_at: Int64 = np.full(len(devices), NEVER, np.int64)
        self._pauses: Int64 = np.zeros((len(devices), PAUSES), np.int64)
        self._count: Int64 = np.zeros(len(devices), np.int64)
        self._period_us: Int64 = np.zeros(len(devices), np.int64)

    def hear(self, index: Int64, spans: Int64, watched_us: int) -> None:
        """These devices speak; each message says over how long its readings were gathered."""
        news = self._learns[index] & (watched_us - self._spoke_at[index] >= WORD_US)
        if news.any():
            _learn_words(
                index[news], spans[news], watched_us, self._began_at, self._spoke_at, self._pauses, self._count, self._period_us,
            )  # fmt: skip

    def allowed_us(self) -> Int64:
        """How long each may say nothing.

        What is known of it says that: one slow declared sensor among others hides no dead device, and who sends once a minute what is
        measured each second is not gone in between. Where all is declared, five of the shortest are allowed in any case: who spoke
        faster for an hour may go back. Until something is known what is declared holds, or what was heard if that is more.
        """
        least_us = int(Directory.SILENT_AT_LEAST_S * SECOND_US)
        period_us = _at_least(self._pauses, self._count, self._period_us)
        heard_us = np.minimum(Directory.SILENT_PERIODS * period_us, np.maximum(CEILING_US, self._declared_us))
        unknown_us = np.where(self._declared_us > 0, np.maximum(self._declared_us, heard_us), CEILING_US)
        allowed_us = np.where(self._period_us > 0, np.maximum(heard_us, self._least_us), unknown_us)
        allowed: Int64 = np.maximum(np.minimum(allowed_us, self._most_us), least_us)
        return allowed

    def state(self) -> Int64:
        """A row a device of which something is known."""
        kept = self._learns & (self._spoke_at != NEVER)
        columns = (self._device_id, self._began_at, self._spoke_at, self._count, self._period_us, self._pauses)
        rows: Int64 = np.column_stack(columns)[kept]
        return rows

    def restore(self, rows: Int64, directory: Directory) -> None:
        """Goes on from an earlier `state()`."""
        for device_id, began_at, spoke_at, count, period_us, *pauses in rows.tolist():
            device = directory.device_of.get(device_id)
            if device is not None and self._learns[device.index]:
                d = device.index
                self._began_at[d], self._spoke_at[d] = began_at, spoke_at
                self._count[d], self._period_us[d], self._pauses[d] = count, period_us, pauses


@kernel
def _learn_words(
    index: Int64,
    spans: Int64,
    at: int,
    began_at: Int64,
    spoke_at: Int64,
    pauses: Int64,
    count: Int64,
    period_us: Int64,
) -> None:
    """Each speaks at `at`; of several messages of one device the first is its word."""
    for i in range(len(index)):
        learn(index[i], at, spans[i], NEVER, WORD_US, began_at, spoke_at, pauses, count, period_us)


@kernel
def _at_least(pauses: Int64, count: Int64, period_us: Int64) -> Int64:
    """`at_least` of every device."""
    found = np.empty(len(count), np.int64)
    for d in range(len(count)):
        found[d] = at_least(d, pauses, count, period_us)
    return found


def compile_kernels() -> None:
    """Compiles the loops into numba's cache."""
    once, pauses = np.zeros(1, np.int64), np.zeros((1, PAUSES), np.int64)
    _learn_words(once, once.copy(), 0, once.copy(), once.copy(), pauses, once.copy(), once.copy())
    _at_least(pauses, once, once)
