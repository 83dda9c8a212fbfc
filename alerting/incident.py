"""One incident of an asset: several of its statistics and signals speak within a while, and where to look first. Pure.

A machine that fails tells of it in many numbers: its model's, its second opinion's, those of single signals. They are alarms like any other, each in
the list, each with its own record; people see them as one, with the **root** before the rest: the signal that most likely began it. What
that rests on is said with it. No alarm is raised later for it, and each stands in the list at once. Its **message** may come later: what joins an incident
that was told already goes with the next message of it, which for one of priority high is two minutes after the last at most, else the end of the
site's window (`alerting.calm.pause`). Of an incident is neither life safety nor a limit on a physical value, nor a compound of such limits: none of
them ever waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.compound_row import COMPOUND_PREFIX
from core.model import Priority
from core.sensor_faults import OF_SENSOR
from core.site_false_alarms import STATISTICAL

A_WHILE: Final = timedelta(minutes=30)  # from the first of it: what begins later is told by itself. Ours
MOST_OF_IT: Final = 0.5  # of a model's number: a signal with so much of it is named whatever began first. Ours
# What tells of one signal's course or of its quality. Silence does not: a gateway's loss is that of many assets.
_OF_ONE_SIGNAL: Final = STATISTICAL | (OF_SENSOR - {"stale"})
BOTH, SHARE, FIRST = "both", "share", "first"


def is_sign(detector: str, sensor: str, priority: str, asset_id: int | None, of_statistics: bool = False) -> bool:
    """Whether an alarm is one of those that an incident of its asset gathers.

    Args:
        sensor: its key; of a model's score, or of a compound, it begins with an underscore.
        of_statistics: of a compound: it is made of statistics alone, as two signals are that must agree. Any other is no sign.

    >>> is_sign("limit", "_mewma", "medium", 3), is_sign("limit", "flow", "medium", 3), is_sign("shift", "flow", "life-safety", 3)
    (True, False, False)
    """
    if asset_id is None or priority == Priority.LIFE_SAFETY.value:
        return False
    if sensor.startswith(COMPOUND_PREFIX):
        return of_statistics
    return sensor.startswith("_") or detector in _OF_ONE_SIGNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One alarm of an incident.

    Args:
        sensor: `device/sensor`; name, name_zh: its names.
        of_plant: it is a signal of the plant; False: a model's score or the like, which has no place of its own.
        top: of a model that said why: the member with most of its number, as (sensor, name, name_zh, share from 0 to 1).
    """

    sensor: str
    name: str
    name_zh: str
    began_at: datetime
    of_plant: bool
    top: tuple[str, str, str, float] | None = None


@dataclass(frozen=True, slots=True)
class Root:
    """Where to look first.

    Args:
        why: "both": it has most of the model's number and its own alarm began first; "share": most of the model's number; "first":
            its alarm began before the others.
        share: of the model's number; None: no model says.
    """

    sensor: str
    name: str
    name_zh: str
    why: str
    share: float | None = None


def root_of(signs: Sequence[Sign]) -> Root | None:
    """The signal that most likely began it; None: nothing says.

    What a model holds against one signal by half or more outweighs what began first, for delays differ: a vote of three waits longer than a limit.
    Where no signal has so much, the one whose own alarm began first; where none has one, the model's strongest.
    """
    tops = [sign.top for sign in signs if sign.top is not None]
    strongest = max(tops, key=lambda top: top[3], default=None)
    own = min((sign for sign in signs if sign.of_plant), key=lambda sign: (sign.began_at, sign.sensor), default=None)
    if strongest is not None and own is not None and strongest[0] == own.sensor:
        return Root(*strongest[:3], BOTH, strongest[3])
    if strongest is not None and (own is None or strongest[3] >= MOST_OF_IT):
        return Root(*strongest[:3], SHARE, strongest[3])
    return None if own is None else Root(own.sensor, own.name, own.name_zh, FIRST)


def gathered(began: Sequence[datetime]) -> list[int]:
    """Which incident each of an asset's alarms is of, by the instants at which they began: 0 for the first.

    A new one begins with the first alarm that is more than a while after the beginning of the one before.

    >>> from datetime import UTC
    >>> at = lambda minute: datetime(2026, 3, 1, 8, minute, tzinfo=UTC)
    >>> gathered([at(40), at(0), at(29)])
    [1, 0, 0]
    """
    found = [0] * len(began)
    number, since = -1, None
    for place in sorted(range(len(began)), key=lambda each: (began[each], each)):
        if since is None or began[place] - since > A_WHILE:
            number, since = number + 1, began[place]
        found[place] = number
    return found
