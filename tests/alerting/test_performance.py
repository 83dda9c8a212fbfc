"""How alarms go, counted with numpy: the same as somebody would count by hand, one after the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.performance import Counts, Steps, counts, midnights

SINCE = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the night after it, clocks change in Berlin
UNTIL = SINCE + timedelta(days=2)
ZONES = ["Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata"]
MINUTE = timedelta(minutes=1)


class Span(NamedTuple):
    """A time in which a condition held."""

    alarm: int
    begun: datetime
    over: datetime | None


def steps_of(spans: list[Span]) -> Steps:
    """As the store gives them: each beginning announces."""
    rows = []
    for span in sorted(spans, key=lambda each: (each.alarm, each.begun)):
        rows.append((span.alarm, span.begun, True))
        if span.over is not None:
            rows.append((span.alarm, span.over, False))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    raised = np.array([row[2] for row in rows], np.bool_)
    return Steps(
        alarm=np.array([row[0] for row in rows], np.int32),
        at=np.array([(row[1] - epoch) // timedelta(microseconds=1) for row in rows], np.int64),
        raised=raised,
        cleared=~raised,
        announced=raised.copy(),
    )


def counted(spans: list[Span], alarms: int = 5, zone: str = "Asia/Shanghai") -> Counts:
    """Of alarms whose priority is their number."""
    return counts(steps_of(spans), np.arange(alarms) % 4, SINCE, UNTIL, zone)


@st.composite
def histories(draw: st.DrawFn) -> list[Span]:
    """Alarms that come and go, in bursts and for days; what began before the window, too."""
    spans = []
    for alarm in range(draw(st.integers(1, 5))):
        at = SINCE - timedelta(hours=draw(st.integers(0, 60)))
        for _ in range(draw(st.integers(0, 25))):
            at += timedelta(seconds=draw(st.sampled_from([1, 5, 20, 61, 300, 601, 3600, 40_000])))
            over = at + timedelta(seconds=draw(st.sampled_from([1, 10, 59, 61, 700, 90_000])))
            spans.append(Span(alarm, at, over))
            at = over
        if spans and spans[-1].alarm == alarm and draw(st.booleans()):
            spans[-1] = spans[-1]._replace(over=None)
    return spans


def within(spans: list[Span]) -> list[Span]:
    """Those that began in the window, in order."""
    return sorted((span for span in spans if SINCE <= span.begun < UNTIL), key=lambda span: span.begun)


def seconds_of_flood(spans: list[Span]) -> tuple[int, int]:
    """Second by second of the instants at which the number within ten minutes can change."""
    begun = [span.begun for span in within(spans)]
    moments = sorted({*begun, *(at + 10 * MINUTE for at in begun)})
    flooded, lasted, floods = False, timedelta(0), 0
    for moment, following in pairwise([*moments, max([UNTIL, *moments])]):
        standing = sum(moment - 10 * MINUTE < at <= moment for at in begun)
        before = flooded
        flooded = standing >= 10 or (flooded and standing >= 5)
        floods += flooded and not before
        if flooded:
            lasted += max(min(following, UNTIL) - min(moment, UNTIL), timedelta(0))
    return int(lasted.total_seconds()), floods


def periods(length: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """One after the other."""
    at = SINCE
    while at < UNTIL:
        yield at, at + length
        at += length


def chatter_of(spans: list[Span]) -> Counter[int]:
    """Beginnings that are one of three that are begun and over within a minute, by alarm."""
    told: Counter[int] = Counter()
    mine: dict[int, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda each: each.begun):
        mine[span.alarm].append(span)
    for alarm, its in mine.items():
        marked = set()
        for first in range(len(its) - 2):
            over = its[first + 2].over
            if over is not None and over < UNTIL and over - its[first].begun <= MINUTE:
                marked |= {first, first + 1, first + 2}
        told[alarm] += sum(SINCE <= its[n].begun < UNTIL for n in marked)
    return told


def fleeting_of(spans: list[Span]) -> int:
    """Alarms that came and went within a minute, with nothing of theirs within ten minutes of it."""
    found = set()
    for span in within(spans):
        others = [each for each in spans if each.alarm == span.alarm and each is not span]
        alone = all(abs(each.begun - span.begun) > 10 * MINUTE for each in others)
        if span.over is not None and span.over - span.begun <= MINUTE and alone:
            found.add(span.alarm)
    return len(found)


def stale_of(spans: list[Span], zone: str) -> int:
    """Most alarms on a day that had been active for more than a day."""
    most = 0
    for begins, ends in pairwise(midnights(SINCE, UNTIL, zone)):
        stale = set()
        for span in spans:
            over = min(span.over or UNTIL, UNTIL)
            since = max(span.begun + timedelta(days=1), SINCE)
            if over - span.begun > timedelta(days=1) and since < ends and over > max(begins, SINCE):
                stale.add(span.alarm)
        most = max(most, len(stale))
    return most


@given(histories(), st.sampled_from(ZONES))
def test_every_count_is_what_one_counts_by_hand(spans: list[Span], zone: str) -> None:
    """Rates, busy periods, floods, the top ten, chatter, fleeting and stale alarms, days: against a slow count of the same words."""
    found = counted(spans, zone=zone)
    inside = within(spans)
    assert found.announced == len(inside)
    assert found.per_day == pytest.approx(len(inside) / 2)
    assert found.most_in_ten_minutes == max(
        (sum(span.begun - 10 * MINUTE < each.begun <= span.begun for each in inside) for span in inside), default=0
    )
    for share, length, most in (
        (found.busy_periods, 10 * MINUTE, 10),
        (found.busy_hours, 60 * MINUTE, 30),
    ):
        full = [sum(a <= span.begun < b for span in inside) > most for a, b in periods(length)]
        assert share == pytest.approx(sum(full) / len(full))
    lasted, floods = seconds_of_flood(spans)
    assert (round(found.flood_share * 2 * 86_400), found.floods) == (lasted, floods)
    by_alarm = Counter(span.alarm for span in inside)
    assert found.top_share == (None if not inside else 1.0)
    chatter = chatter_of(spans)
    assert {each.alarm: (each.announced, each.chatter) for each in found.alarms if each.begun} == {
        alarm: (count, chatter[alarm]) for alarm, count in by_alarm.items()
    }
    assert found.chattering == sum(count > 0 for count in chatter.values())
    assert found.fleeting == fleeting_of(spans)
    assert found.stale == stale_of(spans, zone)
    there = ZoneInfo(zone)
    days = Counter(span.begun.astimezone(there).date() for span in inside)
    assert {each.day: each.announced for each in found.days if each.announced} == days
    assert found.mix == tuple(sum(span.alarm % 4 == n for span in inside) for n in range(4))


def test_a_day_of_a_change_of_clocks_is_one_day() -> None:
    """In Berlin 29 March 2026 has 23 hours: three days are touched, and what comes at either end of it counts on it."""
    there = ZoneInfo("Europe/Berlin")
    first, last = datetime(2026, 3, 29, 0, 0, tzinfo=there), datetime(2026, 3, 29, 23, 59, 59, tzinfo=there)
    found = counted([Span(0, first, first + MINUTE), Span(1, last, last + MINUTE)], zone="Europe/Berlin")
    assert [(str(each.day), each.announced) for each in found.days] == [
        ("2026-03-28", 0), ("2026-03-29", 2), ("2026-03-30", 0),
    ]  # fmt: skip


def test_the_top_ten_are_ten() -> None:
    """Twenty alarms once each and one ten times: the ten most frequent make 19 of 30."""
    once = [Span(n, SINCE + n * 20 * MINUTE, SINCE + n * 20 * MINUTE + 2 * MINUTE) for n in range(20)]
    often = [Span(20, SINCE + n * 60 * MINUTE, SINCE + n * 60 * MINUTE + MINUTE) for n in range(10)]
    assert counted(once + often, alarms=21).top_share == pytest.approx(19 / 30)


def test_nothing_is_nothing() -> None:
    """A site without an alarm has no share of the top ten, and zeros elsewhere."""
    found = counted([])
    assert (found.announced, found.top_share, found.flood_share, found.stale, found.alarms) == (0, None, 0.0, 0, ())


def test_a_minute_after_midnight_is_no_day() -> None:
    """One alarm in the first minute of a day is a rate of an hour's, not 1,440 a day."""
    since = datetime(2026, 3, 1, 16, tzinfo=UTC)
    steps = Steps(
        alarm=np.zeros(1, np.int32),
        at=np.array([int(since.timestamp()) * 1_000_000 + 1]),
        raised=np.ones(1, np.bool_),
        cleared=np.zeros(1, np.bool_),
        announced=np.ones(1, np.bool_),
    )
    found = counts(steps, np.zeros(1, np.int64), since, since + timedelta(minutes=1), "Asia/Shanghai")
    assert (found.announced, found.per_day, found.per_hour) == (1, 24.0, 1.0)
