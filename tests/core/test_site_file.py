"""A site file is read whole: right ones into rows, wrong ones into every mistake with its line."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadSiteFile
from core.model import Priority
from core.portfolio import Portfolio
from core.site_references import check, unheard
from tests.core.sites import SMALL, line_of, read

WRONG_LINES = (
    # (what stands in the file, what is put there, part of the line it is told at, part of the sentence)
    ("davy: site/1", "davy: site/9", "davy:", "did you mean site/1?"),
    ("role: safety_officer", "role: safety_oficer", "key: so", "did you mean safety_officer?"),
    ("role: safety_officer", "role: underwriter", "key: so", "must be one of integrator, safety_officer"),
    ("role: underwriter", "role: integrator", "key: uw", "must be one of admin, risk_engineer, underwriter"),
    ("smtp: so@acme.invalid", "smtp: nobody", "key: so", "must be an e-mail address"),
    (
        "smtp: so@acme.invalid",
        "pager: 123456",
        "key: so",
        "There is no channel pager; there are apprise, dingtalk, feishu, ntfy, sms, smtp, voice, webhook, wecom.",
    ),
    ("smtp: so@acme.invalid", "webhook: https://a.example/x", "key: so", "names no secret; write webhook: {address"),
    ("smtp: so@acme.invalid", "webhook: {address: ftp://a, secret: s}", "key: so", "must be an http or https address"),
    ("smtp: so@acme.invalid", "smtp: {address: a@b.example, secret: s}", "key: so", "that channel signs nothing"),
    ("premium: 1000.50", "premium: lots", "premium", "must be an amount of 0 or more"),
    ("premium: 1000.50", "premium: -5", "premium", "must be an amount of 0 or more"),
    ("ends_on: 2027-01-01", "ends_on: 2025-01-01", "ends_on", "it must end later"),
    ("ends_on: 2027-01-01", "ends_on: 1 Jan", "ends_on", "must be a date such as 2026-01-31"),
    ("currency: CNY", "currency: yuan", "currency", "three capitals such as CNY"),
    ("sites: [north]", "sites: [south]", "- number: P-1", "no site of acme; there are north."),
    ("time_zone: Asia/Shanghai", "time_zone: Asia/Shangai", "time_zone", "did you mean Asia/Shanghai?"),
    (
        "time_zone: Asia/Shanghai",
        "time_zone: Asia/Shanghai\n        jurisdiction: china",
        "jurisdiction",
        "country code",
    ),
    ("key: north", "key: north west", "key: north west", "1 to 58 letters"),
    ("key: gas-1", "key: _gas", "key: _gas", "not beginning with an underscore"),
    ("key: gas-1", "key: simulator", "key: simulator", "Davy's own users at the broker"),
    ("key: gas-1", f"key: {'g' * 56}", "key: ggg", "1 to 55 letters"),
    ("key: gas-1", "key: gw-1", "key: gw-1", "a device key is unique over all sites"),
    ("gateway: gw-1", "gateway: gw-2", "key: gas-1", "which is no device of site north"),
    ("gateway: gw-1", "gateway: gas-1", "key: gas-1", "which is no gateway itself"),
    ("zone: hall", "zone: hal", "key: ch4", "zone hal, which site north does not have; there are hall."),
    ("asset: p1", "asset: p2", "key: ch4", "asset p2, which zone hall does not have; there are p1."),
    ('unit: "%{LEL}"', "unit: lel", "unit: lel", "did you mean %{LEL}?"),
    ('unit: "%{LEL}"', "unit: mg/m3", "gas.lel-1", "does not fit sensor ch4"),
    ("range: {low: 0, high: 100}", "range: {low: 100, high: 0}", "range", "low must be below high"),
    ("range: {low: 0, high: 100}", "range: [0, 100]", "range", "such as {low: 0, high: 100}"),
    ("range: {low: 0, high: 100}", "range: {low: 0, high: 10}", "setpoint: 15", "measures from 0 to 10"),
    ("mandatory: true", "mandatory: maybe", "mandatory", "must be one of false, true"),
    ("mandatory: true", "period_s: 0", "period_s", "must be more than 0"),
    (
        "setpoint: 15",
        "setpoint: 15\n                    votes: {needed: 3, of: 2}",
        "votes",
        "needs 3 of the last 2 numbers",
    ),
    (
        "setpoint: 15",
        "setpoint: 15\n                    votes: {needed: 0, of: 2}",
        "votes",
        "whole number from 1 to 64",
    ),
    ("setpoint: 15", "setpoint: 15\n                    votes: 2", "votes", "such as {needed: 2, of: 3}"),
    ("setpoint: 15", "setpoint: 15\n                    votes: {needed: 2, of: 3}", "votes", "declare its period_s"),
    ("setpoint: 15", "setpoint: 15\n                    on_delay_s: 6", "on_delay_s", "may wait at most 5 s"),
    ("- gas.lel-1", "- gas.lel-3", "gas.lel-3", "did you mean gas.lel-"),
    ("- gas.lel-1", "- gas-us.lfl-10", "gas-us", "holds in US, and site north is in CN"),
    ("- gas.lel-1", "- {limit: gas.lel-1, setpoint: 30}", "setpoint: 30", "GB/T 50493-2019 wants at most 25"),
    ("- gas.lel-1", "- {limit: gas.lel-1, direction: low}", "gas.lel-1", "has no field direction"),
    ("setpoint: 15", "setpiont: 15", "setpiont", "did you mean setpoint?"),
    ("setpoint: 15", "setpiont: 15", "key: warm", "has no setpoint; it needs one."),
    ("setpoint: 15", "setpoint: .nan", "setpoint: .nan", "must be a number"),
    ("setpoint: 15", "setpoint: 15 %", "setpoint: 15 %", "must be a number"),
    ("setpoint: 15", "setpoint: 15\n                    unit: kPa", "unit: kPa", "does not convert to %{LEL}"),
    ("deadband: 1", "deadband: -1", "deadband: -1", "must be 0 or more"),
    ("deadband: 1", "deadband: 100", "deadband: 100", "would never clear"),
    ("deadband: 1", "parameters: {window_s: 3}", "parameters", "has no parameter window_s"),
    ("deadband: 1", "deadband: 1\n                    detector: limmit", "limmit", "did you mean limit?"),
    ("priority: low", "priority: lifesafety", "lifesafety", "did you mean life-safety?"),
    ("title: {en: Some gas, zh: 少量可燃气}", "title: {en: Some gas}", "title: {en: Some gas}", "has no zh"),
    ("                    source: plant\n", "", "key: warm", "has no source"),
    ("source: plant", "source: GB", "source: GB", "must be one of plant"),
    ("source: plant", "source: {standard: GB 1, edition: 2020, verified_by: Li}", "source", "who and when"),
    ("source: plant", "source: {standard: GB 1}", "source", "has no edition"),
    ("key: warm", "key: lel-1", "key: lel-1", "is there twice, first in line"),
    ("audience: insurer", "audience: client", "person: uw", "who is not of them; there are so."),
    ("looks_after: [acme]", "looks_after: []", "person: uw", "does not look after acme"),
    ("looks_after: [acme]", "looks_after: [acme, ecma]", "looks_after", "ecma, which is no company"),
    ("{person: so, channel: smtp}", "{person: os, channel: smtp}", "person: os", "who is nobody; there are so."),
    ("{person: so, channel: smtp}", "{person: so, channel: webhook}", "webhook", "for which there is no address"),
    ("{person: so, channel: smtp}", "{person: so, channel: smtpp}", "smtpp", "did you mean smtp?"),
    ("{after_s: 300,", "{after_s: -1,", "after_s: -1", "must be 0 or more"),
    (
        "hears: [digest, impairments]",
        "hears: [digests]",
        "hears: [digests]",
        "hears digests, which there is not; there are impairments,",
    ),
    (
        "priorities: [high, life-safety]",
        "hears: [digest]",
        "hears: [digest]",
        "hears digest, which is for the insurer's people",
    ),
    ("            priorities: [high, life-safety]\n", "", "- key: all", "or say under `hears` what else it is for"),
    ("priorities: [high, life-safety]", "hears: []", "- key: all", "or say under `hears` what else it is for"),
    ("priorities: [high, life-safety]", "priorities: [hi]", "priorities: [hi]", "There is no priority hi"),
    ("likelihood: 1", "likelihood: 2", "likelihood: 2", "the LEC method has the steps 0.1, 0.2, 0.5, 1, 3, 6, 10."),
    ("consequence: 40", "consequence: .inf", "consequence: .inf", "must be a number"),
    ("assessed_on: 2026-01-15", "assessed_on: spring", "assessed_on: spring", "must be a date"),
    ("every_days: 180", "every_days: 0", "every_days: 0", "must be whole days from 1 to 3650"),
    ("every_days: 180", "every: 180", "every: 180", "did you mean every_days?"),
    ("{done_on: 2026-01-20, every_days: 180}", "180", "calibration: 180", "must be such as {done_on:"),
    ("zones:", "zone:", "zone:", "did you mean zones?"),
    ("- key: gas-1", "- kay: gas-1", "kay: gas-1", "did you mean key?"),
)


@pytest.mark.parametrize(("right", "wrong", "at", "told"), WRONG_LINES)
def test_each_mistake_is_told_with_its_line_and_advice(right: str, wrong: str, at: str, told: str) -> None:
    """Errors carry line numbers, say what was wrong and what would be right."""
    assert SMALL.count(right) >= 1
    text = SMALL.replace(right, wrong, 1)
    found = read(text)
    mistakes = [*found.mistakes, *check(found.portfolio, Portfolio())]
    lines = {number for number, each in enumerate(text.splitlines(), 1) if at in each}
    assert [sentence for number, sentence in mistakes if number in lines and told in sentence], (lines, mistakes)


def test_all_mistakes_come_at_once() -> None:
    """A person mends a file in one go, not mistake by mistake."""
    text = SMALL
    for right, wrong in (
        ("currency: CNY", "currency: x"),
        ("priority: low", "priority: lo"),
        ("kind: gateway", "kin: g"),
    ):
        text = text.replace(right, wrong)
    lines = {line for line, _ in read(text).mistakes}
    assert lines >= {line_of(text, "currency: x"), line_of(text, "priority: lo"), line_of(text, "kin: g")}


def test_a_right_file_has_no_mistakes_and_says_what_it_says() -> None:
    """The rows carry what the file states, with defaults where it is silent."""
    found = read(SMALL)
    portfolio = found.portfolio
    assert [*found.mistakes, *check(portfolio, Portfolio())] == []
    assert portfolio.policies[0].premium == Decimal("1000.50")
    assert portfolio.policies[0].begins_on == date(2026, 1, 1)
    so = next(person for person in portfolio.people if person.key == "so")
    assert (so.phone, so.language) == ("013800000000", "zh")  # a leading zero is not an octal number
    sensor = portfolio.sensors[0]
    assert (sensor.zone, sensor.asset, sensor.period_s, sensor.mandatory) == ("hall", "p1", None, True)
    first, warm = portfolio.definitions
    assert (first.key, first.setpoint, first.standard, first.edition) == ("ch4.lel-1", 25.0, "GB/T 50493", "2019")
    assert first.verified_by is None
    assert (warm.key, warm.priority, warm.standard) == ("ch4.warm", Priority.LOW, None)
    assert portfolio.routes[0].priorities == ("life-safety", "high")
    assert [route.hears for route in portfolio.routes] == [(), ("impairments", "digest")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("- a\n- b", "must be a mapping"),
        ("davy: site/1\ncompanies: [", "not YAML"),
        ("davy: site/1\n\tcompanies: x", "not YAML"),
        ("davy: site/1\na: *nowhere", "not YAML"),
        ("davy: site/1\n---\ndavy: site/1", "not YAML"),
        ("davy: site/1\ncompanies: \x00", "not YAML"),
        ("davy: site/1\ncompanies: " + "[" * 100_000, "nests deeper than 64 levels"),
        ("davy: site/1\ncompanies: many", "must be a list"),
        ("davy: site/1\ncompanies: [1]", "has no key"),
        ("davy: site/1\ndavy: site/1\ncompanies: []", "has davy twice, first in line 1"),
        ("davy: site/1", "neither companies nor an insurer"),
        ("davy: site/1\ncompanies: &a [*a]", "must be a mapping of fields"),
        ("davy: site/1\ncompanies: [!!python/object/apply:os.system [ls]]", "must be a mapping of fields"),
    ],
)
def test_what_is_no_site_file_at_all_gets_a_sentence(text: str, told: str) -> None:
    """A bad import file never ends in a traceback, and no tag makes an object."""
    assert any(told in sentence for _, sentence in read(text).mistakes), read(text).mistakes


def test_aliases_of_aliases_come_to_an_end() -> None:
    """A small file that unfolds to billions of entries is refused, not read for hours."""
    names = [f"  a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 12)]
    text = "\n".join(["davy: site/1", "templates:", "  a0: &a0 {x: 1}", *names, "companies: [*a11]"])
    with pytest.raises(BadSiteFile, match="unfold to more than"):
        read(text)


@given(st.text(alphabet=st.sampled_from("davy:site/1 \n-[]{}&*<!'\"|>#key:companies,zh en%@`\\\t"), max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever stands in a file, the answer is rows and mistakes."""
    assert read("davy: site/1\n" + text) is not None


