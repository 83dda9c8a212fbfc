"""Whether the second opinion is worth reading, by labelled data: which share of the ten most unusual windows touches an event, beside ten by chance.

The windows, features, models and ranks are those of the site, with the same numbers: fifteen samples a window, the ten of each night. What differs is
said of each data set below. Nothing is tuned here; no row is adjusted. The share is of the ten windows that rank first; whether an event is shown is asked of the
ten places of the page, where neighbours are one, and of the one window of each that was ranked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64
from core.errors import BadInput
from davy.answer import progress
from davy.evaluate.reading import having, table
from detectors.second.case import MOST_SIGNALS, Case, Windows, case_of
from detectors.second.features import ROWS, Samples, features, floor_of
from detectors.second.opinion import judge, opinions, top_windows

TRAIN: Final = 400  # first rows of a file of skab, or of a series of faults, that are normal
DAY: Final = 1_440  # rows of gecco (a row a minute) and, for want of a clock, of methane
HISTORY: Final = 21 * DAY
FITTED_SHARE: Final = 0.6  # of gecco: before it nothing is judged
METHANE: Final = ("MM116", "MM31", "AS038", "PG072", "PD", "BA13")
GECCO: Final = ("Tp", "Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2", "Fm", "Fm_2")
ALARM_AT: Final = 1.5  # %CH4 within the next six rows


@dataclass(frozen=True, slots=True)
class Night:
    """One ranking.

    Args:
        history, judged: float64, shape (rows, signals).
        truth: bool, shape (rows judged,): what people have marked.
        dense: whether windows of the history overlap, because a file has too few rows for others.
    """

    name: str
    history: Float64
    judged: Float64
    truth: np.ndarray
    dense: bool


def measure(name: str, data: Path | None, root: Path | None) -> dict[str, Any]:
    """Measures one data set.

    Args:
        data: its folder; None: its own under `root`.
        root: `$DAVY_DATA`; None: it is not set.

    Raises:
        BadInput: no such data set, no such folder, or files that will not do; the sentence says why.
    """
    if name not in SETS:
        near = get_close_matches(name, SETS, n=1)
        raise BadInput(
            f"There is no data set {name}; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(SETS)}.")
        )
    folder, read = SETS[name]
    if data is None and root is None:
        raise BadInput("Give --data DIR, or set DAVY_DATA to the folder under which the data sets lie.")
    where = data if data is not None else root / folder  # type: ignore[operator]
    if not where.is_dir():
        raise BadInput(f"{where} is no folder; give the folder that holds the files of {name}.")
    began, counted = time.monotonic(), _Counted()
    for night in read(where):
        counted.add(night)
        progress(f"{name}: {night.name}, {counted.hits} of {counted.picks} touch an event so far")
    if not counted.picks:
        raise BadInput(f"Nothing in {where} could be ranked: each file needs {TRAIN} normal rows and some after them.")
    progress(f"{name}: done in {time.monotonic() - began:.0f} s")
    return {"name": name, **counted.answer()}


@dataclass(slots=True)
class _Counted:
    nights: int = 0
    picks: int = 0
    hits: int = 0
    chance: float = 0.0
    with_event: int = 0
    picks_there: int = 0
    hits_there: int = 0
    chance_there: float = 0.0
    events: int = 0
    found: int = 0
    found_by_chance: float = 0.0

    def add(self, night: Night) -> None:
        """Ranks it and counts."""
        cases = list(cases_of(night))
        count = len(night.truth) // ROWS
        if not cases or not count:
            return
        marked: NDArray[np.bool_] = np.logical_or.reduce(night.truth[: count * ROWS].reshape(count, ROWS), axis=1)
        judged = [judge(case) for case in cases]
        picked, shown = top_windows(judged), opinions(judged)
        hits, share = int(marked[picked].sum()), float(marked.mean())
        self.nights += 1
        self.picks += len(picked)
        self.hits += hits
        self.chance += share * len(picked)
        if not marked.any():
            return
        self.with_event += 1
        self.picks_there += len(picked)
        self.hits_there += hits
        self.chance_there += share * len(picked)
        for first, last in _runs(night.truth[: count * ROWS]):
            touched = range(first // ROWS, last // ROWS + 1)
            self.events += 1
            self.found += any(one.window in touched for one in shown)
            self.found_by_chance += by_chance(count, len(touched), len(shown))

    def answer(self) -> dict[str, Any]:
        """Shares between 0 and 1; null where nothing was marked."""
        return {
            "nights": self.nights,
            "windows_shown": self.picks,
            "share": _share(self.hits, self.picks),
            "share_by_chance": _share(self.chance, self.picks),
            "nights_with_event": self.with_event,
            "share_there": _share(self.hits_there, self.picks_there),
            "share_there_by_chance": _share(self.chance_there, self.picks_there),
            "events": self.events,
            "events_shown": _share(self.found, self.events),
            "events_shown_by_chance": _share(self.found_by_chance, self.events),
        }


def by_chance(windows: int, touched: int, drawn: int) -> float:
    """How likely one of `drawn` windows is one of those that an event touches.

    >>> by_chance(10, 1, 1), by_chance(10, 10, 1), by_chance(4, 1, 10)
    (0.1, 1.0, 1.0)
    """
    if touched >= windows or drawn + touched > windows:
        return 1.0
    return round(1.0 - math.comb(windows - touched, drawn) / math.comb(windows, drawn), 12)


def cases_of(night: Night) -> Iterator[Case]:
    """Each signal by itself and all together, as of a machine; what cannot be judged is left out."""
    signals = []
    for number, (before, after) in enumerate(zip(night.history.T, night.judged.T, strict=True)):
        history = Samples.of(before)
        floor = floor_of(history)
        offsets = range(ROWS) if night.dense else (0,)
        parts = [features(Samples.of(before[offset:]), floor) for offset in offsets]
        starts = [offset + ROWS * np.arange(len(part)) for offset, part in zip(offsets, parts, strict=True)]
        blocks = np.concatenate(starts) // (_block(night))
        windows = Windows(
            np.vstack(parts), features(Samples.of(after), floor), np.zeros(len(blocks), bool), blocks.astype(np.int64)
        )
        signals.append((number, windows))
        made = case_of(("sensor", number), ("asset", 0), [(number, windows)], least_blocks=3, least_in_block=1)
        if isinstance(made, Case):
            yield made
    moving = [(number, windows) for number, windows in signals if _moves(windows)][:MOST_SIGNALS]
    if len(moving) > 1:
        made = case_of(("asset", 0), ("asset", 0), moving, least_blocks=3, least_in_block=1)
        if isinstance(made, Case):
            yield made


def _block(night: Night) -> int:
    return 40 if night.dense else DAY  # rows that are kept apart together


def _moves(windows: Windows) -> bool:
    known = windows.history[np.isfinite(windows.history).all(axis=1)]
    return len(known) * 2 >= len(windows.history) and float(np.ptp(known, axis=0).max()) > 0.0


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _runs(truth: np.ndarray) -> list[tuple[int, int]]:
    """First and last row of each event."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], truth, [False])).astype(np.int8)))
    return [(int(first), int(last) - 1) for first, last in edges.reshape(-1, 2)]


