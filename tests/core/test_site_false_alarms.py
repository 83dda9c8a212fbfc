"""What a site file says of false alarms, and of two signals that must agree: read, refused with a sentence, and kept apart from life safety."""

from __future__ import annotations

import pytest

from core.model import COMPOUND, Priority
from core.portfolio import Portfolio
from core.site_false_alarms import PER_WEEK, budgeted, check_false_alarms, is_statistical, read_rate, said, shown
from core.site_references import check
from davy.site.importing import shipped_limits
from tests.core.sites import SMALL, read

UNUSUAL = SMALL.replace(
    "                  - gas.lel-1\n", "                  - gas.lel-1\n                  - signal.unusual\n"
)
OTHER = UNUSUAL.replace(
    "        routes:\n",
    "              - key: ch4-2\n                name: {en: Methane 2, zh: 甲烷2}\n                zone: hall\n                quantity: combustible gas\n"
    '                unit: "%{LEL}"\n        routes:\n',
    1,
)
AGREED = OTHER.replace(
    "                  - signal.unusual\n",
    "                  - {limit: signal.unusual, agrees_with: {sensor: gas-1/ch4-2, within_s: 30}}\n",
)


def test_what_a_site_says_is_a_rate_a_week() -> None:
    """In people's words; nothing said is two a week."""
    (row,) = read(SMALL + "        false_alarms: 1 a day\n").portfolio.false_alarms
    assert row.per_week == 7.0
    assert read(SMALL).portfolio.false_alarms == []
    assert PER_WEEK == 2.0
    assert read_rate("3 per month") == pytest.approx(3 * 7 * 12 / 365.25)
    assert read_rate("0.5 a week") == 0.5


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("often", "false_alarms of site north is 'often'; write how many false alarms"),
        ("2", "false_alarms of site north is '2'; write"),
        ("-1 a week", "write how many"),
        ("0 a week", "it must be from 1 a year to 10 a day"),
        ("11 a day", "it must be from 1 a year to 10 a day"),
        ("[1, 2]", "must be 2 a week"),
        ("{most: weekly}", "most of false_alarms of site north is 'weekly'"),
        ("{own: [{limit: a.b}, {limit: a.b}]}", "a.b is there twice"),
        ("{own: [{limit: a.b, setpoint: -1}]}", "setpoint"),
        ("{mots: 2 a week}", "has no field mots; did you mean most?"),
    ],
)
def test_nonsense_gets_a_sentence(written: str, sentence: str) -> None:
    """What was wrong and what would be right."""
    mistakes = read(SMALL + f"        false_alarms: {written}\n").mistakes
    assert any(sentence in told for _, told in mistakes), mistakes


def test_it_is_written_out_as_it_is_read() -> None:
    """An export says the same."""
    for written in (
        "2 a week",
        "off",
        "{most: 1 a month, own: [{limit: ch4.unusual, setpoint: 7}, {limit: ch4.warm}]}",
    ):
        (row,) = read(SMALL + f"        false_alarms: {written}\n").portfolio.false_alarms
        again = shown(row)
        text = again if isinstance(again, str) else str(again).replace("'", '"').replace("None", "null")
        (second,) = read(SMALL + f"        false_alarms: {text}\n").portfolio.false_alarms
        assert second == row
    assert said(7.0 / 365.25).endswith(" a week")


def test_a_pack_taken_as_it_is_belongs_to_the_budget_and_a_stated_number_does_not() -> None:
    """Whoever states a setpoint has the last word."""
    packs = shipped_limits()
    assert [each.base.key for each in budgeted(read(UNUSUAL).portfolio, packs)] == ["ch4.unusual"]
    stated = UNUSUAL.replace("- signal.unusual\n", "- {limit: signal.unusual, setpoint: 5}\n")
    assert budgeted(read(stated).portfolio, packs) == []
    for word in ("off", "{own: [{limit: ch4.unusual}]}"):
        assert budgeted(read(UNUSUAL + f"        false_alarms: {word}\n").portfolio, packs) == []


