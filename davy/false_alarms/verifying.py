"""`davy budget verify`: does the budget hold? Streams that are simulated, and the normal stretches of real data, judged as a site judges.

A model is fitted on the first part and calibrated on the second; the setpoint comes from the calibration and, each day anew, from what was
published since, as the duty of the risk process does it; the rest is judged by the conditions of production and its false alarms are
counted. All of it is normal, so every alarm is false. Nothing that is judged is known to the setpoint that judges it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.signal import lfilter

from alerting.false_alarms import UNKNOWN, WEEK_S, Choice, Lasting, Numbers, choose, curve, moves
from core.batch import Float64, Int64
from davy.answer import progress
from davy.evaluate.calibration import KINDS
from davy.evaluate.judging import Alarm, Stream, alarms
from davy.evaluate.reading import headers, table
from davy.false_alarms.keeping import LEAST_NUMBER, rounded
from detectors.models.conformal import Calibration
from detectors.models.mewma import Mewma

LASTS: Final = 12  # windows, as core/site_models.py
DEADBAND: Final = 0.3  # as packs/system_limits.yaml
WINDOW_S: Final = 10.0
MEMBERS: Final = 5
DAYS_FITTED, DAYS_CALIBRATED, WEEKS_JUDGED = 1, 7, 6
DAY_S: Final = 86_400.0
BUDGET: Final = 2.0  # a week, of a simulated machine
# How far a stream remembers: windows that follow each other by chance, a machine that swings for minutes, one that swings for half an hour.
MEMORIES: Final = {"white": 0.0, "minutes": 0.9, "half-hour": 0.99}
ROWS_A_FALSE_ALARM: Final = (
    1_200  # of real data, which is too short for a week's budget: one false alarm in so many rows
)
FEW, MANY = 0.5, 2.0  # of the budget: what is called kept
COUNTED: Final = 3.0  # a stream on which fewer are expected says nothing by whether one came. Ours
REAL_DAY: Final = 1_440  # rows after which the setpoint of real data is looked at anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How a stream was judged.

    Args:
        false: alarms that began; weeks: in so long; per_week: the budget.
    """

    name: str
    per_week: float
    false: int
    weeks: float
    setpoint: float
    on_delay_s: float
    state: str

    @property
    def ratio(self) -> float:
        """Realised over budget."""
        return self.false / self.expected

    @property
    def expected(self) -> float:
        """What the budget allows in that time."""
        return round(self.per_week * self.weeks, 6)

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "stream": self.name, "per_week": self.per_week, "false_alarms": self.false, "expected": self.expected,
            "ratio": self.ratio, "setpoint": self.setpoint, "on_delay_s": self.on_delay_s, "state": self.state,
        }  # fmt: skip


def verify(folder: Path | None, seed: int) -> dict[str, Any]:
    """Realised over budgeted false alarms of each stream there is.

    Args:
        folder: of real data; None: simulated streams only.

    Raises:
        BadInput: the folder holds no table.
    """
    found = []
    for name, rows, fitted, calibrated, period_s, per_week in [*simulated(seed), *(real(folder) if folder else ())]:
        kept = judged(name, rows, fitted, calibrated, period_s, per_week)
        found.append(kept)
        progress(
            f"budget: {name}: {kept.false} false alarms, {kept.per_week * kept.weeks:.1f} by the budget, ratio {kept.ratio:.2f} "
            f"(setpoint {kept.setpoint:g} for {kept.on_delay_s:g} s, {kept.state})"
        )
    ratios = [each.ratio for each in found if each.expected >= COUNTED]
    return {
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "kept": all(FEW <= ratio <= MANY for ratio in ratios),
        "streams": [each.answer() for each in found],
    }


_Stream = tuple[
    str, Float64, int, int, float, float
]  # name, rows, how many fit, how many calibrate, period, budget a week


def simulated(seed: int) -> Iterator[_Stream]:
    """Machines whose signals move together and remember: rows, one a window of ten seconds."""
    rng = np.random.default_rng(seed)
    day = round(DAY_S / WINDOW_S)
    fitted, calibrated = DAYS_FITTED * day, DAYS_CALIBRATED * day
    for name, memory in MEMORIES.items():
        total = fitted + calibrated + WEEKS_JUDGED * 7 * day
        mixed = rng.normal(size=(MEMBERS, MEMBERS))
        yield (
            f"simulated-{name}",
            remembering(rng.normal(size=(total, MEMBERS)), memory) @ mixed,
            fitted,
            calibrated,
            WINDOW_S,
            BUDGET,
        )


