"""What is to come of one member: its highest value within the time ahead, a bound, and the time to its limit."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.batch import Float64
from core.errors import BadInput
from core.model_setup import PLAIN, ModelForecast, ModelSetup
from detectors.models.ahead import SETTINGS, Ahead
from detectors.models.fitting import halves
from detectors.time_to_limit import FOREVER_S

MEMBERS = ("m1/methane", "m1/air", "m1/cutter")
AHEAD = ModelForecast(of="m1/methane", ahead_s=120.0, limit=1.5)
WINDOW_S = 10.0
SPAN = 12


def airway(count: int, seed: int) -> Float64:
    """Methane that rises a minute or two after the cutter has begun, and after the air has slowed."""
    random = np.random.default_rng(seed)
    cutter = np.repeat(random.random(count // 30 + 1) > 0.6, 30)[:count].astype(np.float64)
    air, slow = np.empty(count), 0.0
    methane, now = np.empty(count), 0.4
    for row in range(count):
        slow = 0.97 * slow + random.normal(0, 0.03)
        air[row] = 2.5 + slow
        wanted = (0.4 + 0.9 * cutter[max(row - 6, 0)]) * 2.5 / max(air[row], 0.5)
        now += (wanted - now) / 12.0
        methane[row] = now + random.normal(0, 0.01)
    return np.column_stack([methane, air, cutter + random.normal(0, 0.01, count)])


@cache
def forecast() -> Ahead:
    """A forecast learnt from half a day."""
    return Ahead.fit(
        halves(airway(4_000, 1), MEMBERS, window_s=WINDOW_S, memory=31), MEMBERS, ModelSetup(forecast=AHEAD), WINDOW_S
    )


def to_come(value: Float64, span: int = SPAN) -> Float64:
    """The highest of the next rows, as they came."""
    return np.array([value[row + 1 : row + 1 + span].max() for row in range(len(value) - span)])


def test_it_knows_more_than_the_present_value() -> None:
    """Its error is well below that of saying that all stays as it is, on a day it has not seen."""
    rows = airway(3_000, 2)
    truth = to_come(rows[:, 0])
    said = forecast().numbers(rows, MEMBERS)["_ahead"][: len(truth)]
    there = np.isfinite(said)
    assert there.sum() > 2_900
    error, idle = (np.sqrt(np.mean((each[there] - truth[there]) ** 2)) for each in (said, rows[: len(truth), 0]))
    assert error < 0.7 * idle


def test_the_bound_is_passed_by_one_in_twenty() -> None:
    """The bound is calibrated on windows that the forecast was not made from."""
    rows = airway(6_000, 3)
    truth = to_come(rows[:, 0])
    most = forecast().numbers(rows, MEMBERS)["_ahead_most"][: len(truth)]
    there = np.isfinite(most)
    assert 0.02 < np.mean(truth[there] > most[there]) < 0.09


def test_the_limit_is_foreseen() -> None:
    """Before methane newly passes 1.2 the forecast passes it, most often a minute before, and says how many seconds are left."""
    rows = airway(6_000, 4)
    found = forecast().numbers(rows, MEMBERS, limit=1.2)
    below = rows[:, 0] < 1.2
    crossings = [row for row in range(40, 6_000) if not below[row] and below[row - 30 : row].all()]
    assert len(crossings) > 20
    early = [row - 6 for row in crossings]
    assert np.mean([found["_ahead"][row] >= 1.2 for row in early]) > 0.7
    left = found["_to_limit"]
    assert np.median([left[row] for row in early]) < 120.0
    assert set(left[~below & np.isfinite(found["_ahead"])]) == {0.0}
    assert (left[(found["_ahead"] < 1.0) & (rows[:, 0] < 1.0)] == FOREVER_S).mean() > 0.95
    assert "_to_limit" not in forecast().numbers(rows[:40], MEMBERS)


def test_the_lowest_is_the_highest_turned_over() -> None:
    """A suction pressure falls to its limit as a level rises to one."""
    turned = airway(4_000, 1) * np.array([-1.0, 1.0, 1.0])
    down = Ahead.fit(
        halves(turned, MEMBERS, window_s=WINDOW_S, memory=31),
        MEMBERS,
        ModelSetup(forecast=ModelForecast(of="m1/methane", ahead_s=120.0, falling=True, limit=-1.5)),
        WINDOW_S,
    )
    rows = airway(500, 5)
    up = forecast().numbers(rows, MEMBERS, limit=1.5)
    found = down.numbers(rows * np.array([-1.0, 1.0, 1.0]), MEMBERS, limit=-1.5)
    assert found["_ahead"] == pytest.approx(-up["_ahead"], nan_ok=True)
    assert found["_ahead_most"] == pytest.approx(-up["_ahead_most"], nan_ok=True)
    assert found["_to_limit"] == pytest.approx(up["_to_limit"], nan_ok=True)


def test_the_time_left_lies_on_the_course() -> None:
    """Half of the way from the last span below to the first one above is half of the time between them."""
    from detectors.models.ahead import _reached

    course = [np.array([value]) for value in (1.0, 1.1, 1.3, 1.3)]
    assert _reached(course, (0.0, 40.0, 80.0, 120.0), 1.2)[0] == pytest.approx(60.0)
    assert _reached(course, (0.0, 40.0, 80.0, 120.0), 1.05)[0] == pytest.approx(20.0)
    assert _reached(course, (0.0, 40.0, 80.0, 120.0), 1.4)[0] == FOREVER_S
    assert _reached(course, (0.0, 40.0, 80.0, 120.0), 0.9)[0] == 0.0
    assert np.isnan(_reached([np.array([1.0]), np.array([np.nan])], (0.0, 40.0), 1.4)[0])


@settings(max_examples=15)
@given(end=st.integers(60, 199), holes=st.lists(st.tuples(st.integers(30, 199), st.integers(0, 2)), max_size=6))
def test_a_row_alone_is_forecast_as_in_a_batch(end: int, holes: list[tuple[int, int]]) -> None:
    """Causal, and the same bits with its memory alone as among many; where a member is missing it is NaN, never a zero."""
    rows = airway(200, 6)
    for row, member in holes:
        rows[row, member] = np.nan
    whole = forecast().numbers(rows, MEMBERS, limit=1.5)
    alone = forecast().numbers(rows[end - SETTINGS.memory : end], MEMBERS, limit=1.5)
    for name, numbers in whole.items():
        assert alone[name][-1].tobytes() == numbers[end - 1].tobytes(), name
    near = any(end - SETTINGS.memory <= row < end for row, _ in holes)
    assert np.isnan(whole["_ahead"][end - 1]) == near == np.isnan(whole["_to_limit"][end - 1])


def test_restored_from_json_it_says_the_same() -> None:
    """What is kept is everything, and what it was fitted for is known: another limit is the same forecast, another time is not."""
    rows = airway(100, 7)
    again = Ahead.restored(MEMBERS, json.loads(json.dumps(forecast().parameters())))
    one, other = again.numbers(rows, MEMBERS, 1.5), forecast().numbers(rows, MEMBERS, 1.5)
    assert {name: each.tobytes() for name, each in one.items()} == {
        name: each.tobytes() for name, each in other.items()
    }
    assert again.suits(MEMBERS, ModelSetup(forecast=ModelForecast(of="m1/methane", ahead_s=120.0, limit=1.2)))
    assert not again.suits(MEMBERS, ModelSetup(forecast=ModelForecast(of="m1/methane", ahead_s=60.0, limit=1.5)))
    assert not again.suits(MEMBERS[::-1], ModelSetup(forecast=AHEAD))
    assert not again.suits(MEMBERS, PLAIN)


def test_other_columns_are_refused() -> None:
    """It never forecasts from what it was not fitted on."""
    with pytest.raises(BadInput, match=r"This forecast was fitted on m1/methane, .* and is given m1/cutter"):
        forecast().numbers(airway(40, 1)[:, ::-1], MEMBERS[::-1])


def test_an_interval_too_short_for_it_is_told() -> None:
    """Three quarters of an hour ahead, an hour in the later half: too few of them have ended."""
    far = ModelSetup(forecast=ModelForecast(of="m1/methane", ahead_s=2_700.0))
    with pytest.raises(BadInput, match=r"is held against \d+ windows that it was not made from; it needs 99"):
        Ahead.fit(halves(airway(800, 1), MEMBERS, window_s=WINDOW_S, memory=31), MEMBERS, far, WINDOW_S)


def test_documented() -> None:
    """It says what it is, where it comes from, how far it looks back and when it fails."""
    assert all(block in (Ahead.__doc__ or "") for block in ("Source:", "Memory:", "Warm-up:", "Fails when:"))
    assert f"Memory: {SETTINGS.memory} rows" in (Ahead.__doc__ or "")
