"""SKAB: a pump test bed. Each file by itself, its first 400 rows are normal, the rest is scored; counts are pooled."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from davy.answer import progress
from davy.evaluate import settings
from davy.evaluate.assets import Watch, judged
from davy.evaluate.judging import Stream
from davy.evaluate.measures import if_there
from davy.evaluate.measures import rows as counted
from davy.evaluate.reading import having, table
from davy.evaluate.skab_scoring import Marked, changepoint
from detectors.contract import SECOND_US

TIME: Final = "datetime"
LABELS: Final = ("anomaly", "changepoint")
TRAIN: Final = 400  # rows; the leaderboard's train_size


def evaluate(_fit: Path, scored: Path, *, watch: Watch = settings.SKAB) -> dict[str, Any]:
    """The leaderboard's protocol of 2024: rows, and marks within a minute after each change.

    Args:
        watch: the settings; others than the repository's for a picture of what they buy.

    Raises:
        BadInput: files that will not do.
    """
    truth, alarm, marked = [], [], []
    headers = having(scored, (TIME, *LABELS))
    for header in headers:
        file = table(header, TRAIN + 1)
        members = [column for column in file.columns if column not in (TIME, *LABELS)]
        stream = Stream(file.instants(TIME), file.numbers(members))
        held = judged(watch, header.name, members, [stream.values[:TRAIN]], stream)[TRAIN:]
        event, change = (file.labels(label)[TRAIN:] == 1 for label in LABELS)
        truth.append(event)
        alarm.append(held)
        marked.append(Marked(stream.at[TRAIN:] / SECOND_US, change, held))
    progress(f"skab: {len(headers)} files, {sum(map(len, truth))} rows scored")
    found, changes = counted(truth, alarm), sum(int(each.changes.sum()) for each in marked)
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
