"""GECCO 2018: a drinking-water plant, a row a minute. Events found, and how often a day somebody would be called for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from davy.answer import progress
from davy.evaluate import settings
from davy.evaluate.agreement import agreed
from davy.evaluate.judging import Stream
from davy.evaluate.measures import false_episodes, found, if_there, rows, runs, share
from davy.evaluate.reading import having, table
from davy.evaluate.splitting import cut, is_same

TIME: Final = "Time"
QUALITY: Final = ("Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2")  # of the water; the rest is how the plant is run
OPERATION: Final = ("Tp", "Fm", "Fm_2")
EVENT: Final = "EVENT"
COLUMNS: Final = (TIME, *QUALITY, *OPERATION, EVENT)
LEAST: Final = 2_000  # rows: a day and a half
ROWS_A_DAY: Final = 1_440.0


def evaluate(fit: Path, scored: Path) -> dict[str, Any]:
    """Events found and false episodes a day of normal time.

    Raises:
        BadInput: files that will not do.
    """
    same = is_same(fit, scored)
    if not same:
        having(fit, COLUMNS)
        progress(f"gecco: the sensors learn as they go, from what is scored; nothing is taken from {fit}")
    truths, alarms, events, false = [], [], [], 0
    for header in having(scored, COLUMNS):
        file = table(header, LEAST)
        stream = Stream(file.instants(TIME), file.numbers(QUALITY))
        first = cut(len(file)) if same else 0
        held = agreed(settings.GECCO, stream)[first:]
        truth = file.labels(EVENT)[first:] == 1
        events += found(runs(truth), held)
        false += false_episodes(held, truth)
        truths.append(truth)
        alarms.append(held)
    normal = sum(int((~truth).sum()) for truth in truths) / ROWS_A_DAY
    progress(f"gecco: {len(events)} events in {normal:.1f} normal days")
    if not events:
        progress(f"gecco: no row that is scored is marked as an event ({EVENT} 1): cannot judge what is found.")
    return {
        "events_found": sum(events),
        "events": len(events),
        "false_per_day": if_there(share(false, normal), normal),
        "f1": if_there(rows(truths, alarms).f1, len(events)),
    }
