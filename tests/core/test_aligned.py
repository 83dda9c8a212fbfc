"""Rows that lie as lines of memory do."""

import numpy as np
import pytest

from core.aligned import aligned_zeros, row_of
from core.prefetch import LINE


@pytest.mark.parametrize("shape", [0, 1, 7, (3, 5), (1000, 2, 4)])
@pytest.mark.parametrize("kind", [np.float64, np.float32, row_of(LINE, [("at", np.int64), ("many", np.uint32)])])
def test_zeros_begin_with_a_line_whatever_their_shape(shape: int | tuple[int, ...], kind: np.dtype[np.generic]) -> None:
    found = aligned_zeros(shape, kind)
    assert found.size == 0 or found.ctypes.data % LINE == 0
    assert (found.shape, found.dtype, found.flags.c_contiguous) == (np.zeros(shape).shape, np.dtype(kind), True)
    assert not found.tobytes().strip(b"\0")


def test_a_row_is_as_long_as_it_was_asked_to_be() -> None:
    row = row_of(32, [("value", np.float64), ("said", np.uint8)])
    rows = aligned_zeros(3, row)
    rows["said"] = 1
    assert row.itemsize == 32
    assert rows["value"].tolist() == [0.0, 0.0, 0.0]


def test_fields_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="itemsize"):
        row_of(8, [("value", np.float64), ("at", np.int64)])
