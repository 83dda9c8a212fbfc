"""Rows back to a site file: what it writes reads back as the same rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from typing import Any, Final

import yaml

from core.compound_row import CompoundPart, CompoundRow
from core.limit_checks import CONVERTED
from core.limit_rule import NEVER, OWN
from core.portfolio import (
    AddressRow,
    CompanyRow,
    DefinitionRow,
    DeviceRow,
    HazardRow,
    ModelRow,
    PersonRow,
    PolicyRow,
    Portfolio,
    RouteRow,
    Row,
    SensorRow,
    SiteRow,
    ZoneRow,
)
from core.site_calm import shown
from core.site_false_alarms import shown as shown_false_alarms
from core.site_model_setup import shown_setup
from core.site_rosters import RosterRow
from core.site_suppressions import SuppressionRow

_HEAD: Final = "# Written by `davy site export`. How to write one: docs/reference/site-file.md\n"
_LINE: Final = 118


def write_site_file(portfolio: Portfolio) -> str:
    """The YAML text of a portfolio; Davy's own virtual sensors are left out, because an import adds them."""
    by = _Grouped(portfolio)
    insurer = [_person(row, by) for row in portfolio.people if row.company is None]
    file = {
        "davy": "site/1",
        "insurer": {"people": insurer} if insurer else None,
        "companies": [_company(row, by) for row in portfolio.companies],
    }
    text: str = yaml.dump(
        _escaped(_filled(file)), Dumper=yaml.SafeDumper, allow_unicode=True, sort_keys=False, width=_LINE
    )
    return _HEAD + text


