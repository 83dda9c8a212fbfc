"""Repeats, gaps and new beginnings by (device, boot, seq): a message seen before costs nothing, one that fills a gap is taken.

A run of numbers (ingest/stream.py) is known between its floor and its highest seq, less its holes. Below the floor nothing is
known: such a message is taken, and the key of `reading` sorts out what was there. A message of a known number that was never
seen there begins a new run of the same boot: the device lost its boot counter, or its numbers went round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import NEVER
from ingest.stream import NOTHING_SAID, Arrival, GapRow, Hole, Stream, restored, rows

MOST_RUNS: Final = 4  # kept a device, of one boot or of several, the newest by arrival
ROUND: Final = (1 << 16, 1 << 31, 1 << 32)  # where counters of 16, 31 and 32 bits begin again at 0
NEAR: Final = 64  # numbers around that point that may have been lost, without its being taken for a restart

REPEATED, FRESH, FILLED, UNKNOWN, RESTARTED = 0, 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Restart:
    """A device began to count again under the boot it had.

    Args:
        times: how often it did so.
        at_us: when the first message after it came, microseconds UTC.
        before: the highest number before; seq: the one after.
    """

    times: int
    at_us: int
    boot: int
    before: int
    seq: int


class Sequences:
    """The runs of all devices.

    Memory: about 500 bytes a run (of which 16 an octave of its numbers), at most `MOST_RUNS` a device, and 200 bytes a hole.
    """

    def __init__(self) -> None:
        self._runs: dict[tuple[int, int], list[Stream]] = {}  # of a boot, newest last
        self._order: dict[int, list[tuple[int, Stream]]] = {}  # device_id -> (boot, run), newest arrival last
        self._restarts: dict[int, Restart] = {}

    def take(self, message: Arrival, now_us: int, changes: list[GapRow]) -> int:
        """Notes a message; says whether it is a repeat (which changes nothing), the newest, fills a gap, begins a new run, or
        lies below the floor.

        Args:
            now_us: of the batch, so that the answer does not depend on when within it the message came.
            changes: takes what `stream_gap` must learn.
        """
        device_id, boot, seq, said_us, sent_us, received_us = message
        runs = self._runs.get((device_id, boot))
        if runs is None:
            self._open(device_id, boot, Stream(0, seq, seq, sent_us, received_us, said_us), said_us)
            return FRESH
        stream = runs[-1]
        if len(runs) > 1 and NOTHING_SAID < said_us < stream.begun_us:
            answer = _take_older(runs, message, now_us, changes)
            if answer is not None:
                return answer
        if seq > stream.highest:
            _advance(stream, message, now_us, changes)
            return FRESH
        missing = stream.part_of(seq)
        if missing is not None:
            _fill(stream, missing, message, changes)
            return FILLED
        if self._begins_again(stream, seq, said_us, received_us):
            return self._begin_again(stream, message)
        return UNKNOWN if seq < stream.floor else REPEATED

    def _begins_again(self, stream: Stream, seq: int, said_us: int, received_us: int) -> bool:
        """Whether a message whose number is none of the missing cannot be of this run."""
        if seq >= stream.floor:
            return not stream.saw(seq, said_us)
        # Below the floor it may be one from before we listened: only a time after all that was named speaks against that, and a
        # time that has not come yet speaks for nothing.
        return stream.latest_us < said_us <= received_us

    def _begin_again(self, stream: Stream, message: Arrival) -> int:
        device_id, boot, seq, said_us, sent_us, received_us = message
        self._open(device_id, boot, Stream(stream.run + 1, seq, seq, sent_us, received_us, said_us), said_us)
        if not (seq < NEAR and any(size - NEAR <= stream.highest < size for size in ROUND)):
            earlier = self._restarts.get(device_id)
            times = 1 + (earlier.times if earlier else 0)
            self._restarts[device_id] = Restart(times, received_us, boot, stream.highest, seq)
        return RESTARTED

    def _open(self, device_id: int, boot: int, stream: Stream, said_us: int = NOTHING_SAID) -> None:
        stream.note(stream.highest, said_us)
        self._runs.setdefault((device_id, boot), []).append(stream)
        order = self._order.setdefault(device_id, [])
        order.append((boot, stream))
        if len(order) > MOST_RUNS:
            gone, _ = order.pop(0)
            left = self._runs[(device_id, gone)]
            del left[0]
            if not left:
                del self._runs[(device_id, gone)]

    def newest(self, device_id: int) -> tuple[int, Stream] | None:
        """The boot that a device began last, and its run."""
        order = self._order.get(device_id)
        return order[-1] if order else None

    def restart(self, device_id: int) -> Restart | None:
        """The last time that a device began again under the boot it had."""
        return self._restarts.get(device_id)

    def missing(self, device_id: int, seen_from_us: int = NEVER, seen_until_us: int | None = None) -> int:
        """Messages of a device that have not come, in holes seen within the given time."""
        return sum(
            hole.missing
            for _, hole in self._holes(device_id)
            if hole.seen_us >= seen_from_us and (seen_until_us is None or hole.seen_us <= seen_until_us)
        )

    def _holes(self, device_id: int) -> Iterator[tuple[int, Hole]]:
        return ((boot, hole) for boot, stream in self._order.get(device_id, ()) for hole in stream.holes)

    def with_gaps(self) -> set[int]:
        """Devices that have an open gap."""
        return {device_id for device_id, order in self._order.items() if any(stream.holes for _, stream in order)}

    def state(self) -> dict[str, NDArray[np.int64]]:
        """All that is remembered as columns, in the order it was opened."""
        kept = rows((d, boot, stream) for d, order in self._order.items() for boot, stream in order)
        again = [(d, r.times, r.at_us, r.boot, r.before, r.seq) for d, r in self._restarts.items()]
        widths = {"stream": 8, "came": 1, "span": 5, "hole": 9, "part": 8, "restart": 6}
        return {
            name: np.array(found, np.int64).reshape(-1, width)
            for (name, width), found in zip(widths.items(), (*kept, again), strict=True)
        }

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Goes on from an earlier `state()`."""
        self._runs.clear()
        self._order.clear()
        found = restored(*(state[name].tolist() for name in ("stream", "came", "span", "hole", "part")))
        for (device_id, boot, _), stream in found.items():
            self._open(device_id, boot, stream)
        self._restarts = {device_id: Restart(*rest) for device_id, *rest in state["restart"].tolist()}


