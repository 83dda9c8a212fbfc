"""Judging: late readings, broken detectors, definitions that change, gateways that mute their sensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Event, Mark, ReadingBatch, Scores
from core.model import Priority
from davy.backtest.engine import numbered
from detectors.stuck import Stuck
from ingest.directory import DeviceRow, Directory
from ingest.judge import Judge
from ingest.sorting import Sorter
from tests.ingest.plant import START_US, definition, definition_set, device_row, sensor, small_directory

SECOND = 1_000_000


def batch(*readings: tuple[int, float, float]) -> ReadingBatch:
    """Readings (slot, seconds after the start, value)."""
    slot, at, value = zip(*readings, strict=True)
    us = START_US + (np.array(at) * SECOND).astype(np.int64)
    return ReadingBatch(np.array(slot, np.int32), us, us, us, np.array(value, float), np.zeros(len(slot), np.uint8))


def judge_with(*rows: object, directory: Directory | None = None) -> Judge:
    """A judge of these definitions over the small plant."""
    found = directory or small_directory()
    return Judge(found, definition_set(found, list(rows)))  # type: ignore[arg-type]


def no_late(readings: ReadingBatch) -> np.ndarray:
    """Nothing is late."""
    return np.zeros(len(readings), np.bool_)


def test_a_delay_is_swept_when_nothing_more_comes() -> None:
    """`due_us` says when time alone will show something; the event carries onset + delay, however late the sweep."""
    judge = judge_with(definition(1, 101, on_delay_us=2 * SECOND))
    first = batch((0, 0, 60.0))
    assert judge.judge(first, no_late(first), START_US, 0).events == []
    assert judge.due_us() == START_US + 2 * SECOND
    events = judge.judge(ReadingBatch.empty(), no_late(ReadingBatch.empty()), START_US + 9 * SECOND, 0).events
    assert [(e.active, e.at, e.row) for e in events] == [(True, START_US + 2 * SECOND, -1)]


def test_late_readings_give_one_pair_where_nothing_was_active() -> None:
    """Late rows beyond the setpoint: one raise and one clear a definition, from the first to the last that is new."""
    judge = judge_with(definition(1, 101), definition(2, 102, on_delay_us=SECOND))
    now = batch((0, 100, 1.0), (1, 100, 1.0))
    judge.judge(now, no_late(now), START_US + 100 * SECOND, 0)
    late = batch((0, 50, 60.0), (0, 52, 70.0), (0, 51, 65.0), (1, 50, 60.0))
    judgement = judge.judge(late, np.ones(4, np.bool_), START_US + 101 * SECOND, 0)
    assert judgement.events == []
    assert [f.definition_id for f in judgement.late] == [1]
    new = np.array([False, True, True, True])
    pair = judgement.late[0].events(new)
    assert [(e.active, (e.at - START_US) // SECOND, e.value, e.late) for e in pair] == [
        (True, 51, 65.0, True),
        (False, 52, 70.0, True),
    ]
    assert judgement.late[0].events(np.zeros(4, np.bool_)) == []


def test_late_readings_say_nothing_of_an_active_definition() -> None:
    """What is raised already, or was at that instant, is not raised again by a reading that comes late."""
    judge = judge_with(definition(1, 101))
    on = batch((0, 10, 60.0), (0, 20, 1.0), (1, 30, 1.0))
    judge.judge(on, no_late(on), START_US + 30 * SECOND, 0)
    late = batch((0, 15, 99.0))
    assert judge.judge(late, np.ones(1, np.bool_), START_US + 31 * SECOND, 0).late == []
    again = batch((0, 40, 60.0))
    judge.judge(again, no_late(again), START_US + 40 * SECOND, 0)
    earlier = batch((0, 5, 99.0))
    assert judge.judge(earlier, np.ones(1, np.bool_), START_US + 41 * SECOND, 0).late == []


def apart(**more: object) -> Judge:
    """A judge of how far 101 and 102 are apart: more than 50 for 10 s."""
    directory = small_directory()
    more = {"on_delay_us": 10 * SECOND, "parameters": {"hold_s": 60.0}, **more}
    return Judge(
        directory, numbered([definition(1, 101, detector="difference", other_sensor_id=102, **more)], directory)
    )


def second_by_second(
    judge: Judge, *readings: tuple[int, float, float], until: int, since: int = 0
) -> list[tuple[bool, float, int]]:
    """Each second its readings, then time: (active, at, second at which that was known) of what began and ended."""
    said = []
    for second in range(since, until):
        now = [each for each in readings if each[1] == second]
        due_us = judge.due_us()
        if not now and (due_us is None or due_us > START_US + second * SECOND):
            continue  # as ingest: no turn is made for nothing
        heard = batch(*now) if now else ReadingBatch.empty()
        events = judge.advance(heard, START_US + second * SECOND, 0)
        said += [(e.active, (e.at - START_US) / SECOND, second) for e in events]
    return said


FAST = [(0, float(second), 99.0 if second in range(55, 61) else 1.0) for second in range(130)]
SLOW = [(1, 0.0, 1.0), (1, 60.0, 1.0), (1, 120.0, 1.0)]


def test_a_number_on_its_way_may_still_cancel_a_delay() -> None:
    """The fast sensor was back at once; that is known when the slow one has spoken. Nobody is called before, live as over history."""
    assert second_by_second(apart(), *FAST, *SLOW, until=130) == []
    judge = apart()
    assert judge.advance(batch(*sorted([*FAST, *SLOW], key=lambda r: r[1])), START_US, 0) == []
    # The same with the way back: it was beyond again before the off-delay had ended.
    back = apart(on_delay_us=0, off_delay_us=10 * SECOND)
    flips = [(slot, at, 100.0 - value if slot == 0 else value) for slot, at, value in FAST]
    assert second_by_second(back, *flips, *SLOW, until=130) == [(True, 0.0, 0)]


def test_a_delay_ends_where_the_number_bears_it_out_or_nobody_can_say() -> None:
    """Beyond all the while: as of onset and delay, once that is known. A partner that stays away is waited for as long as a reading stands."""
    beyond = [(0, float(second), 99.0) for second in range(55, 200)]
    assert second_by_second(apart(), *SLOW, *beyond, until=200) == [(True, 65.0, 120)]
    assert second_by_second(apart(), *SLOW[:2], *beyond[:20], until=200) == [(True, 65.0, 125)]
    # Both are silent: no number is on its way.
    assert second_by_second(apart(), *SLOW[:2], *beyond[:6], until=200) == [(True, 65.0, 65)]


def test_what_is_on_its_way_is_so_after_a_restart() -> None:
    """Between the end of the delay and the number that cancels it, a new process is as patient."""
    judge, again = apart(), apart()
    assert second_by_second(judge, *FAST, *SLOW, until=69) == []
    again.restore(judge.state())
    assert again.due_us() == judge.due_us()
    assert second_by_second(again, *FAST, *SLOW, since=69, until=130) == []


class Broken(Stuck):
    """A detector that breaks."""

    def score(self, batch: ReadingBatch) -> Scores:
        """Always."""
        raise ZeroDivisionError("as detectors do")


def test_a_broken_detector_is_switched_off_and_limits_go_on() -> None:
    """One detector's exception costs that detector, loudly, and nothing else."""
    told: list[str] = []
    directory = small_directory()
    definitions = definition_set(directory, [definition(1, 101), definition(2, 101, detector="stuck")])
    judge = Judge(directory, definitions, on_failure=lambda name, _: told.append(name))
    judge.detectors = [Broken(definitions) if d.name == "stuck" else d for d in judge.detectors]
    for second in (1, 2):
        readings = batch((0, second, 60.0 if second == 2 else 1.0))
        events = judge.judge(readings, no_late(readings), START_US + second * SECOND, 0).events
    assert [e.definition_id for e in events] == [1]
    assert told == ["stuck"]
    assert judge.switched_off == {"stuck": "ZeroDivisionError: as detectors do"}


