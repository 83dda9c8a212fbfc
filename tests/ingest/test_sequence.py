"""Repeats and gaps by (device, boot, seq)."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sequence import FILLED, FRESH, MOST_RUNS, REPEATED, RESTARTED, UNKNOWN, Sequences
from ingest.stream import MOST_PARTS, NOTHING_SAID, Arrival, GapRow

SECOND = 1_000_000
DAY = 86_400 * SECOND
START = 20_000 * DAY  # when the device began, in October 2024


def take(
    sequences: Sequences, *seqs: int, boot: int = 1, begun: int = START, changes: list[GapRow] | None = None
) -> list[int]:
    """What is said of messages, one after the other; a device that began at `begun` sends one a second."""
    learnt = [] if changes is None else changes
    return [one(sequences, seq, begun + seq * SECOND, boot=boot, changes=learnt) for seq in seqs]


def one(
    sequences: Sequences,
    seq: int,
    said: int,
    *,
    boot: int = 1,
    received: int | None = None,
    changes: list[GapRow] | None = None,
) -> int:
    """What is said of one message that names a time."""
    received = said if received is None else received
    sent = received if said == NOTHING_SAID else said
    return sequences.take(Arrival(1, boot, seq, said, sent, received), 7, [] if changes is None else changes)


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
    """A hole is one row from when it is seen until all of it came; what is left of it, and between which instants, shrinks."""
    sequences, changes = Sequences(), list[GapRow]()
    take(sequences, 1, 6, 4, 2, 3, 5, changes=changes)
    assert {(c.first, c.last, c.from_us - START, c.until_us - START) for c in changes} == {(2, 5, SECOND, 6 * SECOND)}
    assert [c.missing for c in changes] == [4, 3, 2, 1, 0]
    left = [((c.left_from_us - START) // SECOND, (c.left_until_us - START) // SECOND) for c in changes]
    assert left == [(1, 6), (1, 6), (2, 6), (4, 6), (1, 6)]


def test_a_clock_set_back_within_a_hole_leaves_our_own_times() -> None:
    """What was sent before it would lie after what was sent after it: then the hole lies between our receipts."""
    sequences, changes = Sequences(), list[GapRow]()
    one(sequences, 1, START + DAY, received=START)
    one(sequences, 5, START + 9 * SECOND, received=START + 9 * SECOND, changes=changes)
    assert [(c.from_us, c.until_us) for c in changes] == [(START, START + 9 * SECOND)]


def test_memory_is_bounded() -> None:
    """A device that loses every other message, or boots without end, takes no more than its share; what is lost stays counted."""
    sequences, changes = Sequences(), list[GapRow]()
    take(sequences, *range(0, 1000, 2))
    assert sequences.missing(1) == MOST_PARTS
    assert take(sequences, 1) == [UNKNOWN]
    for boot in range(2, 50):
        take(sequences, 0, boot=boot)
    assert len(sequences.state()["stream"]) == MOST_RUNS
    sequences = Sequences()
    take(sequences, 0, 1000, *range(2, 400, 2), changes=changes)
    assert changes[-1].missing == 999 - 199
    assert len(sequences.state()["part"]) == MOST_PARTS


def test_a_device_that_forgot_its_boot_counter_loses_nothing() -> None:
    """It counts from 0 again under the same boot: every message is taken, and the restart is told apart from a loss."""
    sequences = Sequences()
    take(sequences, *range(1000))
    assert take(sequences, *range(1200), begun=START + DAY) == [RESTARTED, *[FRESH] * 1199]
    again = sequences.restart(1)
    assert again is not None
    assert (again.times, again.boot, again.before, again.seq, again.at_us) == (1, 1, 999, 0, START + DAY)
    assert sequences.missing(1) == 0


def test_repeats_of_either_run_are_repeats_after_a_restart() -> None:
    """A redelivery, or an hour of backlog sent once more, is dropped whichever run it is of; a hole of the old run is filled."""
    sequences = Sequences()
    take(sequences, *range(500), *range(510, 1000))
    take(sequences, *range(100), begun=START + DAY)
    assert set(take(sequences, *range(100), begun=START + DAY)) == {REPEATED}
    assert set(take(sequences, *range(500), *range(510, 1000))) == {REPEATED}
    assert set(take(sequences, *range(500, 510))) == {FILLED}
    assert sequences.missing(1) == 0
    assert take(sequences, 100, begun=START + DAY) == [FRESH]


def test_a_restart_under_a_clock_that_was_set_back_loses_nothing() -> None:
    """27 hours ahead before it began again, right afterwards: what it names was never seen at such numbers."""
    sequences = Sequences()
    take(sequences, *range(5000), begun=START + 27 * 3600 * SECOND)
    assert take(sequences, *range(3), begun=START + 5000 * SECOND) == [RESTARTED, FRESH, FRESH]


def test_a_device_without_a_clock_is_told_by_its_milliseconds() -> None:
    """It begins in 1970 each time: another millisecond at the same number is another message, the same one is a repeat."""
    sequences = Sequences()
    assert [one(sequences, seq, 3_012_000 + seq * SECOND, received=START + seq) for seq in range(50)] == [FRESH] * 50
    assert one(sequences, 0, 3_012_000, received=START + DAY) == REPEATED
    assert one(sequences, 0, 3_013_000, received=START + DAY) == RESTARTED


def test_what_says_nothing_is_no_restart() -> None:
    """A rejected message that comes again names no time: it is a repeat, and its number is no hole."""
    sequences = Sequences()
    assert one(sequences, 0, NOTHING_SAID, received=START) == FRESH
    assert take(sequences, 1) == [FRESH]
    assert one(sequences, 0, NOTHING_SAID, received=START + DAY) == REPEATED


def test_a_gateway_that_stamps_its_sending_anew_does_not_look_restarted() -> None:
    """What was measured names the message, not when it was sent: sent again with another `sent_at`, it is a repeat."""
    sequences = Sequences()
    take(sequences, 0, 1, 2)
    later = START + DAY
    assert sequences.take(Arrival(1, 1, 1, START + SECOND, later, later), 7, []) == REPEATED


def test_counters_that_go_round_are_no_restart() -> None:
    """After 65,535 (16 bits), 2^31 - 1 or 2^32 - 1 comes 0: nothing is dropped and nobody is told of a restart."""
    for size in (1 << 16, 1 << 31, 1 << 32):
        sequences = Sequences()
        assert take(sequences, size - 3, size - 2, size - 1) == [FRESH] * 3
        said = [one(sequences, seq, START + (size + seq) * SECOND) for seq in range(200)]
        assert REPEATED not in said
        assert sequences.restart(1) is None


def test_below_what_was_ever_heard_a_new_time_is_a_restart() -> None:
    """Davy came when the device was at 5000: it begins again at 0. A backlog from before, or a time to come, is none."""
    sequences = Sequences()
    take(sequences, 5000, 5001)
    assert take(sequences, 10, 11) == [UNKNOWN, UNKNOWN]
    assert one(sequences, 12, START + 27 * 3600 * SECOND, received=START + 5002 * SECOND) == UNKNOWN
    assert take(sequences, 0, 1, begun=START + 5003 * SECOND) == [RESTARTED, FRESH]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 120), st.integers(1, 40 * 3600)), min_size=1, max_size=4), st.integers(0, 10**6)
)
def test_nothing_of_any_run_is_lost_and_nothing_is_taken_twice(runs: list[tuple[int, int]], seed: int) -> None:
    """Whatever a device counts, however often it begins again, and whatever of it is repeated at any time by its gateway: each
    message is taken once, and a checkpoint at any place changes no answer.
    """
    rng, sent, begun, wanted = random.Random(seed), list[tuple[int, int]](), START, 0
    for length, pause in runs:
        fresh = [(seq, begun + seq * SECOND) for seq in range(length)]
        wanted += length
        for message in fresh:
            sent.append(message)
            if rng.random() < 0.03:
                sent.extend(sent[-rng.randrange(1, 60) :])
        begun += length * SECOND + pause * SECOND
    cut = rng.randrange(len(sent) + 1)
    sequences, restored = Sequences(), Sequences()
    said = [one(sequences, seq, at, received=begun) for seq, at in sent[:cut]]
    restored.restore(sequences.state())
    more = [one(restored, seq, at, received=begun) for seq, at in sent[cut:]]
    assert more == [one(sequences, seq, at, received=begun) for seq, at in sent[cut:]]
    assert sum(answer != REPEATED for answer in said + more) == wanted
    assert sequences.missing(1) == 0


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


def test_a_hole_of_which_much_was_given_up_is_let_go_of() -> None:
    """A backlog sent again with losses in it: what is not waited for any more stays missing, and stops nothing later."""
    sequences = Sequences()
    take(sequences, 0, 1000, *range(2, 4 * MOST_PARTS, 2))
    given_up = sequences.missing(1)
    take(sequences, *(seq for seq in range(1, 1000) if seq % 2 or seq > 4 * MOST_PARTS))
    assert 0 < sequences.missing(1) < given_up or sequences.missing(1) == 0
    take(sequences, *range(1002, 1002 + 4 * MOST_PARTS, 2))  # as many holes again
    assert sequences.newest(1) is not None
    assert take(sequences, 1002 + 4 * MOST_PARTS) == [FRESH]


def test_what_a_device_held_back_from_before_it_began_again_is_no_loss() -> None:
    """The end of the run before, sent after the first messages of the next: it opens no gap in either."""
    sequences = Sequences()
    later = START + DAY
    changes: list[GapRow] = []
    take(sequences, *range(1000, 1011), changes=changes)
    assert take(sequences, 0, 1, 2, begun=later, changes=changes) == [RESTARTED, FRESH, FRESH]
    assert take(sequences, 1011, 1012, changes=changes) == [FILLED, FILLED]
    assert take(sequences, 1012, changes=changes) == [REPEATED]
    assert take(sequences, 3, 4, begun=later, changes=changes) == [FRESH, FRESH]
    assert sequences.missing(1) == 0
    assert changes == []


def test_what_was_rejected_whole_is_taken_when_it_comes_again() -> None:
    """It named no time, so it cannot be known as the message of that number: it is taken, and nothing counts as missing."""
    sequences = Sequences()
    assert take(sequences, 0, 1) == [FRESH, FRESH]
    assert [one(sequences, seq, NOTHING_SAID, received=START + seq * SECOND) for seq in (2, 3)] == [FRESH, FRESH]
    assert take(sequences, 2, 3) == [RESTARTED, FRESH]  # the page says that it may be either
    assert take(sequences, 4) == [FRESH]
    assert sequences.missing(1) == 0
