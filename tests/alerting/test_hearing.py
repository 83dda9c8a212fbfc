"""Who hears of findings and impairments, and when a digest is due: pure rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.digest import LONGEST, CompanyTally, Tally, from_json, newest_end, period
from alerting.hearing import hearers
from alerting.routing import Route, RouteStep
from core.occasion import Occasion, Point, Subject

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
A_DAY = timedelta(days=1)
HOUSE = Route("house", "client", frozenset(), [RouteStep(0, 0, 1, "smtp"), RouteStep(1, 3600, 2, "webhook")],
              frozenset({"impairments", "findings"}))  # fmt: skip
CONTROL = Route("control", "insurer", frozenset(), [RouteStep(0, 0, 9, "smtp")], frozenset({"impairments", "findings"}))
ALARMS = Route("alarms", "client", frozenset(), [RouteStep(0, 0, 8, "smtp")])
ROUTES = [HOUSE, CONTROL, ALARMS]


def told(subject: Subject, point: Point, *, major: bool = False, owner: int | None = None) -> list[tuple[int, int]]:
    """(person, step) of everybody who hears of it."""
    occasion = Occasion(subject, point, 5, 1, 1, NOW, major, owner)
    return [(call.person_id, call.position) for call in hearers(occasion, ROUTES, ["smtp", "webhook"], now=NOW)]


@pytest.mark.parametrize(
    ("point", "who"),
    [(Point.BEGUN, [(9, 0)]), (Point.OVERRUN, [(1, 0), (9, 0), (2, 1)]), (Point.RESTORED, [(9, 0)])],
)
def test_of_an_impairment(point: Point, who: list[tuple[int, int]]) -> None:
    """The insurer hears of all three; the client, who reported it, only when it lasts too long. Alarm routes carry none."""
    assert told(Subject.IMPAIRMENT, point) == who


def test_of_a_finding() -> None:
    """The owner always, once; the client of any that is overdue; the insurer only of an overdue major one."""
    assert told(Subject.FINDING, Point.ASSIGNED, major=True, owner=7) == [(7, 0)]
    assert told(Subject.FINDING, Point.OVERDUE, owner=1) == [(1, 0), (2, 1)]
    assert told(Subject.FINDING, Point.OVERDUE, major=True, owner=7) == [(1, 0), (7, 0), (9, 0), (2, 1)]


@pytest.mark.parametrize(("channels", "taken"), [(["smtp", "webhook"], "smtp"), (["webhook"], "webhook"), ([], "smtp")])
def test_over_which_channel_an_owner_hears(channels: list[str], taken: str) -> None:
    """By mail where they have it; with no address at all the message fails, and that is seen."""
    occasion = Occasion(Subject.FINDING, Point.ASSIGNED, 5, 1, 1, NOW, owner_id=7)
    assert [call.channel for call in hearers(occasion, [], channels, now=NOW)] == [taken]


def test_what_is_learnt_of_late_is_due_at_once() -> None:
    """Retries count from when it could first be sent, not from a deadline of last week."""
    occasion = Occasion(Subject.IMPAIRMENT, Point.OVERRUN, 5, 1, 1, NOW - 9 * A_DAY)
    assert {call.at for call in hearers(occasion, ROUTES, [], now=NOW)} == {NOW}


def test_a_digest_comes_once_a_day_at_eight() -> None:
    """Local time, across the change to summer time too."""
    assert newest_end(NOW, "Asia/Shanghai") == datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
    berlin = [newest_end(datetime(2026, 3, day, 12, tzinfo=UTC), "Europe/Berlin") for day in (28, 29, 30)]
    assert [end.astimezone(UTC).hour for end in berlin] == [7, 6, 6]


@given(
    looks=st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=40),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "UTC"]),
)
def test_digests_follow_each_other_without_gap_or_overlap(looks: list[tuple[int, bool]], zone: str) -> None:
    """Whenever it is looked, however long nobody looked: an end is decided once, and what is told begins where the last that
    was told ended, at most a week back."""
    now, decided, told, made = NOW, None, None, []
    for step, says_something in looks:
        now += timedelta(hours=step)
        if (between := period(now, zone, decided, told)) is not None:
            assert decided is None or between[1].date() > decided.date()
            decided = between[1]
            if says_something:
                made.append(between)
                told = decided
        assert period(now, zone, decided, told) is None
    for (_, ended), (since, until) in pairwise(made):
        assert since == max(ended, until - LONGEST)
        assert until.astimezone(UTC) - ended.astimezone(UTC) >= timedelta(hours=23)
        assert until.date() > ended.date()


def test_a_digest_survives_its_row() -> None:
    """What is read back is what was counted; what an older Davy did not count is none."""
    tally = Tally(
        since=NOW - A_DAY,
        until=NOW,
        time_zone="UTC",
        companies=(CompanyTally(company="A", company_zh="甲", occurrences=2),),
    )
    row = tally.as_json()
    assert from_json(row) == tally
    row["companies"][0].pop("sensors")
    row["companies"][0]["unknown"] = 1
    assert from_json(row) == tally
