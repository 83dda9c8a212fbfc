"""What is counted: rows, events, false episodes, precision. Every number as the issue of the data sets defines it; no point adjustment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64

Bool = NDArray[np.bool_]


class Run(NamedTuple):
    """Rows one after the other that have something in common; `last` is one of them."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


class Rows(NamedTuple):
    """How alarm rows and event rows fall together."""

    hit: int
    false: int
    missed: int
    quiet: int

    @property
    def events(self) -> int:
        """Event rows; where there are none nobody can say how many are found."""
        return self.hit + self.missed

    @property
    def normal(self) -> int:
        """Normal rows; where there are none nobody can say how many alarm."""
        return self.false + self.quiet

    @property
    def f1(self) -> float:
        """hit / (hit + (false + missed) / 2); 0 where nothing was hit."""
        return self.hit / (self.hit + (self.false + self.missed) / 2) if self.hit else 0.0

    @property
    def false_alarm_rate(self) -> float:
        """Share of normal rows that alarm."""
        return share(self.false, self.normal)

    @property
    def missed_rate(self) -> float:
        """Share of event rows that do not."""
        return share(self.missed, self.events)


def share(part: float, whole: float) -> float:
    """part / whole; 0 of nothing."""
    return part / whole if whole else 0.0


def if_there(value: float, of: float) -> float | None:
    """The value where there is something that it is of; else None: nobody can say, and 0 would be a verdict.

    >>> if_there(0.0, 5), if_there(0.0, 0)
    (0.0, None)
    """
    return value if of else None


def runs(marks: Bool) -> list[Run]:
    """The stretches of True.

    >>> runs(np.array([False, True, True, False, True]))
    [Run(first=1, last=2), Run(first=4, last=4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    return [Run(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def rows(truth: Sequence[Bool], alarm: Sequence[Bool]) -> Rows:
    """Counts over several stretches together: none weighs more for being short."""
    t, a = np.concatenate(truth), np.concatenate(alarm)
    return Rows(int((t & a).sum()), int((~t & a).sum()), int((t & ~a).sum()), int((~t & ~a).sum()))


def found(events: Sequence[Run], alarm: Bool) -> list[bool]:
    """Of each event, whether a row of it alarms."""
    return [bool(alarm[event.first : event.last + 1].any()) for event in events]


def false_episodes(alarm: Bool, truth: Bool) -> int:
    """Runs of alarm rows that touch no event: each is somebody called for nothing, however long it lasts."""
    return sum(not truth[run.first : run.last + 1].any() for run in runs(alarm))


def moving(values: Float64) -> Bool:
    """Which columns have two different values: of the others a detector says nothing, and silence would look like quiet.

    >>> moving(np.array([[1.0, 5.0, np.nan], [2.0, 5.0, np.nan]])).tolist()
    [True, False, False]
    """
    low = np.where(np.isfinite(values), values, np.inf).min(axis=0, initial=np.inf)
    high = np.where(np.isfinite(values), values, -np.inf).max(axis=0, initial=-np.inf)
    found: Bool = low < high
    return found


def average_precision(truth: Bool, score: Float64) -> float:
    """The area under precision over recall, in steps; equal scores are one step. 0 where there is nothing to find.

    >>> average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]))
    0.8333333333333333
    """
    if not truth.any():
        return 0.0
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(truth[order])
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    precision, gained = hits[ends] / (ends + 1.0), np.diff(hits[ends], prepend=0)
    return float((precision * gained).sum() / truth.sum())


def root_mean_square(difference: Float64) -> float:
    """Of errors, in their unit."""
    return float(np.sqrt(np.mean(difference * difference)))
