"""Whether a change of a limit can make anybody hear of a danger later, or not at all. Pure.

The measure is the call: a change is stricter if whoever was called before is called no later, whatever the readings. So a
wider deadband and a longer off-delay are looser, though they keep an alarm up for longer: a second danger that begins while
the first one's alarm is still up, acknowledged, calls nobody. So of votes only one thing is stricter whatever comes: each number
by itself, at once. More votes needed begin later; fewer of as many keep the alarm up longer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from core.limit_checks import is_beyond
from core.limit_rule import REALARM, REALARM_AFTER_S
from core.model import Priority
from core.portfolio import DefinitionRow

_RANK: Final = {Priority.LIFE_SAFETY: 0, Priority.HIGH: 1, Priority.MEDIUM: 2, Priority.LOW: 3}


def _votes_later(old: DefinitionRow, new: DefinitionRow) -> bool:
    """Whether votes can lose or delay a call; with an on-delay also one number that is back can, which votes would have passed over."""
    return (new.votes, new.votes_of) != (1, 1) or new.on_delay_s > 0.0


# field -> whether the new value can lose or delay a call. A field that is judged by and not named here always can.
_LOOSER: Final[Mapping[str, Callable[[DefinitionRow, DefinitionRow], bool]]] = {
    "setpoint": lambda old, new: is_beyond(new.direction, new.setpoint, old.setpoint),
    "deadband": lambda old, new: new.deadband > old.deadband,
    "on_delay_s": lambda old, new: new.on_delay_s > old.on_delay_s,
    "off_delay_s": lambda old, new: new.off_delay_s > old.off_delay_s,
    "votes": _votes_later,
    "votes_of": _votes_later,
    "priority": lambda old, new: _RANK[new.priority] > _RANK[old.priority],
    "latch": lambda old, new: old.latch,  # what lets go by itself may be gone before anybody looks
    "retired": lambda old, new: new.retired,
}


def loosened(old: DefinitionRow, new: DefinitionRow, last: DefinitionRow | None = None) -> frozenset[str]:
    """The fields by which `new` may call later than `old`, or not at all; empty: it is stricter, or judges the same.

    A limit that is not in force calls nobody, so nothing can be lost of it but for what people acknowledge. One that comes back is
    weighed against what it was when it last called: else it could be ended, set to any number, and begun again.

    Args:
        last: a retired limit as it was when it was last in force; None: it never was.
    """
    if old.retired:
        later = frozenset({REALARM} if _realarms_later(old, new) else ())
        return later if new.retired or last is None else later | loosened(replace(last, retired=False), new)
    judged = frozenset(name for name in judged_fields(old, new) if name not in _LOOSER or _LOOSER[name](old, new))
    return judged | {REALARM} if _realarms_later(old, new) else judged


def _realarms_later(old: DefinitionRow, new: DefinitionRow) -> bool:
    """Whether what is acknowledged is heard again later, or never, and not just because its priority is another one."""
    if old.priority != new.priority and new.realarm_after_s == REALARM_AFTER_S[new.priority]:
        return False
    after_s = [math.inf if row.realarm_after_s is None else row.realarm_after_s for row in (old, new)]
    return after_s[1] > after_s[0]


def judged_fields(old: DefinitionRow, new: DefinitionRow) -> frozenset[str]:
    """The fields that are judged by and differ."""
    before, after = old.columns(), new.columns()
    return frozenset(name for name in DefinitionRow.judging if _differs(before[name], after[name]))


def _differs(a: Any, b: Any) -> bool:
    return bool(a != b)
