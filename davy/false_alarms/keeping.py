"""Keeps a site's statistical alarms to its budget of false alarms: a patient duty, and the same at once for whoever asks.

Who judges (alerting), who models (detectors) and what has been published meet here. A setpoint moves only where it matters, is written
down as every change of a limit is, and never where a person has set it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.false_alarms import (
    BELOW_TOP,
    CAPPED,
    KEPT,
    UNKNOWN,
    UNUSED,
    Choice,
    Lasting,
    Numbers,
    choose,
    curve,
    moves,
    needed,
    shares,
)
from alerting.store.false_alarms import (
    BudgetLimit,
    BudgetSite,
    apply_budget,
    budget_limits,
    budget_sites,
    note_budget,
)
from core.log import logger
from davy.false_alarms import store
from davy.false_alarms.normal import Said, said_of

LOOKED_AT: Final = timedelta(days=1)  # what is known of normal operation grows by the day
UNKNOWN_AGAIN: Final = timedelta(hours=1)  # a model may have been fitted meanwhile
MOST_AT_ONCE: Final = 4  # limits a look: each reads days of readings, and other duties wait behind it
LEAST_NUMBER: Final = (
    1.0  # -log10 p: what one normal window in ten reaches is not odd, however few alarms that would give. Ours
)
HALF, FOURFOLD = 0.5, 4.0  # of the pack's setpoint, where a number is no p-value. Ours
SIGNIFICANT: Final = 3  # digits: a setpoint is read by people

NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one limit.

    Args:
        now: false alarms a week at what was in force; None: not known.
        moved: it was changed.
        why: where nothing is known, what is missing.
        highest: the largest number there can be.
    """

    limit: BudgetLimit
    choice: Choice
    share: float
    now: float | None
    judged_s: float
    calibrated: int | None
    moved: bool = False
    why: str = ""
    highest: float = math.inf

    @property
    def out_of_reach(self) -> bool:
        """Whether what is in force is beyond every number there can be: such an alarm never comes."""
        return self.limit.setpoint > self.highest - BELOW_TOP

    @property
    def is_to_be_set(self) -> bool:
        """Whether the limit is to be judged by the choice from now on."""
        wanted = self.out_of_reach or moves(self.choice.expected, self.now)
        return self.choice.state != UNKNOWN and not self.limit.own and wanted


def keep_false_alarms(connection: Connection[Any], now: datetime) -> int:
    """Looks at the limits whose turn it is and sets them; gives how many moved. Doing it again at once changes nothing."""
    moved = 0
    for site, limit in due(connection, now)[:MOST_AT_ONCE]:
        found = look(connection, site, limit, now, apply=True)
        moved += found.moved
        if found.moved:
            log.info("setpoint_by_budget", site=site.key, limit=limit.key, setpoint=found.choice.setpoint)
    return moved


def due(connection: Connection[Any], now: datetime) -> list[tuple[BudgetSite, BudgetLimit]]:
    """The limits whose turn it is, the one looked at longest ago first: many of which nothing is known yet keep no other waiting."""
    found = [
        (site, limit)
        for site in budget_sites(connection)
        if site.per_week is not None
        for limit in budget_limits(connection, site.site_id)
        if not limit.own and (is_due(limit, site, now) or _is_judged_anew(connection, limit))
    ]
    return sorted(found, key=lambda pair: pair[1].looked_at or NEVER)


def _is_judged_anew(connection: Connection[Any], limit: BudgetLimit) -> bool:
    if limit.model is None or limit.asset_id is None or limit.looked_at is None:
        return False
    return store.judged_anew(connection, limit.asset_id, limit.looked_at)


def is_due(limit: BudgetLimit, site: BudgetSite, now: datetime) -> bool:
    """Whether a limit is to be looked at: each day, and where the site's budget or the number of its alarms has changed."""
    if limit.looked_at is None or limit.share is None or site.per_week is None:
        return True
    after = UNKNOWN_AGAIN if limit.state == UNKNOWN else LOOKED_AT
    return now - limit.looked_at >= after or abs(limit.share - shares(site.per_week, site.scores)) > 1e-9


def look(connection: Connection[Any], site: BudgetSite, limit: BudgetLimit, now: datetime, *, apply: bool) -> Found:
    """What a limit is to be judged by.

    Args:
        apply: it is set and written down; False: nothing is changed.
    """
    assert site.per_week is not None
    said, share = said_of(connection, limit, now), shares(site.per_week, site.scores)
    found = weighed(limit, said, share)
    if not apply:
        return found
    choice = found.choice
    if found.is_to_be_set:
        why = reason(site, found)
        moved = apply_budget(
            connection, limit.definition_id, setpoint=choice.setpoint, on_delay_s=choice.on_delay_s, why=why, now=now
        )
        found = replace(found, moved=moved is not None)
    note_budget(
        connection,
        limit.definition_id,
        now=now,
        state=choice.state,
        share=share,
        expected=choice.expected if found.moved or found.now is None else found.now,
        judged_s=found.judged_s,
        far=choice.far,
        calibrated=found.calibrated,
        needs=choice.needs,
    )
    return found


