"""The demo's hours of readings: a quiet day of the plants, lived again for sixty days with a little weather. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from core.batch import Float64
from davy.past.plan import DAYS, Happened
from davy.past.told import Outage
from simulators.instrument import Instrument
from simulators.past import history
from simulators.scenarios import quiet_day
from simulators.scenarios.sites import CHINA_S
from simulators.stream import MICROSECONDS

LOST: Final = 0.004  # share of readings that a good network loses
WANDER: Final = 0.5  # of an hour's own range, by which a day differs from the next; ours
SENSOR_GROUP: Final = 5  # the seed's fifth use, after those of the scenarios
HOURS: Final = 24 * DAYS
_AN_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """An hour of a sensor, as `reading_hour` has it."""

    instrument: Instrument
    hour: datetime
    readings: int
    good: int
    minimum: float
    maximum: float
    mean: float


def hours(seed: int, until: datetime, outages: Sequence[Outage], alarms: Sequence[Happened]) -> Iterator[Hour]:
    """Each sensor's hours in the sixty days before `until`, a whole hour, those left out in which its device was silent.

    An hour in which an alarm began has its number among its readings.
    """
    midnight_us = int(until.astimezone(UTC).replace(hour=0).timestamp() - CHINA_S) * MICROSECONDS
    quiet = history(quiet_day.build(seed, midnight_us).plants(), seconds=quiet_day.SECONDS, start_us=midnight_us)
    chance = np.random.default_rng([seed, SENSOR_GROUP])
    first = until - HOURS * _AN_HOUR
    odd = {(h.kind.site, h.kind.sensor, _floor(h.began_at)): h.value for h in alarms}
    for instrument, _, values in quiet.by_instrument():
        day = values[: len(values) // 24 * 24].reshape(24, -1)
        low, high, mean = day.min(axis=1), day.max(axis=1), day.mean(axis=1)
        moved = chance.normal(0.0, WANDER, DAYS + 1)
        expected = round(3600 / instrument.period_s)
        lost = chance.binomial(expected, LOST, HOURS)
        for number in range(HOURS):
            at = first + number * _AN_HOUR
            share = _heard(at, instrument, until, outages)
            if share == 0.0:
                continue
            local = (at.hour + CHINA_S // 3600) % 24
            numbers = _moved(instrument, (low[local], mean[local], high[local]), float(moved[number // 24]))
            extra = odd.get((instrument.site, instrument.key, at))
            readings = round(expected * share)
            yield Hour(
                instrument=instrument,
                hour=at,
                readings=readings,
                good=max(0, readings - int(lost[number])),
                minimum=numbers[0] if extra is None else min(numbers[0], extra),
                mean=numbers[1],
                maximum=numbers[2] if extra is None else max(numbers[2], extra),
            )


def _moved(instrument: Instrument, numbers: tuple[float, float, float], by: float) -> Float64:
    """Minimum, mean and maximum of an hour, moved by a share of its range, within what the instrument can say."""
    step = by * (numbers[2] - numbers[0])
    moved = np.clip(np.array(numbers, np.float64) + step, instrument.low, instrument.high)
    return np.asarray(np.round(moved, instrument.decimals + 1), np.float64)


def _heard(at: datetime, instrument: Instrument, until: datetime, outages: Sequence[Outage]) -> float:
    """Share of an hour in which the sensor's device was there."""
    there = 1.0
    for outage in outages:
        if (outage.site, outage.device) == (instrument.site, instrument.device):
            begins = until - timedelta(days=outage.before)
            silent = min(at + _AN_HOUR, begins + outage.lasts) - max(at, begins)
            there -= max(0.0, silent / _AN_HOUR)
    return max(0.0, there)


def _floor(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
