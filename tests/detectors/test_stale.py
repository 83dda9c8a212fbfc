"""Stale: seconds since the last usable reading, counting watched time only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Quality, Scores
from core.model import AlarmDefinition
from detectors.stale import Stale
from tests.detectors.streams import SECOND, START, Reading, batch, definition, in_force


class Watch:
    """Drives one detector through seconds that are watched or not, as ingest does."""

    def __init__(self, *definitions: AlarmDefinition) -> None:
        self.definitions = in_force(*definitions)
        self.stale = Stale(self.definitions)
        self.now_s, self.watched_s = 0.0, 0.0
        self.said: dict[int, tuple[float, float]] = {}  # definition -> instant and number of the silence it is in
        self.sweep()

    def sweep(self) -> Scores:
        return self.stale.sweep(START + round(self.now_s * SECOND), round(self.watched_s * SECOND))

    def restart(self) -> None:
        """A new process with the state of the old one."""
        state = self.stale.state()
        self.stale = Stale(self.definitions)
        self.stale.restore(state)

    def wait(
        self, seconds: float, *, watched: bool = True, step: float | None = None
    ) -> list[tuple[int, float, float]]:
        """Waits, sweeping every `step` seconds; (definition, seconds after START, number) of the silences that began."""
        began: list[tuple[int, float, float]] = []
        end = self.now_s + seconds
        while self.now_s < end:
            advance = min(step or seconds, end - self.now_s)
            self.now_s += advance
            self.watched_s += advance if watched else 0.0
            began += [said for said in as_said(self.sweep()) if self.begins(*said)]
        return began

    def begins(self, definition: int, at: float, number: float) -> bool:
        """Whether this is a new silence; one that goes on is said every ten seconds with the same number."""
        if definition not in self.said:
            self.said[definition] = (at, number)
            return True
        first, same = self.said[definition]
        assert number == same
        assert round((at - first) % 10.0, 6) == 0.0
        assert self.now_s - 10.0 < at <= round(self.now_s, 6)
        return False

    def hear(self, at_s: float, slot: int = 0, quality: int = Quality.GOOD) -> Scores:
        scores = self.stale.score(batch([Reading(slot, at_s, 1.0, quality)]))
        if quality != Quality.BAD:
            for definition in scores.definition.tolist():
                self.said.pop(definition, None)
        return scores


def as_said(scores: Scores) -> list[tuple[int, float, float]]:
    assert (scores.row == -1).all()
    return [
        (int(d), (int(at) - START) / SECOND, float(number))
        for d, at, number in zip(scores.definition, scores.at, scores.number, strict=True)
    ]


def test_a_reading_gives_zero() -> None:
    """Each usable reading says 0 at its own instant; a bad one says it cannot judge."""
    watch = Watch(definition("stale"))
    assert watch.hear(1.0).number.tolist() == [0.0]
    assert np.isnan(watch.hear(2.0, quality=Quality.BAD).number).all()


@pytest.mark.parametrize("step", [0.1, 7.0, 100.0])
def test_silence_begins_at_its_instant(step: float) -> None:
    """30 s after the last reading, however often one sweeps; and anew when the sensor has spoken and fallen silent."""
    watch = Watch(definition("stale", setpoint=30.0))
    watch.hear(5.0)
    assert watch.wait(100.0, step=step) == [(0, 35.0, 30.0)]
    assert watch.wait(100.0, step=step) == []
    watch.hear(150.0)
    watch.hear(190.0)
    assert watch.wait(100.0, step=step) == [(0, 220.0, 30.0)]


def test_a_silence_that_lasts_is_said_again() -> None:
    """Who could not listen when it began, because a dead gateway muted the sensor, hears of it ten seconds later."""
    watch = Watch(definition("stale", setpoint=30.0), definition("stale", 1, definition_id=2))
    watch.hear(25.0, slot=1)
    said = []
    for now_s in (29, 30, 35, 41, 45, 49, 55, 81, 82, 90):
        watch.now_s, watch.watched_s = now_s, now_s
        said += [(now_s, *one) for one in as_said(watch.sweep())]
    assert said == [
        (30, 0, 30.0, 30.0),
        (41, 0, 40.0, 30.0),
        (55, 0, 50.0, 30.0),
        (55, 1, 55.0, 30.0),
        (81, 0, 80.0, 30.0),
        (81, 1, 75.0, 30.0),
        (90, 0, 90.0, 30.0),
        (90, 1, 85.0, 30.0),
    ]


def test_bad_readings_are_silence() -> None:
    """A sensor that sends only bad quality has said nothing."""
    watch = Watch(definition("stale", setpoint=30.0))
    watch.hear(0.0)
    for second in range(1, 30):
        watch.hear(float(second), quality=Quality.BAD)
    assert watch.wait(40.0) == [(0, 30.0, 30.0)]


def test_a_sensor_never_heard_is_silent_from_the_start() -> None:
    """Unknown is not safe: a sensor that was never connected is found like one that died."""
    watch = Watch(definition("stale", 0), definition("stale", 1, definition_id=2))
    watch.hear(20.0, slot=1)
    assert watch.wait(40.0) == [(0, 30.0, 30.0)]
    assert watch.wait(40.0) == [(1, 50.0, 30.0)]


def test_time_without_ingest_is_not_silence_of_the_sensor() -> None:
    """A broker away for ten minutes stops every count; it goes on where it stood."""
    watch = Watch(definition("stale", setpoint=30.0))
    watch.hear(0.0)
    assert watch.wait(20.0) == []
    assert watch.wait(600.0, watched=False, step=0.5) == []
    assert watch.wait(9.0) == []
    assert watch.wait(2.0) == [(0, 630.0, 30.0)]


def test_a_flapping_connection_still_adds_up() -> None:
    """20 s watched, 20 s not, for ever: the second stretch finds a dead sensor. Starting anew each time never would."""
    watch = Watch(definition("stale", setpoint=30.0))
    watch.hear(0.0)
    said = [said for _ in range(3) for watched in (True, False) for said in watch.wait(20.0, watched=watched, step=1.0)]
    assert said == [(0, 50.0, 30.0)]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_backlog_read_while_catching_up_raises_nothing(restarted: bool) -> None:
    """Readings ten minutes old, read after a broker's absence, are news of then: the silence counts from catching up."""
    watch = Watch(definition("stale", setpoint=30.0))
    watch.hear(0.0)
    watch.wait(25.0)
    watch.wait(600.0, watched=False, step=1.0)
    if restarted:
        watch.restart()
    watch.hear(100.0)
    assert watch.wait(29.0) == []
    assert watch.wait(2.0) == [(0, 655.0, 30.0)]


