"""What a statistical alarm's number said of normal operation: a model's calibration and what it has published since; of a sensor's detector the
number of the readings that are kept.

Of normal operation is what nobody has called a danger, a near miss or a test. What people called nuisance belongs to it: a budget that forgot
its own false alarms would be kept on paper only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection

from alerting.false_alarms import Numbers
from alerting.store.false_alarms import BudgetLimit, not_normal
from core.batch import Float64, Int64, ReadingBatch
from core.errors import BadInput
from core.model import AlarmDefinition, DefinitionSet, Priority
from davy.false_alarms import store
from davy.models.flagged import Flagged, cut
from detectors.models.fitting import Fitted, halves, left_out
from detectors.registry import detector_class
from detectors.settled import Settled, SettledParameters
from detectors.store.models import FittedRow, Plan, load_fitted, load_plans
from detectors.store.versions import load_version
from detectors.store.windows import begin_of, means, window_of

US: Final = 1_000_000
PUBLISHED: Final = timedelta(days=28)  # four weeks hold what comes each week
KEPT: Final = timedelta(days=7)  # readings that every database keeps (docs/explanation/retention.md)
FEWEST_READINGS: Final = 1_000  # below that a detector has hardly warmed up
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
AFTER: Final = timedelta(minutes=10)  # what was not normal leaves its trace in smoothed numbers. Ours


@dataclass(frozen=True, slots=True)
class Said:
    """What there is to judge by.

    Args:
        numbers: None: nothing yet.
        why: where there is nothing, what is missing.
    """

    numbers: Numbers | None
    why: str = ""


def said_of(connection: Connection[Any], limit: BudgetLimit, now: datetime) -> Said:
    """The numbers of normal operation of one limit, the oldest first; what cannot judge says why, and the other limits go on."""
    try:
        return _of_sensor(connection, limit, now) if limit.model is None else _of_model(connection, limit, now)
    except BadInput as error:
        return Said(None, str(error).rstrip("."))


def _of_model(connection: Connection[Any], limit: BudgetLimit, now: datetime) -> Said:
    plan = next((each for each in load_plans(connection) if each.key == limit.model), None)
    if plan is None:
        return Said(None, "not declared any more")
    row, began = _in_force(connection, plan, limit.sensor.removeprefix("_"))
    if row is None:
        return Said(None, "not fitted yet")
    calibrated = round(10.0**row.highest) - 1  # windows that its p-values are ranks among
    first_at, first = _calibration(connection, plan, row, calibrated)
    since = max(began, now - PUBLISHED)
    at, number = store.published(connection, limit.sensor_id, since, now)
    number = _without(at, number, not_normal(connection, limit, since, now))
    numbers = Numbers(
        at=np.concatenate([first_at, at]),
        number=np.concatenate([first, number]),
        period_s=row.window_s,
        calibrated=calibrated,
    )
    return Said(numbers) if numbers.seconds else Said(None, "nothing published yet")


def _in_force(connection: Connection[Any], plan: Plan, kind: str) -> tuple[FittedRow | None, datetime]:
    """The version by which the model is judged, and since when: that put in force last, or where none was, the newest."""
    found = [each for each in load_fitted(connection, plan.asset_id) if each.kind == kind]
    promoted = store.version_in_force(connection, plan.asset_id)
    row = next((each for each in found if promoted is None or each.version == promoted[0]), None)
    if row is None:
        return None, _NEVER
    return row, row.fitted_at if promoted is None else promoted[1]


def _calibration(connection: Connection[Any], plan: Plan, row: FittedRow, calibrated: int) -> tuple[Int64, Float64]:
    """The number of each window that calibrates, in the order of time, where its readings are still there: they are the last of the interval.

    What was cut from the interval as flagged, and what a doubted one left out, calibrated nothing: it is no normal operation here either.
    """
    if list(plan.names) != list(row.members):
        return np.empty(0, np.int64), np.empty(0)
    first, last = window_of(row.trained_from, row.window_s), window_of(row.trained_until, row.window_s)
    sensors = [member.sensor_id for member in plan.members]
    rows = means(connection, sensors, first=first, count=last - first, window_s=row.window_s)
    kept = next(each for each in load_version(connection, row.asset_id, row.version) if each.kind == row.kind)
    rows = cut(rows, [Flagged.of(each) for each in kept.cut], first=first, window_s=row.window_s)
    fitted = Fitted.restored(row.kind, row.members, row.parameters)
    number = fitted.number(rows, row.members)
    if fitted.robust:
        memory, setup = int(kept.made_with["between"]), fitted.setup
        try:
            parts = halves(rows, row.members, window_s=row.window_s, memory=memory, setup=setup)
            number[left_out(parts, row.members, setup, len(rows))] = np.nan
        except BadInput:  # its readings are gone, or most of them: what it has published since says more
            return np.empty(0, np.int64), np.empty(0)
    known = np.flatnonzero(np.isfinite(number))[-calibrated:]
    ends = [_micros(begin_of(first + int(place) + 1, row.window_s)) for place in known]
    return np.array(ends, np.int64), number[known]


def _of_sensor(connection: Connection[Any], limit: BudgetLimit, now: datetime) -> Said:
    since = now - KEPT
    at, value, quality = store.readings(connection, limit.sensor_id, since, now)
    return of_readings(limit, at, value, quality, not_normal(connection, limit, since, now))


def of_readings(
    limit: BudgetLimit,
    at: Int64,
    value: Float64,
    quality: Sequence[int] | Any,
    flagged: Sequence[tuple[datetime, datetime]] = (),
) -> Said:
    """What a sensor's readings of `KEPT` say by the limit's detector, which begins anew with them."""
    if len(at) < FEWEST_READINGS:
        return Said(None, "too few readings")
    number = _without(at, detector_numbers(limit, at, value, quality), flagged)
    period_s = limit.period_s or float(np.median(np.diff(at))) / US
    reach = detector_class(limit.detector).reach(limit.parameters, len(at))
    numbers = Numbers(at=at, number=number, period_s=max(period_s, 1e-3), reach=reach)
    return Said(numbers) if numbers.seconds else Said(None, "the detector has not warmed up")


def detector_numbers(limit: BudgetLimit, at: Int64, value: Float64, quality: Sequence[int] | Any) -> Float64:
    """What the limit's detector says of each reading: float64, shape (readings,); NaN: cannot judge.

    A number that is a multiple of the largest of a settled stretch has the scale of that: on a site the stretch is of a week and not of a first
    hour, so here the first half of the readings settles it, and the other half is counted.
    """
    parameters = dict(limit.parameters)
    if issubclass(detector_class(limit.detector), Settled):
        parameters["warm_up"] = max(parameters.get("warm_up", SettledParameters().warm_up), len(at) / 2)
    definition = AlarmDefinition(
        definition_id=1, company_id=1, site_id=1, sensor_id=1, key=limit.key, detector=limit.detector, parameters=parameters,
        direction="high", setpoint=limit.setpoint, priority=Priority.LOW,
    )  # fmt: skip
    detector = detector_class(limit.detector)(DefinitionSet(1, (definition,), np.zeros(1, np.int32), 1))
    found = np.full(len(at), np.nan)
    for first in range(0, len(at), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        slots = np.zeros(len(at[part]), np.int32)
        scores = detector.score(
            ReadingBatch(slots, at[part], at[part], at[part], value[part], np.asarray(quality[part], np.uint8))
        )
        found[first + scores.row] = scores.number
    return found


_AT_ONCE: Final = 20_000


def _without(at: Int64, number: Float64, stretches: Sequence[tuple[datetime, datetime]]) -> Float64:
    found = number.copy()
    for begin, end in stretches:
        found[(at >= _micros(begin)) & (at <= _micros(end + AFTER))] = np.nan
    return found


def _micros(at: datetime) -> int:
    return round(at.timestamp() * US)
