"""SIGKILL of ingest at every fault point, at several batches: as if nothing had happened."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from davy.servers import Broker, PostgresServer, start_postgres
from ingest.packed_columns import unpack
from ingest.pipeline import FAULT_POINTS
from ingest.store.batch import APPLIED
from ingest.store.spool import look
from ingest.storing import DRAINED, PATIENCE_S, SPOOL_POINTS, SPOOLED
from tests.conftest import StartMosquitto, memory
from tests.database import clone, drop
from tests.ingest.plant import install, payload
from tests.ingest.rig import PASSWORDS, Rig, wait_for

pytestmark = [pytest.mark.db, pytest.mark.broker]

MESSAGES = 240
LOT = 40
HALF = 200  # messages; whole lots
LINGER_S = 5.0  # so long a lot waits to be full; a machine that is busy needs more than a second to say forty messages
LIMITS = [
    {"key": "delayed", "sensor": "d1/s2", "setpoint": 60.0, "deadband": 10.0, "on_delay_s": 2.0, "off_delay_s": 3.0},
    {"key": "rate", "sensor": "d1/s1", "detector": "rate", "setpoint": 100.0, "parameters": '{"window_s": 5}'},
    {"key": "stuck", "sensor": "d2/s3", "detector": "stuck", "setpoint": 20.0},
]
Outcome = dict[str, Any]


def stream() -> list[tuple[str, bytes]]:
    """What two devices say over ten minutes that lie a day back: swings, a stuck sensor, repeats, late ones, garbage.

    From a full hour, so that they lie in one day; a stamp more than two days off would not be believed.
    """
    hour_us = 3_600_000_000
    start_us = time.time_ns() // 1000 // hour_us * hour_us - 24 * hour_us
    sent: list[tuple[str, bytes]] = []
    for i in range(MESSAGES):
        at = start_us + i * 500_000
        swing = float((i * 7) % 120)
        d1 = [
            {"s": "s1", "v": swing, "t": at // 1000},
            {"s": "s2", "v": float((i // 8 % 2) * 80), "t": at // 1000 - 10},
        ]
        if i % 10 == 3:
            d1.append({"s": "s1", "v": 99.0, "t": at // 1000 - 5_000 + 1})  # late
        sent.append(("d1", payload(i, at, d1)))
        if i % 3:
            sent.append(
                ("d2", payload(i, at, [{"s": "s3", "v": 7.0 if i > 60 else float(i)}, {"s": "s1", "v": 51.0 - i % 4}]))
            )
        if i % 20 == 9:
            sent.append(("d1", sent[-3][1]))  # a repeat, or a message of the other device's seq
        if i % 40 == 11:
            sent.append(("d2", f"garbage {i}".encode()))
    return sent


STREAM = stream()


def settle(rig: Rig) -> None:
    """Until every message was stored, rejected or known to be a repeat: the last of each device is in."""
    last = max(i for i, (device, _) in enumerate(STREAM) if device == "d1")
    assert last
    wait_for(
        lambda: rig.one("SELECT count(*) FROM v_audit_reading WHERE device = 'd1' AND sensor = 's2'") == MESSAGES,
        "the last reading",
    )
    wait_for(
        lambda: rig.rows("SELECT 1 FROM device_stream WHERE seq = %(last)s", {"last": MESSAGES - 1}) != [],
        "both streams",
    )


def outcome(rig: Rig) -> Outcome:
    """Everything that must not depend on kills."""
    columns = unpack(rig.one("SELECT string_agg(state, ''::bytea ORDER BY part) FROM checkpoint_part"))
    swept = "judge/muted_when_swept"  # when time was last let pass: each run has its own
    judge = {name: column.tobytes() for name, column in columns.items() if name.startswith("judge/") and name != swept}
    sorting = {name: columns[f"sorting/{name}"].tobytes() for name in ("sensor_id", "judged", "stored", "stream")}
    return {
        "readings": rig.rows("SELECT sensor_id, measured_at, value, quality FROM reading ORDER BY 1, 2"),
        "transitions": rig.rows(
            "SELECT d.key, t.number, t.at, t.event, t.from_state, t.to_state, t.value, t.suppression"
            " FROM transition t JOIN alarm_definition d USING (definition_id) ORDER BY 1, 2"
        ),
        "notifications": rig.rows("SELECT key, step, channel FROM notification ORDER BY 1"),
        "rejected": rig.rows("SELECT topic, sha256, reason, count FROM rejected_message ORDER BY 1, 2"),
        "gaps": rig.rows(
            "SELECT device_id, boot, first_seq, last_seq, closed_at IS NULL FROM stream_gap ORDER BY 1, 2, 3"
        ),
        "judge": judge,
        "sorting": sorting,
    }


def run(
    postgres: PostgresServer, broker: Broker, folder: Path, kill_at: str | None, patience_s: float = PATIENCE_S
) -> Outcome:
    """The stream through a worker that is killed at its second batch, and at the fourth after that.

    Args:
        patience_s: 0: every batch goes by way of the spool.
    """
    database = clone(postgres)
    install(database, devices=2, limits=LIMITS, virtual=False)
    rig = Rig(database, broker, folder, worker=f"w-{kill_at or 'whole'}-{patience_s:.0f}")
    # The stamps lie a day back, so the clocks count as right only with a wide tolerance.
    # A lot waits until it is full, so that all runs cut the stream alike: late readings give one pair of events a batch.
    told: dict[str, object] = {
        "batch_messages": LOT,
        "tolerance_us": 3 * 86_400_000_000,
        "linger_s": LINGER_S,
        "patience_s": patience_s,
    }
    try:
        rig.start(**told, kill_at=kill_at, kill_count=2)
        rig.wait_until_connected()
        for device, body in STREAM:
            rig.publisher.publish(f"davy/v1/north/{device}/readings", body, qos=1)
        if kill_at is not None:
            rig.wait_until_killed()
            rig.start(**told, kill_at=kill_at, kill_count=4)
            rig.wait_until_killed()
            rig.start(**told)
        settle(rig)
        assert rig.stop() == 0, rig.log.read_text()[-2000:]
        return outcome(rig)
    finally:
        rig.close()
        drop(database)


def run_away(server: PostgresServer, broker: Broker, folder: Path, kill_at: str) -> Outcome:
    """The stream, its second half while the database is away; killed at the second batch then, and while it drains."""
    database = clone(server)
    install(database, devices=2, limits=LIMITS, virtual=False)
    rig = Rig(database, broker, folder, worker=f"w-{kill_at}-away")
    told: dict[str, object] = {"batch_messages": LOT, "tolerance_us": 3 * 86_400_000_000, "linger_s": LINGER_S}
    try:
        rig.start(**told, kill_at=kill_at, kill_count=HALF // LOT + 2 if kill_at != SPOOLED else 2)
        rig.wait_until_connected()
        for device, body in STREAM[:HALF]:
            rig.publisher.publish(f"davy/v1/north/{device}/readings", body, qos=1)
        wait_for(lambda: rig.one("SELECT max(batch_no) FROM ingest_mark") >= HALF // LOT, "the first half")
        server.stop()
        for device, body in STREAM[HALF:]:
            rig.publisher.publish(f"davy/v1/north/{device}/readings", body, qos=1)
        rig.wait_until_killed()
        assert look(folder / "state").batches >= 1
        server.restart()
        rig.start(**told, kill_at=DRAINED, kill_count=1)
        rig.wait_until_killed()
        rig.start(**told)
        settle(rig)
        assert rig.stop() == 0, rig.log.read_text()[-2000:]
        return outcome(rig)
    finally:
        server.restart()
        rig.close()
        drop(database)


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A TimescaleDB that may be stopped."""
    with start_postgres("timescaledb", fsync=False, memory=memory()) as server:
        yield server


