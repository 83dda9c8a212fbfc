"""GECCO 2018: a drinking-water plant, a row a minute. Events found, and how often a day somebody would be called for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from core.errors import BadInput
from davy.answer import progress
from davy.evaluate import settings
from davy.evaluate.agreement import Agreement, agreed
from davy.evaluate.judging import Stream
from davy.evaluate.measures import Bool, false_episodes, found, if_there, moving, rows, runs, share
from davy.evaluate.reading import having, table
from davy.evaluate.splitting import cut, is_same

TIME: Final = "Time"
QUALITY: Final = ("Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2")  # of the water; the rest is how the plant is run
OPERATION: Final = ("Tp", "Fm", "Fm_2")
EVENT: Final = "EVENT"
COLUMNS: Final = (TIME, *QUALITY, *OPERATION, EVENT)
LEAST: Final = 2_000  # rows: a day and a half
ROWS_A_DAY: Final = 1_440.0


Judged = tuple[Bool, Bool]  # of a file's scored rows: event, alarm


def evaluate(fit: Path, scored: Path) -> dict[str, Any]:
    """Events found and false episodes a day of normal time.

    Raises:
        BadInput: files that will not do.
    """
    same = is_same(fit, scored)
    if not same:
        having(fit, COLUMNS)
        progress(f"gecco: the sensors learn as they go, from what is scored; nothing is taken from {fit}")
    files = judge(scored)
    if same:
        files = [(event[cut(len(event)) :], alarm[cut(len(alarm)) :]) for event, alarm in files]
    return answer(files)


def judge(scored: Path, agreement: Agreement = settings.GECCO) -> list[Judged]:
    """Each file, all of its rows.

    Raises:
        BadInput: files that will not do.
    """
    judged = []
    for header in having(scored, COLUMNS):
        file = table(header, LEAST)
        stream = Stream(file.instants(TIME), file.numbers(QUALITY))
        still = [name for name, moves in zip(QUALITY, moving(stream.values).tolist(), strict=True) if not moves]
        if still:
            progress(f"gecco: {file.name}: cannot judge {', '.join(still)}: nothing there, or never moved.")
        if len(QUALITY) - len(still) < agreement.at_least:
            raise BadInput(
                f"{file.name}: {len(QUALITY) - len(still)} of {', '.join(QUALITY)} moves; {agreement.at_least} at least must, to agree."
            )
        judged.append((file.labels(EVENT) == 1, agreed(agreement, stream)))
    return judged


def answer(files: Sequence[Judged]) -> dict[str, Any]:
    """What all of these stretches together say."""
    events = [hit for event, alarm in files for hit in found(runs(event), alarm)]
    false = sum(false_episodes(alarm, event) for event, alarm in files)
    normal = sum(int((~event).sum()) for event, _ in files) / ROWS_A_DAY
    progress(f"gecco: {len(events)} events in {normal:.1f} normal days")
    if not events:
        progress(f"gecco: no row that is scored is marked as an event ({EVENT} 1): cannot judge what is found.")
    return {
        "events_found": sum(events),
        "events": len(events),
        "false_per_day": if_there(share(false, normal), normal),
        "f1": if_there(rows([event for event, _ in files], [alarm for _, alarm in files]).f1, len(events)),
    }
