"""Conditions: deadband and delays in judged time, whatever way readings are cut into batches."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.condition import Conditions
from core.batch import Event, Scores
from core.model import AlarmDefinition, DefinitionSet, Priority

S = 1_000_000
HIGH = AlarmDefinition(
    definition_id=7, company_id=1, site_id=1, sensor_id=70, key="gas", detector="limit", direction="high",
    setpoint=25.0, deadband=5.0, priority=Priority.HIGH,
)  # fmt: skip

Point = tuple[int, int, float]  # definition index, microseconds, number


def conditions(*definitions: AlarmDefinition) -> Conditions:
    slots = np.arange(len(definitions), dtype=np.int32)
    return Conditions(DefinitionSet(1, definitions, slots, len(definitions)))


def scores(points: list[Point]) -> Scores:
    return Scores(
        np.array([p[0] for p in points], np.int32),
        np.arange(len(points), dtype=np.int32),
        np.array([p[1] for p in points], np.int64),
        np.array([p[2] for p in points], np.float64),
    )


def run(definition: AlarmDefinition, *points: tuple[float, float]) -> list[tuple[bool, float]]:
    """(active, seconds) of the events that (seconds, number) points give."""
    events = conditions(definition).step(scores([(0, int(t * S), x) for t, x in points]))
    return [(event.active, event.at / S) for event in events]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        pytest.param([(0, 24.9), (1, 25.0)], [(True, 1)], id="the setpoint itself is beyond"),
        pytest.param([(0, 26), (1, 24), (2, 20.0)], [(True, 0)], id="inside the deadband it stays"),
        pytest.param([(0, 26), (1, 24), (2, 19.9)], [(True, 0), (False, 2)], id="beyond the deadband it ends"),
        pytest.param([(0, 26), (1, math.nan), (2, 26)], [(True, 0)], id="NaN changes nothing"),
        pytest.param([(0, math.inf), (1, -math.inf)], [(True, 0), (False, 1)], id="infinity is a number"),
    ],
)
def test_setpoint_and_deadband(points: list[tuple[float, float]], expected: list[tuple[bool, float]]) -> None:
    """A high condition begins at the setpoint and ends beyond the deadband; a low one is its mirror."""
    assert run(HIGH, *points) == expected
    low = replace(HIGH, direction="low", setpoint=-HIGH.setpoint)
    assert run(low, *((t, -x) for t, x in points)) == expected


DELAYED = replace(HIGH, on_delay_us=10 * S, off_delay_us=5 * S)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        pytest.param([(0, 30), (10, 30)], [(True, 10)], id="on-delay ends at the reading on its end"),
        pytest.param([(0, 30), (17, 30)], [(True, 10)], id="the event carries onset + delay"),
        pytest.param([(0, 30), (10, 0)], [(True, 10)], id="a delay that is over ends before the reading is looked at"),
        pytest.param([(0, 30), (9, 24), (20, 30), (29, 30)], [], id="below the setpoint cancels an on-delay"),
        pytest.param([(0, 30), (11, 0), (16, 0)], [(True, 10), (False, 16)], id="off-delay from the first number back"),
        pytest.param(
            [(0, 30), (11, 0), (14, 26), (17, 0), (21, 22)], [(True, 10)], id="over again cancels an off-delay"
        ),
        pytest.param(
            [(0, 30), (11, 0), (14, 22), (16, 22)], [(True, 10), (False, 16)], id="the deadband does not cancel it"
        ),
        pytest.param([(0, 30), (4, math.nan), (10, math.nan)], [(True, 10)], id="NaN lets a due delay end"),
        pytest.param(
            [(0, 30), (10, 0), (40, 30), (50, 30)], [(True, 10), (False, 15), (True, 50)], id="two ends in a row"
        ),
    ],
)
def test_delays(points: list[tuple[float, float]], expected: list[tuple[bool, float]]) -> None:
    """A delay ends at the first number at or after onset + delay, and says onset + delay."""
    assert run(DELAYED, *points) == expected


def test_a_sweep_ends_what_no_reading_ends() -> None:
    """If no reading comes, `now` passing the end of the delay decides, with the same instant and the last number."""
    subject = conditions(DELAYED, replace(DELAYED, definition_id=8, on_delay_us=2 * S))
    assert subject.next_due_us() is None
    assert subject.step(scores([(0, 0, 30.0), (1, 1 * S, 31.0)])) == []
    assert subject.next_due_us() == 3 * S
    assert subject.sweep(3 * S - 1) == []
    assert subject.sweep(60 * S) == [Event(8, 70, True, 3 * S, 31.0), Event(7, 70, True, 10 * S, 30.0)]
    assert subject.next_due_us() is None
    assert list(subject.active) == [True, True]


def test_time_does_not_run_back_after_a_sweep() -> None:
    """A reading that was on its way while a sweep ended the delay cannot clear the alarm before it was raised."""
    subject = conditions(replace(DELAYED, off_delay_us=0))
    subject.step(scores([(0, 0, 30.0)]))
    assert [e.at for e in subject.sweep(11 * S)] == [10 * S]
    assert [(e.active, e.at) for e in subject.step(scores([(0, 9 * S, 0.0)]))] == [(False, 10 * S)]


def test_was_active_remembers_the_last_time() -> None:
    """Late readings ask whether the condition was active over their instant."""
    subject = conditions(HIGH)
    assert not subject.was_active(0, 5)
    subject.step(scores([(0, 10, 30.0), (0, 20, 0.0)]))
    assert [subject.was_active(0, at) for at in (9, 10, 19, 20)] == [False, True, True, False]
    subject.step(scores([(0, 30, 30.0)]))
    assert [subject.was_active(0, at) for at in (25, 30, 99)] == [False, True, True]


def test_state_of_another_shape_is_refused() -> None:
    """A checkpoint that does not fit is not half taken over."""
    state = conditions(HIGH).state()
    with pytest.raises(ValueError, match="uint8"):
        conditions(HIGH, HIGH).restore(state)
    del state["due"]
    with pytest.raises(ValueError, match="columns"):
        conditions(HIGH).restore(state)


_numbers = st.sampled_from([10.0, 19.0, 20.0, 22.0, 24.9, 25.0, 30.0, math.nan])
_delays = st.sampled_from([0, 1, 3 * S, 10 * S])
_definition = st.builds(
    lambda direction, deadband, on, off, votes: replace(
        HIGH, direction=direction, deadband=deadband, on_delay_us=on, off_delay_us=off, votes=votes[0], votes_of=votes[1]
    ),
    st.sampled_from(["high", "low"]), st.sampled_from([0.0, 5.0]), _delays, _delays,
    st.sampled_from([(1, 1), (1, 1), (1, 3), (2, 2), (2, 3), (3, 5), (64, 64)]),
)  # fmt: skip


@st.composite
def _streams(draw: st.DrawFn) -> tuple[list[AlarmDefinition], list[Point]]:
    """Some definitions, and points in time order for each."""
    definitions = [
        replace(d, definition_id=i) for i, d in enumerate(draw(st.lists(_definition, min_size=1, max_size=3)))
    ]
    steps = draw(
        st.lists(st.tuples(st.integers(0, len(definitions) - 1), st.sampled_from([1, S, 2 * S, 5 * S]), _numbers))
    )
    points, at = [], 0
    for index, wait, number in steps:
        at += wait
        points.append((index, at, number))
    return definitions, points


@given(_streams(), st.lists(st.integers(0, 40)))
def test_any_cut_into_batches_gives_the_same(
    stream: tuple[list[AlarmDefinition], list[Point]], cuts: list[int]
) -> None:
    """Batches are an accident of the network: events and state do not depend on them, nor on a restart between two."""
    definitions, points = stream
    whole = conditions(*definitions)
    expected = [replace(event, row=0) for event in whole.step(scores(points))]
    subject, found = conditions(*definitions), []
    edges = [0, *sorted(min(cut, len(points)) for cut in cuts), len(points)]
    for begin, end in pairwise(edges):
        found += subject.step(scores(points[begin:end]))
        restarted = conditions(*definitions)
        restarted.restore(subject.state())
        restarted.votes.restore(subject.votes.state())
        subject = restarted
    assert [replace(event, row=0) for event in found] == expected
    for name, column in whole.state().items():
        assert column.tobytes() == subject.state()[name].tobytes(), name


@given(_streams())
def test_a_sweep_and_a_reading_say_the_same(stream: tuple[list[AlarmDefinition], list[Point]]) -> None:
    """Sweeping up to each reading's instant before judging it changes no event of any definition."""
    definitions, points = stream
    expected = conditions(*definitions).step(scores(points))
    subject, found = conditions(*definitions), []
    for point in points:
        found += subject.sweep(point[1])
        found += subject.step(scores([point]))
    last = points[-1][1] if points else 0
    for index in range(len(definitions)):
        own = [replace(event, row=0) for event in expected if event.definition_id == index]
        swept = [replace(event, row=0) for event in found if event.definition_id == index]
        assert swept[: len(own)] == own
        assert all(event.at <= last for event in swept[len(own) :])


