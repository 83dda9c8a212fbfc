"""Whose turn it is: a night looks at so many signals of a site and no more, the next one goes on behind them, and every site has its share of the night. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from davy.second.store import Signal

# Of a site and night: at most 0.1 MB of windows each and 0.3 MB a machine, and as much again in the process that judges (docs/explanation/second-opinion.md).
MOST_SIGNALS_A_NIGHT: Final = 400
NIGHT_S: Final = (
    4 * 3600.0
)  # shared alike by the sites that wait: from two o'clock on, and done before people come. Ours
LEAST_S, MOST_S = 60.0, 600.0  # of a site: some 50 signals with their machines, or all 400, on a processor of its own
READING_SHARE: Final = (
    0.25  # of a site's time: so long the risk process reads, its other duties in between; the rest is for judging
)
_LAST: Final = 2**31  # after every machine: signals of none


class Place(NamedTuple):
    """Where a signal stands in the ring: by its machine, and by itself."""

    asset_id: int | None
    sensor_id: int


def place_of(signal: Signal) -> Place:
    """Its own."""
    return Place(signal.asset_id, signal.sensor_id)


def in_turn(
    there: Sequence[Signal], begins: Place | None, most: int = MOST_SIGNALS_A_NIGHT
) -> tuple[list[Signal], int]:
    """The signals of a site as a ring that begins with the one whose turn it is, and how many of them one night takes.

    Signals of a machine stand together, and a machine is taken whole where it does not fill a night by itself.
    """
    ring = sorted(there, key=lambda signal: _key(place_of(signal)))
    first = next((n for n, each in enumerate(ring) if begins is not None and _key(place_of(each)) >= _key(begins)), 0)
    ring = ring[first:] + ring[:first]
    taken = 0
    for asset, machine in groupby(ring, lambda signal: signal.asset_id):
        for size in [len(list(machine))] if asset is not None else [1 for _ in machine]:
            if taken and taken + size > most:
                return ring, taken
            taken = min(taken + size, most)
    return ring, taken


def go_on(ring: Sequence[Signal], read: int, out_of_time: Sequence[tuple[str, int]]) -> Place | None:
    """With which signal the next night begins: the first that was read and not judged, or else the first that was not read; None: none is left."""
    assets = {number for kind, number in out_of_time if kind == "asset"}
    numbers = {number for kind, number in out_of_time if kind != "asset"}
    for n, each in enumerate(ring):
        if n >= read or each.sensor_id in numbers or each.asset_id in assets:
            return place_of(each)
    return None


def time_of_a_site(waiting: int) -> float:
    """Seconds that a site has, where so many wait.

    >>> time_of_a_site(1), time_of_a_site(100), time_of_a_site(10_000)
    (600.0, 144.0, 60.0)
    """
    return min(max(NIGHT_S / max(waiting, 1), LEAST_S), MOST_S)


def parts_of(time_s: float) -> tuple[float, float]:
    """Of the seconds of a site those for reading, and those for judging.

    >>> parts_of(600.0)
    (150.0, 450.0)
    """
    return READING_SHARE * time_s, (1.0 - READING_SHARE) * time_s


def _key(place: Place) -> tuple[int, int]:
    return (_LAST if place.asset_id is None else place.asset_id, place.sensor_id)
