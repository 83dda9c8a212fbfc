"""Compounds in a site file, and the ready ones that come with Davy.

A compound names its parts: limits of the site, or small conditions of its own. `_compound.{key}` is its virtual sensor, whose
number is how many parts hold; one ordinary limit of that name says how many are enough. What the parts say of other rows is checked
by `core.site_compound_check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from core.compound_row import COMPOUND_PREFIX, MOST_PARTS, CompoundPart, CompoundRow
from core.errors import BadInput, BadSiteFile
from core.limit_checks import OF_TWO
from core.limit_rule import REALARM_AFTER_S, Rule, Vocabulary, read_rule
from core.model import COMPOUND, Priority
from core.portfolio import Portfolio, SensorRow, SiteRow
from core.site_difference_check import PLACE
from core.site_plant import definition
from core.units import same_quantity
from core.yaml_lines import Block, Reading, read_block

_KEY: Final = re.compile(r"(?!_)[A-Za-z0-9_.-]{1,54}")  # `_compound.{key}` is an id
_KEY_RULE: Final = "1 to 54 letters, digits, dots, dashes and underscores, not beginning with an underscore"
_LONGEST_S: Final = 604_800.0
_OWN_FIELDS: Final = (
    "detector",
    "parameters",
    "direction",
    "setpoint",
    "deadband",
    "on_delay_s",
    "off_delay_s",
    "votes",
)

# What a compound of a site's own begins with: heard again after the usual time of whatever priority it is given.
_OWN: Final = Rule(priority=Priority.HIGH, realarm_after_s=REALARM_AFTER_S[Priority.HIGH])
_ALARM_FIELDS: Final = (
    "title",
    "consequence",
    "response",
    "priority",
    "latch",
    "realarm_after_s",
    "respond_within_s",
    "source",
)


@dataclass(frozen=True, slots=True)
class ReadyCompound:
    """A compound that comes with Davy: its parts name roles, a site says which sensor plays each.

    Args:
        roles: of each part.
    """

    key: str
    rule: Rule
    name: tuple[str, str]
    window_s: float
    in_order: bool
    parts: tuple[CompoundPart, ...]
    roles: tuple[str, ...]


def read_ready(texts: Iterable[tuple[str, str]], words: Vocabulary) -> dict[str, ReadyCompound]:
    """The ready compounds of all packs by name.

    Args:
        texts: (file name, its text).

    Raises:
        BadSiteFile: a pack has mistakes.
    """
    found: dict[str, ReadyCompound] = {}
    for file_name, text in texts:
        reading = Reading()
        top = read_block(text, reading)
        if top is not None:
            top.word("davy", ("compounds/1",))
            top.offers("templates")
            for block in top.blocks("compounds", "compound"):
                ready = _ready(block, words)
                if ready.key in found:
                    block.mistake("key", f"{ready.key} is there twice; keep one of them.")
                found[ready.key] = ready
            top.finish()
        if reading.mistakes:
            raise BadSiteFile([(line, f"{file_name}: {sentence}") for line, sentence in sorted(reading.mistakes)])
    return found


def _ready(block: Block, words: Vocabulary) -> ReadyCompound:
    key = block.key("key", _KEY, _KEY_RULE)
    name = block.both("name")
    window_s, in_order = _window(block, 0.0), block.flag("in_order")
    parts: list[CompoundPart] = []
    roles: list[str] = []
    for each in block.blocks("parts", f"part of {block.where},"):
        roles.append(each.text("role"))
        parts.append(_own_part(each, words, None))
        each.finish()
    rule = _alarm(block, words, None, len(parts))
    block.optional("note")
    block.finish()
    return ReadyCompound(key, rule, name, window_s, in_order, tuple(parts), tuple(roles))


def read_compound(
    block: Block, portfolio: Portfolio, site: SiteRow, words: Vocabulary, ready: Mapping[str, ReadyCompound]
) -> None:
    """Adds one compound of a site, its virtual sensor and its alarm."""
    base = _taken(block, ready)
    if block.has("compound") and base is None:
        return  # the mistake is told; nothing to build on
    key = block.key("key", _KEY, _KEY_RULE) if base is None or block.has("key") else base.key
    name = block.both("name", required=base is None)
    parts = _parts_of(block, words, base)
    rule = _alarm(block, words, base, len(parts))
    row = CompoundRow(
        company=site.company,
        site=site.key,
        key=key,
        window_s=_window(block, base.window_s if base else 0.0),
        in_order=block.flag("in_order", default=base.in_order if base else False),
        parts=tuple(parts),
        retired=block.flag("retired"),
        line=block.line,
    )
    names = name if any(name) or base is None else base.name
    sensor = SensorRow(
        company=site.company,
        site=site.key,
        device=f"_davy.{site.key}",
        key=COMPOUND_PREFIX + key,
        name=names[0],
        name_zh=names[1],
        quantity="conditions together",
        unit="1",
        zone=block.optional("zone"),
        asset=block.optional("asset"),
        is_virtual=True,
        retired=row.retired,
        line=block.line,
    )
    portfolio.compounds.append(row)
    portfolio.sensors.append(sensor)
    portfolio.definitions.append(definition(sensor, row.sensor, rule, retired=row.retired, line=block.line))
    block.finish()


def _taken(block: Block, ready: Mapping[str, ReadyCompound]) -> ReadyCompound | None:
    name = block.text("compound", required=False)
    if not name or name in ready:
        return ready.get(name)
    near = get_close_matches(name, ready, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(ready)) or 'none'}."
    block.mistake("compound", f"There is no ready compound {name}; {advice}")
    return None


def _window(block: Block, default: float) -> float:
    found = block.number("window_s", default=default, least=0.0)
    if found is not None and found > _LONGEST_S:
        block.mistake("window_s", f"window_s of {block.where} is {found:g}; it must be {_LONGEST_S:g} or less.")
    return default if found is None else found


def _parts_of(block: Block, words: Vocabulary, base: ReadyCompound | None) -> list[CompoundPart]:
    """The parts a file writes, or those of a ready compound with the sensors that play their roles."""
    if base is None:
        parts = [_part(each, words) for each in block.blocks("parts", f"part of {block.where},")]
    else:
        parts = _played(block, base)
    first: dict[str, int] = {}
    for part in parts:
        if part.limit in first:
            block.reading.mistake(
                part.line,
                f"{part.limit} is a part of {block.where} twice, first in line {first[part.limit]}; keep one of them.",
            )
        elif part.limit is not None:
            first[part.limit] = part.line
    if not 2 <= len(parts) <= MOST_PARTS:
        block.mistake(
            "parts" if base is None else "sensors",
            f"{block.where} has {len(parts)} part{'' if len(parts) == 1 else 's'}; it needs 2 to {MOST_PARTS}.",
        )
    return parts


def _played(block: Block, base: ReadyCompound) -> list[CompoundPart]:
    players = block.block(
        "sensors", f"sensors of {block.where}", required=True, example="a mapping of role: device/sensor"
    )
    if players is None:
        return list(base.parts)
    given = {role: (_place(players, role), players.line_of(role)) for role in players.names()}
    for role in given:
        if role not in base.roles:
            roles = ", ".join(dict.fromkeys(base.roles))
            players.mistake(role, f"{base.key} has no role {role}; it has {roles}.")
    return [
        replace(part, sensor=given[role][0], line=given[role][1])
        for part, role in zip(base.parts, base.roles, strict=True)
        if role in given
    ]


def _part(block: Block, words: Vocabulary) -> CompoundPart:
    limit = block.text("is", required=False) or block.text("limit", required=False)
    if not limit:
        part = _own_part(block, words, _place(block, "sensor"))
        block.finish()
        return part
    for field in ("sensor", *_OWN_FIELDS):
        if block.has(field):
            block.mistake(
                field,
                f"{block.where} names the limit {limit} and {field}; a part is one or the other: take out one of them.",
            )
    name = block.both("name", required=False)
    block.finish()
    return CompoundPart(limit=limit, name=name[0], name_zh=name[1], line=block.line)


def _place(block: Block, field: str) -> str:
    found = block.text(field)
    if found and not PLACE.fullmatch(found):
        block.mistake(field, f"{field} of {block.where} is {found!r}; write device/sensor.")
    return found


def _own_part(block: Block, words: Vocabulary, sensor: str | None) -> CompoundPart:
    """A small condition: what a limit has, without what makes it an alarm."""
    name = block.both("name")
    unit = block.optional("sensor_unit")
    if unit is not None:
        try:
            same_quantity(unit, unit)
        except BadInput as error:
            block.mistake("sensor_unit", f"sensor_unit of {block.where}: {error}")
    if block.has("unit"):
        block.mistake("unit", f"{block.where} has a unit; write its numbers in the sensor's own.")
    detector = block.word("detector", words.detectors, default="limit")
    direction = block.word("direction", ("high", "low"), default="high")
    for field in _ALARM_FIELDS:
        if block.has(field):
            block.mistake(
                field, f"{block.where} has {field}; a part of a compound calls nobody by itself: take it out."
            )
    if not block.has("setpoint"):
        block.mistake(None, f"{block.where} has no setpoint.")
    if detector in OF_TWO:
        block.mistake(
            "detector", f"{block.where} compares two sensors; write that as a limit, and name the limit here."
        )
    rule = read_rule(block, words, Rule(detector=detector, direction=direction))
    return CompoundPart(
        sensor=sensor,
        name=name[0],
        name_zh=name[1],
        detector=detector,
        parameters=dict(rule.parameters),
        direction=direction,
        setpoint=rule.setpoint,
        deadband=rule.deadband,
        on_delay_s=rule.on_delay_s,
        off_delay_s=rule.off_delay_s,
        votes=rule.votes,
        votes_of=rule.votes_of,
        unit=unit,
        line=block.line,
    )


def _alarm(block: Block, words: Vocabulary, base: ReadyCompound | None, parts: int) -> Rule:
    """The alarm on the number of parts that hold."""
    needed = block.number("needed", required=base is None)
    if needed is None:
        needed = base.rule.setpoint if base is not None else 2.0
    if needed != int(needed) or needed < 2:
        block.mistake("needed", f"needed of {block.where} is {needed:g}; it must be a whole number from 2.")
    elif parts >= 2 and needed > parts:
        block.mistake("needed", f"{block.where} needs {needed:g} of {parts} parts; needed must be {parts} or less.")
    if base is None:
        for name in ("title", "consequence", "response", "priority", "respond_within_s", "source"):
            if not block.has(name):
                block.mistake(None, f"{block.where} has no {name}.")
    rule = read_rule(block, words, replace(base.rule if base else _OWN, detector=COMPOUND, unit=None, setpoint=needed))
    for name in ("setpoint", "deadband", "votes", "parameters"):
        if block.has(name):
            block.mistake(name, f"{block.where} has {name}; a compound says with `needed` how many parts are enough.")
    return replace(rule, setpoint=needed)