@given(st.sampled_from(SMALL.splitlines()[1:]), st.sampled_from(("", "null", "[]", "{}", "[[]]", "7", "yes", "~: ~")))
def test_no_replaced_line_breaks_the_reader(line: str, value: str) -> None:
    """A field of a wrong shape is a mistake, never an exception."""
    key = line.partition(":")[0]
    text = SMALL.replace(line, f"{key}: {value}", 1)
    check(read(text).portfolio, Portfolio())


def test_variables_are_filled_in_and_a_missing_one_is_told() -> None:
    """What differs from place to place is given on import; a doubled dollar stays a dollar."""
    text = SMALL.replace("smtp: so@acme.invalid", 'smtp: "${WHO}@acme.invalid"')
    assert read(text, {"WHO": "li"}).portfolio.addresses[0].address == "li@acme.invalid"
    assert any("--set WHO=VALUE" in sentence for _, sentence in read(text).mistakes)
    doubled = read(SMALL.replace("en: Acme", 'en: "$${WHO}"'))
    assert doubled.portfolio.companies[0].name == "${WHO}"


def test_merged_blocks_give_their_fields_and_own_fields_win() -> None:
    """Sixteen like sensors are written once."""
    text = SMALL.replace(
        "davy: site/1\n",
        "davy: site/1\ntemplates:\n  pump: &pump {kind: pump, name: {en: Any pump, zh: 泵}}\n",
    ).replace(
        "{key: p1, kind: pump, name: {en: Pump, zh: 泵}}", "{<<: *pump, key: p1}, {<<: *pump, key: p2, kind: fan}"
    )
    found = read(text)
    assert found.mistakes == []
    assert [(asset.key, asset.asset_kind) for asset in found.portfolio.assets] == [("p1", "pump"), ("p2", "fan")]


