"""What a change of a limit needs before it may be applied: a proof, a second person, words that overrule the proof. Pure.

Each demand is one sentence. Whoever is called later, or not at all, after a change was once in danger without a call: so a
change that is not plainly stricter is tried on the site's own history first (`davy/backtest`). What no history can show, how long
people would have let an acknowledged alarm stand, two people answer for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.limit_rule import REALARM
from core.model import Priority
from core.portfolio import DefinitionRow
from core.strictness import loosened

LEAST_HISTORY: Final = timedelta(
    days=7
)  # that a proof looks at, where so much is kept: a week has both shifts and a Sunday
_TIMES: Final = frozenset({"deadband", "on_delay_s", "off_delay_s", "votes", "votes_of", "parameters"})
_SLACK: Final = timedelta(hours=2)  # the hour that is heard first is known to the hour, and a form's span to the minute


@dataclass(frozen=True, slots=True)
class Proof:
    """A finished back-test of exactly this change of exactly this version.

    Args:
        rollups_only: it saw minutes and hours, no readings.
    """

    backtest_id: int
    from_at: datetime
    to_at: datetime
    lost_true: int
    delayed_true: int
    rollups_only: bool


@dataclass(frozen=True, slots=True)
class Gate:
    """What a change needs.

    Args:
        two_people: somebody else than its proposer must approve, and one of them is a safety officer.
        unproven: why it may not be applied as it is, unless two people overrule that in writing; None: nothing speaks against it.
    """

    two_people: bool
    unproven: str | None


def gate(
    old: DefinitionRow, new: DefinitionRow, proof: Proof | None, heard_since: datetime | None, *, now: datetime
) -> Gate:
    """What turning `old` into `new` needs.

    Args:
        heard_since: from when on the sensor is known; None: there is no history to try anything on.
    """
    looser = loosened(old, new)
    two = Priority.LIFE_SAFETY in (old.priority, new.priority) or REALARM in looser
    looser -= {REALARM}
    if not looser or (heard_since is None and proof is None):
        return Gate(two, None)
    return Gate(two, _unproven(looser, proof, heard_since, now))


def _unproven(looser: frozenset[str], proof: Proof | None, heard_since: datetime | None, now: datetime) -> str | None:
    if proof is None:
        return (
            "This change may call people later, or not at all, and no finished back-test shows that it does not. "
            "Back-test it first, or let two people overrule that in writing."
        )
    if proof.lost_true or proof.delayed_true:
        return (
            f"By the back-test {proof.lost_true} true dangers would be missed and {proof.delayed_true} found later. "
            "Propose another value, or let two people overrule that in writing."
        )
    enough = max(now - LEAST_HISTORY, heard_since) if heard_since is not None else now - LEAST_HISTORY
    if proof.from_at > enough + _SLACK or proof.to_at < now - LEAST_HISTORY:
        return (
            "The back-test looks at too little: it must begin 7 days ago, or where the history begins, and reach into this week. "
            "Back-test it anew, or let two people overrule that in writing."
        )
    if proof.rollups_only and looser & _TIMES:
        return (
            "The back-test saw rollups only: delays under a minute cannot be judged. "
            "Back-test it where readings are kept, or let two people overrule that in writing."
        )
    return None
