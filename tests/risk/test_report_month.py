"""A month in a site's zone, and up to which instant its report tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.report.month import INSURERS_DELAY, Month, as_of
from risk.report.refusal import Unreportable

ZONE = "Asia/Shanghai"
OCTOBER = Month.parse("2026-10")


@pytest.mark.parametrize("text", ["", "2026", "26-10", "2026-10-01", "０２６-10", "x" * 900])
def test_what_is_no_month_has_a_sentence(text: str) -> None:
    """The sentence repeats what was written, cut where it is long, and says what would be right."""
    with pytest.raises(Unreportable) as caught:
        Month.parse(text)
    assert str(caught.value).endswith("is not a month; write year and month as 2026-10.")
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2026-13", "2026-13 is not a month: a year has the months 01 to 12. Write it as 2026-10."),
        ("2026-00", "2026-00 is not a month: a year has the months 01 to 12. Write it as 2026-10."),
        ("1999-05", "There is no report of 1999-05: the year must lie between 2000 and 2199."),
        ("9999-12", "There is no report of 9999-12: the year must lie between 2000 and 2199."),
    ],
)
def test_a_month_that_cannot_be_is_told_from_what_is_no_month(text: str, sentence: str) -> None:
    """Who wrote a month gets to know which part of it is wrong."""
    with pytest.raises(Unreportable) as caught:
        Month.parse(text)
    assert str(caught.value) == sentence


@given(st.integers(2000, 2198), st.integers(1, 12), st.sampled_from(["Asia/Shanghai", "America/New_York", "UTC"]))
def test_months_follow_each_other_without_a_gap(year: int, number: int, zone: str) -> None:
    """A month ends where the next begins, in every zone, and going there and back gives the same."""
    month = Month(year, number)
    assert month.until(zone) == month.next().since(zone)
    assert month.next().previous() == month == Month.of(month.since(zone), zone) == Month.parse(str(month))
    assert len(month.days()) in range(28, 32)


def test_a_month_that_is_over_is_told_up_to_its_end() -> None:
    """On every later day the instant is the same: the end of the month in the site's zone."""
    end = datetime(2026, 10, 31, 16, tzinfo=UTC)
    for days in (0, 1, 400):
        assert as_of(OCTOBER, ZONE, end + timedelta(days=days)) == end


def test_a_month_that_runs_is_told_up_to_the_last_full_hour() -> None:
    """Twice within an hour is the same report."""
    for minute in (0, 59):
        at = datetime(2026, 10, 20, 7, minute, tzinfo=UTC)
        assert as_of(OCTOBER, ZONE, at) == datetime(2026, 10, 20, 7, tzinfo=UTC)


def test_the_insurers_people_are_told_nothing_younger_than_a_day() -> None:
    """Twenty-four hours stand between what happens and what they read, at the end of a month too."""
    at = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)
    assert as_of(OCTOBER, ZONE, at, delay=INSURERS_DELAY) == datetime(2026, 10, 31, 3, tzinfo=UTC)
    with pytest.raises(Unreportable, match=r"2026-11 has only begun: .* Take 2026-10"):
        as_of(OCTOBER.next(), ZONE, at, delay=INSURERS_DELAY)


def test_the_future_has_no_report() -> None:
    """A month that has not begun there has a sentence of its own."""
    with pytest.raises(Unreportable, match="2026-11 has not begun yet; the newest report is that of 2026-10"):
        as_of(OCTOBER.next(), ZONE, datetime(2026, 10, 31, 15, tzinfo=UTC))
