"""Minutes and hours of readings are what the stored readings say, however they came."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from ingest.store.rollups import roll_up
from tests.database import TestDatabase
from tests.ingest.plant import Installed, install

pytestmark = pytest.mark.db

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
WORKER = "w"

HOURS = "SELECT sensor_id, hour, readings, good, minimum, maximum, mean FROM reading_hour ORDER BY 1, 2"
NAIVE = """
SELECT sensor_id, date_trunc('hour', measured_at, 'UTC'), count(*), count(*) FILTER (WHERE fine), min(value) FILTER (WHERE fine),
       max(value) FILTER (WHERE fine), avg(value) FILTER (WHERE fine)
FROM (SELECT *, value <> 'NaN' AND quality & 3 <> 2 AS fine FROM reading) r GROUP BY 1, 2 ORDER BY 1, 2"""

MINUTES = HOURS.replace("reading_hour", "reading_minute").replace(" hour", " minute")
NAIVE_MINUTES = NAIVE.replace("'hour'", "'minute'")

readings = st.tuples(
    st.sampled_from(["d1/s1", "d1/s2", "d2/s1"]),
    st.integers(-60 * 60 * 5, 60 * 60 - 1),  # seconds from now: an hour ahead and five late
    st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)),
    st.sampled_from([0, 1, 2, 3, 4 | 0, 8 | 2]),
)
# A batch of readings, or None: the hours are filled at this moment.
histories = st.lists(st.one_of(st.none(), st.lists(readings, min_size=1, max_size=12)), max_size=10)


def store(owner: Connection[Any], batch_no: int, rows: list[tuple[int, datetime, float, int]]) -> None:
    """As ingest does: readings and mark in one transaction; what is stored already stays."""
    with owner.transaction():
        owner.execute(
            "INSERT INTO ingest_mark (worker, epoch, batch_no) VALUES (%s, 1, %s)"
            " ON CONFLICT (worker) DO UPDATE SET batch_no = excluded.batch_no",
            (WORKER, batch_no),
        )
        with owner.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                [(*row, batch_no) for row in rows],
            )


def fill(database: TestDatabase, most: int = 2) -> None:
    """The duty, as the risk process runs it, until nothing is left."""
    with database.connect("alerting", database.service_token()) as connection:
        while True:
            with connection.transaction():
                if not roll_up(connection, most=most):
                    return


def close(one: Any, other: Any) -> bool:
    """Equal; a mean may be rounded differently."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)
    return bool(one == other)


def check(database: TestDatabase) -> None:
    """Minutes and hours are those of the naive sum over all that is stored."""
    for filled, naive in ((HOURS, NAIVE), (MINUTES, NAIVE_MINUTES)):
        with database.connect("owner") as owner:
            have, want = owner.execute(filled).fetchall(), owner.execute(naive).fetchall()
        assert len(have) == len(want)
        for row, right in zip(have, want, strict=True):
            assert row[:4] == right[:4]
            assert all(close(a, b) for a, b in zip(row[4:], right[4:], strict=True)), (row, right)


@pytest.fixture
def plant(database: TestDatabase) -> Installed:
    """Devices and sensors to speak of."""
    return install(database, devices=2, sensors=2, virtual=False)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories)
def test_minutes_and_hours_are_what_a_naive_sum_says(
    database: TestDatabase, plant: Installed, history: list[Any]
) -> None:
    """Late, ahead, repeated and bad readings, filled at any moment and in any steps: the same as one sum at the end."""
    with database.connect("owner") as owner:
        owner.execute("TRUNCATE reading, reading_minute, reading_hour, rollup_mark, ingest_mark")
        for number, batch in enumerate(history, 1):
            if batch is None:
                store(owner, number, [])
                fill(database)
            else:
                rows = [(plant.sensor[key], NOW + timedelta(seconds=s), value, q) for key, s, value, q in batch]
                store(owner, number, rows)
    fill(database)
    check(database)
    fill(database)  # once more changes nothing
    check(database)


