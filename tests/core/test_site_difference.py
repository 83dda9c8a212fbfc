"""A limit on the difference of two sensors in a site file: right ones into rows, wrong ones into a sentence with its line."""

from __future__ import annotations

import pytest

from core.portfolio import Portfolio
from core.site_references import check
from tests.core.sites import SMALL, line_of, read

SECOND = """\
              - key: ch4-b
                name: {en: Methane B, zh: 甲烷乙}
                quantity: combustible gas
                unit: "%{LEL}"
                period_s: 4
                limits:
                  - key: agree
                    detector: difference
                    other: gas-1/ch4
                    setpoint: 5
                    deadband: 1
                    on_delay_s: 1
                    priority: medium
                    title: {en: Two heads disagree, zh: 两只探头读数不一致}
                    consequence: {en: One of them is wrong., zh: 其中一只不准。}
                    response: {en: Test both with gas., zh: 对两只探头通气检验。}
                    respond_within_s: 3600
                    source: plant
              - {key: t, name: {en: Warmth, zh: 温度}, quantity: temperature, unit: Cel}
              - {key: slow, name: {en: Slow, zh: 慢}, quantity: combustible gas, unit: "%{LEL}", period_s: 60}
"""
TEXT = SMALL.replace("        routes:\n", SECOND + "        routes:\n")


def told(text: str, current: Portfolio | None = None) -> list[tuple[int, str]]:
    found = read(text)
    return [*found.mistakes, *check(found.portfolio, current or Portfolio())]


def test_it_is_a_limit_that_names_its_second_sensor() -> None:
    """A reading stands for as long as its sensor may be silent, as in an average; what the file says of that wins."""
    assert told(TEXT) == []
    (row,) = (row for row in read(TEXT).portfolio.definitions if row.detector == "difference")
    assert (row.key, row.other, row.parameters) == ("ch4-b.agree", "gas-1/ch4", {"hold_s": 20.0})
    own = read(TEXT.replace("setpoint: 5\n", "setpoint: 5\n                    parameters: {hold_s: 9, signed: 1}\n"))
    (row,) = (row for row in own.portfolio.definitions if row.detector == "difference")
    assert row.parameters == {"hold_s": 9.0, "signed": 1.0}


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("                    other: gas-1/ch4\n", "", "- key: agree", "has no other; write `other: device/sensor`"),
        ("other: gas-1/ch4", "other: ch4", "other: ch4", "write device/sensor."),
        ("other: gas-1/ch4", "other: gas-1/ch4-b", "other: gas-1/ch4-b", "with its own sensor; name another one."),
        (
            "detector: difference",
            "detector: limit",
            "other: gas-1/ch4",
            "only the detectors difference and drift compare",
        ),
        ("other: gas-1/ch4", "other: gas-1/ch9", "- key: agree", "which is no sensor of site north; there are ch4, "),
        ("other: gas-1/ch4", "other: gas-1/t", "- key: agree", "in Cel, while ch4-b is in %{LEL}; only two sensors of"),
        (
            "other: gas-1/ch4",
            "other: gas-1/slow",
            "- key: agree",
            "reports every 60 s; it would hardly ever be judged.",
        ),
        # It measures gas: neither its own delay nor the wait for its slower sensor may be longer than on any other limit there.
        ("on_delay_s: 1", "on_delay_s: 3600", "on_delay_s: 3600", "measures gas, where an alarm may wait at most 5 s"),
        (
            "on_delay_s: 1",
            "on_delay_s: 1\n                    votes: {needed: 9, of: 9}",
            "votes: {",
            "waits up to 33 s for 9 readings every 4 s and its delay; sensor ch4-b measures gas",
        ),
        (
            "on_delay_s: 1",
            "on_delay_s: 2",
            "- key: agree",
            "waits up to 6 s: 2 s by its delay and votes, and 4 s until",
        ),
        (
            "other: gas-1/ch4",
            "other: gas-1/slow",
            "- key: agree",
            "and 60 s until the slower of ch4-b and slow has spoken; on gas an alarm may wait at most 5 s.",
        ),
        ("setpoint: 5", "setpoint: 5\n                    unit: ppm", "unit: ppm", "has a unit; only the detectors"),
    ],
)
def test_every_mistake_has_its_sentence_and_line(old: str, new: str, line: str, sentence: str) -> None:
    """What is wrong, where, and what would be right."""
    text = TEXT.replace(old, new, 1)
    assert any(sentence in said and at == line_of(text, line) for at, said in told(text)), told(text)


def test_a_sensor_that_others_are_compared_with_is_not_ended_alone() -> None:
    """A limit that could judge nothing any more would look as if somebody watched."""
    standing = read(TEXT).portfolio
    text = SMALL.replace("                limits:\n", "                retired: true\n                limits:\n", 1)
    assert any("is compared with gas-1/ch4, which is retired" in said for _, said in told(text, standing))


def test_what_is_no_gas_waits_as_long_as_it_likes() -> None:
    """A temperature over a filter moves slowly, and is compared with a slow sensor."""
    warm = SECOND.replace("quantity: combustible gas", "quantity: temperature").replace('unit: "%{LEL}"', "unit: Cel")
    text = SMALL.replace("        routes:\n", warm + "        routes:\n").replace(
        "other: gas-1/ch4", "other: gas-1/slow"
    )
    text = text.replace("on_delay_s: 1\n", "on_delay_s: 3600\n                    parameters: {hold_s: 60}\n")
    assert told(text) == []
