"""Whether a model in force still fits its machine: its own share of odd windows over a week, and what its members do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from core.log import logger
from core.store.writes import JournalEntry, write_journal
from davy.models.fit import SETPOINT
from davy.models.plans import suits
from davy.models.shares import KindShare, shares
from davy.models.store import Minutes, minutes_of, score_limits
from detectors.models.registry import MODELS
from detectors.store import models as store
from detectors.store.drift import DriftRow, keep_drift, load_drift
from detectors.store.models import Plan
from detectors.store.promotions import Promotion, load_promotions
from detectors.store.versions import VersionRow, load_version

WEEK: Final = timedelta(days=7)
EVERY: Final = timedelta(days=1)
AT_ONCE: Final = 20  # models a turn
LEAST_MINUTES: Final = 300
OUTSIDE: Final = 0.5  # of a week's minutes outside what a member did in training: its level is another now
WIDER: Final = 3.0  # times as much movement within the hour as in training, or as little: its variance is another now

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft:
    """A member that is no longer where, or no longer moves as, it was in training.

    Args:
        what: level or variance.
        now: its middle, or its movement within the hour, over the week.
        low, high: between which it was in training.
    """

    member: str
    what: str
    now: float
    low: float
    high: float

    def sentence(self) -> str:
        """For a person."""
        if self.what == "level":
            return f"{self.member} is at {self.now:.4g} most of the time; it was between {self.low:.4g} and {self.high:.4g} in training"
        return f"{self.member} moves by {self.now:.3g} within the hour; {self.low:.3g} to {self.high:.3g} are like its training"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """What a look at an asset found.

    Args:
        since: from when the readings were looked at.
        judged: whether there were enough windows or minutes to say anything.
    """

    asset: str
    version: int
    since: datetime
    until: datetime
    judged: bool
    kinds: list[KindShare]
    members: list[MemberLeft]

    @property
    def drifted(self) -> bool:
        """Whether this model no longer fits its machine."""
        return bool(self.members) or any(kind.drifted for kind in self.kinds)

    def found(self) -> dict[str, Any]:
        """As it stands in `model_drift`."""
        told = asdict(self)
        return {"since": self.since.isoformat(), "kinds": told["kinds"], "members": told["members"]}

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return {
            **asdict(self),
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "drifted": self.drifted,
        }

    def line(self) -> str:
        """For a person."""
        if not self.judged:
            return f"{self.asset}, version {self.version}: too little was heard since {self.since.isoformat()} to say."
        if not self.drifted:
            return f"{self.asset}, version {self.version}: it fits its machine."
        why = [kind.sentence() for kind in self.kinds if kind.drifted] + [each.sentence() for each in self.members]
        return f"{self.asset}, version {self.version}: this model no longer fits its machine. {'; '.join(why)}."


def look_at_models(connection: Connection[Any], now: datetime) -> int:
    """Looks once a day at each version in force, and says once where it no longer fits; gives how many were looked at.

    Who is told: `model_drift` becomes a reading of the model's virtual sensor `_drift`, whose limit is an alarm like any other.
    """
    before, promotions = load_drift(connection), load_promotions(connection)
    looked = 0
    for plan in store.load_plans(connection):
        if looked >= AT_ONCE:
            break  # the others at the next turn: a transaction is not to last
        in_force = promotions.get(plan.asset_id)
        if not in_force or not _is_due(in_force[0], before.get(plan.asset_id), now):
            continue
        fitness = look(connection, plan, in_force[0], now)
        if fitness is None:
            continue
        looked += 1
        last = before.get(plan.asset_id)
        since = last.drifted_since if last is not None and last.version == in_force[0].version else None
        since = (since or now) if fitness.drifted else None
        if since == now:
            log.warning("model_drifted", model=plan.key, version=fitness.version)
            write_journal(connection, [_entry(plan, fitness, now)])
        row = DriftRow(
            asset_id=plan.asset_id,
            version=fitness.version,
            looked_at=now,
            drifted_since=since,
            found=fitness.found(),
        )
        keep_drift(connection, plan, row)
    return looked


def look(connection: Connection[Any], plan: Plan, in_force: Promotion, now: datetime) -> Fitness | None:
    """What the last week says of the version in force; None: it was fitted on something else than is declared now."""
    rows = load_version(connection, plan.asset_id, in_force.version)
    if not rows or not suits(rows[0], plan):
        return None
    since = max(now - WEEK, in_force.promoted_at)
    limits = score_limits(connection, plan)
    models = [row for row in rows if row.kind in MODELS]
    setpoints = {row.kind: limits[row.kind].setpoint if row.kind in limits else SETPOINT for row in models}
    kinds = shares(connection, plan, models, setpoints, since, now)
    minutes = minutes_of(connection, plan, _ranges(rows[0], plan), since, now)
    return Fitness(
        asset=plan.key,
        version=in_force.version,
        since=since,
        until=now,
        judged=bool(kinds) or any(each.minutes >= LEAST_MINUTES for each in minutes),
        kinds=kinds,
        members=left(minutes, rows[0].training),
    )


def left(minutes: list[Minutes], training: Mapping[str, Mapping[str, float]]) -> list[MemberLeft]:
    """Members whose level or variance left the training range."""
    found = []
    for each in minutes:
        was = training[each.member]
        if each.minutes < LEAST_MINUTES:
            continue
        if each.outside > OUTSIDE * each.minutes:
            found.append(
                MemberLeft(member=each.member, what="level", now=each.middle, low=was["low"], high=was["high"])
            )
        low, high = was["spread"] / WIDER, was["spread"] * WIDER
        if each.spread is not None and was["spread"] > 0 and not low <= each.spread <= high:
            found.append(MemberLeft(member=each.member, what="variance", now=each.spread, low=low, high=high))
    return found


def _ranges(row: VersionRow, plan: Plan) -> list[tuple[int, str, float, float]]:
    """Sensor, name, low and high of each member that has a range of its own to leave.

    A slow member has none: that the weather takes it along is why it was declared so. Where the machine has states no member has: it is
    where the state takes it, and a week in one of them, or at rest, is no drift. There the numbers alone tell, each judged within its state.
    """
    if plan.setup.has_states:
        return []
    return [
        (member.sensor_id, member.sensor, row.training[member.sensor]["low"], row.training[member.sensor]["high"])
        for member in plan.members
        if member.sensor in row.training and member.sensor not in plan.setup.slow
    ]


def _is_due(in_force: Promotion, last: DriftRow | None, now: datetime) -> bool:
    since = last.looked_at if last is not None and last.version == in_force.version else in_force.promoted_at
    return now - since >= EVERY or now < since


def _entry(plan: Plan, fitness: Fitness, now: datetime) -> JournalEntry:
    return JournalEntry(
        at=now,
        company=plan.company,
        actor="davy",
        action="model_drifted",
        subject=f"model {plan.key}",
        old=None,
        new={"version": fitness.version, **fitness.found()},
        reason=fitness.line(),
    )
