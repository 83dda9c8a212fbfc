"""Two signals that must agree before a statistic calls anybody: a short word of a limit, and a compound of two parts behind it.

`agrees_with: {sensor: gw-1/cl-2, within_s: 60}` on a limit of a statistical detector makes no alarm of that limit by itself. It makes the
compound of the same condition on both signals, of which both must hold within so many seconds (docs/explanation/compounds.md): on a real water plant
that took false episodes from 4.5 to 0.7 a day at 28 of 29 events found (docs/detection.md). A limit on a physical value, and life safety
above all, waits for no second opinion: there it is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from core.compound_row import COMPOUND_PREFIX, CompoundPart, CompoundRow
from core.model import COMPOUND, Priority
from core.portfolio import DefinitionRow, Portfolio, SensorRow
from core.site_false_alarms import STATISTICAL
from core.yaml_lines import Block

WITHIN_S: Final = 60.0  # what one event does to two signals of a place comes within a minute. Ours
LONGEST_S: Final = 604_800.0
LONGEST_KEY: Final = 54  # `_compound.{key}` is an id
_PLACE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}/[A-Za-z0-9_.-]{1,64}")
_BOTH: Final = 2.0


def read_agreement(block: Block, portfolio: Portfolio, row: DefinitionRow, sensor: SensorRow) -> bool:
    """Adds the compound that a limit with `agrees_with` is; False where the limit has no such word and stands for itself.

    Args:
        row: the limit as it would be without that word.
    """
    if not block.offers("agrees_with"):
        return False
    inner = block.block(
        "agrees_with", f"agrees_with of {block.where}", example="such as {sensor: gw-1/cl-2, within_s: 60}"
    )
    if inner is None:
        return True
    other = inner.text("sensor")
    within_s = inner.number("within_s", default=WITHIN_S, least=0.0, most=LONGEST_S)
    inner.finish()
    own = f"{row.device}/{row.sensor}"
    if row.priority is Priority.LIFE_SAFETY:
        block.mistake(
            "agrees_with", f"{block.where} is life safety, which waits for no second signal; take agrees_with out."
        )
    elif row.detector not in STATISTICAL:
        block.mistake(
            "agrees_with",
            f"{block.where} is judged by {row.detector}; only a statistic ({', '.join(sorted(STATISTICAL))}) may wait for a second "
            "signal. Where two conditions mean more together, write a compound beside the limit.",
        )
    elif other and not _PLACE.fullmatch(other):
        inner.mistake("sensor", f"sensor of {inner.where} is {other!r}; write device/sensor.")
    elif other == own:
        inner.mistake("sensor", f"{block.where} agrees with its own sensor; name another one.")
    elif len(row.key) > LONGEST_KEY:
        block.mistake(
            "agrees_with",
            f"{block.where} is called {row.key}; with agrees_with its full_key may have {LONGEST_KEY} characters at most.",
        )
    else:
        _add(portfolio, row, sensor, other, WITHIN_S if within_s is None else within_s)
    return True  # fmt: skip


def _add(portfolio: Portfolio, row: DefinitionRow, sensor: SensorRow, other: str, within_s: float) -> None:
    names = ((f"{row.device}/{row.sensor}", sensor.name, sensor.name_zh), (other, other, other))
    parts = tuple(_part(row, place, name, name_zh) for place, name, name_zh in names)
    compound = CompoundRow(
        company=row.company, site=row.site, key=row.key, window_s=within_s, parts=parts, retired=row.retired, line=row.line
    )  # fmt: skip
    carrier = replace(
        sensor,
        device=f"_davy.{row.site}",
        key=compound.sensor,
        name=f"{sensor.name}: agreed with a second signal",
        name_zh=f"{sensor.name_zh}：与另一测点一致",
        quantity="conditions together",
        unit="1",
        range_low=None,
        range_high=None,
        period_s=None,
        mandatory=False,
        states=None,
        calibrated_on=None,
        calibration_days=None,
        is_virtual=True,
        retired=row.retired,
    )
    portfolio.compounds.append(compound)
    portfolio.sensors.append(carrier)
    portfolio.definitions.append(
        replace(
            row, device=carrier.device, sensor=carrier.key, key=COMPOUND_PREFIX + row.key, detector=COMPOUND, parameters={}, setpoint=_BOTH,
            deadband=0.0, on_delay_s=0.0, off_delay_s=0.0, votes=1, votes_of=1,
        )
    )  # fmt: skip


def _part(row: DefinitionRow, place: str, name: str, name_zh: str) -> CompoundPart:
    return CompoundPart(
        sensor=place, name=name, name_zh=name_zh, detector=row.detector, parameters=row.parameters, direction=row.direction,
        setpoint=row.setpoint, deadband=row.deadband, on_delay_s=row.on_delay_s, off_delay_s=row.off_delay_s, votes=row.votes,
        votes_of=row.votes_of, line=row.line,
    )  # fmt: skip


def superseded(wanted: Portfolio, current: Portfolio) -> list[DefinitionRow]:
    """Limits in force that now wait for a second signal: they end, or each would go on calling by itself beside its agreement.

    Each has the line of its agreement, where what it leaves behind is told: a compound of which it was a part would never be whole again.
    """
    named = {row.name_parts for row in wanted.definitions}
    agreed = {(row.site, row.key): row.line for row in wanted.compounds}
    return [
        replace(row, retired=True, line=agreed[row.site, row.key])
        for row in current.definitions
        if row.name_parts in agreed and row.name_parts not in named and not row.retired and row.detector in STATISTICAL
    ]