def test_the_same_sensor_key_on_two_devices_needs_a_full_key() -> None:
    """A definition's key is unique in its site; the advice says how."""
    second = _with_second_device("gas.lel-1")
    assert any("full_key" in sentence for _, sentence in read(second).mistakes)
    mended = _with_second_device("{limit: gas.lel-1, full_key: gas-2.ch4.lel-1}")
    assert read(mended).mistakes == []


def _with_second_device(limit: str) -> str:
    sensor = f"{{key: ch4, name: {{en: a, zh: b}}, quantity: q, unit: '%{{LEL}}', limits: [{limit}]}}"
    device = f"          - key: gas-2\n            kind: x\n            sensors: [{sensor}]\n"
    return SMALL.replace("        routes:\n", device + "        routes:\n")


def test_a_known_limit_is_converted_to_the_sensors_unit() -> None:
    """Units are converted once, at the edge: 10 mg/m3 of H2S are 7.06 ppm at 20 °C."""
    text = SMALL.replace('unit: "%{LEL}"', 'unit: "[ppm]"').replace("- gas.lel-1", "- gas.h2s-1")
    row = read(text).portfolio.definitions[0]
    assert row.setpoint == pytest.approx(7.058, abs=0.001)
    assert row.deadband == pytest.approx(0.353, abs=0.001)


