"""The marks of each sensor: what is late, what goes straight into the table, what is newest."""

from __future__ import annotations

import numpy as np

from core.batch import Mark, ReadingBatch
from core.model import Sensor
from ingest.directory import DeviceRow, Directory
from ingest.marks import Marks

HOUR = 3_600_000_000


def directory_of_one() -> Directory:
    sensor = Sensor(
        sensor_id=7, company_id=1, site_id=1, site_key="s", device_id=1, device_key="d", key="lel", unit="%"
    )
    device = DeviceRow(device_id=1, company_id=1, site_id=1, site_key="s", key="d")
    return Directory(1, (device,), (sensor,))


def one_sensor() -> Marks:
    return Marks(directory_of_one())


def readings(*rows: tuple[int, int, float]) -> ReadingBatch:
    """(measured, judged, value) in hours."""
    measured, judged, value = (np.array(column) for column in zip(*rows, strict=True))
    return ReadingBatch(
        np.zeros(len(rows), np.int32),
        (measured * HOUR).astype(np.int64),
        (judged * HOUR).astype(np.int64),
        (judged * HOUR).astype(np.int64),
        value.astype(np.float64),
        np.zeros(len(rows), np.uint8),
    )


def test_late_and_direct_are_told_by_different_marks() -> None:
    """Late means judged_at not above the judged mark; what is not above the highest stored is staged, yet on time."""
    marks = one_sensor()
    batch = readings((10, 10, 1.0), (9, 9, 2.0), (5, 11, 3.0))
    late, direct = marks.sort(batch)
    assert late.tolist() == [False, True, False]
    assert direct.tolist() == [True, False, False]
    assert [bool(q & Mark.LATE) for q in batch.quality.tolist()] == [False, True, False]


def test_a_stamp_from_the_future_does_not_stand_before_what_is_true_now() -> None:
    """A clock 27 h ahead, then set right: the newest value is the one that was judged last, not the latest stamp."""
    marks = one_sensor()
    marks.sort(readings((127, 100, 55.0)))
    marks.sort(readings((101, 101, 3.0)))
    assert marks.value.tolist() == [3.0]
    assert marks.take_changed(slice(None)).tolist() == [0]


def test_a_late_reading_is_never_the_newest() -> None:
    """History that arrives late does not replace the value people look at."""
    marks = one_sensor()
    marks.sort(readings((10, 10, 1.0)))
    marks.take_changed(slice(None))
    marks.sort(readings((9, 9, 2.0)))
    assert marks.value.tolist() == [1.0]
    assert marks.take_changed(slice(None)).tolist() == []


def test_what_changed_is_taken_piece_by_piece() -> None:
    """Newest values of many sensors go out in pieces: each once, none left over."""
    marks = one_sensor()
    marks.changed = np.array([True, False, True, True])
    assert marks.take_changed(slice(0, 2)).tolist() == [0]
    assert marks.take_changed(slice(2, 4)).tolist() == [2, 3]
    assert marks.take_changed(slice(0, 4)).tolist() == []


def test_newest_values_live_on_when_definitions_change() -> None:
    """What was not written yet is written by the new marks; a sensor that is new has nothing."""
    earlier = one_sensor()
    earlier.sort(readings((10, 10, 4.5)))
    fresh = one_sensor()
    fresh.carry(earlier, directory_of_one())
    assert fresh.value.tolist() == [4.5]
    assert fresh.take_changed(slice(None)).tolist() == [0]