@given(_streams())
def test_no_event_without_a_cause(stream: tuple[list[AlarmDefinition], list[Point]]) -> None:
    """Events of a definition take turns, never run back in time, and a raise needs a number beyond the setpoint."""
    definitions, points = stream
    events = conditions(*definitions).step(scores(points))
    for index, definition in enumerate(definitions):
        own = [event for event in events if event.definition_id == index]
        assert [event.active for event in own] == [i % 2 == 0 for i in range(len(own))]
        assert all(a.at <= b.at for a, b in pairwise(own))
        high = definition.direction == "high"
        for event in own:
            delay = definition.on_delay_us if event.active else definition.off_delay_us
            causes = [x for i, at, x in points if i == index and at == event.at - delay]
            if event.active:
                assert any(x >= definition.setpoint if high else x <= definition.setpoint for x in causes)
            else:
                back = definition.setpoint + (-definition.deadband if high else definition.deadband)
                assert any(x < back if high else x > back for x in causes)


VOTING = replace(HIGH, votes=2, votes_of=3)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        pytest.param([(0, 30), (1, 0), (2, 0), (3, 30)], [], id="two of four are not two of three"),
        pytest.param([(0, 30), (1, 0), (2, 30)], [(True, 2)], id="the second vote within three begins it"),
        pytest.param([(0, 30), (1, math.nan), (2, math.nan), (3, 30)], [(True, 3)], id="NaN takes no place"),
        pytest.param([(0, 30), (1, 30), (2, 0), (3, 30), (4, 30)], [(True, 1)], id="one back is no two back"),
        pytest.param(
            [(0, 30), (1, 30), (2, 0), (3, 0)], [(True, 1), (False, 3)], id="it ends when fewer than two hold"
        ),
        pytest.param([(0, 30), (1, 30), (2, 22), (3, 22), (4, 22)], [(True, 1)], id="inside the deadband is not back"),
    ],
)
def test_k_of_m(points: list[tuple[float, float]], expected: list[tuple[bool, float]]) -> None:
    """A condition that wants two of three begins with the second vote and ends when fewer than two hold; low is its mirror."""
    assert run(VOTING, *points) == expected
    low = replace(VOTING, direction="low", setpoint=-VOTING.setpoint)
    assert run(low, *((t, -x) for t, x in points)) == expected


