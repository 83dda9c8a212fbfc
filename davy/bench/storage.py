"""`davy bench storage`: how many bytes a reading takes on each kind of database, and what a plan of many days comes to."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

import numpy as np
from psycopg import Connection

from api.chart import Grain, bucket_seconds
from api.store.readings import curve, minutes_curve
from core.batch import ReadingBatch
from core.db import connect, transaction
from core.migrate import ROLES, bootstrap
from core.principal import Principal, ServiceToken, sign
from davy.answer import progress, say
from davy.bench import size_store as store
from davy.bench.portfolio import Portfolio
from davy.bench.store import write_portfolio
from davy.migrating import migrate
from davy.servers import PostgresKind, PostgresServer, start_postgres
from ingest.copy_rows import reading_rows
from ingest.store.chunks import storage_of
from ingest.store.rollups import roll_up

KINDS: Final[tuple[PostgresKind, ...]] = ("plain", "timescaledb")
DATABASE: Final = "bench"
WORKER: Final = "bench"
SECONDS_A_BATCH: Final = 5  # of 1,000 sensors at one a second: 5,000 rows a commit
PLAN_SENSORS, PLAN_HZ, PLAN_DAYS = 1_000, 1.0, 90
CHART_SENSORS: Final = 20  # that have weeks of minutes beside each other in the table
TRIES: Final = 7
VACUUMS: Final = 5  # autovacuum comes when a fifth of a table is dead


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of database."""

    sizes: store.Sizes
    readings: int
    chart_ms: dict[str, float]
    version: str

    def per_reading(self, size: int) -> float:
        """Bytes a reading."""
        return round(size / self.readings, 2)


def storage(readings: int, *, chart_days: int, as_json: bool) -> int:
    """Loads so many readings into each kind of database, as ingest would, rolls them up, and weighs what is there."""
    answer: dict[str, Any] = {"kinds": {}}
    for kind in KINDS:
        progress(f"Loading {readings:,} readings into a {kind} database ...")
        with start_postgres(kind, fsync=False) as server:
            name, measured = _measure(server, readings, timedelta(days=chart_days))
        sizes = measured.sizes
        answer["kinds"][name] = {
            "postgresql": server.version,
            "readings": measured.readings,
            "bytes_per_reading": measured.per_reading(sizes.total),
            "heap": measured.per_reading(sizes.heap),
            "key_index": measured.per_reading(sizes.key),
            "batch_index": measured.per_reading(sizes.batches),
            "bytes_per_minute_row": round(sizes.minute / max(1, sizes.minutes), 1),
            "bytes_per_hour_row": round(sizes.hour / max(1, sizes.hours), 1),
            "chart_ms": measured.chart_ms,
            "plan": plan(sizes.total / measured.readings, sizes.minute / max(1, sizes.minutes)),
        }
    answer["settings"] = {
        "sensors": PLAN_SENSORS,
        "rows_a_batch": PLAN_SENSORS * SECONDS_A_BATCH,
        "chart_days": chart_days,
        "compressed": None,  # no distribution's packages carry the edition that compresses
    }
    say(answer, as_json=as_json)
    return 0


def plan(per_reading: float, per_minute: float, days: int = PLAN_DAYS) -> dict[str, float]:
    """What 1,000 sensors at one reading a second come to, in GB (10^9 bytes).

    >>> plan(100.0, 100.0)["raw_gb_a_day"], plan(100.0, 100.0)["raw_gb"], plan(100.0, 100.0)["minutes_gb_a_year"]
    (8.64, 777.6, 52.6)
    """
    a_day = PLAN_SENSORS * PLAN_HZ * 86_400
    minutes_a_day = PLAN_SENSORS * 1_440
    return {
        "readings_a_day": a_day,
        "raw_gb_a_day": round(a_day * per_reading / 1e9, 2),
        "raw_gb_7_days": round(8 * a_day * per_reading / 1e9, 1),  # with the day that is being written
        "raw_gb": round(days * a_day * per_reading / 1e9, 1),
        "minutes_gb_a_year": round(365.25 * minutes_a_day * per_minute / 1e9, 1),
    }


