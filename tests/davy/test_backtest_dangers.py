"""What becomes of a danger, what is not known of it, and what chatters without end."""

from __future__ import annotations

import numpy as np

from alerting.rehearsal import Danger, Onset
from davy.backtest import engine
from davy.backtest.columns import Stored
from davy.backtest.dangers import fate
from davy.backtest.engine import SECOND_US, Run, Version, Watch, numbered, pieces
from davy.backtest.known import Known
from davy.backtest.telling import verdict
from tests.ingest.plant import START_US, definition, small_directory

DANGER = Danger(1, "gas", "true_danger", True, 100 * SECOND_US, 200 * SECOND_US)
AT = 100 * SECOND_US


def outcome(was: Onset | None, would_be: Onset | None, *, known: bool = True) -> str:
    return fate(DANGER, was, would_be, least_us=0, known=known).outcome


def test_a_proposal_that_reaches_nobody_has_lost_the_danger() -> None:
    """At the very same instant, but by routes that send nobody: lost. Where nobody is sent by either, the alarms are compared."""
    assert outcome(Onset(AT, AT), Onset(AT, AT)) == "found"
    assert outcome(Onset(AT, AT), Onset(AT, None)) == "lost"
    assert outcome(Onset(AT, AT), None) == "lost"
    assert outcome(Onset(AT, AT), Onset(AT, AT + 60 * SECOND_US)) == "later"
    assert outcome(Onset(AT, None), Onset(AT, None)) == "found"
    assert outcome(Onset(AT, None), Onset(AT - 1, None)) == "earlier"
    assert outcome(None, Onset(AT + 1, AT + 1)) == "later", "live it was told at its beginning"


def test_a_danger_without_readings_is_not_judged() -> None:
    """Neither version tells of it: with its readings that is no matter of the change, without them nobody knows."""
    assert outcome(None, None) == "neither"
    assert outcome(None, None, known=False) == "unknown"
    assert outcome(Onset(AT, AT), None, known=False) == "lost"
    asked = [(10 * SECOND_US, 20 * SECOND_US), (50 * SECOND_US, 60 * SECOND_US)]
    known = Known(0, 100 * SECOND_US, SECOND_US, asked)
    at = SECOND_US * np.array([*range(40), *range(55, 100)], np.int64)
    known.take(Stored(1, at, at, np.ones(len(at)), np.zeros(len(at), np.uint8)))
    known.finish()
    assert known.missing == {asked[1]}


def test_what_could_not_be_judged_refuses_nothing_and_is_told() -> None:
    """Chatter without end does refuse."""
    clean = {"dangers": 2, "unknown": 3, "lost": 0, "delayed": 0, "lost_injected": 0}
    assert verdict(**clean, endless=0) == {"refused": False, **clean, "endless": 0}
    assert verdict(**clean, endless=1)["refused"]


def test_chatter_without_end_is_kept_up_to_a_bound() -> None:
    """A setpoint within the noise: after so many beginnings and ends no more are kept, the instant is, and other limits go on."""
    directory = small_directory()
    sensor = int(directory.sensor_id[0])
    limits = [definition(1, sensor, setpoint=50.0), definition(2, sensor, setpoint=70.0)]
    version = Version("proposed", "", directory, numbered(limits, directory))
    run = Run(directory, [version], Watch())
    count = engine.MOST_EVENTS + 5_000
    for begin in range(0, count, count // 3):
        rows = np.arange(begin, min(begin + count // 3, count), dtype=np.int64)
        at = START_US + rows * SECOND_US
        value = np.where(rows % 2 == 0, 51.0, 49.0)
        value[rows == count - 1] = 80.0
        end = int(at[-1]) + SECOND_US
        (piece,) = pieces(int(at[0]), end, "reading", 1e9, 10**18)[:1]
        run.take(piece, [Stored(sensor, at, at, value, np.zeros(len(at), np.uint8))])
    told = version.told()
    assert len(told[1]) == engine.MOST_EVENTS
    assert version.endless == {1: told[1][-1].at}
    assert len(told[2]) == 1
