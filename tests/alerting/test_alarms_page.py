"""docs/alarms.md says what the table says, and the table keeps its promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerting.alarm import (
    IN_WORDS,
    TABLE,
    WAITS_FOR_A_PERSON,
    Alarm,
    Happening,
    State,
    Suppression,
    step,
)  # fmt: skip
from core.errors import Refused
from core.limit_rule import REALARM_AFTER_S, REALARM_LEAST_S
from tests.alerting.plant import NOW

PAGE = Path(__file__).resolve().parents[2] / "docs" / "alarms.md"
BY_A_PERSON = {Happening.ACKNOWLEDGE, Happening.RESET, Happening.RESOLVE}
BY_THE_PLANT = {Happening.RAISE, Happening.CLEAR}
LATCH = {None: "either", True: "latching", False: "not latching"}


def rows(heading: str) -> Iterator[tuple[str, ...]]:
    """The rows of the page's table under a heading."""
    lines = PAGE.read_text("utf-8").split(f"\n## {heading}\n", 1)[1].splitlines()
    table = [
        line
        for line in lines[: lines.index("", next(i for i, x in enumerate(lines) if x.startswith("|")))]
        if line.startswith("|")
    ]
    for line in table[2:]:
        yield tuple(cell.strip().strip("`") for cell in line.strip("|").split("|"))


def test_the_page_has_every_transition_with_its_clause() -> None:
    """In the table's order; whether it was checked is *ours* or *no*, for nobody here has the standard's text."""
    wanted = [
        (
            r.state.value,
            r.happening.value,
            r.to.value,
            LATCH[r.latch],
            r.clause,
            "ours" if r.clause.startswith("ours") else "no",
        )
        for r in TABLE
    ]
    assert list(rows("Transitions")) == wanted
    assert all("(unverified)" in clause for *_, clause, checked in wanted if checked == "no")


def test_the_page_has_every_state() -> None:
    """With the words that refusals use."""
    assert list(rows("States")) == [
        (state.value, IN_WORDS[state], "yes" if state in WAITS_FOR_A_PERSON else "no") for state in State
    ]


def test_the_page_has_every_suppression() -> None:
    """Tried on the machine itself: what begins one from none, and what ends it."""
    letters = {Suppression.SHELVED: "G", Suppression.BY_DESIGN: "H", Suppression.OUT_OF_SERVICE: "I"}
    wanted = set()
    for happening in Happening:
        for before in Suppression:
            try:
                after = step(Alarm(suppression=before), happening, at=NOW, latch=False, until=NOW).alarm.suppression
            except Refused:
                continue
            if before is not after:
                which = after if before is Suppression.NONE else before
                kind = "begins" if before is Suppression.NONE else "ends"
                wanted.add((happening.value, which.replace("_", " "), letters[which], kind))
    assert set(rows("Suppression lies over the state")) == wanted


def test_the_times_of_the_page_are_those_of_the_code() -> None:
    """1 h, 8 h, 24 h, never."""
    text = " ".join(PAGE.read_text("utf-8").split())
    assert "it is 1 h for life safety, 8 h for high, 24 h for medium, never for low" in text
    assert list(REALARM_AFTER_S.values()) == [3600.0, 28800.0, 86400.0, None]
    assert all(after is None or after >= REALARM_LEAST_S for after in REALARM_AFTER_S.values())


def test_time_alone_quiets_nothing() -> None:
    """What is neither a person's nor the plant's leads only to what waits for a person."""
    timed = [row for row in TABLE if row.happening not in BY_A_PERSON | BY_THE_PLANT]
    assert {row.happening for row in timed} == {Happening.REALARM, Happening.ESCALATE}
    assert all(row.to in WAITS_FOR_A_PERSON for row in timed)


@pytest.mark.parametrize("latched", [State.LATCHED_ACKNOWLEDGED, State.LATCHED_UNACKNOWLEDGED])
def test_only_a_person_lets_go_of_a_latch_and_only_while_clear(latched: State) -> None:
    """F is left by reset, or by the condition coming back; E by an acknowledgement, or the same."""
    ways = {(row.happening, row.to) for row in TABLE if row.state is latched and row.to is not latched}
    person = (Happening.RESET, State.NORMAL)
    if latched is State.LATCHED_UNACKNOWLEDGED:
        person = (Happening.ACKNOWLEDGE, State.LATCHED_ACKNOWLEDGED)
    assert ways == {person, (Happening.RAISE, State.UNACKNOWLEDGED)}


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (Happening.SHELVE, Happening.UNSHELVE),
        (Happening.SHELVE, Happening.SHELF_EXPIRED),
        (Happening.SUPPRESS, Happening.UNSUPPRESS),
        (Happening.TAKE_OUT, Happening.RETURN_TO_SERVICE),
    ],
)
@pytest.mark.parametrize("state", State)
def test_leaving_any_suppression_looks_again(begins: Happening, ends: Happening, state: State) -> None:
    """Active: B, and a call that counts from that instant, whatever it was. Not active: where it stands, and no call."""
    active = state in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED)
    alarm = Alarm(state, active, onset=NOW if state in WAITS_FOR_A_PERSON else None)
    beneath = step(alarm, begins, at=NOW, latch=True, until=NOW).alarm
    assert (beneath.state, beneath.onset) == (state, None)
    left = step(beneath, ends, at=NOW, latch=True)
    assert (left.calls, left.alarm.onset) == ((True, NOW) if active else (False, None))
    assert left.alarm.state is (State.UNACKNOWLEDGED if active else state)
    assert left.alarm.until is None
