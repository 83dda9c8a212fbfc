"""Lets versions that are not in force look on: they score the windows that come, publish nothing and alarm nothing.

What they say stands in `shadow_score` beside what the version in force says of the very same rows, so that a person can compare
the two before one takes over. It is done after the scores that count, and a shadow that fails stops nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from core.batch import Float64
from core.db import Database
from core.log import logger
from davy.models.forecasting import KINDS_OF_A_SITE
from davy.models.judges import BACKLOG, BREAKS, LATEST, Judges, Loaded
from detectors.models.fitting import memory_of
from detectors.store.models import Plan
from detectors.store.shadows import Shadowed, keep_shadows, shadowed_until
from detectors.store.windows import begin_of, means, window_of

EVERY: Final = timedelta(seconds=10)  # nobody waits for a shadow: several windows at once cost one look
AT_ONCE: Final = 900  # windows of an asset a look: the whole backlog of windows of 1 s

log = logger(__name__)


class Shadow:
    """All versions that look on.

    Args:
        database: as alerting.
        token: of one of Davy's own processes.
    """

    def __init__(self, database: Database, token: Callable[[], str], judges: Judges) -> None:
        self._database, self._token, self._judges = database, token, judges
        self._looked: dict[int, datetime] = {}
        self._failing: set[int] = set()

    def turn(self, plans: Sequence[Plan], now: datetime) -> int:
        """Scores what is due in shadow; gives how many windows that were.

        Raises:
            Unavailable: the database is away.
        """
        scored = 0
        for plan in plans:
            looked = self._looked.get(plan.asset_id)
            if looked is not None and timedelta(0) <= now - looked < EVERY:
                continue
            shadows = self._judges.shadows(plan)
            if not shadows:
                continue
            self._looked[plan.asset_id] = now
            try:
                scored += self._asset(plan, shadows, now)
            except BREAKS as error:
                if plan.asset_id not in self._failing:
                    log.exception("shadow_fails", model=plan.key, why=f"{type(error).__name__}: {error}")
                self._failing.add(plan.asset_id)
            else:
                self._failing.discard(plan.asset_id)
        return scored

    def _asset(self, plan: Plan, shadows: Sequence[Loaded], now: datetime) -> int:
        with self._database.transaction(self._token()) as connection:
            done = shadowed_until(connection, plan.asset_id) or min(each.row.fitted_at for each in shadows)
            first = max(window_of(done, plan.window_s), window_of(now - BACKLOG, plan.window_s))
            count = min(window_of(now - LATEST, plan.window_s) - first, AT_ONCE)
            if count <= 0:
                return 0
            sensors = [member.sensor_id for member in plan.members]
            back = memory_of(plan.setup) - 1
            rows = means(connection, sensors, first=first - back, count=back + count, window_s=plan.window_s)
        ends = [begin_of(first + offset + 1, plan.window_s) for offset in range(count)]
        said = [score for each in shadows for score in _said(each, plan, rows, ends)]
        said += self._in_force(plan, rows, ends)
        with self._database.transaction(self._token()) as connection:
            keep_shadows(connection, plan, said)
        return count

    def _in_force(self, plan: Plan, rows: Float64, ends: Sequence[datetime]) -> list[Shadowed]:
        """What the version in force says of these rows, where one is."""
        found = []
        for kind in KINDS_OF_A_SITE:
            judges = [self._judges.in_force(plan, kind, end) for end in ends]
            for judge in {each.row.model_id: each for each in judges if each is not None}.values():
                mine = {end for end, each in zip(ends, judges, strict=True) if each is judge}
                found += [score for score in _said(judge, plan, rows, ends) if score.until in mine]
        return found


def _said(judge: Loaded, plan: Plan, rows: Float64, ends: Sequence[datetime]) -> list[Shadowed]:
    """A model's numbers for the last rows, of windows that ended after it was fitted."""
    numbers: Float64 = judge.fitted.number(rows, plan.names)[-len(ends) :]
    return [
        Shadowed(judge.row.version, judge.row.kind, end, number if math.isfinite(number) else None)
        for end, number in zip(ends, np.asarray(numbers).tolist(), strict=True)
        if end > judge.row.fitted_at
    ]
