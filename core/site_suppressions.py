"""What a site file says of suppression by design: while the plant is in a state, or a parent alarm holds, these alarms call nobody.

A state is judged as a limit is, on a contact or an enumeration, with its delay; it is a row beside the limits and no alarm. Life
safety is never silenced by a rule: gas does not know whether the machine runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from core.model import Priority
from core.portfolio import DefinitionRow, Portfolio, Row, SensorRow
from core.yaml_lines import Block

STATE: Final = "_state."  # begins the key of a state's row; no key of a plant begins so
LONGEST_H: Final = (
    24.0 * 31
)  # a month: a plant that stands still for longer is shut down, which is a person's order. Ours.
MOST_ALARMS: Final = 500
_SENSOR: Final = re.compile(r"([^/\s]+)/([^/\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionRow(Row):
    """One rule.

    Args:
        parent: key of the limit, or of the state's row, that silences.
        alarms: keys of the limits that are silenced.
        longest_h: after so many hours it ends although the parent holds.
    """

    kind: ClassVar[str] = "suppression"
    named_by: ClassVar[tuple[str, ...]] = ("site", "key")
    guarded: ClassVar[frozenset[str]] = frozenset({"parent", "alarms", "longest_h", "retired"})
    site: str
    key: str
    title: str
    title_zh: str
    parent: str
    alarms: tuple[str, ...]
    longest_h: float
    retired: bool = False


def read_suppression(block: Block, portfolio: Portfolio, company: str, site: str) -> None:
    """Adds one rule, and the state it looks at where it names one."""
    key = block.key("key")
    title, title_zh = block.both("title")
    longest_h = block.number("longest_h", above=0.0)
    if longest_h is not None and longest_h > LONGEST_H:
        block.mistake("longest_h", f"longest_h of {block.where} is {longest_h:g}; it must be {LONGEST_H:g} or less.")
    alarms = [text for _, text in block.texts("alarms")]
    if not 1 <= len(set(alarms)) <= MOST_ALARMS:
        block.mistake(
            "alarms", f"{block.where} silences {len(set(alarms))} alarms; name 1 to {MOST_ALARMS} keys of limits."
        )
    retired, parent = block.flag("retired"), ""
    inner = block.block(
        "while", f"while of {block.where}", required=True, example="{alarm: KEY} or {state: DEVICE/SENSOR, at_most: 0}"
    )
    if inner is not None:
        parent = _parent(inner, portfolio, company, site, key, (title, title_zh), retired=retired)
    row = SuppressionRow(
        company=company,
        site=site,
        key=key,
        title=title,
        title_zh=title_zh,
        parent=parent,
        alarms=tuple(sorted(set(alarms))),
        longest_h=longest_h or LONGEST_H,
        retired=retired,
        line=block.line,
    )
    portfolio.suppressions.append(row)
    block.finish()


def _parent(
    block: Block, portfolio: Portfolio, company: str, site: str, key: str, titles: tuple[str, str], *, retired: bool
) -> str:
    """The key of what silences; a state's row is added."""
    if block.has("alarm") == block.has("state"):
        block.mistake(
            None, f"{block.where} names {'both' if block.has('alarm') else 'neither'}; name an alarm or a state."
        )
    if block.has("alarm"):
        parent = block.text("alarm")
        block.finish()
        return parent
    sensor = block.text("state", required=False)
    match = _SENSOR.fullmatch(sensor)
    if sensor and match is None:
        block.mistake("state", f"state of {block.where} is {sensor!r}; write device/sensor.")
    below, above = block.number("at_most", required=False), block.number("at_least", required=False)
    if (below is None) == (above is None):
        block.mistake(None, f"{block.where} needs at_most or at_least, one of them: the value that means the state.")
    settle_s = block.number("settle_s", default=0.0, least=0.0) or 0.0
    block.finish()
    setpoint = below if below is not None else above
    if match is None or setpoint is None:
        return ""
    row = DefinitionRow(
        company=company,
        site=site,
        device=match[1],
        sensor=match[2],
        key=STATE + key,
        detector="limit",
        direction="low" if below is not None else "high",
        setpoint=setpoint,
        priority=Priority.LOW,
        title=titles[0],
        title_zh=titles[1],
        consequence=titles[0],
        consequence_zh=titles[1],
        response=titles[0],
        response_zh=titles[1],
        respond_within_s=0.0,
        off_delay_s=settle_s,
        role="state",
        retired=retired,
        line=block.line,
    )
    portfolio.definitions.append(row)
    return row.key


