"""Intervals in closed form: what a small number of events leaves open. Pure, no simulation, so a day gives the same ends for ever.

Sources: Wilson 1927 (a share), Garwood 1936 with the Wilson-Hilferty approximation of the chi-square quantile (a count),
order statistics and the binomial distribution (a quantile; e.g. Hahn and Meeker, Statistical Intervals, 1991, 5.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist


def share(part: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's interval of a share.

    Args:
        part: the share seen, 0-1; n: of how many.

    >>> [round(end, 2) for end in share(0.9, 10, 0.9)]
    [0.65, 0.98]
    >>> share(0.5, 0, 0.9)
    (0.0, 1.0)
    """
    if n <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    middle = (part + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(part * (1 - part) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, min(part, middle - half)), min(1.0, max(part, middle + half))


def count(events: int, level: float) -> tuple[float, float]:
    """Ends of the mean of which `events` is one draw (Poisson).

    >>> [round(end, 1) for end in count(0, 0.9)], [round(end, 1) for end in count(10, 0.9)]
    ([0.0, 3.0], [5.4, 17.0])
    """
    low = _chi_square((1 - level) / 2, 2 * events) / 2 if events else 0.0
    return low, _chi_square((1 + level) / 2, 2 * events + 2) / 2


def _chi_square(p: float, freedom: int) -> float:
    z = NormalDist().inv_cdf(p)
    return float(freedom * max(0.0, 1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))) ** 3)


def quantile_ends(rising: Sequence[float], p: float, level: float) -> tuple[float, float]:
    """Ends of a quantile of times: 0 below and infinite above where there are too few values to say.

    The quantile itself is `core.response_time.nearest_rank`; a value may be infinite, and then so may the ends.

    >>> quantile_ends([1, 2, 3], 0.9, 0.9)
    (2, inf)
    >>> quantile_ends(range(100), 0.9, 0.9)
    (84, 95)
    """
    n, tail = len(rising), (1 - level) / 2
    low, high, so_far = 0, n, 0.0
    for k in range(n + 1):
        so_far += _binomial(n, k, p)
        if so_far <= tail:
            low = k + 1
        elif so_far >= 1 - tail:
            high = k
            break
    return (rising[low - 1] if low else 0.0), (rising[high] if high < n else math.inf)


def _binomial(n: int, k: int, p: float) -> float:
    whole = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(whole + k * math.log(p) + (n - k) * math.log(1 - p))
