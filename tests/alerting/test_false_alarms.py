"""The setpoint that a budget of false alarms gives: monotone, honest about what it cannot, and kept on streams it has not seen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerting.false_alarms import (
    CAPPED,
    KEPT,
    UNKNOWN,
    UNUSED,
    US,
    WEEK_S,
    Curve,
    Lasting,
    Numbers,
    choose,
    curve,
    moves,
    needed,
    shares,
)

LASTING = Lasting(on_delay_s=30.0, off_delay_s=30.0, deadband=0.3, least=1.0, most=math.inf)


def numbers(
    count: int = 20_000, *, memory: float = 0.9, seed: int = 1, calibrated: int = 100_000, cut: float = 0.0
) -> Numbers:
    """-log10 p of a stream that remembers, as a model calibrated on so many windows would say it; a share of it missing."""
    rng = np.random.default_rng(seed)
    noise, wander = rng.normal(size=count), np.empty(count)
    last = 0.0
    for place in range(count):
        last = memory * last + math.sqrt(1.0 - memory**2) * noise[place]
        wander[place] = last
    rank = np.argsort(np.argsort(-wander))
    number = -np.log10(np.maximum((rank + 1.0) / (count + 1.0), 1.0 / (calibrated + 1.0)))
    number[rng.random(count) < cut] = np.nan
    return Numbers(at=np.arange(count, dtype=np.int64) * 10 * US, number=number, period_s=10.0, calibrated=calibrated)


STREAM = numbers()


@settings(max_examples=40, deadline=None)
@given(st.floats(0.02, 70.0), st.floats(1.0, 20.0))
@example(0.125, 2.0)  # a shorter delay, at a setpoint that is a little higher
def test_a_larger_budget_is_called_for_no_rarer_things(per_week: float, times: float) -> None:
    """Who bears more false alarms waits no longer, and at the same delay has no higher setpoint: they come as often or more often."""
    strict, lax = choose(STREAM, LASTING, per_week), choose(STREAM, LASTING, per_week * times)
    assert lax.on_delay_s <= strict.on_delay_s
    assert lax.setpoint <= strict.setpoint or lax.on_delay_s < strict.on_delay_s
    assert lax.expected is None or strict.expected is None or lax.expected >= strict.expected


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(1, 50))
def test_one_more_alarm_never_lowers_the_others(scores: int, more: int) -> None:
    """All share the budget alike."""
    few, many = shares(2.0, scores), shares(2.0, scores + more)
    assert many < few
    by = curve(STREAM, LASTING)
    assert by.setpoint(many) >= by.setpoint(few)


@settings(max_examples=15, deadline=None)
@given(st.integers(60, 20_000), st.integers(2, 20))
def test_a_larger_calibration_never_makes_it_worse(calibrated: int, times: int) -> None:
    """With more windows the expected rate is at most what it was, or within the budget; and none is needed that was not."""
    small, large = numbers(calibrated=calibrated), numbers(calibrated=calibrated * times)
    before, after = choose(small, LASTING, 0.5), choose(large, LASTING, 0.5)
    assert after.expected is not None
    assert before.expected is not None
    assert after.expected <= max(before.expected * 1.05, 0.5)
    assert not (before.needs is None and after.needs is not None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 500), min_size=5, max_size=49), st.floats(0.0, 6.0), st.floats(0.0, 6.0))
def test_no_curve_gives_more_at_a_higher_setpoint(episodes: list[int], one: float, other: float) -> None:
    """Whatever was counted; and rates are finite and never negative."""
    by = Curve(np.linspace(0.0, 3.0, len(episodes)), np.array(episodes, np.int64), 86_400.0)
    if not by.says:
        return
    low, high = sorted((one, other))
    assert 0.0 <= by.rate(high) <= by.rate(low) + 1e-9
    assert math.isfinite(by.rate(low))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 500), min_size=5, max_size=49), st.floats(0.01, 500.0))
def test_the_setpoint_of_a_curve_keeps_the_rate(episodes: list[int], per_week: float) -> None:
    """The lowest that does."""
    by = Curve(np.linspace(0.0, 3.0, len(episodes)), np.array(episodes, np.int64), 86_400.0)
    if by.says:
        assert by.rate(by.setpoint(per_week)) <= per_week * (1.0 + 1e-6)


def test_a_calibration_that_is_too_small_is_said() -> None:
    """Two hundred windows cannot be as rare as the budget wants: the alarm lasts longer, and what would do is named."""
    small = numbers(calibrated=200)
    found = choose(small, replace(LASTING, on_delay_s=0.0, off_delay_s=0.0), 0.05)
    assert found.needs is not None
    assert found.needs > 200
    assert found.on_delay_s > 0.0
    assert found.setpoint < small.highest


def test_no_setpoint_is_beyond_what_a_detector_can_say() -> None:
    """Four times its pack's would never be reached: the alarm must last longer instead; of calibration windows nothing is said, it has none."""
    bounded = replace(STREAM, calibrated=None, reach=2.5)
    found = choose(bounded, replace(LASTING, least=1.5, most=12.0), 0.02)
    assert found.setpoint < 2.5
    assert found.on_delay_s > LASTING.on_delay_s
    assert found.needs is None
    assert choose(replace(STREAM, calibrated=None), replace(LASTING, least=1.5, most=12.0), 0.02).setpoint > 2.5


