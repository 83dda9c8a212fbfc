"""What a change of a limit needs before it may be applied: a proof, a second person, words that overrule the proof. Pure.

Each demand is one sentence. Whoever is called later, or not at all, after a change was once in danger without a call: so a
change that is not plainly stricter is tried on the site's own history first (`davy/backtest`). What no history can show, how long
people would have let an acknowledged alarm stand, two people answer for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.limit_rule import REALARM
from core.model import Priority
from core.portfolio import DefinitionRow
from core.sensor_faults import OF_SENSOR
from core.strictness import loosened

LEAST_HISTORY: Final = timedelta(
    days=7
)  # that a proof looks at, where so much is kept: a week has both shifts and a Sunday
LATEST_END: Final = timedelta(days=1)  # ago: what happened since would be tried by nobody
_ROLLED_AWAY: Final = frozenset({"other", "deadband", "on_delay_s", "off_delay_s", "votes", "votes_of", "parameters"})
_SLACK: Final = timedelta(hours=2)  # the hour that is heard first is known to the hour, and a form's span to the minute


@dataclass(frozen=True, slots=True)
class Proof:
    """A finished back-test of exactly this change of exactly this version.

    Args:
        refused: its own verdict: something would be missed or, of true dangers, found later.
        lost_injected: incidents laid over the history that would be missed.
        problems: detectors that failed in it.
        known_share: of the time from `from_at` to `to_at`; least_known: what it must be (0015, davy_limit_least_known).
        rollups_to: until when it saw minutes and hours, no readings; None: it saw readings only.
    """

    backtest_id: int
    from_at: datetime
    to_at: datetime
    refused: bool
    lost_true: int
    delayed_true: int
    lost_injected: int
    problems: int
    known_share: float
    least_known: float
    rollups_to: datetime | None


@dataclass(frozen=True, slots=True)
class Gate:
    """What a change needs.

    Args:
        two_people: somebody else than its proposer must approve, and one of them is a safety officer.
        unproven: why it may not be applied as it is, unless two people overrule that in writing; None: nothing speaks against it.
    """

    two_people: bool
    unproven: str | None


def worst(proofs: Sequence[Proof], heard_since: datetime | None, *, now: datetime) -> Proof | None:
    """The back-test that counts: asked until one of several says what somebody wants to hear, the first answer stands.

    Args:
        proofs: all that finished, of this change and version.
    """
    reaching = [proof for proof in proofs if _reaches(proof, heard_since, now)]
    return max(reaching or proofs, key=lambda p: (p.refused, p.problems > 0, p.backtest_id), default=None)


def gate(
    old: DefinitionRow,
    new: DefinitionRow,
    proof: Proof | None,
    heard_since: datetime | None,
    *,
    now: datetime,
    for_life: bool = False,
    on_life: bool = False,
    last: DefinitionRow | None = None,
) -> Gate:
    """What turning `old` into `new` needs.

    Args:
        last: a retired limit as it was when it was last in force.
        heard_since: from when on the sensor is known; None: there is no history to try anything on.
        for_life: a compound of life safety counts on this limit, whatever its own priority.
        on_life: lives hang on its sensor: nobody loosens alone what tells that this sensor is blind.
    """
    looser = loosened(old, new, last)
    deafens = on_life and old.detector in OF_SENSOR and bool(looser)
    two = for_life or deafens or Priority.LIFE_SAFETY in (old.priority, new.priority) or REALARM in looser
    looser -= {REALARM}
    if not looser or (heard_since is None and proof is None):
        return Gate(two, None)
    if old.retired:
        return Gate(
            two,
            "This limit would come back looser than it was when it was last in force. "
            "Bring it back as it was and change it then, or let two people overrule that in writing.",
        )
    return Gate(two, _unproven(looser, proof, heard_since, now))


def _unproven(looser: frozenset[str], proof: Proof | None, heard_since: datetime | None, now: datetime) -> str | None:
    if proof is None:
        return (
            "This change may call people later, or not at all, and no finished back-test shows that it does not. "
            "Back-test it first, or let two people overrule that in writing."
        )
    if proof.refused and proof.lost_injected and not proof.lost_true and not proof.delayed_true:
        return (
            f"By the back-test {proof.lost_injected} incidents laid over the history would be missed. "
            "Propose another value, or let two people overrule that in writing."
        )
    if proof.refused:
        return (
            f"By the back-test {proof.lost_true} true dangers would be missed and {proof.delayed_true} found later. "
            "Propose another value, or let two people overrule that in writing."
        )
    if not _reaches(proof, heard_since, now):
        return (
            "The back-test looks at too little: it must begin 7 days ago, or where the history begins, and end within the last day. "
            "Back-test it anew, or let two people overrule that in writing."
        )
    if proof.problems:
        return (
            "Detectors failed in the back-test, so it does not show what they would have found. "
            "Back-test it anew, or let two people overrule that in writing."
        )
    known = _known(proof, heard_since)
    if known < proof.least_known:
        return (
            f"The sensor was silent for too much of the back-test: {100 * known:.0f} percent of the time are known, and {100 * proof.least_known:.0f} must be. "
            "Back-test it when more is known, or let two people overrule that in writing."
        )
    if looser & _ROLLED_AWAY and _only_rollups(proof, heard_since):
        return (
            "The back-test saw rollups only: delays under a minute cannot be judged. "
            "Back-test it where readings are kept, or let two people overrule that in writing."
        )
    return None


def _reaches(proof: Proof, heard_since: datetime | None, now: datetime) -> bool:
    """From a week ago, or from where the history begins, until about now."""
    begin = max(now - LEAST_HISTORY, heard_since) if heard_since is not None else now - LEAST_HISTORY
    return proof.from_at <= begin + _SLACK and proof.to_at >= now - LATEST_END


def _known(proof: Proof, heard_since: datetime | None) -> float:
    """Of the time in which there was a sensor to hear: what was before that is no hole."""
    whole = proof.to_at - proof.from_at
    heard = proof.to_at - max(proof.from_at, heard_since) if heard_since is not None else whole
    return min(1.0, proof.known_share * (whole / heard)) if heard > timedelta(0) else 0.0


def _only_rollups(proof: Proof, heard_since: datetime | None) -> bool:
    """Whether there was a history of which no readings are left; where there was none, rollups took nobody's place."""
    return proof.rollups_to is not None and (heard_since is None or proof.rollups_to > heard_since + _SLACK)
