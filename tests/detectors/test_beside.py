"""What is worked out for several at once: courses, medians, sums; each as one after the other would be."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Float64
from core.kernel_cache import kernel, kernel_of_lanes
from detectors.courses import KEPT, LENGTH, RECENT, UInt16, remember, squares_apart
from detectors.medians import median_of_five
from detectors.sketch import Float32


@kernel
def _apart(recent: Float32, remembered: UInt16, row: int, apart: Float64) -> None:
    squares_apart(recent, remembered, row, apart)


@pytest.mark.parametrize("level", [0.0, 1e5])
@pytest.mark.parametrize("largest", [1e-30, 1.0, 1e30])
def test_courses_beside_each_other_are_as_far_as_one_by_one(largest: float, level: float) -> None:
    """Within what half of a float32 leaves out: a 256th of how far a stretch goes from where it begins, wherever that is."""
    random = np.random.default_rng(1)
    courses = (random.normal(size=(KEPT + 1, LENGTH)) * largest + level * min(largest, 1.0)).astype(np.float32)
    recent, remembered = np.zeros((5, RECENT), np.float32), np.zeros((5, LENGTH, KEPT), np.uint16)
    for stretch in range(KEPT):
        recent[3, :LENGTH] = courses[stretch]
        remember(recent, remembered, 3, stretch)
    recent[3, :LENGTH] = courses[KEPT]
    apart = np.full(KEPT, np.nan)
    _apart(recent, remembered, 3, apart)
    for stretch in range(KEPT):
        kept = remembered[3, :, stretch].astype(np.uint32) << 16
        own = courses[stretch, 0] + kept.view(np.float32)
        assert apart[stretch] == sum((float(x) - float(y)) ** 2 for x, y in zip(courses[KEPT], own, strict=True))
        reach = float(np.abs(courses[stretch].astype(float) - float(courses[stretch, 0])).max())
        true = float(np.sqrt(((courses[KEPT].astype(float) - courses[stretch].astype(float)) ** 2).sum()))
        assert math.sqrt(apart[stretch]) == pytest.approx(true, abs=reach / 64 + 1e-6 * level * min(largest, 1.0))
    assert not remembered[[0, 1, 2, 4]].any()


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