def test_state_is_carried_over_when_definitions_change() -> None:
    """Definitions that stay go on, delays included; new ones start fresh; a changed limit clears no alarm by itself."""
    delayed = {"on_delay_us": 5 * SECOND}
    judge = judge_with(definition(1, 101, **delayed), definition(2, 102), definition(3, 103, **delayed))
    readings = batch((0, 0, 60.0), (1, 0, 60.0), (2, 0, 60.0))
    judge.judge(readings, no_late(readings), START_US, 0)
    after = judge_with(definition(1, 101, **delayed), definition(2, 102, version=2), definition(4, 103, **delayed))
    after.restore(judge.state())
    assert after.standing() == {(2, 102)}
    assert after.due_us() == START_US + 5 * SECOND
    events = after.advance(ReadingBatch.empty(), START_US + 6 * SECOND, 0)
    assert [(e.definition_id, e.at) for e in events] == [(1, START_US + 5 * SECOND)]


AN_HOUR = {"window_s": 3600.0, "hold_s": 60.0}


@pytest.mark.parametrize(
    ("changed", "known"),
    [
        ({"setpoint": 45.0}, True),
        ({"setpoint": 45.0, "deadband": 5.0, "on_delay_us": SECOND, "priority": Priority.LIFE_SAFETY}, True),
        ({"parameters": AN_HOUR | {"window_s": 1800.0}}, False),
        ({"direction": "low"}, False),
        ({"detector": "deviation", "parameters": {"window_s": 60.0}}, False),
    ],
)
def test_an_average_is_not_lost_by_who_corrects_its_limit(changed: dict[str, Any], known: bool) -> None:
    """An hour of readings is known under another setpoint; what makes the number another one begins anew."""
    judge = judge_with(definition(2, 102, detector="exposure", setpoint=80.0, parameters=AN_HOUR))
    for minute in range(61):
        readings = batch((1, 60 * minute, 60.0))
        assert judge.judge(readings, no_late(readings), START_US + 60 * minute * SECOND, 0).events == []
    after = judge_with(
        definition(2, 102, **{"detector": "exposure", "parameters": AN_HOUR, "version": 2, "setpoint": 80.0, **changed})
    )
    after.restore(judge.state())
    again = batch((1, 3660, 60.0))
    scores = after.detectors[0].score(again)
    assert (scores.number[0] == pytest.approx(60.0)) == known


