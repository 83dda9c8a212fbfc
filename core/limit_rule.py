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
from core.limit_checks import CONVERTED, EXPOSURE, LONGEST_ANSWER_S, LONGEST_DELAY_S, PERIODS, laxer
from core.limit_votes import read_votes
from core.model import Priority
from core.units import affine, convert, gas_mg_m3_to_ppm, gas_ppm_to_mg_m3, known, same_quantity
from core.wire_rules import ID
from core.yaml_lines import Block, Reading, read_block

INSTANT: Final = "instant"
WINDOWS_S: Final = {"stel-15min": 900.0, "twa-8h": 28_800.0}  # of each average, which the detector `exposure` forms
AVERAGING: Final = (INSTANT, *WINDOWS_S)
HOLD_S: Final = "hold_s"  # the parameter of an average: how long a reading stands for, where no other comes
_HOLD_PERIODS: Final = 5.0  # of the sensor's own, and not less than 10 s: as long as it may be silent (signal.stale)
_HOLD_LEAST_S: Final = 10.0
_HOLD_MOST_S: Final = 86_400.0
OWN: Final = "plant"  # the word for a number that comes from no standard
PRIORITIES: Final = tuple(p.value for p in Priority)
_EVERYWHERE: Final = "any"

REALARM: Final = "realarm_after_s"
NEVER: Final = "never"  # and its word for: an acknowledgement holds for as long as the condition does
# An acknowledgement must not silence what still holds for longer than a shelf may (alerting/actions.py, LONGEST_SHELF); what is
# low calls nobody again. In code and not in the packs, because it belongs to the priority that a site gives a limit, not to the
# standard that its number is from. Ours; ISA-18.2 leaves the time to the plant.
REALARM_AFTER_S: Final[Mapping[Priority, float | None]] = {
    Priority.LIFE_SAFETY: 3600.0,
    Priority.HIGH: 8 * 3600.0,
    Priority.MEDIUM: 24 * 3600.0,
    Priority.LOW: None,
}
REALARM_LEAST_S: Final = 900.0  # a recurrence sooner belongs to the running call (alerting/alarm.py, SAME_CALL)


@dataclass(frozen=True, slots=True)
class AddressRule:
    """How an address of a channel looks.

    Args:
        sentence: completes "it must be ...".
        signed: whether it needs the name of a secret in the settings; None: it may have one.
        secrets: the setting that holds those secrets.
        secret: whether the address itself is one: who knows a robot's address can write in its group. It is never shown, and is
            kept sealed or not at all.
    """

    pattern: re.Pattern[str]
    sentence: str
    signed: bool | None = None
    secrets: str = "DAVY_WEBHOOK_SECRETS"
    secret: bool = False


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
        realarm_after_s: acknowledged and still active for so long, it is heard again; None: never.
    """

    detector: str = "limit"
    direction: str = "high"
    setpoint: float = 0.0
    unit: str | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    votes: int = 1
    votes_of: int = 1
    priority: Priority = Priority.HIGH
    latch: bool = False
    realarm_after_s: float | None = None
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
        parameters = dict(self.rule.parameters)
        if period_s is not None and parameters.get(PERIODS):
            parameters["period_s"] = period_s
        if period_s is not None and self.averaging != INSTANT:
            parameters.setdefault(HOLD_S, stands_s(period_s))
        if self.rule.detector not in CONVERTED or self.rule.unit is None:
            return replace(self.rule, parameters=parameters)
        zero = self._converted(0.0, unit)
        return replace(
            self.rule,
            parameters=parameters,
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


def stands_s(period_s: float) -> float:
    """How long a reading of a sensor stands for, where no other comes.

    >>> stands_s(1.0), stands_s(60.0)
    (10.0, 300.0)
    """
    return min(max(_HOLD_PERIODS * period_s, _HOLD_LEAST_S), _HOLD_MOST_S)


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
    averaging = block.word("averaging", AVERAGING, default=INSTANT)
    limit = PackLimit(
        name=f"{pack}.{key}",
        key=key,
        rule=_averaged(read_rule(block, words), averaging),
        averaging=averaging,
        jurisdictions=places - {_EVERYWHERE},
        molar_mass=block.number("molar_mass", required=False, above=0.0),
        celsius=block.number("celsius", required=False),
    )
    block.optional("note")
    if not places:
        block.mistake(None, f"{block.where} has no jurisdictions; name the countries it holds in, or [any].")
    block.finish()
    return limit


def _averaged(rule: Rule, averaging: str) -> Rule:
    """A threshold on an average is judged by the detector that forms it."""
    if averaging not in WINDOWS_S or rule.detector != "limit":
        return rule
    return replace(rule, detector=EXPOSURE, parameters={**rule.parameters, "window_s": WINDOWS_S[averaging]})


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
    votes, votes_of = read_votes(block, (of.votes, of.votes_of), detector)
    texts = {name: block.both(name, required=base is None) for name in ("title", "consequence", "response")}
    priority = _priority(block, of.priority if base else None)
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
        votes=votes,
        votes_of=votes_of,
        priority=priority,
        latch=block.flag("latch", default=of.latch),
        realarm_after_s=_realarm(block, priority, base),
        title=_either(texts["title"], of.title),
        consequence=_either(texts["consequence"], of.consequence),
        response=_either(texts["response"], of.response),
        respond_within_s=block.number(
            "respond_within_s", default=of.respond_within_s if base else None, above=0.0, most=LONGEST_ANSWER_S
        )
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
    if detector not in CONVERTED:
        block.mistake(
            "unit",
            f"{block.where} has a unit; only the detectors {' and '.join(CONVERTED)} take one, the others have their own.",
        )
        return 1.0, 0.0, base_unit
    try:
        scale, offset = affine(unit, unit if sensor_unit is None else sensor_unit)
    except BadInput as error:
        block.mistake("unit", f"unit of {block.where}: {error}")
        return 1.0, 0.0, base_unit
    return scale, offset, unit if sensor_unit is None else sensor_unit


def _number(block: Block, name: str, default: float) -> float:
    found = block.number(name, default=default, least=0.0, most=LONGEST_DELAY_S)
    return default if found is None else found


def _priority(block: Block, default: Priority | None) -> Priority:
    found = block.word("priority", PRIORITIES, default=default)
    return Priority(found) if found else Priority.HIGH


def _realarm(block: Block, priority: Priority, base: Rule | None) -> float | None:
    """What the block says; else the pack's own time, where it is not just the usual one of its priority; else the usual one."""
    if block.offers(REALARM) and (not block.has(REALARM) or (block.is_text(REALARM) and block.text(REALARM) == NEVER)):
        return None
    usual = REALARM_AFTER_S[priority]
    if base is not None and base.realarm_after_s != REALARM_AFTER_S[base.priority]:
        usual = base.realarm_after_s
    found = block.number(REALARM, default=usual, required=False, most=LONGEST_ANSWER_S)
    if found is not None and found < REALARM_LEAST_S:
        block.mistake(
            REALARM,
            f"{REALARM} of {block.where} is {found:g}; it must be {REALARM_LEAST_S:g} or more, or `{NEVER}`. "
            "Sooner it would call again while the call before it still runs.",
        )
    return found


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
