"""`davy alarms lint`: each rule finds its mistake, and leaves alone what is as it should be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerting.limit_lint import lint
from alerting.lint_words import RULES, Level, Remark
from core.model import Priority
from core.portfolio import DefinitionRow, PersonRow, Portfolio, RouteRow, SensorRow, SiteRow, Step
from tests.core.sites import PACKS

SITE = SiteRow(company="c", key="s", name="S", name_zh="厂", time_zone="Asia/Shanghai", line=3)
GAS = SensorRow(
    company="c", site="s", device="d", key="gas", name="Gas", name_zh="气", quantity="combustible gas", unit="%{LEL}",
    range_low=0.0, range_high=100.0, line=10,
)  # fmt: skip
H2S = replace(GAS, key="h2s", quantity="hydrogen sulfide", unit="[ppm]", line=20)
TEMPERATURE = replace(GAS, key="t", quantity="temperature", unit="Cel", line=30)
FIRST = DefinitionRow(
    company="c", site="s", device="d", sensor="gas", key="gas.lel-1", detector="limit", direction="high", setpoint=25.0,
    priority=Priority.HIGH, title="t", title_zh="t", consequence="Fire.", consequence_zh="火灾。", response="Leave.",
    response_zh="撤离。", respond_within_s=300.0, deadband=1.0, off_delay_s=60.0, latch=True, standard="GB/T 50493", edition="2019",
    line=11,
)  # fmt: skip
SECOND = replace(FIRST, key="gas.lel-2", setpoint=50.0, priority=Priority.LIFE_SAFETY, line=12)
HOT = replace(FIRST, key="t.high", sensor="t", setpoint=60.0, standard=None, edition=None, line=31)
OFFICER = PersonRow(company="c", key="so", name="王", role="safety_officer")
ROUTE = RouteRow(
    company="c", site="s", key="all", audience="client", priorities=("life-safety", "high", "medium"),
    steps=(Step(position=0, after_s=0.0, person="so", channel="smtp"),),
)  # fmt: skip


def found(*rows: DefinitionRow, sensors: tuple[SensorRow, ...] = (GAS, TEMPERATURE), **more: Any) -> list[Remark]:
    """The remarks on a site with these limits."""
    portfolio = Portfolio(sites=[SITE], sensors=list(sensors), definitions=list(rows), people=[OFFICER], routes=[ROUTE])
    for name, value in more.items():
        setattr(portfolio, name, value)
    return lint(portfolio, PACKS())


def rules(*rows: DefinitionRow, **more: Any) -> list[tuple[str, str | None]]:
    """Which rules spoke, and of which limit."""
    return [(each.rule, each.limit) for each in found(*rows, **more)]


def test_a_site_as_it_should_be_has_no_remark() -> None:
    """Both stages at the standard's numbers, a temperature with deadband and delay, everybody hears."""
    assert found(FIRST, SECOND, HOT) == []


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (replace(HOT, key="t.hot", setpoint=60.4), "duplicate"),
        (replace(HOT, key="t.low", direction="low", setpoint=60.0), "contradiction"),
        (replace(HOT, key="t.hh", setpoint=55.0, priority=Priority.LIFE_SAFETY), "urgent-after-lesser"),
        (replace(HOT, key="t.x", setpoint=90.0, consequence="-", respond_within_s=0.0), "incomplete"),
        (replace(HOT, key="t.x", setpoint=90.0, response_zh="无。"), "incomplete"),
        (replace(HOT, key="t.x", setpoint=120.0), "out-of-range"),
        (replace(HOT, key="t.x", setpoint=90.0, deadband=100.0), "deadband-too-wide"),
        (replace(HOT, key="t.x", setpoint=90.0, deadband=0.0, off_delay_s=0.0), "chatter"),
        (replace(FIRST, key="gas.x", setpoint=10.0, on_delay_s=5.5), "slow-on-gas"),
    ],
)  # fmt: skip
def test_each_rule_finds_its_mistake(row: DefinitionRow, rule: str) -> None:
    """One wrong limit beside the right ones: one remark, about it, in both languages, with its line."""
    (remark,) = found(FIRST, SECOND, HOT, row)
    assert (remark.rule, remark.limit, remark.line) == (rule, row.key, row.line)
    for language in ("en", "zh"):
        assert "%(" not in remark.said(language)
    assert remark.said("zh") != remark.said("en")


