"""What of a site is judged: a signal at a time is read as windows, so that nobody waits for it and no more than one is in memory as minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from core.batch import Float64
from core.signal_kind import VIBRATION, kind_of
from davy.second import store
from davy.second.store import Flagged, Minute, Signal, Site
from davy.second.turn import Place, go_on, in_turn
from detectors.second import vibration
from detectors.second.case import MOST_SIGNALS, Case, LeftOut, Windows, case_of
from detectors.second.features import ROWS, Samples, features, floor_of
from detectors.store import second

HISTORY_DAYS: Final = 21
WINDOW: Final = timedelta(minutes=ROWS)
DAY_WINDOWS: Final = 24 * 60 // ROWS
SNAPSHOT_S: Final = 30.0  # within which a waveform must begin and end
_MINUTE: Final = timedelta(minutes=1)
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(slots=True)
class Gathered:
    """What was read of a site and day.

    Args:
        cases: in their order: each machine together before its signals by themselves.
        ring: all signals of the site, those whose turn it is first; of them `read` were read.
    """

    cases: list[Case] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    ring: list[Signal] = field(default_factory=list)
    read: int = 0

    def looked_at(self, out_of_time: Sequence[tuple[str, int]]) -> tuple[int, Place | None]:
        """How many signals were not looked at, and with which the next night begins; None: with the first.

        Args:
            out_of_time: subjects of cases that were read and not judged, as the time was up.
        """
        missed = {number for kind, number in out_of_time if kind == "sensor"}
        return len(self.ring) - self.read + len(missed), go_on(self.ring, self.read, out_of_time)


def span_of(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """A local day, 23 to 25 hours of it, in UTC: what is counted from instants of a zone goes by the clock on its wall, and is an hour off for weeks."""
    zone = ZoneInfo(time_zone)
    begin, end = datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)
    return begin.astimezone(UTC), end.astimezone(UTC)


def gather(
    connect: Callable[[], Connection[Any]],
    site: Site,
    day: date,
    into: Gathered,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Reads one signal after the other; gives way after each.

    Args:
        connect: the transaction of the turn; another one after each step.
        is_over: no further signal is taken up; the first one always is, so that each night goes on from the one before.
    """
    since, until = span_of(day, site.time_zone)
    begin = since - timedelta(days=HISTORY_DAYS)
    begins = second.goes_on(connect(), site.site_id, day)
    into.ring, tonight = in_turn(store.signals(connect(), site.site_id), None if begins is None else Place(*begins))
    cuts = _cuts(store.flagged(connect(), site.site_id, begin, since), begin)
    yield
    for asset, machine in groupby(into.ring[:tonight], lambda signal: signal.asset_id):
        members: list[tuple[int, Windows]] = []
        own: list[Case | LeftOut] = []
        for signal in machine:
            if into.read and is_over():
                break
            cut = cuts.get(signal.sensor_id, np.zeros(HISTORY_DAYS * DAY_WINDOWS, bool))
            found = store.minutes(connect(), signal.sensor_id, begin, until)
            windows = windows_of(found, begin, since, until, cut)
            own.append(case_of(("sensor", signal.sensor_id), _group(signal), [(signal.sensor_id, windows)]))
            if asset is not None and len(members) <= MOST_SIGNALS and _is_usable(windows):
                members.append((signal.sensor_id, windows))
            into.read += 1
            yield
            if kind_of(signal.unit, signal.quantity) is VIBRATION:
                for part in _bands(connect, signal, found, (begin, since, until), cut):
                    if part is None:
                        yield
                    else:
                        own.append(part)
        _add(into, [*_machine(asset, members), *own])
        if into.read < tonight and is_over():
            return


def _machine(asset: int | None, members: Sequence[tuple[int, Windows]]) -> Iterator[Case | LeftOut]:
    """The signals of a machine together, where it has more than one."""
    if asset is None:
        return
    if len(members) > MOST_SIGNALS:
        yield LeftOut(("asset", asset), "many", MOST_SIGNALS)
    if len(members) > 1:
        yield case_of(("asset", asset), ("asset", asset), members[:MOST_SIGNALS])


