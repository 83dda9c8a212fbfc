"""Whether what was declared normal holds something that is not: before a fit is kept, a robust fit and the version in force look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64
from core.model_setup import PLAIN, ModelSetup
from davy.models.flagged import instant
from detectors.models.contract import whole_rows
from detectors.models.situation import Situation
from detectors.store.windows import begin_of

# Ours. Odd windows among those that calibrate raise what counts as odd: a fault in one of ten of them is never beyond one in two hundred.
# A lower share would refuse what is normal: of 15 normal stretches of SKAB, 400 s of a rig that drifts, 3 hold more than this and 6 more
# than half of it; of the same files whole, a third of each a fault, 7 hold more than either.
MOST_ODD: Final = 0.1
SEED: Final = 0
MOST_ROWS: Final = 5_000  # evenly taken for the robust fit; all of them are then measured by it
KEPT_SHARE: Final = 0.75  # of the windows, the ones that lie closest together: up to a quarter may be anything at all
STEADIED: Final = 6  # windows averaged first: one odd window is noise, and what lasts shows
# Of normal windows that were Gaussian, one in ten thousand would lie further out; machines are not, hence so far.
FAR: Final = 0.9999
JITTER: Final = 1e-4  # of a standard deviation: members that are copies of each other still have a covariance

Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contamination:
    """What two judges found odd in an interval.

    Args:
        windows: complete ones, in a state that is judged.
        odd: that a robust fit finds odd.
        longest: the longest run of those, from when until when; None: there is none.
        by_version: the version in force; None: there is none, or it was fitted on something else.
        beyond: windows that it finds beyond its setpoint.
    """

    windows: int
    odd: int
    longest: tuple[datetime, datetime] | None
    by_version: int | None = None
    beyond: int | None = None

    @property
    def share(self) -> float:
        """The larger of the two shares."""
        return max(self.odd, self.beyond or 0) / max(self.windows, 1)

    @property
    def is_too_much(self) -> bool:
        """Whether somebody must say why this is normal all the same."""
        return self.share > MOST_ODD

    def sentence(self) -> str:
        """For a person."""
        told = f"A robust fit finds {self.odd} of {self.windows} windows ({self.odd / max(self.windows, 1):.1%}) odd"
        if self.longest is not None:
            told += f", the longest stretch from {instant(self.longest[0])} to {instant(self.longest[1])}"
        if self.by_version is not None and self.beyond is not None:
            told += f"; version {self.by_version}, which is in force, finds {self.beyond} of them ({self.beyond / max(self.windows, 1):.1%}) beyond its setpoint"
        return f"{told}."

    def kept(self, overruled: str | None) -> dict[str, Any]:
        """As it stands in `detector_model.contamination`."""
        return {
            "windows": self.windows,
            "odd": self.odd,
            "longest": None if self.longest is None else [at.isoformat() for at in self.longest],
            "by_version": self.by_version,
            "beyond": self.beyond,
            "most": MOST_ODD,
            "overruled": overruled,
        }


def look(
    rows: Float64,
    *,
    first: int,
    window_s: float,
    in_force: tuple[int, Float64] | None = None,
    setpoint: float,
    names: Sequence[str] = (),
    setup: ModelSetup = PLAIN,
    without: Bool | None = None,
) -> Contamination:
    """Looks at the windows that are to be learnt from.

    Args:
        rows: shape (n, members), a window each from number `first` on; NaN where a member is missing or the window is cut.
        in_force: the version in force with its number of each row.
        setpoint: from which its number counts as beyond.
        names, setup: of the members, and what they are to each other.
        without: windows that are not learnt from anyway; bool, shape (n,).
    """
    odd, complete = odd_as_declared(rows, names, setup, without)
    by_version, beyond = None, None
    if in_force is not None:
        by_version, beyond = in_force[0], int((complete & (in_force[1] >= setpoint)).sum())
    longest = longest_run(odd)
    return Contamination(
        windows=int(complete.sum()),
        odd=int(odd.sum()),
        longest=None if longest is None else (begin_of(first + longest[0], window_s), begin_of(first + longest[1], window_s)),
        by_version=by_version,
        beyond=beyond,
    )  # fmt: skip


def odd_as_declared(
    rows: Float64, names: Sequence[str], setup: ModelSetup, without: Bool | None = None
) -> tuple[Bool, Bool]:
    """Which windows a robust fit finds odd, and which it looked at: each among those of its state, a slow member by what its load leaves.

    Taken as they are, of two declared states the rarer one would be odd, and so would each hour that is warmer than the last.

    Args:
        without: windows that are not to be looked at.

    Returns:
        bool, shape (n,) each.

    Raises:
        BadInput: too few windows for the slow members.
    """
    plain = setup.judging() == PLAIN.judging()
    situation = Situation(judged=tuple(range(rows.shape[1]))) if plain else Situation.fit(rows, names, setup)
    seen, state = situation.seen(rows), situation.state(rows)
    looked = whole_rows(seen) & (state >= 0) & ~np.isin(state, list(situation.resting))
    if without is not None:
        looked &= ~without
    odd = np.zeros(len(rows), np.bool_)
    for number in np.unique(state[looked]).tolist():
        odd |= robustly_odd(np.where((looked & (state == number))[:, None], seen, np.nan))
    return odd, looked


def robustly_odd(rows: Float64) -> Bool:
    """Which windows lie far from the three quarters that lie closest together; bool, shape (n,).

    The minimum covariance determinant of windows that were averaged over `STEADIED` of them; distances are set so that half the windows
    lie where half of Gaussian ones would.

    Source: Rousseeuw and Van Driessen, Technometrics 41 (1999), as `sklearn.covariance.MinCovDet`; the cut-off is ours.
    Fails when: less than three quarters of the interval are one way of running: of two operating points the rarer one is odd.
    """
    from scipy.stats import chi2
    from sklearn.covariance import MinCovDet

    complete = whole_rows(rows)
    odd = np.zeros(len(rows), np.bool_)
    if complete.sum() <= 2 * rows.shape[1]:
        return odd
    steady = _steadied(rows[complete])
    level = np.median(steady, axis=0)
    spread = 1.4826 * np.median(np.abs(steady - level), axis=0)
    spread = np.where(spread > 0, spread, np.std(steady, axis=0))
    z = (steady - level) / np.where(spread > 0, spread, 1.0)
    z += JITTER * np.random.default_rng(SEED).standard_normal(z.shape)
    some = np.unique(np.linspace(0, len(z) - 1, min(len(z), MOST_ROWS)).astype(np.intp))
    distance = MinCovDet(support_fraction=KEPT_SHARE, random_state=SEED).fit(z[some]).mahalanobis(z)
    members = rows.shape[1]
    usual = float(np.median(distance)) / float(chi2.ppf(0.5, members))
    odd[complete] = distance > usual * float(chi2.ppf(FAR, members))
    return odd


def longest_run(odd: Bool) -> tuple[int, int] | None:
    """Where the longest run of odd windows begins and ends; None where there is none.

    >>> longest_run(np.array([True, False, True, True]))
    (2, 4)
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], odd.astype(np.int8), [0]])))
    if len(edges) == 0:
        return None
    begins, ends = edges[::2], edges[1::2]
    place = int(np.argmax(ends - begins))
    return int(begins[place]), int(ends[place])


def _steadied(rows: Float64) -> Float64:
    """The mean of each row and those before it, `STEADIED` of them at most."""
    sums = np.cumsum(np.vstack([np.zeros(rows.shape[1]), rows - rows.mean(axis=0)]), axis=0)
    ends = np.arange(1, len(rows) + 1)
    begins = np.maximum(ends - STEADIED, 0)
    found: Float64 = (sums[ends] - sums[begins]) / (ends - begins)[:, None]
    return found
