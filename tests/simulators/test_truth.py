"""Truth is worked out from physics; these tests hold it against the readings themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.truth import crossing

AT = np.arange(60, dtype=np.float64)


def test_noise_decides_where_the_signal_only_touches_the_setpoint() -> None:
    """Neither demanded nor excluded: earliest without latest."""
    assert crossing(AT, np.full(60, 0.5), 1.0, 5.0) == (0.0, None)


def test_far_below_nothing_can_come() -> None:
    """Where noise cannot reach the setpoint."""
    assert crossing(AT, np.full(60, -1.5), 1.0, 5.0) == (None, None)


@pytest.mark.parametrize("delay_s", [0.0, 3.0, 5.0])
def test_a_step_must_come_when_the_delay_is_over(delay_s: float) -> None:
    """A step at 20 s is possible from 20 s on and certain after the longest delay."""
    assert crossing(AT, np.where(AT < 20, -9.0, 9.0), 1.0, delay_s) == (20.0, 20.0 + delay_s)


@given(
    ramp=st.floats(0.05, 3.0),
    offset=st.floats(-40.0, -5.0),
    delay_s=st.floats(0.0, 5.0),
    errors=st.lists(st.floats(-1.0, 1.0), min_size=60, max_size=60),
)
def test_any_honest_judge_lands_in_the_window(ramp: float, offset: float, delay_s: float, errors: list[float]) -> None:
    """Whatever the noise within its margin and whatever on-delay up to the longest: the alarm comes within the window, if
    it is certain, and never before it is possible."""
    signal = offset + ramp * AT
    earliest, latest = crossing(AT, signal, 1.0, 5.0)
    came = _judge(signal + np.array(errors), delay_s)
    if came is not None:
        assert earliest is not None
        assert came >= earliest
    if latest is not None:
        assert came is not None
        assert came <= latest


def _judge(excess: np.ndarray, delay_s: float) -> float | None:
    """The plainest alarm with an on-delay: onset + delay of the first stretch that lasts it."""
    onset: float | None = None
    for at, over in zip(AT.tolist(), (excess >= 0).tolist(), strict=True):
        onset = (at if onset is None else onset) if over else None
        if onset is not None and at - onset >= delay_s:
            return float(onset + delay_s)
    return None