def weighed(limit: BudgetLimit, said: Said, share: float) -> Found:
    """The choice of one limit, beside what is in force."""
    if said.numbers is None:
        choice = Choice(setpoint=limit.setpoint, on_delay_s=limit.on_delay_s, state=UNKNOWN)
        return Found(limit, choice, share, None, 0.0, None, why=said.why)
    lasting = asks(limit, said.numbers)
    choice = rounded(choose(said.numbers, lasting, share), lasting)
    now = in_force(limit, said.numbers) if choice.state != UNKNOWN else None
    why = "" if choice.state != UNKNOWN else "too few bursts in what is known of normal operation"
    if choice.state == UNKNOWN:
        choice = Choice(setpoint=limit.setpoint, on_delay_s=limit.on_delay_s, state=UNKNOWN)
    found = Found(
        limit, choice, share, now, said.numbers.seconds, said.numbers.calibrated, why=why, highest=said.numbers.highest
    )
    return _within_reach(found, lasting) if choice.state == UNKNOWN and found.out_of_reach else found


def _within_reach(found: Found, lasting: Lasting) -> Found:
    """However little is known: an alarm that can never come keeps no budget, it is none. The highest setpoint that can be reached."""
    highest = rounded(
        replace(found.choice, setpoint=found.highest - BELOW_TOP, state=CAPPED), replace(lasting, most=found.highest)
    )
    needs = None if found.calibrated is None else needed(found.limit.setpoint)
    return replace(found, choice=replace(highest, needs=needs), why="")


def asks(limit: BudgetLimit, numbers: Numbers) -> Lasting:
    """What the limit asks of its numbers beside the setpoint, as its pack has it."""
    p_value = numbers.calibrated is not None
    return Lasting(
        on_delay_s=limit.base_on_delay_s,
        off_delay_s=limit.off_delay_s,
        deadband=limit.deadband,
        least=LEAST_NUMBER if p_value else HALF * limit.base_setpoint,
        most=numbers.highest if p_value else min(FOURFOLD * limit.base_setpoint, numbers.highest),
        votes=limit.votes,
        votes_of=limit.votes_of,
    )


def in_force(limit: BudgetLimit, numbers: Numbers) -> float | None:
    """False alarms a week at the setpoint and the delay in force; None: too little is known."""
    by = curve(
        numbers,
        Lasting(
            on_delay_s=limit.on_delay_s, off_delay_s=limit.off_delay_s, deadband=limit.deadband, least=0.0, most=numbers.highest,
            votes=limit.votes, votes_of=limit.votes_of,
        ),
    )  # fmt: skip
    return by.rate(limit.setpoint) if by.says else None


def rounded(choice: Choice, lasting: Lasting) -> Choice:
    """A setpoint with few digits, on the side of fewer alarms, but never above the largest number there is."""
    if choice.state == UNKNOWN:
        return choice
    step = 10.0 ** -(SIGNIFICANT - 1)
    up = float(f"{-(-choice.setpoint // step) * step:.{SIGNIFICANT}f}")
    setpoint = up if up < lasting.most else float(f"{choice.setpoint // step * step:.{SIGNIFICANT}f}")
    return Choice(
        setpoint=setpoint, on_delay_s=choice.on_delay_s, state=choice.state, expected=choice.expected, needs=choice.needs, far=choice.far
    )  # fmt: skip


def reason(site: BudgetSite, found: Found) -> str:
    """What the journal says of a change."""
    told = {
        KEPT: "within it",
        UNUSED: "at the lowest setpoint there is, and below it",
        CAPPED: "as near to it as the calibration allows",
    }[found.choice.state]
    if found.choice.expected is None:
        return (
            f"The number of this alarm ends at {found.highest:.3g}: at {found.limit.setpoint:g} it could never have come. "
            "How often it will come falsely is not known yet."
        )
    return (
        f"The site bears {site.per_week:g} false alarms a week, shared by {site.scores} statistical alarms: {found.share:.3g} a week here. "
        f"By {found.judged_s / 3600:.1f} h of normal operation this setpoint gives {found.choice.expected:.3g}: {told}."
    )
