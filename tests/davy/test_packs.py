"""What comes with Davy as data: limits with their source, and the demo portfolio that the simulators play."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerting.channels import REGISTRY
from core.errors import BadSiteFile
from core.limit_rule import PackLimit, read_packs
from core.portfolio import Portfolio
from core.site_defaults import BROKER_LOSS, GATEWAY_LOST, MANDATORY_STALE, with_defaults
from core.site_references import check, unheard
from davy.site.importing import shipped_limits, vocabulary
from detectors.registry import detector_class
from simulators import mine, pump_station, tank_farm
from simulators.scenarios.leaking import STAGES
from simulators.scenarios.pumping import LIMITS
from tests.core.sites import read

DEMO = Path(__file__).resolve().parents[2] / "packs" / "demo" / "portfolio.yaml"


@pytest.fixture(scope="module")
def demo() -> Portfolio:
    """The demo portfolio's rows."""
    found = read(DEMO.read_text("utf-8"), {"DEMO_WEBHOOK": "http://127.0.0.1:9/hook"})
    assert [*found.mistakes, *check(found.portfolio, Portfolio())] == []
    assert list(unheard(found.portfolio)) == []
    return with_defaults(found.portfolio, shipped_limits())


def test_every_threshold_is_data_with_its_source_and_nobody_has_verified_one() -> None:
    """A threshold names standard and edition, or is Davy's own; a standard's number is flagged unverified until checked."""
    packs = shipped_limits()
    assert {"gas.lel-1", "mine.ch4-return", "pump.vibration-1-c", BROKER_LOSS, GATEWAY_LOST, MANDATORY_STALE} <= set(
        packs
    )
    for name, limit in packs.items():
        rule = limit.rule
        assert rule.standard is None or rule.edition, name
        assert rule.standard is not None or name.partition(".")[0] in {"signal", "system"}, name
        assert rule.verified_by is None, name
        assert all((*rule.title, *rule.consequence, *rule.response)), name
        assert rule.title[0] != rule.title[1], name


def limit_row(limit: PackLimit) -> str:
    """A limit's line on docs/reference/limits.md."""
    rule = limit.rule
    sign = ">=" if rule.direction == "high" else "<="
    unit = rule.unit or detector_class(rule.detector).unit
    setpoint = f"{sign} {rule.setpoint:g} {unit}".removesuffix(" 1")
    if periods := rule.parameters.get("periods"):
        setpoint += f" and {periods:g} periods, at most {rule.parameters['ceiling_s']:g} s"
    clause = f", {rule.clause}" if rule.clause else ""
    source = f"{rule.standard}, {rule.edition}{clause}" if rule.standard else "Davy's own"
    where = ", ".join(sorted(limit.jurisdictions)) or "any"
    return f"| {limit.name} | {rule.detector} | {setpoint} | {limit.averaging} | {rule.priority} | {where} | {source} |"


def test_the_page_lists_every_limit() -> None:
    """docs/reference/limits.md is what the packs say."""
    page = (DEMO.parents[2] / "docs" / "reference" / "limits.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| name")]
    assert sorted(rows) == sorted(limit_row(limit) for limit in shipped_limits().values())


def test_silence_goes_by_the_declared_period_and_has_a_ceiling(demo: Portfolio) -> None:
    """One minute where a limit of life safety, or one that latches, hangs on the sensor; whatever the file says of its silence."""
    declared = {(s.device, s.key): s.period_s for s in demo.sensors}
    urgent = {(d.device, d.sensor) for d in demo.definitions if d.latch or d.priority == "life-safety"}
    silences = [d for d in demo.definitions if d.detector == "stale"]
    assert {(d.device, d.sensor) for d in silences} > urgent
    for each in silences:
        place = (each.device, each.sensor)
        assert each.parameters["period_s"] == declared[place]
        assert each.parameters["ceiling_s"] == (60.0 if place in urgent else 10_800.0)


def test_a_silence_beyond_the_ceiling_needs_a_source_of_its_own() -> None:
    """Waiting longer than the pack is a decision; the sentence says what would be right."""
    text = DEMO.read_text("utf-8")
    laxer = text.replace("priority: medium}", "priority: medium, parameters: {ceiling_s: 100000}}", 1)
    told = {sentence for _, sentence in read(laxer, {"DEMO_WEBHOOK": "http://127.0.0.1:9/hook"}).mistakes}
    assert any("silent for 100000 s; the pack wants at most 10800" in sentence for sentence in told)
    own = laxer.replace("{ceiling_s: 100000}}", "{ceiling_s: 100000}, source: plant}", 1)
    assert read(own, {"DEMO_WEBHOOK": "http://127.0.0.1:9/hook"}).mistakes == []


