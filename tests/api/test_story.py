"""The timeline as a page tells it: every row once, what happened together as one entry, the newest first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.store.reassigning import SOMEBODY_ELSE
from api.store.timeline import TimelineRow
from api.story import Entry, story

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_ROW = TimelineRow(
    at=AT, kind="notification", what="sms", detail="planned", who="王芳", person_id=1, text="a rule", value=None, until=AT,
    audience="client", number=1,
)  # fmt: skip


def message(detail: str, number: int, at: datetime = AT, **changes: object) -> TimelineRow:
    return replace(_ROW, detail=detail, number=number, at=at, **changes)  # type: ignore[arg-type]


def transition(what: str, at: datetime = AT) -> TimelineRow:
    return replace(_ROW, kind="transition", what=what, detail="B", at=at, text=None, until=None, audience=None)


def told(entries: list[Entry]) -> list[tuple[str, int, int]]:
    return [(entry.kind, len(entry.rows), len(entry.instead)) for entry in entries]


def test_what_was_planned_with_the_alarm_is_one_entry_in_the_order_in_which_it_is_due() -> None:
    """Five calls, one entry; the alarm stands below it, for it was first."""
    planned = [message("planned", number, until=AT + number * SECOND) for number in (5, 4, 3, 2, 1)]
    entries = story([*planned, transition("raise")])
    assert told(entries) == [("planned", 5, 0), ("transition", 0, 0)]
    assert [row.number for row in entries[0].rows] == [1, 2, 3, 4, 5]


def test_what_an_answer_calls_off_is_one_entry_a_reason() -> None:
    """Two that were acknowledged away, and one whose person has left, in the same instant: two entries, above the answer."""
    rows = [
        message("cancelled", 3, text="the person is no longer active"),
        message("cancelled", 2, text="acknowledged"),
        message("cancelled", 1, text="acknowledged"),
        transition("acknowledge"),
    ]
    assert told(story(rows)) == [("cancelled", 1, 0), ("cancelled", 2, 0), ("transition", 0, 0)]


def test_a_hand_over_is_one_entry_that_says_from_whom_and_to_whom() -> None:
    """What was taken from somebody and what was planned for somebody else in the same look."""
    rows = [
        message("planned", 9),
        message("cancelled", 2, text=SOMEBODY_ELSE),
        message("cancelled", 1, text=SOMEBODY_ELSE),
    ]
    (entry,) = story(rows)
    assert (entry.kind, len(entry.rows), [row.number for row in entry.instead]) == ("handed_over", 2, [9])
    assert told(story(rows[1:])) == [("handed_over", 2, 0)]


def test_what_was_sent_and_delivered_in_one_instant_is_told_once() -> None:
    """A webhook's receiver has it when it is sent; what arrives later is told then."""
    assert told(story([message("delivered", 1), message("sent", 1)])) == [("notification", 0, 0)]
    later = [message("delivered", 1, AT + SECOND), message("sent", 1)]
    assert [entry.row.detail for entry in story(later)] == ["delivered", "sent"]


def test_what_one_look_at_the_page_brought_is_one_entry() -> None:
    """Three messages about it, opened once: one entry a person; one message is a line of its own."""
    rows = [message("seen", 3), message("seen", 2), message("seen", 1), message("seen", 9, person_id=2, who="李强")]
    entries = story(rows)
    assert told(entries) == [("seen", 3, 0), ("notification", 0, 0)]
    assert [row.number for row in entries[0].rows] == [1, 2, 3]


def test_an_answer_by_a_link_is_told_once() -> None:
    """The acknowledgement says by which message's link; the receipts of that instant say nothing more. Without one, the answer is told."""
    answered, seen = message("answered", 1), message("seen", 1)
    taken = replace(transition("acknowledge"), text="by the link of message 1 over sms")
    assert told(story([seen, answered, taken])) == [("transition", 0, 0)]
    assert [entry.row.detail for entry in story([seen, answered])] == ["answered"]
    assert len(story([seen, answered, replace(taken, person_id=2)])) == 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["planned", "waiting", "claimed", "sent", "delivered", "failed", "cancelled", "seen"]),
            st.integers(0, 3),
            st.sampled_from(["acknowledged", SOMEBODY_ELSE, None]),
        ),
        max_size=12,
    )
)
def test_every_row_is_told_once_and_time_never_goes_forward(made: list[tuple[str, int, str | None]]) -> None:
    """Whatever rows there are: none is lost, none is told twice, but for what was sent and delivered in one instant."""
    numbered = enumerate(sorted(made, key=lambda row: -row[1]))
    rows = [message(detail, number, AT + at * SECOND, text=text) for number, (detail, at, text) in numbered]
    entries = story(rows)
    seen = [row.number for entry in entries for row in (*entry.rows, *entry.instead) or (entry.row,)]
    assert sorted(seen) == [row.number for row in rows]
    assert [entry.row.at for entry in entries] == sorted((entry.row.at for entry in entries), reverse=True)
