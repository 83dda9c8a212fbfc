"""What a site file says of a model's members: right ones into rows and Davy's own sensors, wrong ones into a sentence with its line."""

from __future__ import annotations

import json

import pytest

from core.model import Priority
from core.model_setup import PLAIN, ModelForecast, ModelSetup, ModelState
from core.portfolio import Portfolio
from core.site_changes import compare
from core.site_defaults import with_defaults
from core.site_references import check
from core.site_text import write_site_file
from davy.site.importing import shipped_limits
from tests.core.sites import SMALL, line_of, read

SENSORS = "".join(
    f"              - {{key: {key}, name: {{en: {key}, zh: {zh}}}, zone: hall, asset: p1, quantity: {key}, unit: {unit}, period_s: 5}}\n"
    for key, zh, unit in (
        ("current", "电流", "A"),
        ("flow", "流量", "m3/h"),
        ("winding", "绕组温度", "Cel"),
        ("speed", "转速", '"1"'),
    )
)
MODEL = """
                model:
                  window_s: 10
                  members: [gas-1/current, gas-1/flow, gas-1/winding]
                  slow: [gas-1/winding]
                  load: [gas-1/current]
                  states:
                    by: gas-1/speed
                    are:
                      - {below: 50, name: {en: stopped, zh: 停机}, judged: false}
                      - {name: {en: running, zh: 运行}}
                  forecast: {of: gas-1/winding, ahead_s: 600, limit: 120}
"""
ASSET = """            assets:
              - key: p1
                kind: pump
                name: {en: Pump, zh: 泵}"""
TEXT = SMALL.replace("            assets: [{key: p1, kind: pump, name: {en: Pump, zh: 泵}}]\n", ASSET + MODEL).replace(
    "        routes:\n", SENSORS + "        routes:\n"
)
SETUP = ModelSetup(
    slow=("gas-1/winding",),
    load=("gas-1/current",),
    state_by="gas-1/speed",
    state_apart=True,
    states=(
        ModelState(name="stopped", name_zh="停机", below=50.0, judged=False),
        ModelState(name="running", name_zh="运行"),
    ),
    forecast=ModelForecast(of="gas-1/winding", ahead_s=600.0, limit=120.0),
)


def told(text: str) -> list[tuple[int, str]]:
    found = read(text)
    return [*found.mistakes, *check(found.portfolio, Portfolio())]


def test_it_is_read_written_and_kept_as_it_was_said() -> None:
    """File to rows to file to rows, and rows to JSON to rows: nothing is lost, and nothing said is nothing."""
    assert told(TEXT) == []
    rows = read(TEXT).portfolio
    assert rows.models[0].setup == SETUP
    again = read(write_site_file(rows))
    assert again.mistakes == []
    assert compare(again.portfolio, rows) == []
    assert ModelSetup.restored(json.loads(json.dumps(SETUP.told()))) == SETUP
    assert (PLAIN.told(), ModelSetup.restored({})) == ({}, PLAIN)


def test_what_is_forecast_and_in_which_state_have_sensors_and_limits_of_their_own() -> None:
    """In the unit of the member, with the priority of the model, never life-safety; the states are named where the alarm is read."""
    added = with_defaults(read(TEXT).portfolio, shipped_limits())
    sensors = {row.key: row for row in added.sensors if row.device == "_model.p1"}
    assert {"_mewma", "_pca_q", "_knn", "_missing", "_drift", "_unseen", "_ahead", "_ahead_most", "_to_limit"} == set(
        sensors
    )
    assert (sensors["_ahead"].unit, sensors["_to_limit"].unit) == ("Cel", "s")
    limits = {row.key: row for row in added.definitions if row.device == "_model.p1"}
    ahead = limits["_model.p1.model-ahead"]
    assert (ahead.sensor, ahead.direction, ahead.setpoint, ahead.priority) == ("_ahead", "high", 120.0, Priority.MEDIUM)
    unseen = limits["_model.p1.model-unseen"]
    assert unseen.consequence.endswith("Its states: 1 stopped, 2 running.")
    assert unseen.consequence_zh.endswith("工况编号：1 停机，2 运行。")
    assert all(row.priority is not Priority.LIFE_SAFETY for row in limits.values())
    assert all(row.detector == "limit" for row in limits.values())


