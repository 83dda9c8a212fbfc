"""What a compound says of other rows: every part leads to something of its own site that lives, and none to itself. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.compound_row import COMPOUND_PREFIX, CompoundPart, CompoundRow
from core.limit_checks import DIRECT
from core.model import Priority
from core.signal_kind import GAS_MOST_S, kind_of, longest_wait_s
from core.site_false_alarms import STATISTICAL

Get = Callable[..., Any]  # (kind, *name) -> the row there will be, or None


def wrong_part(
    row: CompoundRow, part: CompoundPart, get: Get, there_are: Callable[..., str], sites: list[str]
) -> Iterator[str]:
    """Mistakes of one part, as ends of sentences that begin with the compound.

    Args:
        get, there_are: what there will be after the import, and advice from it.
        sites: keys of all sites, to tell where else a name is from.
    """
    if row.retired:
        return
    yield from _statistic_for_life(row, part, get)
    if part.limit is not None:
        yield from _wrong_limit(row, part.limit, get, there_are, sites)
    elif part.sensor:
        yield from _wrong_sensor(row, part, get, there_are)


def _statistic_for_life(row: CompoundRow, part: CompoundPart, get: Get) -> Iterator[str]:
    """Life safety waits for no statistic, not even as one of two."""
    alarm = get("limit", row.site, row.sensor)
    named = get("limit", row.site, part.limit) if part.limit is not None else None
    detector = part.detector if part.limit is None else getattr(named, "detector", "")
    if alarm is not None and alarm.priority is Priority.LIFE_SAFETY and detector in STATISTICAL:
        yield (
            f"is life safety and has the part {part.limit or part.sensor}, which is a statistic ({detector}); "
            "take limits on the values themselves, or a lower priority."
        )


def _wrong_limit(
    row: CompoundRow, limit: str, get: Get, there_are: Callable[..., str], sites: list[str]
) -> Iterator[str]:
    found = get("limit", row.site, limit)
    if found is None:
        elsewhere = next((site for site in sites if get("limit", site, limit) is not None), None)
        if elsewhere is not None:
            yield f"has the part {limit}, which is a limit of site {elsewhere}; a compound joins conditions of one site."
        else:
            yield f"has the part {limit}, which is no limit of site {row.site}; {there_are('limit', site=row.site)}"
    elif found.retired:
        yield f"has the part {limit}, which is retired; leave it out, or retire the compound."


def _wrong_sensor(row: CompoundRow, part: CompoundPart, get: Get, there_are: Callable[..., str]) -> Iterator[str]:
    device, _, key = (part.sensor or "").partition("/")
    sensor = get("sensor", device, key)
    if sensor is None or sensor.is_virtual:
        where = {"site": row.site} if get("device", device) is None else {"device": device}
        kind = "device" if "site" in where else "sensor"
        yield f"has a part on {part.sensor}, which is no sensor of site {row.site}; {there_are(kind, **where)}"
        return
    if sensor.site != row.site:
        yield f"has a part on {part.sensor}, which is of site {sensor.site}; a compound joins signals of one site."
        return
    if sensor.retired:
        yield f"has a part on {part.sensor}, which is retired; leave it out, or retire the compound."
    if part.unit is not None and sensor.unit != part.unit:
        yield (
            f"has a part on {part.sensor}, which is in {sensor.unit}; this part is written for {part.unit}. Write the compound out "
            "with numbers in the sensor's own unit."
        )
    kind_ = kind_of(sensor.unit, sensor.quantity)
    if kind_ is not None and kind_.is_gas and part.detector in DIRECT:
        wait_s = longest_wait_s(part.on_delay_s, part.votes, sensor.period_s)
        if wait_s is None or wait_s > GAS_MOST_S:
            yield (
                f"has a part on {part.sensor} that waits longer than {GAS_MOST_S:g} s by its on-delay and votes; it measures gas, "
                "where nothing may."
            )


def circles(rows: list[CompoundRow]) -> Iterator[tuple[CompoundRow, str]]:
    """Compounds that are, by way of others, parts of themselves, each with the end of its sentence."""
    at = {(row.site, row.sensor): row for row in rows if not row.retired}

    def next_of(row: CompoundRow) -> list[CompoundRow]:
        named = (part.limit for part in row.parts if part.limit and part.limit.startswith(COMPOUND_PREFIX))
        return [at[row.site, limit] for limit in named if (row.site, limit) in at]

    for row in at.values():
        paths = [[row]]
        while paths:
            path = paths.pop()
            for following in next_of(path[-1]):
                if following is row:
                    way = " -> ".join(each.key for each in (*path, row))
                    yield row, f"is a part of itself ({way}); take it out of one of them."
                    paths = []
                    break
                if following not in path:
                    paths.append([*path, following])
