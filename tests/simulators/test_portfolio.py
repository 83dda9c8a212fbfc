"""The plants and the demo portfolio describe the same sites: sensors one by one, and the limits the truth rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulators import mine, pump_station, tank_farm
from simulators.fault import LAST_WILL_S
from simulators.scenarios import dead_gateway, load, stuck_gas_sensor
from simulators.scenarios.leaking import FAN_STOPPED, STAGES
from simulators.scenarios.pumping import LIMITS
from simulators.truth import CONTACT_DELAY_S, GAS_DELAY_S

ROOT = Path(__file__).resolve().parents[2]
PORTFOLIO = yaml.safe_load((ROOT / "packs/demo/portfolio.yaml").read_text(encoding="utf-8"))
PACKS = {
    f"{pack}.{limit['key']}": limit
    for pack in ("gas", "signal", "system", "mine", "pump")
    for limit in yaml.safe_load((ROOT / f"packs/{pack}_limits.yaml").read_text(encoding="utf-8"))["limits"]
}


def sensors() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(company, site, device, sensor) of the portfolio."""
    for company in PORTFOLIO["companies"]:
        for site in company["sites"]:
            for device in site["devices"]:
                for sensor in device["sensors"]:
                    yield company["key"], site["key"], device["key"], sensor


def limits(sensor: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The limits of a sensor by key, what they take from a pack filled in."""
    found = {}
    for written in sensor["limits"]:
        own = {"limit": written} if isinstance(written, str) else written
        whole = {**PACKS.get(own.get("limit", ""), {}), **own}
        found[whole["key"]] = whole
    return found


def test_every_sensor_is_in_the_portfolio_as_it_is_in_the_plant() -> None:
    """Company, site, zone, device, unit, period and range: neither has one that the other has not."""
    written = {
        (company, site, s["zone"], device, s["key"], s["unit"], s["period_s"], s["range"]["low"], s["range"]["high"])
        for company, site, device, s in sensors()
    }
    simulated = {
        (i.company, i.site, i.zone, i.device, i.key, i.unit, i.period_s, i.low, i.high)
        for i in tank_farm.SENSORS + mine.SENSORS + pump_station.SENSORS
    }
    assert simulated == written


def test_the_truth_rests_on_the_portfolios_setpoints() -> None:
    """Both gas stages and the fan's contact: setpoint as the truth has it, on-delay within what it allows."""
    checked = 0
    for _, _, _, sensor in sensors():
        if sensor["unit"] == "%{LEL}":
            of_sensor = limits(sensor)
            for name, setpoint in STAGES.items():
                assert of_sensor[name]["setpoint"] == setpoint
                assert of_sensor[name].get("on_delay_s", 0) <= GAS_DELAY_S
                checked += 1
        if sensor["key"] == "vent-1":
            off = limits(sensor)["off"]
            assert (off["setpoint"], off["direction"]) == (FAN_STOPPED, "low")
            assert off["on_delay_s"] <= CONTACT_DELAY_S
            checked += 1
    assert checked == 13


def test_the_pump_stations_truth_rests_on_the_portfolios_limits() -> None:
    """Every limit of the pump station, and no other: setpoint, side and on-delay as the truth has them."""
    stated = {
        (sensor["key"], key, limit["setpoint"], limit.get("direction", "high") == "high", limit["on_delay_s"])
        for company, _, _, sensor in sensors()
        if company == pump_station.COMPANY
        for key, limit in limits(sensor).items()
        if limit.get("detector", "limit") == "limit"
    }
    assert stated == {(m.sensor, m.name, m.setpoint, m.high, m.delay_s) for m in LIMITS}


def test_what_time_alone_shows_comes_when_the_truth_expects_it() -> None:
    """A stuck detector after the pack's half hour; a dead gateway within what silence and its on-delay take together."""
    assert PACKS["signal.stuck"]["setpoint"] == stuck_gas_sensor.STUCK_AFTER_S
    for _, _, _, sensor in sensors():
        if sensor["unit"] == "%{LEL}":
            assert limits(sensor)["stuck"]["setpoint"] == stuck_gas_sensor.STUCK_AFTER_S
    assert LAST_WILL_S + PACKS["system.lost"]["on_delay_s"] < dead_gateway.SEEN_WITHIN_S


@pytest.mark.parametrize("name", ["gas-leak", "flange-leak", "pump-cavitation", "stuck-gas-sensor"])
def test_every_expected_alarm_is_defined(name: str) -> None:
    """The truth speaks of definitions that the portfolio has."""
    defined = {f"{s['key']}.{key}" for _, _, _, s in sensors() for key in limits(s)} | {"_compound.seal-seeping"}
    for seed in range(1, 4):
        expected = {e.definition for e in load(name, seed, datetime(2026, 1, 5, tzinfo=UTC)).truth.expected}
        assert expected <= defined