@pytest.mark.parametrize(("setpoint", "ended"), [(70.0, True), (55.0, False)])
def test_a_changed_limit_is_judged_by_the_next_reading(setpoint: float, ended: bool) -> None:
    """The alarm stands until a reading says, under the new limit, that it is over."""
    judge = judge_with(definition(2, 102))
    readings = batch((1, 0, 60.0))
    judge.judge(readings, no_late(readings), START_US, 0)
    after = judge_with(definition(2, 102, version=2, setpoint=setpoint))
    after.restore(judge.state())
    again = batch((1, 1, 60.0))
    events = after.judge(again, no_late(again), START_US + SECOND, 0).events
    assert [(e.active, e.value) for e in events] == ([(False, 60.0)] if ended else [])
    assert after.standing() == (set() if ended else {(2, 102)})


@pytest.mark.parametrize(
    ("before", "after"), [((1, 1), (2, 3)), ((2, 3), (5, 10)), ((2, 3), (3, 4)), ((5, 10), (2, 3)), ((2, 3), (64, 64))]
)
def test_a_changed_vote_clears_no_alarm_while_every_number_is_beyond(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    """Of numbers that nobody looked at before the change nothing is known to be back; k that are back end it as ever."""
    judge = judge_with(definition(2, 102, votes=before[0], votes_of=before[1]))
    for second in range(12):
        readings = batch((1, second, 60.0))
        judge.judge(readings, no_late(readings), START_US + second * SECOND, 0)
    changed = judge_with(definition(2, 102, version=2, votes=after[0], votes_of=after[1]))
    changed.restore(judge.state())
    again = judge_with(definition(2, 102, version=2, votes=after[0], votes_of=after[1]))
    again.restore(changed.state())
    for second in range(12, 24):
        readings = batch((1, second, 60.0))
        assert again.advance(readings, START_US + second * SECOND, 0) == []
    assert again.standing() == {(2, 102)}
    back = after[1] - after[0] + 1
    readings = batch(*((1, 24 + i, 0.0) for i in range(back)))
    events = again.advance(readings, START_US + (24 + back) * SECOND, 0)
    assert [(event.active, event.row) for event in events] == [(False, back - 1)]


def with_gateway() -> Directory:
    """One device with two sensors, and the virtual sensor of its gateway."""
    row = device_row(1)
    own = DeviceRow(device_id=9, company_id=1, site_id=1, site_key="north", key="_davy.north")
    return Directory(
        1,
        [row, own],
        [sensor(1, row, "s1"), sensor(2, row, "s2"), sensor(3, own, "_gateway.d1", is_virtual=True)],
    )


def test_the_loss_of_a_gateway_is_one_alarm() -> None:
    """While a gateway is gone its sensors are not reported silent; when it is back, silence counts again."""
    directory = with_gateway()
    judge = judge_with(
        definition(1, 1, detector="stale", setpoint=5.0), definition(2, 3, setpoint=1.0), directory=directory
    )
    first = batch((0, 0, 1.0), (2, 0, 0.0))
    judge.advance(first, START_US, 0)
    gone = batch((2, 3, 1.0))
    events = judge.advance(gone, START_US + 3 * SECOND, 3 * SECOND)
    events += judge.advance(ReadingBatch.empty(), START_US + 60 * SECOND, 60 * SECOND)
    assert [e.definition_id for e in events] == [2]


def test_marks_say_what_is_late_and_what_is_new() -> None:
    """Late is by judged time, direct by the key: both by what came before, in the same batch too."""
    sorter = Sorter(small_directory(), 5 * SECOND)
    readings = batch((0, 1, 1.0), (0, 3, 1.0), (0, 2, 1.0), (0, 3, 1.0), (1, 1, 1.0))
    late, direct = sorter.marks.sort(readings)
    assert late.tolist() == [False, False, True, True, False]
    assert direct.tolist() == [True, True, False, False, True]
    assert readings.quality.tolist() == [0, 0, Mark.LATE, Mark.LATE, 0]
    again = Sorter(small_directory(), 5 * SECOND)
    again.restore(sorter.state())
    assert again.marks.sort(batch((0, 3, 1.0), (0, 4, 1.0)))[0].tolist() == [True, False]


def test_a_backlog_does_not_end_delays_that_its_next_part_cancels() -> None:
    """How a backlog is cut into batches changes nothing: while readings are old, time is what they say."""
    judge = judge_with(definition(1, 101, on_delay_us=5 * SECOND), definition(2, 102, on_delay_us=5 * SECOND))
    now_us = START_US + 3600 * SECOND
    begins = batch((0, 0, 60.0), (1, 1, 60.0), (2, 3, 1.0))
    assert judge.judge(begins, no_late(begins), now_us, 0).events == []
    ends = batch((0, 4, 1.0), (2, 9, 1.0))
    events = judge.judge(ends, no_late(ends), now_us + SECOND, 0).events
    assert [(e.definition_id, e.active, e.at) for e in events] == [(2, True, START_US + 6 * SECOND)]
    last = batch((0, 10, 60.0))
    assert judge.judge(last, no_late(last), now_us + 2 * SECOND, 0).events == []
    assert judge.due_us() == START_US + 15 * SECOND
    nothing = ReadingBatch.empty()
    events = judge.judge(nothing, no_late(nothing), now_us + 3 * SECOND, 0).events
    assert [(e.definition_id, e.active, e.at) for e in events] == [(1, True, START_US + 15 * SECOND)]


def test_a_gateway_that_is_back_gives_its_sensors_their_time() -> None:
    """A slow sensor behind it is silent only when it has been so as long as it may since the gateway came back; also if ingest
    starts again in between. One that speaks in time is never said to have been silent."""
    directory = with_gateway()
    rows = definition(1, 1, detector="stale", setpoint=30.0), definition(2, 3, setpoint=1.0)
    judge = judge_with(*rows, directory=directory)

    def at(second: float, found: Judge, *readings: tuple[int, float, float]) -> list[tuple[int, bool]]:
        now = batch(*readings) if readings else ReadingBatch.empty()
        events = found.advance(now, START_US + int(second * SECOND), int(second * SECOND))
        return [(e.definition_id, e.active) for e in events]

    assert at(0, judge, (0, 0, 1.0), (2, 0, 0.0)) == []
    assert at(20, judge, (2, 20, 1.0)) == [(2, True)]
    for second in range(25, 200, 5):
        assert at(second, judge) == []
    assert at(200, judge, (2, 200, 0.0)) == [(2, False)]
    again = judge_with(*rows, directory=directory)
    again.restore(judge.state())
    for found in (judge, again):
        for second in range(201, 230):
            assert at(second, found) == []
        assert [events for second in range(230, 245) if (events := at(second, found))] == [[(1, True)]]
    speaks = judge_with(*rows, directory=directory)
    at(0, speaks, (0, 0, 1.0), (2, 0, 0.0))
    at(20, speaks, (2, 20, 1.0))
    at(200, speaks, (2, 200, 0.0))
    assert at(229, speaks, (0, 229, 1.0)) == []
    assert at(258, speaks) == []


@pytest.mark.parametrize(
    ("allowed_s", "every_s", "away_s", "alarmed_by_s"), [(600, 540, 3, 600), (600, 540, 30, 1200), (30, 25, 12, 120)]
)
def test_a_gateway_that_comes_and_goes_hides_no_dead_sensor(
    allowed_s: int, every_s: int, away_s: int, alarmed_by_s: int
) -> None:
    """A silence is excused once, not at every return, and not at all for a reconnect of a few seconds; the same after a
    restart at any moment. Who speaks is never said to be silent."""
    directory = with_gateway()
    silent = {"detector": "stale", "setpoint": float(allowed_s)}
    rows = (
        definition(1, 1, **silent),
        definition(2, 2, **silent),
        definition(3, 3, setpoint=1.0, on_delay_us=10 * SECOND),
    )
    judge, again = judge_with(*rows, directory=directory), judge_with(*rows, directory=directory)
    raised: list[tuple[int, int]] = []
    for second in range(3 * alarmed_by_s):
        readings = [(1, second, 1.0)] if second % 10 == 0 else []
        if second == 0:
            readings += [(0, 0, 1.0), (2, 0, 0.0)]
        elif second % every_s == 0:
            readings.append((2, second, 1.0))
        elif second > every_s and second % every_s == away_s:
            readings.append((2, second, 0.0))
        now = batch(*readings) if readings else ReadingBatch.empty()
        found = [each.advance(now, START_US + second * SECOND, second * SECOND) for each in (judge, again)]
        assert found[0] == found[1]
        raised += [(e.definition_id, second) for e in found[0] if e.definition_id != 3]
        if second % 7 == 0:
            again = judge_with(*rows, directory=directory)
            again.restore(judge.state())
    assert [definition_id for definition_id, _ in raised] == [1]
    assert allowed_s <= raised[0][1] <= alarmed_by_s


def test_a_gateway_in_step_with_the_repeats_hides_no_dead_sensor() -> None:
    """Gone at each instant at which a silence is said again, there in between: the silence is said in between."""
    directory = with_gateway()
    silent = {"detector": "stale", "setpoint": 30.0}
    rows = (
        definition(1, 1, **silent),
        definition(2, 2, **silent),
        definition(3, 3, setpoint=1.0, on_delay_us=10 * SECOND),
    )
    judge = judge_with(*rows, directory=directory)
    raised = []
    for second in range(120):
        readings = [(0, 0, 1.0), (2, 0, 0.0)] if second == 0 else []
        readings += [(1, second, 1.0)] if second % 10 == 5 else []
        if second > 20 and second % 10 in (8, 2):
            readings.append((2, second, 1.0 if second % 10 == 8 else 0.0))
        now = batch(*readings) if readings else ReadingBatch.empty()
        events = judge.advance(now, START_US + second * SECOND, second * SECOND)
        raised += [(e.definition_id, (e.at - START_US) // SECOND) for e in events]
    assert raised == [(1, 46)]  # 30 s silent at 30; there from 32 to 38 and from 42 on: ten seconds in all


@given(
    flaps=st.one_of(
        st.lists(st.tuples(st.integers(2, 25), st.integers(1, 45)), min_size=1, max_size=40),
        st.integers(2, 8).map(lambda there_for: [(there_for, 10 - there_for)] * 30),  # in step with the repeats
    ),
    begins=st.integers(0, 40),
    restarts=st.sets(st.integers(1, 600), max_size=3),
)
def test_however_a_gateway_flaps_the_dead_are_told_from_the_living(
    flaps: list[tuple[int, int]], begins: int, restarts: set[int]
) -> None:
    """The dead sensor is said to be silent when its gateway was there for its time, the time anew and the patience, in all;
    the one that speaks whenever it can never is; the same after a restart."""
    allowed = 30
    directory = with_gateway()
    silent = {"detector": "stale", "setpoint": float(allowed)}
    rows = (
        definition(1, 1, **silent),
        definition(2, 2, **silent),
        definition(3, 3, setpoint=1.0, on_delay_us=10 * SECOND),
    )
    judge = judge_with(*rows, directory=directory)
    there_at = [True] * begins
    for there_for, gone_for in flaps:
        there_at += [True] * there_for + [False] * gone_for
    there_at += [True] * 12
    was_there, present, back = True, 0, 0
    raised: list[tuple[int, int]] = []
    for second, there in enumerate(there_at):
        readings = [(0, 0, 1.0), (1, 0, 1.0), (2, 0, 0.0)] if second == 0 else []
        if there != was_there:
            readings.append((2, second, 0.0 if there else 1.0))
            back = second
        elif there and second and (second - back) % 5 == 1:
            readings.append((1, second, 1.0))
        now = batch(*readings) if readings else ReadingBatch.empty()
        if second in restarts:
            after = judge_with(*rows, directory=directory)
            after.restore(judge.state())
            judge = after
        events = judge.advance(now, START_US + second * SECOND, second * SECOND)
        raised += [(e.definition_id, present) for e in events if e.active and e.definition_id != 3]
        was_there, present = there, present + there
    assert [definition_id for definition_id, _ in raised if definition_id == 2] == []
    if present > 2 * allowed + 10 + 2:
        assert [definition_id for definition_id, _ in raised] == [1]
        assert raised[0][1] <= 2 * allowed + 10 + 2


def played(*readings: tuple[int, float, float, bool]) -> ReadingBatch:
    """Readings (slot, seconds after the start, value, whether it is history that is played)."""
    plain = batch(*(reading[:3] for reading in readings))
    plain.quality[[reading[3] for reading in readings]] |= np.uint8(Mark.REPLAYED)
    return plain


def test_what_history_raises_says_so() -> None:
    """By its reading, by the last one before a delay or a silence ended, and by a late one; what is real is never marked."""
    rows = (
        definition(1, 101),
        definition(2, 102, on_delay_us=2 * SECOND),
        definition(3, 103, detector="stale", setpoint=9.0),
    )
    judge = judge_with(*rows)
    first = played((0, 0, 60.0, True), (1, 0, 60.0, True), (2, 0, 1.0, True))
    assert [(e.definition_id, e.replayed) for e in judge.advance(first, START_US, 0)] == [(1, True)]
    again = judge_with(*rows)
    again.restore(judge.state())
    for each in (judge, again):
        events = each.advance(ReadingBatch.empty(), START_US + 9 * SECOND, 9 * SECOND)
        assert [(e.definition_id, e.active, e.replayed) for e in events] == [(3, True, True), (2, True, True)]
    real = played((0, 10, 1.0, False), (1, 10, 60.0, False), (2, 10, 1.0, False))
    events = judge.advance(real, START_US + 10 * SECOND, 10 * SECOND)
    assert [(e.definition_id, e.active, e.replayed) for e in events] == [(1, False, False), (3, False, False)]
    late = played((0, 2, 70.0, True), (0, 3, 80.0, False))
    (found,) = judge_with(definition(1, 101)).judge(late, np.ones(2, np.bool_), START_US + 11 * SECOND, 0).late
    assert [e.replayed for e in found.events(np.array([True, True]))] == [True, False]


@pytest.mark.parametrize("history", [True, False])
def test_a_contradiction_by_history_says_so(history: bool) -> None:
    """A value of life safety that contradicts what is stored calls people; one that only history played does not."""
    first, late = played((0, 10, 1.0, False)), played((0, 10, 70.0, history))
    judge = judge_with(definition(1, 101, priority=Priority.LIFE_SAFETY))
    judge.judge(first, no_late(first), START_US + 10 * SECOND, 0)
    (found,) = judge.judge(late, np.ones(1, np.bool_), START_US + 11 * SECOND, 0).late
    events = found.contradicted({0: 1.0}, START_US + 11 * SECOND)
    assert [(e.active, e.stored, e.replayed) for e in events] == [(True, 1.0, history), (False, 1.0, history)]


@given(
    readings=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([1.0, 60.0]), st.booleans()), min_size=1, max_size=30
    ),
    cuts=st.sets(st.integers(1, 29)),
)
def test_however_history_is_cut_the_same_is_marked(readings: list[tuple[int, float, bool]], cuts: set[int]) -> None:
    """Real and played readings of one sensor side by side: which events are marked does not depend on the batches."""
    rows = definition(1, 101), definition(2, 101, on_delay_us=1_500_000), definition(3, 102, on_delay_us=2 * SECOND)
    whole, parts = judge_with(*rows), judge_with(*rows)
    stamped = [(slot, second, value, mark) for second, (slot, value, mark) in enumerate(readings)]
    end = START_US + len(readings) * SECOND
    expected = whole.advance(played(*stamped), end, 0)
    found, begin = [], 0
    for cut in (*sorted(cut for cut in cuts if cut < len(stamped)), len(stamped)):
        part = stamped[begin:cut]
        now = end if cut == len(stamped) else START_US + part[-1][1] * SECOND
        found += parts.advance(played(*part), now, 0)
        begin = cut

    def in_order(events: list[Event]) -> list[tuple[object, ...]]:
        return sorted((e.definition_id, e.at, e.active, e.value, e.replayed) for e in events)

    assert in_order(found) == in_order(expected)


def test_a_gateway_that_is_not_there_any_more_mutes_nobody() -> None:
    """Its virtual sensor was retired while it was gone: nobody would ever say that it is back."""
    directory = with_gateway()
    silent = definition(1, 1, detector="stale", setpoint=5.0)
    judge = judge_with(silent, definition(2, 3, setpoint=1.0), directory=directory)
    first = batch((0, 0, 1.0), (2, 0, 1.0))
    judge.advance(first, START_US, 0)
    without = Directory(2, [device_row(1)], [s for s in directory.sensors if not s.is_virtual])
    after = judge_with(silent, directory=without)
    after.restore(judge.state())
    events = after.advance(ReadingBatch.empty(), START_US + 60 * SECOND, 60 * SECOND)
    assert [(e.definition_id, e.active) for e in events] == [(1, True)]