def test_a_falling_forecast_warns_from_above() -> None:
    """A suction pressure is forecast by its lowest value."""
    added = with_defaults(read(TEXT.replace("limit: 120}", "limit: 20, falling: true}")).portfolio, shipped_limits())
    (ahead,) = (row for row in added.definitions if row.key == "_model.p1.model-ahead")
    assert (ahead.direction, ahead.setpoint) == ("low", 20.0)
    (sensor,) = (row for row in added.sensors if row.key == "_ahead")
    assert (sensor.name, sensor.name_zh) == ("winding, forecast: lowest", "绕组温度预测：最低值")


def test_without_any_of_it_there_is_nothing_more() -> None:
    """A plain model has its scores and nobody waits for a forecast."""
    plain = TEXT[: TEXT.index("                  slow:")] + TEXT[TEXT.index("        devices:") :]
    assert told(plain) == []
    added = with_defaults(read(plain).portfolio, shipped_limits())
    assert {row.key for row in added.sensors if row.device == "_model.p1"} == {
        "_mewma",
        "_pca_q",
        "_knn",
        "_missing",
        "_drift",
    }


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("slow: [gas-1/winding]", "slow: [gas-1/bearing]", "slow:", "slow of the model of asset p1 names gas-1/bearing, which is no member"),
        ("slow: [gas-1/winding]", "slow: [gas-1/winding, gas-1/winding]", "slow:", "names gas-1/winding twice"),
        ("slow: [gas-1/winding]", "slow: [gas-1/current]", "slow:", "gas-1/current of the model of asset p1 is slow and load as well"),
        ("                  load: [gas-1/current]\n", "", "slow:", "has slow members and no load; name under `load` the members"),
        ("by: gas-1/speed", "by: speed", "by: speed", "by of states of the model of asset p1 is 'speed'; write device/sensor."),
        ("by: gas-1/speed", "by: gas-1/rpm", "window_s: 10", "has the member gas-1/rpm, which is no sensor of site north"),
        ("by: gas-1/speed", "count: 3", "are:", "have `are` and no `by`; name the signal"),
        ("by: gas-1/speed", "count: 1", "count: 1", "count of states of the model of asset p1 is 1; it must be 2 or more"),
        ("by: gas-1/speed", "by: gas-1/speed\n                    count: 2", "by: gas-1/speed", "need either `by`, the signal that tells them, or `count`"),
        ("{below: 50, name", "{name", "are:", "must stand in the order of their values: each but the last with a `below`"),
        ("- {name: {en: running", "- {below: 40, name: {en: running", "are:", "must stand in the order of their values"),
        ("                      - {name: {en: running, zh: 运行}}\n", "", "are:", "states of the model of asset p1 are 1; there must be 2 to 8"),
        ("zh: 运行}}", "zh: 运行}, judged: false}", "are:", "In none of the states of the model of asset p1 anything is judged"),
        ("of: gas-1/winding,", "of: gas-1/speed,", "forecast:", "is of gas-1/speed, which is no member of it"),
        ("ahead_s: 600", "ahead_s: 10", "forecast:", "ahead_s of forecast of the model of asset p1 is 10; it must be 20 or more"),
        ("ahead_s: 600", "ahead_s: 9000", "forecast:", "is 9000; it must be 3600 or less"),
        ("limit: 120", "limits: 120", "forecast:", "has no field limits; did you mean limit?"),
        ("slow: [gas-1", "slov: [gas-1", "slov:", "has no field slov; did you mean slow?"),
    ],
)  # fmt: skip
def test_a_wrong_one_is_told_where_it_stands(old: str, new: str, line: str, sentence: str) -> None:
    """Every mistake has its line and says what would be right."""
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    found = told(text)
    assert any(sentence in said for _, said in found), found
    assert any(at == line_of(text, line) for at, said in found if sentence in said), (found, line_of(text, line))
