"""The second opinion without a database: windows as numbers, four models on one scale, ranks, and what cannot be judged."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.batch import Float64
from detectors.second import models, vibration
from detectors.second.case import Case, Column, LeftOut, Windows, case_of
from detectors.second.features import FEATURES, LOGARITHMIC, ROWS, Samples, features, floor_of
from detectors.second.models import CONTAMINATION, TELLS, fit
from detectors.second.opinion import Judged, judge, judge_all, opinions, ranks

DAYS, DAY = 9, 96


def signal(seed: int, days: int = DAYS + 1) -> Float64:
    """Minutes of a signal that goes up and down once a day, with noise."""
    rng = np.random.default_rng(seed)
    minute = np.arange(days * DAY * ROWS)
    wave: Float64 = 50.0 + 5.0 * np.sin(2 * np.pi * minute / 1440) + rng.normal(0.0, 0.4, len(minute))
    return wave


def windows(values: Float64, *, cut: tuple[int, int] | None = None) -> Windows:
    split = len(values) - DAY * ROWS
    history = Samples.of(values[:split])
    floor, flagged = floor_of(history), np.zeros(split // ROWS, bool)
    if cut is not None:
        flagged[slice(*cut)] = True
    blocks = np.arange(split // ROWS) // DAY
    return Windows(features(history, floor), features(Samples.of(values[split:]), floor), flagged, blocks)


def made(values: Float64, number: int = 1, **more: Any) -> Case:
    found = case_of(("sensor", number), ("sensor", number), [(number, windows(values, **more))])
    assert isinstance(found, Case), found
    return found


def at(window: int) -> slice:
    """The minutes of a window of the last day."""
    first = (DAYS * DAY + window) * ROWS
    return slice(first, first + ROWS)


def test_a_window_is_the_same_alone_as_among_others() -> None:
    """Nothing of a window depends on what stands before or after it, nor on how many are looked at at once."""
    values, floor = signal(1, 1), 0.01
    together = features(Samples.of(values), floor)
    alone = np.vstack([features(Samples.of(values[n * ROWS : (n + 1) * ROWS]), floor) for n in range(DAY)])
    assert np.array_equal(together, alone)


@given(st.floats(0.01, 1e4), st.floats(-1e3, 1e3))
@settings(deadline=None, max_examples=30)
def test_features_follow_the_signal(factor: float, offset: float) -> None:
    """What is stretched has the logarithm of that more spread, and the same more slope; what is moved has another level alone."""
    values = np.random.default_rng(3).normal(0.0, 1.0, ROWS)
    before = features(Samples.of(values), 1e-300)[0]
    after = features(Samples.of(values * factor + offset), 1e-300)[0]
    for place, name in enumerate(FEATURES):
        if name in LOGARITHMIC:
            assert after[place] == pytest.approx(before[place] + np.log(factor), abs=1e-6)
        else:
            moved = offset if name == "level" else 0.0
            assert after[place] == pytest.approx(before[place] * factor + moved, rel=1e-6, abs=1e-6)


def test_too_few_samples_are_no_window() -> None:
    """Eight minutes of fifteen are not judged, nine are; a signal that says nothing has no window at all."""
    values = signal(1, 1)[: 2 * ROWS]
    values[:7] = np.nan
    values[ROWS : ROWS + 6] = np.nan
    found = features(Samples.of(values), 0.01)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()
    assert floor_of(Samples.of(np.full(30, np.nan))) == 0.0
    assert np.isnan(features(Samples.of(np.full(30, np.nan)), 0.0)).all()


def test_the_planted_window_comes_first_and_is_told_why() -> None:
    """A quarter of an hour that jumps ten times as far as usual is the most unusual of the day, by all four, and its spread is named."""
    values = signal(2)
    values[at(40)] += np.random.default_rng(9).normal(0.0, 6.0, ROWS)
    found = opinions([judge(made(values))])
    assert (found[0].window, found[0].models) == (40, list(TELLS))
    told = {fact["feature"]: fact["times"] for fact in found[0].facts}
    assert told.keys() & LOGARITHMIC
    assert max(value for value in told.values() if value) > 5.0
    assert len(found) == 10


def test_standing_still_is_unusual_for_what_moves() -> None:
    """A stuck signal has no spread at all, and that is what is said of it."""
    values = signal(2)
    values[at(10)] = values[at(10)][0]
    first = opinions([judge(made(values))])[0]
    assert first.window == 10
    assert min(fact["times"] for fact in first.facts if fact["times"] is not None) < 0.1


def test_the_models_are_the_four_with_what_pyod_would_choose_said() -> None:
    """Never ECOD or COPOD (they score a row against its batch); contamination and seed are explicit, for PyOD's 0.1 calls one in ten odd."""
    assert TELLS == ("pca", "mcd", "knn", "iforest")
    assert set(models.MAKERS) == set(TELLS)
    source = inspect.getsource(models)
    assert "pyod.models.ecod" not in source
    assert "pyod.models.copod" not in source
    for name, make in models.MAKERS.items():
        model = make()
        assert model.contamination == CONTAMINATION < 0.1
        assert name == "knn" or model.random_state == models.SEED