def remembering(noise: Float64, memory: float) -> Float64:
    """A first-order autoregressive stream of unit variance."""
    found: Float64 = lfilter([np.sqrt(1.0 - memory * memory)], [1.0, -memory], noise, axis=0)
    return found


def real(folder: Path) -> Iterator[_Stream]:
    """The normal stretches of each data set that is there, one after the other with holes between them."""
    there = headers(folder)
    for name, kind in KINDS.items():
        parts = [kind.normal(table(header, 2)) for header in there if header.has(kind.columns)]
        if not parts:
            progress(f"budget: no files of {name} in {folder}")
            continue
        rows = _apart(parts)
        moving = np.nanstd(rows, axis=0) > 0.0
        fitted = calibrated = round(0.3 * len(rows))
        yield name, rows[:, moving], fitted, calibrated, 1.0, WEEK_S / ROWS_A_FALSE_ALARM


def _apart(parts: Sequence[Float64]) -> Float64:
    hole = np.full((Mewma.memory, parts[0].shape[1]), np.nan)
    return np.concatenate([each for part in parts for each in (part, hole)])


def judged(name: str, rows: Float64, fitted: int, calibrated: int, period_s: float, per_week: float) -> Kept:
    """Fits, calibrates, and counts the false alarms of the rest."""
    oddness = Mewma.fit(rows[:fitted]).oddness(rows)
    calibration = Calibration.of(oddness[fitted + Mewma.memory : fitted + calibrated])
    number = calibration.number(oddness)
    number[: fitted + Mewma.memory] = np.nan
    at = Stream.clockless(number[:, None], period_s).at
    day = REAL_DAY if period_s == 1.0 else round(DAY_S / period_s)
    lasting = Lasting(
        on_delay_s=LASTS * period_s,
        off_delay_s=LASTS * period_s,
        deadband=DEADBAND,
        least=LEAST_NUMBER,
        most=calibration.highest,
    )
    first, false, weeks = fitted + calibrated, 0, 0.0
    in_force: Choice | None = None
    for begin in range(first, len(rows), day):
        in_force = _next(in_force, at[:begin], number[:begin], period_s, len(calibration.oddness), lasting, per_week)
        part = slice(begin, min(begin + day, len(rows)))
        false += _false(at[part], number[part], in_force, lasting)
        weeks += float(np.isfinite(number[part]).sum()) * period_s / WEEK_S
    assert in_force is not None
    return Kept(
        name=name, per_week=per_week, false=false, weeks=weeks, setpoint=in_force.setpoint, on_delay_s=in_force.on_delay_s, state=in_force.state
    )  # fmt: skip


def _next(
    before: Choice | None, at: Int64, number: Float64, period_s: float, calibrated: int, lasting: Lasting, per_week: float
) -> Choice:  # fmt: skip
    recent = slice(max(len(number) - round(28 * DAY_S / period_s), 0), None)
    said = Numbers(at=at[recent], number=number[recent], period_s=period_s, calibrated=calibrated)
    found = rounded(choose(said, lasting, per_week), lasting)
    if found.state == UNKNOWN:
        return before or Choice(setpoint=2.3, on_delay_s=lasting.on_delay_s, state=UNKNOWN)
    if (
        before is None
        or before.state == UNKNOWN
        or found.state != before.state
        or found.on_delay_s != before.on_delay_s
    ):
        return found
    return found if moves(found.expected, _rate(said, lasting, before)) else before


def _rate(said: Numbers, lasting: Lasting, choice: Choice) -> float:
    return curve(said, replace(lasting, on_delay_s=choice.on_delay_s)).rate(choice.setpoint)


def _false(at: Int64, number: Float64, choice: Choice, lasting: Lasting) -> int:
    """Alarms that begin."""
    alarm = Alarm(
        setpoint=choice.setpoint,
        deadband=lasting.deadband,
        on_delay_s=choice.on_delay_s,
        off_delay_s=lasting.off_delay_s,
    )
    held = alarms(Stream(at, number[:, None]), (alarm,))[:, 0, 0].astype(np.int8)
    return int((np.diff(held, prepend=0) == 1).sum())
