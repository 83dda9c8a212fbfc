"""Roll calls as pure functions: when they are drawn, what they show, and how a ladder follows; and when no sign of life is given outside."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.outside import Signs, Worker, why_silent
from alerting.readiness import Answer, Hours, drawn, figures, overall, weak_hours
from alerting.roster import Layer, Roster
from alerting.routing import Route, RouteStep, hastened
from alerting.snapshot import Snapshot, from_bytes, to_bytes
from core.model import Priority

ZONE = "Asia/Shanghai"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 12), st.lists(st.integers(1, 80), min_size=1, max_size=12))
def test_any_cut_of_time_draws_the_same_instants(seed: int, times: int, days: list[int]) -> None:
    """A process that was away, or looked more often, calls at the same instants, each once."""
    until = SINCE + timedelta(days=sum(days))
    whole = drawn(seed, times, None, ZONE, SINCE, until)
    parts, at = [], SINCE
    for length in days:
        parts += drawn(seed, times, None, ZONE, at, at + timedelta(days=length))
        at += timedelta(days=length)
    assert parts == whole


@given(st.integers(0, 2**40))
def test_within_thirty_days_so_many_and_only_within_the_hours(seed: int) -> None:
    """Nights too, where the hours say so; an hour that ends before it begins ends on the next day."""
    begins = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=30 * 684)
    found = drawn(seed, 4, Hours(time(22), time(6)), ZONE, begins - timedelta(days=1), begins + timedelta(days=31))
    assert len(found) >= 1
    for at in found:
        hour = (at + timedelta(hours=8)).hour
        assert hour >= 22 or hour < 6
    everything = drawn(seed, 12, None, ZONE, begins, begins + timedelta(days=3600))
    assert 1430 <= len(everything) <= 1450


def test_what_roll_calls_show_by_hour_and_holiday() -> None:
    """Shares of all, percentiles of those that were answered; none of none."""
    record = [Answer(3, False, s) for s in (10.0, 20.0, 30.0, 40.0, None)] + [
        Answer(3, True, None),
        Answer(14, False, 5.0),
    ]
    night = next(each for each in figures(record) if each.band == (0, 6) and each.holiday is False)
    assert (night.calls, night.answered, night.unanswered_share, night.p50_s, night.p90_s) == (5, 4, 0.2, 20.0, 40.0)
    assert overall(record).calls == 7
    assert overall([]).p90_s is None


def test_too_few_of_a_kind_of_day_are_judged_with_all_days() -> None:
    """Four of five nights unanswered, one of them a holiday: working days and holidays alike."""
    record = [Answer(2, False, None)] * 3 + [Answer(2, False, 9.0), Answer(2, True, None)]
    weak = weak_hours(record, ZONE, [])
    assert weak is not None
    night, noon = datetime(2026, 3, 2, 18, tzinfo=UTC), datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert weak.at(night) is not None
    assert weak.at(noon) is None
    assert weak_hours(record[:4], ZONE, []) is None


def test_slow_answers_halve_the_wait() -> None:
    """Everybody answers, nine of ten only after more than five minutes."""
    weak = weak_hours([Answer(2, False, 400.0)] * 5, ZONE, [])
    assert weak is not None
    assert {each.keeps for each in weak.hours} == {0.5}


def ladder(*after: float, weak: int) -> Route:
    position = Roster(
        roster_id=1, key="gas", audience="client", time_zone=ZONE,
        layers=(Layer(key="w", people=(1,), begins_on=date(2026, 1, 1)),),
    )  # fmt: skip
    found = weak_hours([Answer(2, False, None)] * 5, ZONE, [date(2026, 10, 1)])
    assert found is not None
    steps = [
        RouteStep(k, each, None if k == weak else 10 + k, "smtp", 1 if k == weak else None)
        for k, each in enumerate(after)
    ]
    return Route("r", "client", frozenset({Priority.HIGH}), steps, rosters={1: position}, weak={1: found})


NIGHT = datetime(2026, 3, 2, 18, tzinfo=UTC)


def test_only_what_follows_the_weak_position_moves_and_all_by_as_much() -> None:
    """The ladder keeps its order; the last step has nobody behind it; by day nothing moves."""
    assert [s.after_s for s in hastened(ladder(0.0, 300.0, 900.0, weak=0), NIGHT)] == [0.0, 0.0, 600.0]
    assert [s.after_s for s in hastened(ladder(0.0, 300.0, 900.0, weak=1), NIGHT)] == [0.0, 300.0, 300.0]
    assert [s.after_s for s in hastened(ladder(0.0, 300.0, 900.0, weak=2), NIGHT)] == [0.0, 300.0, 900.0]
    assert [s.after_s for s in hastened(ladder(0.0, 300.0, weak=0), NIGHT + timedelta(hours=12))] == [0.0, 300.0]


def test_the_snapshot_for_calls_without_the_database_keeps_it() -> None:
    """Ingest calls by the same ladder while the database is away."""
    route = ladder(0.0, 300.0, weak=0)
    kept = Snapshot(taken_at=SINCE, version=1, definitions=[], routes={1: [route]}, recipients=[], alarms=[])
    assert from_bytes(to_bytes(kept)).routes[1][0].weak == route.weak


NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
WELL = Signs([Worker("w", NOW, "judging")], NOW, NOW, None, None)


@pytest.mark.parametrize(
    ("signs", "at", "why"),
    [
        (WELL, NOW, None),
        (Signs([], NOW, NOW, None, None), NOW, "no ingest has ever run"),
        (WELL, NOW + 16 * SECOND, "ingest w has not been heard for 16 s"),
        (Signs([Worker("w", NOW, "broker_away")], NOW, NOW, None, None), NOW, "ingest w says broker_away"),
        (Signs(WELL.workers, None, None, None, None), NOW, "alerting has not run"),
        (Signs(WELL.workers, NOW - 11 * SECOND, NOW, None, None), NOW, "alerting has not come round for 11 s"),
        (Signs(WELL.workers, NOW, NOW - 50 * SECOND, None, None), NOW, "a sender has been at one message for 50 s"),
        (Signs(WELL.workers, NOW, NOW, NOW - 61 * SECOND, NOW - 61 * SECOND), NOW, "a message has been due for 61 s, and nobody has tried to send it"),
        (Signs(WELL.workers, NOW, NOW, None, NOW - 61 * SECOND), NOW, None),
        (Signs(WELL.workers, NOW, NOW, None, NOW - 601 * SECOND), NOW, "a message has been due for 601 s, and nobody has tried to send it"),
    ],
)  # fmt: skip
def test_no_sign_of_life_is_given_unless_davy_does_what_it_is_for(signs: Signs, at: datetime, why: str | None) -> None:
    """Each of what a call needs holds it back by itself."""
    assert why_silent(signs, at) == why