def test_looser_than_the_standard_is_told_across_units() -> None:
    """10 mg/m3 of hydrogen sulfide are 7.06 ppm at 20 °C: a limit of 10 ppm lets more pass, one of 7 ppm does not."""
    first = replace(FIRST, sensor="h2s", key="h2s.h2s-1", setpoint=10.0, line=21)
    second = replace(first, key="h2s.h2s-2", setpoint=14.0, priority=Priority.LIFE_SAFETY)
    (remark,) = found(first, second, sensors=(H2S,))
    assert (remark.rule, remark.limit, remark.level) == ("looser-than-standard", "h2s.h2s-1", Level.ERROR)
    assert "≥ 10 ppm, where GB/T 50493-2019 wants ≥ 7.05" in remark.said("en")
    assert found(replace(first, setpoint=7.0), second, sensors=(H2S,)) == []


def test_the_jurisdiction_decides_which_standard_holds() -> None:
    """25 %LEL is enough in China and too late in a permit space of the United States: there 10 % holds."""
    american = replace(SITE, jurisdiction="US-TX")
    told = found(FIRST, SECOND, HOT, sites=[american])
    assert [each.rule for each in told] == ["looser-than-standard"]
    assert "≥ 10 %LEL" in told[0].said("en")


def test_a_mine_goes_by_its_own_standard() -> None:
    """24 ppm of carbon monoxide are AQ 1029's; GB/T 50493 is none of mines. Where nothing names AQ 1029, it is too much."""
    sensor = replace(H2S, key="co", quantity="carbon monoxide", range_high=500.0)
    row = replace(FIRST, sensor="co", key="co.co", setpoint=24.0, priority=Priority.LIFE_SAFETY, standard="AQ 1029")
    assert found(row, sensors=(sensor,)) == []
    assert {rule for rule, _ in rules(replace(row, standard=None), sensors=(sensor,))} == {"looser-than-standard"}


def test_a_gas_sensor_without_a_limit_is_told_once_a_stage() -> None:
    """Nothing raises an alarm where the standard wants one."""
    assert rules(HOT) == [("no-limit", None), ("no-limit", None)]


def test_what_nobody_hears() -> None:
    """No route for life safety, or only to somebody who has left: an error, with how many limits; retired ones do not count."""
    deaf = replace(ROUTE, priorities=("high", "medium"))
    (remark,) = found(FIRST, SECOND, HOT, routes=[deaf])
    assert (remark.rule, remark.level, remark.line) == ("nobody-hears", Level.ERROR, 3)
    assert remark.said("en").startswith("1 limits of priority Life safety raise alarms")
    assert "人身安全" in remark.said("zh")
    left = found(FIRST, SECOND, HOT, people=[replace(OFFICER, active=False)])
    assert [each.rule for each in left] == ["nobody-hears", "nobody-hears"]
    assert found(FIRST, SECOND, replace(HOT, retired=True)) == []


def test_too_many_urgent_limits() -> None:
    """Twenty high of twenty: beyond 5 / 15 / 80."""
    sensors = tuple(replace(TEMPERATURE, key=f"t{n}") for n in range(20))
    rows = [replace(HOT, sensor=f"t{n}", key=f"t{n}.high") for n in range(20)]
    assert rules(*rows, sensors=sensors) == [("priority-mix", None)]
    calm = [replace(row, priority=Priority.LOW) for row in rows]
    assert rules(*calm, sensors=sensors) == []


def test_every_rule_has_a_sentence_in_both_languages() -> None:
    """A rule without a translation would speak English to a Chinese officer."""
    words = dict.fromkeys(("other", "number", "other_number", "count", "high", "medium", "low", "country", "standard", "wanted", "sensor", "quantity", "delay", "deadband", "keys", "needs", "has", "setpoint", "highest"), "x") | {"priority": "high", "missing": "consequence, time"}  # fmt: skip
    for rule in RULES:
        remark = Remark(rule=rule, site="s", limit=None, words=words)
        assert remark.said("zh") != remark.said("en"), rule
