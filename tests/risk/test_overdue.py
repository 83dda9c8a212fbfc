"""When a finding was overdue is a matter of the past: what is done later takes no day back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from risk.overdue import Change, History, late, phase_at
from risk.patience import put_in_hand

BEGAN = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WAITS = 3 * DAY

HOURS = st.integers(1, 60 * 24).map(lambda hours: timedelta(hours=hours))
STEPS = st.lists(
    st.tuples(HOURS, st.sampled_from(["extend", "claim", "send_back", "verify", "reopen", "grade"]), HOURS), max_size=12
)


def life(steps: list[tuple[timedelta, str, timedelta]], until: datetime | None = None) -> History:
    """A finding that people work on: each step that its state allows is taken, as its columns and events would say."""
    state, grade = "reported", "general"
    due: datetime | None = None
    closed: datetime | None = None
    changes = [Change(at=BEGAN, state=state, grade=grade)]
    for after, word, ahead in sorted(steps):
        at = BEGAN + after
        if until is not None and at >= until:
            break
        move: dict[str, datetime | None] = {}
        grades: dict[str, str | None] = {}
        if word == "grade" and state != "closed":
            grades = {"grade_was": grade, "grade": "major" if grade == "general" else "general"}
            grade = str(grades["grade"])
        elif word == "extend" and state == "reported":
            state, move = "rectifying", {"due_at": at + ahead}
        elif word == "extend" and state in ("rectifying", "claimed_done"):
            move = {"due_was": due, "due_at": (due or at) + ahead}
        elif word == "claim" and state == "rectifying":
            state = "claimed_done"
        elif word == "send_back" and state == "claimed_done":
            state = "rectifying"
        elif word == "verify" and state == "claimed_done":
            state, closed = "closed", at
        elif word == "reopen" and state == "closed":
            state, closed, move = "rectifying", None, {"due_was": due, "due_at": at + ahead}
        else:
            continue
        due = move.get("due_at", due)
        changes.append(Change(at=at, state=state, **move, **grades))  # type: ignore[arg-type]
    return History(reported_at=BEGAN, grade=grade, due_at=due, closed_at=closed, changes=tuple(changes))


@given(STEPS, HOURS)
def test_no_later_step_changes_a_past_day(steps: list[tuple[timedelta, str, timedelta]], cut: timedelta) -> None:
    """A later extension, claim, sending back, verification, grading or reopening: the same days, the same grade."""
    until = BEGAN + cut
    then, now = life(steps, until), life(steps)
    assert late(then, WAITS, BEGAN, until) == late(now, WAITS, BEGAN, until)
    assert phase_at(then, until).grade == phase_at(now, until).grade


@given(STEPS, HOURS, HOURS)
def test_days_add_up(steps: list[tuple[timedelta, str, timedelta]], one: timedelta, other: timedelta) -> None:
    """Two neighbouring windows hold what the whole holds."""
    first, last = sorted((one, other))
    told = life(steps)
    both = late(told, WAITS, BEGAN, BEGAN + first) + late(told, WAITS, BEGAN + first, BEGAN + last)
    assert both == late(told, WAITS, BEGAN, BEGAN + last)


def test_a_claim_stops_no_clock() -> None:
    """Only verification does; and days before an extension or a reopening stay overdue."""
    told = life([(1 * DAY, "extend", 2 * DAY), (4 * DAY, "claim", DAY), (8 * DAY, "verify", DAY)])
    assert late(told, WAITS, BEGAN, BEGAN + 20 * DAY) == 5 * DAY
    told = life([(1 * DAY, "extend", 2 * DAY), (6 * DAY, "extend", 10 * DAY)])
    assert late(told, WAITS, BEGAN, BEGAN + 20 * DAY) == 3 * DAY + 7 * DAY


def test_a_major_one_that_nobody_puts_in_hand_is_overdue() -> None:
    """From the day on by which somebody should have; a general one is not. The days are data, with their reason."""
    assert late(life([(DAY, "grade", DAY)]), WAITS, BEGAN, BEGAN + 10 * DAY) == 7 * DAY
    assert late(life([]), WAITS, BEGAN, BEGAN + 10 * DAY) == timedelta(0)
    assert put_in_hand() == 3 * DAY


def test_one_without_steps_is_what_its_columns_say() -> None:
    """Rows that were written at once, as the demo's past is."""
    told = History(reported_at=BEGAN, grade="general", due_at=BEGAN + DAY, closed_at=BEGAN + 3 * DAY)
    assert late(told, WAITS, BEGAN, BEGAN + 9 * DAY) == 2 * DAY