def test_an_own_limit_may_be_written_in_another_unit() -> None:
    """The setpoint is converted with offset, the deadband without."""
    text = SMALL.replace('unit: "%{LEL}"', "unit: Cel").replace("                  - gas.lel-1\n", "")
    text = text.replace("setpoint: 15", "setpoint: 104\n                    unit: '[degF]'").replace(
        "deadband: 1", "deadband: 9"
    )
    row = read(text).portfolio.definitions[0]
    assert [row.setpoint, row.deadband] == pytest.approx([40.0, 5.0])


@pytest.mark.parametrize(("unit", "setpoint"), [("mg/m3", 20.0), ("[ppm]", 17.18)])
def test_an_average_is_judged_as_one(unit: str, setpoint: float) -> None:
    """One reading above an 8-hour average breaks no rule: such a limit is put on the detector that forms the average."""
    text = SMALL.replace('unit: "%{LEL}"', f'unit: "{unit}"\n                period_s: 6').replace(
        "- gas.lel-1", "- gas.co-twa"
    )
    found = read(text)
    assert found.mistakes == []
    twa = next(d for d in found.portfolio.definitions if d.key == "ch4.co-twa")
    assert (twa.detector, twa.parameters) == ("exposure", {"window_s": 28_800.0, "hold_s": 30.0})
    assert twa.setpoint == pytest.approx(setpoint, abs=0.01)
    assert twa.deadband == pytest.approx(0.05 * setpoint, rel=1e-3)
    wider = text.replace("- gas.co-twa", "- {limit: gas.co-twa, parameters: {window_s: 86400}}")
    assert any("is an average over 28800 s" in sentence for _, sentence in read(wider).mistakes)


