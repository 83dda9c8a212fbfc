"""How soon people answer: the one meaning of the time to acknowledge, for the score, the portfolio, the digest and the report. Pure.

An occurrence is timed from its first call to its first acknowledgement. One that nobody had acknowledged by the end of the
window counts as longer than any other, so that silence cannot improve a figure. Only while it is still within the target of
its priority does it count neither way: nobody has left it lying yet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

# What Davy learns of later than this is written down and calls nobody (design section 5), so nobody could answer it. Ours.
TOO_LATE_TO_CALL: Final = timedelta(minutes=15)
HALF: Final = 0.5
NINE_IN_TEN: Final = 0.9
NEVER: Final = math.inf


@dataclass(frozen=True, slots=True)
class Answer:
    """An occurrence that called somebody.

    Args:
        waited_s: from its first call until it was acknowledged, or until the end of the window where it was not.
    """

    priority: str
    waited_s: float
    answered: bool


@dataclass(frozen=True, slots=True)
class ResponseTime:
    """What there is to say of many.

    Args:
        counted: those that were acknowledged, or had waited beyond their target.
        unanswered: of them, those that nobody had acknowledged.
        p50_s, p90_s: the time within which half of them, nine in ten of them were acknowledged; None: more than half, more
            than a tenth were not, or none is counted.
    """

    counted: int = 0
    unanswered: int = 0
    p50_s: float | None = None
    p90_s: float | None = None


def response_time(answers: Iterable[Answer], targets_s: Mapping[str, float]) -> ResponseTime:
    """The figures of some occurrences.

    Args:
        targets_s: seconds to acknowledge, by priority.

    >>> quick, late = Answer("high", 60.0, True), Answer("high", 4000.0, False)
    >>> response_time([quick] * 9 + [late], {"high": 900.0})
    ResponseTime(counted=10, unanswered=1, p50_s=60.0, p90_s=60.0)
    >>> response_time([quick] * 8 + [late], {"high": 900.0})
    ResponseTime(counted=9, unanswered=1, p50_s=60.0, p90_s=None)
    """
    times = sorted(each.waited_s if each.answered else NEVER for each in answers if counts(each, targets_s))
    return ResponseTime(
        counted=len(times),
        unanswered=times.count(NEVER),
        p50_s=_finite(nearest_rank(times, HALF)),
        p90_s=_finite(nearest_rank(times, NINE_IN_TEN)),
    )


def counts(answer: Answer, targets_s: Mapping[str, float]) -> bool:
    """Whether it has been answered, or left lying beyond its target.

    >>> counts(Answer("high", 30.0, False), {"high": 900.0})
    False
    """
    return answer.answered or answer.waited_s > targets_s[answer.priority]


def nearest_rank(rising: Sequence[float], share: float) -> float | None:
    """The smallest value with at least `share` of them at or below it, so one that happened; None of nothing.

    >>> nearest_rank([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9), nearest_rank([5.0], 0.9), nearest_rank([], 0.9)
    (9, 5.0, None)
    """
    return rising[max(0, math.ceil(share * len(rising) - 1e-9) - 1)] if rising else None


def _finite(value: float | None) -> float | None:
    return None if value is None or value == NEVER else value
