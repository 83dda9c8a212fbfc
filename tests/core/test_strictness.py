"""What is stricter: whoever was called before is called no later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Priority
from core.portfolio import DefinitionRow
from core.strictness import loosened

HIGH = DefinitionRow(
    company="c", site="s", device="d", sensor="gas", key="gas.lel-1", detector="limit", direction="high", setpoint=20.0,
    priority=Priority.HIGH, title="t", title_zh="t", consequence="c", consequence_zh="c", response="r", response_zh="r",
    respond_within_s=300.0, deadband=1.0, on_delay_s=5.0, off_delay_s=60.0, latch=True, parameters={"window_s": 60.0},
)  # fmt: skip
LOW = replace(HIGH, direction="low")


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (HIGH, {"setpoint": 19.0}), (LOW, {"setpoint": 21.0}), (HIGH, {"deadband": 0.5}), (HIGH, {"on_delay_s": 0.0}),
        (HIGH, {"off_delay_s": 30.0}), (HIGH, {"priority": Priority.LIFE_SAFETY}), (replace(HIGH, latch=False), {"latch": True}),
        (HIGH, {"realarm_after_s": 900.0}), (replace(HIGH, realarm_after_s=3600.0), {"realarm_after_s": 1800.0}),
        (replace(HIGH, on_delay_s=0.0, votes=2, votes_of=3), {"votes": 1, "votes_of": 1}),
        (replace(HIGH, realarm_after_s=28_800.0, priority=Priority.MEDIUM), {"priority": Priority.HIGH}),
        (replace(HIGH, retired=True), {"retired": False}), (HIGH, {"response": "another", "respond_within_s": 9999.0}),
    ],
)  # fmt: skip
def test_a_stricter_change_needs_no_proof(row: DefinitionRow, change: dict[str, Any]) -> None:
    """Nearer, sooner, louder, held: nobody hears later."""
    assert loosened(row, replace(row, **change)) == frozenset()


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (HIGH, {"setpoint": 20.1}), (LOW, {"setpoint": 19.9}), (HIGH, {"deadband": 2.0}), (HIGH, {"on_delay_s": 5.1}),
        (HIGH, {"off_delay_s": 61.0}), (HIGH, {"priority": Priority.MEDIUM}), (HIGH, {"latch": False}), (HIGH, {"retired": True}),
        (HIGH, {"votes": 2, "votes_of": 3}), (replace(HIGH, votes=3, votes_of=5), {"votes": 4}),
        (replace(HIGH, votes=3, votes_of=5), {"votes": 2}), (replace(HIGH, votes=2, votes_of=3), {"votes_of": 5}),
        (replace(HIGH, realarm_after_s=3600.0), {"realarm_after_s": 3601.0}), (replace(HIGH, realarm_after_s=3600.0), {"realarm_after_s": None}),
        (HIGH, {"parameters": {"window_s": 61.0}}), (HIGH, {"direction": "low"}), (HIGH, {"detector": "rate"}),
    ],
)  # fmt: skip
def test_a_looser_change_is_told_by_its_field(row: DefinitionRow, change: dict[str, Any]) -> None:
    """Further, later, quieter, let go of, switched off; and whatever nobody has thought about."""
    assert loosened(row, replace(row, **change)) == frozenset(change)


def test_a_re_alarm_that_only_follows_its_priority_is_told_by_the_priority() -> None:
    """The usual time of a lower priority is longer; a longer one than that is a change of its own."""
    row = replace(HIGH, realarm_after_s=28_800.0)
    assert loosened(row, replace(row, priority=Priority.MEDIUM, realarm_after_s=86_400.0)) == {"priority"}
    assert loosened(row, replace(row, priority=Priority.MEDIUM, realarm_after_s=None)) == {
        "priority",
        "realarm_after_s",
    }


def test_what_is_not_in_force_can_lose_nothing() -> None:
    """A retired limit calls nobody, whatever its numbers; when it comes back it is held against what it was when it last did."""
    retired = replace(HIGH, retired=True, setpoint=95.0)
    looser = replace(HIGH, setpoint=90.0)
    assert loosened(retired, looser) == frozenset(), "it was never in force"
    assert loosened(retired, replace(retired, setpoint=99.0), HIGH) == frozenset()
    assert loosened(retired, looser, HIGH) == {"setpoint"}
    assert loosened(retired, HIGH, HIGH) == frozenset()


@given(st.floats(0, 100), st.floats(0, 100), st.sampled_from(["high", "low"]), st.floats(0, 60), st.floats(0, 60))
def test_there_and_back_is_looser_once_where_it_differs(a: float, b: float, direction: str, s: float, t: float) -> None:
    """Of a number and its opposite exactly one change is looser: none slips through as stricter both ways."""
    for name, one, other in (("setpoint", a, b), ("on_delay_s", s, t), ("off_delay_s", s, t), ("deadband", a, b)):
        first: dict[str, Any] = {name: one}
        second: dict[str, Any] = {name: other}
        row = replace(HIGH, direction=direction, **first)
        there = loosened(row, replace(row, **second))
        back = loosened(replace(row, **second), row)
        assert (name in there) + (name in back) == (one != other)
