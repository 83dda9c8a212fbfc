"""Impossible steps: a reading that lies far from those just before it."""

from __future__ import annotations

from detectors.settled import A_LINE, SPIKE, Settled, SettledParameters


class SpikeParameters(SettledParameters, frozen=True):
    """What a spike may set.

    Args:
        warm_up: usable readings that the first stretch is made of.
        floor: the farthest is taken for no less than this, in the sensor's unit.
        renew_s: after so long it is settled anew.
        memory: of no use here: it is always five readings.
    """


class Spike(Settled):
    """How far a reading lies from the median of the five before it, as a multiple of the farthest while its normal was settled.

    A spark on the line, a step that the process cannot take, a bad contact. The median lets two wild readings in a row pass without
    making the good ones behind them look wild.

    Memory: 148 bytes a definition.
    Warm-up: `warm_up` usable readings; NaN until then, and as long as nothing has moved at all and there is no `floor`.
    Fails when: the process itself takes such steps, and took none while its normal was settled: a batch plant is settled over a whole batch.
    """

    name = "spike"
    parameters = SpikeParameters
    remembers = A_LINE
    wary = True

    def _measure(self) -> int:
        return SPIKE
