"""Wild readings of a warm-up: far beyond a signal's own steps, and soon back. They are no part of its normal.

A float whose words were swapped, a value that stands for "none", a device that starts: one of them would be the largest that was ever
seen, and nothing far from it until the stretch is settled anew.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from core.kernel_cache import kernel
from detectors.contract import LARGEST, Rows

ORDINARY: Final = 0
WILD: Final = 1  # to be passed over
ANEW: Final = 2  # ordinary, and what was taken before it was not: the stretch begins here

KNOWN: Final = 10.0  # readings and moves before a typical step is believed
FEW: Final = 3.0  # moves of a signal that rests: fewer tell nothing
FAR: Final = math.log(
    100.0
)  # over the typical step; in normal stretches of the water plant's turbidity there are steps of 70 times it. Ours
SHARE: Final = 0.05  # of the stretch may be wild, `KNOWN` readings at least; what comes more often, or stays, is what the signal does
NOTHING: Final = -800.0  # below the logarithm of any step
WARMING: Final = np.dtype(
    [
        ("level", np.float64),  # the last reading that was not wild; NaN: none yet
        ("typical", np.float32),  # mean logarithm of the steps from it, those of no length left out
        ("farthest", np.float32),  # logarithm of the longest that was taken
        ("moves", np.uint32),
        ("wild", np.uint32),  # readings that were passed over
    ]
)


def warming_rows(count: int) -> Rows:
    """A row for each definition, nothing heard."""
    rows: Rows = np.zeros(count, WARMING)
    rows["level"], rows["farthest"] = np.nan, NOTHING
    return rows


def lent(rows: Rows, level: str, steps: str, counts: str) -> Rows:
    """The same memory, kept in three fields of eight bytes that mean nothing during a warm-up: `level`, lengths of steps, counts."""
    own = rows.dtype.fields
    assert own is not None
    begins = [own[name][1] for name in (level, steps, counts)]
    offsets = [begins[0], begins[1], begins[1] + 4, begins[2], begins[2] + 4]
    names = list(WARMING.names or ())
    formats = [WARMING[name] for name in names]
    found: Rows = rows.view(
        np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": rows.dtype.itemsize})
    )
    found["level"], found["farthest"] = np.nan, NOTHING
    return found


@kernel
def forget(warming: Rows, d: int) -> None:
    """A warm-up begins of which nothing is known."""
    warming[d].level, warming[d].typical, warming[d].farthest = np.nan, 0.0, NOTHING
    warming[d].moves = warming[d].wild = 0


@kernel
def another_stretch(warming: Rows, d: int) -> None:
    """A warm-up begins again; how far a step usually goes is still known."""
    warming[d].level = np.nan
    warming[d].wild = 0


@kernel
def how_wild(warming: Rows, d: int, warm_up: float, heard: float, x: float) -> int:
    """What a usable reading of a warm-up is: one of the constants above.

    The mean of logarithms hardly knows of a few wild ones, wherever they come: a reading a million times as far is to a hundred others
    an eighth more. Before anything is known a reading is taken as it comes; where it turns out to have been wild the stretch begins anew.

    Args:
        heard: readings that were taken before it.
    """
    step = abs(x - warming[d].level)
    if heard == 0.0 or np.isnan(step):
        warming[d].level = x
        return ORDINARY
    if step == 0.0:
        return ORDINARY
    size, moves = math.log(min(step, LARGEST)), float(warming[d].moves)
    most = max(SHARE * warm_up, KNOWN)
    is_far = moves < FEW or size > warming[d].typical + FAR
    typical = warming[d].typical + (size - warming[d].typical) / (moves + 1.0)
    warming[d].typical = typical
    warming[d].moves = int(moves) + 1
    if max(heard, moves) >= KNOWN and is_far and warming[d].wild < most:
        warming[d].wild += 1
        return WILD
    warming[d].level = x
    if size > warming[d].farthest:
        warming[d].farthest = size
    early = KNOWN <= moves <= 2.0 * most + KNOWN and heard <= 2.0 * most + KNOWN
    if early and warming[d].farthest > typical + FAR:
        warming[d].farthest = NOTHING
        return ANEW
    return ORDINARY
