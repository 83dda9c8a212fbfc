"""The figures of a report, against numbers worked out by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from risk.report import counting
from tests.risk.sample_report import ALARMS, FINDINGS, MONTH, SINCE, TARGETS, UNTIL, ZONE, alarm, at, finding


def test_answers_are_counted_by_priority() -> None:
    """Counts, percentiles and targets; an alarm learnt of late is counted and not timed."""
    life, high, medium, low = counting.by_priority(ALARMS, {"high": 300.0}, TARGETS, UNTIL)
    assert (life.alarms, life.answered, life.unanswered, life.p50_s, life.p90_s) == (2, 1, 1, 62.0, None)
    assert (high.p50_s, high.p90_s, high.longest_s, high.target_s) == (240.0, 600.0, 600.0, 300.0)
    assert (medium.alarms, medium.historic, medium.unanswered, medium.p90_s) == (2, 1, 0, 30.0)
    assert (low.alarms, low.p90_s, low.target_s) == (1, 7200.0, None)
    together = counting.response(ALARMS, TARGETS, UNTIL)
    assert (together.counted, together.unanswered, together.p50_s, together.p90_s) == (7, 1, 240.0, None)


def test_an_alarm_of_the_last_minute_is_unanswered_and_not_timed() -> None:
    """It is within its target at the end of the month: nobody has left it lying yet."""
    last = counting.AlarmRow(
        "high", UNTIL - timedelta(minutes=1), UNTIL - timedelta(minutes=1), None, None, False, False
    )
    _, high, *_ = counting.by_priority([*ALARMS, last], {}, TARGETS, UNTIL)
    assert (high.called, high.answered, high.unanswered, high.counted, high.p90_s) == (4, 3, 1, 3, 600.0)


def test_a_day_is_a_day_of_the_site() -> None:
    """An alarm at 16:30 UTC of the 4th began on the 5th in Shanghai."""
    late = counting.AlarmRow("high", at(5, 0.5), None, None, None, False, False)
    days = counting.by_day([late], MONTH.days(), ZONE)
    assert [day.day.day for day in days if any(day.counts)] == [5]
    assert days[4].counts == (0, 1, 0, 0)


def test_endings_are_counted_by_reason() -> None:
    """The share of nuisance is that of the closed ones; of none closed there is no share."""
    ended = counting.resolutions(ALARMS)
    assert ended.by_reason == {"nuisance": 2, "near_miss": 1, "sensor_fault": 1, "test_or_drill": 1, "true_danger": 1}
    assert ended.open == 2
    assert ended.nuisance_share == pytest.approx(2 / 6)
    assert counting.resolutions([alarm("low", 3, None)]).nuisance_share is None


def test_findings_are_counted_by_grade() -> None:
    """Open before and after, opened, closed, overdue; finding-days run from the due date while it is open in the month."""
    major, general = counting.by_grade(FINDINGS, SINCE, UNTIL)
    assert (major.open_before, major.opened, major.closed, major.open_after, major.overdue) == (0, 2, 0, 2, 1)
    assert major.overdue_days == pytest.approx(10 + 15 / 24)  # from the 21st, 09:00, to the end of the 31st
    assert (general.open_before, general.opened, general.closed, general.open_after, general.overdue) == (1, 1, 1, 1, 0)
    assert general.overdue_days == pytest.approx(6.0)  # due on the 5th, closed on the 11th


def test_a_finding_that_comes_back_is_open_again() -> None:
    """Reopened counts once, and the days between closing and reopening are not overdue."""
    back = finding(
        1, "general", (at(1), "reported"), (at(4), "closed"), (at(10), "rectifying"), (at(12), "closed"), due_at=at(3)
    )
    _, general = counting.by_grade([back], SINCE, UNTIL)
    assert (general.opened, general.closed, general.reopened, general.open_after) == (1, 2, 1, 0)
    assert general.overdue_days == pytest.approx(1 + 2)


def test_what_happens_later_is_not_told() -> None:
    """A finding closed in the next month is open in this month's report."""
    later_closed = finding(1, "major", (at(2), "reported"), (UNTIL + timedelta(hours=1), "closed"))
    assert counting.state_at(later_closed, UNTIL) == "reported"
    assert [one.finding_id for one in counting.open_ones([later_closed], UNTIL)] == [1]


def test_the_worst_finding_stands_first() -> None:
    """Major before overdue ones; what is neither is not listed."""
    assert [one.finding_id for one in counting.open_ones(FINDINGS, UNTIL)] == [14, 15]


def test_coverage_is_what_came_of_what_was_expected() -> None:
    """A sensor that came on the 9th is expected from then; a surplus of one day fills no other day."""
    days = MONTH.days()
    sensors = [
        counting.SensorRow(1, "a", "gateway", 60.0, at(-5), None),
        counting.SensorRow(2, "b", "gateway", 60.0, at(9, 0.0), at(11, 0.0)),
    ]
    received = {(1, days[0]): 5000.0, (1, days[1]): 720.0, (2, days[8]): 1440.0}
    devices, share = counting.coverage(sensors, received, days, ZONE, UNTIL)
    by_name = {one.device: one for one in devices}
    assert by_name["a"].days[:3] == (1.0, 0.5, 0.0)
    assert by_name["b"].days[7:11] == (None, 1.0, 0.0, None)
    assert by_name["b"].share == 0.5
    assert share == pytest.approx((1440 + 720 + 1440) / (31 * 1440 + 2 * 1440))


def test_a_running_month_expects_nothing_of_the_days_to_come() -> None:
    """After the report's instant a day is blank, not silent."""
    sensors = [counting.SensorRow(1, "a", "gateway", 60.0, at(-5), None)]
    (device,), _ = counting.coverage(sensors, {}, MONTH.days(), ZONE, at(3, 12.0))
    assert device.days[:4] == (0.0, 0.0, 0.0, None)
