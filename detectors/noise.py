"""Noise: a signal that has become rougher, or smoother, than it was."""

from __future__ import annotations

from detectors.settled import NOISE, Settled, SettledParameters


class NoiseParameters(SettledParameters, frozen=True):
    """What a noise may set.

    Args:
        warm_up: usable readings that the first stretch is made of.
        floor: the roughest is taken for no less than this, in the sensor's unit.
        renew_s: after so long it is settled anew.
        memory: readings that the roughness remembers.
    """


class Noise(Settled):
    """How rough the last readings are (root mean square from one to the next), as a multiple of the roughest while its normal was settled.

    High: a bad contact, a failing bearing, interference. A definition of direction low measures against the smoothest instead: a damped
    line, a clogged tap, a value that something in between has smoothed.

    Memory: 100 bytes a definition.
    Warm-up: `warm_up` usable readings; NaN until then, and as long as nothing has moved at all and there is no `floor`.
    Fails when: the process itself runs rough at times and did not while its normal was settled.
    """

    name = "noise"
    parameters = NoiseParameters
    wary = True

    def _measure(self) -> int:
        return NOISE
