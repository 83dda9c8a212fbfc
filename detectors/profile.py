"""Hours of the week: how far a reading lies from what its sensor usually gives in this hour of this weekday."""

from __future__ import annotations

import math
from typing import Annotated, Final

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from core.alike import settings_of
from core.batch import NEVER, Float64
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import AlarmDefinition, DefinitionSet
from core.prefetch import AHEAD, prefetch
from detectors.contract import LARGEST, Detector, Parameters, Rows
from detectors.hearing import Heard
from detectors.local_hour import MONDAY, WEEK, Zones, local_hour, zone_of_each, zones_of

MEDIAN_OF: Final = 3  # weeks of which the first level of an hour is the median: one bad week is none of it
CLIP: Final = 3.0  # usual distances to which a reading is drawn in before it is learnt (winsorised)
TO_DEVIATION: Final = 1.2533  # standard deviations of a mean distance, for bell-shaped noise: the square root of pi / 2
# The two nearest of three bell-shaped numbers lie 0.45 standard deviations apart on the mean, by simulation: so many of that are a mean distance.
NEAREST: Final = 1.76
WILD: Final = (
    10.0  # usual distances beyond which, while an hour is learnt, neither a reading nor an hour's noise counts for more
)
FIRST_HOURS: Final = 3  # of which the quietest says what is usual, so that no wild reading does
FAR: Final = (
    1024.0  # times as far from zero as an hour: such an origin leaves no digits to the levels, and another is taken
)
FARTHEST: Final = 1e38  # that is kept of a level or a distance: float32 ends at 3.4e38
RESTING: Final = 1e-9  # a distance below this share of the level is rounding, not noise
_HOUR: Final = np.dtype(
    [
        ("hour", np.int64),  # that is being gathered, counted from 1970 on in local time
        ("from_at", np.int64),  # from when until when a reading is surely of it
        ("until_at", np.int64),
        ("readings", np.float64),  # of it that teach
        ("beyond", np.float64),  # and that are beyond the setpoint
        ("mean", np.float64),
        ("apart", np.float64),  # mean distance from the mean so far
        ("away", np.float64),  # mean distance from the hour's level
        ("origin", np.float64),  # levels are kept as what they are away from it
        ("typical", np.float64),  # usual distance over all hours
        ("hours", np.float64),
        ("setting", np.int64),
    ]
)
Float32 = NDArray[np.float32]
UInt8 = NDArray[np.uint8]


class ProfileParameters(Parameters, frozen=True):
    """What a profile may set.

    Args:
        weeks: so often an hour of the week must have been heard before anything is said of it.
        memory: weeks that count: what an hour was before them fades.
        floor: the usual distance is taken for no less than this, in the sensor's unit.
        relearn: an hour that was mostly beyond the setpoint for so many weeks in a row is learnt anew.
    """

    weeks: Annotated[float, Meta(ge=3.0, le=52.0)] = 3.0
    memory: Annotated[float, Meta(ge=3.0, le=104.0)] = 8.0
    floor: Annotated[float, Meta(ge=0.0)] = 0.0
    relearn: Annotated[float, Meta(ge=1.0, le=52.0)] = 4.0


