"""Two sensors held against each other."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Quality, Scores
from detectors.difference import WAITING, Difference
from tests.detectors.streams import START, Reading, batch, definition, in_force, readings, rows


def difference(**parameters: float) -> Difference:
    """Sensor 0 against sensor 1."""
    return Difference(in_force(definition("difference", parameters=parameters)))


def said(*stream: Reading, detector: Difference | None = None, **parameters: float) -> list[tuple[float, float | None]]:
    """(seconds, number) in the order they are said; None: cannot judge."""
    return told((detector or difference(**parameters)).score(batch(stream)))


def told(scores: Scores) -> list[tuple[float, float | None]]:
    seconds = ((scores.at - START) / 1e6).tolist()
    return [(at, None if math.isnan(x) else x) for at, x in zip(seconds, scores.number.tolist(), strict=True)]


def test_two_that_speak_together_are_compared_at_once() -> None:
    """Of one instant there is one number, of both new values: never of one's new value and the other's old one."""
    assert said(Reading(0, 1.0, 5.0), Reading(1, 1.0, 2.0), Reading(1, 2.0, 9.0), Reading(0, 2.0, 8.0)) == [
        (1.0, 3.0),
        (2.0, 1.0),
    ]


def test_a_number_is_said_when_both_have_come_to_its_instant() -> None:
    """What one said is compared with what stood for the other then, although that is known later only."""
    detector = difference()
    assert said(Reading(0, 1.0, 5.0), Reading(0, 3.0, 7.0), detector=detector) == []
    assert said(Reading(1, 2.0, 1.0), detector=detector) == [(1.0, None), (2.0, 4.0)]
    assert said(Reading(1, 4.0, 2.0), detector=detector) == [(3.0, 6.0)]


def test_signed_keeps_which_is_higher() -> None:
    """A pressure drop turns negative where the flow turns round."""
    stream = (Reading(0, 1.0, 2.0), Reading(1, 1.0, 5.0))
    assert said(*stream) == [(1.0, 3.0)]
    assert said(*stream, signed=1.0) == [(1.0, -3.0)]


def test_an_old_reading_is_not_compared_with() -> None:
    """Where the other has been silent for longer than its reading stands, nobody can judge: neither zero nor the old difference."""
    stream = [
        Reading(1, 0.0, 1.0),
        *(Reading(0, float(second), 1.0) for second in range(0, 41, 10)),
        Reading(1, 31.0, 1.0),
    ]
    assert said(*stream, hold_s=15.0) == [(0.0, 0.0), (10.0, 0.0), (20.0, None), (30.0, None), (31.0, 0.0)]


def test_a_bad_reading_ends_what_stood() -> None:
    """A sensor that says it is broken agrees with nobody."""
    bad = Reading(1, 2.0, 1.0, Quality.BAD)
    assert said(Reading(0, 1.0, 1.0), Reading(1, 1.0, 1.0), Reading(0, 2.0, 1.0), bad) == [(1.0, 0.0), (2.0, None)]


def test_a_silent_partner_is_waited_for_within_bounds() -> None:
    """What waits is bounded: then the oldest is judged by what stands, which cannot be while the other is silent."""
    detector = difference(hold_s=30.0)
    ahead = [Reading(0, float(second), 1.0) for second in range(200)]
    assert said(*ahead, detector=detector) == [(float(second), None) for second in range(200 - WAITING)]
    # It speaks again: what it says of an instant that is judged already changes no number, but stands from then on.
    assert said(Reading(1, 100.0, 4.0), detector=detector) == []
    late = 200.0 - WAITING
    assert said(Reading(1, late + 1.0, 4.0), detector=detector) == [(late, None), (late + 1.0, 3.0)]


def test_two_blocks_of_one_batch_are_not_ahead_of_each_other() -> None:
    """A device that sends two minutes of one sensor and then of the other is compared reading by reading, and so it is after a restart."""
    blocks = [Reading(slot, float(second), float(slot)) for slot in (0, 1) for second in range(2 * WAITING)]
    assert said(*blocks) == [(float(second), 1.0) for second in range(2 * WAITING)]


def test_without_a_partner_nothing_is_known() -> None:
    """A partner that is out of use leaves a condition as it is."""
    alone = in_force(definition("difference"))
    alone.other[:] = -1
    scores = Difference(alone).score(batch([Reading(0, float(second), 1.0) for second in range(100)]))
    assert len(scores) == 100 - WAITING
    assert np.isnan(scores.number).all()


@given(readings(), st.booleans(), st.sampled_from((0.5, 5.0, 60.0)))
def test_it_is_the_difference_of_what_stood_at_each_instant(stream: list[Reading], signed: bool, hold_s: float) -> None:
    """Whatever order the readings come in, the numbers are those of a plain calculation over both sensors' whole past."""
    stream = [r for r in stream if r.slot < 2]
    sides = [sorted((r for r in stream if r.slot == side), key=lambda r: r.at_us) for side in (0, 1)]
    until = min((side[-1].at_us if side else START - 1) for side in sides)
    wanted = []
    for at in sorted({r.at_us for r in stream if r.at_us <= until}):
        values = []
        for side in sides:
            standing = [r for r in side if r.at_us <= at][-1:]
            usable = standing and at - standing[0].at_us <= hold_s * 1e6 and standing[0].quality & 3 != Quality.BAD
            values.append(standing[0].value if usable else math.nan)
        apart = values[0] - values[1]
        wanted.append((at, np.clip(apart if signed else abs(apart), -np.finfo(float).max, np.finfo(float).max)))
    scores = difference(signed=float(signed), hold_s=hold_s).score(batch(stream))
    found = [(at, number) for _, _, at, number in rows(scores)]
    assert found == [(at, np.float64(number).tobytes()) for at, number in wanted]
