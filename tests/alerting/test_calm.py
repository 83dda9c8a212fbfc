"""Which messages go together: whatever is held is told once, and life safety is never held. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.calm import (
    BEGUN,
    ENDED,
    GOES_ON,
    STORM_WINDOW,
    Calm,
    Due,
    Group,
    Listener,
    Storm,
    Together,
    digests,
    messages,
    storms,
)
from core.model import Priority

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
SECOND = timedelta(seconds=1)


@st.composite
def waiting(draw: st.DrawFn) -> list[Due]:
    """Messages of one hazard over half an hour."""
    found = draw(st.lists(st.tuples(st.integers(0, 1800), st.integers(1, 3)), min_size=1, max_size=40))
    return [Due(NOW + at * SECOND, urgency, number) for number, (at, urgency) in enumerate(found)]


def through(rows: list[Due], looks: list[datetime], *, in_place: bool) -> tuple[list[Together], list[Due]]:
    """What goes out where somebody looks at these instants."""
    group: Group | None = None
    told: list[Together] = []
    left = list(rows)
    for now in looks:
        sent, _, _ = messages(group, left, now, window=WINDOW, in_place=in_place)
        told += sent
        gone = {row for each in sent for row in each.rows}
        left = [row for row in left if row not in gone]
        group = sent[-1].group if sent else group
    return told, left


@given(waiting(), st.lists(st.integers(0, 4000), max_size=30), st.randoms(), st.booleans())
def test_any_order_of_rows_and_any_split_of_looks_gives_the_same_messages(
    rows: list[Due], looks: list[int], random: object, in_place: bool
) -> None:
    """What goes together is a matter of when things were due, not of who looked when."""
    last = NOW + timedelta(hours=2)
    once, left = through(rows, [last], in_place=in_place)
    assert left == []
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    often, left = through(shuffled, [*(NOW + at * SECOND for at in sorted(looks)), last], in_place=in_place)
    assert left == []
    assert often == once


@given(waiting(), st.booleans())
def test_nothing_held_is_lost_or_told_twice(rows: list[Due], in_place: bool) -> None:
    """Each message is in exactly one, not before it was due, and at most a window after it."""
    told, _ = through(rows, [NOW + timedelta(hours=2)], in_place=in_place)
    assert sorted(row for each in told for row in each.rows) == sorted(rows)
    assert all(row.at <= each.at <= row.at + WINDOW for each in told for row in each.rows)
    assert [each.at for each in told] == sorted(each.at for each in told)


@given(waiting(), st.booleans())
def test_what_is_more_urgent_than_all_that_was_told_does_not_wait(rows: list[Due], in_place: bool) -> None:
    """A group never hides that it has become worse."""
    told, _ = through(rows, [NOW + timedelta(hours=2)], in_place=in_place)
    first = min(rows, key=lambda row: (row.at, row.urgency))
    worst = min(row.urgency for row in rows if row.at <= first.at + WINDOW)
    arrived = min(row.at for row in rows if row.urgency == worst)
    assert any(each.at == arrived for each in told if worst in {row.urgency for row in each.rows})


@given(st.lists(st.integers(0, 600), min_size=1, max_size=5000), st.booleans())
def test_however_many_come_few_messages_go(at: list[int], in_place: bool) -> None:
    """5,000 alarms of a hazard within its window are a handful of messages, in place or not."""
    rows = [Due(NOW + each * SECOND, 2, number) for number, each in enumerate(at)]
    told, _ = through(rows, [NOW + timedelta(hours=1)], in_place=in_place)
    assert len(told) <= (22 if in_place else 3)


def test_a_group_as_people_see_it() -> None:
    """The first at once; the next two wait; a worse one brings them along; after the window something new begins."""
    rows = [Due(NOW + at * SECOND, urgency, at) for at, urgency in ((0, 3), (5, 3), (9, 3), (60, 1), (700, 3))]
    told, _ = through(rows, [NOW + timedelta(hours=1)], in_place=False)
    assert [(each.why, [row.number for row in each.rows]) for each in told] == [
        ("first", [0]),
        ("worse", [5, 9, 60]),
        ("first", [700]),
    ]
    sent, held, until = messages(None, rows, NOW + 10 * SECOND, window=WINDOW, in_place=False)
    assert [row.number for row in held] == [5, 9]
    assert until == NOW + WINDOW
    assert len(sent) == 1


def test_one_batch_is_one_message() -> None:
    """What is due at one instant goes as one, the first message too."""
    told, _ = through([Due(NOW, 2, number) for number in range(5)], [NOW], in_place=False)
    assert [len(each.rows) for each in told] == [5]


def test_life_safety_is_in_no_group_whatever_a_site_says() -> None:
    """Nobody can write a setting that holds it."""
    assert not Calm(grouped=frozenset(Priority)).groups(0)
    assert Calm().groups(1)
    assert not Calm(window=timedelta(0)).groups(1)
    assert not Calm(grouped=frozenset({Priority.LOW})).groups(1)


calls = st.lists(st.integers(0, 7200), max_size=120).map(lambda found: [NOW + each * SECOND for each in found])


@given(calls, st.lists(st.integers(0, 9000), max_size=20), st.randoms())
def test_any_split_of_looks_gives_the_same_storms(alarms: list[datetime], looks: list[int], random: object) -> None:
    """A storm begins and ends when it does, not when somebody looks."""
    begin, end = NOW - SECOND, NOW + timedelta(hours=3)
    once = storms(None, alarms, begin, end, Calm())
    random.shuffle(alarms)  # type: ignore[attr-defined]
    found: list[Storm] = []
    since = begin
    for now in [*(NOW + at * SECOND for at in sorted(looks)), end]:
        running = found[-1] if found and found[-1].ended_at is None else None
        known = [at for at in alarms if since - STORM_WINDOW < at <= now]
        seen = storms(running, known, since, now, Calm())
        found = [*(found[:-1] if running is not None else found), *seen]
        since = now
    assert found == once
    assert all(each.ended_at is not None for each in once)


@given(calls)
def test_a_storm_needs_many_and_ends_by_itself(alarms: list[datetime]) -> None:
    """Ten within ten minutes begin it, fewer than five end it, and between the two it does not flicker."""
    for storm in storms(None, alarms, NOW - SECOND, NOW + timedelta(hours=3), Calm()):
        assert sum(1 for at in alarms if storm.began_at - STORM_WINDOW < at <= storm.began_at) >= 10
        assert storm.ended_at is not None
        assert sum(1 for at in alarms if storm.ended_at - STORM_WINDOW < at <= storm.ended_at) < 5


def test_a_site_without_storms_has_none() -> None:
    """Switched off, none begins, and one that goes on is over."""
    alarms, off = [NOW] * 50, Calm(storms=False)
    assert storms(None, alarms, NOW - SECOND, NOW + SECOND, off) == []
    assert storms(Storm(NOW), alarms, NOW, NOW + SECOND, off) == [Storm(NOW, NOW + SECOND)]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=60))
def test_a_storm_gives_everybody_a_bounded_number_of_messages(comes: list[tuple[int, int]]) -> None:
    """One at its beginning, one a period, one at its end: however much comes, nobody gets more."""
    every, held, told_at, events = timedelta(minutes=10), 0, None, []
    for minute in range(41):
        now = NOW + timedelta(minutes=minute)
        held += sum(many for at, many in comes if at == minute)
        for _, event in digests(Storm(NOW), [Listener(3, held, told_at)], now, every):
            events.append(event)
            held, told_at = 0, now
    over = Storm(NOW, NOW + timedelta(minutes=41))
    last = digests(over, [Listener(3, held, told_at)], NOW + timedelta(minutes=41), every)
    assert len(events) <= 5
    assert events[:1] in ([], [BEGUN])
    assert set(events[1:]) <= {GOES_ON}
    assert [event for _, event in last] == ([ENDED] if events or held else [])
    assert digests(over, [Listener(3, 0, told_at, parted=True)], NOW + timedelta(hours=1), every) == []
