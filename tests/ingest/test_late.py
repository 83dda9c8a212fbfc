"""Late readings in averages: whatever the order of arrival, the average is in the end what it is in order; and what was over is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.batch import Event, Mark, Quality, ReadingBatch
from ingest.checkpoint import replay_spooled
from ingest.directory import Directory
from ingest.late import LONGEST_PAUSE_US, LONGEST_US, QUIET_US, STORED, LateReadings, Recount, counted
from ingest.organs import Organs
from ingest.packed_columns import pack, unpack
from ingest.sorting import MESSAGE, Sorted
from ingest.source import Lot
from ingest.spooled import pack_record, unpack_record
from ingest.store.batch import Record
from tests.ingest.plant import START_US, definition, definition_set, device_row, sensor

SECOND = 1_000_000
STEL = {"window_s": 900.0, "hold_s": 10.0, "known_share": 0.5}
Reading = tuple[float, float]  # seconds after START, value


@dataclass
class Plant:
    """One sensor with a STEL of 30 and a time over 40, judged batch by batch as ingest does, and the rows that were stored."""

    parameters: dict[str, float] = field(default_factory=lambda: dict(STEL))
    rows: dict[int, tuple[int, int, float, int]] = field(
        default_factory=dict
    )  # judged_at -> batch, sensor, value, quality
    batches: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    gone: int = 0  # batches of which the database knows nothing any more

    def __post_init__(self) -> None:
        device = device_row(1)
        directory = Directory(1, [device], [sensor(101, device, "s1"), sensor(102, device, "s2")])
        over = {"window_s": 900.0, "level": 40.0, "hold_s": 10.0, "known_share": 0.5}
        definitions = [
            definition(1, 101, detector="exposure", setpoint=30.0, parameters=self.parameters),
            definition(2, 101, detector="time_over", setpoint=300.0, parameters=over),
            definition(3, 101, setpoint=1e9),
        ]
        self.made = directory, definition_set(directory, definitions)
        self.organs = Organs.grow(*self.made, 5 * SECOND)

    @property
    def now_us(self) -> int:
        return self.batches[-1] if self.batches else START_US

    def hear(self, *readings: Reading, now_s: float, answer: Recount | None = None) -> None:
        """One batch, in the order given; NaN is a reading of bad quality."""
        at = np.array([START_US + round(t * SECOND) for t, _ in readings], np.int64)
        value = np.array([x for _, x in readings], np.float64)
        quality = np.where(np.isnan(value), int(Quality.BAD), 0).astype(np.uint8)
        batch = ReadingBatch(np.zeros(len(at), np.int32), at, at.copy(), at.copy(), value, quality)
        late, _ = self.organs.sorter.marks.sort(batch)
        now = max(START_US + round(now_s * SECOND), self.now_us + 1)
        self.batches.append(now)
        self.events += self.organs.judge.judge(batch, late, now, 0, answer).events
        for t, x, q in zip(at.tolist(), value.tolist(), batch.quality.tolist(), strict=True):
            self.rows.setdefault(t, (len(self.batches), 101, x, q))  # of two under one key the first stays

    def _between(self, sensor_id: int, since_us: int, until_us: int, _: int) -> NDArray[np.void]:
        found = [
            (batch_no, t, t, value, quality)
            for t, (batch_no, key, value, quality) in self.rows.items()
            if key == sensor_id and since_us <= t <= until_us
        ]
        return np.array(found, STORED)

    def ask(self, wait_us: int = LONGEST_US) -> Recount | None:
        """What is to be booked besides, as ingest works it out beside its batches."""
        question = self.organs.ask_late(len(self.batches), self.now_us, self.now_us + wait_us)
        if question is None:
            return None
        numbers, judged_now = (
            np.arange(1, len(self.batches) + 1)[self.gone :],
            np.array(self.batches, np.int64)[self.gone :],
        )
        each = [counted(a, question.batch_no, numbers, judged_now, self._between) for a in question.sensors]
        return Recount.of(question.asof_us, each)

    def count(self) -> None:
        """A batch without readings that brings the answer."""
        self.hear(now_s=(self.now_us - START_US) / SECOND, answer=self.ask())

    def restarted(self) -> None:
        """A new process, with what the old one has kept."""
        state = unpack(pack(self.organs.state()))
        self.organs = Organs.grow(*self.made, 5 * SECOND)
        self.organs.restore(state)

    def booked(self) -> tuple[list[tuple[int, float, int]], list[float]]:
        """Bucket, amount and known time of both windows where there is any; and their number as of the last reading."""
        found, numbers = [], []
        for detector in self.organs.judge.averages.detectors:
            (newest,), (amount,), (known,) = detector.booked(detector.members(0))
            buckets = [b for b in range(int(newest) - 30, int(newest) + 1) if known[b & 31]]
            found += [(b, float(amount[b & 31]), int(known[b & 31])) for b in buckets]
            nothing = detector.beside(detector.booked(detector.members(0)), 0)
            one = nothing._replace(
                member=np.zeros(1, np.int32), bucket=np.array([newest]), amount=np.zeros(1), known=np.zeros(1, np.int64)
            )
            numbers += detector.correct(one).number.tolist()
        return found, numbers

    def said(self, definition_id: int = 1) -> list[tuple[bool, int, bool]]:
        """(active, whole second, late) of a definition's events."""
        return [
            (e.active, (e.at - START_US) // SECOND, e.late) for e in self.events if e.definition_id == definition_id
        ]


def every(begin: float, end: float, value: float, step: float = 5.0) -> list[Reading]:
    return [(begin + i * step, value) for i in range(round((end - begin) / step))]


def same(one: Plant, other: Plant) -> None:
    (mine, said), (theirs, told) = one.booked(), other.booked()
    assert [(b, k) for b, _, k in mine] == [(b, k) for b, _, k in theirs]
    assert [a for _, a, _ in mine] == pytest.approx([a for _, a, _ in theirs], rel=1e-9, abs=1e-9)
    assert said == pytest.approx(told, rel=1e-9, nan_ok=True)


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.5, 1.0, 7.0, 45.0, 200.0]), st.sampled_from([0.0, 2.0, 50.0, 64.0, float("nan")])),
        min_size=1,
        max_size=40,
    ),
    st.randoms(use_true_random=False),
    st.sampled_from([0.0, 30.0, 700.0, 5000.0]),
)
def test_the_order_of_arrival_does_not_change_the_average(steps: list[Reading], random: Random, spread: float) -> None:
    """However late what came, however batches were cut, whenever it was counted and with restarts between: the windows hold in the
    end what they hold of readings that came in their order."""
    stream, at = [], 0.0
    for gap, value in steps:
        at += gap
        stream.append((at, value))
    in_order, shuffled = Plant(), Plant()
    in_order.hear(*stream, now_s=at)
    came = sorted(stream, key=lambda r: r[0] + random.uniform(0.0, spread))
    newest = 0.0
    while came:
        n = random.randrange(1, 6)
        newest = max(newest, *(t for t, _ in came[:n]))
        shuffled.hear(*came[:n], now_s=newest)
        came = came[n:]
        if random.random() < 0.3:
            answer = shuffled.ask()
            if came and random.random() < 0.5:  # the answer comes after more has been heard
                newest = max(newest, came[0][0])
                shuffled.hear(came.pop(0), now_s=newest)
            shuffled.hear(now_s=newest, answer=answer)
        if random.random() < 0.2:
            shuffled.restarted()
    shuffled.count()
    assert not shuffled.organs.judge.averages.late
    for plant in (
        shuffled,
        in_order,
    ):  # what could not be used moves a window only where something was held: now both stand at one place
        plant.hear((at + 1.0, 2.0), now_s=at + 1.0)
    same(shuffled, in_order)


