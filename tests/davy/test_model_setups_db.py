"""Slow members, states and a forecast against a real database: declared, fitted, and said by sensors of their own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Refused
from core.model_setup import ModelForecast
from davy.models.forecasting import made_again
from davy.models.judges import MEMORY
from davy.site.exporting import export_site
from detectors.models.ahead import Ahead
from detectors.store.models import load_plans
from detectors.time_to_limit import FOREVER_S
from tests.database import TestDatabase
from tests.davy.model_station import BEGAN, FITTED_AT, Broker, Station, bring
from tests.detectors.station import TEXT, normal

pytestmark = [pytest.mark.db, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SAID = """
                  slow: [p1/temperature]
                  load: [p1/current]
                  states:
                    by: p1/current
                    are:
                      - {below: 60, name: {en: running, zh: 运行}}
                      - {name: {en: overloaded, zh: 过载}}
                  forecast: {of: p1/vibration, ahead_s: 30, limit: 4}
"""
SETUP_TEXT = TEXT.replace("p1/temperature]\n", "p1/temperature]" + SAID)
CURRENT, VIBRATION = 2, 3


@pytest.fixture
def station(database: TestDatabase, tmp_path: Path) -> Station:
    """Forty minutes of normal operation, and a model with all that can be said of its members; on both kinds of database."""
    assert SETUP_TEXT != TEXT
    bring(database, tmp_path, SETUP_TEXT)
    made = Station(database)
    made.store(normal(2400), BEGAN)
    return made


UNTIL = BEGAN + timedelta(seconds=2400)


def fitted(station: Station, **changes: Any) -> Any:
    """A fit on all of it."""
    return station.fit(until=UNTIL, now=UNTIL, **changes)


def test_what_is_declared_comes_back_out(station: Station, tmp_path: Path) -> None:
    """Database to file to database: nothing changes; a change of it needs a reason."""
    text = export_site(station.database.url("owner"))
    assert bring(station.database, tmp_path, text) == []
    with station.database.connect("alerting", station.token()) as connection:
        (plan,) = load_plans(connection)
    assert plan.setup.slow == ("p1/temperature",)
    assert plan.setup.forecast == ModelForecast(of="p1/vibration", ahead_s=30.0, limit=4.0)
    with pytest.raises(Refused, match="model pump-1: changed: setup"):
        bring(station.database, tmp_path, SETUP_TEXT.replace("below: 60", "below: 50"))


def test_a_signal_that_only_tells_the_state_is_no_member(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """It is a column of the model and stands first; the file still has it under `states` alone."""
    apart = SETUP_TEXT.replace("p1/flow, p1/pressure, p1/current,", "p1/flow, p1/pressure,").replace(
        "load: [p1/current]", "load: [p1/flow]"
    )
    bring(timescale_database, tmp_path, apart)
    with timescale_database.connect("alerting", timescale_database.service_token()) as connection:
        (plan,) = load_plans(connection)
    assert plan.names == ("p1/current", "p1/flow", "p1/pressure", "p1/vibration", "p1/temperature")
    assert plan.setup.beside == ("p1/current",)
    assert bring(timescale_database, tmp_path, export_site(timescale_database.url("owner"))) == []


def test_states_and_forecast_are_published_beside_the_scores(station: Station) -> None:
    """Each window says in which state nothing can be judged, and what of the vibration is to come."""
    answer = fitted(station)
    assert answer.forecast.startswith("forecast: p1/vibration within 30 s; in one of twenty windows")
    rows = normal(60, 2)
    rows[30:, CURRENT] += 40.0
    station.store(rows, UNTIL)
    broker = Broker()
    station.scorer(broker.publish).turn(UNTIL + timedelta(seconds=60))
    unseen, ahead, left = (broker.said(sensor) for sensor in ("_unseen", "_ahead", "_to_limit"))
    assert unseen[:30] == [(0.0, "good")] * 30
    assert unseen[30:59] == [(2.0, "good")] * 29
    assert set(broker.said("_mewma")[30:59]) == {(-1.0, "bad")}
    assert {quality for _, quality in broker.said("_mewma")[:30]} == {"good"}
    assert all(1.5 < value < 3.0 for value, _ in ahead[:30])
    assert all(most > value for (most, _), (value, _) in zip(broker.said("_ahead_most"), ahead, strict=True))
    assert set(left[:30]) == {(FOREVER_S, "good")}
    assert set(broker.said("_missing")[:59]) == {(0.0, "good")}


def test_a_missing_member_is_no_forecast(station: Station) -> None:
    """What cannot be forecast is sent as bad, never as a number."""
    fitted(station)
    station.store(normal(20, 2), UNTIL, without=VIBRATION)
    broker = Broker()
    station.scorer(broker.publish).turn(UNTIL + timedelta(seconds=20))
    assert set(broker.said("_ahead")) == {(-1.0, "bad")}
    assert set(broker.said("_to_limit")) == {(-1.0, "bad")}


def test_a_limit_may_change_without_a_fit_and_a_bound_of_a_state_may_not(station: Station, tmp_path: Path) -> None:
    """Another limit is taken up at once; another bound is another model: it says that it cannot judge until somebody fits anew."""
    fitted(station)
    bring(station.database, tmp_path, SETUP_TEXT.replace("limit: 4}", "limit: 1}"), reason="lower")
    station.store(normal(40, 2), UNTIL)
    broker = Broker()
    station.scorer(broker.publish).turn(UNTIL + timedelta(seconds=20))
    assert {value for value, _ in broker.said("_to_limit")} == {0.0}
    bring(station.database, tmp_path, SETUP_TEXT.replace("below: 60", "below: 50"), reason="smaller")
    station.scorer(broker.publish).turn(UNTIL + timedelta(seconds=30))
    assert set(broker.said("_mewma")[22:]) == {(-1.0, "bad")}
    assert set(broker.said("_missing")[22:]) == {(1.0, "good")}


def test_an_interval_that_is_doubted_is_kept_as_that(station: Station) -> None:
    """With --contaminated it is kept with the version, and the fit says how much was left out."""
    answer = fitted(station, contaminated=True)
    assert any("windows were left out as unlike the others" in line for line in answer.lines())
    assert station.rows("SELECT DISTINCT parameters ->> 'robust' FROM detector_model WHERE kind <> 'forecast'") == [
        ("true",)
    ]


def test_what_is_kept_forecasts_again(station: Station) -> None:
    """The row of the forecast is everything: restored from the database it is the one that was fitted."""
    fitted(station)
    ((members, parameters),) = station.rows("SELECT members, parameters FROM detector_model WHERE kind = 'forecast'")
    numbers = Ahead.restored(members, parameters).numbers(normal(60, 3), members, 4.0)
    assert np.isfinite(numbers["_ahead"][23:]).all()
    kept = station.rows("SELECT kind, members, parameters FROM detector_model ORDER BY model_id")
    assert [kind for kind, *_ in kept] == ["mewma", "pca_q", "knn", "forecast"]
    for kind, names, parameters in kept:  # made again of the same rows for the setup that is kept with it
        again = made_again(kind, normal(2400), names, parameters, window_s=1.0, memory=MEMORY)
        assert set(again) == set(parameters)
        assert again["setup"] == parameters["setup"]


def test_an_interval_too_short_for_the_forecast_keeps_nothing(station: Station) -> None:
    """Twenty minutes are too few for members that are slow: nothing of the version is kept."""
    with pytest.raises(BadInput, match="holds 600 windows of 1 s"):
        station.fit(until=BEGAN + timedelta(seconds=600), now=FITTED_AT)
    assert station.rows("SELECT count(*) FROM detector_model") == [(0,)]
