"""Judging compounds: backlogs and restarts, a part that has gone, one that breaks, history that is played."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from core.batch import Event, Mark, ReadingBatch
from core.model import Compound, DefinitionSet
from ingest.directory import Directory
from ingest.judge import Judge
from ingest.packed_columns import pack, unpack
from tests.ingest.plant import START_US, definition, definition_set, device_row, sensor, small_directory

S = 1_000_000
BOTH = Compound(901, (1, 2))


def plant(*compounds: Compound, without: int = 0, failed: list[str] | None = None) -> Judge:
    """Limits 1, 2 and 3 on slots 0, 1 and 2; a compound on 901 and one on 902."""
    small = small_directory()
    carrier = replace(device_row(9), key="_davy.north")
    own = [sensor(901, carrier, "_compound.a", is_virtual=True), sensor(902, carrier, "_compound.b", is_virtual=True)]
    directory = Directory(7, [*(device.row for device in small.devices), carrier], [*small.sensors, *own])
    rows = [
        definition(1, 101),
        definition(2, 102),
        definition(3, 103, on_delay_us=2 * S),
        definition(8, 901, detector="compound", setpoint=2.0),
        definition(9, 902, detector="compound", setpoint=2.0),
    ]
    found = definition_set(directory, [row for row in rows if row.definition_id != without])
    definitions = DefinitionSet(7, found.definitions, found.slot, found.sensors, compounds)
    told = [] if failed is None else failed
    return Judge(directory, definitions, on_failure=lambda name, _: told.append(name))


def batch(*readings: tuple[int, float, float], played: bool = False) -> ReadingBatch:
    """Readings (slot, seconds after the start, value)."""
    if not readings:
        return ReadingBatch.empty()
    slot, at, value = zip(*readings, strict=True)
    us = START_US + (np.array(at) * S).astype(np.int64)
    quality = np.full(len(slot), Mark.REPLAYED if played else 0, np.uint8)
    return ReadingBatch(np.array(slot, np.int32), us, us, us, np.array(value, float), quality)


def advance(judge: Judge, readings: ReadingBatch, now_s: float) -> list[Event]:
    """What a batch makes of it, judged at an instant."""
    return judge.advance(readings, START_US + int(now_s * S), 0)


def said(events: list[Event]) -> list[tuple[int, bool, float]]:
    """(definition, active, seconds after the start)."""
    return [(event.definition_id, event.active, (event.at - START_US) / S) for event in events]


def restarted(judge: Judge, *compounds: Compound, without: int = 0) -> Judge:
    """From its checkpoint."""
    another = plant(*compounds, without=without)
    another.restore(unpack(pack(judge.state())))
    return another


def test_a_backlog_after_a_batch_on_time_is_judged_whole() -> None:
    """A gateway comes back with its buffer while another speaks on time: the compound begins and ends where its parts did."""
    judge = plant(BOTH)
    advance(judge, batch((0, 0, 0), (1, 0, 0), (2, 0, 1)), 0)
    advance(judge, batch((2, 19, 1)), 19)
    begun = advance(judge, batch((0, 5, 60), (1, 6, 60)), 20)
    assert (8, True, 6) in said(begun)
    advance(judge, batch((2, 39, 1)), 39)
    assert (8, False, 22) in said(advance(judge, batch((0, 22, 0), (1, 23, 0)), 40))


@pytest.mark.parametrize("seed", range(12))
def test_a_restart_judges_backlogs_as_going_on_would(seed: int) -> None:
    """On-time batches and backlogs of 30 s mixed, with restarts: the same events and the same state, bit for bit."""
    rng = random.Random(seed)
    compounds = (
        Compound(901, (1, 2), rng.choice([0, 3 * S, 30 * S]), rng.random() < 0.5),
        Compound(902, (8, 3), 10 * S),
    )
    live, other = plant(*compounds), plant(*compounds)
    now, last = 0.0, [0.0] * 3
    for _ in range(60):
        now += rng.uniform(0.1, 4)
        readings = []
        for slot in range(3):
            last[slot] = max(last[slot], now - 30)
            while rng.random() < 0.5 and last[slot] + 0.1 < now:
                last[slot] = rng.uniform(last[slot], now)
                readings.append((slot, last[slot], rng.choice([0.0, 60.0, 60.0, float("nan")])))
        assert repr(advance(live, batch(*readings), now)) == repr(advance(other, batch(*readings), now))
        if rng.random() < 0.3:
            other = restarted(other, *compounds)
    mine, theirs = live.state(), other.state()
    assert {n for n in mine if mine[n].tobytes() != theirs[n].tobytes()} == set()


def test_a_limit_that_is_retired_while_it_makes_a_compound_whole() -> None:
    """The compound ends, the other limits go on, and nothing breaks."""
    judge = plant(BOTH)
    advance(judge, batch((0, 0, 60), (1, 0, 60)), 0)
    assert (8, 901) in judge.standing()
    after = restarted(judge, BOTH, without=1)
    assert said(advance(after, batch((0, 1, 60), (1, 1, 60)), 1)) == [(8, False, 0)]
    assert after.standing() == {(2, 102)}


class Broken:
    """Compounds that break."""

    def __init__(self) -> None:
        self.definitions = np.array([False, False, False, True, True])

    def __len__(self) -> int:
        return 1

    def judge(self, events: list[Event], until_us: int) -> list[Event]:
        """Always."""
        raise ZeroDivisionError("as anything may")


def test_compounds_that_break_are_switched_off_and_limits_go_on() -> None:
    """Loudly, once; delays end, and nothing is due for ever."""
    failed: list[str] = []
    judge = plant(BOTH, failed=failed)
    judge.compounds = Broken()  # type: ignore[assignment]
    assert said(advance(judge, batch((0, 0, 60), (2, 0, 60)), 0)) == [(1, True, 0)]
    assert said(advance(judge, batch((1, 1, 60)), 5)) == [(2, True, 1), (3, True, 2)]
    assert failed == ["compound"]
    assert (judge.due_us() or 0) > START_US + 10**6 * S


def test_a_compound_of_compounds_is_history_where_all_behind_it_is() -> None:
    """Asked of the conditions that made its parts whole; one of them that is not played, and it is not."""
    compounds = (BOTH, Compound(902, (8, 3)))
    readings = [(0, 0, 60), (1, 0, 60), (2, 0, 60), (2, 3, 60)]
    for played in (True, False):
        judge = plant(*compounds)
        advance(judge, batch(*readings[:2], played=True), 0)
        events = advance(judge, batch(*readings[2:], played=played), 3)
        assert [(e.definition_id, e.replayed) for e in events if e.definition_id > 8] == [(9, played)]