class _Grouped:
    """Rows by what they belong to."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.people = _group(portfolio.people, "company")
        self.addresses = _group(portfolio.addresses, "person")
        self.policies = _group(portfolio.policies, "company")
        self.sites = _group(portfolio.sites, "company")
        self.hazards = _group(portfolio.hazards, "site")
        self.zones = _group(portfolio.zones, "site")
        self.assets = _group(portfolio.assets, "site", "zone")
        self.models = _group(portfolio.models, "site", "zone", "asset")
        self.devices = _group((d for d in portfolio.devices if not d.key.startswith("_")), "site")
        self.sensors = _group((s for s in portfolio.sensors if not s.is_virtual), "device")
        self.definitions = _group((d for d in portfolio.definitions if d.role == "alarm"), "device", "sensor")
        self.states = _group((d for d in portfolio.definitions if d.role == "state"), "site", "key")
        self.suppressions = _group(portfolio.suppressions, "site")
        self.calm = {row.site: row for row in portfolio.calm}
        self.false_alarms = {row.site: row for row in portfolio.false_alarms}
        self.compounds = _group(portfolio.compounds, "site")
        self.virtual = {(s.device, s.key): s for s in portfolio.sensors if s.is_virtual}
        self.routes = _group(portfolio.routes, "site")
        self.rosters = _group(portfolio.rosters, "site")


def _group(rows: Iterable[Row], *names: str) -> dict[tuple[str, ...], list[Any]]:
    found: dict[tuple[str, ...], list[Any]] = {}
    for row in rows:
        found.setdefault(tuple(str(getattr(row, name)) for name in names), []).append(row)
    return found


def _company(row: CompanyRow, by: _Grouped) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": _both(row.name, row.name_zh),
        "people": [_person(each, by) for each in by.people.get((row.key,), ())],
        "policies": [_policy(each) for each in by.policies.get((row.key,), ())],
        "sites": [_site(each, by) for each in by.sites.get((row.key,), ())],
    }


def _person(row: PersonRow, by: _Grouped) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": row.name,
        "role": row.role,
        "language": row.language,
        "email": row.email,
        "phone": row.phone,
        "active": None if row.active else False,
        "looks_after": list(row.looks_after),
        "channels": {each.channel: _address(each) for each in by.addresses.get((row.key,), ())},
    }


def _address(row: AddressRow) -> str | dict[str, str]:
    return row.address if row.secret_ref is None else {"address": row.address, "secret": row.secret_ref}


def _policy(row: PolicyRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "begins_on": row.begins_on.isoformat(),
        "ends_on": row.ends_on.isoformat(),
        "premium": format(row.premium, "f"),
        "sum_insured": format(row.sum_insured, "f"),
        "currency": row.currency,
        "sites": list(row.sites),
    }


def _site(row: SiteRow, by: _Grouped) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": _both(row.name, row.name_zh),
        "time_zone": row.time_zone,
        "jurisdiction": row.jurisdiction,
        "hazards": [_hazard(each) for each in by.hazards.get((row.key,), ())],
        "zones": [_zone(each, by) for each in by.zones.get((row.key,), ())],
        "devices": [_device(each, by) for each in by.devices.get((row.key,), ())],
        "compounds": [_compound(each, by) for each in by.compounds.get((row.key,), ())],
        "rosters": [_roster(each) for each in by.rosters.get((row.key,), ())],
        "routes": [_route(each) for each in by.routes.get((row.key,), ())],
        "suppressions": [_suppression(each, by) for each in by.suppressions.get((row.key,), ())],
        "calm": shown(by.calm[row.key]) if row.key in by.calm else None,
        "false_alarms": shown_false_alarms(by.false_alarms[row.key]) if row.key in by.false_alarms else None,
    }


def _hazard(row: HazardRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "title": _both(row.title, row.title_zh),
        "likelihood": row.likelihood,
        "exposure": row.exposure,
        "consequence": row.consequence,
        "assessed_on": row.assessed_on.isoformat(),
        "source": row.source,
        "retired": row.retired or None,
    }


def _zone(row: ZoneRow, by: _Grouped) -> dict[str, Any]:
    assets = by.assets.get((row.site, row.key), ())
    return {
        "key": row.key,
        "name": _both(row.name, row.name_zh),
        "assets": [
            {
                "key": a.key,
                "kind": a.asset_kind,
                "name": _both(a.name, a.name_zh),
                "model": next((_model(each) for each in by.models.get((a.site, a.zone, a.key), ())), None),
            }
            for a in assets
        ],
    }


def _model(row: ModelRow) -> dict[str, Any]:
    return {
        "key": None if row.key == row.asset else row.key,
        "window_s": row.window_s,
        "priority": row.priority.value,
        "members": list(row.members),
        **shown_setup(row.setup),
        "retired": row.retired or None,
    }


def _device(row: DeviceRow, by: _Grouped) -> dict[str, Any]:
    return {
        "key": row.key,
        "kind": row.device_kind,
        "gateway": row.gateway,
        "retired": row.retired or None,
        "sensors": [_sensor(each, by) for each in by.sensors.get((row.key,), ())],
    }


def _sensor(row: SensorRow, by: _Grouped) -> dict[str, Any]:
    reach = None if row.range_low is None else {"low": row.range_low, "high": row.range_high}
    return {
        "key": row.key,
        "name": _both(row.name, row.name_zh),
        "zone": row.zone,
        "asset": row.asset,
        "quantity": row.quantity,
        "unit": row.unit,
        "range": reach,
        "period_s": row.period_s,
        "mandatory": row.mandatory or None,
        "states": row.states,
        "calibration": _calibration(row),
        "retired": row.retired or None,
        "limits": [_limit(each) for each in by.definitions.get((row.device, row.key), ())],
    }


def _calibration(row: SensorRow) -> dict[str, Any] | None:
    if row.calibration_days is None:
        return None
    done_on = None if row.calibrated_on is None else row.calibrated_on.isoformat()
    return {"done_on": done_on, "every_days": row.calibration_days}


def _limit(row: DefinitionRow) -> dict[str, Any]:
    short = row.key.removeprefix(f"{row.sensor}.")
    return {
        "key": short,
        "full_key": row.key if short == row.key else None,
        "detector": row.detector,
        "other": row.other,
        "parameters": dict(row.parameters),
        "direction": row.direction,
        "setpoint": row.setpoint,
        # Of these an import would put one on where none is stated.
        "deadband": row.deadband if row.detector in CONVERTED else row.deadband or None,
        "on_delay_s": row.on_delay_s or None,
        "off_delay_s": row.off_delay_s or None,
        "votes": None if row.votes_of == 1 else {"needed": row.votes, "of": row.votes_of},
        **_alarm(row),
        "retired": row.retired or None,
    }


def _alarm(row: DefinitionRow) -> dict[str, Any]:
    """What makes a condition an alarm: a limit's and a compound's alike."""
    return {
        "priority": row.priority.value,
        "latch": row.latch or None,
        "realarm_after_s": NEVER if row.realarm_after_s is None else row.realarm_after_s,
        "title": _both(row.title, row.title_zh),
        "consequence": _both(row.consequence, row.consequence_zh),
        "response": _both(row.response, row.response_zh),
        "respond_within_s": row.respond_within_s,
        "source": _source(row),
    }


def _compound(row: CompoundRow, by: _Grouped) -> dict[str, Any]:
    place = f"_davy.{row.site}", row.sensor
    sensor, (alarm, *_) = by.virtual[place], by.definitions[place]
    return {
        "key": row.key,
        "name": _both(sensor.name, sensor.name_zh),
        "zone": sensor.zone,
        "asset": sensor.asset,
        "needed": alarm.setpoint,
        "window_s": row.window_s,
        "in_order": row.in_order or None,
        "parts": [_part(each) for each in row.parts],
        "on_delay_s": alarm.on_delay_s or None,
        "off_delay_s": alarm.off_delay_s or None,
        **_alarm(alarm),
        "retired": row.retired or None,
    }


def _part(part: CompoundPart) -> dict[str, Any]:
    name = _both(part.name, part.name_zh) if part.name else None
    if part.limit is not None:
        return {"limit": part.limit, "name": name}
    return {
        "sensor": part.sensor,
        "name": name,
        "detector": part.detector,
        "parameters": dict(part.parameters),
        "direction": part.direction,
        "setpoint": part.setpoint,
        "deadband": part.deadband or None,
        "on_delay_s": part.on_delay_s or None,
        "off_delay_s": part.off_delay_s or None,
        "votes": None if part.votes_of == 1 else {"needed": part.votes, "of": part.votes_of},
    }


def _source(row: DefinitionRow) -> str | dict[str, Any]:
    if row.standard is None and row.verified_by is None and row.clause is None and row.edition is None:
        return OWN
    return {
        "standard": row.standard or OWN,
        "edition": row.edition,
        "clause": row.clause,
        "verified_by": row.verified_by,
        "verified_on": None if row.verified_on is None else row.verified_on.isoformat(),
    }


def _roster(row: RosterRow) -> dict[str, Any]:
    layers = [
        {
            "key": layer.key,
            "people": list(layer.people),
            "begins_on": layer.begins_on.isoformat(),
            "hand_over": _clock(layer.hand_over),
            "turn_days": layer.turn_days,
            "hours": _hours(layer.hours),
            "on_holidays": layer.on_holidays or None,
        }
        for layer in row.layers
    ]
    return {
        "key": row.key,
        "name": _both(row.name, row.name_zh),
        "audience": row.audience,
        "time_zone": row.time_zone,
        "holidays": [day.isoformat() for day in row.holidays],
        "layers": layers,
        "may_be_empty": row.may_be_empty or None,
        "roll_calls": {"times": row.roll_calls, "hours": _hours(row.roll_call_hours)} if row.roll_calls else None,
        "retired": row.retired or None,
    }


def _hours(hours: tuple[time, time] | None) -> dict[str, str] | None:
    return None if hours is None else dict(zip(("from", "until"), map(_clock, hours), strict=True))


def _clock(clock: time) -> str:
    return f"{clock:%H:%M}"


def _route(row: RouteRow) -> dict[str, Any]:
    steps: dict[int, dict[str, Any]] = {}
    for each in row.steps:
        step = steps.setdefault(each.position, {"after_s": each.after_s, "to": []})
        whom = {"roster": each.roster} if each.roster else {"person": each.person}
        step["to"].append({**whom, "channel": each.channel})
    return {
        "key": row.key,
        "audience": row.audience,
        "priorities": list(row.priorities),
        "hears": list(row.hears),
        "steps": list(steps.values()),
    }


def _suppression(row: SuppressionRow, by: _Grouped) -> dict[str, Any]:
    looks_at: dict[str, Any] = {"alarm": row.parent}
    for state in by.states.get((row.site, row.parent), ()):
        value = "at_most" if state.direction == "low" else "at_least"
        looks_at = {
            "state": f"{state.device}/{state.sensor}",
            value: state.setpoint,
            "settle_s": state.off_delay_s or None,
        }
    return {
        "key": row.key,
        "title": _both(row.title, row.title_zh),
        "while": looks_at,
        "alarms": list(row.alarms),
        "longest_h": row.longest_h,
        "retired": row.retired or None,
    }


def _both(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


def _filled(value: object) -> Any:
    """The tree without what is empty: those fields have defaults."""
    if isinstance(value, dict):
        return {key: _filled(each) for key, each in value.items() if each is not None and each not in ([], {})}
    return [_filled(each) for each in value] if isinstance(value, list) else value


def _escaped(value: object) -> Any:
    """The tree with `${` written so that a reading does not take it for a variable."""
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    return value.replace("${", "$${") if isinstance(value, str) else value
