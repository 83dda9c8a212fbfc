"""Whether models in force still fit their machines, against a real database."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.batch import Float64
from core.db import connect, transaction
from core.errors import BadInput
from davy.duties.models import SHADOWS_KEPT, look_after_models
from davy.models.drift import LEAST_MINUTES
from davy.models.fitness import look_now
from tests.database import TestDatabase
from tests.davy.model_station import BEGAN, FITTED_AT, Broker, Station, bring, build, shadows
from tests.detectors.station import TEXT, normal

pytestmark = [pytest.mark.db, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SECOND = timedelta(seconds=1)
CURRENT = 2


@pytest.fixture
def station(timescale_database: TestDatabase, tmp_path: Path) -> Station:
    """Twenty minutes of normal operation, and a declared model."""
    return build(timescale_database, tmp_path)


@pytest.fixture
def any_station(database: TestDatabase, tmp_path: Path) -> Station:
    """The same on both kinds of database: for what is about SQL."""
    return build(database, tmp_path)


def _said_for_days(station: Station, share_beyond: float, days: float = 2.0) -> None:
    """Scores as ingest has stored them, one in twenty seconds, and minutes of the members as in training."""
    with station.database.connect("owner") as connection:
        connection.execute(
            """
            INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no)
            SELECT s.sensor_id, %s + i * interval '20 seconds', CASE WHEN i %% 100 < %s THEN 2.5 ELSE 0.3 END, 0, 1
            FROM sensor s, generate_series(1, %s) i WHERE s.key IN ('_mewma', '_knn')
            """,
            (FITTED_AT, round(share_beyond * 100), round(days * 4320)),
        )


def _minutes(station: Station, key: str, times: float, spread: float = 1.0) -> None:
    """What a member did by the minute since the fit: its training, `times` as high and `spread` times as lively."""
    ((training,),) = station.rows("SELECT training FROM detector_model WHERE kind = 'mewma' AND version = 1")
    was = training[f"p1/{key}"]
    middle = (was["low"] + was["high"]) / 2
    random = np.random.default_rng(5)
    with station.database.connect("owner") as connection:
        for minute in range(LEAST_MINUTES + 60):
            connection.execute(
                "INSERT INTO reading_minute (sensor_id, minute, company_id, readings, good, minimum, maximum, mean)"
                " SELECT sensor_id, %s, company_id, 60, 60, 0, 0, %s FROM sensor WHERE key = %s",
                (FITTED_AT + minute * 60 * SECOND, middle * times + random.normal(0, was["spread"] * spread), key),
            )


STATES_TEXT = TEXT.replace(
    "p1/temperature]\n",
    """p1/temperature]
                  states:
                    by: p1/current
                    are:
                      - {below: 60, name: {en: running, zh: 运行}}
                      - {name: {en: overloaded, zh: 过载}}
