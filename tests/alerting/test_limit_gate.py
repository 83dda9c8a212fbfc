"""What a change of a limit needs: a back-test that proves something, or two people."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerting.limit_gate import Proof, gate, worst
from core.model import Priority
from core.portfolio import DefinitionRow

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LONG_AGO = NOW - 300 * DAY
ROW = DefinitionRow(
    company="c", site="s", device="d", sensor="t", key="t.high", detector="limit", direction="high", setpoint=80.0,
    priority=Priority.HIGH, title="t", title_zh="t", consequence="c", consequence_zh="c", response="r", response_zh="r",
    respond_within_s=300.0,
)  # fmt: skip
CLEAN = Proof(
    backtest_id=1, from_at=NOW - 7 * DAY, to_at=NOW, refused=False, lost_true=0, delayed_true=0, lost_injected=0, problems=0,
    known_share=0.99, least_known=0.85, rollups_to=None,
)  # fmt: skip
HIGHER, SLOWER = replace(ROW, setpoint=85.0), replace(ROW, on_delay_s=10.0)


def said(proof: Proof | None, new: DefinitionRow = HIGHER, heard_since: datetime | None = LONG_AGO) -> str:
    """Why it may not be applied; empty: nothing speaks against it."""
    return gate(ROW, new, proof, heard_since, now=NOW).unproven or ""


@pytest.mark.parametrize(
    ("proof", "sentence"),
    [
        ({}, ""),
        ({"to_at": NOW - 7 * DAY + timedelta(minutes=1), "from_at": NOW - 7 * DAY}, "looks at too little"),
        ({"to_at": NOW - 2 * DAY}, "looks at too little"),
        ({"from_at": NOW - 3 * DAY}, "looks at too little"),
        ({"to_at": NOW - timedelta(hours=20)}, ""),
        ({"refused": True, "lost_true": 1, "delayed_true": 2}, "1 true dangers would be missed and 2 found later"),
        ({"refused": True, "lost_injected": 3}, "3 incidents laid over the history would be missed"),
        ({"problems": 1}, "Detectors failed in the back-test"),
        ({"known_share": 0.6}, "60 percent of the time are known, and 85 must be"),
    ],
)
def test_a_back_test_lets_through_what_it_shows_to_be_harmless(proof: dict[str, Any], sentence: str) -> None:
    """A minute of the week is no proof, nor are failed detectors and holes; an incident that would be missed is one."""
    found = said(replace(CLEAN, **proof))
    assert sentence in found
    assert bool(sentence) == bool(found)


def test_where_there_is_no_older_history_nothing_is_blamed_on_its_absence() -> None:
    """A site three days old: four days before it are no hole, and no readings were replaced by rollups."""
    since = NOW - 3 * DAY
    young = replace(CLEAN, known_share=0.42, rollups_to=since + timedelta(minutes=20))
    assert said(young, SLOWER, since) == ""
    assert "rollups only" in said(replace(young, known_share=0.99), SLOWER)
    assert "42 percent of the time are known" in said(young)
    assert said(replace(CLEAN, rollups_to=NOW - DAY), HIGHER) == "", "minutes show how high, not for how many seconds"
    assert "no finished back-test" in said(None)
    assert said(None, HIGHER, None) == ""


def test_of_several_answers_the_worst_counts() -> None:
    """Asked again over another stretch until it says yes: the no stands. One that looks at too little says neither."""
    bad = replace(CLEAN, backtest_id=2, refused=True, lost_injected=1)
    newest = replace(CLEAN, backtest_id=3)
    short = replace(CLEAN, backtest_id=4, from_at=NOW - DAY, refused=True, lost_true=1)
    assert worst([CLEAN, bad, newest], LONG_AGO, now=NOW) == bad
    assert worst([CLEAN, newest, short], LONG_AGO, now=NOW) == newest
    assert worst([short], LONG_AGO, now=NOW) == short
    assert worst([], LONG_AGO, now=NOW) is None


def test_a_limit_comes_back_as_it_was_or_by_two_people() -> None:
    """Ended, set to any number, begun again: what counts is what it was when it last called anybody."""
    gone = replace(HIGHER, retired=True)
    back = gate(gone, HIGHER, None, LONG_AGO, now=NOW, last=ROW)
    assert "come back looser than it was" in (back.unproven or "")
    for new in (ROW, replace(ROW, setpoint=70.0)):
        assert gate(gone, new, None, LONG_AGO, now=NOW, last=ROW).unproven is None
    assert gate(gone, replace(gone, setpoint=99.0), None, LONG_AGO, now=NOW, last=ROW).unproven is None, "still retired"
    assert gate(gone, HIGHER, None, LONG_AGO, now=NOW, last=None).unproven is None, "it never called anybody"
    heard_again = replace(gone, realarm_after_s=28_800.0)
    assert gate(heard_again, gone, None, LONG_AGO, now=NOW, last=ROW).two_people, "never heard again"


def test_life_safety_takes_two_whatever_its_state() -> None:
    """Out of use, lowered by the same change, or only a part of what is life safety."""
    life = replace(ROW, priority=Priority.LIFE_SAFETY)
    assert gate(life, ROW, None, None, now=NOW).two_people
    assert gate(
        replace(life, retired=True), replace(life, setpoint=999.0, retired=True), None, None, now=NOW
    ).two_people
    assert gate(replace(life, retired=True), life, None, None, now=NOW).two_people
    assert gate(ROW, HIGHER, CLEAN, LONG_AGO, now=NOW, for_life=True).two_people
    assert not gate(ROW, HIGHER, CLEAN, LONG_AGO, now=NOW).two_people


def test_a_sensor_that_lives_hang_on_is_let_go_blind_by_two() -> None:
    """Its fault told less urgently, later, or not at all; sooner takes one, and so does any other limit of it."""
    fault = replace(ROW, detector="stuck")
    for new in (
        replace(fault, priority=Priority.MEDIUM), replace(fault, setpoint=90.0), replace(fault, retired=True),
        replace(fault, on_delay_s=60.0),
    ):  # fmt: skip
        assert gate(fault, new, CLEAN, LONG_AGO, now=NOW, on_life=True).two_people
    assert not gate(fault, replace(fault, priority=Priority.MEDIUM), CLEAN, LONG_AGO, now=NOW).two_people
    assert not gate(fault, replace(fault, setpoint=70.0), None, LONG_AGO, now=NOW, on_life=True).two_people
    assert not gate(ROW, HIGHER, CLEAN, LONG_AGO, now=NOW, on_life=True).two_people
