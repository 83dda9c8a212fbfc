"""A whole site trips: thousands of conditions in one batch are one transaction of as many statements as fifty."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from davy.answer import progress
from davy.bench.portfolio import ORDINARY, PER_DEVICE, Portfolio, device_key, sensor_key, site_key
from davy.bench.store import write_portfolio
from ingest.store.batch import Committed, Record
from ingest.storing import PATIENCE_S
from tests.database import TestDatabase
from tests.ingest.plant import message, payload
from tests.ingest.test_store_db import Bench

pytestmark = pytest.mark.db

FEW, MANY = 50, 5_000
FIRST, SOME, REST = range(FEW), range(FEW, 2 * FEW), range(2 * FEW, 2 * FEW + MANY)
HIGH, NORMAL = 90.0, float(ORDINARY)
MOST_STATEMENTS = 16  # of a batch in which alarms begin, its readings, its marks and its COPY included


class OneSite(Portfolio):
    """All devices of the bench's portfolio on one site."""

    @property
    def sites(self) -> int:
        """One."""
        return 1


class Counting(psycopg.Cursor[tuple[Any, ...]]):
    """A cursor that notes what it is asked; COPY is asked too."""

    asked: list[str] = []  # noqa: RUF012  (of the one test that uses it)

    def execute(self, query: Any, *arguments: Any, **more: Any) -> Any:
        """Noted, then done."""
        self.asked.append(str(query))
        return super().execute(query, *arguments, **more)

    def copy(self, statement: Any, *arguments: Any, **more: Any) -> Any:
        """Noted, then done."""
        self.asked.append(str(statement))
        return super().copy(statement, *arguments, **more)


class Trip:
    """A pipeline over a site of 5,100 sensors, each with a limit, and an officer who hears of all of them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.seq = 0
        self.statements: list[int] = []
        self.took_s = 0.0
        commit = bench.writer.commit

        def counted(connection: psycopg.Connection[Any], token: str, record: Record) -> Committed:
            Counting.asked.clear()
            connection.cursor_factory = Counting
            began = time.perf_counter()
            committed = commit(connection, token, record)
            self.took_s = time.perf_counter() - began
            self.statements.append(len(Counting.asked))
            return committed

        bench.writer.commit = counted  # type: ignore[method-assign]

    def say(self, sensors: range, value: float) -> None:
        """One batch in which these sensors say one value; a batch has 5,000 readings at most."""
        self.seq += 1
        messages = []
        for device in range(sensors.start // PER_DEVICE, sensors.stop // PER_DEVICE):
            stamp = self.bench.now_us // 1000
            readings = [{"s": sensor_key(n), "v": value, "t": stamp} for n in range(PER_DEVICE)]
            body = payload(self.seq, self.bench.now_us, readings)
            messages.append(message(device_key(device), body, self.bench.now_us, site=site_key(0), mid=device + 1))
        self.bench.say(*messages)


@pytest.fixture
def trip(timescale_database: TestDatabase, tmp_path: Path) -> Iterator[Trip]:
    """The site, ready."""
    with timescale_database.connect("owner") as owner:
        write_portfolio(
            owner, OneSite(devices=REST.stop // PER_DEVICE, definitions="life-safety"), "http://127.0.0.1:9/"
        )
    bench = Bench(timescale_database, tmp_path, 10 * PATIENCE_S)
    yield Trip(bench)
    bench.stop.set()
    bench.end()


def test_a_site_trip_is_one_batch_of_as_many_statements_as_any(trip: Trip) -> None:
    """50 conditions and 5,000 in a batch: the same number of statements, all of them there, everybody called once; so when they clear."""
    for tripped in (FIRST, SOME, REST):
        trip.say(tripped, HIGH)
        raised_s = trip.took_s
        trip.say(tripped, NORMAL)
    progress(f"{MANY} conditions in one batch: raised in {raised_s:.2f} s, cleared in {trip.took_s:.2f} s")
    _, _, few, few_clear, many, many_clear = trip.statements
    assert (many, many_clear) == (few, few_clear), trip.statements
    assert many <= MOST_STATEMENTS
    counts = "SELECT batch_no, event, count(*) FROM transition GROUP BY 1, 2 ORDER BY 1, 2"
    sizes = (FEW, FEW, FEW, FEW, MANY, MANY)
    told = [(n, "raise" if n % 2 else "clear", size) for n, size in enumerate(sizes, start=1)]
    assert trip.bench.rows(counts) == told
    assert trip.bench.rows("SELECT count(*), count(DISTINCT key) FROM notification") == [(REST.stop, REST.stop)]
    assert trip.bench.rows("SELECT count(*) FROM occurrence") == [(REST.stop,)]
