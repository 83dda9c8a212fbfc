"""The hash chain: what was written cannot be changed, dropped or inserted unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerting.chain import Link, canonical, genesis, hash_of, verify

AT = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
FIRST = Link(
    company_id=1, definition_id=2, sensor_id=3, number=1, occurrence_id=4, at=AT, recorded_at=AT, event="raise",
    from_state="A", to_state="B", suppression="none", value=26.5, person_id=None, reason=None, until=None, batch_no=9,
)  # fmt: skip

Row = tuple[Link, bytes, bytes]


def chained(*links: Link) -> list[Row]:
    rows: list[Row] = []
    last: dict[tuple[int, int], bytes] = {}
    for link in links:
        previous = last.get((link.definition_id, link.sensor_id), genesis(link.definition_id, link.sensor_id))
        hashed = hash_of(previous, link)
        last[link.definition_id, link.sensor_id] = hashed
        rows.append((link, previous, hashed))
    return rows


ROWS = chained(
    FIRST,
    replace(
        FIRST, number=2, event="acknowledge", from_state="B", to_state="C", value=None, person_id=5, reason="看过了"
    ),
    replace(FIRST, number=3, event="clear", from_state="C", to_state="A", at=AT + timedelta(hours=1)),
    replace(FIRST, sensor_id=8, value=float("nan")),
)


def test_an_untouched_chain_holds() -> None:
    """Rows of several alarms, one after the other."""
    assert verify(ROWS) is None
    assert verify([]) is None


@pytest.mark.parametrize("name", Link.__slots__)
def test_no_column_can_be_changed(name: str) -> None:
    """Every column of a transition is part of its hash."""
    link = ROWS[2][0]
    other: Any = {"at": AT, "recorded_at": AT - timedelta(microseconds=1), "until": AT}.get(name, 77)
    forged = [*ROWS[:2], (replace(link, **{name: other}), *ROWS[2][1:]), ROWS[3]]
    assert verify(forged) is not None


def test_the_first_broken_link_is_named() -> None:
    """The sentence names the alarm and what is wrong with which transition."""
    changed = verify([ROWS[0], (replace(ROWS[1][0], person_id=6), *ROWS[1][1:]), ROWS[2]])
    assert changed is not None
    assert (changed.number, changed.sentence) == (
        2, "Alarm of definition 2 and sensor 3: transition 2 was changed after it was written.",
    )  # fmt: skip
    dropped = verify([ROWS[0], ROWS[2]])
    assert dropped is not None
    assert "transition 2 is missing: 3 stands in its place" in dropped.sentence
    renumbered = verify([ROWS[0], (replace(ROWS[2][0], number=2), *ROWS[2][1:])])
    assert renumbered is not None
    assert "does not hang on the one before it" in renumbered.sentence


def test_a_rewritten_chain_does_not_hang_on_its_genesis() -> None:
    """Transitions cannot be moved to another alarm."""
    moved = [(replace(link, sensor_id=9), previous, hashed) for link, previous, hashed in ROWS[:2]]
    assert verify(moved) is not None


def test_the_canonical_form_is_fixed() -> None:
    """Rows written today verify for years: the bytes must never change."""
    assert hash_of(genesis(2, 3), FIRST).hex() == GOLDEN
    assert canonical(replace(FIRST, replayed=False)) == canonical(FIRST)
    assert hash_of(genesis(2, 3), replace(FIRST, replayed=True)).hex() != GOLDEN
    assert canonical(replace(FIRST, value=float("-inf"))).count(b'"value":"-inf"') == 1


GOLDEN = "4166c7fe7d188dfb732c84bedf97c4e7076acf6979207e3b32593d2be54e646a"
