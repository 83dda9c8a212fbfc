"""Slow members, states and a forecast against a real database: declared, fitted, and said by sensors of their own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerting.apply import apply_events
from alerting.store.false_alarms import budget_limits
from api import cap
from api.store import cap as cap_store
from core.batch import Event
from core.db import transaction
from core.errors import BadInput, BadSiteFile, Refused
from core.model_setup import ModelForecast
from core.settings import Settings
from davy.doctor.examination import Check, Examination
from davy.doctor.models import models
from davy.false_alarms.normal import said_of
from davy.models.compare import compare_versions
from davy.models.fitness import look_now
from davy.models.forecasting import made_again
from davy.models.judges import MEMORY
from davy.models.listing import list_models
from davy.models.promote import promote_version
from davy.models.refit import refit_check
from davy.models.score import score_interval
from davy.models.store import occurrences
from davy.site.exporting import export_site
from detectors.models.ahead import Ahead
from detectors.store.models import load_plans
from detectors.time_to_limit import FOREVER_S
from tests.database import TestDatabase
from tests.davy.model_station import BEGAN, FITTED_AT, Broker, Station, bring
from tests.detectors.station import TEXT, failing, normal

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
    return build(database, tmp_path)


@pytest.fixture
def timescale_station(timescale_database: TestDatabase, tmp_path: Path) -> Station:
    """The same on TimescaleDB only: for what is about models, not about the kind of database."""
    return build(timescale_database, tmp_path)


def build(database: TestDatabase, tmp_path: Path) -> Station:
    """The plant with its model declared, and its readings stored."""
    assert SETUP_TEXT != TEXT
    bring(database, tmp_path, SETUP_TEXT)
    made = Station(database)
    made.store(normal(2400), BEGAN)
    return made


UNTIL = BEGAN + timedelta(seconds=2400)


def fitted(station: Station, **changes: Any) -> Any:
    """A fit on all of it."""
    return station.fit(until=UNTIL, now=UNTIL, **changes)


def examined(station: Station) -> Check:
    """What doctor says of the models."""
    on = Examination(Settings.read({}), UNTIL + timedelta(seconds=1), str)
    with station.database.connect("owner") as connection:
        return models(on, connection)


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
    assert any(
        line.startswith("forecast: p1/vibration within 30 s; in one of twenty windows") for line in answer.lines()
    )
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


def test_a_missing_member_is_no_forecast(timescale_station: Station) -> None:
    """What cannot be forecast is sent as bad, never as a number."""
    station = timescale_station
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
    assert set(broker.said("_unseen")[22:]) == {(-1.0, "bad")}  # and what it said last does not stand for good
    assert {quality for _, quality in broker.said("_to_limit")} == {"good"}  # which asks nothing of states


def test_a_version_for_other_states_neither_judges_nor_goes_in_force(station: Station, tmp_path: Path) -> None:
    """No number of it is told as one of what is declared now: not scored, not promoted, no judge of the next fit, and no drift; doctor says it."""
    fitted(station)
    fitted(station, promote=False)
    bring(station.database, tmp_path, SETUP_TEXT.replace("below: 60", "below: 50"), reason="smaller")
    url = station.database.url("alerting")
    told = "was fitted for other slow members, another load or other states than are declared now"
    with pytest.raises(BadInput, match=f"Version 1 of pump-1 {told}, so it cannot judge"):
        score_interval(url, station.token, asset="pump-1", version=None, since=BEGAN, until=UNTIL, now=UNTIL)
    with pytest.raises(Refused, match=f"Version 2 of pump-1 {told}. Fit it anew"):
        promote_version(
            url, station.token, asset="pump-1", version=2, actor="tester", reason="x", overrule="y", now=UNTIL
        )
    assert look_now(url, station.token, now=UNTIL + timedelta(days=2)) == []
    found = examined(station)
    assert not found.ok
    assert (
        "fitted for another setup than the site file declares now, so nobody judges: pump-1 (States of the machine)."
        in found.found
    )
    (listed,) = list_models(url, station.token)
    assert listed.is_silent
    assert [(each.part, each.was["are"][0]["below"], each.now["are"][0]["below"]) for each in listed.other_setup] == [
        ("states", 60, 50)
    ]
    assert listed.answer()["other_setup"][0]["part"] == "states"
    assert any(
        line
        == "  - States of the machine: it was fitted for by Current of pump 1: running below 60, overloaded, declared now: by Current of pump 1: running below 50, overloaded."
        for line in listed.lines("en")
    )
    assert any("在用的第1版" in line and "不作判断" in line for line in listed.lines("zh"))
    assert station.fit(until=UNTIL, now=UNTIL + timedelta(seconds=1)).contamination["by_version"] is None
    assert "another setup" not in examined(station).found
    (listed,) = list_models(url, station.token)
    assert (listed.is_silent, listed.other_setup, listed.version) == (False, [], 3)
    assert listed.lines("en") == [
        f"east, pump-1: 5 signals; version 3 of 3 is in force since {listed.since:%Y-%m-%d %H:%M:%S+00:00}."
    ]


def test_a_version_without_one_of_its_kinds_is_told(station: Station) -> None:
    """Fitted by a Davy that had fewer kinds, or before a forecast was declared: what it does not say is named."""
    fitted(station)
    with station.database.connect("owner") as connection:
        connection.execute("DELETE FROM detector_model WHERE kind IN ('pca_q', 'forecast')")
    assert "says less than it should: pump-1 (pca_q, forecast)." in examined(station).found


def test_what_is_declared_no_more_ends(station: Station, tmp_path: Path) -> None:
    """Without states and forecast their signals and limits are retired: no alarm on them can stand for good. Declared again they are back."""
    own = (
        "SELECT s.key FROM sensor s JOIN device d USING (device_id) WHERE d.key = '_model.pump-1' AND s.retired_at IS NULL ORDER BY 1",
        "SELECT key FROM alarm_definition WHERE key LIKE '\\_model.%' AND retired_at IS NULL ORDER BY 1",
    )
    before = [station.rows(query) for query in own]
    assert ("_ahead",) in before[0]
    plain = [["_drift", "_knn", "_mewma", "_missing", "_pca_q"], ["apart", "blind", "drift", "second", "unusual"]]
    bring(station.database, tmp_path, TEXT, reason="simpler")
    assert [key for (key,) in station.rows(own[0])] == plain[0]
    assert [key.removeprefix("_model.pump-1.model-") for (key,) in station.rows(own[1])] == plain[1]
    assert bring(station.database, tmp_path, export_site(station.database.url("owner"))) == []
    bring(station.database, tmp_path, SETUP_TEXT, reason="again")
    assert [station.rows(query) for query in own] == before


def test_a_forecast_keeps_its_unit(station: Station, tmp_path: Path) -> None:
    """What is stored of it would change its meaning; the sentence says what can be done, as nobody chooses the key of its sensor."""
    other = SETUP_TEXT.replace("{of: p1/vibration,", "{of: p1/flow,")
    with pytest.raises(
        BadSiteFile, match=r"has p1/flow forecast, in m3/h, and has had a forecast in mm/s; .* so have a member in mm/s"
    ):
        bring(station.database, tmp_path, other, reason="rather the flow")


def test_a_forecast_is_no_number_to_compare_by(timescale_station: Station) -> None:
    """It is in the unit of its member: held against a setpoint of scores it would say that all of it is odd."""
    station = timescale_station
    fitted(station)
    fitted(station, promote=False)
    with pytest.raises(BadInput, match="--kind is forecast; versions are compared by mewma, pca_q, knn"):
        compare_versions(
            station.database.url("alerting"), station.token, asset="pump-1", versions=(1, 2), since=BEGAN, until=UNTIL, kind="forecast",
            now=UNTIL,
        )  # fmt: skip


@pytest.mark.parametrize(("setup", "left"), [("slow", ["p1/flow"]), ("states", [])])
def test_a_member_that_is_taken_along_has_no_range_to_leave(
    timescale_database: TestDatabase, tmp_path: Path, setup: str, left: list[str]
) -> None:
    """A warmer week is no drift of a slow member, and a week in another state none of any; a quick member that has left its range is."""
    said = "\n                  slow: [p1/temperature]\n                  load: [p1/current]"
    text = SETUP_TEXT if setup == "states" else TEXT.replace("p1/temperature]\n", f"p1/temperature]{said}\n")
    bring(timescale_database, tmp_path, text)
    warmer = Station(timescale_database)
    warmer.store(normal(2400), BEGAN)
    fitted(warmer)
    with timescale_database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO reading_minute (sensor_id, minute, company_id, readings, good, minimum, maximum, mean)"
            " SELECT sensor_id, %s + i * interval '1 minute', company_id, 60, 60, 0, 0, CASE key WHEN 'flow' THEN 300 ELSE 60 END + (i %% 7) * 0.1"
            " FROM sensor, generate_series(1, 400) i WHERE key IN ('flow', 'temperature')",
            (UNTIL,),
        )
    (found,) = look_now(warmer.database.url("alerting"), warmer.token, now=UNTIL + timedelta(days=1))
    assert [each.member for each in found.members if each.what == "level"] == left


def test_a_doubted_interval_is_looked_at_without_what_it_leaves_out(timescale_station: Station) -> None:
    """An eighth of it a fault: refused as it is; with --contaminated kept without a word against the rule, and made again bit by bit."""
    station = timescale_station
    station.store(failing(350, 4), UNTIL)
    until = UNTIL + timedelta(seconds=350)
    with pytest.raises(Refused, match="may not look odd"):
        station.fit(until=until, now=until)
    answer = station.fit(until=until, now=until, contaminated=True)
    assert answer.contamination["overruled"] is None
    kept = station.rows("SELECT kind, parameters ->> 'robust' FROM detector_model ORDER BY model_id")
    assert kept == [("mewma", "true"), ("pca_q", "true"), ("knn", "true"), ("forecast", "true")]
    with station.database.connect("alerting") as connection, transaction(connection, station.token()):
        ((site,),) = station.rows("SELECT site_id FROM site")
        limit = next(each for each in budget_limits(connection, site) if each.sensor == "_mewma")
        said = said_of(connection, limit, until).numbers
    assert said is not None  # the budget's normal operation holds none of it
    assert np.mean(said.number >= 2.0) < 0.03
    again = refit_check(station.database.url("alerting"), station.token, asset="pump-1", version=1)
    assert (again.outcome, set(again.kinds)) == ("equal", {"mewma", "pca_q", "knn", "forecast"})


def test_an_early_word_that_was_a_danger_is_not_learnt_from(station: Station) -> None:
    """What people resolve as a danger on the forecast is one like any other; called a nuisance it is no nuisance of the score."""
    at = BEGAN + timedelta(seconds=100)
    (row,) = station.rows(
        "SELECT definition_id, sensor_id FROM alarm_definition WHERE key = '_model.pump-1.model-ahead'"
    )
    event = Event(row[0], row[1], True, round(at.timestamp() * 1e6), 4.2)
    with station.database.connect("ingest") as connection, transaction(connection, station.token()):
        apply_events(connection, [event], now=at + timedelta(seconds=1), batch_no=1)
    with station.database.connect("alerting") as connection, transaction(connection, station.token()):
        (plan,) = load_plans(connection)
        (found,) = occurrences(connection, plan, BEGAN, UNTIL)
    assert (found.title, found.of_model) == ("Limit will be reached soon", False)


def test_cap_calls_a_model_possible_and_a_forecast_likely(station: Station) -> None:
    """Neither was measured: only a limit on a signal of the plant is observed (docs/reference/cap.md)."""
    rows = station.rows(
        "SELECT definition_id, sensor_id FROM alarm_definition WHERE key LIKE '\\_model.pump-1.model-%'"
    )
    ((company,),) = station.rows("SELECT company_id FROM company")
    at = UNTIL
    events = [Event(each[0], each[1], True, round(at.timestamp() * 1e6), 9.0) for each in rows]
    with station.database.connect("ingest") as connection, transaction(connection, station.token()):
        apply_events(connection, events, now=at + timedelta(seconds=1), batch_no=1)
    with station.database.connect("owner") as connection:
        told = cap_store.current(connection, company, None, at + timedelta(minutes=1))
    said = {each.title: cap.CERTAINTY.get(each.detector, "Possible") for each in told}
    assert said.pop("Limit will be reached soon") == "Likely"
    assert set(said.values()) == {"Possible"}
    assert len(said) == 6


def test_an_interval_that_is_doubted_is_kept_as_that(timescale_station: Station) -> None:
    """With --contaminated it is kept with the version, and the fit says how much was left out."""
    station = timescale_station
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