def test_no_delay_is_longer_than_the_database_takes() -> None:
    """A limit that waits for hours is not made to wait for days, which would end the duty with an error each time."""
    odd, even = np.full(300, 2.3), np.zeros(20)  # for two days, or for one, ten minutes a number
    number = np.concatenate([part for _ in range(8) for part in (odd, even, odd[:150], even)])
    lasting = Numbers(
        at=np.arange(len(number), dtype=np.int64) * 600 * US, number=number, period_s=600.0, calibrated=200
    )
    found = choose(lasting, replace(LASTING, on_delay_s=40_000.0), 0.02)
    assert (found.state, found.on_delay_s <= 86_400.0) == (CAPPED, True)


def test_too_little_says_that_it_is_too_little() -> None:
    """Neither a silent zero nor a number from nothing."""
    assert choose(numbers(200), LASTING, 2.0).state == UNKNOWN
    nothing = Numbers(at=np.empty(0, np.int64), number=np.empty(0), period_s=10.0, calibrated=300)
    assert choose(nothing, LASTING, 2.0).state == UNKNOWN
    blind = replace(STREAM, number=np.full(len(STREAM.number), np.nan))
    assert choose(blind, LASTING, 2.0).state == UNKNOWN
    constant = replace(STREAM, number=np.zeros(len(STREAM.number)))
    assert choose(constant, LASTING, 2.0).state in (UNKNOWN, UNUSED)


def test_a_budget_that_is_not_used_up_stays_at_the_lowest_setpoint() -> None:
    """What one window in ten reaches is not odd, however few alarms it would give."""
    found = choose(STREAM, replace(LASTING, on_delay_s=600.0, off_delay_s=600.0), 70.0)
    assert (found.state, found.setpoint) == (UNUSED, LASTING.least)


def test_missing_numbers_change_little() -> None:
    """Holes are neither normal nor odd."""
    whole, holed = choose(STREAM, LASTING, 5.0), choose(numbers(cut=0.1), LASTING, 5.0)
    assert whole.state == holed.state == KEPT
    assert abs(whole.setpoint - holed.setpoint) < 0.5


@pytest.mark.parametrize("memory", [0.8, 0.95])
def test_a_stream_it_has_not_seen_keeps_the_budget(memory: float) -> None:
    """Twice to half, counted by the conditions of production: a week teaches, the next six are judged."""
    week = round(WEEK_S / 10.0)
    known, unseen = numbers(week, memory=memory, seed=5), numbers(6 * week, memory=memory, seed=6)
    budget = 20.0
    chosen = choose(known, LASTING, budget)
    assert chosen.state == KEPT
    asked = replace(LASTING, on_delay_s=chosen.on_delay_s)
    found = curve(unseen, asked)
    realised = float(np.interp(chosen.setpoint, found.setpoints, found.episodes)) / 6.0
    assert budget / 2.0 <= realised <= budget * 2.0


def test_what_would_do_is_a_number_of_windows() -> None:
    """log10(n + 1) must reach the setpoint; beyond a year of seconds nothing is promised."""
    assert needed(2.3) == 200
    assert needed(40.0) == 31_557_600
    assert CAPPED != KEPT


def test_a_setpoint_moves_only_where_it_matters() -> None:
    """Each move begins a detector anew."""
    assert not moves(1.0, 1.4)
    assert moves(1.0, 1.6)
    assert moves(0.0, 0.1)
    assert not moves(0.0, 0.0)
    assert moves(1.0, None)
