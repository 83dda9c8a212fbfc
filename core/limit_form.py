"""A change of a limit as somebody types it, field by field: read as the same fields of a site file are. Pure.

The form of the page, the call of the API and what the database may hold go by one table, `FIELDS`: a field that a limit gets
is a line here, and its name in the reader's language in `api.words.limits`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

import yaml

from core.limit_checks import CEILING, CONVERTED, PERIODS, Paced, laxer, out_of_reach, slow_on_gas, waits_on_gas
from core.limit_rule import NEVER, REALARM, Rule, Vocabulary, plants_own, read_values
from core.limit_votes import SILENCE
from core.portfolio import DefinitionRow, SensorRow
from core.site_difference_check import wrong_neighbour
from core.site_plant import definition
from core.yaml_lines import Block, Reading

KEEP, OWN = "keep", "plant"  # what `source` of a change may say
OTHER: Final = "other"  # the sensor that a limit is compared with
_ASIDE: Final = ("source", OTHER)  # what is no field of a rule
Kind = Literal[
    "value", "step", "seconds", "count", "realarm", "priority", "flag", "text", "source", "parameter", "sensor"
]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form.

    Args:
        name: as a site file names it; a dot leads into a mapping of the file (`title.en`).
        kind: value: in the unit of what is judged; step: a difference of such; seconds; count: a whole number; realarm: seconds,
            or `never`; sensor: another one of the site, `device/sensor`; and words.
        of: the row's own name for it; empty: the same.
    """

    name: str
    kind: Kind
    of: str = ""

    @property
    def column(self) -> str:
        """The field of the row."""
        return self.of or self.name


FIELDS: Final = (
    Field("setpoint", "value"),
    Field("deadband", "step"),
    Field("on_delay_s", "seconds"),
    Field("off_delay_s", "seconds"),
    Field("votes.needed", "count", "votes"),
    Field("votes.of", "count", "votes_of"),
    Field(OTHER, "sensor"),
    Field("priority", "priority"),
    Field("latch", "flag"),
    Field(REALARM, "realarm"),
    Field("source", "source"),
    Field("respond_within_s", "seconds"),
    Field("title.en", "text", "title"),
    Field("title.zh", "text", "title_zh"),
    Field("consequence.en", "text", "consequence"),
    Field("consequence.zh", "text", "consequence_zh"),
    Field("response.en", "text", "response"),
    Field("response.zh", "text", "response_zh"),
    Field("retired", "flag"),
)
_WAITED: Final = frozenset({PERIODS, CEILING, "period_s"})  # how long silence is waited for is worked out, not chosen


def fields_of(row: DefinitionRow) -> tuple[Field, ...]:
    """The fields that this limit has: its detector's own numbers too, a source only where there is one to give up, votes
    only where there are numbers that vote, and a second sensor only where there is one.
    """
    own = tuple(Field(f"parameters.{name}", "parameter") for name in sorted(row.parameters) if name not in _WAITED)
    less = {"source"} if row.standard is None else set()
    if row.other is None:
        less.add(OTHER)
    if row.detector == SILENCE:
        less |= {each.name for each in FIELDS if each.kind == "count"}
    return tuple(each for each in FIELDS if each.name not in less) + own


def typed_of(row: DefinitionRow) -> dict[str, str]:
    """What the form shows before anybody types."""
    return {each.name: _shown(row, each) for each in fields_of(row)}


def _shown(row: DefinitionRow, field: Field) -> str:
    if field.kind == "source":
        return KEEP
    if field.kind == "parameter":
        return plain(row.parameters[field.name.partition(".")[2]])
    value = getattr(row, field.column)
    if isinstance(value, bool):
        return str(value).lower()
    if field.kind == "realarm" and value is None:
        return NEVER
    return plain(value) if isinstance(value, float) else str(value)


def plain(number: float) -> str:
    """A number as a person types it, and as it reads back to the same.

    >>> plain(25.0), plain(0.05), plain(14.166666666666666)
    ('25', '0.05', '14.166666666666666')
    """
    return repr(number).removesuffix(".0")


