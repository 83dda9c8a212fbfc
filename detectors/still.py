"""Resting signals: a value that has not moved for longer than it ever does."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from detectors.settled import STILL, Settled, SettledParameters


class StillParameters(SettledParameters, frozen=True):
    """What a stillness may set.

    Args:
        warm_up: usable readings that the first stretch is made of.
        floor: the most is taken for no less than this, in readings: what moves with every reading would be still at its second.
        renew_s: after so long it is settled anew.
        memory: of no use here.
    """

    floor: Annotated[float, Meta(ge=0.0)] = 20.0


class Still(Settled):
    """Readings in a row of one and the same value, as a multiple of the most while its normal was settled.

    `stuck` counts seconds and needs a setpoint for each kind of signal; this one knows how long this signal rests by nature: a pH that is
    rounded to a hundredth rests for a minute, a vibration never.

    Memory: 76 bytes a definition.
    Warm-up: `warm_up` usable readings; NaN until then, and as long as nothing has moved at all and there is no `floor`.
    Fails when: noise sits on a dead channel. A process that stands still by plan is still, and is said.
    """

    name = "still"
    parameters = StillParameters

    def _measure(self) -> int:
        return STILL
