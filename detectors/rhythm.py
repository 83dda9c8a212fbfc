"""How often something speaks, learned from the pauses between its words.

Who speaks more slowly than it did is on its way to silence, so a period that is known is only ever made shorter: a longer one is
for a person to declare. A word is what arrives, however many readings it brings: between two of them there is nothing to hear.
The columns are their user's; the rule is a compiled function of one row.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.batch import NEVER, Int64
from core.kernel_cache import kernel
from detectors.contract import SECOND_US

# The period is the second longest of so many pauses: one message that was lost, one outage, teaches nothing. Ours: few enough that
# an hourly sensor is known within a working day.
PAUSES: Final = 8
# A period grows shorter by as much as the time of this many of it makes up: a burst, short in time however many its words,
# hardly counts; a sensor that was set to speak faster is believed. Ours.
BELIEVED_AFTER: Final = 20.0
# Nothing is known before this has passed since the first word, and twice the longest of the pauses: who is being commissioned speaks
# more often than it will. Ours.
KNOWN_AFTER_US: Final = 600 * SECOND_US


@kernel
def learn(
    d: int,
    at: int,
    span: int,
    since: int,
    word_us: int,
    began_at: Int64,
    spoke_at: Int64,
    pauses: Int64,
    count: Int64,
    period_us: Int64,
) -> None:
    """Row `d` speaks at `at`; all in microseconds.

    Args:
        span: what the word brings was gathered over so long, so a pause that long lies before it, though it be the first.
        since: a pause that began before this was not listened to as a whole, and teaches nothing.
        word_us: what comes within this of the beginning of a word belongs to that word.
        began_at: shape (rows,), when the first word began, moved on by pauses that taught nothing; `NEVER`: none was heard.
        spoke_at: shape (rows,), when the last word began; `NEVER`: none was heard.
        pauses: shape (rows, PAUSES), the last ones, from beginning to beginning.
        count: shape (rows,), how many there have been.
        period_us: shape (rows,), what is known; 0: nothing yet.
    """
    before = spoke_at[d]
    if before == NEVER or began_at[d] == NEVER:
        began_at[d] = spoke_at[d] = at
        if span < word_us:
            return
        pause = span
    elif before < since:
        began_at[d] += at - before
        spoke_at[d] = at
        return
    else:
        pause = at - before
        if pause < word_us:
            return
        spoke_at[d] = at
    pauses[d, count[d] % PAUSES] = pause
    count[d] += 1
    if count[d] < PAUSES:
        return
    longest = second = 0
    for k in range(PAUSES):
        if pauses[d, k] > longest:
            longest, second = pauses[d, k], longest
        elif pauses[d, k] > second:
            second = pauses[d, k]
    known = period_us[d]
    if known == 0:
        if at - began_at[d] >= max(KNOWN_AFTER_US, 2 * longest):
            period_us[d] = second
    elif second < known:
        period_us[d] = known - int((known - second) * min(1.0, pause / (BELIEVED_AFTER * known)))


@kernel
def at_least(d: int, pauses: Int64, count: Int64, period_us: Int64) -> int:
    """How long the pauses of row `d` are, microseconds: what is known; until then, the shortest of the last ones; 0: none was heard."""
    if period_us[d] > 0 or count[d] == 0:
        return int(period_us[d])
    shortest = int(pauses[d, 0])
    for k in range(1, min(count[d], PAUSES)):
        shortest = min(shortest, int(pauses[d, k]))
    return shortest


def compile_kernels() -> None:
    """Compiles the rule into numba's cache."""
    once = np.zeros(1, np.int64)
    pauses = np.zeros((1, PAUSES), np.int64)
    learn(0, 0, 0, NEVER, 1, once, once.copy(), pauses, once.copy(), once.copy())
    at_least(0, pauses, once, once)
