"""`davy alarms lint`: what is wrong with the limits of a site, before an incident says so. Pure: rows in, remarks out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from alerting.limit_standards import wanted
from alerting.lint_words import Remark
from core.limit_checks import DIRECT, is_beyond
from core.limit_rule import PackLimit
from core.model import Priority
from core.numbers import unit_sign
from core.portfolio import DefinitionRow, Portfolio, SensorRow, SiteRow
from core.signal_kind import GAS_MOST_S, is_gas, longest_wait_s
from core.units import known

NEAR: Final = 0.01  # of the range: two setpoints nearer than that are one
FEWEST: Final = 20  # limits of a site, below which shares of priorities say nothing
MOST_HIGH, MOST_ABOVE_LOW = 0.05, 0.20  # of 5 / 15 / 80
_TOLD: Final = 3
_RANK: Final = {Priority.LIFE_SAFETY: 0, Priority.HIGH: 1, Priority.MEDIUM: 2, Priority.LOW: 3}
_NOTHING: Final = frozenset(
    {"", "-", "--", "?", "n/a", "na", "none", "nothing", "tbd", "todo", "x", "无", "暂无", "没有", "待定", "略"}
)
_ENUMERATED: Final = "1"  # the unit of contacts and counts, which move by whole steps


@dataclass(frozen=True, slots=True)
class _Placed:
    """A limit in use on its sensor."""

    row: DefinitionRow
    sensor: SensorRow

    def number(self) -> str:
        """Side, setpoint and unit, as people read them."""
        return _number(self.row.direction, self.row.setpoint, self.sensor.unit if self.row.detector == "limit" else "")

    def remark(self, rule: str, **words: str) -> Remark:
        """Something about it."""
        return Remark(rule=rule, site=self.row.site, limit=self.row.key, line=self.row.line, words=words)


def lint(portfolio: Portfolio, packs: Mapping[str, PackLimit], *, with_routes: bool = True) -> list[Remark]:
    """All remarks, those about one place together. States of the plant are no limits.

    Args:
        with_routes: whether routes and people are known; without them nothing is said of who hears.
    """
    sensors = {(row.device, row.key): row for row in portfolio.sensors if not row.retired}
    found: list[Remark] = []
    for site in portfolio.sites:
        placed = [
            _Placed(row, sensors[row.device, row.sensor])
            for row in portfolio.definitions
            if row.site == site.key and row.role == "alarm" and not row.retired and (row.device, row.sensor) in sensors
        ]
        found += _of_site(site, placed, [row for row in sensors.values() if row.site == site.key], packs)
        if with_routes:
            found += _unheard(site, placed, portfolio)
    return sorted(found, key=lambda remark: (remark.site, remark.line, remark.limit or "", remark.rule))


def _of_site(
    site: SiteRow, placed: Sequence[_Placed], sensors: Iterable[SensorRow], packs: Mapping[str, PackLimit]
) -> Iterator[Remark]:
    by_sensor: dict[tuple[str, str], list[_Placed]] = {}
    for each in placed:
        yield from _alone(each)
        by_sensor.setdefault((each.row.device, each.row.sensor), []).append(each)
    named = {each.row.standard for each in placed if each.row.standard is not None}
    country = site.jurisdiction.partition("-")[0]
    for sensor in sensors:
        on = by_sensor.get((sensor.device, sensor.key), [])
        yield from _together(on)
        yield from _against_standards(site, country, sensor, on, named, packs)
    yield from _mix(site, [each for each in placed if not each.sensor.is_virtual])


def _alone(each: _Placed) -> Iterator[Remark]:
    row, sensor = each.row, each.sensor
    missing = [
        name
        for name, texts in (("consequence", (row.consequence, row.consequence_zh)), ("response", (row.response, row.response_zh)))
        if any(text.strip(" .。").lower() in _NOTHING for text in texts)
    ]  # fmt: skip
    if row.respond_within_s <= 0:
        missing.append("time")
    if missing:
        yield each.remark("incomplete", missing=", ".join(missing))
    if is_gas(sensor.unit, sensor.quantity) and row.detector in DIRECT:
        wait_s = longest_wait_s(row.on_delay_s, row.votes, sensor.period_s or 1.0)
        if wait_s is not None and wait_s > GAS_MOST_S:
            yield each.remark("slow-on-gas", delay=f"{wait_s:g}")
    if row.detector != "limit":
        return
    low, high = sensor.range_low, sensor.range_high
    if low is not None and high is not None and low < high:
        ends = {"low": f"{low:g}", "high": _measure(high, sensor.unit)}
        if not low <= row.setpoint <= high:
            yield each.remark("out-of-range", number=each.number(), **ends)
        if row.deadband >= high - low:
            yield each.remark("deadband-too-wide", deadband=_measure(row.deadband, sensor.unit), **ends)
    moves = sensor.unit != _ENUMERATED and sensor.states is None
    if moves and row.deadband == row.on_delay_s == row.off_delay_s == 0.0:
        yield each.remark("chatter")


def _together(on: Sequence[_Placed]) -> Iterator[Remark]:
    """What limits of one sensor say of each other."""
    for one, other in combinations(on, 2):
        a, b = one.row, other.row
        if (a.detector, a.other, a.parameters) != (b.detector, b.other, b.parameters):
            continue
        words = {"other": a.key, "other_number": one.number(), "number": other.number()}
        if a.direction == b.direction:
            if abs(a.setpoint - b.setpoint) <= NEAR * _span(one):
                yield other.remark("duplicate", **words)
            elif _RANK[a.priority] != _RANK[b.priority]:
                urgent, lesser = (one, other) if _RANK[a.priority] < _RANK[b.priority] else (other, one)
                if is_beyond(a.direction, lesser.row.setpoint, urgent.row.setpoint):
                    yield urgent.remark("urgent-after-lesser", other=lesser.row.key, number=urgent.number(), other_number=lesser.number())  # fmt: skip
        elif a.detector == "limit":
            upper, lower = (a, b) if a.direction == "high" else (b, a)
            if lower.setpoint >= upper.setpoint:
                yield other.remark("contradiction", **words)


def _span(each: _Placed) -> float:
    low, high = each.sensor.range_low, each.sensor.range_high
    if each.row.detector == "limit" and low is not None and high is not None and low < high:
        return high - low
    return abs(each.row.setpoint)


def _against_standards(
    site: SiteRow, country: str, sensor: SensorRow, on: Sequence[_Placed], named: set[str], packs: Mapping[str, PackLimit]
) -> Iterator[Remark]:  # fmt: skip
    for each in wanted(sensor, country, named, packs):
        rule = each.rule
        words = {"standard": each.standard, "wanted": _number(rule.direction, rule.setpoint, sensor.unit)}
        same = [p for p in on if p.row.detector == "limit" and p.row.direction == rule.direction]
        least = max(_RANK[rule.priority], _RANK[Priority.HIGH])
        if any(
            _RANK[p.row.priority] <= least and not is_beyond(rule.direction, p.row.setpoint, rule.setpoint)
            for p in same
        ):
            continue
        if same:
            # Told of the limit that stands in for this stage: by its key, else by its priority, else the nearest.
            nearest = min(
                same,
                key=lambda p: (not p.row.key.endswith(f".{each.key}"), p.row.priority != rule.priority, abs(p.row.setpoint - rule.setpoint)),
            )  # fmt: skip
            yield nearest.remark("looser-than-standard", country=country, number=nearest.number(), **words)
        elif rule.direction == "high" or not on:
            line = sensor.line
            yield Remark(
                rule="no-limit", site=site.key, limit=None, line=line,
                words={"sensor": sensor.key, "quantity": sensor.quantity, **words},
            )  # fmt: skip


def _mix(site: SiteRow, placed: Sequence[_Placed]) -> Iterator[Remark]:
    if len(placed) < FEWEST:
        return
    high = sum(_RANK[each.row.priority] <= 1 for each in placed) / len(placed)
    medium = sum(each.row.priority is Priority.MEDIUM for each in placed) / len(placed)
    if high > MOST_HIGH or high + medium > MOST_ABOVE_LOW:
        shares = {"high": high, "medium": medium, "low": 1.0 - high - medium}
        words = {name: f"{share:.0%}".rstrip("%") for name, share in shares.items()}
        yield Remark(
            rule="priority-mix", site=site.key, limit=None, line=site.line, words={"count": str(len(placed)), **words}
        )


def _unheard(site: SiteRow, placed: Sequence[_Placed], portfolio: Portfolio) -> Iterator[Remark]:
    gone = {row.key for row in portfolio.people if not row.active}
    heard = {
        priority
        for route in portfolio.routes
        if route.site == site.key
        and route.audience == "client"
        and any(step.person not in gone for step in route.steps)
        for priority in route.priorities
    }
    for priority in (
        Priority.LIFE_SAFETY,
        Priority.HIGH,
        Priority.MEDIUM,
    ):  # what is low is looked up, nobody is called
        keys = [each.row.key for each in placed if each.row.priority is priority]
        if keys and priority not in heard:
            told = ", ".join(keys[:_TOLD]) + (" ..." if len(keys) > _TOLD else "")
            words = {"count": str(len(keys)), "priority": priority.value, "keys": told}
            yield Remark(rule="nobody-hears", site=site.key, limit=None, line=site.line, words=words)


def _number(direction: str, setpoint: float, unit: str) -> str:
    return f"{'≤' if direction == 'low' else '≥'} {_measure(setpoint, unit)}"


def _measure(number: float, unit: str) -> str:
    return f"{number:.6g} {unit_sign(unit) if known(unit) else unit}".strip()