def _take_older(runs: list[Stream], message: Arrival, now_us: int, changes: list[GapRow]) -> int | None:
    """What an earlier run of the boot knows of a message that names a time before the newest run began."""
    seq, said_us = message.seq, message.said_us
    for stream in reversed(runs[:-1]):
        if stream is runs[-2] and seq > max(stream.highest, runs[-1].highest + 1) and said_us >= stream.latest_us:
            # The end of the run before, held back until now: of the newest it would be a loss that never was.
            _advance(stream, message, now_us, changes)
            return FILLED
        if not stream.floor <= seq <= stream.highest:
            continue
        missing = stream.part_of(seq)
        if missing is None:
            if stream.saw(seq, said_us):
                return REPEATED
            continue
        part = missing[0].parts[missing[1]]
        if part.from_us <= said_us <= part.until_us:
            _fill(stream, missing, message, changes)
            return FILLED
    return None


def _advance(stream: Stream, message: Arrival, now_us: int, changes: list[GapRow]) -> None:
    hole = stream.advance(message.seq, message.said_us, message.sent_us, message.received_us, now_us)
    if hole is not None:
        changes.append(stream.row(message.device_id, message.boot, hole))
        stream.give_up()


def _fill(stream: Stream, missing: tuple[Hole, int], message: Arrival, changes: list[GapRow]) -> None:
    hole, index = missing
    stream.fill(hole, index, message.seq, message.said_us, message.sent_us)
    changes.append(stream.row(message.device_id, message.boot, hole))
    stream.give_up()