""",
)


def _in_two_states(count: int) -> Float64:
    """Seconds of normal operation; of every 500, from the 350th on, overloaded."""
    rows = normal(count)
    rows[np.arange(count) % 500 >= 350, CURRENT] += 40.0
    return rows


@pytest.mark.parametrize(
    ("running", "overloaded", "drifted"),
    [
        (0.0, 0.06, ["overloaded"]),  # 1.8 % of all: less than four times what was to be expected
        (0.0, 0.02, []),  # so few calibration windows leave that open
        (0.1, 0.0, ["running"]),
        (0.0, 0.0, []),
    ],
)
def test_each_state_is_held_against_its_own_calibration(
    database: TestDatabase, tmp_path: Path, running: float, overloaded: float, drifted: list[str]
) -> None:
    """A state that is seldom is not talked down by those that are often, and one that fewer windows calibrate is not judged as if more did."""
    assert STATES_TEXT != TEXT
    bring(database, tmp_path, STATES_TEXT)
    station = Station(database)
    station.store(_in_two_states(4000), BEGAN)
    fitted_at = BEGAN + timedelta(seconds=4000)
    station.fit(until=fitted_at, now=fitted_at)
    station.store(_in_two_states(8000), fitted_at)
    with database.connect("owner") as connection:
        connection.execute(
            """
            INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no)
            SELECT s.sensor_id, %s + (i + 1) * interval '1 second',
                   CASE WHEN i %% 50 < 50 * CASE WHEN i %% 500 >= 350 THEN %s ELSE %s END THEN 2.5 ELSE 0.3 END, 0, 1
            FROM sensor s, generate_series(0, 7999) i WHERE s.key = '_mewma'
            """,
            (fitted_at, overloaded, running),
        )
    (found,) = look_now(database.url("alerting"), station.token, now=fitted_at + timedelta(seconds=8000))
    assert [(each.state, each.windows) for each in found.kinds] == [("running", 5600), ("overloaded", 2400)]
    calibrations = station.rows(
        "SELECT jsonb_array_length(parameters -> 'calibration'), jsonb_array_length(parameters #> '{others,0,calibration}')"
        " FROM detector_model WHERE kind = 'mewma'"
    )
    for each, calibration in zip(found.kinds, calibrations[0], strict=True):
        assert each.nominal == max(int((calibration + 1) * 10.0**-2.3), 1) / (calibration + 1)
    assert [each.state for each in found.kinds if each.drifted] == drifted
    for state in drifted:
        assert f"windows in state {state} odd" in found.line()


def _look(station: Station, days: float) -> int:
    at = FITTED_AT + timedelta(days=days)
    with (
        connect(station.database.url("alerting"), application="test") as connection,
        transaction(connection, station.token()),
    ):
        return look_after_models(connection, at)


def test_a_model_that_finds_too_much_odd_no_longer_fits(any_station: Station) -> None:
    """Looked at once a day; said once in the journal, and by its own virtual sensor until another version judges."""
    station = any_station
    station.fit()
    _said_for_days(station, 0.4)
    assert _look(station, 0.5) == 0  # a day old at least
    assert _look(station, 1.5) == 1
    assert _look(station, 1.6) == 0
    assert _look(station, 2.6) == 1
    assert station.rows("SELECT version, drifted_since FROM model_drift") == [(1, FITTED_AT + timedelta(days=1.5))]
    ((reason,),) = station.rows("SELECT reason FROM journal WHERE action = 'model_drifted'")
    assert "this model no longer fits its machine. mewma found" in reason
    assert "40.1%; 0.3% were to be expected" in reason
    late = FITTED_AT + timedelta(days=3)
    station.store(normal(30, 2), late)
    broker = Broker()
    scorer = station.scorer(broker.publish)
    while scorer.turn(late + 30 * SECOND):
        pass
    assert set(broker.said("_drift")) == {(1.0, "good")}
    station.fit(now=late + 30 * SECOND, although_odd="changed")
    station.store(normal(30, 3), late + 30 * SECOND)
    while scorer.turn(late + 60 * SECOND):
        pass
    assert broker.said("_drift")[-1] == (0.0, "good")


def test_a_model_that_fits_says_nothing(station: Station) -> None:
    """One window in a hundred is what two hundred calibration windows leave open."""
    station.fit()
    _said_for_days(station, 0.01)
    assert _look(station, 2.0) == 1
    assert station.rows("SELECT drifted_since FROM model_drift") == [(None,)]
    (found,) = look_now(station.database.url("alerting"), station.token, now=FITTED_AT + timedelta(days=2))
    assert (found.judged, found.drifted) == (True, False)
    assert found.line() == "pump-1, version 1: it fits its machine."


@pytest.mark.parametrize(
    ("times", "spread", "what"),
    [
        (1.4, 1.0, ["level"]),
        (1.0, 6.0, ["level", "variance"]),  # so much movement is outside most of the time, too
        (1.0, 0.0, ["variance"]),
        (1.0, 1.0, []),
    ],
)
def test_a_member_that_left_its_training_range_is_named(
    station: Station, times: float, spread: float, what: list[str]
) -> None:
    """Its level, or how much it moves within the hour; in its unit beside what it was."""
    station.fit()
    _minutes(station, "current", times, spread)
    (found,) = look_now(
        station.database.url("alerting"), station.token, asset="pump-1", now=FITTED_AT + timedelta(days=1)
    )
    assert found.judged
    assert [(each.member, each.what) for each in found.members] == [("p1/current", each) for each in what]
    if what == ["level"]:
        assert "p1/current is at 5" in found.line()


def test_too_little_is_no_judgement(station: Station) -> None:
    """Neither well nor ill: it says that it cannot say."""
    station.fit()
    (found,) = look_now(station.database.url("alerting"), station.token, now=FITTED_AT + timedelta(hours=1))
    assert (found.judged, found.drifted) == (False, False)
    assert "too little was heard" in found.line()
    with pytest.raises(BadInput, match="There is no model pump-9"):
        look_now(station.database.url("alerting"), station.token, asset="pump-9")


def test_what_shadows_said_long_ago_is_forgotten(station: Station) -> None:
    """A month of it is kept."""
    station.fit(promote=False)
    shadows(station, 1, 10)
    _look(station, SHADOWS_KEPT.days)
    assert station.rows("SELECT count(*) FROM shadow_score") == [(30,)]
    _look(station, SHADOWS_KEPT.days + 1)
    assert station.rows("SELECT count(*) FROM shadow_score") == [(0,)]
