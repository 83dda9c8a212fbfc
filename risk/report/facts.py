"""What a site report says, before it is put into words: plain values, no language, no persons. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.response_time import ResponseTime


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """A policy that covers the site on some day of the month."""

    number: str
    begins_on: date
    ends_on: date
    premium: Decimal
    sum_insured: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """Where, whose, and what watches there at the end of the month.

    Args:
        sensors: in use, virtual ones not counted.
        mandatory: of them, those that a law asks for.
    """

    site_id: int
    key: str
    name: str
    name_zh: str
    company_id: int
    company: str
    company_zh: str
    time_zone: str
    jurisdiction: str
    zones: int
    assets: int
    devices: int
    sensors: int
    mandatory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFacts:
    """One of the three numbers at the end of the month.

    Args:
        name: hazard, control or confidence.
        value: 0-100; None: not enough data.
        low, high: its interval.
        before: the value at the end of the month before; None where there was none.
        before_by: the formula it was made with, where that is another one: the two do not compare.
        why_not: a code that says why there is no value.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    before: float | None
    before_by: str | None = None
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFacts:
    """What could go wrong, as the site's risk assessment declared it at the end of the month.

    Args:
        likelihood, exposure, consequence: L, E and C of the LEC method; their product is the danger.
        grade, grade_zh: what the formula calls that product; "" where no score was computed.
        source: the document that says so.
    """

    title: str
    title_zh: str
    likelihood: float
    exposure: float
    consequence: float
    source: str
    grade: str = ""
    grade_zh: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverFacts:
    """A part of a score, and what it took off.

    Args:
        score: control or confidence.
        lost: points taken off 100 at the end of the month; None where there was nothing to judge by.
        before: the same at the end of the month before.
        value: the number behind it, in `unit`.
        sentence: id of the sentence that explains it (risk/score/texts.py), `words` its particulars.
    """

    score: str
    key: str
    name: str
    name_zh: str
    lost: float | None
    before: float | None
    value: float | None
    unit: str
    sentence: str
    words: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayScore:
    """Two of the three numbers on one day; hazard is declared and does not move by itself."""

    day: date
    control: float | None
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityFacts:
    """Alarms of one priority that began in the month, and how soon somebody answered.

    Args:
        historic: of them, learnt of too late to be answered in time.
        called: of them, that called somebody; of those `answered` were acknowledged and `unanswered` were not by the end.
        counted: what the two times are of: those acknowledged, and those unanswered beyond the score's target.
        p50_s, p90_s: see core/response_time.py; None: more than half, more than a tenth were not answered, or none is counted.
        target_s: the shortest time to respond that a definition of this priority states.
    """

    priority: str
    alarms: int
    historic: int
    called: int
    answered: int
    unanswered: int
    counted: int
    p50_s: float | None
    p90_s: float | None
    longest_s: float | None
    target_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAlarms:
    """Alarms that began on one day, by priority, the worst first."""

    day: date
    counts: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionFacts:
    """How the month's alarms were closed.

    Args:
        by_reason: reason -> count.
        open: not closed by the end.
        nuisance_share: of those closed; None where none was.
    """

    by_reason: dict[str, int]
    open: int
    nuisance_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeFacts:
    """Findings of one grade."""

    grade: str
    open_before: int
    opened: int
    closed: int
    reopened: int
    open_after: int
    overdue: int
    overdue_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFindingFacts:
    """A finding that is major or overdue, and open at the end of the month.

    Args:
        suspected: no named person has graded it yet.
        overdue_days: at the end of the month; 0: not overdue.
    """

    finding_id: int
    title: str
    grade: str
    suspected: bool
    state: str
    zone: str | None
    zone_zh: str | None
    reported_at: datetime
    due_at: datetime | None
    overdue_days: float
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpairmentFacts:
    """A protection that was out of service during the month.

    Args:
        hours: within the month.
        overran: longer than it was announced for.
    """

    impairment_id: int
    kind: str
    what: str
    zone: str | None
    zone_zh: str | None
    began_at: datetime
    expected_until: datetime
    restored_at: datetime | None
    hours: float
    overran: bool
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SilencedFacts:
    """Alarms that people or logic kept from calling: shelved, by design, out of service.

    Args:
        alarms: how many different ones.
        hours: their sum within the month.
    """

    suppression: str
    priority: str
    alarms: int
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCoverage:
    """How much of what a device should have sent came.

    Args:
        share: received / expected over the month; None: nothing was expected.
        days: the same for each day of the month; None: nothing expected, or the day is not in the report.
    """

    device: str
    kind: str
    share: float | None
    days: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFacts:
    """A sensor whose calibration was overdue at the end of the month."""

    device: str
    sensor: str
    sensor_zh: str
    due_on: date
    overdue_days: int
    mandatory: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """Everything a report says of one site and month.

    Args:
        month: YYYY-MM.
        as_of: what happened later is not in it.
        complete: the month was over.
        formula: version of the score's formula; None: no score was computed.
        other_formulas: those of other days of the month, where the formula has changed within it.
        window_days: how far control looks back by it.
        share: received / expected over the month, all devices.
        response: the times to acknowledge of all priorities together.
        calibrated: sensors of which it is known when they are to be calibrated again.
        standard_limits: limits in force that name a standard.
        verified_limits: of them, those that a person has held against the standard's own text.
        simulated: some of what it tells was made by the demo.
    """

    site: SiteFacts
    policies: tuple[PolicyFacts, ...]
    month: str
    since: datetime
    as_of: datetime
    complete: bool
    formula: str | None
    other_formulas: tuple[str, ...]
    window_days: int | None
    scores: tuple[ScoreFacts, ...]
    scenarios: tuple[ScenarioFacts, ...]
    drivers: tuple[DriverFacts, ...]
    score_days: tuple[DayScore, ...]
    priorities: tuple[PriorityFacts, ...]
    response: ResponseTime
    alarm_days: tuple[DayAlarms, ...]
    resolutions: ResolutionFacts
    grades: tuple[GradeFacts, ...]
    open_findings: tuple[OpenFindingFacts, ...]
    impairments: tuple[ImpairmentFacts, ...]
    silenced: tuple[SilencedFacts, ...]
    coverage: tuple[DeviceCoverage, ...]
    share: float | None
    calibrated: int
    overdue_calibrations: tuple[CalibrationFacts, ...]
    standard_limits: int
    verified_limits: int
    simulated: bool