def test_packs_that_state_a_standard_say_that_nobody_has_verified_them() -> None:
    """Whoever opens the file reads it first."""
    for file in DEMO.parents[1].glob("*_limits.yaml"):
        text = file.read_text("utf-8")
        if "standard:" in text:
            assert "UNVERIFIED" in text.partition("davy: limits/1")[0], file.name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("davy: limits/1\npack: p\nlimits:\n  - {key: a}", "p.yaml: limit a has no setpoint"),
        ("davy: limits/1\npack: p\nlimits:\n  - {key: a, averaging: daily}", "averaging of limit a is daily"),
        ("davy: limits/1\npack: p\nlimits:\n  - {key: a, unit: ppm}", "did you mean [ppm]?"),
        ("davy: limits/1\npack: p\nlimits:\n  - {key: a}\n  - {key: a}", "p.a is there twice"),
        ("davy: limits/1\npack: p\nlimits:\n  - {key: a}", "has no jurisdictions"),
    ],
)
def test_a_wrong_pack_is_told_with_file_and_line(text: str, told: str) -> None:
    """A pack is read with the same care as a site file."""
    with pytest.raises(BadSiteFile) as caught:
        read_packs([("p.yaml", text)], vocabulary())
    assert any(told in sentence for _, sentence in caught.value.mistakes), caught.value.mistakes


def test_the_words_of_a_site_file_are_the_channels_there_are() -> None:
    """A new channel is a file and a line in the registry: how its addresses look is said by its class."""
    assert vocabulary().channels == {name: channel.addresses for name, channel in REGISTRY.items()}


def test_the_demo_has_exactly_the_sensors_the_simulators_play(demo: Portfolio) -> None:
    """Company, site, zone, device, key, unit, period and range are those of the instruments."""
    played = {
        (i.company, i.site, i.zone, i.device, i.key, i.unit, i.period_s, i.low, i.high)
        for i in (*tank_farm.SENSORS, *mine.SENSORS, *pump_station.SENSORS)
    }
    stated = {
        (s.company, s.site, s.zone, s.device, s.key, s.unit, s.period_s, s.range_low, s.range_high)
        for s in demo.sensors
        if not s.is_virtual
    }
    assert stated == played


def test_the_demo_has_the_limits_the_scenarios_expect(demo: Portfolio) -> None:
    """The truth of a scenario names definitions by key and counts on their setpoints."""
    limits = {d.key: d for d in demo.definitions}
    for sensor in demo.sensors:
        if sensor.unit == "%{LEL}":
            for stage, setpoint in STAGES.items():
                limit = limits[f"{sensor.key}.{stage}"]
                assert (limit.setpoint, limit.direction, limit.on_delay_s, limit.latch) == (setpoint, "high", 0.0, True)
            assert {f"{sensor.key}.stuck", f"{sensor.key}.stale"} <= set(limits)
    assert {"vent-1.off", "level-t1.high", "pressure-t1.high", "temp-t1.high", "ch4-return.high"} <= set(limits)
    assert {f"{m.sensor}.{m.name}" for m in LIMITS} <= set(limits)
    silent = {(d.device, d.sensor) for d in demo.definitions if d.detector == "stale"}
    assert silent == {(s.device, s.key) for s in demo.sensors if not s.is_virtual}


def test_the_demo_has_a_person_for_each_role_of_each_company(demo: Portfolio) -> None:
    """Three companies with their own people, and the insurer's who look after both."""
    roles = {(person.company, person.role) for person in demo.people}
    companies = {company.key for company in demo.companies}
    assert companies == {"huaihai-petro", "qinling-coal", "minjiang-water"}
    assert roles == {(c, r) for c in companies for r in ("safety_officer", "integrator")} | {
        (None, role) for role in ("underwriter", "risk_engineer", "admin")
    }
    assert all(set(p.looks_after) == companies for p in demo.people if p.company is None)
    assert all(row.address.endswith(".invalid") for row in demo.addresses if row.channel == "smtp")
