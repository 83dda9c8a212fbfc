"""What is freed goes back to the kernel, whatever was freed before; seen by glibc's own count of such blocks."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

# Frees a block of 16 MB, then counts (mallinfo2, mallinfo(3)) whether one of 1 MB comes from the kernel.
PROBE = """
import ctypes, sys
from davy.processes.large_blocks import give_back_large_blocks
class Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd u1 u2 u3 u4 u5".split()]
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Counts
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
if sys.argv[1] == "told":
    assert give_back_large_blocks()
libc.free(libc.malloc(16 << 20))
before = libc.mallinfo2().hblks
kept = libc.malloc(1 << 20)
print(libc.mallinfo2().hblks - before)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc 2.33"
)
def test_a_large_block_that_was_freed_keeps_no_later_one() -> None:
    """Without being told, glibc takes what follows from its heap; ingest tells it not to."""
    found = {
        told: subprocess.run(
            [sys.executable, "-c", PROBE, told], capture_output=True, text=True, check=True, timeout=60
        ).stdout.strip()
        for told in ("untold", "told")
    }
    assert found == {"untold": "0", "told": "1"}