@given(st.lists(_numbers, max_size=60), st.integers(1, 8).flatmap(lambda m: st.tuples(st.integers(1, m), st.just(m))))
def test_k_of_m_is_what_counting_gives(numbers: list[float], votes: tuple[int, int]) -> None:
    """Against a slow reference that keeps every number and counts the last m of them anew each time."""
    needed, of = votes
    definition = replace(HIGH, votes=needed, votes_of=of)
    active, expected, cast = False, [], [HIGH.setpoint] * 0
    unknown = of  # before the first numbers nothing is known to be back
    for at, number in enumerate(numbers):
        if math.isnan(number):
            continue
        cast.append(number)
        last = cast[-of:]
        beyond = sum(x >= HIGH.setpoint for x in last)
        held = sum(x >= HIGH.setpoint - HIGH.deadband for x in last) + max(unknown - len(cast), 0)
        if (beyond >= needed) if not active else (held < needed):
            active = not active
            expected.append((active, float(at)))
    assert run(definition, *((float(at), x) for at, x in enumerate(numbers))) == expected


def test_only_who_votes_keeps_votes() -> None:
    """A set in which nobody votes has no column for it."""
    assert conditions(HIGH).votes.ballots.row.nbytes == 0
    voting = conditions(HIGH, VOTING).votes
    assert len(voting) == 1
    assert voting.ballots.row.tolist() == [-1, 0]
    with pytest.raises(ValueError, match="3 of 2"):
        conditions(replace(HIGH, votes=3, votes_of=2))


@given(st.lists(st.floats(20.0, 24.999), max_size=50))
def test_the_deadband_stops_chatter(wobble: list[float]) -> None:
    """However a number wobbles between deadband and setpoint, nothing new happens."""
    subject = conditions(HIGH)
    assert len(subject.step(scores([(0, 0, 25.0)]))) == 1
    assert subject.step(scores([(0, i + 1, x) for i, x in enumerate(wobble)])) == []
