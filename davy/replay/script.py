"""What is to be played: a file and its map, read once from beginning to end, so that whatever is wrong is said before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import BadInput
from core.site_file import read_site_file
from davy.answer import progress
from davy.replay.check import unknown_sensors
from davy.replay.files import csv_lines, read_text
from davy.site.importing import shipped_limits, vocabulary
from ingest.clock import OLDEST_US
from simulators.history import Row, Tally, read_rows
from simulators.history_stream import History, Timing
from simulators.replay_map import ReplayMap, read_replay_map, told

WEEK_MS: Final = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Script:
    """A file and its map, read once from beginning to end: everything that can be wrong with them has been said."""

    file: Path
    map_file: Path
    plan: ReplayMap
    tally: Tally

    def rows(self) -> Iterator[Row]:
        """The file's rows, from its beginning."""
        return read_rows(csv_lines(self.file, self.plan.encoding), self.plan, self.file.name, Tally())

    def history(self, begins_ms: int, *, speed: float = 1.0, replayed: bool, seed: int = 0) -> History:
        """What the devices send when the first row goes out at `begins_ms`."""
        assert self.tally.first_ms is not None
        assert self.tally.last_ms is not None
        timing = Timing(self.tally.first_ms, self.tally.last_ms, begins_ms, speed)
        return History(plan=self.plan, rows=self.rows, timing=timing, replayed=replayed, seed=seed)


def read_script(file: Path, map_file: Path) -> Script:
    """Reads the map, and the whole file by it.

    Raises:
        BadInput: one of them cannot be played; every mistake of the map at once.
    """
    plan = read_replay_map(read_text(map_file), map_file.name)
    tally = Tally()
    for _ in read_rows(csv_lines(file, plan.encoding), plan, file.name, tally):
        pass
    if tally.first_ms is None:
        raise BadInput(f"None of the {tally.rows} rows of {file.name} can be played. {tally.told[0]}")
    if not tally.readings:
        raise BadInput(f"None of the {tally.rows} rows of {file.name} has a value for a sensor of {map_file.name}.")
    return Script(file, map_file, plan, tally)


def tell(script: Script) -> None:
    """What a person should know of the file before it is played."""
    tally, plan = script.tally, script.plan
    progress(
        f"{script.file.name}: {tally.rows} rows, {tally.readings} readings of {len(plan.columns)} sensors on "
        f"{len(plan.devices())} devices at {plan.site}."
    )
    if plan.note:
        progress(f"{plan.name} says: {plan.note}")
    if tally.unused:
        progress(f"Not played, because the map does not name them: {', '.join(tally.unused)}.")
    for sentence in tally.told:
        progress(sentence)
    if tally.untold:
        progress(f"... and {tally.untold} more of the kind.")


def private_history(script: Script) -> History:
    """The file at its own time; whole weeks later where it is older than any stamp Davy takes for one."""
    first_ms = script.tally.first_ms
    assert first_ms is not None
    weeks = max(0, -(-(OLDEST_US // 1000 - first_ms) // WEEK_MS))
    return script.history(first_ms + weeks * WEEK_MS, replayed=False)


def site_file_of(script: Script) -> Path:
    """The site file that a private instance imports, held against the map.

    Raises:
        BadInput: the map names none, or sensors that it does not have.
    """
    plan = script.plan
    if plan.site_file is None:
        raise BadInput(
            f"{plan.name} names no site_file; --private needs one that says which sensors and limits there are."
        )
    path = script.map_file.parent / plan.site_file
    found = read_site_file(read_text(path), words=vocabulary(), packs=shipped_limits())
    if found.mistakes:
        raise told(path.name, found.mistakes)
    if mistakes := unknown_sensors(plan, found.portfolio, path.name):
        raise told(plan.name, mistakes)
    return path
