"""What numba keeps of compiled kernels, when it is of another version of ours.

Numba takes what it keeps for good as long as the kernel's own file is as it was. A kernel that calls one of another file, or was compiled
with a constant of another file, would go on doing what that one did before; so `kernel` has all of it in the stamp.

Its index names the types of our arguments. Where one of them is gone, numba does not find out that the index is old: it cannot read it, and
says so with the first call.

Numba itself is imported with the first call of a kernel: that takes longer than all else a process begins with, and most processes, which
know the detectors by name alone, never make one.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cache, cached_property, update_wrapper
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeVar, cast

import numpy as np

from core.log import logger

PACKAGES: Final = ("core", "detectors", "alerting", "ingest", "davy")
ROOT: Final = Path(__file__).parents[1]

Loop = TypeVar("Loop", bound=Callable[..., Any])
_CONSTANTS: Final = (bool, int, float, complex, str, bytes, tuple, Enum, np.generic, np.dtype)

log = logger(__name__)


class Kernel:
    """A loop that is compiled, or read from where it is kept, when it is called first; by another one, when that is.

    Args:
        options: what numba is told besides.
    """

    def __init__(self, function: FunctionType, **options: Any) -> None:
        self.py_func = function
        self.options = options
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        """What the loop gives."""
        return self.dispatcher(*arguments)

    @cached_property
    def dispatcher(self) -> Any:
        """Numba's own of it."""
        import numba

        from core.kernel_places import PLACES

        numba.config.CACHE_LOCATOR_CLASSES = ",".join(PLACES)  # type: ignore[attr-defined]
        made = numba.njit(cache=True, **self.options)(self.py_func)
        # From Python 3.12 on two threads may both be here: a loop that is being compiled knows the one that it has met, and does not hold it.
        return self.__dict__.setdefault("dispatcher", made)

    @property
    def _numba_type_(self) -> Any:
        """By which numba takes this for what it stands for, in a loop that calls it."""
        return self.dispatcher._numba_type_


_known: list[Kernel] = []


def kernel(function: Loop) -> Loop:
    """A loop that numba compiles and keeps: the decorator of every one of ours."""
    _known.append(Kernel(cast("FunctionType", function)))
    return cast("Loop", _known[-1])


def make_ready() -> None:
    """What a first call would do before it compiles or reads: for every kernel that is imported, by who will call them."""
    for each in _known:
        _ = each.dispatcher


def kernel_of_lanes(function: Loop) -> Loop:
    """As `kernel`; a division by zero is infinite or NaN there, as numpy has it: the processor takes several numbers at once only in a
    loop that cannot raise."""
    return cast("Loop", Kernel(cast("FunctionType", function), error_model="numpy"))


def made_of(function: FunctionType) -> str:
    """A digest of what a kernel takes from elsewhere: files of the kernels and instructions that it calls, and of theirs; constants.

    Fails when: it reaches something of another module at the end of a chain of attributes; that module's own file is in it, no more.
    """
    parts = sorted(set(parts_of(function, set())))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def parts_of(function: FunctionType, seen: set[str]) -> Iterator[str]:
    """Each of them as a line.

    Args:
        seen: kernels that were told already; it grows.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    if name in seen:
        return
    seen.add(name)
    yield f"{name} {_digest(Path(function.__code__.co_filename))}"
    for used in _names(function.__code__):
        value = function.__globals__.get(used)
        if isinstance(value, Kernel):
            yield from parts_of(value.py_func, seen)
        elif isinstance(value, _CONSTANTS):
            yield f"{name} {used} {value!r}"
        elif isinstance(value, np.ndarray):
            yield f"{name} {used} {value.dtype!r} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
        else:
            module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if str(module).partition(".")[0] in PACKAGES:
                yield f"{module} {_digest(Path(str(sys.modules[str(module)].__file__)))}"


def _names(code: CodeType) -> Iterator[str]:
    """Names that it, and what is written within it, looks up outside."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def compiled(compile_all: Callable[[], None]) -> None:
    """Runs `compile_all`; once more with an empty cache where what is kept there cannot be read."""
    try:
        compile_all()
    except (AttributeError, ImportError) as error:
        log.info("kernels_are_compiled_anew", because=str(error), files=forget(folders()))
        compile_all()


def folders() -> list[Path]:
    """Where numba keeps our kernels: in the folder that it was told, else beside our modules."""
    import numba

    told: str = getattr(numba.config, "CACHE_DIR", "")  # NUMBA_CACHE_DIR as numba read it
    if told:
        return [Path(told)]
    return [ROOT / package for package in PACKAGES]


def forget(kept: Iterable[Path]) -> int:
    """Removes all compiled kernels under these folders; gives how many files that were."""
    files = [path for folder in kept for pattern in ("*.nbi", "*.nbc") for path in folder.rglob(pattern)]
    for path in files:
        path.unlink(missing_ok=True)  # another process may have been quicker
    return len(files)
