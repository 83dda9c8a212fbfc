"""Time to a limit: seconds left at the present robust slope."""

from __future__ import annotations

import math
import random
from itertools import combinations
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.time_to_limit import FOREVER_S, RING, TimeToLimit
from tests.detectors.streams import SECOND, Reading, batch, definition, in_force


def left(stream: list[Reading], **parameters: float) -> list[float]:
    own = definition("time_to_limit", direction="low", setpoint=600.0, parameters=parameters)
    found: list[float] = TimeToLimit(in_force(own)).score(batch(stream)).number.tolist()
    return found


def line(per_second: float, seconds: int, start: float = 10.0) -> list[Reading]:
    return [Reading(0, float(s), start + per_second * s) for s in range(seconds)]


def test_a_line_arrives_when_it_does() -> None:
    """Rising 0.05 a second from 10 towards 60: 700 s are left after 300 s; the mirror falls towards -60."""
    found = left(line(0.05, 301), limit=60.0, window_s=120.0)
    assert found[300] == pytest.approx(700.0, rel=1e-6)
    mirrored = [Reading(0, r.at_s, -r.value) for r in line(0.05, 301)]
    assert left(mirrored, limit=-60.0, window_s=120.0, falling=1.0)[300] == pytest.approx(700.0, rel=1e-6)


def test_what_rests_or_moves_away_never_arrives() -> None:
    """Steady or falling: a century, never infinity."""
    assert left(line(0.0, 200), limit=60.0, window_s=120.0)[-1] == FOREVER_S
    assert left(line(-0.1, 200), limit=60.0, window_s=120.0)[-1] == FOREVER_S


def test_at_the_limit_nothing_is_left() -> None:
    """A reading at the limit is 0 at once, warm or not."""
    assert left([Reading(0, 0.0, 61.0)], limit=60.0) == [0.0]


def test_it_waits_for_half_a_window() -> None:
    """NaN before four stretches over half of the window have readings."""
    found = left(line(0.05, 200), limit=60.0, window_s=140.0)
    unknown = [math.isnan(number) for number in found]
    assert unknown == sorted(unknown, reverse=True)
    assert 40 <= sum(unknown) <= 80


def test_wild_readings_do_not_move_it() -> None:
    """One reading in a hundred far off changes the answer by less than a tenth."""
    rng = random.Random(5)
    stream = [
        Reading(0, r.at_s, r.value + rng.gauss(0, 0.05) + (25.0 if i == 150 else 0.0))
        for i, r in enumerate(line(0.05, 301))
    ]
    assert left(stream, limit=60.0, window_s=240.0)[300] == pytest.approx(700.0, rel=0.1)


@given(
    st.lists(st.tuples(st.sampled_from([0.5, 1.0, 4.0, 30.0]), st.integers(-50, 50)), max_size=60),
    st.sampled_from([7.0, 70.0]),
)
def test_against_a_slow_reference(steps: list[tuple[float, int]], window_s: float) -> None:
    """Theil-Sen over the means of the last eight stretches, worked out anew from all readings each time."""
    stream, at = [], 0.0
    for gap, value in steps:
        at += gap
        stream.append(Reading(0, at, float(value)))
    found = left(stream, limit=40.0, window_s=window_s)
    width = math.ceil(window_s * SECOND / (RING - 1))
    for row, reading in enumerate(stream):
        if reading.value >= 40.0:
            assert found[row] == 0.0
            continue
        bucket = reading.at_us // width
        stretches: dict[int, list[Reading]] = {}
        for each in stream[: row + 1]:
            if each.at_us // width > bucket - RING:
                stretches.setdefault(each.at_us // width, []).append(each)
        points = [
            (sum(r.at_us - bucket * width for r in rs) / len(rs) / SECOND, sum(r.value for r in rs) / len(rs))
            for _, rs in sorted(stretches.items())
        ]
        if len(points) < 4 or points[-1][0] - points[0][0] < window_s / 2 * (1 - 1 / RING):
            assert math.isnan(found[row])
            continue
        slope = median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2))
        now_s = (reading.at_us - bucket * width) / SECOND
        level = median(x + slope * (now_s - t) for t, x in points)
        if abs(slope) < 1e-9 or abs(level - 40.0) < 1e-6:
            continue  # on the edge, rounding decides
        expected = 0.0 if level >= 40.0 else min((40.0 - level) / slope, FOREVER_S) if slope > 0 else FOREVER_S
        assert found[row] == pytest.approx(expected, rel=1e-6)
