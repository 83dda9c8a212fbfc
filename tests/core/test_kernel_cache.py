"""Kernels that an older version of ours compiled are compiled anew, and do not keep a newer one from starting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.kernel_cache import PACKAGES, ROOT, Kernel, parts_of
from detectors.cusum import _cusum

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


COUNTED = """
import sys
sys.path.insert(0, {folder!r})
import calling
print(calling.weighed(calling.np.ones(3)))
(stats,) = [calling.weighed.dispatcher.stats]
print("kept" if stats.cache_hits else "compiled")
"""
CALLED = """
import numba, numpy as np
from core.kernel_cache import kernel
WEIGHT = {weight}
@kernel
def total(values):
    return values.sum() * {times}
"""
BETWEEN = """
from core.kernel_cache import kernel
from called import total
@kernel
def between(values):
    return total(values) + 1.0
"""
CALLING = """
import numpy as np
from core.kernel_cache import kernel
from called import WEIGHT
from between import between
@kernel
def weighed(values):
    return WEIGHT * between(values)
"""


def said(folder: Path, weight: float, times: float) -> list[str]:
    """What a process of a version with these two numbers says, and whether it found its kernel on the disk."""
    (folder / "calling.py").write_text(CALLING)
    (folder / "between.py").write_text(BETWEEN)
    (folder / "called.py").write_text(CALLED.format(weight=weight, times=times))
    done = subprocess.run(
        [sys.executable, "-B", "-c", COUNTED.format(folder=str(folder))],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_change_in_another_file_is_a_change_of_the_kernel(tmp_path: Path) -> None:
    """Of a kernel two calls away, and of a constant: after an upgrade in place nothing goes on doing what it did; else it is taken from the disk."""
    assert said(tmp_path, 1.0, 1.0) == ["4.0", "compiled"]
    assert said(tmp_path, 1.0, 1.0) == ["4.0", "kept"]
    assert said(tmp_path, 1.0, 2.0) == ["7.0", "compiled"]
    assert said(tmp_path, 10.0, 2.0) == ["70.0", "compiled"]
    assert said(tmp_path, 10.0, 2.0) == ["70.0", "kept"]


def test_the_code_of_the_version_before_is_never_taken(tmp_path: Path) -> None:
    """Numba writes its index first and the code behind it: killed in between, the new index stands beside the code of before."""
    assert said(tmp_path, 1.0, 1.0) == ["4.0", "compiled"]
    before = {path: path.read_bytes() for path in (tmp_path / "cache").rglob("*.nbc")}
    assert before
    assert said(tmp_path, 1.0, 2.0) == ["7.0", "compiled"]
    for path, code in before.items():
        path.write_bytes(code)
    assert said(tmp_path, 1.0, 2.0)[0] == "7.0"


def test_two_threads_that_call_a_kernel_first_have_one_of_it() -> None:
    """Python from 3.12 on lets both in: the second would take the place of the one that a caller's compilation has met by then."""
    fresh = Kernel(_cusum.py_func)  # type: ignore[attr-defined]
    make = vars(Kernel)["dispatcher"].func
    assert make(fresh) is make(fresh) is fresh.dispatcher


def test_what_the_compiler_is_told_to_do_is_part_of_a_kernel() -> None:
    """An instruction of ours, which is no kernel and no constant."""
    judge: Any = _cusum
    assert any(part.startswith("core.prefetch ") for part in parts_of(judge.py_func, set()))


def test_every_kernel_of_ours_has_all_of_it_in_its_stamp() -> None:
    """One that numba keeps by its own file alone would be old after the next upgrade."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    kept = [str(path) for path in files if path.name != "kernel_cache.py" and "cache=True" in path.read_text("utf-8")]
    assert kept == [], "write @kernel of core.kernel_cache instead"
    judge: Any = _cusum
    assert type(judge.dispatcher._cache._impl.locator).__module__ == "core.kernel_places"
