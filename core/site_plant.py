"""The plant's part of a site file: devices, their sensors, and the limits on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from core.errors import BadInput
from core.limit_checks import CONVERTED, HIGH_END, LOW_END, OF_TWO, OUTSIDE, out_of_reach, waits_on_gas, way_back
from core.limit_rule import HOLD_S, PackLimit, Rule, Vocabulary, read_rule, stands_s
from core.portfolio import DefinitionRow, DeviceRow, Portfolio, SensorRow, SiteRow
from core.signal_kind import kind_of
from core.site_agreement import read_agreement
from core.site_difference_check import misplaced
from core.site_hazard import read_calibration
from core.units import same_quantity
from core.yaml_lines import Block

# `_gateway.{device}` is an id on the wire too; a device's key is its user at the broker, where these have other rights.
_DEVICE_KEY: Final = re.compile(r"(?!_)(?!(ingest|simulator|detectors)$)[A-Za-z0-9_.-]{1,55}")
_DEVICE_KEY_RULE: Final = (
    "1 to 55 letters, digits, dots, dashes and underscores, not beginning with an underscore, and not ingest, "
    "simulator or detectors, which are Davy's own users at the broker"
)
_LIMIT_KEY: Final = re.compile(r"(?!_)[A-Za-z0-9_.-]{1,130}")
_LIMIT_KEY_RULE: Final = "letters, digits, dots, dashes and underscores, not beginning with an underscore"


def read_device(
    block: Block, portfolio: Portfolio, site: SiteRow, words: Vocabulary, packs: Mapping[str, PackLimit]
) -> None:
    """Adds one device of `site` with all that hangs on it."""
    device = DeviceRow(
        company=site.company,
        site=site.key,
        key=block.key("key", _DEVICE_KEY, _DEVICE_KEY_RULE),
        device_kind=block.text("kind"),
        gateway=block.optional("gateway"),
        retired=block.flag("retired"),
        line=block.line,
    )
    portfolio.devices.append(device)
    for each in block.blocks("sensors", "sensor"):
        _sensor(each, portfolio, site, device, words, packs)
    block.finish()


def _sensor(
    block: Block,
    portfolio: Portfolio,
    site: SiteRow,
    device: DeviceRow,
    words: Vocabulary,
    packs: Mapping[str, PackLimit],
) -> None:
    key = block.key("key")
    name, name_zh = block.both("name")
    unit = block.text("unit", most=64)
    if unit:
        try:
            same_quantity(unit, unit)
        except BadInput as error:
            block.mistake("unit", f"unit of {block.where}: {error}")
            unit = ""
    low, high = _range(block)
    states = block.numbers("states", f"states of {block.where}") or None
    calibrated_on, calibration_days = read_calibration(block)
    sensor = SensorRow(
        company=site.company,
        site=site.key,
        device=device.key,
        key=key,
        name=name,
        name_zh=name_zh,
        quantity=block.text("quantity"),
        unit=unit,
        zone=block.optional("zone"),
        asset=block.optional("asset"),
        range_low=low,
        range_high=high,
        period_s=block.number("period_s", required=False, above=0.0),
        mandatory=block.flag("mandatory"),
        states=states,
        calibrated_on=calibrated_on,
        calibration_days=calibration_days,
        retired=block.flag("retired") or device.retired,
        line=block.line,
    )
    if sensor.asset is not None and sensor.zone is None:
        block.mistake("asset", f"{block.where} has an asset and no zone; an asset stands in a zone, so name that too.")
    portfolio.sensors.append(sensor)
    for each in block.blocks("limits", f"limit of {block.where},"):
        _limit(each, portfolio, site, sensor, words, packs)
    block.finish()


def _range(block: Block) -> tuple[float | None, float | None]:
    if not block.offers("range"):
        return None, None
    ends = block.block("range", f"range of {block.where}", example="such as {low: 0, high: 100}")
    if ends is None:
        return None, None
    low, high = ends.number("low"), ends.number("high")
    ends.finish()
    if low is not None and high is not None and low >= high:
        block.mistake("range", f"range of {block.where} goes from {low:g} to {high:g}; low must be below high.")
    return low, high


def _limit(
    block: Block,
    portfolio: Portfolio,
    site: SiteRow,
    sensor: SensorRow,
    words: Vocabulary,
    packs: Mapping[str, PackLimit],
) -> None:
    name = block.text("is", required=False) or block.text("limit", required=False)
    pack = _from_pack(block, name, site, packs) if name else None
    base = _based_on(block, pack, sensor) if pack is not None else None
    suffix = block.key("key", _LIMIT_KEY, _LIMIT_KEY_RULE) if pack is None or block.has("key") else pack.key
    full_key = (
        block.key("full_key", _LIMIT_KEY, _LIMIT_KEY_RULE) if block.offers("full_key") else f"{sensor.key}.{suffix}"
    )
    if name and base is None:
        return  # the mistake is told; nothing to build on
    rule = _with_deadband(block, read_rule(block, words, base, sensor.unit or None), sensor)
    other = _other(block, rule, sensor)
    if other is not None and sensor.period_s is not None:
        rule = replace(rule, parameters={HOLD_S: stands_s(sensor.period_s), **rule.parameters})
    rule = _within_range(block, rule, sensor)
    row = definition(sensor, full_key, rule, retired=block.flag("retired") or sensor.retired, line=block.line)
    row = replace(row, other=other)
    waits = waits_on_gas(block.where, row, sensor, None if pack is None else pack.rule)
    for name, sentence in (*out_of_reach(block.where, row, sensor), *waits):
        block.mistake(name, sentence)
    if not read_agreement(block, portfolio, row, sensor):
        portfolio.definitions.append(row)
    block.finish()


def _other(block: Block, rule: Rule, sensor: SensorRow) -> str | None:
    """The sensor that a difference or a drift compares with."""
    other = block.text("other", required=False) or None
    if rule.detector not in OF_TWO:
        if other is not None:
            block.mistake(
                "other",
                f"{block.where} has other; only the detectors {' and '.join(OF_TWO)} compare with a second sensor.",
            )
        return None
    if other is None:
        block.mistake(
            None, f"{block.where} has no other; write `other: device/sensor`, the sensor it is compared with."
        )
    elif (sentence := misplaced(block.where, other, f"{sensor.device}/{sensor.key}")) is not None:
        block.mistake("other", sentence)
    return other


def _within_range(block: Block, rule: Rule, sensor: SensorRow) -> Rule:
    """The rule with the ends of what its sensor measures, where it is about them and states none."""
    if rule.detector != OUTSIDE:
        return rule
    ends = {LOW_END: sensor.range_low, HIGH_END: sensor.range_high}
    ends = {name: rule.parameters.get(name, end) for name, end in ends.items()}
    low, high = ends[LOW_END], ends[HIGH_END]
    if low is None or high is None or low >= high:
        block.mistake(
            None,
            f"{block.where} is about what sensor {sensor.key} can measure, which nobody has said; declare its range, such as"
            " {low: 0, high: 100}.",
        )
        return rule
    return replace(rule, parameters={**rule.parameters, LOW_END: low, HIGH_END: high})


def _from_pack(block: Block, name: str, site: SiteRow, packs: Mapping[str, PackLimit]) -> PackLimit | None:
    field = "is" if block.has("is") else "limit"
    pack = packs.get(name)
    if pack is None:
        near = get_close_matches(name, packs, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else "docs/reference/limits.md lists those there are."
        block.mistake(field, f"There is no limit {name} in the packs; {advice}")
        return None
    country = site.jurisdiction.partition("-")[0]
    if pack.jurisdictions and country not in pack.jurisdictions:
        places = ", ".join(sorted(pack.jurisdictions))
        block.mistake(
            field, f"{name} holds in {places}, and site {site.key} is in {country}; take a limit that holds there."
        )
    return pack


def _based_on(block: Block, pack: PackLimit, sensor: SensorRow) -> Rule | None:
    if not sensor.unit:
        return None  # the sensor's own unit is wrong and told
    try:
        return pack.for_sensor(sensor.unit, sensor.period_s)
    except BadInput as error:
        block.mistake(None, f"{pack.name} does not fit sensor {sensor.key}: {error}")
        return None


def definition(sensor: SensorRow, key: str, rule: Rule, *, retired: bool, line: int) -> DefinitionRow:
    """The row of a rule on a sensor."""
    return DefinitionRow(
        company=sensor.company,
        site=sensor.site,
        device=sensor.device,
        sensor=sensor.key,
        key=key,
        detector=rule.detector,
        direction=rule.direction,
        setpoint=rule.setpoint,
        priority=rule.priority,
        title=rule.title[0],
        title_zh=rule.title[1],
        consequence=rule.consequence[0],
        consequence_zh=rule.consequence[1],
        response=rule.response[0],
        response_zh=rule.response[1],
        respond_within_s=rule.respond_within_s,
        parameters=dict(rule.parameters),
        deadband=rule.deadband,
        on_delay_s=rule.on_delay_s,
        off_delay_s=rule.off_delay_s,
        votes=rule.votes,
        votes_of=rule.votes_of,
        latch=rule.latch,
        realarm_after_s=rule.realarm_after_s,
        standard=rule.standard,
        edition=rule.edition,
        clause=rule.clause,
        verified_by=rule.verified_by,
        verified_on=rule.verified_on,
        retired=retired,
        line=line,
    )


def _with_deadband(block: Block, rule: Rule, sensor: SensorRow) -> Rule:
    """The rule with the deadband that practice starts with, where it states none.

    That can only make an alarm stand longer: it begins at the same reading with it and without.
    """
    kind = kind_of(sensor.unit, sensor.quantity)
    if kind is None or rule.detector not in CONVERTED or rule.deadband or block.has("deadband"):
        return rule
    low, high = sensor.range_low, sensor.range_high
    span = high - low if low is not None and high is not None and high > low else None
    start = kind.starting_deadband(rule.setpoint, sensor.unit, span, way_back(rule.direction, rule.setpoint, low, high))
    return replace(rule, deadband=float(f"{start:.6g}"))
