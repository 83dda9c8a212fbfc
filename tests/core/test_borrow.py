"""Arrays that a compiled loop only borrows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.borrow import borrowed
from core.kernel_cache import kernel

Floats = NDArray[np.float64]


class Pair(NamedTuple):
    left: Floats
    right: Floats


@kernel
def _add(into: Floats, what: Floats) -> None:
    for n in range(len(into)):
        into[n] += what[n]


@kernel
def _twice(into: Floats, pair: Pair) -> float:
    into, pair = borrowed((into, pair))
    _add(into, pair.left)
    _add(into[1:], pair.right[1:])  # a view of what is borrowed
    return float(into.sum())


def test_what_is_borrowed_is_the_array_itself() -> None:
    into, left, right = np.zeros(4), np.arange(4.0), np.full(4, 10.0)
    assert _twice(into, Pair(left, right)) == 36.0
    assert into.tolist() == [0.0, 11.0, 12.0, 13.0]


def test_whoever_lends_it_keeps_it() -> None:
    """The count of its holders is afterwards what it was before, however often: nothing is let go and nothing is held for ever."""
    owner = np.zeros(100_000)
    lent = owner[:4]
    for _ in range(1_000):
        _twice(lent, Pair(np.ones(4), np.ones(4)))
    owner_is_whole = bool((owner[4:] == 0.0).all())
    assert owner_is_whole
    assert lent[0] == 1_000.0