def read_change(
    now: DefinitionRow,
    typed: Mapping[str, str],
    sensor: SensorRow,
    words: Vocabulary,
    standard: Rule | None,
    other: Paced | None = None,
    neighbours: Mapping[str, SensorRow] | None = None,
) -> tuple[DefinitionRow, list[tuple[str, str]]]:
    """The limit as it would be, and every mistake as (field, sentence).

    Args:
        now: the limit in force.
        typed: by the names of `FIELDS`; what is left out stays.
        standard: the pack's limit that it goes by, in the sensor's unit; None: none that is known.
        other: the sensor that it is compared with.
        neighbours: the sensors of the site by `device/sensor`, where it is compared with one.
    """
    where = f"limit {now.key}"
    before = typed_of(now)
    unknown = [(name, f"{where} has no field {name} that changes.") for name in typed if name not in before]
    if unknown:
        return now, unknown
    # A re-alarm that nobody touched goes by its priority, as it does in a file: with a new priority it is another.
    typed = {name: text for name, text in typed.items() if name != REALARM or text.strip() != before[REALARM]}
    # A mapping of the file is whole or not there: who gives one language keeps the other.
    halves = {name.partition(".")[0] for name in typed if "." in name}
    typed = {
        **{name: text for name, text in before.items() if "." in name and name.partition(".")[0] in halves},
        **typed,
    }
    reading = Reading()
    block = _typed_block({k: v for k, v in typed.items() if k not in _ASIDE}, reading, where)
    base = rule_of(now, sensor.unit)
    rule = read_values(block, words, base, sensor.unit)
    retired = block.flag("retired", default=now.retired)
    own = typed.get("source", KEEP) == OWN and now.standard is not None
    if own:
        rule = plants_own(rule)
    block.finish()
    names = [name for name in typed if name not in _ASIDE]
    mistakes = [(names[line] if line < len(names) else "", sentence) for line, sentence in reading.mistakes]
    if typed.get("source", KEEP) not in (KEEP, OWN):
        mistakes.append(("source", f"source of {where} is {typed['source'][:40]}; it must be one of {KEEP}, {OWN}."))
    # What a number may not pass while it goes by its standard: the pack's, or what is in force where no pack is known.
    bound = standard if standard is not None else base
    mistakes += laxer(where, rule, bound, has_source=own or now.standard is None)
    mistakes += out_of_reach(where, rule, sensor)
    mistakes += ((_shown_at(name), sentence) for name, sentence in waits_on_gas(where, rule, sensor, standard))
    row = replace(definition(sensor, now.key, rule, retired=retired, line=0), **_beyond_rules(now))
    row = replace(row, other=typed[OTHER].strip() if OTHER in typed else now.other)
    if row.other != now.other or (now.retired and not retired):
        mistakes += ((OTHER, sentence) for sentence in wrong_neighbour(row, neighbours or {}))
        return row, mistakes
    too_slow = slow_on_gas(rule, sensor, other) if other is not None else None
    if too_slow is not None:
        mistakes.append(("on_delay_s", f"{where} {too_slow}"))
    return row, mistakes


def _shown_at(name: str) -> str:
    """The field of the form that a mistake stands at."""
    return "votes.needed" if name == "votes" else name


def _beyond_rules(now: DefinitionRow) -> dict[str, Any]:
    """What a row has of its own beside the rule on its sensor."""
    return {name: getattr(now, name) for name in ("company", "site", "device", "sensor")}


def rule_of(row: DefinitionRow, unit: str) -> Rule:
    """The rule that a row is, its numbers in the sensor's unit."""
    pairs: dict[str, Any] = {
        name: (getattr(row, name), getattr(row, f"{name}_zh")) for name in ("title", "consequence", "response")
    }
    same = {each.name: getattr(row, each.name) for each in fields(Rule) if each.name not in (*pairs, "unit")}
    return Rule(**same, **pairs, unit=unit if row.detector in CONVERTED else None)


def _typed_block(typed: Mapping[str, str], reading: Reading, where: str) -> Block:
    """The fields as a block of a file; the line of each is its place in the form."""
    nodes: list[tuple[yaml.ScalarNode, yaml.Node]] = []
    inner: dict[str, yaml.MappingNode] = {}
    for place, (name, text) in enumerate(typed.items()):
        first, _, second = name.partition(".")
        value = _scalar(text.replace("${", "$${"), place)
        if not second:
            nodes.append((_scalar(first, place), value))
            continue
        if first not in inner:
            inner[first] = yaml.MappingNode("tag:yaml.org,2002:map", [], _mark(place), _mark(place))
            nodes.append((_scalar(first, place), inner[first]))
        inner[first].value.append((_scalar(second, place), value))
    return Block(yaml.MappingNode("tag:yaml.org,2002:map", nodes, _mark(0), _mark(0)), reading, where)


def _scalar(text: str, place: int) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, _mark(place), _mark(place))


def _mark(place: int) -> yaml.Mark:
    return yaml.Mark("form", 0, place - 1, 0, None, 0)  # lines count from one, places from none