def test_a_row_scores_alone_as_in_a_batch_and_twice_the_same() -> None:
    """The same window gets the same numbers whoever stands beside it, and the same fit again gives the same numbers."""
    case = made(signal(4))
    one, two = fit(case.history, case.blocks), fit(case.history, case.blocks)
    together = one.excess(case.day)
    assert np.allclose(together, np.vstack([one.excess(row[None]) for row in case.day]), rtol=1e-9)
    assert np.array_equal(together, two.excess(case.day))
    assert np.isfinite(together).all()


def test_odd_means_one_in_a_hundred_of_windows_kept_apart() -> None:
    """On a usual day about one window in a hundred is beyond the measure of each model, not one in ten."""
    beyond = np.concatenate([judge(made(signal(seed))).excess > 1.0 for seed in range(20, 26)])
    assert (beyond.mean(axis=0) < 0.05).all()


def test_wild_values_stay_finite() -> None:
    """Values at the edge of what is kept, and nearly equal ones, give numbers."""
    values = signal(5)
    values[at(3)] = 1e140
    case = made(values)
    assert np.isfinite(judge(case).excess).all()
    assert opinions([judge(case)])[0].window == 3
    quiet = 20.0 + 1e-9 * signal(6)
    assert np.isfinite(judge(made(quiet)).excess).all()


def test_a_switch_is_judged_by_the_others() -> None:
    """Of a signal that stands at 0 and now and then at 1 no robust covariance can be fitted: that ends neither the night nor the ranking."""
    values = np.zeros(len(signal(1)))
    for first in range(0, DAYS * DAY * ROWS, 2000):
        values[first : first + 60] = 1.0
    values[at(50)] = np.tile([0.0, 1.0, 1.0], 5)
    found = judge(made(values))
    assert np.isfinite(found.excess[:, [2, 3]]).all()
    assert opinions([found])[0].window == 50


@pytest.mark.parametrize("day", [1, 2, 3])
def test_what_moved_on_one_day_of_the_weeks_before_is_judged(day: int) -> None:
    """A gas head at 0 but for a quarter of an hour of one day, whether that day is kept apart or not: what it does today comes first, with a number."""
    values = np.zeros(len(signal(1)))
    values[day * DAY * ROWS : day * DAY * ROWS + ROWS] = np.linspace(0.0, 3.0, ROWS)
    values[at(50)] = np.linspace(0.0, 40.0, ROWS)
    (found,) = judge_all([made(values)], lambda: False)
    assert isinstance(found, Judged)
    assert np.isfinite(found.excess).any(axis=1).all()
    assert opinions([found])[0].window == 50


def judged(excess: Float64, number: int, first: int = 0) -> Judged:
    """Numbers without a fit."""
    n = len(excess)
    case = Case(
        subject=("sensor", number), group=("sensor", number), columns=(Column(number, "level"),), history=np.zeros((1, 1)),
        blocks=np.zeros(1, np.int64), day=np.zeros((n, 1)), windows=np.arange(first, first + n),
    )  # fmt: skip
    return Judged(case, excess, np.zeros((n, 1)), np.zeros((2, 1)), np.zeros(1))


def test_ranks_are_averaged_not_scores() -> None:
    """However far out one model finds a window, it counts as its place; a growing function of a model's scores changes nothing, nor does one blind model."""
    rng = np.random.default_rng(7)
    excess = rng.normal(size=(50, 4))
    wild = excess.copy()
    wild[:, 2] = np.exp(20.0 * wild[:, 2])
    assert np.array_equal(ranks([judged(excess, 1)]), ranks([judged(wild, 1)]))
    blind = np.array([[9.0, 9.0, 9.0, -5.0], *[[1.0, 1.0, 1.0, 1.0]] * 5])
    assert ranks([judged(blind, 1)]).argmin() == 0
    assert ranks([judged(excess[:20], 1), judged(excess[20:], 2)]).tolist() == ranks([judged(excess, 1)]).tolist()


def test_neighbours_are_one_thing_to_look_at() -> None:
    """An hour in which a signal is odd takes one place of ten and bears its whole length; what is far away takes one of its own."""
    excess = np.full((96, 4), -1.0) + np.linspace(0.0, 0.1, 96)[:, None]
    excess[20:24] = 5.0 + np.arange(4)[:, None]
    excess[60] = 4.0
    found = opinions([judged(excess, 1)])
    assert (found[0].first, found[0].last) == (20, 23)
    assert found[1].window == 60
    assert len(found) <= 10


