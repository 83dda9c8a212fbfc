"""Kernels that an older version of ours compiled are compiled anew, and do not keep a newer one from starting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CALL = """
import sys
sys.path.insert(0, {folder!r})
import kept_types, kernel
from core.kernel_cache import compiled, folders
compiled(lambda: print(kernel.total(getattr(kept_types, {name!r})(kernel.np.ones(3)))))
print([str(folder) for folder in folders()])
"""
TYPES = """
from typing import NamedTuple
import numpy as np
class {name}(NamedTuple):
    values: np.ndarray
"""
MODULE = """
import numba, numpy as np
@numba.njit(cache=True)
def total(kept):
    return kept.values.sum()
"""


def run(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: numba's own caches of a process would hide what is on the disk."""
    (folder / "kept_types.py").write_text(TYPES.format(name=name))
    return subprocess.run(
        [sys.executable, "-B", "-c", CALL.format(folder=str(folder), name=name)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_type_that_is_gone_costs_a_compilation_and_not_the_start(tmp_path: Path) -> None:
    """The module of the kernel is as it was, so numba takes its index for good; what the index names has another name now."""
    (tmp_path / "kernel.py").write_text(MODULE)
    before = run(tmp_path, "Before")
    assert before.stdout.splitlines().count("3.0") == 1, before.stderr
    assert str(tmp_path / "cache") in before.stdout
    kept = list((tmp_path / "cache").rglob("*.nbi"))
    assert kept
    after = run(tmp_path, "After")
    assert after.stdout.splitlines().count("3.0") == 1, after.stderr
    assert "kernels_are_compiled_anew" in after.stderr + after.stdout
    again = run(tmp_path, "After")
    assert "kernels_are_compiled_anew" not in again.stderr + again.stdout
