"""Rows that lie as the processor's lines of memory do: one of 64 bytes, or of a half or a quarter of it, is in one of them, not in two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from core.prefetch import LINE


def row_of(size: int, fields: Sequence[tuple[str, DTypeLike]]) -> np.dtype[np.void]:
    """The type of a row of `size` bytes: its fields one after the other, and nothing behind them.

    Raises:
        ValueError: they take more than that.

    >>> row_of(32, [("value", np.float64), ("at", np.int64)]).itemsize
    32
    """
    packed = np.dtype(list(fields))
    names = list(packed.names or ())
    offsets = [at for _, at, *_ in (packed.fields or {}).values()]
    return np.dtype({"names": names, "formats": [packed[name] for name in names], "offsets": offsets, "itemsize": size})


def aligned_zeros(shape: int | tuple[int, ...], kind: DTypeLike) -> NDArray[Any]:
    """Zeros, from an address that divides by 64 on; `np.zeros` gives one that divides by 16.

    Args:
        kind: a type of which any bytes are a value: numbers, and rows of them.
    """
    sizes = (shape,) if isinstance(shape, int) else shape
    bytes_wanted = int(np.prod(sizes, dtype=np.int64)) * np.dtype(kind).itemsize
    raw = np.zeros(bytes_wanted + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return raw[first : first + bytes_wanted].view(kind).reshape(sizes)
