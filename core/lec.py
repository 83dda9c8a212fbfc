"""The LEC method: how a declared hazard is graded, as likelihood x exposure x consequence. Pure.

Source: reference/domain.md 5.1 (Graham and Kinney's method, 作业条件危险性分析); the scales are those in common use in China.
Not verified against the text of a standard: nobody here has one. Where the product begins to be called high differs by
province, so the grades are data (packs/score), the scales alone are here.
"""

from __future__ import annotations

from typing import Final

LIKELIHOOD: Final = (0.1, 0.2, 0.5, 1.0, 3.0, 6.0, 10.0)  # practically impossible .. to be expected
EXPOSURE: Final = (0.5, 1.0, 2.0, 3.0, 6.0, 10.0)  # very rarely .. without a break
CONSEQUENCE: Final = (1.0, 3.0, 7.0, 15.0, 40.0, 100.0)  # noticeable .. a disaster with many deaths
SCALES: Final = {"likelihood": LIKELIHOOD, "exposure": EXPOSURE, "consequence": CONSEQUENCE}


def danger(likelihood: float, exposure: float, consequence: float) -> float:
    """D = L x E x C.

    >>> danger(3, 6, 15)
    270
    """
    return likelihood * exposure * consequence


def next_to(scale: tuple[float, ...], step: float) -> tuple[float, float]:
    """The steps below and above one, or the step itself at an end of the scale.

    >>> next_to(LIKELIHOOD, 1.0), next_to(LIKELIHOOD, 10.0)
    ((0.5, 3.0), (6.0, 10.0))
    """
    below = [each for each in scale if each < step]
    above = [each for each in scale if each > step]
    return (below[-1] if below else step), (above[0] if above else step)
