"""What is promised when clocks are wrong: each reading is stored once, judged as of when it was true, and the page can say so.

Messages go through the whole path but the network and the database: decoding, sorting, judging.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.batch import NEVER, Event
from davy.models import wire_test
from davy.processes.steady_clock import SteadyClock
from ingest.clock import CLOCK_FLAG, DeviceClock
from ingest.directory import DeviceRow, Directory
from ingest.instant import instant, microseconds
from ingest.organs import Organs
from tests.ingest.plant import (
    SITE,
    START_US,
    definition,
    definition_set,
    message,
    payload,
    sensor,
    small_directory,
)

SECOND = 1_000_000
HOUR = 3600 * SECOND
TOLERANCE = 5 * SECOND
Stamp = Callable[[int], int]  # true microseconds UTC -> what the device's clock says


@dataclass
class Told:
    """What became of what a device sent.

    Args:
        true_us, key_us, judged_us, flag: per reading, in the order in which they were measured.
        late: readings that only stateless detectors saw.
        doubled: readings whose key may be taken already.
    """

    clock: DeviceClock
    true_us: list[int] = field(default_factory=list)
    key_us: list[int] = field(default_factory=list)
    judged_us: list[int] = field(default_factory=list)
    flag: list[int] = field(default_factory=list)
    late: int = 0
    doubled: int = 0
    events: list[Event] = field(default_factory=list)


def tell(
    stamp: Stamp,
    seconds: int = 60,
    *,
    start_us: int = START_US,
    ours: Stamp = lambda us: us,
    high: tuple[int, int] = (30, 40),
    apart: int = 1,
) -> Told:
    """A device sends a reading every `apart` seconds; between `high` seconds it lies above a limit without delays.

    Args:
        ours: what our own clock says at a true instant.
    """
    directory = small_directory()
    organs = Organs.grow(directory, definition_set(directory, [definition(1, 101)]), TOLERANCE)
    told = Told(DeviceClock(0, 0, 0, 0))
    for seq in range(0, seconds, apart):
        true_us = start_us + seq * SECOND
        value = 99.0 if high[0] <= seq < high[1] else 1.0
        body = payload(seq, stamp(true_us), [{"s": "s1", "v": value, "t": stamp(true_us) // 1000}])
        came = ours(true_us)
        decoded = organs.decoder.decode([message("d1", body, came)])
        found = organs.sorter.sort(decoded, came)
        judgement = organs.judge.judge(found.batch, found.late, came, came - START_US)
        told.events += judgement.events
        for finding in judgement.late:
            told.events += finding.events(np.ones(len(found.batch), np.bool_))
        assert len(found.batch) == 1, "nothing is dropped"
        told.true_us.append(true_us)
        told.key_us += found.batch.measured_at.tolist()
        told.judged_us += found.batch.judged_at.tolist()
        told.flag += (found.batch.quality & CLOCK_FLAG).tolist()
        told.late += int(found.late.sum())
        told.doubled += int((~found.direct).sum())
    clock = organs.sorter.clocks.of(1)
    assert clock is not None
    told.clock = clock
    return told


def onsets(told: Told) -> list[tuple[bool, float]]:
    """(raised or cleared, seconds after the start) of each event."""
    return [(event.active, (event.at - START_US) / SECOND) for event in told.events]


@pytest.mark.parametrize("hours", [27, -27])
def test_27_hours_wrong(hours: int) -> None:
    """Stored under the device's stamp, judged by our receipt, raised and cleared at the true instants; told as wrong by 27 h."""
    told = tell(lambda us: us + hours * HOUR)
    assert told.key_us == [us + hours * HOUR for us in told.true_us]
    assert told.judged_us == told.true_us
    assert set(told.flag) == {CLOCK_FLAG}
    assert onsets(told) == [(True, 30.0), (False, 40.0)]
    assert (told.late, told.doubled) == (0, 0)
    assert (told.clock.offset_us, told.clock.wrong_since_us) == (hours * HOUR, START_US)


