"""The parts of a back-test that need no database: columns, pieces, what is known, what is laid over."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.batch import Mark
from core.model import COMPOUND, AlarmDefinition, Compound, Priority
from davy.backtest.buckets import views
from davy.backtest.case import sensors_behind
from davy.backtest.columns import Stored, joined, stored
from davy.backtest.engine import SECOND_US, Run, Version, Watch, numbered, pieces
from davy.backtest.injected import ONSETS, try_incidents
from davy.backtest.known import Known
from ingest.copy_rows import EPOCH_2000_US
from simulators.incident import SHAPES, lay_over
from tests.ingest.plant import START_US, definition, small_directory

DIRECTORY = small_directory()
SENSOR = int(DIRECTORY.sensor_id[0])


def array(kind: str, values: list[Any]) -> bytes:
    """A one-dimensional array as array_send writes it."""
    size = struct.calcsize(f">{kind}")
    body = b"".join(struct.pack(f">i{kind}", size, value) for value in values)
    return struct.pack(">iiiii", 1, 0, 0, len(values), 1) + body


def part(values: list[float], *, step_us: int = SECOND_US, begin: int = START_US) -> Stored:
    at = begin + step_us * np.arange(len(values), dtype=np.int64)
    return Stored(SENSOR, at, at, np.array(values), np.zeros(len(values), np.uint8))


def test_a_compound_is_judged_from_both_sensors_of_a_difference() -> None:
    """What is known of it is what is known of all of them: the second sensor too, however deep it stands."""
    apart = definition(1, 101, detector="difference", other_sensor_id=102)
    inner, outer = definition(3, 900, detector=COMPOUND), definition(4, 901, detector=COMPOUND)
    others = (apart, definition(2, 103), inner, outer)
    compounds = (Compound(900, (1, 2)), Compound(901, (3,)))
    assert sensors_behind(apart, others, compounds) == [101, 102]
    assert sensors_behind(inner, others, compounds) == [101, 102, 103]
    assert sensors_behind(outer, others, compounds) == [101, 102, 103]


def test_arrays_of_the_database_are_columns() -> None:
    """Whatever order they come in, with the quality and the judged time of those that differ."""
    base = 800_000_000_000_000
    found = stored(
        7,
        array("q", [base + 2, base, base + 1]),
        array("d", [3.0, 1.0, 2.0]),
        array("q", [base + 1]),
        array("h", [int(Mark.LATE) | 2]),
        array("q", [base]),
        array("q", [base - 5]),
    )
    assert (found.measured_at - EPOCH_2000_US - base).tolist() == [0, 1, 2]
    assert found.value.tolist() == [1.0, 2.0, 3.0]
    assert found.quality.tolist() == [0, int(Mark.LATE) | 2, 0]
    assert (found.judged_at - found.measured_at).tolist() == [-5, 0, 0]
    assert len(stored(7, None, None, None, None, None, None)) == 0


@settings(max_examples=60)
@given(
    st.lists(st.floats(40.0, 60.0), min_size=1, max_size=200),
    st.integers(1, 60),
    st.sampled_from([0, 3 * SECOND_US, 20 * SECOND_US]),
    st.sampled_from([0, 5 * SECOND_US]),
)
def test_pieces_change_nothing(values: list[float], rows: int, on_delay: int, off_delay: int) -> None:
    """Cut anywhere, a history has the same alarms."""
    limit = definition(1, SENSOR, setpoint=50.0, deadband=1.0, on_delay_us=on_delay, off_delay_us=off_delay)
    whole, end = part(values), START_US + len(values) * SECOND_US

    def told(cuts: list[tuple[int, int]]) -> list[tuple[bool, int]]:
        version = Version("in_force", "", DIRECTORY, numbered([limit], DIRECTORY))
        run = Run(DIRECTORY, [version], Watch())
        for since, until in cuts:
            inside = (whole.measured_at >= since) & (whole.measured_at < until)
            cut = Stored(SENSOR, *(getattr(whole, n)[inside] for n in ("measured_at", "judged_at", "value", "quality")))
            run.take(pieces(since, until, "reading", 1.0)[0], [cut])
        run.finish(end)
        return [(e.active, e.at) for e in version.told()[1]]

    step = rows * SECOND_US
    cuts = [(at, min(at + step, end)) for at in range(START_US, end, step)]
    assert told(cuts) == told([(START_US, end)])


def test_pieces_cover_a_stretch_once() -> None:
    """Hours, not days, where there is much; days where there is little; nothing twice."""
    found = pieces(START_US, START_US + 7 * 86_400 * SECOND_US, "reading", 50.0, 500_000)
    assert (found[0].since, found[-1].until) == (START_US, START_US + 7 * 86_400 * SECOND_US)
    assert all(a.until == b.since for a, b in itertools.pairwise(found))
    assert len(found) == 61
    assert pieces(5, 5, "reading", 1.0) == []


def test_what_is_not_known_is_a_hole() -> None:
    """Silence of more than three periods, bad values, and the ends; a sensor whose period nobody has declared shows its own."""
    known = Known(START_US, START_US + 100 * SECOND_US)
    values = [1.0] * 20 + [float("nan")] * 10 + [1.0] * 40
    known.take(part(values))
    known.finish()
    assert known.count == 2
    assert [(b - a) // SECOND_US for a, b in known.holes] == [11, 31]
    assert round(known.share, 2) == 0.58
    slow = Known(START_US, START_US + 600 * SECOND_US)
    slow.take(part([1.0] * 10, step_us=60 * SECOND_US))
    slow.finish()
    assert (slow.count, slow.share) == (0, 1.0)
    buckets = Known(START_US, START_US + 600 * SECOND_US)
    minute = 60 * SECOND_US
    buckets.take_buckets([(START_US + k * minute, START_US + (k + 1) * minute) for k in (0, 1, 5)])
    buckets.finish()
    assert buckets.count == 2
    assert buckets.share == 0.3


def test_a_minute_begins_a_limit_wherever_it_can_have_begun() -> None:
    """The extreme that is nearest to the limit stands first, the other one last; movement is given the mean."""
    row = (
        struct.pack(">i", SENSOR),
        array("q", [START_US - EPOCH_2000_US]),
        array("d", [1.0]),
        array("d", [9.0]),
        array("d", [4.0]),
    )
    found = views([row], "minute")
    assert found["high"][0].value.tolist() == [9.0, 1.0]
    assert found["low"][0].value.tolist() == [1.0, 9.0]
    assert found["mean"][0].value.tolist() == [4.0]


def test_watched_time_is_the_minutes_in_which_anything_was_heard() -> None:
    """By parts of minutes; without minutes all of it."""
    minute = 60 * SECOND_US
    watch = Watch(np.array([0, minute, 5 * minute], np.int64))
    assert watch.watched_us(30 * SECOND_US, 90 * SECOND_US) == minute
    assert watch.watched_us(2 * minute, 5 * minute) == 0
    assert Watch().watched_us(3, 10) == 7


def history(seed: int = 0) -> Stored:
    """Four quiet hours of a gas detector."""
    return part((2.0 + 0.1 * np.random.default_rng(seed).standard_normal(4 * 3600)).tolist())


def incidents(was: AlarmDefinition, would_be: AlarmDefinition, seed: int = 0) -> list[Any]:
    whole = history()

    def read(_: int, since: int, until: int) -> list[Stored]:
        inside = (whole.measured_at >= since) & (whole.measured_at < until)
        return [Stored(SENSOR, *(getattr(whole, n)[inside] for n in ("measured_at", "judged_at", "value", "quality")))]

    between = int(whole.measured_at[0]), int(whole.measured_at[-1])
    return try_incidents(was, would_be, DIRECTORY.sensors[0], DIRECTORY, between, seed, read)


def test_injected_incidents_are_found_later_or_lost() -> None:
    """The same seed has the same answer; a delay is found as a delay, a limit beyond the incident as a loss, and a puff counts as
    lost for life safety alone."""
    was = definition(1, SENSOR, setpoint=20.0, priority=Priority.HIGH)
    late = definition(1, SENSOR, setpoint=20.0, on_delay_us=30 * SECOND_US)
    found = incidents(was, late)
    assert found == incidents(was, late)
    assert found != incidents(was, late, seed=1)
    assert len(found) == ONSETS * 8
    for one in found:
        assert one.in_force_s is not None
        if one.shape == "spike":
            assert (one.proposed_s, one.counts) == (None, False)
        elif one.shape == "step":
            assert one.proposed_s - one.in_force_s == 30.0
    grave = definition(1, SENSOR, setpoint=20.0, priority=Priority.LIFE_SAFETY)
    assert all(one.counts for one in incidents(grave, grave))
    far = incidents(was, definition(1, SENSOR, setpoint=1000.0))
    assert all(one.proposed_s is None for one in far)


def test_each_detector_has_incidents_it_finds() -> None:
    """A rate, an unusual value and a stuck signal are tried too; silence has no value to lay anything over."""
    rate = definition(1, SENSOR, detector="rate", setpoint=2.0, parameters={"window_s": 60.0})
    unusual = definition(1, SENSOR, detector="ewma", setpoint=8.0)
    stuck = definition(1, SENSOR, detector="stuck", setpoint=300.0)
    for one in (rate, unusual, stuck):
        found = incidents(one, one)
        assert found, one.detector
        assert any(i.in_force_s is not None for i in found), one.detector
        assert all(i.in_force_s == i.proposed_s for i in found)
    stale = definition(1, SENSOR, detector="stale", setpoint=30.0)
    assert incidents(stale, stale) == []


def test_shapes_reach_their_size_and_leave_what_was_before() -> None:
    """Each of the library: nothing before the onset, the full size in the end, but for the puff, which is over, and the stuck one."""
    at = np.arange(0, 3600, dtype=np.int64) * SECOND_US
    value = np.ones(3600)
    for shape in SHAPES:
        laid = lay_over(shape, at, value, 600 * SECOND_US, 5.0)
        assert (laid[:600] == 1.0).all(), shape
        assert abs(laid[-1] - (1.0 if shape in ("spike", "stuck") else 6.0)) < 1e-6, shape
    leak = lay_over("slow_leak", at, value, 600 * SECOND_US, 5.0)
    assert (np.diff(leak) >= -1e-12).all()


def test_readings_of_several_sensors_are_judged_in_their_order() -> None:
    """By judged time, whatever the sensor."""
    other = int(DIRECTORY.sensor_id[1])
    one, two = part([1.0, 2.0]), part([3.0], begin=START_US + SECOND_US // 2)
    batch = joined([one, Stored(other, two.measured_at, two.judged_at, two.value, two.quality)], {SENSOR: 0, other: 1})
    assert batch.value.tolist() == [1.0, 3.0, 2.0]
    assert batch.sensor.tolist() == [0, 1, 0]


def test_a_late_reading_is_in_the_average_of_its_time() -> None:
    """Ten minutes that ingest marked as late: an average hears them where they belong, however the stretch is cut; a limit does not."""
    stel = {"window_s": 900.0, "hold_s": 10.0, "known_share": 0.5}
    limits = [
        definition(1, SENSOR, detector="exposure", setpoint=30.0, parameters=stel),
        definition(2, SENSOR, setpoint=50.0, on_delay_us=SECOND_US),
    ]
    history = part([0.0] * 900 + [60.0] * 600 + [0.0] * 1500)
    history.quality[900:1500] = int(Mark.LATE)
    told = []
    for rows in (10_000, 500, 130):
        version = Version("in_force", "reading", DIRECTORY, numbered(limits, DIRECTORY))
        run = Run(DIRECTORY, [version], Watch())
        for piece in pieces(START_US, START_US + 3000 * SECOND_US, "reading", 1.0, rows):
            inside = (history.judged_at >= piece.since) & (history.judged_at < piece.until)
            run.take(piece, [Stored(SENSOR, *(column[inside] for column in _columns(history)))])
        run.finish(START_US + 3000 * SECOND_US)
        assert run.late == 600
        told.append(version.told())
    said = [[(e.active, e.at, e.value) for e in each[1]] for each in told]
    assert said[0] == said[1] == said[2]
    began, ended = told[0][1]
    assert (began.active, ended.active) == (True, False)
    assert 1300 <= (began.at - START_US) // SECOND_US <= 1390
    assert told[0][2] == []


def test_what_a_clock_puts_before_a_late_reading_is_in_no_average() -> None:
    """A reading that belongs before one that the averages have heard, a piece later, would take back what they know of that."""
    over = {"window_s": 900.0, "level": 40.0, "hold_s": 200.0, "known_share": 0.1}
    limit = definition(1, SENSOR, detector="time_over", setpoint=90.0, parameters=over)
    version = Version("in_force", "reading", DIRECTORY, numbered([limit], DIRECTORY))
    run = Run(DIRECTORY, [version], Watch())
    for seconds, values, quality in (
        ([50, 100], [0.0, 60.0], [0, int(Mark.LATE)]),
        ([80, 200], [0.0, 0.0], [0, 0]),
    ):
        at = START_US + np.array(seconds, np.int64) * SECOND_US
        piece = pieces(START_US, START_US + 300 * SECOND_US, "reading", 1.0)[0]
        run.take(piece, [Stored(SENSOR, at, at, np.array(values), np.array(quality, np.uint8))])
    assert [(e.active, e.at - START_US, e.value) for e in version.told()[1]] == [(True, 200 * SECOND_US, 100.0)]


def _columns(of: Stored) -> tuple[Any, ...]:
    return of.measured_at, of.judged_at, of.value, of.quality
