"""A limit as people write it, in a pack of a standard's thresholds or in a site file.

A pack holds thresholds as data: value, unit, averaging, standard, edition, clause, who verified it. A site file takes one
by its name (`gas.lel-1`), converts it to its sensor's unit and may make it stricter, never laxer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from core.errors import BadInput, BadSiteFile
from core.limit_checks import PERIODS, laxer
from core.model import Priority
from core.units import affine, convert, gas_mg_m3_to_ppm, gas_ppm_to_mg_m3, known, same_quantity
from core.wire_rules import ID
from core.yaml_lines import Block, Reading, read_block

INSTANT: Final = "instant"
AVERAGING: Final = (INSTANT, "stel-15min", "twa-8h")
OWN: Final = "plant"  # the word for a number that comes from no standard
PRIORITIES: Final = tuple(p.value for p in Priority)
_EVERYWHERE: Final = "any"


@dataclass(frozen=True, slots=True)
class AddressRule:
    """How an address of a channel looks.

    Args:
        sentence: completes "it must be ...".
        signed: whether it needs the name of a signing secret; None: it may have one.
    """

    pattern: re.Pattern[str]
    sentence: str
    signed: bool | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that other packages own and a site file may use.

    Args:
        detectors: the names of all detectors.
        check_parameters: called with the name of a detector, how the file calls the limit, and its parameters; raises
            BadInput where they do not fit.
        channels: name of each channel -> how its addresses look.
    """

    detectors: Collection[str]
    check_parameters: Callable[[str, str, Mapping[str, float]], object]
    channels: Mapping[str, AddressRule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A limit without its sensor.

    Args:
        setpoint: of the detector's number, in `unit`.
        unit: UCUM code for the detector limit; None: that of the sensor, or the detector's own.
    """

    detector: str = "limit"
    direction: str = "high"
    setpoint: float = 0.0
    unit: str | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    priority: Priority = Priority.HIGH
    latch: bool = False
    title: tuple[str, str] = ("", "")
    consequence: tuple[str, str] = ("", "")
    response: tuple[str, str] = ("", "")
    respond_within_s: float = 0.0
    standard: str | None = None
    edition: str | None = None
    clause: str | None = None
    verified_by: str | None = None
    verified_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackLimit:
    """One threshold of a pack.

    Args:
        name: `pack.key`, as site files call it.
        jurisdictions: where it holds; empty: everywhere.
        molar_mass: g/mol, where mg/m3 and ppm convert.
        celsius: temperature of the table the value comes from.
    """

    name: str
    key: str
    rule: Rule
    averaging: str = INSTANT
    jurisdictions: frozenset[str] = frozenset()
    molar_mass: float | None = None
    celsius: float | None = None

    def for_sensor(self, unit: str, period_s: float | None) -> Rule:
        """The rule with its numbers in the sensor's unit, and with the sensor's period where it goes by that.

        Args:
            period_s: how often the sensor speaks; None: nobody has said.

        Raises:
            BadInput: the units do not convert.
        """
        if self.rule.detector != "limit" or self.rule.unit is None:
            if period_s is None or not self.rule.parameters.get(PERIODS):
                return self.rule
            return replace(self.rule, parameters={**self.rule.parameters, "period_s": period_s})
        zero = self._converted(0.0, unit)
        return replace(
            self.rule,
            unit=unit,
            setpoint=self._converted(self.rule.setpoint, unit),
            deadband=abs(self._converted(self.rule.deadband, unit) - zero),
        )

    def _converted(self, number: float, unit: str) -> float:
        have = self.rule.unit
        assert have is not None
        if self.molar_mass is not None and self.celsius is not None and known(unit) and not same_quantity(have, unit):
            if same_quantity(have, "mg/m3") and same_quantity(unit, "[ppm]"):
                return convert(
                    gas_mg_m3_to_ppm(convert(number, have, "mg/m3"), self.molar_mass, self.celsius), "[ppm]", unit
                )
            if same_quantity(have, "[ppm]") and same_quantity(unit, "mg/m3"):
                return convert(
                    gas_ppm_to_mg_m3(convert(number, have, "[ppm]"), self.molar_mass, self.celsius), "mg/m3", unit
                )
        return convert(number, have, unit)


def read_packs(texts: Iterable[tuple[str, str]], words: Vocabulary) -> dict[str, PackLimit]:
    """The limits of all packs by name.

    Args:
        texts: (file name, its text); the file name opens each mistake.

    Raises:
        BadSiteFile: a pack has mistakes.
    """
    found: dict[str, PackLimit] = {}
    for file_name, text in texts:
        reading = Reading()
        top = read_block(text, reading)
        if top is not None:
            top.word("davy", ("limits/1",))
            top.offers("templates")  # a place for anchors
            pack = top.key("pack", ID, "letters, digits, dots, dashes and underscores")
            for block in top.blocks("limits", "limit"):
                limit = _pack_limit(block, pack, words)
                if limit.name in found:
                    block.mistake("key", f"{limit.name} is there twice; keep one of them.")
                found[limit.name] = limit
            top.finish()
        if reading.mistakes:
            raise BadSiteFile([(line, f"{file_name}: {sentence}") for line, sentence in sorted(reading.mistakes)])
    return found


def _pack_limit(block: Block, pack: str, words: Vocabulary) -> PackLimit:
    key = block.key("key", ID, "letters, digits, dots, dashes and underscores")
    places = frozenset(place for _, place in block.texts("jurisdictions"))
    limit = PackLimit(
        name=f"{pack}.{key}",
        key=key,
        rule=read_rule(block, words),
        averaging=block.word("averaging", AVERAGING, default=INSTANT),
        jurisdictions=places - {_EVERYWHERE},
        molar_mass=block.number("molar_mass", required=False, above=0.0),
        celsius=block.number("celsius", required=False),
    )
    block.optional("note")
    if not places:
        block.mistake(None, f"{block.where} has no jurisdictions; name the countries it holds in, or [any].")
    block.finish()
    return limit


def read_rule(block: Block, words: Vocabulary, base: Rule | None = None, sensor_unit: str | None = None) -> Rule:
    """The limit a block of a file describes.

    Args:
        base: the pack's, already in `sensor_unit`: whatever the block leaves out comes from it, and it may not be laxer.
        sensor_unit: numbers of a detector `limit` are converted to it; None: kept in their own (packs).
    """
    rule = read_values(block, words, base, sensor_unit)
    if base is not None:
        for name, sentence in laxer(block.where, rule, base, has_source=block.has("source")):
            block.mistake(name, sentence)
    return _with_source(block, rule, base)


def read_values(block: Block, words: Vocabulary, base: Rule | None = None, sensor_unit: str | None = None) -> Rule:
    """What it judges by and says; whatever the block leaves out comes from `base`, the source too."""
    of = base or Rule()
    detector, direction = of.detector, of.direction
    if base is None:
        detector = block.word("detector", words.detectors, default="limit")
        direction = block.word("direction", ("high", "low"), default="high")
    scale, offset, unit = _affine(block, detector, sensor_unit, of.unit)
    setpoint = block.number("setpoint", required=base is None)
    deadband = block.number("deadband", required=False, least=0.0)
    texts = {name: block.both(name, required=base is None) for name in ("title", "consequence", "response")}
    rule = replace(
        of,
        detector=detector,
        direction=direction,
        unit=unit,
        setpoint=of.setpoint if setpoint is None else setpoint * scale + offset,
        deadband=of.deadband if deadband is None else deadband * scale,
        parameters={**of.parameters, **block.numbers("parameters", f"parameters of {block.where}")},
        on_delay_s=_number(block, "on_delay_s", of.on_delay_s),
        off_delay_s=_number(block, "off_delay_s", of.off_delay_s),
        priority=_priority(block, of.priority if base else None),
        latch=block.flag("latch", default=of.latch),
        title=_either(texts["title"], of.title),
        consequence=_either(texts["consequence"], of.consequence),
        response=_either(texts["response"], of.response),
        respond_within_s=block.number("respond_within_s", default=of.respond_within_s if base else None, above=0.0)
        or 0.0,
    )
    _check_parameters(block, rule, words)
    return rule


def _affine(
    block: Block, detector: str, sensor_unit: str | None, base_unit: str | None
) -> tuple[float, float, str | None]:
    unit = block.optional("unit")
    if unit is None:
        return 1.0, 0.0, base_unit
    if detector != "limit":
        block.mistake(
            "unit", f"{block.where} has a unit; only the detector limit takes one, the others have their own."
        )
        return 1.0, 0.0, base_unit
    try:
        scale, offset = affine(unit, unit if sensor_unit is None else sensor_unit)
    except BadInput as error:
        block.mistake("unit", f"unit of {block.where}: {error}")
        return 1.0, 0.0, base_unit
    return scale, offset, unit if sensor_unit is None else sensor_unit


def _number(block: Block, name: str, default: float) -> float:
    found = block.number(name, default=default, least=0.0)
    return default if found is None else found


def _priority(block: Block, default: Priority | None) -> Priority:
    found = block.word("priority", PRIORITIES, default=default)
    return Priority(found) if found else Priority.HIGH


def _either(own: tuple[str, str], base: tuple[str, str]) -> tuple[str, str]:
    return own if any(own) else base


def _check_parameters(block: Block, rule: Rule, words: Vocabulary) -> None:
    if rule.detector not in words.detectors:
        return
    try:
        words.check_parameters(rule.detector, block.where, rule.parameters)
    except BadInput as error:
        block.mistake("parameters", str(error))


def plants_own(rule: Rule) -> Rule:
    """The rule with a number that comes from no standard."""
    return replace(rule, standard=None, edition=None, clause=None, verified_by=None, verified_on=None)


def _with_source(block: Block, rule: Rule, base: Rule | None) -> Rule:
    if not block.offers("source"):
        if base is None:
            block.mistake(
                None,
                f"{block.where} has no source; name standard, edition and clause, or write `source: {OWN}` for the plant's own number.",
            )
        return rule
    if block.is_text("source"):
        block.word("source", (OWN,))
        return plants_own(rule)
    source = block.block("source", f"the source of {block.where}")
    if source is None:
        return rule
    standard = source.text("standard")
    rule = replace(
        rule,
        standard=None if standard == OWN else standard,
        edition=source.text("edition", required=standard != OWN) or None,
        clause=source.optional("clause"),
        verified_by=source.optional("verified_by"),
        verified_on=source.day("verified_on", required=False),
    )
    if (rule.verified_by is None) != (rule.verified_on is None):
        source.mistake(
            None, f"{source.where} has one of verified_by and verified_on; a verification needs who and when."
        )
    source.finish()
    return rule