def test_a_backlog_that_comes_newest_first_raises_the_alarm() -> None:
    """Ten minutes without a gateway, then its backlog behind live readings: the average is judged at the present instant with all."""
    plant = Plant()
    plant.hear(*every(0, 300, 0.0), now_s=300)
    plant.hear(*every(900, 960, 0.0), now_s=960)
    assert plant.said() == []
    plant.hear(*reversed(every(300, 900, 60.0)), now_s=961)
    assert plant.said() == []
    plant.count()
    assert plant.said() == [(True, 955, False)]
    assert plant.said(2) == [(True, 955, False)]


def test_what_is_over_is_told_as_what_it_was() -> None:
    """An exceedance that nobody knew of, hours ago in an average over 15 minutes: a pair of the past, and no alarm now; told once."""
    plant = Plant()
    plant.hear(*every(0, 900, 0.0), now_s=900)
    plant.hear(*every(1500, 3000, 0.0), now_s=3000)
    plant.hear(*every(900, 1500, 60.0), now_s=3001)
    assert plant.ask(wait_us=QUIET_US - 1) is None  # more may come
    plant.count()
    (begin, end) = plant.events[:2] if plant.events[0].definition_id == 1 else plant.events[2:]
    assert (begin.active, end.active, begin.late, end.late) == (True, False, True, True)
    assert 1300 <= (begin.at - START_US) // SECOND <= 1390
    assert 1900 <= (end.at - START_US) // SECOND <= 2000
    assert not plant.organs.judge.standing()
    told = len(plant.events)
    plant.hear((902.5, 60.0), now_s=3002)  # and one more: what is known is not told again
    plant.count()
    assert len(plant.events) == told


