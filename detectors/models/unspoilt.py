"""An interval that may hold hours that were not normal: which of its windows most of the others do not go along with."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64
from core.errors import BadInput
from detectors.models.contract import whole_rows
from detectors.models.mewma import pulled, row_sums, shrunk_covariance, smoothed

SEED: Final = 0
ONE_IN: Final = 10_000  # normal windows, were they Gaussian: few enough that what calibrates stays what is normal
MOST_KEPT: Final = 3_000  # rows that the estimate is made of, evenly taken: a few seconds for fifty members
BEFORE: Final = 10  # windows before one that stands out: what is smoothed is late
TIGHTEST: Final = 0.75  # of the rows make the estimate; half of them would be one part of a load's course
MOST_LEFT_OUT: Final = 0.25  # of the interval: beyond, the estimate itself is made of what is not normal
NEIGHBOURS: Final = 10.0  # rows that say about the same: the shrinkage counts one of so many as independent

Bool = NDArray[np.bool_]


def unspoilt(fit: Float64, calibration: Float64) -> tuple[Bool, Bool]:
    """Which rows of the two halves of an interval, all of one state of the machine, may be learnt from.

    The centre and the covariance are those of the tightest three quarters of the earlier part's rows (MCD), as they are and smoothed as
    `mewma` smooths them, shrunk as there; what lies beyond all but one in 10,000 of a Gaussian's rows is left out, and the ten rows
    before it. On three simulated machines whose interval was spoilt by 0, 12 and 20 %, all that was spoilt was left out and at most 1.3 %
    of what was not; with the raw estimate, unshrunk, a third of a normal interval was.

    Source: minimum covariance determinant, Rousseeuw (1985); FAST-MCD, Rousseeuw and Van Driessen, Technometrics 41 (1999), as
        scikit-learn has it, with a fixed seed; Ledoit and Wolf, J. Multivariate Analysis 88 (2004).
    Fails when: nearly a quarter of the interval or more is not normal; the machine has states and they are not declared: the rarer one is
        then what does not go along.

    Args:
        fit, calibration: shape (n, members), in time order; NaN where a member was missing.

    Returns:
        bool, shape (n,) each.

    Raises:
        BadInput: more than a quarter would be left out, or most of the rows are the same.
    """
    found = []
    scaled = _scaled(fit, fit), _scaled(calibration, fit)
    raw = _beyond(scaled[0], scaled)
    late = _beyond(smoothed(scaled[0]), (smoothed(scaled[0]), smoothed(scaled[1])))
    for one, other in zip(raw, late, strict=True):
        spoilt = one | other
        for back in range(1, BEFORE + 1):
            spoilt[:-back] |= (one | other)[back:]
        found.append(~spoilt)
    whole = whole_rows(fit), whole_rows(calibration)
    out = sum(int((there & ~kept).sum()) for there, kept in zip(whole, found, strict=True))
    if out > MOST_LEFT_OUT * sum(int(there.sum()) for there in whole):
        raise BadInput(
            f"{out} of the interval's windows do not go along with the others: that is too many to say which of them are normal. "
            "Choose another interval, or declare the states that the machine runs in."
        )
    return found[0], found[1]


def _beyond(fit: Float64, parts: tuple[Float64, Float64]) -> list[Bool]:
    """Of each part which rows lie beyond; where a value is missing none does."""
    from scipy.stats import chi2
    from sklearn.covariance import MinCovDet  # here: it takes a second

    complete = fit[whole_rows(fit)]
    members = fit.shape[1]
    if len(complete) <= 2 * members:  # of runs so short that next to nothing of them is smoothed
        return [np.zeros(len(part), np.bool_) for part in parts]
    kept = complete[np.unique(np.linspace(0, len(complete) - 1, min(len(complete), MOST_KEPT)).astype(np.intp))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of members that say the same: their covariance is shrunk below
            tightest = kept[MinCovDet(random_state=SEED, support_fraction=TIGHTEST).fit(kept).raw_support_]
    except ValueError as error:
        raise BadInput(
            "Most of the interval's windows are alike to the last digit, so nothing can be told from them; fit it without --contaminated."
        ) from error
    centre = tightest.mean(axis=0)
    covariance, _ = shrunk_covariance(tightest, independent=len(tightest) / NEIGHBOURS)
    precision = np.linalg.inv(covariance).astype(np.float64)
    distances = [row_sums((part - centre) * pulled(part - centre, precision)) for part in parts]
    usual = float(np.nanquantile(distances[0], TIGHTEST)) / float(chi2.ppf(TIGHTEST, members))
    bound = float(chi2.ppf(1.0 - 1.0 / ONE_IN, members)) * usual
    return [np.isfinite(each) & (each > bound) for each in distances]


def _scaled(rows: Float64, fit: Float64) -> Float64:
    """In the fit's middle and its spread, as a wild row moves neither."""
    low, middle, high = np.nanpercentile(fit, [25.0, 50.0, 75.0], axis=0)
    spread = np.where(high > low, high - low, 1.0)
    found: Float64 = (rows - middle) / spread
    return found
