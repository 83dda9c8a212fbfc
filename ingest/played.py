"""Which events come of history that is played: readings that a replay has marked, `core.batch.Mark.REPLAYED`.

The mark softens nothing (docs/decisions/0010): it goes with the event to people, who must be able to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.batch import Event, Int64, Mark, ReadingBatch, UInt8
from core.model import DefinitionSet

_MARK = np.uint8(Mark.REPLAYED)  # a number of the column's own type: no wider copy is made


def is_played(quality: UInt8) -> NDArray[np.bool_]:
    """Which readings are history that is played, bool, one a reading."""
    marked: NDArray[np.bool_] = (quality & _MARK) != 0
    return marked


class Played:
    """Whether each sensor's newest reading on time was played.

    Args:
        slots: how many there are.

    Memory: one byte a sensor; in a checkpoint eight a sensor that plays.
    """

    def __init__(self, definitions: DefinitionSet, slots: int) -> None:
        self._sensor, first = np.unique(definitions.definitions.integers("sensor_id"), return_index=True)
        self._slot = definitions.slot[first]
        self._newest = np.zeros(slots, np.bool_)
        self._any = False

    def told(self, events: list[Event], on_time: ReadingBatch) -> list[Event]:
        """The events of a batch, with the mark where it belongs; then the batch's readings are the newest."""
        played = is_played(on_time.quality)
        if not self._any and not played.any():
            return events
        marked = [replace(event, replayed=True) if self._is_of(event, on_time, played) else event for event in events]
        self._newest[on_time.sensor] = played  # in the order they came: the last of each sensor stays
        self._any = bool(self._newest.any())
        return marked

    def _is_of(self, event: Event, on_time: ReadingBatch, played: NDArray[np.bool_]) -> bool:
        """By its reading; where a delay or a silence ended, by the sensor's last reading before that instant."""
        if event.row >= 0:
            return bool(played[event.row])
        slot = self._slot[np.searchsorted(self._sensor, event.sensor_id)]
        before = np.flatnonzero((on_time.sensor == slot) & (on_time.judged_at < event.at))
        return bool(played[before[-1]]) if len(before) else bool(self._newest[slot])

    def plays(self, sensor_id: int) -> bool:
        """Whether the newest reading of a sensor was played."""
        place = int(np.searchsorted(self._sensor, sensor_id))
        is_known = place < len(self._sensor) and int(self._sensor[place]) == sensor_id
        return is_known and bool(self._newest[self._slot[place]])

    def state(self) -> Int64:
        """Ids of the sensors whose newest reading was played."""
        return self._sensor[self._newest[self._slot]]

    def restore(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`, kept as the column `played`."""
        if "played" in columns:
            self._newest[self._slot[np.isin(self._sensor, columns["played"])]] = True
            self._any = bool(self._newest.any())
