"""Clipped signals: readings that pile up at one end of what is measured, as if something held them back there."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from detectors.settled import CLIPPED, ENDS, Settled, SettledParameters


class ClippedParameters(SettledParameters, frozen=True):
    """What a clipping may set.

    Args:
        warm_up: usable readings that the first stretch is made of.
        floor: the largest share is taken for no less than this: of a lively signal one reading in so many touches an end.
        renew_s: after so long it is settled anew.
        memory: readings of which the share is taken: an exponentially weighted one.
    """

    floor: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.25


class Clipped(Settled):
    """The share of the last readings that lie at the highest or the lowest value of late, as a multiple of the largest share while its normal was settled.

    A transmitter at the end of its range, an input that is driven too far, a converter that has run out of bits: what is beyond the end
    is measured as the end. Both ends are learnt, from the last fifty to a hundred memories of readings; a reading beyond an end makes it
    another one. What lies at an end by nature, as gas does at zero and a contact always, did so while its normal was settled, and is
    never clipped.

    Memory: 124 bytes a definition.
    Warm-up: `warm_up` usable readings; NaN until then, and as long as the share is 0 and there is no `floor`.
    Fails when: it was clipped while its normal was settled. Noise lies on top of what is clipped. One wild reading beyond the end hides
        it until that reading is a hundred memories old: `spike` tells of that one. What stands still at an end is told by `still` and `stuck`.
    """

    name = "clipped"
    parameters = ClippedParameters
    remembers = ENDS

    def _measure(self) -> int:
        return CLIPPED
