"""Which hour of the week it is at a site: by its own clock, summer time and all, for compiled loops.

A zone is read once into two columns, the instants at which its offset changes and the offsets from there on; a loop finds the hour of an
instant in them, and until when that hour lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from core.batch import Int32, Int64
from core.errors import BadInput
from core.kernel_cache import kernel
from detectors.contract import SECOND_US

HOUR_US: Final = 3600 * SECOND_US
WEEK: Final = 168  # hours
MONDAY: Final = 72  # hours from Monday 0:00 to Thursday 0:00, on which 1970 began
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2100, 1, 1, tzinfo=UTC)  # later, the offset of that day counts
_STEP: Final = timedelta(days=4)  # no zone has changed its offset and back within so few days since 1970
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Zones(NamedTuple):
    """The zones of a set of definitions.

    Args:
        bounds: int64, shape (zones + 1,), where each zone's changes begin in the other two.
        changes: int64, microseconds UTC, ascending within a zone; its first is before everything.
        offsets: int64, microseconds that local time is ahead of UTC from then on.
    """

    bounds: Int64
    changes: Int64
    offsets: Int64


def zones_of(names: Sequence[str]) -> Zones:
    """The zones by their IANA names, in that order.

    Raises:
        BadInput: there is no such zone.
    """
    found = [_changes(name) for name in names]
    bounds = np.zeros(len(found) + 1, np.int64)
    bounds[1:] = np.cumsum([len(changes) for changes, _ in found])
    empty = np.empty(0, np.int64)
    return Zones(
        bounds,
        np.concatenate([empty, *(changes for changes, _ in found)]),
        np.concatenate([empty, *(offsets for _, offsets in found)]),
    )


@lru_cache(maxsize=256)
def _changes(name: str) -> tuple[Int64, Int64]:
    """When a zone's offset changes, and to what."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of zones is an OSError
        raise BadInput(
            f"There is no time zone {name!r}; write one of the IANA database, such as Asia/Shanghai."
        ) from error
    at, offset = _FIRST, _offset(zone, _FIRST)
    changes, offsets = [np.iinfo(np.int64).min], [offset]
    while at < _LAST:
        later = at + _STEP
        if (then := _offset(zone, later)) != offset:
            changes.append(_microseconds(_change_between(zone, at, later)))
            offsets.append(then)
            offset = then
        at = later
    return np.array(changes, np.int64), np.array(offsets, np.int64)


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second from which on the offset is that of `after`."""
    then = _offset(zone, after)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _offset(zone, middle) == then:
            after = middle
        else:
            before = middle
    return after


def _offset(zone: ZoneInfo, at: datetime) -> int:
    ahead = at.astimezone(zone).utcoffset()
    return 0 if ahead is None else _microseconds(_EPOCH + ahead)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


@kernel
def local_hour(zones: Zones, zone: int, at: int) -> tuple[int, int, int]:
    """The number of the local hour of an instant, counted from 1970 on, and from when until when it surely lasts, microseconds UTC.

    An hour that is gone through twice when summer time ends has one number. Instants are those of readings, far from the ends of int64.
    """
    low, high = zones.bounds[zone], zones.bounds[zone + 1]
    while high - low > 1:
        middle = (low + high) // 2
        if zones.changes[middle] <= at:
            low = middle
        else:
            high = middle
    ahead = zones.offsets[low]
    hour = (at + ahead) // HOUR_US
    begin = max(hour * HOUR_US - ahead, zones.changes[low])
    end = (hour + 1) * HOUR_US - ahead
    if low + 1 < zones.bounds[zone + 1]:
        end = min(end, zones.changes[low + 1])
    return hour, begin, end


def zone_of_each(codes: Int64, names: Sequence[str]) -> tuple[Int32, Zones]:
    """For rows that name their zones through `codes`, the place of each in the zones that are used.

    Raises:
        BadInput: there is no such zone.
    """
    used, place = np.unique(codes, return_inverse=True)
    return place.astype(np.int32), zones_of([names[code] for code in used.tolist()])