class Profile(Detector):
    """Distance from what this hour of this weekday usually gives, in the standard deviations that are usual in it.

    The hour is that of the site's clock, summer time and all. Each of the 168 hours of a week has a level and a usual distance from
    it: of the first three weeks the median, so that one bad week is none of it, then the mean over `memory` weeks. An hour is learnt
    when it is over, as one number, so that nothing within an hour becomes normal while it lasts. What is learnt is drawn in to three
    usual distances (in the first three weeks to ten, as what is usual is not known well yet), and readings at or beyond the setpoint
    teach nothing. An hour that is mostly beyond it for `relearn` weeks in a row is forgotten and learnt anew: by then people have been
    called each week, and a shift that has moved for good is the new week.

    Source: a seasonal median baseline with winsorised updates; freezing is ours.
    Memory: 1768 bytes a definition.
    Warm-up: `weeks` weeks, for each hour of the week by itself; NaN until then, on readings of bad quality, and in hours in which
        the value has never moved where no `floor` is given.
    Fails when: a public holiday falls on a working day: it is unusual, and said. What goes by the month, the tide or the weather has no
        place in a week. A ramp within an hour widens what is usual for that hour.
    """

    name = "profile"
    unit = "1"
    parameters = ProfileParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        mine, count = self._definition, len(self)
        codes, names = definitions.definitions.words("time_zone")
        zone, self._zones = zone_of_each(codes[mine].astype(np.int64), names)
        frozen = np.where(definitions.is_low()[mine], np.inf, definitions.definitions.floats("setpoint")[mine])
        asked = [*(self._settings[name] for name in ProfileParameters.__struct_fields__), frozen, zone.astype(float)]
        setting, self._set = settings_of(asked)
        self._hour: Rows = np.zeros(count, _HOUR)
        self._hour["hour"] = self._hour["from_at"] = self._hour["until_at"] = NEVER
        self._fields(self._hour)
        self._hour["setting"] = setting
        self._level: Float32 = np.zeros((count, 2, WEEK), np.float32)  # from the origin; the usual distance
        self._weeks: UInt8 = np.zeros((count, 2, WEEK), np.uint8)  # heard; mostly beyond the setpoint, in a row
        self._column("level", self._level)
        self._column("weeks", self._weeks)

    @classmethod
    def check(cls, definition: AlarmDefinition) -> None:
        """It needs the clock of the site besides."""
        super().check(definition)
        zones_of([definition.time_zone])

    def usual(self, place: int = 0) -> tuple[float, float]:
        """The level of the hour that its newest reading lies in, and the standard deviation there; NaN where nothing is said of it yet."""
        hour = self._hour[place]
        b = (int(hour["hour"]) + MONDAY) % WEEK
        if hour["hour"] == NEVER or self._weeks[place, 0, b] < self._settings["weeks"][place]:
            return math.nan, math.nan
        level, away = (float(each) for each in self._level[place, :, b])
        return float(hour["origin"]) + level, max(away * TO_DEVIATION, float(self._settings["floor"][place]))

    def _numbers(self, heard: Heard) -> Float64:
        return _profile(heard, self._set, self._zones, self._hour, self._level, self._weeks)


@kernel
def _kept(amount: float) -> float:
    """What is kept of a level or a distance."""
    return min(max(amount, -FARTHEST), FARTHEST)


@kernel
def _is_typical(hour: Rows, d: int, distance: float) -> None:
    """One more for the usual distance over all hours of a week: that of readings within an hour, or from week to week where it has one.

    One wild reading would be most of a mean for years: an hour counts for `WILD` times the usual at most.
    """
    hour[d].hours += 1.0
    typical = hour[d].typical
    if typical == 0.0 or (hour[d].hours <= FIRST_HOURS and 0.0 < distance < typical):
        hour[d].typical = _kept(distance)
    else:
        hour[d].typical += (min(distance, WILD * typical) - typical) / min(hour[d].hours, 1.0 * WEEK)


@kernel
def _place(hour: Rows, d: int, level: Float32, weeks: UInt8, mean: float) -> None:
    """Levels are counted from an hour's mean: the first, or another where that was of wild readings and leaves them no digits."""
    if abs(mean) * FAR < abs(hour[d].origin):
        move = hour[d].origin - mean
        for b in range(WEEK):
            if weeks[d, 0, b] > 0:
                level[d, 0, b] = _kept(level[d, 0, b] + move)
            if weeks[d, 0, b] == MEDIAN_OF - 1:
                level[d, 1, b] = _kept(level[d, 1, b] + move)
        hour[d].origin = mean
    elif hour[d].hours == 0.0 and weeks[d, 0].max() == 0:
        hour[d].origin = mean


@kernel
def _begin(hour: Rows, d: int, level: Float32, weeks: UInt8, b: int, mean: float, apart: float) -> None:
    """One of the first three weeks of an hour: the two before are kept as they are, the third makes a level and a distance of them."""
    so_far = weeks[d, 0, b]
    own = _kept(mean - hour[d].origin)
    if so_far == 0:
        level[d, 0, b] = own
    elif so_far == 1:
        level[d, 1, b] = max(own, level[d, 0, b])
        level[d, 0, b] = min(own, level[d, 0, b])
    else:
        low, high = level[d, 0, b], level[d, 1, b]
        middle = max(low, min(high, own))
        nearest = min(middle - min(low, own), max(high, own) - middle)
        if hour[d].readings == 1.0:
            _is_typical(hour, d, NEAREST * nearest)
        level[d, 0, b] = middle
        level[d, 1, b] = _kept(max(apart, hour[d].typical, NEAREST * nearest))
    weeks[d, 0, b] = so_far + 1


