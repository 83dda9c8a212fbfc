"""The bucket of an address: what goes now, what waits, and what goes as one. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.pace import Bucket, Pace, ask, full

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ROBOT = Pace(per_minute=20, kept=5)


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans(), st.integers(0, 60)), max_size=200))
def test_no_minute_has_more_than_the_vendor_allows(asked: list[tuple[float, bool, int]]) -> None:
    """In any minute at most a full bucket and what flows in go out, of what is not life safety; life safety always goes."""
    bucket, now = full(ROBOT, NOW), NOW
    went: list[datetime] = []
    for pause, urgent, others in asked:
        now += timedelta(seconds=pause)
        leave = ask(ROBOT, bucket, now, urgent=urgent, others=others)
        bucket = leave.bucket
        if urgent:
            assert leave.until is None
            assert not leave.fold
        elif leave.until is None:
            went.append(now)
        else:
            assert leave.until > now
    for begin in went:
        within = [at for at in went if begin <= at < begin + timedelta(minutes=1)]
        assert len(within) <= 2 * ROBOT.per_minute - ROBOT.kept


def test_it_may_go_when_it_was_told_to_come_back() -> None:
    """The instant that is given is the one at which there is a token: nothing waits in circles."""
    leave = ask(ROBOT, Bucket(0.25, NOW), NOW, urgent=False, others=0)
    assert leave.until is not None
    assert ask(ROBOT, leave.bucket, leave.until, urgent=False, others=0).until is None


def test_a_flood_goes_as_one_and_a_few_go_one_by_one() -> None:
    """Thirty at once are one digest; three are three messages; two that wait are two."""
    assert ask(ROBOT, full(ROBOT, NOW), NOW, urgent=False, others=29).fold
    assert not ask(ROBOT, full(ROBOT, NOW), NOW, urgent=False, others=2).fold
    assert not ask(ROBOT, Bucket(6.0, NOW), NOW, urgent=False, others=1).fold
    assert ask(ROBOT, Bucket(6.0, NOW), NOW, urgent=False, others=2).fold


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """No token comes from a wrong clock."""
    bucket = Bucket(3.0, NOW)
    assert bucket.at(ROBOT, NOW - timedelta(hours=1)) == bucket
