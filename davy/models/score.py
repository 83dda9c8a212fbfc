"""`davy detectors score`: what a version says of an interval of stored readings; nothing is kept, published or alarmed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from psycopg import Connection

from core.batch import Float64
from core.db import connect, transaction
from core.errors import BadInput
from davy.models.fit import SETPOINT
from davy.models.plans import MOST_WINDOWS, check_interval, find_plan, find_version, unlike
from davy.models.store import score_limits
from detectors.models.fitting import Fitted, memory_of
from detectors.models.registry import MODELS
from detectors.store import models as store
from detectors.store.models import FittedRow, Plan
from detectors.store.promotions import load_promotions
from detectors.store.windows import begin_of, means, window_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KindScored:
    """What one kind of model says of the interval.

    Args:
        judged: windows that it could judge.
        beyond: of them at or beyond the setpoint.
        highest: the highest number, and when its window ended; None: it judged nothing.
    """

    kind: str
    setpoint: float
    judged: int
    beyond: int
    highest: float | None
    highest_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What `davy detectors score` says.

    Args:
        numbers: with `each`: for each window its end, and a number a kind, None where it could not be judged.
    """

    asset: str
    version: int
    since: str
    until: str
    windows: int
    kinds: list[KindScored]
    numbers: list[dict[str, Any]]

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person."""
        told = [f"{self.asset}, version {self.version}: {self.windows} windows."]
        for each in self.kinds:
            most = f"; highest {each.highest:.2f} at {each.highest_at}" if each.highest is not None else ""
            told.append(
                f"{each.kind}: {each.judged} judged, {each.beyond} of them ({each.beyond / max(each.judged, 1):.2%}) at or beyond {each.setpoint:g}{most}."
            )
        for row in self.numbers:
            said = ", ".join(
                f"{kind} {'cannot judge' if value is None else f'{value:.2f}'}"
                for kind, value in row.items()
                if kind != "until"
            )
            told.append(f"{row['until']}: {said}")
        return told


def score_interval(
    url: str,
    token: Callable[[], str],
    *,
    asset: str,
    version: int | None,
    since: datetime,
    until: datetime,
    each: bool = False,
    now: datetime | None = None,
) -> Scored:
    """Scores an interval by one version.

    Args:
        version: None: the one in force.

    Raises:
        BadInput: no such model, version or interval, or no reading in it.
        DatabaseAway: it does not answer.
    """
    check_interval(since, until, now or datetime.now(UTC), ahead="nothing can be said of it")
    connection = connect(url, application="detectors-score")
    try:
        with transaction(connection, token()):
            plan = find_plan(store.load_plans(connection), asset)
            chosen = version if version is not None else version_in_force(connection, plan)
            rows = find_version(connection, plan, chosen)
            limits = score_limits(connection, plan)
            said = numbers_of(connection, plan, rows, since, until)
    finally:
        connection.close()
    if not said or not any(np.isfinite(numbers).any() for numbers in said.values()):
        raise BadInput(
            f"Version {chosen} of {plan.key} can judge no window of the interval: its members have no usable readings there, or they are gone."
        )
    first, count = window_of(since, plan.window_s), len(next(iter(said.values())))
    ends = [begin_of(first + place + 1, plan.window_s).isoformat() for place in range(count)]
    kinds = []
    for kind, numbers in said.items():
        setpoint = limits[kind].setpoint if kind in limits else SETPOINT
        judged = np.isfinite(numbers)
        place = int(np.nanargmax(numbers)) if judged.any() else None
        kinds.append(
            KindScored(
                kind=kind,
                setpoint=setpoint,
                judged=int(judged.sum()),
                beyond=int((numbers >= setpoint).sum()),
                highest=None if place is None else float(numbers[place]),
                highest_at=None if place is None else ends[place],
            )
        )
    listed = []
    if each:
        listed = [
            {"until": end, **{kind: _number(numbers[place]) for kind, numbers in said.items()}}
            for place, end in enumerate(ends)
        ]
    return Scored(
        asset=plan.key,
        version=chosen,
        since=since.isoformat(),
        until=until.isoformat(),
        windows=count,
        kinds=kinds,
        numbers=listed,
    )


def version_in_force(connection: Connection[Any], plan: Plan) -> int:
    """The version that judges now.

    Raises:
        BadInput: none does.
    """
    promotions = load_promotions(connection, plan.asset_id).get(plan.asset_id)
    if not promotions:
        raise BadInput(f"No version of {plan.key} is in force; name one with --version.")
    return promotions[0].version


def numbers_of(
    connection: Connection[Any], plan: Plan, rows: Sequence[FittedRow], since: datetime, until: datetime
) -> dict[str, Float64]:
    """What each kind of a version says of each window of the interval, by kind; NaN: it cannot be judged.

    Raises:
        BadInput: the version was fitted for something else than is declared now, or the interval has too many windows.
    """
    row = rows[0]
    if why := unlike(row, plan):
        raise BadInput(f"Version {row.version} of {plan.key} {why}, so it cannot judge.")
    first, last = window_of(since, plan.window_s), window_of(until, plan.window_s)
    if last - first > MOST_WINDOWS:
        raise BadInput(f"The interval holds {last - first} windows; {MOST_WINDOWS} at most are scored at once.")
    sensors = [member.sensor_id for member in plan.members]
    back = memory_of(plan.setup) - 1
    windows = means(connection, sensors, first=first - back, count=back + last - first, window_s=plan.window_s)
    return {
        each.kind: Fitted.restored(each.kind, each.members, each.parameters).number(windows, plan.names)[back:]
        for each in rows
        if each.kind in MODELS
    }


def _number(number: Any) -> float | None:
    return float(number) if np.isfinite(number) else None