@pytest.mark.parametrize("hours", [27, -27])
def test_recovery_is_noticed(hours: int) -> None:
    """Wrong from second 10 on and right from second 20 on: told since when, and how wrong it was; no reading is late for it."""
    told = tell(lambda us: us + (hours * HOUR if 10 <= (us - START_US) // SECOND < 20 else 0))
    assert told.clock.wrong_since_us == NEVER
    assert (told.clock.right_since_us - START_US) // SECOND == 20
    assert told.clock.was_us == hours * HOUR
    assert np.max(np.abs(np.array(told.judged_us) - told.true_us)) <= TOLERANCE
    assert told.late == 0
    assert onsets(told) == [(True, 30.0), (False, 40.0)]


def test_a_clock_that_jumps_back_and_forth() -> None:
    """Every ten seconds 27 hours ahead and right again: each reading has a key of its own and is judged where it lies."""
    told = tell(lambda us: us + (27 * HOUR if (us - START_US) // SECOND // 10 % 2 else 0))
    assert len(set(told.key_us)) == len(told.key_us)
    assert told.judged_us == told.true_us
    assert told.late == 0
    assert onsets(told) == [(True, 30.0), (False, 40.0)]


def test_a_change_to_summer_time_is_none_of_ours() -> None:
    """Stamps are UTC: over both changes of a year, with the site in Berlin, nothing is wrong, late or doubled."""
    for change in (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)):
        begins = microseconds(change) - 30 * SECOND
        told = tell(lambda us: us, start_us=begins)
        assert told.key_us == told.judged_us == told.true_us
        assert (set(told.flag), told.late, told.doubled) == ({0}, 0, 0)


def _local(us: int) -> int:
    """Local time of Berlin sent as if it were UTC."""
    there = instant(us).astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=UTC)
    return microseconds(there)


def test_local_time_sent_as_utc_over_the_change_to_winter_time() -> None:
    """Wrong by two hours, then by one: judged by our receipt throughout. Its stamps of one hour come twice, so those of the second
    go through the staging insert, where another value under a taken key is kept as a rejected message.
    """
    begins = microseconds(datetime(2026, 10, 25, 0, tzinfo=UTC))
    told = tell(_local, 2 * 3600, start_us=begins, apart=60, high=(3000, 4200))
    assert told.clock.offset_us == HOUR
    assert told.judged_us == told.true_us
    assert told.late == 0
    assert told.doubled == 60
    assert [(e.active, (e.at - begins) // SECOND) for e in told.events] == [(True, 3000), (False, 4200)]


def test_local_time_sent_as_utc_is_told_as_eight_hours() -> None:
    """The commonest mistake in China."""
    told = tell(lambda us: us + 8 * HOUR)
    assert told.clock.offset_us == 8 * HOUR
    assert onsets(told) == [(True, 30.0), (False, 40.0)]


@pytest.mark.parametrize("year", [2024, 2028])
def test_a_leap_day_is_a_day(year: int) -> None:
    """Over both its midnights each reading keeps its own stamp."""
    for midnight in (datetime(year, 2, 29, tzinfo=UTC), datetime(year, 3, 1, tzinfo=UTC)):
        begins = microseconds(midnight) - 30 * SECOND
        told = tell(lambda us: us, start_us=begins)
        assert [instant(us) for us in told.key_us] == [instant(begins) + timedelta(seconds=n) for n in range(60)]
        assert (told.late, told.doubled) == (0, 0)


@pytest.mark.parametrize("says", [0, 4_070_908_800 * SECOND], ids=["1970", "2099"])
def test_absurd_years(says: int) -> None:
    """Such a stamp is no key: each reading is stored under the instant it is judged at, and none is lost or doubled."""
    told = tell(lambda us: says + us - START_US)
    assert told.key_us == told.judged_us == told.true_us
    assert len(set(told.key_us)) == 60
    assert set(told.flag) == {CLOCK_FLAG}
    assert onsets(told) == [(True, 30.0), (False, 40.0)]
    assert told.clock.offset_us == says - START_US


@pytest.mark.parametrize("high", [(30, 40), (50, 60)], ids=["while-it-is-noticed", "afterwards"])
def test_our_own_clock_set_back_by_an_hour(high: tuple[int, int]) -> None:
    """Time goes on at half speed instead: each reading keeps its stamp, an alarm comes all the same, and right devices are late for
    no longer than it takes to see them ahead by the tolerance and to make up for that. All seem ahead, which `davy doctor` takes
    for ours being behind.
    """
    wall = {"us": START_US, "monotonic": 0}
    steady = SteadyClock(lambda: wall["us"] * 1000, lambda: wall["monotonic"] * 1000)

    def ours(true_us: int) -> int:
        gone = true_us - START_US
        wall["us"], wall["monotonic"] = true_us - (HOUR if gone >= 20 * SECOND else 0), gone
        return steady()

    told = tell(lambda us: us, ours=ours, high=high, seconds=90)
    assert told.key_us == told.true_us
    assert told.late <= 2 * TOLERANCE / SECOND
    assert told.clock.offset_us > TOLERANCE
    first, last = onsets(told)[0], onsets(told)[-1]
    assert (first[0], last[0]) == (True, False)
    assert first[1] <= high[0]


def test_our_own_clock_put_right_again() -> None:
    """It was an hour ahead when the devices were first heard: once it is right, no device is held to be wrong for ever."""
    ahead = tell(lambda us: us, ours=lambda us: us + (HOUR if us < START_US + 20 * SECOND else 0), high=(99, 99))
    assert ahead.clock.wrong_since_us == NEVER
    assert (ahead.clock.right_since_us - START_US) // SECOND == 20


@pytest.mark.parametrize("held_s", [0, 6, 50])
def test_a_delivery_test_that_was_held_up_is_no_wrong_clock(held_s: int) -> None:
    """Its stamp is when it began, however long a broker or an ingest that was away kept it: its alarm is found by that stamp, and the site
    is not told until tomorrow's test that a clock is wrong."""
    device = DeviceRow(device_id=1, company_id=1, site_id=1, site_key=SITE, key=f"_test.{SITE}")
    directory = Directory(1, [device], [sensor(101, device, wire_test.SENSOR, is_virtual=True)])
    organs = Organs.grow(directory, definition_set(directory, [definition(1, 101, setpoint=0.5)]), TOLERANCE)
    came = START_US + held_s * SECOND
    decoded = organs.decoder.decode([message("_test", wire_test.message(7, instant(START_US)), came)])
    found = organs.sorter.sort(decoded, came)
    events = organs.judge.judge(found.batch, found.late, came, came - START_US).events
    assert [(event.active, event.at) for event in events] == [(True, START_US - 1000), (False, START_US)]
    assert not organs.sorter.clocks.wrong
