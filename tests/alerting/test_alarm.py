"""The alarm table: ISA-18.2 states, as a machine that random people and plants drive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerting.alarm import SAME_CALL, TABLE, WAITS_FOR_A_PERSON, Alarm, Happening, State, Suppression, step
from core.errors import Refused

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
H = Happening


def after(*happenings: Happening, latch: bool = False, every: timedelta = timedelta(minutes=1)) -> Alarm:
    alarm, at = Alarm(), NOW
    for happening in happenings:
        alarm = step(alarm, happening, at=at, latch=latch, until=at + timedelta(hours=1)).alarm
        at += every
    return alarm


@pytest.mark.parametrize(
    ("happenings", "latch", "state"),
    [
        ([H.RAISE], False, "B"),
        ([H.RAISE, H.ACKNOWLEDGE], False, "C"),
        ([H.RAISE, H.CLEAR], False, "D"),
        ([H.RAISE, H.CLEAR, H.ACKNOWLEDGE], False, "A"),
        ([H.RAISE, H.ACKNOWLEDGE, H.CLEAR], False, "A"),
        ([H.RAISE, H.CLEAR, H.RAISE], False, "B"),
        ([H.RAISE, H.CLEAR], True, "E"),
        ([H.RAISE, H.CLEAR, H.ACKNOWLEDGE], True, "F"),
        ([H.RAISE, H.ACKNOWLEDGE, H.CLEAR], True, "F"),
        ([H.RAISE, H.ACKNOWLEDGE, H.CLEAR, H.RESET], True, "A"),
        ([H.RAISE, H.CLEAR, H.RAISE], True, "B"),
        ([H.RAISE, H.ACKNOWLEDGE, H.CLEAR, H.RAISE], True, "B"),
        ([H.RAISE, H.ACKNOWLEDGE, H.REALARM], False, "B"),
        ([H.RAISE, H.REALARM], True, "B"),
        ([H.RAISE, H.CLEAR, H.REALARM], True, "E"),
        ([H.RAISE, H.ACKNOWLEDGE, H.SHELVE, H.UNSHELVE], False, "B"),
        ([H.RAISE, H.ACKNOWLEDGE, H.SHELVE, H.CLEAR, H.UNSHELVE], False, "A"),
        ([H.SHELVE, H.RAISE, H.SHELF_EXPIRED], False, "B"),
        ([H.TAKE_OUT, H.RAISE, H.CLEAR, H.RETURN_TO_SERVICE], True, "E"),
        ([H.RAISE, H.ACKNOWLEDGE, H.SUPPRESS, H.UNSUPPRESS], False, "B"),
    ],
)
def test_where_it_leads(happenings: list[Happening], latch: bool, state: str) -> None:
    """The paths of the standard's diagram; leaving suppression while active is B, never C."""
    assert after(*happenings, latch=latch).state == state


@pytest.mark.parametrize(
    ("happenings", "refused", "words"),
    [
        ([], H.ACKNOWLEDGE, "nothing to acknowledge: the alarm is normal"),
        ([H.RAISE, H.ACKNOWLEDGE], H.ACKNOWLEDGE, "active and acknowledged"),
        ([H.RAISE], H.RESET, "condition has cleared"),
        ([H.RAISE, H.CLEAR], H.RESET, "latched and unacknowledged"),
        ([H.SHELVE], H.SHELVE, "already suppressed"),
        ([H.RAISE], H.UNSHELVE, "not shelved"),
        ([H.TAKE_OUT], H.UNSHELVE, "not shelved"),
    ],
)
def test_what_people_cannot_have_is_refused(happenings: list[Happening], refused: Happening, words: str) -> None:
    """A refusal is a sentence that names the state."""
    with pytest.raises(Refused, match=words):
        step(after(*happenings, latch=True), refused, at=NOW, latch=True, until=NOW)


def test_a_raise_said_twice_is_one() -> None:
    """What ingest says twice (a restart, a reconciliation) is nothing new."""
    raised = after(H.RAISE)
    again = step(raised, H.RAISE, at=NOW, latch=False)
    assert (again.alarm, again.changed, again.calls) == (raised, False, False)
    assert not step(Alarm(), H.CLEAR, at=NOW, latch=False).changed


