"""Columns as bytes: bit by bit the same, whatever they hold."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.packed_columns import FEW, pack, unpack

KINDS = (np.float64, np.int64, np.int32, np.uint8, np.bool_)


@given(
    st.sampled_from(KINDS),
    st.integers(0, 3 * FEW),
    st.lists(st.integers(0, 3 * FEW), max_size=40),
    st.integers(0, 255),
    st.integers(1, 2),
)
def test_what_was_packed_comes_back(kind: type, rows: int, others: list[int], value: int, width: int) -> None:
    """Columns of one value, of nearly one value and of many, with NaN of any payload and minus zero among them."""
    column: NDArray[np.generic] = np.full((rows, width) if width > 1 else rows, value).astype(kind)
    for place in others:
        if place < rows:
            column[place] = -0.0 if place % 2 else np.nan_to_num(np.float64(place % 200))
    if kind is np.float64 and rows:
        column.view(np.uint64).reshape(-1)[0] = 0x7FF8000000000123
    noise = np.random.default_rng(value).integers(0, 2**40, rows)
    packed = pack({"a": column, "noise": noise, "empty": np.empty(0, np.int64)})
    found = unpack(packed)
    assert list(found) == ["a", "noise", "empty"]
    assert found["a"].tobytes() == column.tobytes()
    assert (found["a"].dtype, found["a"].shape) == (column.dtype, column.shape)
    assert found["noise"].tobytes() == noise.tobytes()
    found["a"][:] = 0  # writable


def test_a_column_of_nearly_one_value_takes_little_room() -> None:
    """A hundred thousand conditions of which three hold are a few hundred bytes."""
    column = np.full(100_000, np.iinfo(np.int64).min)
    column[[3, 500, 99_999]] = 7
    assert len(pack({"last_raise": column})) < 300


@given(
    st.integers(-(2**62), 2**62),
    st.lists(st.tuples(st.integers(0, 2 * FEW - 1), st.integers(-(2**63), 2**63 - 1)), max_size=60),
    st.integers(1, 2),
)
def test_instants_near_each_other_come_back(about: int, others: list[tuple[int, int]], width: int) -> None:
    """Int64 of one half hour, with some from anywhere: never, the first and the last there are, half way round."""
    column = about + np.random.default_rng(len(others)).integers(-(2**31), 2**31, 2 * FEW)
    for place, value in others:
        column[place] = value
    column = column.reshape(-1, width)
    found = unpack(pack({"kept_at": column}))["kept_at"]
    assert (found.dtype, found.shape) == (column.dtype, column.shape)
    assert found.tobytes() == column.tobytes()


def test_instants_of_one_half_hour_take_half_the_room() -> None:
    """A hundred thousand newest readings, a few sensors silent since ever, are four bytes each."""
    column = 1_780_000_000_000_000 + np.random.default_rng(1).integers(0, 1_800_000_000, 100_000)
    column[::1000] = np.iinfo(np.int64).min
    assert len(pack({"judged": column})) < 402_000
