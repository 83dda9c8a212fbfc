"""Files of the spool that change places: one that cannot be used is set aside under a name with the instant, never deleted.

The file that goes on from a damaged one is written under a name of its own first. Then the damaged one is moved away, and the new one
takes its place: a kill between any two of these steps is ended by the next start.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from core.log import logger
from ingest.instant import instant
from ingest.store.spool import FILE, open_damaged, settle

NEXT: Final = "next-"  # before the name that the damaged file gets: the one that goes on from it
MOVED: Final = "mend_moved"
_COMPANIONS: Final = ("", "-wal", "-shm")

log = logger(__name__)


def free_name(folder: Path, now_us: int) -> str:
    """What a file that is set aside now is called."""
    at = f"{instant(now_us):%Y%m%dT%H%M%SZ}"
    tried, name = 1, f"spool-{at}.damaged.sqlite"
    while (folder / name).exists():
        tried += 1
        name = f"spool-{at}-{tried}.damaged.sqlite"
    return name


def set_aside(folder: Path, now_us: int, reason: str) -> str:
    """Moves the spool's file away; the name that it has now."""
    name = free_name(folder, now_us)
    _move_away(folder, name, lambda _: None)
    log.error("spool_set_aside", file=str(folder / name), reason=reason)
    return name


def next_file(folder: Path, name: str) -> Path:
    """Where the file is written that goes on from the one that will have this name."""
    return folder / f"{NEXT}{name}"


def is_alone(folder: Path, name: str) -> bool:
    """Whether the file that goes on from this one has nothing beside it: only itself is moved."""
    return not any(Path(f"{next_file(folder, name)}{ending}").exists() for ending in _COMPANIONS if ending)


def exchange(folder: Path, name: str, after: Callable[[str], None]) -> None:
    """Moves the spool's file away, under this name, and puts the next one in its place.

    Raises:
        OSError: the next one has a log beside it, without which it would be empty; nothing was moved.
    """
    if not is_alone(folder, name):
        raise OSError(f"{next_file(folder, name).name} has a log beside it that was not taken into it")
    _sync(folder)
    _move_away(folder, name, after)
    next_file(folder, name).rename(folder / FILE)
    _sync(folder)


def end_exchange(folder: Path) -> None:
    """Ends what a killed process had begun: the new file counts from when the old one is gone.

    Raises:
        OSError, sqlite3.Error: the new file cannot take its place; both stay where they are.
    """
    for found in sorted(folder.glob(f"{NEXT}spool-*.sqlite")):
        name = found.name.removeprefix(NEXT)
        if (folder / FILE).exists():
            discard_next(folder, name)  # it has nothing that is not in the other
        else:
            if not is_alone(folder, name):
                with closing(open_damaged(found)) as connection:
                    settle(connection)
            exchange(folder, name, lambda _: None)


def discard_next(folder: Path, name: str) -> None:
    """Lets go of a file that never took its place."""
    for ending in _COMPANIONS:
        Path(f"{next_file(folder, name)}{ending}").unlink(missing_ok=True)


def _move_away(folder: Path, name: str, after: Callable[[str], None]) -> None:
    for ending in _COMPANIONS:
        part = folder / f"{FILE}{ending}"
        if part.exists():
            part.rename(folder / f"{name}{ending}")
            after(MOVED)


def _sync(folder: Path) -> None:
    """Names are on the disk when this returns."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
