"""The averages of a judge: which of its windows late readings touch, and what these must book besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.batch import Int32, ReadingBatch
from core.model import DefinitionSet
from detectors.contract import Detector
from detectors.window import Correction, OverWindow
from ingest.late import FAR_US, Asked, LateReadings, Recount, Touched, Window


class Averages:
    """The detectors over windows of one definition set, and what late readings have touched of them.

    Args:
        sensor_id: int32, of each slot.
    """

    def __init__(self, detectors: Sequence[Detector], definitions: DefinitionSet, sensor_id: Int32) -> None:
        self.late = LateReadings()
        self.detectors = [each for each in detectors if isinstance(each, OverWindow)]
        self._definitions = definitions
        self._sensor_id = sensor_id
        self._is_averaged = np.zeros(len(sensor_id), np.bool_)
        for each in self.detectors:
            self._is_averaged[definitions.slot[definitions.of(each.name)]] = True

    def note(self, batch: ReadingBatch, late: NDArray[np.bool_], now_us: int) -> None:
        """Late readings that no average has counted, live and after a restart alike."""
        rows = np.flatnonzero(late)
        rows = rows[self._is_averaged[batch.sensor[rows]]]
        if len(rows):
            self.late.note(batch.take(rows), self._sensor_id, now_us)

    def asked(self, touched: Touched, slot: int, upto_us: int) -> Asked | None:
        """What the windows of a sensor have booked up to its newest reading; None where its late readings are too old for all of
        them."""
        windows = []
        for detector in self.detectors:
            members = detector.members(slot)
            if len(members):
                own = tuple(self._definitions.definitions[index] for index in detector.index(members).tolist())
                windows.append(Window(own, detector.booked(members), detector.reach_us(members)))
        oldest_us = upto_us - max((FAR_US, *(window.reach_us for window in windows)))
        if not windows or touched.last_us < oldest_us:
            return None
        return Asked(replace(touched, first_us=max(touched.first_us, oldest_us)), upto_us, tuple(windows))

    def corrections(self, recount: Recount) -> Iterator[tuple[OverWindow, Correction]]:
        """What each detector must book; what is of definitions that have changed since is let go. Its sensors are counted with that."""
        self.late.settle(recount.sensor_id.tolist(), recount.asof_us)
        counted = list(zip(recount.definition_id.tolist(), recount.version.tolist(), strict=True))
        for detector in self.detectors:
            keys = self._definitions.keys[detector.index(np.arange(len(detector), dtype=np.int32))].tolist()
            place = {(key, version): row for row, (key, version) in enumerate(keys)}
            members = np.array([place.get(key, -1) for key in counted], np.int32)
            mine = members >= 0
            if mine.any():
                yield (
                    detector,
                    Correction(members[mine], recount.bucket[mine], recount.amount[mine], recount.known[mine]),
                )
