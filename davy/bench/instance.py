"""A private instance for a bench: real servers with full durability, the bench's portfolio, and the processes measured."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from core.db import connect
from core.errors import Unavailable
from davy.answer import progress
from davy.bench import store
from davy.bench.consumption import Memory, processor_s
from davy.bench.generator import Generator, Load
from davy.bench.portfolio import Portfolio
from davy.private.part import Part
from davy.private.stack import Plan, Stack

LOOK_EVERY_S = 0.05
JUDGING_TIMEOUT_S = 120.0
STALL_S = 30.0  # nothing more is stored for so long: what is missing is lost, or ingest stands
WORKER = "bench"


@dataclass(slots=True)
class Watch:
    """What ingest has committed since the bench began, as the database shows it."""

    connection: Connection[TupleRow]
    readings: int = 0
    batches: int = 0
    last_batch: int = 0
    looked_at: float = 0.0  # monotonic seconds

    def look(self) -> Mark:
        """Counts what has come since the last look."""
        found = store.progress_since(self.connection, WORKER, self.last_batch)
        self.looked_at = time.monotonic()
        self.readings += found.readings
        self.batches += found.batches
        self.last_batch = found.last_batch
        return Mark(self.readings, self.batches, self.last_batch, self.looked_at)


@dataclass(frozen=True, slots=True)
class Mark:
    """The state of a `Watch` at one moment; `at` in monotonic seconds."""

    readings: int
    batches: int
    last_batch: int
    at: float


class Instance:
    """The private instance and what every bench does with it; `opened` makes one."""

    def __init__(self, stack: Stack, portfolio: Portfolio, owner: Connection[TupleRow]) -> None:
        self.stack = stack
        self.portfolio = portfolio
        self.owner = owner
        self.watch = Watch(owner)
        self._waiting = threading.Event()

    @property
    def ingest(self) -> Part:
        """The process that is measured."""
        return self.stack.parts["ingest"]

    def generate(self, **chosen: Any) -> Generator:
        """Begins a load on this instance's broker, and waits until the first of it is acknowledged.

        Args:
            chosen: as `Load` has it.
        """
        load = Load(
            host=self.stack.broker.host,
            port=self.stack.broker.port,
            user="simulator",
            password=self.stack.mqtt_passwords["simulator"],
            portfolio=self.portfolio,
            boot=secrets.randbits(31) | 1 << 31,  # ten digits, as most of 32 random bits have
            **chosen,
        )
        generator = Generator(load)
        deadline = time.monotonic() + STALL_S
        while not generator.acknowledged and not generator.ended() and time.monotonic() < deadline:
            self._waiting.wait(LOOK_EVERY_S)
        return generator

    def settings(self, **measured: Any) -> dict[str, Any]:
        """What each answer says of the circumstances.

        Args:
            measured: seconds, warm_up_s and batch_rows.
        """
        ingest_url = self.stack.database_url("ingest")
        with connect(ingest_url, application="bench") as connection:
            server = store.server_settings(connection)
        broker = self.stack.broker
        if (
            broker.kind != "mosquitto"
            or not server.timescaledb_version
            or not (server.fsync and server.synchronous_commit)
        ):
            raise Unavailable("A bench needs mosquitto and TimescaleDB with fsync and synchronous_commit on.")
        return {
            "broker": broker.kind,
            "broker_version": broker.version,
            "database": f"PostgreSQL {server.version.split()[0]}",
            "timescaledb_version": server.timescaledb_version,
            "fsync": "on",
            "synchronous_commit": "on",
            "cpus": len(os.sched_getaffinity(0)),
            "sensors": self.portfolio.sensors,
            "definitions": self.portfolio.sensors * self.portfolio.definitions_per_sensor,
            **measured,
        }

    def processor_s(self) -> dict[str, float]:
        """Processor seconds that broker, database and ingest have used so far."""
        pids = {"broker": self.stack.broker.pid, "database": self.stack.postgres.pid, "ingest": self.ingest.pid}
        return {name: processor_s(pid) for name, pid in pids.items()}

    def wait_until_judging(self) -> None:
        """Until ingest says that it judges.

        Raises:
            Unavailable: it does not, with its last words.
        """
        deadline = time.monotonic() + JUDGING_TIMEOUT_S
        while not store.ingest_judges(self.owner):
            self._require_ingest()
            if time.monotonic() > deadline:
                raise Unavailable(f"Ingest did not begin to judge: {self.ingest.last_words()}")
            self._waiting.wait(LOOK_EVERY_S)

    def stop_ingest(self) -> None:
        """An orderly stop; its session stays at the broker."""
        self.ingest.ask_to_stop()
        self.ingest.wait()
        store.forget_status(self.owner)

    def start_ingest(self) -> None:
        """Starts it again; does not wait."""
        self.ingest.start()

    def follow(self, generator: Generator, base: int, seconds: float, memory: Memory | None = None) -> Mark:
        """Lets a load run, telling it what is stored.

        Args:
            base: readings stored before the load began.
        """
        end = time.monotonic() + seconds
        while True:
            mark = self.watch.look()
            generator.tell_stored(mark.readings - base)
            if memory is not None:
                memory.note()
            if (left := end - time.monotonic()) <= 0:
                return mark
            if generator.ended():
                generator.stop()  # says why
            self._require_ingest()
            self._waiting.wait(min(LOOK_EVERY_S, left))

    def wait_until_stored(self, readings: int, memory: Memory | None = None) -> Mark:
        """Until so many readings are stored in all, or nothing more comes for `STALL_S`."""
        mark = self.watch.look()
        moved = mark
        while mark.readings < readings and mark.at - moved.at < STALL_S:
            self._require_ingest()
            self._waiting.wait(LOOK_EVERY_S)
            mark = self.watch.look()
            if memory is not None:
                memory.note()
            if mark.readings > moved.readings:
                moved = mark
        return mark

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self._waiting.wait(seconds)

    def _require_ingest(self) -> None:
        if not self.ingest.pid:
            raise Unavailable(f"Ingest ended during the bench: {self.ingest.last_words()}")


@contextlib.contextmanager
def opened(
    portfolio: Portfolio,
    parts: Sequence[str],
    *,
    commit_timestamps: bool = False,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Instance]:
    """A fresh private instance with the bench's portfolio; gone at the end.

    Args:
        parts: which processes run; with "inbox", each site's high and life-safety alarms go to its webhook receiver.
        commit_timestamps: the server notes when each transaction committed.
        settings: DAVY_ variables of the processes, where the defaults are not what is measured.
    """

    def prepare(stack: Stack) -> None:
        if commit_timestamps:
            with psycopg.connect(stack.postgres.superuser_url(), autocommit=True) as superuser:
                store.note_commit_timestamps(superuser)
            stack.postgres.restart()
        with connect(stack.database_url("owner"), application="bench") as owner:
            store.write_portfolio(owner, portfolio, stack.inbox_url if "inbox" in parts else None)

    progress(f"Starting TimescaleDB, mosquitto and {', '.join(parts)} for {portfolio.sensors} sensors ...")
    plan = Plan(parts=parts, users=False, prepare=prepare, settings={"DAVY_WORKER": WORKER, **(settings or {})})
    with Stack(plan) as stack, contextlib.ExitStack() as closing:
        stack.start()
        owner = closing.enter_context(connect(stack.database_url("owner"), application="bench"))
        yield Instance(stack, portfolio, owner)