def test_a_late_reading_may_end_an_alarm() -> None:
    """A reading of 500 that was held for ten seconds, and the zero behind it that came late: the average knows of one second."""
    plant = Plant(parameters={"window_s": 60.0, "hold_s": 60.0, "known_share": 0.0})
    plant.hear((0.0, 0.0), (10.0, 500.0), (30.0, 0.0), now_s=30)
    assert plant.said() == [(True, 30, False)]
    plant.hear((11.0, 0.0), now_s=31)
    plant.count()
    assert plant.said() == [(True, 30, False), (False, 30, False)]


def test_what_was_stored_before_counts_once() -> None:
    """A device that says its last minutes again under new numbers changes nothing."""
    plant, once = Plant(), Plant()
    readings = every(0, 900, 12.0)
    once.hear(*readings, now_s=900)
    plant.hear(*readings, now_s=900)
    plant.hear(*readings[-60:], now_s=901)
    plant.count()
    same(plant, once)
    assert plant.events == []


@pytest.mark.parametrize("lost", [range(700, 800), range(600, 895)])
def test_what_was_judged_and_never_stored_stays_counted(lost: range) -> None:
    """A damaged spool has lost it, the database refused it, its stamp was taken: a count of late readings takes out no time that was heard."""
    plant, in_order = Plant(), Plant()
    in_order.hear(*every(0, 900, 60.0), now_s=900)
    plant.hear(*every(0, 300, 60.0), *every(600, 900, 60.0), now_s=900)
    for t in lost:
        plant.rows.pop(START_US + t * SECOND, None)
    plant.hear(*every(300, 600, 60.0), now_s=901)
    plant.count()
    same(plant, in_order)


def test_what_was_never_stored_and_comes_again_counts_once() -> None:
    """A device sends once more what the spool has lost: time that was heard twice counts as the mean of both, which is what it was."""
    plant, in_order = Plant(), Plant()
    in_order.hear(*every(0, 900, 60.0), now_s=900)
    plant.hear(*every(0, 900, 60.0), now_s=900)
    for t in range(600, 895):
        plant.rows.pop(START_US + t * SECOND, None)
    plant.hear(*every(600, 895, 60.0), now_s=901)
    plant.count()
    same(plant, in_order)


def test_where_the_batches_are_not_known_any_more_it_counts_all_the_same() -> None:
    """After an hour in the spool the rows of the batches that brought a backlog may be gone: what is stored counts, against what was booked."""
    plant, in_order = Plant(), Plant()
    in_order.hear(*every(0, 960, 60.0), now_s=960)
    plant.hear(*every(0, 300, 60.0), *every(900, 960, 60.0), now_s=960)
    plant.hear(*every(300, 900, 60.0), now_s=961)
    plant.hear(now_s=962)
    plant.gone = 2
    plant.count()
    same(plant, in_order)


