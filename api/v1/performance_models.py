"""The JSON of alarm performance: keys may be added, never renamed."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel

from api.false_alarms import FalseAlarms
from api.offenders import Offender
from api.performance import Performance


class FigureAnswer(BaseModel):
    """A figure: shares are fractions, rates are counts a unit of time."""

    key: str
    value: float | None
    target: float | None
    most: float | None
    source: str | None
    verified: bool
    verdict: str | None


class OffenderAnswer(BaseModel):
    """An alarm that disturbs, and the change that is proposed."""

    definition: str
    priority: str
    title: str
    title_zh: str
    announced: int
    begun: int
    chatter: int
    fleeting: int
    stale_s: float | None
    nuisance_share: float | None
    change: str | None
    setpoint: float
    deadband: float
    on_delay_s: float
    off_delay_s: float
    backtest: str | None

    @staticmethod
    def of(one: Offender) -> OffenderAnswer:
        """One row."""
        settings = one.proposal.settings if one.proposal else one.limit
        return OffenderAnswer(
            definition=one.limit.key,
            priority=one.limit.priority,
            title=one.limit.title,
            title_zh=one.limit.title_zh,
            announced=one.count.announced,
            begun=one.count.begun,
            chatter=one.count.chatter,
            fleeting=one.count.fleeting,
            stale_s=one.count.stale_s,
            nuisance_share=one.nuisance,
            change=one.proposal.what if one.proposal else None,
            setpoint=settings.setpoint,
            deadband=settings.deadband,
            on_delay_s=settings.on_delay_s,
            off_delay_s=settings.off_delay_s,
            backtest=one.backtest,
        )


class PositionAnswer(BaseModel):
    """A duty position: who is called first, and how often that was."""

    name: str
    priorities: list[str]
    told: int
    told_per_day: float
    most_in_ten_minutes: int
    night_calls: int


class DayAnswer(BaseModel):
    """A day at the site."""

    day: date
    announced: int


class AgainstUsAnswer(BaseModel):
    """The finding against Davy itself that stands: too many messages to one person, by the last whole days. Of no score."""

    days_over: int
    of_days: int
    most: int
    budget: int
    people: int


class BudgetedAnswer(BaseModel):
    """A limit whose setpoint comes from the budget: false alarms a week, expected and its part; windows that calibrate, and would do."""

    definition: str
    state: str | None
    own: bool
    setpoint: float
    on_delay_s: float
    share_per_week: float | None
    expected_per_week: float | None
    calibrated: int | None
    needs: int | None


class FalseAlarmsAnswer(BaseModel):
    """False alarms of a site's statistics against what it bears; null where the site has no budget."""

    budget_per_week: float | None
    scores: int
    false_per_week: float
    false: int
    true: int
    open: int
    weeks_over: int
    weeks: int
    worst: str | None
    limits: list[BudgetedAnswer]

    @staticmethod
    def of(found: FalseAlarms) -> FalseAlarmsAnswer:
        """The answer of what was counted."""
        return FalseAlarmsAnswer(
            budget_per_week=found.budget, scores=found.scores, false_per_week=found.per_week, false=found.false, true=found.true,
            open=found.open_, weeks_over=found.weeks_over, weeks=found.weeks, worst=None if found.worst is None else found.worst.key,
            limits=[
                BudgetedAnswer(
                    definition=each.key, state=each.state, own=each.own, setpoint=each.setpoint, on_delay_s=each.on_delay_s,
                    share_per_week=each.share, expected_per_week=each.expected, calibrated=each.calibrated, needs=each.needs,
                )
                for each in found.limits
            ],
        )  # fmt: skip


class PerformanceAnswer(BaseModel):
    """All of it. Positions are told to who may see the client's people."""

    site: str
    since: datetime
    until: datetime
    announced: int
    figures: list[FigureAnswer]
    mix: dict[str, int]
    acknowledged_counted: int
    acknowledged_unanswered: int
    acknowledged_p50_s: float | None
    acknowledged_p90_s: float | None
    resolutions: dict[str, int]
    nuisance_share: float | None
    suppressed_hours: float
    days: list[DayAnswer]
    offenders: list[OffenderAnswer]
    positions: list[PositionAnswer]
    simulated: bool
    against_us: AgainstUsAnswer | None
    false_alarms: FalseAlarmsAnswer | None

    @staticmethod
    def of(found: Performance) -> PerformanceAnswer:
        """The answer of what was gathered."""
        return PerformanceAnswer(
            site=found.site.key,
            since=found.since,
            until=found.until,
            announced=found.announced,
            figures=[
                FigureAnswer(
                    key=each.key, value=each.value, target=each.aim, most=each.most, source=each.source, verified=False,
                    verdict=each.verdict,
                )
                for each in found.figures
            ],
            mix=found.mix,
            acknowledged_counted=found.response.counted,
            acknowledged_unanswered=found.response.unanswered,
            acknowledged_p50_s=found.response.p50_s,
            acknowledged_p90_s=found.response.p90_s,
            resolutions=found.resolutions,
            nuisance_share=found.nuisance_share,
            suppressed_hours=found.suppressed_hours,
            days=[DayAnswer(day=each.day, announced=each.announced) for each in found.days],
            offenders=[OffenderAnswer.of(one) for one in found.offenders],
            positions=[
                PositionAnswer(
                    name=each.name, priorities=list(each.priorities), told=each.told, told_per_day=each.per_day,
                    most_in_ten_minutes=each.most_in_ten_minutes, night_calls=each.night_calls,
                )
                for each in found.positions
            ],
            simulated=found.simulated,
            against_us=None if (us := found.against_us) is None else AgainstUsAnswer(
                days_over=us.days_over, of_days=us.of_days, most=us.most, budget=us.budget, people=us.people
            ),
            false_alarms=None if found.statistics is None else FalseAlarmsAnswer.of(found.statistics),
        )  # fmt: skip