def test_chatter_belongs_to_the_running_call() -> None:
    """A recurrence while the call of minutes ago is unanswered calls nobody anew; later, or once answered, it does."""
    waiting = after(H.RAISE, H.CLEAR)
    soon = step(waiting, H.RAISE, at=NOW + SAME_CALL - timedelta(seconds=1), latch=False)
    assert (soon.alarm.state, soon.calls, soon.alarm.onset) == (State.UNACKNOWLEDGED, False, NOW)
    late = step(waiting, H.RAISE, at=NOW + SAME_CALL, latch=False)
    assert late.calls
    assert late.alarm.onset == NOW + SAME_CALL
    answered = after(H.RAISE, H.CLEAR, H.ACKNOWLEDGE)
    assert step(answered, H.RAISE, at=NOW + timedelta(minutes=3), latch=False).calls


def test_each_row_names_its_source() -> None:
    """No transition without a clause; no two rows for the same cell."""
    assert all(row.clause for row in TABLE)
    cells = [(r.state, r.happening, latch) for r in TABLE for latch in (False, True) if r.latch in (None, latch)]
    assert len(cells) == len(set(cells))


class PeopleAndPlant(RuleBasedStateMachine):
    """Anything may happen to an alarm in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.alarm = Alarm()
        self.condition = False
        self.now = NOW

    def happens(self, happening: Happening, latch: bool) -> None:
        before = self.alarm
        self.now += timedelta(minutes=1)
        try:
            result = step(before, happening, at=self.now, latch=latch, until=self.now + timedelta(hours=1))
        except Refused:
            return
        self.alarm = result.alarm
        assert result.changed or result.alarm == before or happening in (H.RAISE, H.CLEAR)
        if result.calls:
            latched = self.alarm.state is State.LATCHED_UNACKNOWLEDGED and happening is H.REALARM
            assert self.alarm.state is State.UNACKNOWLEDGED or latched
            assert self.alarm.suppression is Suppression.NONE
            assert self.alarm.onset == self.now
        if before.suppression is not Suppression.NONE and self.alarm.suppression is Suppression.NONE:
            assert result.calls == self.condition
        if before.state in (State.ACKNOWLEDGED, State.LATCHED_ACKNOWLEDGED) and happening is not H.ACKNOWLEDGE:
            assert self.alarm.state is not State.RETURNED

    @rule(latch=st.booleans())
    def raised(self, latch: bool) -> None:
        self.condition = True
        self.happens(H.RAISE, latch)

    @rule(latch=st.booleans())
    def cleared(self, latch: bool) -> None:
        self.condition = False
        self.happens(H.CLEAR, latch)

    @rule(happening=st.sampled_from([h for h in Happening if h not in (H.RAISE, H.CLEAR)]), latch=st.booleans())
    def somebody_acts(self, happening: Happening, latch: bool) -> None:
        self.happens(happening, latch)

    @precondition(lambda self: self.alarm.state is State.UNACKNOWLEDGED)
    @rule(latch=st.booleans())
    def acknowledged(self, latch: bool) -> None:
        self.happens(H.ACKNOWLEDGE, latch)
        assert self.alarm.state is State.ACKNOWLEDGED

    @invariant()
    def active_is_what_the_plant_says(self) -> None:
        assert self.alarm.active == self.condition

    @invariant()
    def the_letter_agrees_with_the_condition(self) -> None:
        assert self.alarm.active == (self.alarm.state in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED))

    @invariant()
    def somebody_is_called_for_what_stands_active_and_unacknowledged(self) -> None:
        if self.alarm.state is State.UNACKNOWLEDGED and self.alarm.suppression is Suppression.NONE:
            assert self.alarm.onset is not None

    @invariant()
    def a_call_runs_only_while_somebody_is_wanted(self) -> None:
        if self.alarm.onset is not None:
            assert self.alarm.state in WAITS_FOR_A_PERSON
            assert self.alarm.suppression is Suppression.NONE


TestPeopleAndPlant = PeopleAndPlant.TestCase
TestPeopleAndPlant.settings = settings(max_examples=60, stateful_step_count=30)