def _skab(folder: Path) -> Iterator[Night]:
    """Each file by itself, as its protocol says: its first 400 rows are the weeks before, the rest is the night. More than half of it is marked."""
    for header in having(folder, ("datetime", "anomaly", "changepoint")):
        file = table(header, TRAIN + ROWS)
        members = [column for column in file.columns if column not in ("datetime", "anomaly", "changepoint")]
        rows = file.numbers(members)
        yield Night(header.name, rows[:TRAIN], rows[TRAIN:], file.labels("anomaly")[TRAIN:] == 1, dense=True)


def _days(name: str, rows: Float64, truth: np.ndarray, begin: int) -> Iterator[Night]:
    """Day by day from a row on, each with the three weeks before it, or what there is of them. Nothing is cut from them: nobody had flagged anything."""
    for first in range(begin, len(rows) - DAY + 1, DAY):
        history, judged = rows[max(0, first - HISTORY) : first], rows[first : first + DAY]
        yield Night(f"{name}, rows from {first}", history, judged, truth[first : first + DAY], dense=False)


def _gecco(folder: Path) -> Iterator[Night]:
    for header in having(folder, ("Time", *GECCO, "EVENT")):
        file = table(header, 2 * DAY)
        rows = file.numbers(GECCO)
        yield from _days(header.name, rows, file.labels("EVENT") == 1, int(FITTED_SHARE * len(rows)))


def _methane(folder: Path) -> Iterator[Night]:
    """An event is that methane is at its limit within the next six rows; 1,440 rows are called a night, and nights are judged from the fourth on."""
    for header in having(folder, (*METHANE, "MM116_pred")):
        file = table(header, 2 * DAY)
        truth = file.numbers(["MM116_pred"])[:, 0] >= ALARM_AT
        yield from _days(header.name, file.numbers(METHANE), truth, 3 * DAY)


def _faults(folder: Path) -> Iterator[Night]:
    """Each series by itself: its first 400 rows are the weeks before."""
    labels = [(name, first, last) for name, first, last in _labels(folder)]
    for header in having(folder, ("series", "row", "value")):
        file = table(header, TRAIN + ROWS)
        values, names = file.numbers(["value"])[:, 0], np.array(file.columns["series"])
        for name in dict.fromkeys(file.columns["series"]):
            own = values[names == name]
            truth = np.zeros(len(own), bool)
            for _, first, last in (each for each in labels if each[0] == name):
                truth[first : last + 1] = True
            yield Night(name, own[:TRAIN, None], own[TRAIN:, None], truth[TRAIN:], dense=True)


def _labels(folder: Path) -> Iterator[tuple[str, int, int]]:
    for header in having(folder, ("series", "fault", "first_row", "last_row")):
        file = table(header)
        for name, (first, last) in zip(
            file.columns["series"], file.numbers(["first_row", "last_row"]).tolist(), strict=True
        ):
            yield name, int(first), int(last)


SETS: Final[Mapping[str, tuple[str, Callable[[Path], Iterator[Night]]]]] = MappingProxyType(
    {
        "skab": ("skab", _skab),
        "gecco": ("gecco2018_water", _gecco),
        "methane": ("coal_mine_methane", _methane),
        "faults": ("sensor_faults_injected", _faults),
    }
)
