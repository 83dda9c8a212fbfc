"""Alarms of the sensor and not of the plant: a class of their own, because a dead gas detector is a hazard and not a nuisance.

Whoever gets one must not look for gas but for the detector, and whoever is responsible must know that nothing watches there. So pages
and messages say it, messages of one site's watching go together, and where lives hang on the sensor the fault is of high priority.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.limit_checks import CEILING, PERIODS, ceiling_s
from core.limit_rule import REALARM_AFTER_S
from core.model import Priority
from core.portfolio import DefinitionRow

# What tells of the sensor, its cable or its power. `noise` and `spike` do not: what is rough or leaps is as often the plant.
OF_SENSOR: Final = frozenset({"stale", "stuck", "unusable", "outside", "clipped", "still", "drift"})
# As long as for the silence of one (packs/signal_limits.yaml): somebody measures by hand until it is back.
RESPOND_WITHIN_S: Final = 3600.0
_BELOW: Final = (Priority.MEDIUM, Priority.LOW)


def raised_for_life_safety(row: DefinitionRow) -> DefinitionRow:
    """The limit on a sensor that lives hang on, of high priority at least where it tells of the sensor's own fault."""
    if row.detector not in OF_SENSOR or row.priority not in _BELOW:
        return row
    usual = row.realarm_after_s == REALARM_AFTER_S[Priority(row.priority)]
    return replace(
        row,
        priority=Priority.HIGH,
        respond_within_s=min(row.respond_within_s, RESPOND_WITHIN_S),
        realarm_after_s=REALARM_AFTER_S[Priority.HIGH] if usual else row.realarm_after_s,
    )


def heard_gone_within(row: DefinitionRow, most_s: float) -> DefinitionRow:
    """A detector for life safety is not missed for longer because it, or a pack's limit for others, is slow."""
    if row.detector != "stale" or not row.parameters.get(PERIODS) or ceiling_s(row.parameters) <= most_s:
        return row
    return replace(row, parameters={**row.parameters, CEILING: most_s})
