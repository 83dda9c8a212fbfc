"""The facts of a month with something of everything, made up by hand: the same at every call."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from risk.overdue import Change, History, late_spans
from risk.report import counting, facts
from risk.report.month import Month
from risk.score.formula import shipped

ZONE: Final = "Asia/Shanghai"
MONTH: Final = Month.parse("2026-10")
SINCE: Final = MONTH.since(ZONE)
UNTIL: Final = MONTH.until(ZONE)


def at(day: int, hour: float = 9.0) -> datetime:
    """An instant of the month; day 1 is its first, smaller ones lie before it."""
    return SINCE + timedelta(days=day - 1, hours=hour)


def alarm(
    priority: str, day: int, answered_s: float | None, resolution: str | None = None, *, historic: bool = False
) -> counting.AlarmRow:
    """An alarm that began in the morning of a day."""
    answered_at = None if answered_s is None else at(day) + timedelta(seconds=answered_s)
    return counting.AlarmRow(priority, at(day), None if historic else at(day), answered_at, resolution, historic, False)


def finding(
    number: int, grade: str, *changes: tuple[datetime, str], due_at: datetime | None = None, **more: Any
) -> counting.FindingRow:
    """A finding with its changes of state, the report of it first; no day but `due_at` makes it late."""
    history = History(
        reported_at=changes[0][0],
        grade="general",
        due_at=due_at,
        closed_at=None,
        changes=tuple(Change(at=when, state=state) for when, state in changes[1:]),
    )
    row = counting.FindingRow(
        finding_id=number,
        title=f"防火堤排水阀未上锁 {number}",
        grade=grade,
        suspected=False,
        zone="Tank yard",
        zone_zh="储罐区",
        reported_at=changes[0][0],
        due_at=due_at,
        simulated=False,
        late=tuple(late_spans(history, timedelta(0), UNTIL)),
        changes=changes,
    )
    return replace(row, **more)


TARGETS: Final = shipped().control.response.targets_s
ALARMS: Final = (
    alarm("life-safety", 3, 62, "true_danger"),
    alarm("life-safety", 14, None),
    alarm("high", 5, 120, "nuisance"),
    alarm("high", 5, 240, "nuisance"),
    alarm("high", 14, 600, "sensor_fault"),
    alarm("medium", 14, 30, "test_or_drill"),
    alarm("medium", 20, None, historic=True),
    alarm("low", 28, 7200, "near_miss"),
)
FINDINGS: Final = (
    finding(12, "general", (at(-8), "reported"), (at(-7), "rectifying"), (at(11), "closed"), due_at=at(5)),
    finding(14, "major", (at(7), "reported"), (at(8), "rectifying"), due_at=at(21), simulated=True),
    finding(15, "major", (at(23), "reported"), suspected=True),
    finding(16, "general", (at(25), "reported"), (at(26), "rectifying"), due_at=at(41)),
)


def sample(**changes: Any) -> facts.ReportFacts:
    """A complete month of a tank farm."""
    days = MONTH.days()
    devices, share = _coverage(days)
    whole = facts.ReportFacts(
        site=facts.SiteFacts(
            site_id=1, key="tank-farm", name="Lianyungang tank farm", name_zh="连云港罐区", company_id=1,
            company="Huaihai Petrochemical Co., Ltd.", company_zh="淮海石化有限公司", time_zone=ZONE, jurisdiction="CN",
            zones=4, assets=9, devices=3, sensors=3, mandatory=1,
        ),
        policies=(
            facts.PolicyFacts(
                number="PL-2026-004711", begins_on=date(2026, 1, 1), ends_on=date(2026, 12, 31),
                premium=Decimal(486000), sum_insured=Decimal(60000000), currency="CNY",
            ),
        ),
        month=str(MONTH), since=SINCE, as_of=UNTIL, complete=True, formula="control-1", other_formulas=(), window_days=30,
        scores=(
            facts.ScoreFacts(name="hazard", value=61.0, low=48.0, high=74.0, before=61.0),
            facts.ScoreFacts(name="control", value=78.4, low=71.0, high=84.0, before=82.0),
            facts.ScoreFacts(name="confidence", value=93.0, low=91.0, high=95.0, before=None),
        ),
        scenarios=(
            facts.ScenarioFacts(
                title="Vapour cloud explosion at the loading bay", title_zh="装卸区蒸气云爆炸",
                likelihood=1, exposure=6, consequence=40, source="安全评价报告 2026-03",
                grade="high", grade_zh="高度危险",
            ),
        ),
        drivers=(
            facts.DriverFacts(
                score="control", key="response", name="Time to acknowledge", name_zh="报警确认时间", lost=9.2, before=4.1,
                value=1.8, unit="", sentence="response", words={"alarms": 7, "ratio": 1.8, "late": 1},
            ),
            facts.DriverFacts(
                score="control", key="suppression", name="Alarms shelved", name_zh="报警搁置", lost=None, before=None,
                value=None, unit="", sentence="suppression.nothing", words={},
            ),
            facts.DriverFacts(
                score="confidence", key="coverage", name="Readings received", name_zh="数据到达率", lost=7.0, before=8.5,
                value=93.0, unit="%", sentence="confidence.coverage", words={"percent": 93.0},
            ),
        ),
        score_days=tuple(
            facts.DayScore(day=day, control=None if number in (4, 5) else 82.0 - number / 8, confidence=88.0 + number / 6)
            for number, day in enumerate(days)
        ),
        priorities=counting.by_priority(ALARMS, {"life-safety": 120.0, "high": 300.0, "medium": 900.0}, TARGETS, UNTIL),
        response=counting.response(ALARMS, TARGETS, UNTIL),
        alarm_days=counting.by_day(ALARMS, days, ZONE),
        resolutions=counting.resolutions(ALARMS),
        grades=counting.by_grade(FINDINGS, SINCE, UNTIL),
        open_findings=counting.open_ones(FINDINGS, UNTIL),
        impairments=(
            facts.ImpairmentFacts(
                impairment_id=3, kind="fire_pump", what="消防水泵 P-101 检修", zone="Pump house", zone_zh="泵房",
                began_at=at(7), expected_until=at(8), restored_at=at(9, 3), hours=42.0, overran=True, simulated=True,
            ),
            facts.ImpairmentFacts(
                impairment_id=5, kind="detector_bypass", what="Gas detector GD-07 bypassed for hot work", zone=None,
                zone_zh=None, began_at=at(30), expected_until=at(34), restored_at=None, hours=39.0, overran=False,
                simulated=False,
            ),
        ),
        silenced=(facts.SilencedFacts(suppression="shelved", priority="medium", alarms=2, hours=5.5),),
        coverage=devices, share=share, calibrated=2,
        overdue_calibrations=(
            facts.CalibrationFacts(
                device="tf-gas-1", sensor="Gas detector pump house", sensor_zh="泵房可燃气体探测器",
                due_on=date(2026, 10, 3), overdue_days=29, mandatory=True,
            ),
        ),
        standard_limits=12, verified_limits=0, simulated=True,
    )  # fmt: skip
    return replace(whole, **changes)


def _coverage(days: list[date]) -> tuple[tuple[facts.DeviceCoverage, ...], float | None]:
    sensors = [
        counting.SensorRow(1, "tf-gas-1", "gas-gateway", 10.0, at(-30), None),
        counting.SensorRow(2, "tf-gas-2", "gas-gateway", 10.0, at(-30), None),
        counting.SensorRow(3, "tf-level", "level-gateway", 10.0, at(9, 0.0), None),
    ]
    received = {(sensor.sensor_id, day): 8640.0 for sensor in sensors for day in days}
    for day in (11, 12, 13):
        received[2, days[day - 1]] = 0.0
    for day in (4, 18, 19):
        received[1, days[day - 1]] = 8640.0 * 0.4
    return counting.coverage(sensors, received, days, ZONE, UNTIL)
