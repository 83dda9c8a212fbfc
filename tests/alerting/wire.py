"""Delivery tests that begin on the wire, step by step as each process does its own: for tests of what comes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from alerting.apply import apply_events
from alerting.exercises import draw_deliveries, keep_exercises
from alerting.store.exercises import deliveries
from alerting.store.wire_tests import begin_publishing, taken_by_broker
from core.batch import Event
from core.db import transaction
from tests.database import TestDatabase

TAKEN, STORED = timedelta(milliseconds=200), timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class Wire:
    """The site whose company has the lowest id, among those of a database, and the receiver of its tests."""

    database: TestDatabase
    sink: int

    @contextmanager
    def _as(self, role: str) -> Iterator[psycopg.Connection[Any]]:
        with self.database.connect(role) as connection, transaction(connection, self.database.service_token()):
            yield connection

    def ask(self, at: datetime) -> int:
        """Alerting asks for the test of every site and lets it begin; gives its number."""
        for made in (0, 1):  # at the first look of all the devices are made
            with self._as("alerting") as connection:
                drawn = draw_deliveries(connection, at, self.sink, deliveries(connection), on_wire=True)
            if drawn or made:
                break
        self.keep(at)
        with self._as("alerting") as connection:
            row = connection.execute("SELECT min(exercise_id) FROM exercise WHERE ended_at IS NULL").fetchone()
        assert drawn
        assert row is not None
        return int(row[0])

    def keep(self, at: datetime) -> int:
        """Alerting comes round."""
        with self._as("alerting") as connection:
            return keep_exercises(connection, at)

    def publish(self, at: datetime, *, taken: bool = True) -> None:
        """The detectors process publishes what is asked for."""
        with self._as("alerting") as connection:
            for each in begin_publishing(connection, at):
                if taken:
                    taken_by_broker(connection, each.exercise_id)

    def store(self, at: datetime) -> None:
        """Ingest stores the reading of the first site."""
        with self.database.connect("owner") as connection:
            connection.execute(
                "INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no)"
                " SELECT min(sensor_id), %s, 1, 0, 1 FROM sensor WHERE key = '_wire'",
                (at,),
            )

    def judge(self, at: datetime, now: datetime | None = None, *, replayed: bool = False) -> int:
        """Ingest raises the alarm of the first site, which is normal again a millisecond later; gives its occurrence."""
        with self.database.connect("owner") as connection:
            row: Any = connection.execute(
                "SELECT definition_id, sensor_id FROM alarm_definition WHERE key = '_exercise.wire' ORDER BY 1 LIMIT 1"
            ).fetchone()
        us = int(at.timestamp() * 1_000_000)
        events = [
            Event(row[0], row[1], True, us - 1000, 1.0, replayed=replayed),
            Event(row[0], row[1], False, us, 0.0, replayed=replayed),
        ]
        with self._as("ingest") as connection:
            apply_events(connection, events, now=now or at, batch_no=1)
        with self.database.connect("owner") as connection:
            found: Any = connection.execute("SELECT max(occurrence_id) FROM occurrence WHERE exercise").fetchone()
        return int(found[0])