def test_time_that_is_up_is_said() -> None:
    """What was not reached is left out for want of time, not silently missing; the first is always judged, so that the next night gets further."""
    first, *left = judge_all([made(signal(1)), made(signal(2), 2)], lambda: True)
    assert isinstance(first, Judged)
    assert [each.why for each in left if isinstance(each, LeftOut)] == ["time"]


def test_all_of_the_first_signal_is_judged_and_its_machine_before_it() -> None:
    """Else a night that has time for the machine alone, or not for a waveform, would begin with the same signal for ever."""
    subjects = [("asset", 7), ("sensor", 1), ("bands", 1), ("sensor", 2), ("bands", 2)]
    cases = [replace(made(signal(n)), subject=subject) for n, subject in enumerate(subjects)]
    found = list(judge_all(cases, lambda: True))
    assert [each.subject for each in found if isinstance(each, LeftOut)] == subjects[3:]
    without = list(judge_all([cases[3], cases[1]], lambda: True))
    assert [each.subject for each in without if isinstance(each, LeftOut)] == subjects[1:2]


def test_what_cannot_be_judged_says_why() -> None:
    """A short history with how many days it has, a day without readings, and a signal that stands still, or did until that day."""
    short = case_of(("sensor", 1), ("sensor", 1), [(1, windows(signal(1, 5)))])
    assert short == LeftOut(("sensor", 1), "short", 7, 4)
    silent = signal(1)
    silent[-DAY * ROWS :] = np.nan
    assert case_of(("sensor", 1), ("sensor", 1), [(1, windows(silent))]) == LeftOut(("sensor", 1), "missing")
    still = np.full(len(silent), 3.2)
    assert case_of(("sensor", 1), ("sensor", 1), [(1, windows(still))]) == LeftOut(("sensor", 1), "still", None, DAYS)
    still[at(50)] = 9.0
    assert case_of(("sensor", 1), ("sensor", 1), [(1, windows(still))]) == LeftOut(("sensor", 1), "moved", None, DAYS)
    never = np.full(len(silent), np.nan)
    assert case_of(("sensor", 1), ("sensor", 1), [(1, windows(never))]) == LeftOut(("sensor", 1), "short", 7, 0)


def test_nothing_is_learnt_from_what_is_flagged() -> None:
    """Two days of a fault in the weeks before would make the fault usual; cut out, it is found."""
    values = signal(8)
    values[: 2 * DAY * ROWS] += 40.0
    values[at(30)] += 40.0
    case = made(values, cut=(0, 2 * DAY))
    assert len(case.history) == (DAYS - 2) * DAY
    assert opinions([judge(case)])[0].window == 30


def test_bands_need_a_waveform() -> None:
    """A reading a second reaches half a hertz: no band is worked out of it. What can be is said by the rate."""
    assert vibration.reached(1.0) == ()
    assert pytest.approx(25.6) == vibration.LEAST_RATE_HZ
    assert pytest.approx(2560.0) == vibration.FULL_RATE_HZ
    assert vibration.names(25.6) == ("band 2-10 Hz", "crest factor", "kurtosis")


def test_a_tone_stands_in_its_band_and_a_knock_in_kurtosis() -> None:
    """30 Hz of 1 mm/s RMS is found in 10-100 Hz and not below; knocks raise crest factor and kurtosis; noise has a kurtosis of 3."""
    at_s, rng = np.arange(512) / 400.0, np.random.default_rng(1)
    tone = np.sqrt(2.0) * np.sin(2 * np.pi * 30.0 * at_s)
    low, band, crest, _ = vibration.spectrum(at_s, 7.0 + tone, 400.0)
    assert np.exp(band) == pytest.approx(1.0, rel=0.02)
    assert np.exp(low) < 0.01
    assert np.exp(crest) == pytest.approx(np.sqrt(2.0), rel=0.05)
    noise = rng.normal(size=512)
    assert abs(vibration.spectrum(at_s, noise, 400.0)[3]) < 0.3
    noise[::64] += 12.0
    assert np.exp(vibration.spectrum(at_s, noise, 400.0)[3]) > 3.0


def test_a_waveform_that_is_none_has_no_spectrum() -> None:
    """Too few samples, uneven ones, another rate than said, or a value that stands still."""
    at_s = np.arange(512) / 400.0
    tone = np.sin(2 * np.pi * 30.0 * at_s)
    assert np.isnan(vibration.spectrum(at_s[:60], tone[:60], 400.0)).all()
    assert np.isnan(vibration.spectrum(at_s + 0.002 * (np.arange(512) % 7 == 0), tone, 400.0)).all()
    assert np.isnan(vibration.spectrum(at_s, tone, 100.0)).all()
    assert np.isnan(vibration.spectrum(at_s, np.full(512, 3.0), 400.0)).all()