def _measure(server: PostgresServer, readings: int, span: timedelta) -> tuple[str, Measured]:
    passwords, key = {role: secrets.token_urlsafe(12) for role in ROLES}, secrets.token_bytes(32)
    bootstrap(server.superuser_url(), DATABASE, passwords)

    def url(role: str) -> str:
        return f"postgresql://davy_{role}:{passwords[f'davy_{role}']}@{server.host}:{server.port}/{DATABASE}"

    migrate(url("owner"), key)
    token = ServiceToken(key).at(time.time())
    with closing(connect(url("owner"), application="bench")) as owner:
        write_portfolio(owner, Portfolio.of(PLAN_SENSORS), None)
        kind, sensors = storage_of(owner).kind, store.sensor_ids(owner)
        now = datetime.now(UTC)
        loaded = _load(url("ingest"), token, sensors, readings, now)
        store.mark(owner, WORKER, loaded // (PLAN_SENSORS * SECONDS_A_BATCH))
        with closing(connect(url("alerting"), application="bench")) as alerting:
            for minute in range(minutes := 1 + loaded // (PLAN_SENSORS * SECONDS_A_BATCH * 12)):
                with transaction(alerting, token):
                    roll_up(alerting, most=12)  # once a minute, as the risk process
                if minute % (1 + minutes // VACUUMS) == 0:
                    store.settle(owner)
        store.settle(owner)
        sizes = store.sizes(owner)
        store.fill_minutes(owner, CHART_SENSORS, now - span, now)
        person = Principal(role="safety_officer", person_id=1, companies=[store.company_of(owner, sensors[0])])
        with closing(connect(url("web"), application="bench")) as web:
            charts = _charts(web, sign(person, key, time.time() + 900), sensors[0], now, span)
    return kind, Measured(sizes, loaded, charts, server.version)


def _load(url: str, token: str, sensors: list[int], readings: int, now: datetime) -> int:
    """Batches of five seconds, all sensors in rotation each second, up to `now`; gives how many readings."""
    n = len(sensors)
    ids, slots = np.array(sensors, np.int32), np.tile(np.arange(n, dtype=np.int32), SECONDS_A_BATCH)
    batches = max(1, readings // (n * SECONDS_A_BATCH))
    begin_us = (int(now.timestamp()) - batches * SECONDS_A_BATCH) * 1_000_000
    within = (
        np.repeat(np.arange(SECONDS_A_BATCH, dtype=np.int64) * 1_000_000, n) + slots * 997
    )  # not all at one instant
    random = np.random.default_rng(1)
    with closing(connect(url, application="bench")) as ingest:
        for day in {datetime.fromtimestamp(begin_us / 1e6, UTC).date(), now.date()}:
            ingest.execute("SELECT davy_reading_day(%s)", (day,))
        for number in range(batches):
            stamps = begin_us + number * SECONDS_A_BATCH * 1_000_000 + within
            values = random.uniform(20, 30, len(slots)).round(2)
            batch = ReadingBatch(slots, stamps, stamps, stamps, values, np.zeros(len(slots), np.uint8))
            with transaction(ingest, token):
                store.copy_readings(ingest, reading_rows(batch, ids, number + 1, judged=False))
    return batches * n * SECONDS_A_BATCH


def _charts(web: Connection[Any], token: str, sensor: int, now: datetime, span: timedelta) -> dict[str, float]:
    """Milliseconds of the query behind a chart, as a client's officer: weeks from minutes, an hour from readings."""
    return {
        "weeks_of_minutes": _timed(web, token, lambda c: minutes_curve(c, sensor, *_span(now, span, Grain.MINUTE))),
        "an_hour_of_readings": _timed(
            web, token, lambda c: curve(c, sensor, *_span(now, timedelta(hours=1), Grain.READING))
        ),
    }


def _span(now: datetime, span: timedelta, of: Grain) -> tuple[datetime, datetime, float]:
    return now - span, now, bucket_seconds(now - span, now, of.period_s(1.0 / PLAN_HZ))


def _timed(web: Connection[Any], token: str, read: Callable[[Connection[Any]], object]) -> float:
    taken = []
    for _ in range(TRIES):
        with transaction(web, token):
            began = time.monotonic()
            read(web)
            taken.append(time.monotonic() - began)
    return round(1000 * median(taken), 1)
