"""What the rows of a site file say of each other: every reference leads somewhere, in the file or in the database. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from core.compound_row import CompoundRow
from core.portfolio import (
    DefinitionRow,
    DeviceRow,
    ModelRow,
    PersonRow,
    PolicyRow,
    Portfolio,
    RouteRow,
    Row,
    SensorRow,
    Step,
)
from core.site_agreement import superseded
from core.site_compound_check import circles, wrong_part
from core.site_difference_check import advice, wrong_other
from core.site_hearers import left_unheard, unreached_on_duty
from core.site_rosters import check_rosters
from core.wish import wish_of


def check(wanted: Portfolio, current: Portfolio) -> list[tuple[int, str]]:
    """Mistakes of `wanted` in itself and against what is in the database, as (line, sentence)."""
    wanted = replace(wanted, definitions=[*wanted.definitions, *superseded(wanted, current)])
    known = _Known(wanted, current)
    mistakes: list[tuple[int, str]] = []
    for row in wanted.all():
        mistakes += [(row.line, f"{row.subject} {sentence}") for sentence in _wrong(row, known)]
        if isinstance(row, RouteRow):
            for step in row.steps:
                mistakes += [(step.line, f"{row.subject} {sentence}") for sentence in _recipient(row, step, known)]
        if isinstance(row, CompoundRow):
            sites = sorted({name[0] for kind, name in known.after if kind == "site"})
            for part in row.parts:
                told = wrong_part(row, part, known.get, known.there_are, sites)
                mistakes += [(part.line or row.line, f"{row.subject} {sentence}") for sentence in told]
    mistakes += [*_left_without(wanted, known), *_wrong_others(wanted, known)]
    mistakes += [*left_unheard(wanted, current), *unreached_on_duty(wanted, current), *check_rosters(wanted, current)]
    every = [row for (kind, _), row in known.after.items() if kind == CompoundRow.kind]
    mistakes += [(row.line, f"{row.subject} {sentence}") for row, sentence in circles(every)]
    return mistakes


def _wrong_others(wanted: Portfolio, known: _Known) -> Iterator[tuple[int, str]]:
    """Limits on a difference, in the file or standing, that there is nothing to compare with any more."""
    lines = {(row.device, row.key): row.line for row in wanted.sensors}
    for (kind, _), row in known.after.items():
        if kind == DefinitionRow.kind and row.other is not None:
            device, _, key = row.other.partition("/")
            for sentence in wrong_other(row, known.get, known.there_are):
                yield row.line or lines.get((device, key), 0), f"{row.subject} {sentence}"


def _left_without(wanted: Portfolio, known: _Known) -> Iterator[tuple[int, str]]:
    """What the file ends although a compound has it as a part: with a device go its sensors, with a sensor its limits."""
    named = {(row.site, row.key) for row in wanted.compounds}
    standing = [row for (kind, _), row in known.after.items() if kind == CompoundRow.kind and not row.retired]
    parts: dict[tuple[str, str], CompoundRow] = {}
    for each in standing:
        for part in each.parts:
            name = (each.site, part.limit or part.sensor or "")
            # Where the file names the compound, what is retired itself is told there.
            if (each.site, each.key) not in named or not _is_retired(name, known):
                parts.setdefault(name, each)
    if not parts:
        return
    on: dict[tuple[str, str], list[Any]] = {}  # what there is on a device, and on a sensor of one
    for (kind, _), row in known.after.items():
        if kind == SensorRow.kind:
            on.setdefault((row.device, ""), []).append(row)
        elif kind == DefinitionRow.kind:
            on.setdefault((row.device, row.sensor), []).append(row)
    rows: list[DefinitionRow | SensorRow | DeviceRow] = [*wanted.definitions, *wanted.sensors, *wanted.devices]
    for row in rows:
        for ended in _ended_with(row, on) if row.retired else ():
            compound = parts.get((ended.site, _part_name(ended)))
            if compound is not None:
                ends = "" if ended is row else f"ends {ended.subject}, which "
                yield (
                    row.line,
                    f"{row.subject} {ends}is a part of {compound.subject}; retire that as well, or take the part out of it.",
                )


def _ended_with(row: Any, on: dict[tuple[str, str], list[Any]]) -> list[Any]:
    """A limit, a sensor or a device that is retired, and what stands on it and is not retired itself."""
    match row:
        case DeviceRow():
            below = on.get((row.key, ""), [])
        case SensorRow():
            below = on.get((row.device, row.key), [])
        case _:
            below = []
    return [row, *(each for lower in below if not lower.retired for each in _ended_with(lower, on))]


def _part_name(row: Any) -> str:
    """How a compound names it as a part."""
    return (
        f"{row.device}/{row.key}" if isinstance(row, SensorRow) else row.key if isinstance(row, DefinitionRow) else ""
    )


def _is_retired(name: tuple[str, str], known: _Known) -> bool:
    device, is_sensor, key = name[1].partition("/")
    row = known.get(SensorRow.kind, device, key) if is_sensor else known.get(DefinitionRow.kind, *name)
    return row is None or bool(row.retired)


def unheard(portfolio: Portfolio) -> Iterator[str]:
    """Sites whose life-safety limits no client route carries, as sentences."""
    heard = {row.site for row in portfolio.routes if row.audience == "client" and "life-safety" in row.priorities}
    limits: dict[str, int] = {}
    for each in portfolio.definitions:
        if each.priority == "life-safety" and not each.retired:
            limits[each.site] = limits.get(each.site, 0) + 1
    for site in portfolio.sites:
        if site.key in limits and site.key not in heard:
            yield f"Site {site.key}: life-safety limits ({limits[site.key]}) without a client route; nobody will be told."


class _Known:
    """Everything there will be: the database's rows, and over them the file's."""

    def __init__(self, wanted: Portfolio, current: Portfolio) -> None:
        self.before = {(row.kind, row.name_parts): row for row in current.all()}
        self.after: dict[tuple[str, tuple[str, ...]], Any] = {
            **self.before,
            **{(row.kind, row.name_parts): row for row in wanted.all()},
        }

    def get(self, kind: str, *name: str) -> Any:
        return self.after.get((kind, name))

    def reaches(self, person: str) -> bool:
        """Whether somebody has any channel."""
        return any(kind == "address" and row.person == person for (kind, _), row in self.after.items())

    def there_are(self, kind: str, **where: str | None) -> str:
        """What there is of a kind, for advice."""
        rows = (row for (k, _), row in self.after.items() if k == kind)
        found = sorted({r.name_parts[-1] for r in rows if all(getattr(r, f) == v for f, v in where.items())})
        return advice(found)


def _wrong(row: Row, known: _Known) -> Iterator[str]:
    before = known.before.get((row.kind, row.name_parts))
    if before is not None:
        yield from _moved(row, before)
    match row:
        case PersonRow():
            for company in row.looks_after:
                if known.get("company", company) is None:
                    yield f"looks after {company}, which is no company; {known.there_are('company')}"
        case PolicyRow():
            for key in row.sites:
                site = known.get("site", key)
                if site is None or site.company != row.company:
                    those = known.there_are("site", company=row.company)
                    yield f"covers {key}, which is no site of {row.company}; {those}"
        case DeviceRow(gateway=str(gateway)):
            yield from _gateway(row, gateway, known)
        case SensorRow(zone=str(zone)):
            yield from _place(row, zone, known)
        case ModelRow():
            yield from _other_model(row, known)
            for member in (*row.members, *row.setup.beside):
                yield from _member(row, member, known)
            yield from _forecast(row, known)


def _moved(row: Row, before: Row) -> Iterator[str]:
    """What a key can never change, because other records hang on it."""
    if row.company != before.company:
        owner = "the insurer" if before.company is None else f"company {before.company}"
        yield f"belongs to {owner}; take another key."
        return
    old, new = before.columns(), row.columns()
    for name in ("site", "zone", "asset") if isinstance(row, ModelRow) else ("site", "device", "sensor"):
        if name in new and new[name] != old[name]:
            yield f"belongs to {name} {old[name]}, not {new[name]}; take another key."
            return
    if isinstance(row, SensorRow) and isinstance(before, SensorRow) and row.unit and row.unit != before.unit:
        advice = "what is stored would change its meaning, so retire it and add a sensor of another key."
        yield f"is stored in {before.unit}, not {row.unit}; {advice}"


def _gateway(row: DeviceRow, gateway: str, known: _Known) -> Iterator[str]:
    through = known.get("device", gateway)
    if through is None or through.site != row.site:
        yield f"speaks through {gateway}, which is no device of site {row.site}; {known.there_are('device', site=row.site)}"
    elif gateway == row.key or through.gateway is not None:
        yield f"speaks through {gateway}, which is no gateway itself; a gateway speaks to the broker directly."


def _place(row: SensorRow, zone: str, known: _Known) -> Iterator[str]:
    if known.get("zone", row.site, zone) is None:
        yield f"is in zone {zone}, which site {row.site} does not have; {known.there_are('zone', site=row.site)}"
    elif row.asset is not None and known.get("asset", row.site, zone, row.asset) is None:
        those = known.there_are("asset", site=row.site, zone=zone)
        yield f"is on asset {row.asset}, which zone {zone} does not have; {those}"


def _other_model(row: ModelRow, known: _Known) -> Iterator[str]:
    """An asset has one model, for ever under one key: its scores are stored under it."""
    for (kind, _), other in known.after.items():
        same_asset = kind == row.kind and (other.site, other.zone, other.asset) == (row.site, row.zone, row.asset)
        if same_asset and other.key != row.key:
            yield f"is for asset {row.asset}, which has the model {other.key}; keep that key."


def _forecast(row: ModelRow, known: _Known) -> Iterator[str]:
    """What is stored of a forecast is in its member's unit, and nobody chooses the key of its sensor."""
    if row.setup.forecast is None:
        return
    member = known.get("sensor", *row.setup.forecast.of.split("/", 1))
    stored = known.get("sensor", f"_model.{row.key}", "_ahead")
    if member is not None and stored is not None and member.unit != stored.unit:
        yield (
            f"has {row.setup.forecast.of} forecast, in {member.unit}, and has had a forecast in {stored.unit}; what is stored would change "
            f"its meaning, so have a member in {stored.unit} forecast, or none."
        )


