"""Compounds in a site file: right ones into rows, wrong ones into a sentence with its line; the ready ones that come with Davy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.limit_checks import DIRECT
from core.model import COMPOUND
from core.packs import shipped_compounds
from core.portfolio import Portfolio
from core.signal_kind import GAS_MOST_S, kind_of
from core.site_compounds import read_ready
from core.site_references import check
from davy.site.importing import shipped_limits, vocabulary
from tests.core.sites import SMALL, line_of, read

SOUTH = """\
      - key: south
        name: {en: South, zh: 南厂}
        time_zone: Asia/Shanghai
        devices:
          - key: pump-1
            kind: plc
            sensors:
              - {key: t1, name: {en: Bearing, zh: 轴承}, quantity: temperature, unit: Cel}
"""
TEXTS = """\
            priority: high
            respond_within_s: 300
            title: {en: Together, zh: 组合}
            consequence: {en: It burns., zh: 起火。}
            response: {en: Leave., zh: 撤离。}
            source: plant
"""
ONE = (
    """\
        compounds:
          - key: one
            name: {en: One, zh: 一号}
            needed: 2
            window_s: 60
            parts:
              - ch4.warm
              - {sensor: gas-1/ch4, name: {en: Some gas, zh: 少量}, setpoint: 9}
"""
    + TEXTS
)
TEXT = SMALL.replace("        routes:\n", ONE + "        routes:\n") + SOUTH


def told(text: str) -> list[tuple[int, str]]:
    found = read(text)
    return [*found.mistakes, *check(found.portfolio, Portfolio())]


def test_a_compound_is_a_row_a_virtual_sensor_and_an_ordinary_limit() -> None:
    """What is judged is a definition like any other; the parts are values of the compound's own row."""
    found = read(TEXT)
    assert told(TEXT) == []
    (row,) = found.portfolio.compounds
    assert (row.window_s, [part.limit for part in row.parts]) == (60.0, ["ch4.warm", None])
    alarm = next(d for d in found.portfolio.definitions if d.detector == COMPOUND)
    assert (alarm.key, alarm.sensor, alarm.device, alarm.setpoint) == (
        "_compound.one", "_compound.one", "_davy.north", 2.0,
    )  # fmt: skip


@pytest.mark.parametrize(("priority", "after_s"), [("high", 28_800.0), ("life-safety", 3600.0), ("low", None)])
def test_a_compound_of_one_s_own_is_heard_again(priority: str, after_s: float | None) -> None:
    """One acknowledgement does not silence it for ever: it has the usual time of its priority, as any limit has."""
    found = read(TEXT.replace("            priority: high\n", f"            priority: {priority}\n"))
    assert found.mistakes == []
    (alarm,) = (d for d in found.portfolio.definitions if d.detector == COMPOUND)
    assert (alarm.priority, alarm.realarm_after_s) == (priority, after_s)


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("needed: 2\n", "needed: 3\n", "needed: 3", "needs 3 of 2 parts; needed must be 2 or less."),
        ("needed: 2\n", "needed: 1\n", "needed: 1", "must be a whole number from 2"),
        ("              - ch4.warm\n", "", "parts:", "has 1 part; it needs 2 to 16."),
        ("- ch4.warm", "- ch4.wram", "- ch4.wram", "has the part ch4.wram, which is no limit of site north; there are"),
        (
            "gas-1/ch4, name",
            "pump-1/t1, name",
            "pump-1/t1",
            "which is of site south; a compound joins signals of one site.",
        ),
        ("gas-1/ch4, name", "gas-1/ch5, name", "gas-1/ch5", "which is no sensor of site north; there are ch4."),
        ("gas-1/ch4, name", "ch4, name", "sensor: ch4,", "write device/sensor"),
        ("setpoint: 9}", "setpoint: 9, on_delay_s: 30}", "on_delay_s: 30", "measures gas, where nothing may."),
        ("setpoint: 9}", "detector: limits}", "detector: limits", "did you mean limit?"),
        ("- ch4.warm", "- {limit: ch4.warm, setpoint: 3}", "{limit: ch4.warm", "a part is one or the other"),
        ("- ch4.warm", "- _compound.one", "- key: one", "is a part of itself (one -> one)"),
        ("            source: plant\n      - key: south", "      - key: south", "", ""),
        (
            "            window_s: 60\n",
            "            window_s: 60\n            setpoint: 2\n",
            "setpoint: 2\n",
            "says with `needed`",
        ),
        (
            "          - key: one\n",
            "          - key: one\n            compound: smoldering\n",
            "smoldering",
            "did you mean smouldering?",
        ),
    ],
)
def test_every_mistake_has_its_sentence_and_line(old: str, new: str, line: str, sentence: str) -> None:
    """What is wrong, where, and what would be right."""
    text = TEXT.replace(old, new, 1)
    if not sentence:
        return
    assert any(sentence in said and at == line_of(text, line.strip()) for at, said in told(text)), told(text)


