"""The budget of messages: what counts as one, which days are whole, when it is a finding against ourselves. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.budget import CALM_AGAIN, LOOKED_AT, MOST_A_DAY, TOO_OFTEN, DayOfPerson, budget, is_too_much, last_days

days = st.lists(
    st.builds(
        DayOfPerson,
        person_id=st.integers(1, 3),
        day=st.integers(1, 7).map(lambda day: date(2026, 3, day)),
        messages=st.integers(0, 30),
    ),
    max_size=21,
    unique_by=lambda row: (row.person_id, row.day),
)


@given(days)
def test_a_day_is_over_where_one_person_got_too_many(rows: list[DayOfPerson]) -> None:
    """Two people with five each are no excess; one with six is, and the day counts once however many it hit."""
    found = budget(rows)
    assert found.days_over == len({row.day for row in rows if row.messages > MOST_A_DAY})
    assert (found.days_over > 0) == (found.most > MOST_A_DAY) == (found.people_over > 0)


@given(days)
def test_what_stands_ends_later_than_it_begins(rows: list[DayOfPerson]) -> None:
    """What opens a finding keeps it open: it does not come and go with one day."""
    found = budget(rows)
    assert TOO_OFTEN > CALM_AGAIN
    assert is_too_much(found, found=True) or not is_too_much(found, found=False)


@given(st.integers(0, 730 * 24 * 60), st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "UTC"]))
def test_only_whole_days_of_the_site_are_looked_at(minute: int, zone: str) -> None:
    """Seven of them, up to the last midnight there, whatever a change of the clock makes of their length."""
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    since, until = last_days(now, zone)
    assert since < until <= now < until + timedelta(hours=25)
    assert (until.date() - since.date()).days == LOOKED_AT