def test_a_made_history_gives_way_to_real_readings(database: TestDatabase, plant: Installed) -> None:
    """An hour of the demo's history is marked, and replaced as a whole when the hour has readings."""
    sensor = plant.sensor["d1/s1"]
    with database.connect("owner") as owner:
        owner.execute(
            "INSERT INTO reading_hour SELECT sensor_id, %s, company_id, 3600, 3600, 1, 9, 5, true FROM sensor WHERE sensor_id = %s",
            (NOW, sensor),
        )
        store(owner, 1, [(sensor, NOW + timedelta(seconds=1), 20.0, 0)])
        fill(database)
        store(owner, 2, [(sensor, NOW + timedelta(seconds=2), 40.0, 0)])
        fill(database)
        row = owner.execute("SELECT readings, good, minimum, maximum, mean, simulated FROM reading_hour").fetchall()
    assert row == [(2, 2, 20.0, 40.0, 30.0, False)]


def test_a_stretch_that_takes_too_long_is_halved_until_it_gets_through(
    database: TestDatabase, plant: Installed
) -> None:
    """Each look gets some of it done, and the hours are right in the end."""
    sensor = plant.sensor["d1/s1"]
    with database.connect("owner") as owner:
        for number in range(1, 9):
            store(owner, number, [(sensor, NOW + timedelta(seconds=number), 1.0, 0)])
        # A row costs a fifth of a second: eight are too many for a statement of a second.
        owner.execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2 * new.readings); RETURN new; END $$"
        )
        owner.execute("CREATE TRIGGER slow BEFORE INSERT ON reading_hour FOR EACH ROW EXECUTE FUNCTION slow()")
    with database.connect("alerting", database.service_token()) as connection:
        connection.execute("SET statement_timeout = '1s'")
        with connection.transaction():
            assert roll_up(connection, most=100) == 1
        row = connection.execute("SELECT batch_no FROM rollup_mark").fetchone()
        assert row == (4,)
    fill(database)
    check(database)


def test_the_largest_numbers_stop_nothing(database: TestDatabase, plant: Installed) -> None:
    """A device may send the largest number there is; the hours go on, without it."""
    sensor = plant.sensor["d1/s1"]
    with database.connect("owner") as owner:
        store(owner, 1, [(sensor, NOW + timedelta(seconds=s), 1.7e308, 0) for s in range(3)])
        store(owner, 2, [(sensor, NOW + timedelta(seconds=9), 5.0, 0)])
        fill(database)
        assert owner.execute("SELECT readings, good, mean FROM reading_hour").fetchall() == [(4, 1, 5.0)]


def test_the_insurer_sees_minutes_and_hours_when_they_are_a_day_old(database: TestDatabase, plant: Installed) -> None:
    """The wall, not the page, keeps the last 24 hours from the insurer's people."""
    sensor = plant.sensor["d1/s1"]
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)  # the wall goes by the database's clock
    with database.connect("owner") as owner:
        for hours_ago in (0, 10, 23, 24, 26, 40):
            owner.execute(
                "INSERT INTO reading_hour SELECT sensor_id, %s, company_id, 1, 1, 1, 1, 1 FROM sensor WHERE sensor_id = %s",
                (hour - timedelta(hours=hours_ago), sensor),
            )
        found = owner.execute("SELECT company_id FROM company").fetchone()
    assert found is not None
    (company,) = found
    assert isinstance(company, int)
    with database.connect("owner") as owner:
        for minutes_ago in (0, 24 * 60, 24 * 60 + 2, 30 * 60):
            owner.execute(
                "INSERT INTO reading_minute SELECT sensor_id, now() - %s * interval '1 minute', company_id, 1, 1, 1, 1, 1 FROM sensor"
                " WHERE sensor_id = %s",
                (minutes_ago, sensor),
            )
    for role, hours, minutes in (("underwriter", 2, 2), ("risk_engineer", 2, 2), ("safety_officer", 6, 4)):
        with database.connect("web", database.person_token(1, role, company)) as connection:
            assert connection.execute("SELECT count(*) FROM reading_hour").fetchone() == (hours,)
            assert connection.execute("SELECT count(*) FROM reading_minute").fetchone() == (minutes,)
