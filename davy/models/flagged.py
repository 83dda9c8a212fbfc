"""Stretches from which no model may learn: in alarm, in an open occurrence, a danger, put aside by order, or of doubtful quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from core.batch import Float64
from davy.models.store import AssetOccurrence, occurrences, orders
from detectors.store.models import Plan
from detectors.store.windows import begin_of, doubtful, window_of

DANGERS: Final = ("true_danger", "near_miss")
WORDS: Final[Mapping[str, str]] = {
    "danger": "people resolved it as a danger or a near miss",
    "open": "the occurrence is still open",
    "alarm": "in alarm",
    "order": "under an order",
    "quality": "readings of doubtful quality or of a wrong clock",
}

Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Flagged:
    """A stretch that nothing is learnt from.

    Args:
        why: a key of `WORDS`.
        what: the occurrence or order it comes from, for people.
    """

    since: datetime
    until: datetime
    why: str
    what: str = ""

    def kept(self) -> dict[str, str]:
        """As it stands in `detector_model.cut`."""
        return {"since": self.since.isoformat(), "until": self.until.isoformat(), "why": self.why, "what": self.what}

    @staticmethod
    def of(kept: Mapping[str, str]) -> Flagged:
        """The stretch of an earlier `kept()`."""
        since, until = (datetime.fromisoformat(kept[name]) for name in ("since", "until"))
        return Flagged(since, until, kept["why"], kept.get("what", ""))

    def __str__(self) -> str:
        about = f" ({self.what})" if self.what else ""
        return f"{instant(self.since)} to {instant(self.until)}: {WORDS[self.why]}{about}"


def instant(at: datetime) -> str:
    """For a person."""
    return at.isoformat(sep=" ", timespec="seconds")


def find_flagged(connection: Connection[Any], plan: Plan, since: datetime, until: datetime) -> list[Flagged]:
    """All stretches within the interval, in order of time; they may overlap."""
    found = [span for each in occurrences(connection, plan, since, until) if (span := _of_occurrence(each, until))]
    found += [
        Flagged(each.begins_at, each.over_at, "order", f"{each.kind}, order {each.order_id}")
        for each in orders(connection, plan, since, until)
    ]
    first, last = window_of(since, plan.window_s), window_of(until, plan.window_s)
    sensors = [member.sensor_id for member in plan.members]
    windows = sorted(doubtful(connection, sensors, first=first, count=last - first, window_s=plan.window_s))
    found += [
        Flagged(begin_of(run[0], plan.window_s), begin_of(run[-1] + 1, plan.window_s), "quality")
        for run in _runs(windows)
    ]
    clipped = [Flagged(max(each.since, since), min(each.until, until), each.why, each.what) for each in found]
    return sorted((each for each in clipped if each.since < each.until), key=lambda each: (each.since, each.until))


def cut(rows: Float64, spans: Iterable[Flagged], *, first: int, window_s: float) -> Float64:
    """The rows without those of flagged windows: as if every member had been missing there.

    Args:
        rows: shape (n, members), a window each from number `first` on.
    """
    left = rows.copy()
    for span in spans:
        left[mask_of([span], first=first, count=len(rows), window_s=window_s)] = np.nan
    return left


def mask_of(spans: Iterable[Flagged], *, first: int, count: int, window_s: float) -> Bool:
    """Which of `count` windows from `first` on any of these stretches touches; bool, shape (count,)."""
    mask = np.zeros(count, np.bool_)
    for span in spans:
        begin = window_of(span.since, window_s) - first
        end = window_of(span.until, window_s) - first
        if begin_of(end + first, window_s) < span.until:
            end += 1
        mask[max(begin, 0) : max(end, 0)] = True
    return mask


def counted(spans: Sequence[Flagged], *, first: int, count: int, window_s: float) -> dict[str, int]:
    """How many windows each reason leaves out, by itself."""
    return {
        why: int(
            mask_of([each for each in spans if each.why == why], first=first, count=count, window_s=window_s).sum()
        )
        for why in WORDS
        if any(each.why == why for each in spans)
    }


def _of_occurrence(occurrence: AssetOccurrence, until: datetime) -> Flagged | None:
    what = f"occurrence {occurrence.occurrence_id}, {occurrence.title}"
    if occurrence.resolved_at is None:
        return Flagged(occurrence.began_at, until, "open", what)
    over = occurrence.normal_at or occurrence.resolved_at
    if occurrence.resolution in DANGERS:
        end = max(over, occurrence.evidence_until or over)
        return Flagged(min(occurrence.began_at, occurrence.evidence_from), end, "danger", what)
    if occurrence.of_model and occurrence.resolution == "nuisance":
        return None  # people looked and the machine was well: what its model found odd is what it must learn
    return Flagged(occurrence.began_at, over, "alarm", what)


def _runs(windows: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for window in windows:
        if runs and window == runs[-1][-1] + 1:
            runs[-1].append(window)
        else:
            runs.append([window])
    return runs