def test_a_reading_heard_before_the_sweep_that_learns_of_the_absence() -> None:
    """After a long block, the first sweep takes the unwatched time off a reading that came meanwhile, but not twice."""
    watch = Watch(definition("stale", setpoint=30.0))
    watch.now_s, watch.watched_s = 600.0, 0.0
    watch.hear(595.0)
    watch.sweep()
    assert watch.wait(29.0) == []
    assert watch.wait(2.0) == [(0, 630.0, 30.0)]


@pytest.mark.parametrize(("new_count", "said_at"), [(20.0, 3630.0), (0.0, 3630.0), (5.0, 3625.0)])
def test_restart_counts_on_whatever_the_new_process_counts_from(new_count: float, said_at: float) -> None:
    """An hour down is not silence, whether watched time goes on counting, starts anew, or has run 5 s since the start."""
    watch = Watch(definition("stale", setpoint=30.0))
    watch.hear(0.0)
    watch.wait(20.0)
    watch.restart()
    watch.now_s, watch.watched_s = 3620.0, new_count
    assert as_said(watch.sweep()) == []
    assert watch.wait(20.0) == [(0, said_at, 30.0)]


def test_a_reading_on_its_way_when_silence_was_said_does_not_turn_time_back() -> None:
    """Stamped a little before the silence that was already said, it counts at that instant: numbers stay in time order."""
    watch = Watch(definition("stale", setpoint=30.0))
    watch.hear(0.0)
    assert watch.wait(30.05) == [(0, 30.0, 30.0)]
    late = watch.hear(29.9)
    assert (late.at.tolist(), late.number.tolist()) == ([START + 30 * SECOND], [0.0])
    assert watch.wait(60.0) == [(0, 59.9, 30.0)]