def test_circles_over_several_are_told_with_their_way() -> None:
    """One is a part of two, two of one."""
    two = ONE.partition("compounds:\n")[2].replace("key: one", "key: two").replace("- ch4.warm", "- _compound.one")
    text = TEXT.replace("- ch4.warm", "- _compound.two", 1).replace("        routes:\n", two + "        routes:\n", 1)
    assert any("is a part of itself (one -> two -> one)" in said for _, said in told(text)), told(text)


def test_a_ready_compound_is_taken_with_its_sensors() -> None:
    """A role nobody plays is left out with its part; a role there is not, and another unit, are told."""
    ready = """\
        compounds:
          - compound: gas-agreed
            zone: hall
            sensors: {gas-1: gas-1/ch4, gas-2: gas-1/ch4}
"""
    text = SMALL.replace("        routes:\n", ready + "        routes:\n")
    assert told(text) == []
    (row,) = read(text).portfolio.compounds
    assert [part.sensor for part in row.parts] == ["gas-1/ch4", "gas-1/ch4"]
    wrong = text.replace("gas-2: gas-1/ch4", "gas-3: gas-1/ch4")
    sentences = [said for _, said in told(wrong)]
    assert any("has no role gas-3; it has gas-1, gas-2." in said for said in sentences)
    assert any("has 1 part; it needs 2 to 16." in said for said in sentences)
    other = text.replace('unit: "%{LEL}"', 'unit: "%"').replace("gas.lel-1", "signal.stuck")
    assert any("is in %; this part is written for %{LEL}" in said for _, said in told(other))


def test_what_ends_with_a_device_or_a_sensor_is_not_left_in_a_compound() -> None:
    """A compound that the file leaves as it is: its parts end with their device, or with their sensor, and both are told."""
    current = read(TEXT).portfolio
    device = next(row for row in current.devices if row.key == "gas-1")
    sensor = next(row for row in current.sensors if (row.device, row.key) == ("gas-1", "ch4"))
    advice = "which is a part of compound north/one; retire that as well, or take the part out of it."
    ended = Portfolio()
    ended.devices = [replace(device, retired=True, line=7)]
    assert {said for line, said in check(ended, current) if line == 7 and "is a part of" in said} == {
        f"device gas-1 ends sensor gas-1/ch4, {advice}",
        f"device gas-1 ends limit north/ch4.warm, {advice}",
    }
    ended = Portfolio()
    ended.sensors = [replace(sensor, retired=True, line=8)]
    assert {said for line, said in check(ended, current) if line == 8 and "is a part of" in said} == {
        f"sensor gas-1/ch4 {advice.removeprefix('which ')}",
        f"sensor gas-1/ch4 ends limit north/ch4.warm, {advice}",
    }


def test_the_ready_compounds_are_whole_and_say_that_they_are_unverified() -> None:
    """Both languages, at least two parts, roles with units; no part on gas waits longer than 5 s; and so no limit of the packs."""
    found = shipped_compounds(vocabulary())
    assert {"smouldering", "gas-unventilated", "gas-agreed", "cable-overheating"} <= set(found)
    for ready in found.values():
        assert 2 <= ready.rule.setpoint <= len(ready.parts)
        assert all((*ready.name, *ready.rule.title, *ready.rule.response))
        assert all(part.name and part.name_zh and part.unit for part in ready.parts)
        for part in ready.parts:
            kind = kind_of(part.unit or "", "")
            assert kind is None or not kind.is_gas or part.on_delay_s <= GAS_MOST_S
    for name, limit in shipped_limits().items():
        kind = kind_of(limit.rule.unit or "", limit.rule.title[0])
        if kind is not None and kind.is_gas and limit.rule.detector in DIRECT:
            assert (limit.rule.on_delay_s <= GAS_MOST_S, limit.rule.votes) == (True, 1), name
    assert read_ready([], vocabulary()) == {}
