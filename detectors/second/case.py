"""What is judged together, and why something cannot be: a signal, the signals of a machine, or the bands of a vibration. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from core.batch import Float64, Int64
from detectors.second.features import FEATURES, LOGARITHMIC

LEAST_BLOCKS: Final = 7  # days of history, on a site: a whole week, of which two days measure
LEAST_IN_BLOCK: Final = 24  # windows that make a day of history: six hours
LEAST_A_FEATURE: Final = 8  # windows of history for each feature: with fewer a robust covariance fits noise
LEAST_KEPT: Final = 20  # windows kept apart to measure by
MOST_SIGNALS: Final = 8  # of a machine that are judged together, two features each
OF_MACHINE: Final = (FEATURES.index("level"), FEATURES.index("spread"))


class Column(NamedTuple):
    """A feature of one signal.

    Args:
        sensor: number of the signal; on a site its `sensor_id`.
        feature: one of `FEATURES`, or of `vibration.names`.
    """

    sensor: int
    feature: str

    @property
    def is_logarithm(self) -> bool:
        """Whether a difference of it is a ratio."""
        return self.feature in LOGARITHMIC or self.feature not in FEATURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that is judged.

    Args:
        subject: ("sensor" | "asset" | "bands", its number).
        group: what belongs together: two windows of one group at one time are one thing to look at.
        columns: of `history` and `day`.
        history: float64, shape (n, columns), finite: windows of the weeks before, without those that are flagged.
        blocks: int64, shape (n,), ascending: which day of the history each is of.
        day: float64, shape (m, columns), finite: the windows that are judged.
        windows: int64, shape (m,): which window of the day each is.
    """

    subject: tuple[str, int]
    group: tuple[str, int]
    columns: tuple[Column, ...]
    history: Float64
    blocks: Int64
    day: Float64
    windows: Int64


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was not judged, or not wholly.

    Args:
        why: "short", "missing", "still", "moved", "bands" or "many"; "time" is counted and not named one by one.
        needs, has: days of history, or samples a second.
    """

    subject: tuple[str, int]
    why: str
    needs: float | None = None
    has: float | None = None

    def facts(self) -> dict[str, Any]:
        """For the database."""
        return {
            "kind": self.subject[0],
            "number": self.subject[1],
            "why": self.why,
            "needs": self.needs,
            "has": self.has,
        }


@dataclass(frozen=True, slots=True)
class Windows:
    """All windows of one signal, or of one waveform, of the history and the day.

    Args:
        history, day: float64, shape (windows, features); NaN where too little is known.
        cut: bool, shape (windows of the history,): flagged, so that nothing is learnt from them.
        blocks: int64, shape (windows of the history,): the day of each.
    """

    history: Float64
    day: Float64
    cut: np.ndarray
    blocks: Int64
    features: Sequence[str] = field(default=FEATURES)


def case_of(
    subject: tuple[str, int],
    group: tuple[str, int],
    signals: Sequence[tuple[int, Windows]],
    *,
    least_blocks: int = LEAST_BLOCKS,
    least_in_block: int = LEAST_IN_BLOCK,
) -> Case | LeftOut:
    """What can be judged of one signal, or of several together; else why not.

    Args:
        signals: number and windows of each, of one length.
        least_blocks, least_in_block: other numbers where no site is judged but a file.
    """
    of_machine = len(signals) > 1
    places = [list(OF_MACHINE) if of_machine else list(range(len(windows.features))) for _, windows in signals]
    columns = tuple(
        Column(sensor, windows.features[place])
        for (sensor, windows), taken in zip(signals, places, strict=True)
        for place in taken
    )
    history = np.hstack([windows.history[:, taken] for (_, windows), taken in zip(signals, places, strict=True)])
    day = np.hstack([windows.day[:, taken] for (_, windows), taken in zip(signals, places, strict=True)])
    usable = np.isfinite(history).all(axis=1) & ~np.logical_or.reduce([windows.cut for _, windows in signals])
    known = np.isfinite(day).all(axis=1)
    blocks = signals[0][1].blocks[usable]
    days, place, counts = np.unique(blocks, return_inverse=True, return_counts=True)
    whole = counts >= least_in_block
    if int(whole.sum()) < least_blocks:
        return LeftOut(subject, "short", least_blocks, int(whole.sum()))
    if not known.any():
        return LeftOut(subject, "missing")
    learnt = history[usable]
    if not of_machine and _stands(learnt):
        return LeftOut(subject, "still" if _same(learnt[0], day[known]) else "moved", None, float(len(days)))
    if len(learnt) < LEAST_A_FEATURE * len(columns) or _kept(place) < LEAST_KEPT:
        return LeftOut(subject, "short", least_blocks, int(whole.sum()))
    return Case(
        subject=subject, group=group, columns=columns, history=learnt, blocks=place.astype(np.int64), day=day[known],
        windows=np.flatnonzero(known).astype(np.int64),
    )  # fmt: skip


def _stands(rows: Float64) -> bool:
    """Whether nothing in the history ever moved."""
    return bool((np.ptp(rows, axis=0) <= 1e-12 * np.maximum(1.0, np.abs(rows[0]))).all())


def _same(row: Float64, others: Float64) -> bool:
    return bool((np.abs(others - row) <= 1e-9 * np.maximum(1.0, np.abs(row))).all())


def _kept(blocks: Int64) -> int:
    return int((blocks % 3 == 2).sum())