def test_a_starting_deadband_is_put_on_where_none_is_stated_and_only_lengthens() -> None:
    """1 % of the range for a temperature; the setpoint and the delays are as written; `deadband: 0` is a statement."""
    bare = SMALL.replace('unit: "%{LEL}"', "unit: Cel").replace("                  - gas.lel-1\n", "")
    bare = bare.replace("                    deadband: 1\n", "")
    row = read(bare).portfolio.definitions[-1]
    assert (row.setpoint, row.deadband, row.on_delay_s) == (15.0, 1.0, 0.0)
    stated = bare.replace("setpoint: 15", "setpoint: 15\n                    deadband: 0")
    assert read(stated).portfolio.definitions[-1].deadband == 0.0


@pytest.mark.parametrize(
    ("direction", "setpoint", "deadband"), [("high", 1, 0.5), ("high", 0, 0), ("low", 98, 1), ("high", 90, 5)]
)
def test_a_starting_deadband_leaves_a_way_back(direction: str, setpoint: float, deadband: float) -> None:
    """5 % of a level's range, but never more than half of what is left to the end that the value falls back to."""
    text = SMALL.replace('unit: "%{LEL}"', 'unit: "%"').replace("quantity: combustible gas", "quantity: level")
    text = text.replace("                  - gas.lel-1\n", "").replace("                    deadband: 1\n", "")
    text = text.replace("setpoint: 15", f"setpoint: {setpoint}\n                    direction: {direction}")
    found = read(text)
    assert found.mistakes == []
    assert found.portfolio.definitions[-1].deadband == deadband


def test_a_written_deadband_beyond_the_range_is_told() -> None:
    """A value that would have to fall below what its sensor measures never does."""
    text = SMALL.replace("deadband: 1\n", "deadband: 15\n")
    ((_, sentence),) = read(text).mistakes
    assert "would have to come back beyond 0, and sensor ch4 measures from 0 to 100" in sentence
    assert sentence.endswith("it would never clear. Take less than 15.")
    assert read(SMALL.replace("deadband: 1\n", "deadband: 14.9\n")).mistakes == []


def test_a_limit_of_a_gas_pack_is_of_a_gas_whatever_its_sensor_says() -> None:
    """An analyser whose quantity says nothing: the pack knows what the limit is on."""
    text = SMALL.replace('unit: "%{LEL}"', 'unit: "%"').replace("quantity: combustible gas", "quantity: analyser")
    text = text.replace("- gas.lel-1", "- {limit: gas.oxygen-low, on_delay_s: 30}")
    assert any("measures gas, where an alarm may wait at most 5 s" in sentence for _, sentence in read(text).mistakes)


def test_life_safety_without_a_client_route_is_noticed() -> None:
    """An alarm that nobody hears is worth a sentence."""
    portfolio = read(SMALL).portfolio
    portfolio.definitions = [replace(d, priority=Priority.LIFE_SAFETY) for d in portfolio.definitions]
    assert list(unheard(portfolio)) == []
    portfolio.routes = []
    assert [s for s in unheard(portfolio) if "north" in s and "nobody will be told" in s]