def test_no_physical_limit_and_no_life_safety_is_statistical() -> None:
    """Whatever it is judged by."""
    rows = {row.key: row for row in read(UNUSUAL).portfolio.definitions}
    assert is_statistical(rows["ch4.unusual"])
    assert not is_statistical(rows["ch4.lel-1"])
    grave = UNUSUAL.replace("- signal.unusual\n", "- {limit: signal.unusual, priority: life-safety}\n")
    assert not any(is_statistical(row) for row in read(grave).portfolio.definitions)


def test_a_limit_that_is_the_budgets_of_nobody_is_told() -> None:
    """A name that is wrong would leave the limit to the budget unseen."""
    for key, sentence in (("ch4.nothing", "no limit of site north"), ("ch4.lel-1", "comes from no budget anyway")):
        found = read(UNUSUAL + f"        false_alarms: {{own: [{{limit: {key}}}]}}\n").portfolio
        assert any(sentence in told for _, told in check_false_alarms(found, Portfolio()))


def test_agreement_is_a_compound_of_two_parts() -> None:
    """No second mechanism: the limit itself is no alarm any more."""
    found = read(AGREED)
    assert found.mistakes == []
    (row,) = found.portfolio.compounds
    assert (row.key, row.window_s) == ("ch4.unusual", 30.0)
    assert [(part.sensor, part.detector, part.setpoint) for part in row.parts] == [
        ("gas-1/ch4", "ewma", 6.0),
        ("gas-1/ch4-2", "ewma", 6.0),
    ]
    alarms = {each.key: each for each in found.portfolio.definitions}
    assert "ch4.unusual" not in alarms
    alarm = alarms["_compound.ch4.unusual"]
    assert (alarm.detector, alarm.setpoint, alarm.priority) == (COMPOUND, 2.0, Priority.LOW)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            "limit: signal.unusual,",
            "limit: signal.unusual, priority: life-safety,",
            "life safety, which waits for no second signal",
        ),
        ("limit: signal.unusual,", "limit: gas.lel-1, key: again,", "only a statistic"),
        ("sensor: gas-1/ch4-2", "sensor: gas-1/ch4", "agrees with its own sensor"),
        ("sensor: gas-1/ch4-2", "sensor: ch4-2", "write device/sensor"),
        ("within_s: 30", "within_s: -1", "within_s"),
    ],
)
def test_agreement_is_refused_with_a_sentence(before: str, after: str, sentence: str) -> None:
    """Life safety and limits on values wait for no second opinion."""
    mistakes = read(AGREED.replace(before, after)).mistakes
    assert any(sentence in told for _, told in mistakes), mistakes


def test_an_agreement_ends_no_limit_that_a_compound_counts_on() -> None:
    """The limit becomes two parts and is no limit any more; a compound of it would never be whole again, and nobody would hear of that."""
    both = OTHER + "        compounds:\n" + _BOTH
    found, standing = read(AGREED), read(both)
    assert standing.mistakes == []
    told = check(found.portfolio, standing.portfolio)
    assert any("ch4.unusual is a part of compound" in sentence and line for line, sentence in told), told
    assert check(found.portfolio, read(OTHER).portfolio) == []


_BOTH = """          - key: both
            name: {en: Both, zh: 两者}
            needed: 2
            priority: high
            title: {en: Both, zh: 两者}
            consequence: {en: Some., zh: 有。}
            response: {en: Look., zh: 查看。}
            respond_within_s: 60
            source: plant
            parts:
              - ch4.unusual
              - {sensor: gas-1/ch4-2, name: {en: b, zh: b}, setpoint: 10}
"""


def test_a_compound_of_statistics_is_never_life_safety() -> None:
    """Neither by the short word nor written out."""
    whole = (
        OTHER
        + """        compounds:
          - key: both
            name: {en: Both, zh: 两者}
            needed: 2
            priority: life-safety
            title: {en: Both, zh: 两者}
            consequence: {en: Some., zh: 有。}
            response: {en: Look., zh: 查看。}
            respond_within_s: 60
            source: plant
            parts:
              - {sensor: gas-1/ch4, name: {en: a, zh: a}, detector: ewma, setpoint: 6, parameters: {memory_s: 3600, warm_up: 100}}
              - {sensor: gas-1/ch4-2, name: {en: b, zh: b}, setpoint: 10}
"""
    )
    found = read(whole)
    assert any("which is a statistic (ewma)" in told for _, told in check(found.portfolio, Portfolio())), found.mistakes
