"""The demo's sixty days before they are written: the same for a seed, plausible, and over when they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.actions import RESOLUTIONS
from davy.past.hours import HOURS, hours
from davy.past.plan import DAYS, Happened, alarms
from davy.past.stories import FINDINGS, IMPAIRMENTS, KINDS, MINE, OUTAGES
from risk.findings import LONGEST_TITLE

UNTIL = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)


def happened(seed: int, until: datetime = UNTIL) -> list[Happened]:
    return [one for _, ones in alarms(seed, until) for one in ones]


@given(seed=st.integers(0, 2**31), hour=st.integers(0, 24 * 400))
def test_a_seed_and_an_end_fix_every_alarm(seed: int, hour: int) -> None:
    """Twice the same; each begins, ends and is resolved within the sixty days, and one is over before the next begins."""
    until = UNTIL + timedelta(hours=hour)
    assert happened(seed, until) == happened(seed, until)
    for kind, ones in alarms(seed, until):
        assert len(ones) == kind.times
        before = until - timedelta(days=DAYS)
        for one in ones:
            assert before < one.began_at < min(one.acknowledged_at, one.cleared_at)
            assert max(one.acknowledged_at, one.cleared_at) < one.resolved_at < until
            assert one.ending.resolution in RESOLUTIONS
            before = one.resolved_at
            for outage in (o for o in OUTAGES if o.site == kind.site):
                silent_from = until - timedelta(days=outage.before)
                assert one.cleared_at <= silent_from or silent_from + outage.lasts <= one.began_at


def test_another_seed_is_another_past() -> None:
    """Not the same alarms at other hours: other answers too."""
    first, second = happened(1), happened(2)
    assert [one.acknowledged_at - one.began_at for one in first] != [
        one.acknowledged_at - one.began_at for one in second
    ]


def test_the_stories_end_before_the_sixty_days_do_and_one_major_finding_is_overdue() -> None:
    """Acts of a story are in order, in the past, and short enough to be kept; findings stand in every state."""
    for story in (*FINDINGS, *IMPAIRMENTS):
        befores = [act.before for act in story.acts]
        assert befores == sorted(befores, reverse=True)
        assert 0 < min(befores) <= max(befores) < DAYS
        assert len(str(story.acts[0].words.get("title", ""))) <= LONGEST_TITLE
    assert {story.acts[-1].what for story in FINDINGS} >= {"report", "note", "plan", "claim", "verify", "extend"}
    late = [s for s in FINDINGS if s.acts[0].words["grade"] == "major" and s.acts[-1].what != "verify"]
    assert any(act.words.get("due_days", 1) < 0 for story in late for act in story.acts if act.what == "plan")  # type: ignore[operator]
    assert any(act.words["until_days"] < 0 for s in IMPAIRMENTS for act in s.acts[:1] if len(s.acts) == 1)  # type: ignore[operator]


def test_hours_are_the_same_for_a_seed_and_missing_where_a_device_was_silent() -> None:
    """Whole hours up to the end, minimum <= mean <= maximum within the instrument's range, and no hour of an outage."""
    ones = happened(1)
    rows = list(hours(1, UNTIL, OUTAGES, ones))
    assert rows == list(hours(1, UNTIL, OUTAGES, ones))
    assert {row.hour.minute for row in rows} == {0}
    assert max(row.hour for row in rows) == UNTIL - timedelta(hours=1)
    assert all(row.minimum <= row.mean <= row.maximum for row in rows)
    assert all(row.instrument.low <= row.minimum and row.maximum <= row.instrument.high for row in rows)
    assert all(0 <= row.good <= row.readings for row in rows)
    silent = [outage for outage in OUTAGES if outage.site == MINE]
    for outage in silent:
        inside = UNTIL - timedelta(days=outage.before) + outage.lasts / 2
        at = inside.replace(minute=0, second=0, microsecond=0)
        assert not [row for row in rows if row.instrument.device == outage.device and row.hour == at]
    sensors = {(row.instrument.site, row.instrument.key) for row in rows}
    assert {(kind.site, kind.sensor) for kind in KINDS} <= sensors
    assert len([row for row in rows if row.instrument.key == "lel-yard-1"]) == HOURS
