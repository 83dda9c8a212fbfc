"""What numba keeps of compiled kernels, when it is of another version of ours.

Its index names the types of our arguments. Where one of them is gone, numba does not find out that the index is old: it cannot read it, and
says so with the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numba

from core.log import logger

PACKAGES: Final = ("core", "detectors", "alerting", "ingest", "davy")
ROOT: Final = Path(__file__).parents[1]

log = logger(__name__)


def compiled(compile_all: Callable[[], None]) -> None:
    """Runs `compile_all`; once more with an empty cache where what is kept there cannot be read."""
    try:
        compile_all()
    except (AttributeError, ImportError) as error:
        log.info("kernels_are_compiled_anew", because=str(error), files=forget(folders()))
        compile_all()


def folders() -> list[Path]:
    """Where numba keeps our kernels: in the folder that it was told, else beside our modules."""
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