def test_who_cannot_be_counted_comes_after_all_others() -> None:
    """The pause doubles up to five minutes; late readings that come meanwhile shorten it for nobody; counted once, it is as any other."""
    at = np.array([5], np.int64)
    late = ReadingBatch(np.zeros(1, np.int32), at, at, at, np.zeros(1), np.full(1, Mark.LATE, np.uint8))
    one, other = np.array([101], np.int32), np.array([102], np.int32)
    touched = LateReadings()
    touched.note(late, one, 7)
    touched.note(late, other, 8)
    now_us = 7 + LONGEST_US
    assert [t.sensor_id for t in touched.due(now_us)] == [101, 102]
    pauses = []
    for _ in range(8):
        touched.postpone(101, now_us)
        touched.note(late, one, now_us)
        assert [t.sensor_id for t in touched.due(now_us)] == [102]
        (failing,) = touched.failing()
        pauses.append((failing.not_before_us - now_us) // SECOND)
        now_us = failing.not_before_us
        assert [t.sensor_id for t in touched.due(now_us)] == [102, 101]
    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]
    assert pauses[-1] == LONGEST_PAUSE_US // SECOND
    again = LateReadings()
    again.restore({"late": touched.state()})
    assert [t.sensor_id for t in again.failing()] == [101]
    touched.settle([101], now_us)
    assert touched.failing() == []
    touched.postpone(101, now_us)  # it was counted meanwhile: nothing to put off
    assert len(touched) == 1


def test_an_answer_outlives_a_restart_and_a_changed_limit() -> None:
    """What is asked is asked again after a restart; what is kept with a batch reads back; of a limit that has changed nothing is booked."""
    plant = Plant()
    plant.hear(*every(0, 300, 0.0), *every(900, 960, 0.0), now_s=960)
    plant.hear(*every(300, 900, 60.0), now_s=961)
    plant.restarted()
    answer = plant.ask()
    assert answer is not None
    back = Recount.unpacked(answer.packed())
    assert back is not None
    assert pack({"b": back.bucket, "a": back.amount, "k": back.known}) == pack(
        {"b": answer.bucket, "a": answer.amount, "k": answer.known}
    )
    other = Plant()
    other.hear(*every(0, 300, 0.0), *every(900, 960, 0.0), now_s=960)
    (before, _) = other.booked()
    other.hear(now_s=962, answer=replace(answer, version=answer.version + 1))
    assert other.booked()[0] == before


def test_what_lies_in_the_spool_is_booked_again_bit_by_bit() -> None:
    """Killed before the batch that brought the answer was stored: the spool has it, and judged again it makes the same memory."""
    plant = Plant()
    plant.hear(*every(0, 300, 0.0), *every(900, 960, 0.0), now_s=960)
    plant.hear(*every(300, 900, 60.0), now_s=961)
    before, answer, now_us = pack(plant.organs.state()), plant.ask(), plant.now_us + SECOND
    none = np.zeros(0, np.bool_)
    nothing = Sorted(ReadingBatch.empty(), none, none, np.zeros(0, np.int32), np.empty(0, MESSAGE))
    judgement = plant.organs.judge.judge(nothing.batch, nothing.late, now_us, 0, answer)
    assert judgement.events
    kept = pack_record(Record(now_us, Lot(), nothing, judgement, plant.made[0]), [])
    plant.restarted()
    live = pack(plant.organs.judge.state())
    plant.organs.restore(unpack(before))
    assert pack(plant.organs.judge.state()) != live
    replay_spooled(unpack_record(3, kept, plant.made[0]), plant.organs)
    assert pack(plant.organs.judge.state()) == live


def test_what_is_told_of_the_past_is_of_limits_that_there_are() -> None:
    """A limit that was taken away while its late readings were counted has no alarm that could take the pair."""
    plant = Plant()
    plant.hear(*every(0, 900, 0.0), *every(1500, 3000, 0.0), now_s=3000)
    plant.hear(*every(900, 1500, 60.0), now_s=3001)
    answer = plant.ask()
    assert answer is not None
    assert {event.definition_id for event in answer.events} == {1, 2}
    gone = [replace(event, definition_id=77) if event.definition_id == 1 else event for event in answer.events]
    plant.hear(now_s=3002, answer=replace(answer, events=gone))
    assert {event.definition_id for event in plant.events} == {2}