@pytest.mark.parametrize(
    ("direction", "setpoint", "deadband", "instant"),
    [("high", 30.0, 5.0, 30.0), ("high", 0.1 + 0.2, 0.0, 0.300001), ("low", 10.0, 2.5, 12.500001)],
)
def test_silence_is_said_where_the_comparison_turns(
    direction: str, setpoint: float, deadband: float, instant: float
) -> None:
    """high: when the number reaches the setpoint; low (alive): when it leaves setpoint and deadband behind."""
    own = definition("stale", direction=direction, setpoint=setpoint, deadband=deadband)
    watch = Watch(own)
    watch.hear(0.0)
    ((_, at, number),) = watch.wait(60.0)
    assert at == instant
    assert number >= setpoint if direction == "high" else number > setpoint + deadband


def test_sweeps_before_the_due_instant_are_not_needed() -> None:
    """`next_due_us` lets ingest leave a quiet plant alone."""
    watch = Watch(definition("stale", setpoint=30.0))
    watch.hear(7.0)
    watch.wait(1.0)
    assert watch.stale.next_due_us() <= START + 37 * SECOND
    watch.wait(30.0)
    assert watch.stale.next_due_us() == START + 37 * SECOND
    watch.wait(10.0)
    assert watch.stale.next_due_us() == START + 47 * SECOND
    watch.hear(48.0)
    watch.wait(8.0)
    assert watch.stale.next_due_us() == START + 78 * SECOND


@dataclass(frozen=True)
class Step:
    """Some seconds, watched or not, with a reading a fraction of the way in, or none, perhaps after a restart."""

    seconds: int
    watched: bool
    heard: float | None
    restarted: bool


STEPS = st.lists(
    st.builds(
        Step, st.integers(1, 20), st.booleans(), st.none() | st.sampled_from((0.0, 0.25, 0.5, 1.0)), st.booleans()
    ),
    max_size=30,
)


@given(STEPS)
def test_against_the_definition_in_plain_python(steps: list[Step]) -> None:
    """Silence is the watched time since the last reading: summed up naively, it crosses the setpoint in the same steps."""
    watch = Watch(definition("stale", setpoint=30.0))
    silence, over = 0.0, False
    for step in steps:
        before = watch.now_s
        if step.restarted:
            watch.restart()
        if step.heard is not None:
            watch.hear(before + step.seconds * step.heard)
            silence, over = 0.0, False
        counted = step.seconds * (1.0 if step.heard is None else 1.0 - step.heard) if step.watched else 0.0
        silence += counted
        said = watch.wait(step.seconds, watched=step.watched)
        assert bool(said) == (silence >= 30.0 and not over)
        over = silence >= 30.0
        if said:
            assert said == [(0, watch.now_s - (silence - 30.0), 30.0)]


@given(st.lists(st.tuples(st.integers(1, 40), st.lists(st.floats(0.01, 0.99), max_size=3)), max_size=20))
def test_extra_sweeps_change_nothing(steps: list[tuple[int, list[float]]]) -> None:
    """Sweeping more often finds the same silences at the same instants, and leaves the same state."""
    seldom, often = Watch(definition("stale", setpoint=30.0)), Watch(definition("stale", setpoint=30.0))
    for seconds, extra in steps:
        start = often.now_s
        said = seldom.wait(seconds)
        also: list[tuple[int, float, float]] = []
        for fraction in [*sorted(extra), 1.0]:
            if (advance := start + seconds * fraction - often.now_s) > 0:
                also += often.wait(round(advance, 6))
        often.now_s, often.watched_s = seldom.now_s, seldom.watched_s
        also += [one for one in as_said(often.sweep()) if often.begins(*one)]
        assert also == said
        seldom.hear(seldom.now_s)
        often.hear(often.now_s)
    assert {n: c.tolist() for n, c in seldom.stale.state().items()} == {
        n: c.tolist() for n, c in often.stale.state().items()
    }
