"""Repeats and gaps by (device, boot, seq): a message seen before costs nothing, one that fills a gap is taken.

A stream is known between its floor and its highest seq, less its open gaps. Below the floor nothing is known: such a
message is taken, and the key of `reading` sorts out what was there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_GAPS = 64  # open gaps kept a stream; the oldest is given up by raising the floor above it
MOST_BOOTS = 4  # boots kept a device, the newest by arrival
NEVER_US = np.iinfo(np.int64).min


@dataclass(slots=True)
class Gap:
    """Messages first..last of a stream have not come.

    Args:
        seen_us: when the first message after it was judged, microseconds UTC.
        from_us: `sent_at` of the last message before it; until_us: of the first one after it.
    """

    first: int
    last: int
    seen_us: int
    from_us: int
    until_us: int


@dataclass(slots=True)
class Stream:
    """One boot of one device."""

    floor: int
    highest: int
    sent_us: int
    gaps: list[Gap] = field(default_factory=list)


class GapRow(NamedTuple):
    """A change to `stream_gap`: a hole that opened, changed its end, or closed (`last` below `first`)."""

    device_id: int
    boot: int
    first: int
    last: int
    from_us: int
    until_us: int


REPEATED, FRESH, FILLED, UNKNOWN = 0, 1, 2, 3


class Sequences:
    """The streams of all devices.

    Memory: about 200 bytes a stream, at most `MOST_BOOTS` streams a device, and 100 bytes an open gap.
    """

    def __init__(self) -> None:
        self._streams: dict[tuple[int, int], Stream] = {}
        self._boots: dict[int, list[int]] = {}  # device_id -> boots, newest arrival last

    def take(self, device_id: int, boot: int, seq: int, sent_us: int, now_us: int, changes: list[GapRow]) -> int:
        """Notes a message; says whether it is a repeat, the newest of its stream, fills a gap, or lies below the floor.

        Args:
            now_us: of the batch, so that the answer does not depend on when within it the message came.
            changes: takes what `stream_gap` must learn.
        """
        stream = self._streams.get((device_id, boot))
        if stream is None:
            self._open(device_id, boot, Stream(seq, seq, sent_us))
            return FRESH
        if seq > stream.highest:
            if seq > stream.highest + 1:
                gap = Gap(stream.highest + 1, seq - 1, now_us, stream.sent_us, sent_us)
                stream.gaps.append(gap)
                changes.append(_row(device_id, boot, gap))
                if len(stream.gaps) > MOST_GAPS:
                    stream.floor = stream.gaps.pop(0).last + 1
            stream.highest, stream.sent_us = seq, sent_us
            return FRESH
        if seq < stream.floor:
            return UNKNOWN
        for index, gap in enumerate(stream.gaps):
            if gap.first <= seq <= gap.last:
                _fill(stream, index, seq, device_id, boot, changes)
                return FILLED
        return REPEATED

    def _open(self, device_id: int, boot: int, stream: Stream) -> None:
        self._streams[(device_id, boot)] = stream
        boots = self._boots.setdefault(device_id, [])
        boots.append(boot)
        if len(boots) > MOST_BOOTS:
            del self._streams[(device_id, boots.pop(0))]

    def newest(self, device_id: int) -> tuple[int, Stream] | None:
        """The boot that a device began last, and its stream."""
        boots = self._boots.get(device_id)
        return (boots[-1], self._streams[(device_id, boots[-1])]) if boots else None

    def missing(self, device_id: int, seen_from_us: int = NEVER_US, seen_until_us: int | None = None) -> int:
        """Messages of a device that have not come, in gaps seen within the given time."""
        total = 0
        for boot in self._boots.get(device_id, ()):
            for gap in self._streams[(device_id, boot)].gaps:
                if gap.seen_us >= seen_from_us and (seen_until_us is None or gap.seen_us <= seen_until_us):
                    total += gap.last - gap.first + 1
        return total

    def with_gaps(self) -> set[int]:
        """Devices that have an open gap."""
        return {device_id for (device_id, _), stream in self._streams.items() if stream.gaps}

    def state(self) -> dict[str, NDArray[np.int64]]:
        """All streams and gaps as columns, in the order they were opened."""
        streams = [(d, b, self._streams[(d, b)]) for d, boots in self._boots.items() for b in boots]
        return {
            "stream": np.array([(d, b, s.floor, s.highest, s.sent_us) for d, b, s in streams], np.int64).reshape(-1, 5),
            "gap": np.array(
                [(d, b, g.first, g.last, g.seen_us, g.from_us, g.until_us) for d, b, s in streams for g in s.gaps],
                np.int64,
            ).reshape(-1, 7),
        }

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Goes on from an earlier `state()`."""
        self._streams.clear()
        self._boots.clear()
        for device_id, boot, floor, highest, sent_us in state["stream"].tolist():
            self._open(device_id, boot, Stream(floor, highest, sent_us))
        for device_id, boot, *gap in state["gap"].tolist():
            self._streams[(device_id, boot)].gaps.append(Gap(*gap))


def _row(device_id: int, boot: int, gap: Gap) -> GapRow:
    return GapRow(device_id, boot, gap.first, gap.last, gap.from_us, gap.until_us)


def _fill(stream: Stream, index: int, seq: int, device_id: int, boot: int, changes: list[GapRow]) -> None:
    """Takes `seq` out of a gap; what is left of the gap stands on either side."""
    gap = stream.gaps[index]
    rest = [
        Gap(first, last, gap.seen_us, gap.from_us, gap.until_us)
        for first, last in ((gap.first, seq - 1), (seq + 1, gap.last))
        if first <= last
    ]
    stream.gaps[index : index + 1] = rest
    if not rest or rest[0].first != gap.first:
        changes.append(GapRow(device_id, boot, gap.first, gap.first - 1, gap.from_us, gap.until_us))
    changes.extend(_row(device_id, boot, part) for part in rest)
