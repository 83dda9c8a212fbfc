"""Large buffers come from the kernel and go back to it: else glibc keeps them, and memory grows in steps that look like a leak.

glibc takes a block above a threshold (128 KB) from the kernel and gives it back when it is freed. But each such block that is freed
lifts the threshold to its own size, up to 32 MB: after the first checkpoint of many sensors, the buffers of all batches come from
the heap instead, between small blocks that live longer, and the heap stays as large as it ever was. A threshold that was set once
stays.

Source: mallopt(3), M_MMAP_THRESHOLD: "The dynamic adjustment of the mmap threshold is disabled if any of the M_TRIM_THRESHOLD,
M_TOP_PAD, M_MMAP_THRESHOLD, or M_MMAP_MAX parameters is set."
"""

from __future__ import annotations

import ctypes
from typing import Final

LARGE: Final = 128 * 1024  # bytes; what glibc begins with
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_ARENAS: Final = 2  # pools of small blocks: not one for each of a dozen threads that wait, each with room it holds back


def give_back_large_blocks() -> bool:
    """From now on in this process; False where the C library is another one, which has its own ways."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((_M_MMAP_THRESHOLD, LARGE), (_M_TRIM_THRESHOLD, LARGE), (_M_ARENA_MAX, _ARENAS))
    return all(mallopt(name, value) for name, value in wanted)
