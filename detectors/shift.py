"""Shifts: a sensor whose recent mean has left the place where it used to be."""

from __future__ import annotations

from detectors.settled import SHIFT, Settled, SettledParameters


class ShiftParameters(SettledParameters, frozen=True):
    """What a shift may set.

    Args:
        warm_up: usable readings that the first stretch is made of.
        floor: the farthest is taken for no less than this, in the sensor's unit.
        renew_s: after so long it is settled anew.
        memory: readings that the mean remembers: an exponentially weighted one.
    """


class Shift(Settled):
    """How far the mean of the last readings lies from the middle of the settled stretch, as a multiple of the farthest in it.

    A bias after a calibration, a drift of days, a leak: against a level that stands, so that what is slow is seen once it is far.
    `cusum` sees smaller ones of a signal whose noise is bell-shaped; this one takes a signal that wanders as it is.

    Memory: 100 bytes a definition.
    Warm-up: `warm_up` usable readings; NaN until then, and as long as nothing has moved at all and there is no `floor`.
    Fails when: a plant changes its operating point by plan: that is a shift, and is said until the stretch is settled anew. A stretch that is too short for the signal to have wandered as it does makes everything far.
    """

    name = "shift"
    parameters = ShiftParameters
    wary = True

    def _measure(self) -> int:
        return SHIFT
