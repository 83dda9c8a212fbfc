"""What a site's score is worked out from: the facts as they stood at the end of a day, without a formula. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from core.response_time import Answer


@dataclass(frozen=True, slots=True)
class Scenario:
    """A declared hazard, by the LEC method."""

    key: str
    title: str
    title_zh: str
    likelihood: float
    exposure: float
    consequence: float


@dataclass(frozen=True, slots=True)
class SensorDay:
    """One sensor on one day.

    Args:
        expected: readings that its period promises for the time it was in service.
        received: usable ones that came, at most the promised number an hour.
        whole: the same, of an hour at most the number promised for the time in which no message is known to be missing.
    """

    sensor_id: int
    day: date
    expected: float
    received: float
    whole: float


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """A sensor at the end of the day.

    Args:
        calibration: "within", "overdue", or None where no interval is stated.
    """

    sensor_id: int
    device: str
    key: str
    name: str
    name_zh: str
    mandatory: bool
    calibration: str | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A finding beyond its deadline, for so many days of the window."""

    grade: str
    days: float


@dataclass(frozen=True, slots=True)
class Aside:
    """Hours of the window in which one alarm was put aside in one way.

    Args:
        alarm: its definition.
        kind: "shelved", "out_of_service", "window" (a person's order) or "rule" (by design, of itself).
        notice_h: of a window, how long before it began it was written down; None: nobody knows.
        lasts_h: of a window, how long it was to last.
    """

    alarm: int
    kind: str
    hours: float
    notice_h: float | None = None
    lasts_h: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """Everything the formula looks at.

    Args:
        observed_days: days of the window, from the first with readings or its begin; the exposure of the burdens.
        days_with_readings: of the window.
        sensor_days: of the last days, as many as confidence looks back on.
        gap_hours: hours of those days in which messages of some device are known to be missing.
        answers: alarms that began in the window and called somebody, by the end of the day.
        overdue: a row a finding; `impaired_h`: hours in the window, a row an impairment; `suppressed_h`: alarm-hours, a row an
            alarm that was shelved or taken out of service; `aside`: the same and what was suppressed by design, by kind.
        alarm_hours: life-safety and high alarms x hours of the window.
        occurrences: alarms that began in the window; `sensor_hours`: hours of sensors with readings.
        simulated: some of it was made by the demo's history.
    """

    day: date
    observed_days: float
    days_with_readings: int
    sensors: Sequence[SensorFacts] = ()
    sensor_days: Sequence[SensorDay] = ()
    scenarios: Sequence[Scenario] = ()
    answers: Sequence[Answer] = ()
    overdue: Sequence[Overdue] = ()
    impaired_h: Sequence[float] = ()
    suppressed_h: Sequence[float] = ()
    aside: Sequence[Aside] = ()
    alarm_hours: float = 0.0
    occurrences: int = 0
    sensor_hours: int = 0
    gap_hours: int = 0
    simulated: bool = field(default=False)
