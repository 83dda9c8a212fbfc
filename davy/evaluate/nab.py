"""NAB: single series with windows in `combined_windows.json`; one threshold for all, fixed in the repository before scoring."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.batch import Int64
from core.errors import BadInput
from davy.answer import progress
from davy.evaluate import settings
from davy.evaluate.judging import Stream
from davy.evaluate.measures import Bool, Run, moving
from davy.evaluate.nab_scoring import PROFILES, score
from davy.evaluate.reading import Header, having, table
from davy.evaluate.records import Record, held

COLUMNS: Final = ("timestamp", "value")
LEAST: Final = 20  # rows: with fewer, probation is nothing


Judged = tuple[Bool, list[Run]]  # of a file its detections, and the rows of its windows


def evaluate(_fit: Path, scored: Path) -> dict[str, Any]:
    """The three profiles of NAB's score.

    Raises:
        BadInput: files that will not do, or windows that fit none of them.
    """
    return answer(judge(scored).values())


def judge(scored: Path, records: Sequence[Record] = settings.NAB) -> dict[str, Judged]:
    """Each file by itself, by its name.

    Raises:
        BadInput: files that will not do, or windows that fit none of them.
    """
    headers = having(scored, COLUMNS)
    windows = _windows(scored)
    files: dict[str, Judged] = {}
    unmarked, still = [], []
    for header in headers:
        named = _named(header, windows)
        if named is None:
            unmarked.append(header.name)
            continue
        file = table(header, LEAST)
        stream = Stream(file.instants("timestamp"), file.numbers(["value"]))
        own = sorted(_run(header, file.columns["timestamp"], window) for window in windows[named])
        if not moving(stream.values)[0]:
            still.append(header.name)
        files[header.name] = _begins(stream, records), own
        if len(files) % 10 == 0:
            progress(f"nab: {len(files)} of {len(headers)} files")
    if not files:
        raise BadInput(f"The windows of {scored} name none of its files; they name {', '.join(list(windows)[:3])} ...")
    if len(still) == len(files):
        raise BadInput(f"None of the {len(files)} files of {scored} can be judged: nothing there, or it never moves.")
    if still:
        progress(
            f"nab: cannot judge {', '.join(still)}: nothing there, or never moved; what lies in it counts as missed."
        )
    if not any(own for _, own in files.values()):
        raise BadInput(f"None of the {len(files)} files of {scored} has a window: there is nothing to find.")
    if unmarked:
        progress(f"nab: not scored, as no windows are given for them: {', '.join(unmarked)}")
    return files


def answer(files: Iterable[Judged]) -> dict[str, Any]:
    """What all of these files together say."""
    every = list(files)
    return {profile: score(every, profile) for profile in PROFILES}


def _begins(stream: Stream, records: Sequence[Record]) -> Bool:
    """The rows at which an alarm begins: one detection a burst."""
    alarm = held(records, stream)
    begins: Bool = alarm & ~np.concatenate([[False], alarm[:-1]])
    return begins


def _windows(folder: Path) -> dict[str, list[list[str]]]:
    """File -> first and last stamp of each window: of the JSON file below the folder that says that."""
    found: dict[str, list[list[str]]] = {}
    broken = []
    for path in sorted(folder.rglob("*.json")):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            broken.append(f"{path} is no JSON: {error}.")
            continue
        if not isinstance(said, dict) or not all(isinstance(each, list) for each in said.values()):
            continue
        pairs = [pair for each in said.values() for pair in each]
        if pairs and all(isinstance(p, list) and len(p) == 2 and all(isinstance(t, str) for t in p) for p in pairs):
            found.update(said)
    if not found:
        lacks = f"{folder} holds no JSON file with windows, as {{file: [[first stamp, last stamp], ...]}}."
        raise BadInput(" ".join([lacks, *broken]))
    for told in broken:
        progress(f"nab: passed over: {told}")
    return found


def _named(header: Header, windows: dict[str, list[list[str]]]) -> str | None:
    """What the windows call a file: its path, or the end of it where the folder is another."""
    name = "/" + header.name
    return next((known for known in windows if name.endswith("/" + known) or ("/" + known).endswith(name)), None)


def _run(header: Header, stamps: list[str], window: list[str]) -> Run:
    """The rows of a window."""
    at = np.array([stamp[:19] for stamp in stamps], "datetime64[s]").astype(np.int64)
    try:
        ends = np.array([stamp[:19] for stamp in window], "datetime64[s]").astype(np.int64)
    except ValueError as error:
        raise BadInput(f"The window {window} of {header.name} is no pair of stamps: {error}.") from error
    first, last = _place(at, ends[0]), _place(at, ends[1])
    if first is None or last is None:  # of a part of a series a window may begin before it, or end after it
        inside = np.flatnonzero((at >= ends[0]) & (at <= ends[1]))
        first, last = (int(inside[0]), int(inside[-1])) if len(inside) else (0, 0)
    if last <= first:
        raise BadInput(f"The window from {window[0]} to {window[1]} lies at no rows of {header.name}.")
    return Run(first, last)


def _place(at: Int64, instant: np.int64) -> int | None:
    found = np.flatnonzero(at == instant)
    return int(found[0]) if len(found) else None