def _member(row: ModelRow, member: str, known: _Known) -> Iterator[str]:
    device, _, key = member.partition("/")
    sensor = known.get("sensor", device, key)
    if sensor is None or sensor.site != row.site or sensor.is_virtual:
        where = {"site": row.site} if known.get("device", device) is None else {"device": device}
        kind = "device" if "site" in where else "sensor"
        yield f"has the member {member}, which is no sensor of site {row.site}; {known.there_are(kind, **where)}"
    elif sensor.retired and not row.retired:
        yield f"has the member {member}, which is retired; leave it out, or retire the model."
    elif sensor.period_s is not None and sensor.period_s > row.window_s:
        yield (
            f"has windows of {row.window_s:g} s, and its member {member} reports every {sensor.period_s:g} s; most windows "
            f"would lack it. Take windows of {sensor.period_s:g} s or more, or leave it out."
        )


def _recipient(row: RouteRow, step: Step, known: _Known) -> Iterator[str]:
    side = row.company if row.audience == "client" else None
    if step.roster:  # core/site_rosters.py, and unreached_on_duty
        return
    person = known.get("person", step.person)
    if person is None:
        yield f"tells {step.person}, who is nobody; {known.there_are('person', company=side)}"
        return
    if person.company != side:
        whose = "the insurer" if side is None else f"company {row.company}"
        those = known.there_are("person", company=side)
        yield f"is for {whose} and tells {step.person}, who is not of them; {those}"
    elif side is None and row.company not in person.looks_after:
        yield f"tells {step.person}, who does not look after {row.company}; add it to looks_after."
    if wish_of(step.channel) is not None:
        if not known.reaches(step.person):
            yield f"tells {step.person}, who has no channel; add one to their channels."
    elif step.channel and known.get("address", step.person, step.channel) is None:
        yield f"tells {step.person} by {step.channel}, for which there is no address; add it to their channels."
    if not person.active:
        yield f"tells {step.person}, who is not active; name somebody who is."
