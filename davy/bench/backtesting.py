"""`davy bench backtest`: a week of 50 sensors at one reading a second, tried with another limit, from the database to the answer."""

from __future__ import annotations

import os
import secrets
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.batch import ReadingBatch
from core.db import connect, transaction
from core.migrate import ROLES, bootstrap
from core.principal import ServiceToken
from davy.answer import progress, say
from davy.backtest.case import EVERYTHING, Question
from davy.backtest.command import Asked, backtest
from davy.bench import size_store as store
from davy.bench.portfolio import PER_DEVICE, SETPOINT, Portfolio
from davy.bench.store import write_portfolio
from davy.migrating import migrate
from davy.servers import start_postgres
from ingest.copy_rows import reading_rows

DATABASE: Final = "bench"
SITE: Final = "site-000"
SECONDS_A_BATCH: Final = 100  # 5,000 rows, as ingest's batches under load
BATCHES_AT_ONCE: Final = 36  # in a transaction: how it was loaded is not what is measured
LIMITS: Final = "*-limit"
LOOK_S: Final = 0.2


def measure(days: float, *, as_json: bool) -> int:
    """Loads the history, then asks twice: the limits with another setpoint and delay, and everything the site has."""
    progress(f"Loading {days:g} days of {PER_DEVICE} sensors at one reading a second ...")
    with start_postgres("timescaledb") as server:
        passwords, key = {role: secrets.token_urlsafe(12) for role in ROLES}, secrets.token_bytes(32)
        bootstrap(server.superuser_url(), DATABASE, passwords)

        def url(role: str) -> str:
            return f"postgresql://davy_{role}:{passwords[f'davy_{role}']}@{server.host}:{server.port}/{DATABASE}"

        migrate(url("owner"), key)
        token = ServiceToken(key).at(time.time())
        until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        since = until - timedelta(days=days)
        with closing(connect(url("owner"), application="bench")) as owner:
            write_portfolio(owner, Portfolio.of(PER_DEVICE), None)
            sensors = store.sensor_ids(owner)
            _load(url("ingest"), token, sensors, since, until)
            store.fill_hours(owner, since, until)
            store.settle(owner)
        answer: dict[str, Any] = {"readings": int(days * 86_400) * PER_DEVICE}
        asked = {
            "limits": Question(LIMITS, {"setpoint": SETPOINT - 2.0, "on_delay_s": 3.0}, since, until),
            "everything": Question(EVERYTHING, {}, since, until),
        }
        for name, question in asked.items():
            progress(f"Back-testing {name} ...")
            answer[name] = _ask(url("owner"), question)
        answer["settings"] = {"timescaledb": server.version, "cpus": os.cpu_count(), "load_average": os.getloadavg()[0]}
    say(answer, as_json=as_json)
    return 0


def _ask(owner_url: str, question: Question) -> dict[str, Any]:
    """One back-test, with the memory of this process beside it."""
    before, peak, over = _rss_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            peak[0] = max(peak[0], _rss_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        told = backtest(owner_url, Asked(SITE, question), now=datetime.now(UTC))
    finally:
        over.set()
        watcher.join()
    return {
        "seconds": told["seconds"],
        "readings": told["readings"],
        "readings_per_s": round(told["readings"] / told["seconds"]),
        "definitions": len(told["definitions"]),
        "would_fire": told["would_fire"],
        "in_force": told["in_force"]["would_fire"],
        "injected": None if told["injected"] is None else told["injected"]["incidents"],
        "rss_mb": round(peak[0], 1),
        "rss_before_mb": round(before, 1),
    }


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _load(url: str, token: str, sensors: list[int], since: datetime, until: datetime) -> None:
    """All sensors in turns each second; a slow swing and noise that passes the limit now and then."""
    n, ids = len(sensors), np.array(sensors, np.int32)
    slots = np.tile(np.arange(n, dtype=np.int32), SECONDS_A_BATCH)
    seconds, begin_us = int((until - since).total_seconds()), int(since.timestamp()) * 1_000_000
    within = np.repeat(np.arange(SECONDS_A_BATCH, dtype=np.int64) * 1_000_000, n) + slots * 997
    random, number = np.random.default_rng(1), 0
    with closing(connect(url, application="bench")) as ingest:
        while number * SECONDS_A_BATCH < seconds:
            with transaction(ingest, token):
                for _ in range(min(BATCHES_AT_ONCE, -(-seconds // SECONDS_A_BATCH) - number)):
                    stamps = begin_us + number * SECONDS_A_BATCH * 1_000_000 + within
                    swing = 60.0 + 18.0 * np.sin(stamps / 3e9 + slots)
                    values = (swing + 1.5 * random.standard_normal(len(slots))).round(2)
                    batch = ReadingBatch(slots, stamps, stamps, stamps, values, np.zeros(len(slots), np.uint8))
                    number += 1
                    store.copy_readings(ingest, reading_rows(batch, ids, number, judged=False))