@pytest.fixture(scope="module")
def broker(mosquitto_of_module: StartMosquitto) -> Broker:
    """One broker for all runs; each worker has a session of its own name."""
    return mosquitto_of_module(PASSWORDS)


@pytest.fixture(scope="module")
def undisturbed(
    postgres_timescaledb: PostgresServer, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """What comes of the stream when nobody is killed."""
    return run(postgres_timescaledb, broker, tmp_path_factory.mktemp("whole"), None)


def test_the_stream_is_worth_it(undisturbed: Outcome) -> None:
    """The undisturbed run has alarms of every kind, late readings, rejections and gaps, or the others prove little."""
    assert {key for key, *_ in undisturbed["transitions"]} == {"high-d1", "high-d2", "delayed", "rate", "stuck"}
    assert any(quality & 0x20 for *_, quality in undisturbed["readings"])
    assert len(undisturbed["rejected"]) == 6
    assert len(undisturbed["gaps"]) > 10


@pytest.mark.parametrize("point", FAULT_POINTS)
def test_sigkill_changes_nothing(
    postgres_timescaledb: PostgresServer, broker: Broker, undisturbed: Outcome, tmp_path: Path, point: str
) -> None:
    """Killed twice at this point: rows, transitions and notifications equal, detector and condition state bit-equal."""
    patience_s = 0.0 if point in SPOOL_POINTS else PATIENCE_S
    found = run(postgres_timescaledb, broker, tmp_path, point, patience_s)
    for part, expected in undisturbed.items():
        assert found[part] == expected, part


@pytest.mark.parametrize("point", [APPLIED, "ack"])
def test_sigkill_changes_nothing_on_the_way_through_the_spool(
    postgres_timescaledb: PostgresServer, broker: Broker, undisturbed: Outcome, tmp_path: Path, point: str
) -> None:
    """The same where every batch waits in the spool before it is stored."""
    found = run(postgres_timescaledb, broker, tmp_path, point, 0.0)
    for part, expected in undisturbed.items():
        assert found[part] == expected, part


@pytest.mark.parametrize("point", [SPOOLED, "ack"])
def test_sigkill_while_the_database_is_away_changes_nothing(
    own_postgres: PostgresServer, broker: Broker, undisturbed: Outcome, tmp_path: Path, point: str
) -> None:
    """Killed while batches are spooled, and again while they are drained: as if nothing had happened."""
    found = run_away(own_postgres, broker, tmp_path, point)
    for part, expected in undisturbed.items():
        assert found[part] == expected, part
