"""A pump station with a declared model in a database, and a broker that keeps what it gets: for tests of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerting.apply import apply_events
from core.batch import Event, Float64
from core.db import Database, transaction
from core.errors import BrokerAway
from core.wire import Message, decode
from davy.models.fit import FitAnswer, fit_asset
from davy.models.scorer import Scorer
from davy.site.importing import import_site
from tests.database import TestDatabase
from tests.detectors.station import SITE, TEXT, normal

BEGAN = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
FITTED_AT = BEGAN + timedelta(seconds=1200)
TOPIC = f"davy/v1/{SITE}/_model.pump-1/readings"
FLOW = 0


@dataclass
class Broker:
    """What the broker got; it can be away."""

    sent: list[tuple[str, Message]] = field(default_factory=list)
    away: bool = False

    def publish(self, topic: str, payload: bytes) -> None:
        if self.away:
            raise BrokerAway("The broker does not answer.")
        self.sent.append((topic, decode(payload)))

    def said(self, sensor: str) -> list[tuple[float, str]]:
        """Value and quality of each reading of a score, in order."""
        return [(float(r.v), r.q) for _, m in self.sent for r in m.readings if r.s == sensor]

    def stamps(self) -> list[int]:
        """Milliseconds of every window that was sent."""
        return [int(m.readings[0].t or 0) for _, m in self.sent]


@dataclass
class Station:
    """A pump station in a database, with one model declared."""

    database: TestDatabase

    def token(self) -> str:
        return self.database.service_token()

    def store(self, rows: Float64, since: datetime, *, without: int | None = None, quality: int = 0) -> None:
        """Readings once a second, half a second after the full one."""
        with self.database.connect("owner") as connection:
            keys = ("flow", "pressure", "current", "vibration", "temperature")
            found = connection.execute("SELECT key, sensor_id FROM sensor WHERE NOT is_virtual").fetchall()
            ids = {str(key): sensor for key, sensor in found}
            with connection.cursor().copy(
                "COPY reading (sensor_id, measured_at, value, quality, batch_no) FROM STDIN"
            ) as copy:
                for second, row in enumerate(rows.tolist()):
                    at = since + timedelta(seconds=second + 0.5)
                    for member, (key, value) in enumerate(zip(keys, row, strict=True)):
                        if member != without:
                            copy.write_row((ids[key], at, value, quality, 1))

    def fit(self, **changes: Any) -> FitAnswer:
        """A fit on the first twenty minutes, put in force at once."""
        given = {
            "asset": "pump-1",
            "since": BEGAN,
            "until": FITTED_AT,
            "actor": "tester",
            "now": FITTED_AT,
            "reason": "commissioning run",
            "promote": True,
            "although_untried": "a test",
            **changes,
        }
        return fit_asset(self.database.url("alerting"), self.token, **given)

    def scorer(self, publish: Callable[[str, bytes], None]) -> Scorer:
        """A process that has just begun."""
        database = Database(self.database.url("alerting"), application="test", size=2)
        database.open()
        return Scorer(database, self.token, publish)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the owner sees."""
        with self.database.connect("owner") as connection:
            return connection.execute(query.encode(), values or None).fetchall()


def build(database: TestDatabase, folder: Path) -> Station:
    bring(database, folder, TEXT)
    made = Station(database)
    made.store(normal(1200), BEGAN)
    return made


def bring(database: TestDatabase, folder: Path, text: str, **options: Any) -> list[str]:
    """Imports a text; what changed."""
    (folder / "site.yaml").write_text(text, "utf-8")
    done = import_site(database.url("owner"), folder / "site.yaml", actor="tester", now=BEGAN, **options)
    return [str(change) for change in done.changes]


def raise_alarm(station: Station, at: datetime, value: float) -> int:
    """What ingest does when the score has stood beyond its limit."""
    (row,) = station.rows(
        "SELECT definition_id, sensor_id FROM alarm_definition WHERE key = '_model.pump-1.model-unusual'"
    )
    event = Event(row[0], row[1], True, round(at.timestamp() * 1e6), value)
    with (
        station.database.connect("ingest") as connection,
        transaction(connection, station.token()),
    ):
        return apply_events(connection, [event], now=at + timedelta(seconds=1), batch_no=1).opened[0]


def shadows(station: Station, version: int, count: int) -> None:
    """What a version is said to have judged since the first fit."""
    with station.database.connect("owner") as connection:
        connection.execute(
            """
            INSERT INTO shadow_score (asset_id, company_id, version, kind, until, number)
            SELECT m.asset_id, m.company_id, m.version, m.kind, %s + i * interval '1 second', 0.3
            FROM detector_model m, generate_series(1, %s) i WHERE m.version = %s
            """,
            (FITTED_AT, count, version),
        )
