"""The life of a finding as rules: no path to closed without another person, overdue only ever derived."""

from __future__ import annotations

import doctest
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.errors import Refused
from risk import finding as rules
from risk.finding import TABLE, Plan, Standing, State, Step

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
DAY = timedelta(days=1)
PEOPLE = st.sampled_from((1, 2, 3))
FULL = Plan(owner_id=1, measures="m", funds="f", due_at=NOW + DAY, contingency="c")
FRESH = Standing(state=State.REPORTED, graded_by=None, owner_id=None, claimed_by=None, due_at=None)


def test_examples_hold() -> None:
    """Examples in docstrings run."""
    assert doctest.testmod(rules).failed == 0


def test_the_only_way_into_closed_is_verification() -> None:
    """Read off the table itself: a row added carelessly fails here."""
    assert {
        (state, step) for (state, step), to in TABLE.items() if to is State.CLOSED and state is not State.CLOSED
    } == {(State.CLAIMED_DONE, Step.VERIFY)}
    assert {step for (state, step), to in TABLE.items() if state is State.REPORTED and to is not State.REPORTED} == {
        Step.PLAN
    }


def test_overdue_is_no_state() -> None:
    """It follows from deadline and time, so nobody can forget to set it."""
    assert "overdue" not in set(State)


@given(st.sampled_from(State), st.none() | st.timedeltas(-30 * DAY, 30 * DAY))
def test_overdue_follows_from_the_deadline(state: State, left: timedelta | None) -> None:
    """Not closed and past the deadline: a claim does not stop the clock, verification does."""
    due = None if left is None else NOW + left
    assert rules.overdue(state, due, NOW) == (state is not State.CLOSED and left is not None and left < timedelta(0))


@given(st.sets(st.sampled_from(("owner_id", "measures", "funds", "due_at", "contingency")), min_size=1))
def test_nothing_leaves_reported_without_the_five(left_out: set[str]) -> None:
    """五落实: whichever is missing, it is named, and work does not begin."""
    empty = {name: " " if name in ("measures", "funds", "contingency") else None for name in left_out}
    plan = replace(FULL, **empty)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="Still missing") as refused:
        rules.check_plan(FRESH, plan, by=2, now=NOW)
    assert len(str(refused.value).split("Still missing: ")[1].split(", ")) == len(left_out)


@pytest.mark.parametrize(
    "due", [NOW, NOW - DAY, NOW + 4000 * DAY, datetime(1999, 12, 31, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
)
def test_a_deadline_lies_ahead_and_within_reason(due: datetime) -> None:
    """A past one is no deadline, and one in a hundred years is a slip; the refusal names days that can be chosen."""
    with pytest.raises(Refused, match="deadline") as refused:
        rules.check_plan(FRESH, replace(FULL, due_at=due), by=2, now=NOW)
    for said in re.findall(r"\d{4}-\d\d-\d\d", str(refused.value)):
        for hours in (-12, 14):  # the last second of that day, at either end of the world
            zone = timezone(timedelta(hours=hours))
            rules.check_deadline(datetime.combine(date.fromisoformat(said), time(23, 59, 59), zone), NOW)
    assert len(re.findall(r"\d{4}-\d\d-\d\d", str(refused.value))) == 2


class Life(RuleBasedStateMachine):
    """Three people do what they like, as often as they like; the rules alone decide."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.standing = FRESH
        self.verified_by: int | None = None
        self.extended_by: tuple[int, int | None] | None = None

    def _set(self, **changes: object) -> None:
        self.standing = replace(self.standing, **changes)  # type: ignore[arg-type]

    @rule(by=PEOPLE, owner=PEOPLE, days=st.integers(-2, 40))
    def plan(self, by: int, owner: int, days: int) -> None:
        due = self.standing.due_at if self.standing.state is State.RECTIFYING else self.now + days * DAY
        plan = replace(FULL, owner_id=owner, due_at=due)
        try:
            rules.check_plan(self.standing, plan, by=by, now=self.now)
        except Refused:
            return
        assert not (by == self.standing.owner_id != owner), "an owner hands over alone"
        self._set(state=State.RECTIFYING, owner_id=owner, due_at=due)

    @rule(by=PEOPLE, days=st.integers(-2, 40))
    def extend(self, by: int, days: int) -> None:
        due = self.now + days * DAY
        try:
            rules.check_extension(self.standing, due, by=by, now=self.now)
        except Refused:
            return
        assert by != self.standing.owner_id
        assert self.standing.due_at is not None
        assert due > self.standing.due_at
        self._set(due_at=due)

    @rule(by=PEOPLE)
    def claim(self, by: int) -> None:
        try:
            to = rules.after(self.standing.state, Step.CLAIM)
        except Refused:
            return
        self._set(state=to, claimed_by=by)

    @rule(by=PEOPLE)
    def verify(self, by: int) -> None:
        try:
            rules.check_verification(self.standing, by=by)
        except Refused:
            return
        self.verified_by = by
        self._set(state=State.CLOSED)

    @rule(step=st.sampled_from((Step.SEND_BACK, Step.REOPEN)))
    def back(self, step: Step) -> None:
        try:
            to = rules.after(self.standing.state, step)
        except Refused:
            return
        self.verified_by = None
        due = self.now + DAY if step is Step.REOPEN else self.standing.due_at
        self._set(state=to, claimed_by=None, due_at=due)

    @precondition(lambda self: self.now < NOW + 300 * DAY)
    @rule(days=st.integers(1, 20))
    def time_passes(self, days: int) -> None:
        self.now += days * DAY

    @invariant()
    def closed_means_that_another_person_looked(self) -> None:
        if self.standing.state is State.CLOSED:
            assert self.verified_by is not None
            assert self.verified_by not in (self.standing.owner_id, self.standing.claimed_by)
        else:
            assert self.verified_by is None

    @invariant()
    def work_is_never_nobody_s(self) -> None:
        if self.standing.state is not State.REPORTED:
            assert self.standing.owner_id is not None
            assert self.standing.due_at is not None


TestLife = Life.TestCase