def windows_of(found: Sequence[Minute], begin: datetime, since: datetime, until: datetime, cut: np.ndarray) -> Windows:
    """Minutes of a history (`begin` to `since`) and of a day (to `until`) as features. Nothing is learnt from a minute with an unusable reading."""
    first, count = (begin - _EPOCH) // _MINUTE, (until - begin) // _MINUTE
    grid = np.full((3, count), np.nan)
    split = (since - begin) // _MINUTE
    for minute in found:
        place = minute.minute - first
        if 0 <= place < count and (place >= split or minute.good == minute.readings):
            grid[:, place] = minute.mean, minute.low, minute.high
    history, day = Samples(*grid[:, :split]), Samples(*grid[:, split:])
    floor = floor_of(history)
    return Windows(features(history, floor), features(day, floor), cut, np.arange(len(cut)) // DAY_WINDOWS)


def _bands(
    connect: Callable[[], Connection[Any]],
    signal: Signal,
    found: Sequence[Minute],
    span: tuple[datetime, datetime, datetime],
    cut: np.ndarray,
) -> Iterator[Case | LeftOut | None]:
    """The waveform of a vibration, a day of it at a time (None: go on later); or how often it would have to be read."""
    rate = max((minute.readings for minute in found), default=0) / 60.0
    if rate < vibration.LEAST_RATE_HZ:
        yield LeftOut(("bands", signal.sensor_id), "bands", vibration.LEAST_RATE_HZ, round(rate, 3))
        return
    begin, _, until = span
    width = len(vibration.names(rate))
    rows: list[Float64] = []
    for start in range(HISTORY_DAYS + 1):
        at = begin + timedelta(days=start)
        end = min(at + timedelta(days=1), until) if start < HISTORY_DAYS else until
        rows.append(spectra(connect(), signal.sensor_id, at, end, rate, width))
        yield None
    windows = Windows(np.vstack(rows[:-1]), rows[-1], cut, np.arange(len(cut)) // DAY_WINDOWS, vibration.names(rate))
    yield case_of(("bands", signal.sensor_id), _group(signal), [(signal.sensor_id, windows)])


def spectra(
    connection: Connection[Any], sensor_id: int, at: datetime, end: datetime, rate: float, width: int
) -> Float64:
    """The features of each window's snapshot between two instants: float64, shape (windows, width); NaN where it has none."""
    count = (end - at) // WINDOW
    found = np.full((count, width), np.nan)
    taken = store.snapshots(
        connection, sensor_id, at, end, every_s=int(WINDOW.total_seconds()), lasts_s=SNAPSHOT_S, most=vibration.SNAPSHOT
    )
    read = np.array(taken, np.float64).reshape(-1, 3)
    for number in np.unique(read[:, 0]).astype(int).tolist():
        own = read[read[:, 0] == number]
        if number < count:
            found[number] = vibration.spectrum(own[:, 1], own[:, 2], rate)
    return found


def _cuts(flagged: Sequence[Flagged], begin: datetime) -> dict[int, np.ndarray]:
    """Of each sensor the windows of the history that are flagged."""
    found: dict[int, np.ndarray] = {}
    for each in flagged:
        mask = found.setdefault(each.sensor_id, np.zeros(HISTORY_DAYS * DAY_WINDOWS, bool))
        first = max(0, (each.since - begin) // WINDOW)
        mask[first : max(first, -((begin - each.until) // WINDOW))] = True
    return found


def _group(signal: Signal) -> tuple[str, int]:
    return ("sensor", signal.sensor_id) if signal.asset_id is None else ("asset", signal.asset_id)


def _is_usable(windows: Windows) -> bool:
    """Whether it moved and was heard: what stood still would say nothing of the machine, and what is missing would leave its windows out."""
    known = windows.history[np.isfinite(windows.history).all(axis=1)]
    heard = bool(len(known)) and len(known) * 2 >= int((~windows.cut).sum())
    return heard and bool(np.isfinite(windows.day).all(axis=1).any()) and float(np.ptp(known, axis=0).max()) > 0.0


def _add(into: Gathered, made: Sequence[Case | LeftOut]) -> None:
    into.cases += [each for each in made if isinstance(each, Case)]
    into.left_out += [each for each in made if isinstance(each, LeftOut)]
