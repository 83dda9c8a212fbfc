"""What could not be written outside of a batch goes out with the next flush, whatever happened in between."""

from __future__ import annotations

import numpy as np

from ingest.notes import Gatherer, Notes
from ingest.organs import Organs
from ingest.store.status import Newest
from tests.ingest.plant import START_US, definition_set, small_directory


def test_newest_values_survive_a_failed_flush_and_new_definitions() -> None:
    """The database was away, and definitions were read anew when it came back: the values of before are written, not nonsense."""
    directory = small_directory()
    sensor_id = directory.sensor_id[:2]
    newest = Newest(
        sensor_id=sensor_id,
        company_id=directory.company_id[:2],
        measured_us=np.full(2, START_US),
        received_us=np.full(2, START_US + 5),
        value=np.array([1.5, np.nan]),
        quality=np.array([0, 2], np.int32),
    )
    organs = Organs.grow(directory, definition_set(directory, []), 5_000_000)
    organs.sorter.marks.judged[:2] = START_US
    gatherer = Gatherer()
    gatherer.take_back(Notes(newest, [], np.array([0, 1]), set(), gatherer.repeated), organs)
    marks = organs.sorter.marks
    assert np.flatnonzero(marks.changed).tolist() == [0, 1]
    assert marks.received[:2].tolist() == [START_US + 5] * 2
    assert np.array_equal(marks.value[:2], newest.value, equal_nan=True)
    assert marks.quality[:2].tolist() == [0, 2]
    marks.received[0], marks.value[0] = START_US + 9, 7.0
    gatherer.take_back(Notes(newest, [], np.array([0, 1]), set(), gatherer.repeated), organs)
    assert (marks.received[0], marks.value[0]) == (START_US + 9, 7.0)  # what came since is newer
