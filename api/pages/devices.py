"""For who brings devices on line: which are heard, and what was wrong with what was not taken."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import Response

from api.gate import DeviceReader, RejectedReader
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.raw_view import raw_view
from api.store import devices, readings, rejected, streams
from api.store.devices import DeviceLine
from api.web import Here
from api.words.texts import NotFound, later

router = APIRouter()

SILENT = timedelta(seconds=60)  # or three periods of its fastest sensor, where that is longer
CLOCK_TOLERANCE_MS = 5000.0  # as `clock_tolerance_s` of ingest: beyond it Davy judges by its own clock
_MINUTE_MS, _HALF_HOUR_MS = 60_000, 1_800_000

_NEVER = later("Never heard")
_OFFLINE = later("Offline")
_SILENT = later("Silent")
_ONLINE = later("Online")


@router.get("/devices")
def device_list(web: Here, visitor: DeviceReader) -> Response:
    """All devices, and for the operator what came from nobody we know."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows = devices.list_devices(connection, now)
        strangers = rejected.messages(connection, from_nobody=True) if visitor.everything else []
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "devices.html",
        frame=frame,
        rows=[(row, standing(row, now)) for row in rows],
        tolerance_ms=CLOCK_TOLERANCE_MS,
        strangers=[(row, raw_view(row.start, row.length)) for row in strangers],
        many_companies=len({row.company for row in rows}) > 1,
    )


@router.get("/devices/{device_id}")
def device_page(web: Here, visitor: RejectedReader, device_id: int, before: int | None = None) -> Response:
    """One device: its stream, its sensors, its rejected messages."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = devices.list_devices(connection, now, device_id)
        if not found:
            raise NotFound
        wrong = rejected.messages(connection, device_id=device_id, before=before)
        holes = streams.holes_of_device(connection, device_id)
        sensors = [sensor for sensor in readings.list_sensors(connection) if sensor.device_id == device_id]
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "device.html",
        frame=frame,
        device=found[0],
        standing=standing(found[0], now),
        tolerance_ms=CLOCK_TOLERANCE_MS,
        sensors=sensors,
        holes=holes,
        hours_off=whole_hours(found[0].clock_offset_ms),
        rejected=[(row, raw_view(row.start, row.length)) for row in wrong],
        older=wrong[-1].rejected_id if len(wrong) == rejected.PAGE else None,
        may_see_rejected=visitor.may(Right.SEE_REJECTED),
    )


def standing(device: DeviceLine, now: datetime) -> tuple[str, bool]:
    """(how a device stands, as a message id; whether that is abnormal)."""
    if device.last_received_at is None:
        return _NEVER, True
    if device.online is False:
        return _OFFLINE, True
    longest = max(SILENT, timedelta(seconds=3 * (device.period_s or 0)))
    return (_SILENT, True) if now - device.last_received_at > longest else (_ONLINE, False)


def whole_hours(offset_ms: float | None) -> bool:
    """Whether a clock is off by what time zones differ by: half hours up to fourteen, give or take a minute.

    >>> whole_hours(8 * 3_600_000 + 900.0), whole_hours(27 * 3_600_000.0), whole_hours(40_000.0), whole_hours(None)
    (True, False, False, False)
    """
    if offset_ms is None or not _HALF_HOUR_MS - _MINUTE_MS <= abs(offset_ms) <= 28 * _HALF_HOUR_MS + _MINUTE_MS:
        return False
    rest = abs(offset_ms) % _HALF_HOUR_MS
    return min(rest, _HALF_HOUR_MS - rest) <= _MINUTE_MS