def test_counting_that_breaks_is_switched_off_and_limits_go_on() -> None:
    """What breaks in the counting of an average must not end the process that watches limits: it is switched off as a detector is."""
    plant = Plant()

    def breaks() -> Recount | None:
        raise ZeroDivisionError("as detectors do")

    assert plant.organs.judge.counted(breaks) is None
    assert plant.organs.judge.switched_off == {"recount": "ZeroDivisionError: as detectors do"}
    plant.hear((1.0, 2e9), now_s=1)
    assert plant.said(3) == [(True, 1, False)]


def test_a_clock_that_was_put_right_is_looked_behind() -> None:
    """On-time readings of an hour ago lie eight hours away by their stamps, those that come late now by none: both are looked for."""
    plant = Plant()
    plant.hear((0.0, 1.0), (100.0, 1.0), now_s=100)
    plant.hear((50.0, 1.0), now_s=101)
    quiet = plant.now_us + LONGEST_US
    question = plant.organs.ask_late(2, plant.now_us, quiet)
    assert question is not None
    assert question.sensors[0].touched.shift_us == 0
    hours = 8 * 3600 * SECOND
    clocks, device_id = plant.organs.sorter.clocks, plant.made[0].devices[0].row.device_id
    assert not clocks.trust(device_id, 1, START_US + hours, START_US, newest=True)
    assert clocks.trust(device_id, 2, START_US + 90 * SECOND, START_US + 90 * SECOND, newest=True)
    question = plant.organs.ask_late(2, plant.now_us, quiet)
    assert question is not None
    assert question.sensors[0].touched.shift_us >= hours


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-50, 50), st.integers(-9, 9)), min_size=1, max_size=30))
def test_each_sensor_is_touched_by_its_own_readings(rows: list[tuple[int, int, int]]) -> None:
    """Late readings of many sensors in one batch: of each the earliest, the latest, and how far its stamps are off."""
    slot, at, apart = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    batch = ReadingBatch(
        slot.astype(np.int32), at + apart, at, at, np.zeros(len(at)), np.full(len(at), Mark.LATE, np.uint8)
    )
    touched = LateReadings()
    touched.note(batch, np.arange(100, 105, dtype=np.int32), 7)
    assert touched.state().tolist() == [
        [100 + s, at[slot == s].min(), at[slot == s].max(), 7, 7, np.abs(apart[slot == s]).max(), 0, 0]
        for s in sorted({s for s, _, _ in rows})
    ]


def test_what_no_window_reaches_is_let_go() -> None:
    """A reading of yesterday touches no average over 15 minutes: nothing is read for it, and nothing stays in memory."""
    plant = Plant()
    plant.hear((90_000.0, 1.0), now_s=90_000)
    plant.hear((10.0, 1.0), now_s=90_001)
    assert plant.organs.judge.averages.late
    assert plant.ask() is None
    assert not plant.organs.judge.averages.late


def test_readings_on_time_touch_nothing() -> None:
    """Without a late reading there is nothing to note, nothing to ask and nothing in the state."""
    plant = Plant()
    plant.hear(*every(0, 2000, 60.0), now_s=2000)
    assert not plant.organs.judge.averages.late
    assert len(LateReadings().state()) == 0
    assert plant.ask() is None


def test_a_replayed_past_is_told_as_replayed() -> None:
    """An exceedance that is made of late readings of a replay alone carries its mark."""
    plant = Plant()
    plant.hear(*every(0, 900, 0.0), now_s=900)
    plant.hear(*every(1500, 3000, 0.0), now_s=3000)
    plant.hear(*every(900, 1500, 60.0), now_s=3001)
    for t, (batch_no, key, value, quality) in plant.rows.items():
        if quality & Mark.LATE:
            plant.rows[t] = (batch_no, key, value, quality | Mark.REPLAYED)
    plant.count()
    assert plant.events
    assert all(event.replayed for event in plant.events)
