"""Repeats and gaps by (device, boot, seq)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.sequence import FILLED, FRESH, MOST_BOOTS, MOST_GAPS, REPEATED, UNKNOWN, GapRow, Sequences


def take(sequences: Sequences, *seqs: int, boot: int = 1) -> list[int]:
    """What is said of messages, one after the other."""
    return [sequences.take(1, boot, seq, 1000 * seq, 7, []) for seq in seqs]


def test_a_repeat_costs_nothing_and_a_gap_is_filled() -> None:
    """A message seen before is a repeat; one that was missing is taken, once."""
    sequences = Sequences()
    assert take(sequences, 5, 6, 6, 9, 7, 7, 8, 9) == [
        FRESH,
        FRESH,
        REPEATED,
        FRESH,
        FILLED,
        REPEATED,
        FILLED,
        REPEATED,
    ]
    assert sequences.missing(1) == 0


def test_below_the_first_message_nothing_is_known() -> None:
    """A message older than the first we saw is taken: the key of the table knows whether it is new."""
    assert take(Sequences(), 5, 4, 4) == [FRESH, UNKNOWN, UNKNOWN]


def test_a_new_boot_starts_anew() -> None:
    """A reset is not a loss: each boot has its own sequence."""
    sequences = Sequences()
    take(sequences, 100, 101)
    assert take(sequences, 0, 1, boot=2) == [FRESH, FRESH]
    assert sequences.missing(1) == 0
    assert take(sequences, 101) == [REPEATED]


def test_changes_say_what_the_table_must_learn() -> None:
    """A gap opens, splits around what came, and closes."""
    sequences, changes = Sequences(), list[GapRow]()
    for seq in (1, 6, 4, 2, 3, 5):
        sequences.take(1, 1, seq, 1000 * seq, 7, changes)
    assert [(c.first, c.last) for c in changes] == [(2, 5), (2, 3), (5, 5), (2, 1), (3, 3), (3, 2), (5, 4)]
    assert (changes[0].from_us, changes[0].until_us) == (1000, 6000)


def test_memory_is_bounded() -> None:
    """A device that loses every other message, or boots without end, takes no more than its share."""
    sequences = Sequences()
    take(sequences, *range(0, 1000, 2))
    assert sequences.missing(1) == MOST_GAPS
    assert take(sequences, 1) == [UNKNOWN]
    for boot in range(2, 50):
        take(sequences, 0, boot=boot)
    assert len(sequences.state()["stream"]) == MOST_BOOTS


@given(st.lists(st.integers(0, 40), max_size=80), st.integers(0, 80))
def test_every_message_is_taken_once(seqs: list[int], cut: int) -> None:
    """In any order with any repeats, across a restart: what lies at or above the first message is taken exactly once."""
    sequences = Sequences()
    said = take(sequences, *seqs[:cut])
    restored = Sequences()
    restored.restore(sequences.state())
    said += take(restored, *seqs[cut:])
    known = [(seq, answer) for seq, answer in zip(seqs, said, strict=True) if answer in (FRESH, FILLED)]
    expected = {seq for seq in seqs if seq >= seqs[0]} if seqs else set()
    assert sorted(seq for seq, _ in known) == sorted(expected)
    missing = set(range(min(expected), max(expected) + 1)) - expected if expected else set()
    assert restored.missing(1) == len(missing)
