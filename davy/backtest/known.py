"""How much of the time is known: the rest is neither safe nor unsafe, and is told as holes."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from core.batch import QUALITY_CODE, Quality
from davy.backtest.columns import Stored

SECOND_US: Final = 1_000_000
SILENT_PERIODS: Final = 3  # as on the charts (api/chart.py): who misses three periods is silent, not slow
LONGEST_KEPT: Final = 10  # holes that are told one by one, the longest
LEAST_US: Final = 3 * SECOND_US


@dataclass(slots=True)
class Known:
    """What is known of one sensor between two instants, microseconds UTC.

    Args:
        period_us: how often it speaks, where somebody has declared it; 0: it shows by itself.
        asked: stretches of which is to be told whether something is missing in them, (since, until).
    """

    since: int
    until: int
    period_us: int = 0
    asked: Sequence[tuple[int, int]] = ()
    known_us: int = 0
    missing: set[tuple[int, int]] = field(default_factory=set)
    _seen_to: int = field(init=False)
    _holes: list[tuple[int, int, int]] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self._seen_to = self.since

    def take(self, stored: Stored) -> None:
        """Readings in their order: usable ones are known until the next one, where that is not long."""
        usable = ((stored.quality & QUALITY_CODE) != Quality.BAD) & np.isfinite(stored.value)
        at = stored.measured_at[usable]
        at = at[(at >= self.since) & (at < self.until)]
        if len(at) == 0:
            return
        gaps = np.diff(at, prepend=self._seen_to)
        if self.period_us == 0 and len(at) > 2:
            self.period_us = int(np.median(gaps[1:]))
        most = max(SILENT_PERIODS * self.period_us, LEAST_US)
        short = gaps <= most
        self.known_us += int(gaps[short].sum())
        for index in np.flatnonzero(~short).tolist():
            self._hole(int(at[index] - gaps[index]), int(at[index]))
        self._seen_to = int(at[-1])

    def take_buckets(self, buckets: Sequence[tuple[int, int]]) -> None:
        """Minutes or hours that hold something usable, (begin, end) in the order of time: each is known as a whole."""
        for begins, ends in buckets:
            begin, end = max(begins, self._seen_to), min(ends, self.until)
            if end <= begin:
                continue
            if begin > self._seen_to:
                self._hole(self._seen_to, begin)
            self.known_us += end - begin
            self._seen_to = end

    def finish(self) -> None:
        """What is silent until the end is a hole too."""
        if self.until - self._seen_to > max(SILENT_PERIODS * self.period_us, LEAST_US):
            self._hole(self._seen_to, self.until)
        else:
            self.known_us += self.until - self._seen_to

    def _hole(self, since: int, until: int) -> None:
        self._count += 1
        self.missing.update(part for part in self.asked if part[0] < until and part[1] > since)
        heapq.heappush(self._holes, (until - since, since, until))
        if len(self._holes) > LONGEST_KEPT:
            heapq.heappop(self._holes)

    @property
    def share(self) -> float:
        """Of the time, between 0 and 1."""
        return min(1.0, self.known_us / max(1, self.until - self.since))

    @property
    def holes(self) -> list[tuple[int, int]]:
        """The longest, in the order of time."""
        return sorted((since, until) for _, since, until in self._holes)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._count
