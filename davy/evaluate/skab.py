"""SKAB: a pump test bed. Each file by itself, its first 400 rows are normal, the rest is scored; counts are pooled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from davy.answer import progress
from davy.evaluate import settings
from davy.evaluate.assets import Watch, judged
from davy.evaluate.judging import Stream
from davy.evaluate.measures import Bool, if_there
from davy.evaluate.measures import rows as counted
from davy.evaluate.reading import having, table
from davy.evaluate.skab_scoring import Marked, changepoint
from detectors.contract import SECOND_US

TIME: Final = "datetime"
LABELS: Final = ("anomaly", "changepoint")
TRAIN: Final = 400  # rows; the leaderboard's train_size


class Judged(NamedTuple):
    """One file's scored rows: what people have marked, and what alarmed."""

    name: str
    event: Bool
    marked: Marked


def evaluate(_fit: Path, scored: Path, *, watch: Watch = settings.SKAB) -> dict[str, Any]:
    """The leaderboard's protocol of 2024: rows, and marks within a minute after each change.

    Args:
        watch: the settings; others than the repository's for a picture of what they buy.

    Raises:
        BadInput: files that will not do.
    """
    return answer(judge(scored, watch))


def judge(scored: Path, watch: Watch = settings.SKAB) -> list[Judged]:
    """Each file by itself.

    Raises:
        BadInput: files that will not do.
    """
    found = []
    for header in having(scored, (TIME, *LABELS)):
        file = table(header, TRAIN + 1)
        members = [column for column in file.columns if column not in (TIME, *LABELS)]
        stream = Stream(file.instants(TIME), file.numbers(members))
        held = judged(watch, header.name, members, [stream.values[:TRAIN]], stream)[TRAIN:]
        event, change = (file.labels(label)[TRAIN:] == 1 for label in LABELS)
        found.append(Judged(header.name, event, Marked(stream.at[TRAIN:] / SECOND_US, change, held)))
    progress(f"skab: {len(found)} files, {sum(len(file.event) for file in found)} rows scored")
    return found


def answer(files: Sequence[Judged]) -> dict[str, Any]:
    """What all of these files together say."""
    marked = [file.marked for file in files]
    found = counted([file.event for file in files], [each.alarm for each in marked])
    changes = sum(int(each.changes.sum()) for each in marked)
    if not (found.events and found.normal and changes):
        progress(
            f"skab: {found.events} anomalous rows, {found.normal} normal ones and {changes} changes: cannot judge what is of none."
        )
    return {
        "f1": if_there(found.f1, found.events),
        "far": if_there(found.false_alarm_rate, found.normal),
        "mar": if_there(found.missed_rate, found.events),
        "cp_nab_standard": if_there(changepoint(marked), changes),
    }