def orphaned_states(wanted: Portfolio, current: Portfolio) -> list[DefinitionRow]:
    """States that were a rule's own and that it does not look at any more, retired."""
    rules = {(row.site, STATE + row.key): row for row in wanted.suppressions}
    return [
        replace(row, retired=True, line=rule.line)
        for row in current.definitions
        if row.role == "state"
        and not row.retired
        and (rule := rules.get((row.site, row.key)))
        and rule.parent != row.key
    ]


def check_suppressions(wanted: Portfolio, current: Portfolio) -> list[tuple[int, str]]:
    """Mistakes of the rules against everything there will be, Davy's own limits included, as (line, sentence)."""
    limits = {(row.site, row.key): row for each in (current, wanted) for row in each.definitions}
    sensors = {(row.device, row.key): row for each in (current, wanted) for row in each.sensors}
    rules = {row.name_parts: row for each in (current, wanted) for row in each.suppressions}
    silenced = {(row.site, key): row for row in rules.values() if not row.retired for key in row.alarms}
    of_file = {row.name_parts for row in wanted.suppressions}
    hanging = {(r.site, r.parent): r for r in current.suppressions if not r.retired and r.name_parts not in of_file}
    mistakes = []
    for row in wanted.suppressions:
        if not row.retired:
            wrong = [*_wrong(row, limits, sensors, silenced), *_chained(row, hanging)]
            mistakes += [(row.line, f"{row.subject} {sentence}") for sentence in wrong]
    return mistakes


def _chained(row: SuppressionRow, hanging: dict[tuple[str, str], SuppressionRow]) -> Iterator[str]:
    """Against rules that the file does not name and that stay."""
    for key in row.alarms:
        other = hanging.get((row.site, key))
        if other is not None:
            yield (
                f"silences {key}, on which {other.subject} hangs: then nobody would be called for any of them. "
                "Name all alarms under the one parent."
            )


def _wrong(
    row: SuppressionRow,
    limits: dict[tuple[str, str], DefinitionRow],
    sensors: dict[tuple[str, str], SensorRow],
    silenced: dict[tuple[str, str], SuppressionRow],
) -> Iterator[str]:
    parent = limits.get((row.site, row.parent))
    if row.parent and (parent is None or parent.retired):
        yield f"hangs on {row.parent}, which is no limit of site {row.site}; name one by its full key."
    if parent is not None and parent.role == "state":
        sensor: Any = sensors.get((parent.device, parent.sensor))
        if sensor is None or sensor.site != row.site or sensor.retired:
            yield f"looks at {parent.device}/{parent.sensor}, which is no sensor of site {row.site}."
    chain = silenced.get((row.site, row.parent))
    if chain is not None:
        yield (
            f"hangs on {row.parent}, which {chain.subject} silences: then nobody would be called for any of them. "
            "Name all alarms under the one parent."
        )
    for key in row.alarms:
        limit = limits.get((row.site, key))
        if limit is None or limit.retired or limit.role == "state":
            yield f"silences {key}, which is no limit of site {row.site}; name it by its full key."
        elif limit.priority is Priority.LIFE_SAFETY:
            yield f"silences {key}, which is life safety; no rule may. Take it off the list."
        elif key == row.parent:
            yield f"silences {key}, its own parent; take it off the list."
