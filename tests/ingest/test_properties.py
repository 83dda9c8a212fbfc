"""What must not depend on chance: how messages are cut into batches, how sites are interleaved, when we were restarted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.batch import Event, Mark
from core.model import Compound, DefinitionSet
from ingest.directory import Directory
from ingest.organs import Organs
from ingest.packed_columns import pack, unpack
from ingest.source import RawMessage
from tests.ingest.plant import (
    START_US,
    definition,
    definition_set,
    device_row,
    message,
    payload,
    sensor,
    small_directory,
)

SECOND = 1_000_000
TOLERANCE = 5 * SECOND
SILENCES = {6, 7}  # the definitions of stale sensors; the second goes by its own period
Row = tuple[int, int, int, float, int]


def plant() -> tuple[Directory, DefinitionSet]:
    """Two sites and a definition of each kind, with deadbands and both delays."""
    small = small_directory()
    carrier = replace(device_row(9), key="_davy.north")
    virtual = sensor(901, carrier, "_compound.c", is_virtual=True)
    rows = [*(device.row for device in small.devices), carrier]
    directory = Directory(7, rows, [*small.sensors, virtual])
    more = {"deadband": 5.0, "on_delay_us": 2 * SECOND, "off_delay_us": 3 * SECOND}
    definitions = [
        definition(1, 101, deadband=5.0),
        definition(2, 301, **more),
        definition(3, 102, **more, direction="low", setpoint=20.0),
        definition(4, 302, detector="rate", setpoint=200.0, parameters={"window_s": 4.0}),
        definition(5, 103, detector="stuck", setpoint=6.0),
        definition(6, 303, detector="stale", setpoint=5.0),
        definition(7, 202, detector="stale", setpoint=5.0, parameters={"periods": 5.0, "period_s": 2.0}),
        definition(8, 901, detector="compound", setpoint=2.0, on_delay_us=SECOND),
        definition(-16, 201, setpoint=60.0, votes=2, votes_of=3),
        definition(9, 203, detector="exposure", setpoint=1.2, parameters={"window_s": 60.0, "known_share": 0.1}),
    ]
    found = definition_set(directory, definitions)
    compounds = (Compound(901, (1, 3, -16), 4 * SECOND),)
    return directory, DefinitionSet(found.version, found.definitions, found.slot, found.sensors, compounds)


def messages(seed: int, count: int, *, forgetful: bool = True) -> list[RawMessage]:
    """What three devices at two sites say, with gaps, repeats, late readings, garbage and restarts, in the order it came.

    Args:
        forgetful: after a restart they count from the beginning under the boot they had; else under another.
    """
    rng = random.Random(seed)
    seqs, found = {"d1": 0, "d2": 0, "d3": 0}, list[RawMessage]()
    boots = dict.fromkeys(seqs, 1)
    newest = dict.fromkeys(seqs, 0)  # stamp of the device's last s2
    now = START_US
    for _ in range(count):
        now += rng.randrange(100_000, 2 * SECOND)
        device = rng.choice(list(seqs))
        site = "south" if device == "d3" else "north"
        if rng.random() < 0.04:
            seqs[device] = -1
            boots[device] += not forgetful
        seqs[device] += rng.choice([1, 1, 1, 2])
        stamp = (now - rng.randrange(0, SECOND)) // 1000
        readings = [
            {"s": f"s{k}", "v": round(rng.random() * 100, 2) if k != 3 else rng.choice([1, 1, 1, 2]), "t": stamp}
            for k in range(1, 4)
            if rng.random() < 0.8
        ]
        if any(reading["s"] == "s2" for reading in readings):
            newest[device] = stamp
        # Late for certain: what is old and yet the sensor's newest is on time, and `now` has gone past it.
        if rng.random() < 0.1 and newest[device] > stamp - 9000:
            readings.append({"s": "s2", "v": 1.0, "t": stamp - 9000})
        body = payload(seqs[device], now, readings, boots[device]) if readings else b"garbage"
        found.append(message(device, body, now, site=site))
        if rng.random() < 0.1:
            found.append(message(device, body, now + 1, site=site, repeated=True))
    return found


def interleave(found: Sequence[RawMessage], rng: random.Random) -> list[RawMessage]:
    """Another order that keeps the order of each site."""
    sites = {site: [m for m in found if f"/{site}/" in m.topic] for site in ("north", "south")}
    order = ["north"] * len(sites["north"]) + ["south"] * len(sites["south"])
    rng.shuffle(order)
    return [sites[site].pop(0) for site in order]


def cut(found: Sequence[RawMessage], rng: random.Random) -> list[list[RawMessage]]:
    """The messages as lots of one to nine."""
    lots, rest = [], list(found)
    while rest:
        n = rng.randrange(1, 10)
        lots.append(rest[:n])
        rest = rest[n:]
    return lots


def judge_all(
    lots: Sequence[Sequence[RawMessage]], restart_at: int = -1
) -> tuple[set[Row], dict[int, list[Event]], bytes]:
    """Rows, events by definition, and the state at the end; `now` never passes a reading that is still to come."""
    directory, definitions = plant()
    organs = Organs.grow(directory, definitions, TOLERANCE)
    rows, events = set[Row](), dict[int, list[Event]]()
    waiting = [m.received_us for lot in lots for m in lot]
    for number, lot in enumerate([*lots, []]):  # and a turn in which nothing more comes
        waiting = waiting[len(lot) :]
        # Readings are up to a second older than their message.
        now = min(waiting) - SECOND if waiting else START_US + 3600 * SECOND
        decoded = organs.decoder.decode(lot)
        found = organs.sorter.sort(decoded, now)
        judgement = organs.judge.judge(found.batch, found.late, now, now - START_US)
        b = found.batch
        rows |= set(zip(*(c.tolist() for c in (b.sensor, b.measured_at, b.judged_at, b.value, b.quality)), strict=True))
        for event in judgement.events:
            plain = Event(event.definition_id, event.sensor_id, event.active, event.at, event.value, parts=event.parts)
            events.setdefault(event.definition_id, []).append(plain)
        if number == restart_at:
            fresh = Organs.grow(directory, definitions, TOLERANCE)
            fresh.restore(unpack(pack(organs.state())))
            organs = fresh
    state = {
        name: column for name, column in organs.judge.state().items() if "swept" not in name and "watch" not in name
    }
    return rows, events, pack(state)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 60))
def test_batches_and_interleaving_change_nothing(seed: int, shuffle: int, count: int) -> None:
    """Any split into batches and any interleaving of sites gives the same rows and events (of readings on time)."""
    found = messages(seed, count)
    rng = random.Random(shuffle)
    rows, events, _ = judge_all([found])
    other_rows, other_events, _ = judge_all(cut(interleave(found, rng), rng))
    assert other_rows == rows
    # Silence is what sweeps see: a sensor silent and back between two of them was not seen to be (detectors/stale.py).
    assert {d: e for d, e in other_events.items() if d not in SILENCES} == {
        d: e for d, e in events.items() if d not in SILENCES
    }


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 20))
def test_a_restart_changes_not_one_bit(seed: int, shuffle: int, restart_at: int) -> None:
    """State packed, unpacked and restored between any two batches goes on bit-equal."""
    lots = cut(messages(seed, 50), random.Random(shuffle))
    assert judge_all(lots, restart_at) == judge_all(lots)


def without_doubles(rows: set[Row]) -> set[Row]:
    """The rows without those that are late and say what another one says."""
    on_time = {(row[0], row[1], row[3]) for row in rows if not row[4] & Mark.LATE}
    return {row for row in rows if not row[4] & Mark.LATE or (row[0], row[1], row[3]) not in on_time}


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 120))
@example(866, 0, 25)
def test_a_forgotten_boot_counter_costs_nothing(seed: int, shuffle: int, count: int) -> None:
    """A device that begins again under its old boot gives the rows and events of one that chose a new boot, under any split.

    A repeat that is taken for a new beginning comes late and is the same row once more: the table's key refuses it.
    """
    rng = random.Random(shuffle)
    rows, events, _ = judge_all([messages(seed, count, forgetful=False)])
    other_rows, other_events, _ = judge_all(cut(messages(seed, count), rng))
    assert without_doubles(other_rows) == without_doubles(rows)
    assert {d: e for d, e in other_events.items() if d not in SILENCES} == {
        d: e for d, e in events.items() if d not in SILENCES
    }


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_is_stored_teaches_the_same(seed: int, shuffle: int) -> None:
    """After a kill the batches are judged again as the database has them: by judged time, and when they came is not kept. What was
    learned of a sensor's silence is the same to the bit."""
    directory, definitions = plant()
    live, again = (Organs.grow(directory, definitions, TOLERANCE) for _ in range(2))
    for lot in cut(messages(seed, 50), random.Random(shuffle)):
        now = lot[-1].received_us
        found = live.sorter.sort(live.decoder.decode(lot), now)
        live.judge.judge(found.batch, found.late, now, now - START_US)
        order = np.argsort(found.batch.judged_at, kind="stable")
        stored = found.batch.take(order)
        stored = replace(stored, received_at=stored.judged_at).take(~found.late[order])
        again.judge.advance(stored, now, now - START_US)
        again.judge.averages.note(found.batch.take(order), found.late[order], now)
    states = [organs.judge.state() for organs in (live, again)]
    assert any(name == "stale/pauses" and column.any() for name, column in states[0].items())
    assert pack(states[0]) == pack(states[1])


def test_packing_keeps_every_column() -> None:
    """Names, types, shapes and bits survive, empty columns included."""
    columns = {
        "a": np.array([1.5, np.nan]),
        "b": np.zeros((0, 5), np.int64),
        "c": np.array([[1, 2], [3, 4]], np.uint8),
        "d": np.array([True, False]),
    }
    back = unpack(pack(columns))
    assert {k: (v.dtype, v.shape, v.tobytes()) for k, v in back.items()} == {
        k: (v.dtype, v.shape, v.tobytes()) for k, v in columns.items()
    }
