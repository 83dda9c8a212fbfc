"""The alarm list with the alarms of one asset's incident together: where to look first on top, each alarm as ever below it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerting.incident import Root, Sign, gathered, is_sign, root_of
from api.store.alarms import OpenAlarm


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of the list.

    Args:
        alarms: one; of an incident all that are in this part of the list, that on the root first.
        asset, asset_zh: of an incident; empty: it is a single alarm.
        root: where to look first; None: nothing says.
    """

    alarms: list[OpenAlarm]
    asset: str = ""
    asset_zh: str = ""
    root: Root | None = None


def entries(rows: Sequence[OpenAlarm]) -> list[Entry]:
    """The places of one part of the list, in its order: an incident stands where its most urgent alarm does.

    Life safety and exercises stand by themselves; so does an alarm that is alone.
    """
    numbers = _numbers(rows)
    of: dict[tuple[int, int], list[OpenAlarm]] = {}
    for row, number in zip(rows, numbers, strict=True):
        if number is not None:
            of.setdefault(number, []).append(row)
    found: list[Entry] = []
    told: set[tuple[int, int]] = set()
    for row, number in zip(rows, numbers, strict=True):
        if number is None or len(of[number]) == 1:
            found.append(Entry([row]))
        elif number not in told:
            told.add(number)
            found.append(_incident(of[number]))
    return found


def _numbers(rows: Sequence[OpenAlarm]) -> list[tuple[int, int] | None]:
    """(asset, which incident of it) of each row; None: it is of none."""
    places: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        if row.asset_id is None or row.began_at is None or row.exercise:
            continue
        if is_sign(row.detector, row.sensor_key, row.priority, row.asset_id, row.of_statistics):
            places.setdefault(row.asset_id, []).append(place)
    found: list[tuple[int, int] | None] = [None] * len(rows)
    for asset_id, at in places.items():
        instants = [began for place in at if (began := rows[place].began_at) is not None]
        for place, number in zip(at, gathered(instants), strict=True):
            found[place] = asset_id, number
    return found


def _incident(rows: list[OpenAlarm]) -> Entry:
    root = root_of([_sign(row) for row in rows])
    first = [row for row in rows if root is not None and f"{row.device_key}/{row.sensor_key}" == root.sensor]
    return Entry(
        [*first, *(row for row in rows if row not in first)], rows[0].asset or "", rows[0].asset_zh or "", root
    )


def _sign(row: OpenAlarm) -> Sign:
    top = None
    if row.top_sensor is not None and row.top_share is not None:
        top = row.top_sensor, row.top_name or row.top_sensor, row.top_name_zh or row.top_sensor, row.top_share
    assert row.began_at is not None
    return Sign(
        sensor=f"{row.device_key}/{row.sensor_key}",
        name=row.sensor_name,
        name_zh=row.sensor_name_zh,
        began_at=row.began_at,
        of_plant=not row.sensor_key.startswith("_"),
        top=top,
    )
