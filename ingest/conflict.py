"""Readings that contradict what is stored: the stored value stays, the message is kept as evidence."""

from __future__ import annotations

from collections.abc import Sequence

from core.wire import reject
from ingest.directory import Directory
from ingest.instant import instant
from ingest.rejection import LIMIT, Rejected, rejection
from ingest.sorting import NO_ORIGIN, Sorted
from ingest.source import Lot
from ingest.store.staging import Conflict


def conflict_rejections(
    lot: Lot, sorted_out: Sorted, differing: Sequence[Conflict], directory: Directory
) -> list[Rejected]:
    """One row a message, for the first reading of it that differs; a device may fill at most `LIMIT` of them a batch."""
    found: dict[int, Rejected] = {}
    per_device: dict[int, int] = {}
    for conflict in differing:
        place = int(sorted_out.origin[conflict.row])
        if place == NO_ORIGIN or place in found:
            continue
        sensor = directory.sensors[int(sorted_out.batch.sensor[conflict.row])]
        per_device[sensor.device_id] = per_device.get(sensor.device_id, 0) + 1
        if per_device[sensor.device_id] > LIMIT:
            continue
        mistake = reject(
            "conflicts_with_stored",
            sensor=sensor.key,
            instant=instant(int(sorted_out.batch.measured_at[conflict.row])).isoformat(),
            stored=conflict.stored,
            found=float(sorted_out.batch.value[conflict.row]),
        )
        found[place] = rejection(lot.messages[place], directory.device_of[sensor.device_id], mistake)
    return list(found.values())
