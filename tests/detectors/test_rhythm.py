"""Silence by the sensor's own period: declared, or learned from its pauses."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.limit_checks import USUAL_CEILING_S
from detectors.stale import Stale, StaleParameters
from tests.detectors.streams import SECOND, START, Reading, batch, definition, in_force

HOUR = 3600.0
CEILING = 3 * HOUR


def stale(**parameters: float) -> Stale:
    """Silent after 10 s and five periods, at most three hours."""
    own = {"periods": 5.0, "ceiling_s": CEILING, **parameters}
    return Stale(in_force(definition("stale", setpoint=10.0, parameters=own)))


def allowed_s(subject: Stale, heard_s: float) -> float:
    """After how many seconds the sensor, heard last at `heard_s`, is said to be silent."""
    subject.sweep(START + round(heard_s * SECOND), round(heard_s * SECOND))
    end = heard_s + 100 * CEILING
    scores = subject.sweep(START + round(end * SECOND), round(end * SECOND))
    assert len(scores) == 1
    return float(scores.number[0])


def hear(subject: Stale, at_s: Iterable[float]) -> float:
    """The sensor speaks, each reading in a batch of its own; the last instant."""
    last = 0.0
    for last in at_s:
        turn(subject, last, [last])
    return last


def turn(subject: Stale, now_s: float, measured_s: Iterable[float] = (), watched_s: float | None = None) -> int:
    """A batch with the readings measured then, judged `now_s`; how many silences it says."""
    if measured := list(measured_s):
        subject.score(batch([Reading(0, at, 1.0) for at in measured]))
    watched_us = round((now_s if watched_s is None else watched_s) * SECOND)
    return len(subject.sweep(START + round(now_s * SECOND), watched_us))


def beats(pauses: Iterable[float], begin: float = 0.0) -> list[float]:
    """Instants with these pauses between them."""
    found = [begin]
    for pause in pauses:
        found.append(found[-1] + pause)
    return found


@pytest.mark.parametrize(
    ("period_s", "silent_after_s"), [(1.0, 10.0), (5.0, 25.0), (60.0, 300.0), (HOUR, CEILING), (10 * HOUR, 20 * HOUR)]
)
def test_a_declared_period_holds_from_the_first_moment(period_s: float, silent_after_s: float) -> None:
    """Five of them, not below 10 s; the ceiling holds, but two of a declared period are always allowed."""
    assert allowed_s(stale(period_s=period_s), 0.0) == silent_after_s


@pytest.mark.parametrize(("period_s", "silent_after_s"), [(0.2, 10.0), (1.0, 10.0), (60.0, 300.0), (HOUR, CEILING)])
def test_a_period_is_learned_where_nobody_has_said_it(period_s: float, silent_after_s: float) -> None:
    """One that speaks once an hour is not silent after a minute; one that speaks each second is within a few of them."""
    subject = stale()
    last = hear(subject, beats([period_s] * max(20, round(700 / period_s))))
    assert allowed_s(subject, last) == pytest.approx(silent_after_s)


def test_until_something_is_known_the_ceiling_holds() -> None:
    """Eight pauses are needed; a sensor that never spoke is silent when the ceiling is reached."""
    subject = stale()
    assert allowed_s(subject, hear(subject, beats([60.0] * 7))) == CEILING
    assert allowed_s(stale(), 0.0) == CEILING
    assert allowed_s(stale(ceiling_s=60.0), 0.0) == 60.0


def test_what_was_learned_never_reaches_beyond_the_ceiling() -> None:
    """A detector for life safety that reports every ten minutes of its own accord is missed after one all the same."""
    subject = stale(ceiling_s=60.0)
    assert allowed_s(subject, hear(subject, beats([600.0] * 40))) == 60.0


def test_an_outage_and_a_lost_message_teach_nothing() -> None:
    """One long pause among eight is not a period."""
    subject = stale()
    assert allowed_s(subject, hear(subject, beats([60.0] * 12 + [1200.0] + [60.0] * 2))) == 300.0
    begun = stale()
    assert allowed_s(begun, hear(begun, beats([60.0] * 5 + [1200.0] + [60.0] * 25))) == 300.0


@pytest.mark.parametrize("growth", [1.02, 1.1, 1.5, 2.0])
def test_who_slows_down_to_death_does_not_teach_us_to_wait(growth: float) -> None:
    """However gently the pauses grow, the sensor is said to be silent by the period that it had."""
    subject = stale()
    last = hear(subject, beats([60.0] * 20))
    pauses = [60.0 * growth**n for n in range(1, 30)]
    last = hear(subject, beats(pauses, last)[1:])
    assert allowed_s(subject, last) == 300.0


def test_a_sensor_that_was_set_to_speak_faster_is_believed() -> None:
    """After a while; a burst of a minute changes little."""
    subject = stale()
    last = hear(subject, beats([60.0] * 20))
    last = hear(subject, beats([2.0] * 30, last)[1:])
    burst = stale()
    burst.restore(subject.state())
    assert 280.0 < allowed_s(burst, last) <= 300.0
    last = hear(subject, beats([2.0] * 3600, last)[1:])
    assert allowed_s(subject, last) < 15.0


def test_readings_that_come_at_once_are_one_word() -> None:
    """A device that sends eight readings every hour speaks every hour."""
    subject = stale()
    hours = [hour * HOUR + k * 0.1 for hour in range(12) for k in range(8)]
    assert allowed_s(subject, hear(subject, hours)) == CEILING
    minutes = [minute * 60 + k * 0.1 for minute in range(12) for k in range(8)]
    subject = stale()
    assert 290.0 < allowed_s(subject, hear(subject, minutes)) <= 300.0


@pytest.mark.parametrize("declared", [{}, {"period_s": 1.0}])
@pytest.mark.parametrize("gathered_s", [30, 120, 600])
def test_a_message_of_many_readings_is_one_word(gathered_s: int, declared: dict[str, float]) -> None:
    """A sensor measured each second, whose readings come so seldom, is not silent in between, from the first message on; what is
    learned of it is how often something comes."""
    subject = stale(**declared)
    last = 0.0
    for number in range(1 + max(10, 700 // gathered_s)):
        last = 1000.0 + number * gathered_s
        assert turn(subject, last, range(round(last) - gathered_s + 1, round(last) + 1)) == 0
        assert turn(subject, last + gathered_s - 1.0) == 0
    subject.sweep(START + round((last + gathered_s) * SECOND), round((last + gathered_s) * SECOND))
    assert subject.state()["period"].tolist() == [gathered_s * SECOND]
    assert allowed_s(subject, last + gathered_s) == 5.0 * gathered_s


def test_what_was_learned_makes_a_declared_period_no_shorter() -> None:
    """One that is measured once a minute, as somebody has said, may speak each second for ten minutes and then as declared."""
    subject = stale(period_s=60.0)
    assert allowed_s(subject, hear(subject, beats([1.0] * 1000))) == 300.0


@pytest.mark.parametrize("usual_s", [300.0, 900.0, 2400.0])
def test_a_sensor_that_is_being_commissioned_speaks_more_often_than_it_will(usual_s: float) -> None:
    """Nine words within half a minute fix no period: it is known after ten minutes and two of the longest pauses, and right."""
    subject = stale()
    words = beats([3.0] * 8 + [usual_s] * 20)
    for last in words:
        assert turn(subject, last - 1e-3) == 0
        turn(subject, last, [last])
    assert allowed_s(subject, words[-1]) == min(5 * usual_s, CEILING)


def test_a_pause_in_which_nobody_listened_teaches_nothing() -> None:
    """Ingest was away between two words: that the sensor was silent then is not known."""
    subject = stale()
    last = hear(subject, beats([60.0] * 6))
    now = last + HOUR
    turn(subject, now, watched_s=last)
    turn(subject, now + 1, [now + 1], watched_s=last + 1)
    assert subject.state()["pauses_count"].tolist() == [6]
    turn(subject, now + 61, [now + 61], watched_s=last + 61)
    assert subject.state()["pauses_count"].tolist() == [7]
    assert subject.state()["pauses"][0, :7].tolist() == [60 * SECOND] * 7


def test_the_ceiling_of_a_limit_that_states_none() -> None:
    """What the site file reckons with is what the detector does."""
    assert StaleParameters().ceiling_s == USUAL_CEILING_S


@given(
    st.lists(st.sampled_from((0.5, 1.0, 3.0, 10.0, 61.0, 1200.0)), max_size=60),
    st.integers(1, 40),
    st.integers(0, 1000),
    st.integers(0, 60),
)
def test_the_same_batches_teach_the_same(pauses: list[float], readings: int, seed: int, restart_at: int) -> None:
    """Judged again after a kill, whatever the order of the readings within each, and restarted before or after any sweep: the same
    bits."""
    rng = random.Random(seed)
    whole, cut = stale(), stale()
    for number, now in enumerate(beats(pauses)):
        measured = [now - k * 0.01 for k in range(readings)]
        found = [Reading(0, at, 1.0) for at in measured]
        whole.score(batch(found))
        begin = rng.randrange(len(found) + 1)
        for part in (found[begin:], found[:begin]):
            if part:
                cut.score(batch(part))
        if number == restart_at:
            state = cut.state()
            cut = stale()
            cut.restore(state)
        assert turn(whole, now) == turn(cut, now)
    assert {n: c.tobytes() for n, c in cut.state().items()} == {n: c.tobytes() for n, c in whole.state().items()}
