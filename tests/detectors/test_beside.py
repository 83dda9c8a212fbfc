"""What is worked out for several at once: courses, medians, sums; each as one after the other would be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Float64
from core.kernel_cache import kernel, kernel_of_lanes
from detectors.courses import KEPT, LENGTH, squares_apart
from detectors.medians import median_of_five
from detectors.sketch import Float32


@kernel
def _apart(last: Float32, remembered: Float32, row: int, apart: Float64) -> None:
    squares_apart(last, remembered, row, apart)


@pytest.mark.parametrize("largest", [1e-30, 1.0, 1e30])
def test_courses_beside_each_other_are_as_far_as_one_by_one(largest: float) -> None:
    random = np.random.default_rng(1)
    last = (random.normal(size=(5, LENGTH)) * largest).astype(np.float32)
    remembered = (random.normal(size=(5, LENGTH, KEPT)) * largest).astype(np.float32)
    apart = np.full(KEPT, np.nan)
    _apart(last, remembered, 3, apart)
    for stretch in range(KEPT):
        added = 0.0
        for position in range(LENGTH):
            added += (float(last[3, position]) - float(remembered[3, position, stretch])) ** 2
        assert apart[stretch] == added


@given(st.lists(st.floats(allow_nan=False), min_size=5, max_size=5))
def test_the_middle_of_five(values: list[float]) -> None:
    assert median_of_five(*values) == sorted(values)[2]


@kernel
def _share(part: Float64, whole: Float64) -> Float64:
    found = np.empty(len(part))
    for n in range(len(part)):
        found[n] = part[n] / whole[n]
    return found


@kernel_of_lanes
def _shares(part: Float64, whole: Float64) -> Float64:
    found = np.empty(len(part))
    for n in range(len(part)):
        found[n] = part[n] / whole[n]
    return found


def test_only_lanes_divide_by_zero() -> None:
    with pytest.raises(ZeroDivisionError):
        _share(np.ones(1), np.zeros(1))
    assert _shares(np.array([1.0, 0.0, 4.0]), np.array([0.0, 0.0, 2.0])).tolist() == pytest.approx(
        [np.inf, np.nan, 2.0], nan_ok=True
    )
