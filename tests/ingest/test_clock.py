"""Instants of readings: design section 4, step 3."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.clock import CLOCK_FLAG, Clocks, instants
from tests.ingest.plant import START_US

SECOND = 1_000_000
HOUR = 3600 * SECOND
TOLERANCE = 5 * SECOND


def judged(stamp_us: int, sent_us: int, received_us: int, trusted: bool) -> tuple[int, int, int]:
    """(measured, judged, flag) of one reading."""
    one = np.array([1], np.int64)
    measured, at, received, flag = instants(
        one, np.array([sent_us]), np.array([received_us]), np.array([trusted]), np.array([stamp_us]), TOLERANCE
    )
    assert received.tolist() == [received_us]
    return int(measured[0]), int(at[0]), int(flag[0])


def test_a_good_clock_is_believed() -> None:
    """Within tolerance the device's stamp is both key and judged time."""
    stamp = START_US - 300
    assert judged(stamp, START_US - 100, START_US, True) == (stamp, stamp, 0)


@pytest.mark.parametrize("off", [-27 * HOUR, 27 * HOUR])
def test_a_clock_27_hours_off_is_judged_by_our_receipt(off: int) -> None:
    """The reading keeps the device's stamp as its key and is judged as old as the device says it is."""
    stamp = START_US + off - 2 * SECOND
    assert judged(stamp, START_US + off, START_US, False) == (stamp, START_US - 2 * SECOND, CLOCK_FLAG)


@pytest.mark.parametrize("stamp", [0, 4_070_908_800 * SECOND])
def test_an_absurd_stamp_is_replaced_in_the_key_too(stamp: int) -> None:
    """1970 and 2099 cannot be keys: the reading takes the instant it is judged at."""
    assert judged(stamp, stamp, START_US, False) == (START_US, START_US, CLOCK_FLAG)
    assert judged(stamp, START_US, START_US, True) == (START_US, START_US, CLOCK_FLAG)


def test_a_stamp_from_the_future_does_not_make_later_readings_late() -> None:
    """With a good clock and a stamp a day ahead the key stays, but judged time never runs ahead of receipt."""
    stamp = START_US + 24 * HOUR
    assert judged(stamp, START_US, START_US, True) == (stamp, START_US, CLOCK_FLAG)


def test_positions_keep_absurd_readings_apart() -> None:
    """Readings of one message without usable stamps take receipt + their position in microseconds."""
    measured, at, _, _ = instants(
        np.array([3]), np.array([START_US]), np.array([START_US]), np.array([True]), np.zeros(3, np.int64), TOLERANCE
    )
    assert measured.tolist() == at.tolist() == [START_US, START_US + 1, START_US + 2]


def trusts(*messages: tuple[int, int, bool], boot: int = 1, clocks: Clocks | None = None) -> list[bool]:
    """What is said of messages (sent, received, newest) in seconds after the start."""
    clocks = clocks or Clocks(TOLERANCE)
    return [
        clocks.trust(1, boot, START_US + sent * SECOND, START_US + received * SECOND, newest)
        for sent, received, newest in messages
    ]


def test_a_backlog_is_no_wrong_clock() -> None:
    """Messages held up on their way lag; the clock of a device known to be right stays right."""
    assert trusts((0, 0, True), (1, 601, True), (2, 601, True), (600, 601, True)) == [True] * 4


def test_a_clock_set_back_is_noticed_at_once() -> None:
    """A newer message with an older `sent_at` means that the clock was set, not that the message was held up."""
    day = 27 * 3600
    clocks = Clocks(TOLERANCE)
    assert trusts((0, 0, True), (1 - day, 1, True), (2 - day, 2, True), clocks=clocks) == [True, False, False]
    assert clocks.offset_us(1) == -day * SECOND
    assert trusts((3, 3, True), clocks=clocks) == [True]


def test_a_clock_set_forward_and_mended_is_noticed() -> None:
    """27 hours ahead, then right again: recovery is noticed with the first message."""
    day = 27 * 3600
    assert trusts((0, 0, True), (1 + day, 1, True), (2, 2, True)) == [True, False, True]


def test_a_new_boot_may_have_a_new_clock() -> None:
    """What was known of the clock before a boot says nothing of it afterwards."""
    clocks = Clocks(TOLERANCE)
    assert trusts((0, 0, True), clocks=clocks) == [True]
    assert trusts((-900, 1, True), boot=2, clocks=clocks) == [False]


def test_old_messages_say_nothing_of_the_clock() -> None:
    """A resend, however old, does not look like a clock set back."""
    assert trusts((100, 100, True), (40, 101, False), (101, 101, True)) == [True] * 3


def test_state_goes_on() -> None:
    """Restored clocks answer as the old ones would."""
    clocks, restored = Clocks(TOLERANCE), Clocks(TOLERANCE)
    trusts((0, 0, True), clocks=clocks)
    restored.restore(clocks.state())
    assert trusts((-600, 1, False), clocks=restored) == trusts((-600, 1, False), clocks=clocks) == [True]


def test_a_clock_that_is_right_again_is_believed_again() -> None:
    """Ahead, then mended by less than the pause between messages, or our own clock was set: no device is distrusted for ever."""
    assert trusts((600, 0, True), (1200, 600, True), (1200, 1200, True), (1800, 1800, True)) == [
        False,
        False,
        True,
        True,
    ]
    assert trusts((600, 0, True), (1203, 1200, False)) == [False, False]
