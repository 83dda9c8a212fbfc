"""A score is explained by the formula that it was made with, and where two meet the report says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any

import pytest

from core.response_time import Answer
from risk.report.month import Month
from risk.report.scored import scored
from risk.report.telling import tell
from risk.score import record
from risk.score.facts import Scenario, SiteFacts
from risk.score.formula import CURRENT, Formula, explaining, read_formula, shipped
from risk.score.score import score
from risk.store.scores import ScoreRow, SiteRow
from tests.risk.sample_report import sample

MONTH = Month(2026, 6)
NOW = datetime(2026, 7, 1, tzinfo=UTC)
SITE = SiteRow(1, 1, "tank-farm", "Asia/Shanghai")


def made_up() -> Formula:
    """A second formula, as a file would say it: other names of grades and drivers, other targets."""
    text = resources.files("packs").joinpath("score", "control-1.yaml").read_text("utf-8")
    for old, new in (
        ("formula: control-1", "formula: made-up"),
        ("en: extreme, zh: 极其危险", "en: beyond words, zh: 无以言表"),
        ("en: Time to acknowledge, zh: 报警确认时间", "en: Answering, zh: 应答"),
        ("high: 900", "high: 30"),
    ):
        assert old in text
        text = text.replace(old, new)
    return read_formula(text)


@pytest.mark.parametrize("formula", [made_up(), shipped("control-1"), shipped()], ids=lambda one: one.formula)
def test_a_row_explains_itself_by_its_own_formula(formula: Formula) -> None:
    """Grades, names and targets in the parts are those of the formula, whichever is in use by now."""
    facts = SiteFacts(
        day=date(2026, 6, 30), observed_days=30.0, days_with_readings=30, scenarios=[Scenario("a", "A", "甲", 10, 6, 40)],
        answers=[Answer("high", 60.0, answered=True)],
    )  # fmt: skip
    row = record.row(SITE, facts, score(facts, formula), formula, computed_at=NOW)
    assert row.formula == formula.formula
    grade = row.parts["hazard"][0]
    assert (grade["grade_name"], grade["grade_name_zh"]) == (
        formula.hazard.grades[-1].name.en,
        formula.hazard.grades[-1].name.zh,
    )
    assert row.parts["control"][0]["name_zh"] == formula.control.response.name.zh
    assert row.parts["figures"]["late"] == (1 if formula.formula == "made-up" else 0)


def row(day: int, formula: str = "control-1", *, month: int = 6, computed: int = 0) -> ScoreRow:
    """A day's score, computed some hours after `NOW`."""
    numbers: dict[str, Any] = {
        f"{name}{end}": 50.0 for name in ("hazard", "control", "confidence") for end in ("", "_low", "_high")
    }
    return ScoreRow(
        site_id=1, company_id=1, day=date(2026, month, day), formula=formula, **numbers, not_enough=None, coverage=1.0, parts={},
        computed_at=NOW + timedelta(hours=computed), simulated=False,
    )  # fmt: skip


def test_a_month_that_is_over_keeps_its_formula() -> None:
    """A new formula that makes up for past days changes no report of them."""
    then = [row(31, month=5), *(row(day) for day in range(1, 31))]
    anew = [replace(each, formula="control-2", computed_at=NOW + timedelta(days=9)) for each in then]
    told = scored([*anew, *then], MONTH)
    assert told == scored(then, MONTH)
    assert (told.others, told.before_by) == ((), None)
    assert {each.formula for each in (*told.days, told.before, told.now) if each} == {"control-1"}


def test_the_month_in_which_the_formula_changes_is_told_by_the_new_one() -> None:
    """Every day that has it, and the month before where it was made up for; else it is said."""
    old = [row(31, month=5), row(1), row(2)]
    new = [row(2, "control-2", computed=1), row(3, "control-2", computed=1)]
    told = scored([*old, *new], MONTH)
    assert [each.formula for each in told.days] == ["control-1", "control-2", "control-2"]
    assert (told.others, told.before_by) == (("control-1",), "control-1")
    with_past = scored([*old, *new, row(31, "control-2", month=5, computed=1), row(1, "control-2", computed=1)], MONTH)
    assert (with_past.others, with_past.before_by) == ((), None)
    assert scored([], MONTH).now is None


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "en",
            (
                "They do not compare, so no change is shown.",
                "Control 78 (interval 71–84); a month before 82 by another formula (control-1), which does not compare.",
                "On some days of the month there is no number by control-4; theirs were made with control-1",
            ),
        ),
        (
            "zh",
            (
                "两者不可比，故不列出变化",
                "上月末为 82 分，但采用的是另一公式（control-1），两者不可比",
                "当月部分日期没有按 control-4 计算的分值",
            ),
        ),
    ],
)
def test_a_report_says_where_two_formulas_meet(language: str, sentences: tuple[str, ...]) -> None:
    """The number of the month before is shown as what it is, and neither higher nor lower."""
    facts = sample(formula=CURRENT, other_formulas=("control-1",))
    scores = tuple(replace(each, before_by="control-1") for each in facts.scores)
    told = str(tell(replace(facts, scores=scores), language).plain())
    for sentence in sentences:
        assert sentence in told
    for compared in ("than a month before", "as a month before", "较上月末", "与上月末持平"):
        assert compared not in told


def test_a_score_without_its_formula_is_explained_by_the_one_in_use() -> None:
    """A formula that no longer ships leaves its score readable; a site without a score is told what one would need."""
    assert explaining("control-1").formula == "control-1"
    assert explaining("control-0") == explaining(None) == shipped()