@kernel
def _learn(hour: Rows, d: int, settings: Float64, level: Float32, weeks: UInt8) -> None:
    """The hour that is over becomes part of what its hour of the week usually is."""
    b = (hour[d].hour + MONDAY) % WEEK
    if hour[d].beyond > hour[d].readings:
        weeks[d, 1, b] += 1
        if weeks[d, 1, b] >= settings[3]:
            weeks[d, 0, b] = weeks[d, 1, b] = 0
        return
    weeks[d, 1, b] = 0
    if hour[d].readings == 0.0:
        return
    so_far, mean, apart = weeks[d, 0, b], hour[d].mean, hour[d].apart
    if so_far < MEDIAN_OF:
        _place(hour, d, level, weeks, mean)
    if hour[d].readings > 1.0:
        _is_typical(hour, d, apart)
    elif so_far >= MEDIAN_OF:
        _is_typical(hour, d, hour[d].away)
    if so_far < MEDIAN_OF:
        _begin(hour, d, level, weeks, b, mean, apart)
        return
    share = 1.0 / (min(1.0 * so_far, settings[1]) + 1.0)
    before, distance = level[d, 0, b], level[d, 1, b]
    now, usual = before + (mean - hour[d].origin - before) * share, distance + (hour[d].away - distance) * share
    if np.isfinite(now) and np.isfinite(usual):
        level[d, 0, b], level[d, 1, b] = _kept(now), _kept(usual)
        weeks[d, 0, b] = min(so_far + 1, 255)


@kernel
def _turn(hour: Rows, d: int, settings: Float64, zones: Zones, level: Float32, weeks: UInt8, t: int) -> None:
    """Another stretch of local time has begun; where it is another hour, the one before is learnt."""
    now, begin, end = local_hour(zones, int(settings[5]), t)
    if now != hour[d].hour:
        if hour[d].hour != NEVER:
            _learn(hour, d, settings, level, weeks)
        hour[d].readings = hour[d].beyond = hour[d].mean = hour[d].apart = hour[d].away = 0.0
        hour[d].hour = now
    hour[d].from_at, hour[d].until_at = begin, end


@kernel
def _judge(hour: Rows, d: int, settings: Float64, level: Float32, weeks: UInt8, x: float) -> float:
    """The number of a usable reading, which is gathered where it may be."""
    b = (hour[d].hour + MONDAY) % WEEK
    usual, away, number = 0.0, 0.0, np.nan
    if weeks[d, 0, b] >= MEDIAN_OF:
        belongs = hour[d].origin + level[d, 0, b]
        usual = max(level[d, 1, b], settings[2] / TO_DEVIATION)
        away = abs(x - belongs)
        if weeks[d, 0, b] >= settings[0] and usual > RESTING * abs(belongs) and usual > 0.0:
            number = min(away / (usual * TO_DEVIATION), LARGEST)
            if number >= settings[4]:
                hour[d].beyond += 1.0
                return number  # type: ignore[no-any-return]
        if usual > 0.0:
            x, away = min(max(x, belongs - CLIP * usual), belongs + CLIP * usual), min(away, CLIP * usual)
    elif hour[d].readings > 0.0 and hour[d].typical > 0.0:
        reach = WILD * max(hour[d].typical, hour[d].apart)
        x = min(max(x, hour[d].mean - reach), hour[d].mean + reach)
    share = 1.0 / (hour[d].readings + 1.0)
    apart = abs(x - hour[d].mean) if hour[d].readings > 0.0 else 0.0
    mean = hour[d].mean + (x - hour[d].mean) * share
    if np.isfinite(mean) and np.isfinite(apart) and np.isfinite(away):
        hour[d].readings += 1.0
        hour[d].mean = mean
        hour[d].apart += (apart - hour[d].apart) * share
        hour[d].away += (away - hour[d].away) * share
    return number


@kernel
def _profile(heard: Heard, settings: Float64, zones: Zones, hour: Rows, level: Float32, weeks: UInt8) -> Float64:
    heard, settings, zones, hour, level, weeks = borrowed((heard, settings, zones, hour, level, weeks))
    count = len(heard.member)
    number = np.full(count, np.nan)
    for n in range(count):
        if n + AHEAD < count:
            prefetch(hour, heard.member[n + AHEAD], 0)
            prefetch(hour, heard.member[n + AHEAD], 1)
        d, t, x = heard.member[n], heard.at[n], heard.value[n]
        if not np.isfinite(x):
            continue
        setting = settings[hour[d].setting]
        if t >= hour[d].until_at or t < hour[d].from_at:
            _turn(hour, d, setting, zones, level, weeks, t)
        number[n] = _judge(hour, d, setting, level, weeks, x)
    return number
