"""`davy detectors propose`: the longest recent stretches from which a model could learn, and why each other was left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from core.batch import Float64
from core.db import connect, transaction
from core.errors import BadInput
from davy.models.contamination import MOST_ODD, odd_as_declared
from davy.models.flagged import Bool, Flagged, find_flagged, instant, mask_of
from davy.models.plans import MOST_WINDOWS, find_plan, rows_of
from detectors.models.contract import whole_rows
from detectors.models.fitting import LEAST_CALIBRATION, LEAST_FIT, ROWS_A_MEMBER, memory_of
from detectors.store import models as store
from detectors.store.models import Plan
from detectors.store.windows import begin_of

PROPOSED: Final = 3
BRIDGED: Final = (
    30  # windows without a member that do not end a stretch: a model that remembers forgets no further back
)
LONGEST_DAYS: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch that could be learnt from.

    Args:
        windows: complete ones.
        odd: share of them that a robust fit of this stretch finds odd.
    """

    since: str
    until: str
    windows: int
    hours: float
    odd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A stretch that could not, and why.

    Args:
        why: open, alarm, danger, order, quality, missing, short.
    """

    since: str
    until: str
    why: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What `davy detectors propose` says.

    Args:
        since: what was looked at begins there; asked_since: what was asked for did.
        need: windows that a fit of so many members needs.
        stretches: the longest first.
    """

    asset: str
    since: str
    until: str
    need: int
    stretches: list[Stretch]
    left_out: list[LeftOut]
    asked_since: str = ""

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person."""
        told = [
            f"{self.asset}, {self.since} to {self.until}; a fit needs {self.need} windows in which every member reports."
        ]
        if self.asked_since and self.asked_since != self.since:
            told.append(
                f"Asked for from {self.asked_since}. A fit takes {MOST_WINDOWS} windows at most, so it was looked through in parts of so many, the "
                "newest first, and no further back than where something was found. An earlier stretch can be named to `davy detectors fit` all the same."
            )
        for each in self.stretches:
            doubt = f"; more than {MOST_ODD:.0%} of it looks odd, look first" if each.odd > MOST_ODD else ""
            told.append(
                f"Proposed: {each.since} to {each.until}, {each.windows} windows, {each.hours:.1f} h, {each.odd:.1%} of them odd to a robust fit{doubt}."
            )
        if not self.stretches:
            told.append("No stretch is long enough.")
        return [*told, *(f"Left out: {each.said}." for each in self.left_out)]


def propose(
    url: str, token: Callable[[], str], *, asset: str, days: float = 7.0, now: datetime | None = None
) -> Proposal:
    """The longest stretches of the last days without alarms, missing members, doubtful quality, open occurrences or orders.

    Raises:
        BadInput: no such model, or a number of days that will not do.
        DatabaseAway: it does not answer.
    """
    if not 0 < days <= LONGEST_DAYS:
        raise BadInput(f"--days is {days:g}; it must be more than 0 and at most {LONGEST_DAYS}.")
    until = now or datetime.now(UTC)
    asked_since = until - timedelta(days=days)
    found: list[Proposal] = []
    with closing(connect(url, application="detectors-propose")) as connection, transaction(connection, token()):
        plan = find_plan(store.load_plans(connection), asset)
        for since, end in parts(asked_since, until, plan.window_s):
            first, rows = rows_of(connection, plan, since, end)
            spans = find_flagged(connection, plan, since, end)
            found.append(look_through(plan, rows, spans, first=first, since=since, until=end))
            if found[-1].stretches:
                break  # a fit takes no more than one part, and of two the newer is nearer to how the machine runs now
    left_out = [each for one in reversed(found) for each in one.left_out]
    return replace(found[-1], until=until.isoformat(), left_out=left_out, asked_since=asked_since.isoformat())


def parts(since: datetime, until: datetime, window_s: float) -> list[tuple[datetime, datetime]]:
    """An interval in parts of as many windows as are looked at at once, the newest first.

    >>> from datetime import UTC
    >>> [begin.hour for begin, _ in parts(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 20, tzinfo=UTC), 0.144)]
    [12, 4, 0]
    """
    longest = (MOST_WINDOWS - 1) * timedelta(seconds=window_s)  # one window more is touched at an end
    found = []
    while until > since:
        begin = max(since, until - longest)
        found.append((begin, until))
        until = begin
    return found


def needed(plan: Plan) -> int:
    """Complete windows that a fit needs in all: see `halves`."""
    members, memory = len(plan.members) - len(plan.setup.beside), memory_of(plan.setup)
    return 2 * max(LEAST_FIT, ROWS_A_MEMBER * members, LEAST_CALIBRATION + memory) + memory


def look_through(
    plan: Plan, rows: Float64, spans: Sequence[Flagged], *, first: int, since: datetime, until: datetime
) -> Proposal:
    """The same from windows.

    Args:
        rows: shape (n, members), a window each from number `first` on.
    """
    flagged = mask_of(spans, first=first, count=len(rows), window_s=plan.window_s)
    complete = whole_rows(rows) & ~flagged
    found: list[tuple[int, int]] = []
    short: list[tuple[int, int]] = []
    need = needed(plan)
    for begin, end in bridged(complete, flagged):
        (found if int(complete[begin:end].sum()) >= need else short).append((begin, end))
    found.sort(key=lambda each: (int(complete[each[0] : each[1]].sum()), each[1]), reverse=True)

    def at(window: int) -> datetime:
        return min(max(begin_of(first + window, plan.window_s), since), until)

    stretches = []
    for begin, end in found[:PROPOSED]:
        windows = int(complete[begin:end].sum())
        left = np.where(complete[begin:end, None], rows[begin:end], np.nan)
        odd, looked = odd_as_declared(left, plan.names, plan.setup)
        stretches.append(
            Stretch(
                since=at(begin).isoformat(),
                until=at(end).isoformat(),
                windows=windows,
                hours=round((end - begin) * plan.window_s / 3600, 2),
                odd=round(float(odd.sum()) / max(int(looked.sum()), 1), 4),
            )
        )
    left_out = [
        LeftOut(since=each.since.isoformat(), until=each.until.isoformat(), why=each.why, said=str(each))
        for each in spans
    ]
    left_out += [
        LeftOut(
            since=at(begin).isoformat(),
            until=at(end).isoformat(),
            why="missing",
            said=_missing(plan, rows, at, begin, end),
        )
        for begin, end in runs(~whole_rows(rows) & ~flagged)
        if end - begin > BRIDGED
    ]
    left_out += [
        LeftOut(
            since=at(begin).isoformat(),
            until=at(end).isoformat(),
            why="short",
            said=f"{instant(at(begin))} to {instant(at(end))}: only {int(complete[begin:end].sum())} windows between the others",
        )
        for begin, end in short
    ]
    left_out.sort(key=lambda each: each.since)
    return Proposal(
        asset=plan.key,
        since=since.isoformat(),
        until=until.isoformat(),
        need=need,
        stretches=stretches,
        left_out=left_out,
    )


def bridged(complete: Bool, flagged: Bool) -> list[tuple[int, int]]:
    """Runs of complete windows; a few incomplete ones between two of them do not part them, a flagged one does."""
    merged: list[tuple[int, int]] = []
    for begin, end in runs(complete):
        if merged and begin - merged[-1][1] <= BRIDGED and not flagged[merged[-1][1] : begin].any():
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((begin, end))
    return merged


def runs(mask: Bool) -> list[tuple[int, int]]:
    """Where each run begins and ends.

    >>> runs(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _missing(plan: Plan, rows: Float64, at: Callable[[int], datetime], begin: int, end: int) -> str:
    gone = np.isnan(rows[begin:end]).mean(axis=0)
    names = [name for name, share in zip(plan.names, gone.tolist(), strict=True) if share > 0.5]
    who = "every member" if len(names) == len(plan.names) else ", ".join(names) or "one member or another"
    return f"{instant(at(begin))} to {instant(at(end))}: nothing usable from {who}"
