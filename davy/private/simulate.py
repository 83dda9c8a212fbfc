"""`davy simulate`: a scenario through real broker, ingest and database, faster than life, judged by its truth.

Everything runs as in production but for the clock: ingest follows the data (`davy/processes/stream_clock.py`), so that a day takes
a minute and the same seed gives the same answer.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from core.db import connect
from core.errors import Unavailable
from davy.answer import progress, say
from davy.private.one_connection import publish
from davy.private.stack import Plan, Stack
from davy.private.up import PORTFOLIO
from davy.store import raised, stored_readings
from simulators.matching import Raised, judge
from simulators.scenarios import load

# A Monday; any instant would do, but it must be the same each time: the same seed, the same answer.
START: Final = datetime(2026, 3, 2, tzinfo=UTC)
LOOK_EVERY_S: Final = 0.2
STALL_S: Final = 60.0


def simulate(name: str, *, seed: int, check: bool, as_json: bool) -> int:
    """Plays scenario `name`; with `check` the exit status says whether Davy's alarms hold against the truth.

    Raises:
        BadInput: there is no such scenario.
        Unavailable: servers did not start, or ingest stood still.
    """
    scenario = load(name, seed, START)
    with Stack(Plan(site_file=PORTFOLIO, parts=("ingest",), users=False, fsync=False, stream_clock=True)) as stack:
        progress(
            f"Playing {name}, seed {seed}: {scenario.seconds / 60:.0f} minutes of {len(scenario.devices())} devices"
        )
        stack.start()
        stack.wait_until_ready()
        _wait_until_stored(stack, publish(stack, scenario.births(), scenario.packets()))
        with closing(connect(stack.database_url("owner"), application="simulate")) as connection:
            found = [Raised(r.definition, r.sensor, round(r.at.timestamp() * 1e6)) for r in raised(connection)]
    outcome = judge(scenario.truth, found)
    answer = asdict(outcome)
    too_early = answer.pop("too_early")
    for late_or_false in found if not outcome.holds else ():
        at = datetime.fromtimestamp(late_or_false.at_us / 1e6, UTC)
        progress(f"raised: {late_or_false.definition} at {at:%H:%M:%S}")
    if too_early:
        progress(f"{too_early} alarms came before they physically could.")
    say(answer, as_json=as_json)
    return 1 if check and not outcome.holds else 0


def _wait_until_stored(stack: Stack, published: int) -> None:
    """Until ingest has stored every reading.

    Raises:
        Unavailable: nothing more was stored for a minute.
    """
    last, since = -1, time.monotonic()
    waiting = threading.Event()
    with closing(connect(stack.database_url("owner"), application="simulate")) as connection:
        while (found := stored_readings(connection)) < published:
            if found != last:
                last, since = found, time.monotonic()
            elif time.monotonic() - since > STALL_S:
                raise Unavailable(
                    f"Ingest stored {found} of {published} readings and stands still: {stack.parts['ingest'].last_words()}"
                )
            stack.keep_alive()
            waiting.wait(LOOK_EVERY_S)
