"""Which version of a model judges a window, and which only look on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection

from core.log import logger
from davy.models.forecasting import KINDS_OF_A_SITE, restored
from detectors.models.ahead import Ahead
from detectors.models.fitted import Fitted
from detectors.models.registry import MODELS
from detectors.store import models as store
from detectors.store.models import FittedRow, Plan
from detectors.store.promotions import Promotion, load_promotions

LATEST: Final = timedelta(seconds=5)  # so long after its end a window is waited for
# An event more than 15 minutes old when we learn of it calls nobody (design section 5): what is older is not scored at all.
BACKLOG: Final = timedelta(minutes=15)
# What may go wrong with one asset's numbers; a database or broker that is away is everybody's trouble.
BREAKS: Final = (ArithmeticError, ValueError, LookupError, psycopg.Error)
MEMORY: Final = max(model.memory for model in MODELS.values())

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A fitted model, ready."""

    row: FittedRow
    fitted: Fitted | Ahead

    def suits(self, plan: Plan) -> bool:
        """Whether it was fitted for what is declared now."""
        return self.row.window_s == plan.window_s and self.fitted.suits(plan.names, plan.setup)


class Judges:
    """The versions of all assets that have something to say, as people have put them in force."""

    def __init__(self) -> None:
        self._newest = (-1, -1)
        self._models: dict[int, list[Loaded]] = {}  # by asset, the newest version first
        self._promotions: dict[int, list[Promotion]] = {}  # by asset, the newest first
        self._unsuitable: set[int] = set()

    def refresh(self, connection: Connection[Any]) -> None:
        """Takes up what was fitted or put in force since."""
        newest = store.newest(connection)
        if newest != self._newest:
            self._promotions = load_promotions(connection)
            self._take_up(store.load_fitted(connection))
            self._newest = newest

    def begins(self, asset_id: int) -> datetime | None:
        """Since when somebody judges this asset; None: nobody does."""
        promotions = self._promotions.get(asset_id)
        return promotions[-1].promoted_at if promotions else None

    def version_in_force(self, asset_id: int, end: datetime) -> int | None:
        """Whose number counts for a window that ends at `end`."""
        return next((each.version for each in self._promotions.get(asset_id, ()) if each.promoted_at <= end), None)

    def in_force(self, plan: Plan, kind: str, end: datetime) -> Loaded | None:
        """The model of this kind that was in force at `end`; None where there was none, or it was fitted on something else."""
        version = self.version_in_force(plan.asset_id, end)
        for each in self._models.get(plan.asset_id, ()):
            if each.row.kind == kind and each.row.version == version:
                if each.suits(plan):
                    return each
                if each.row.model_id not in self._unsuitable:
                    self._unsuitable.add(each.row.model_id)
                    log.warning("model_does_not_suit", model=plan.key, fitted_on=each.row.members, declared=plan.names)
                return None
        return None

    def shadows(self, plan: Plan) -> list[Loaded]:
        """Those that were fitted for what is declared now, and that nobody has put in force."""
        promoted = {each.version for each in self._promotions.get(plan.asset_id, ())}
        return [
            each
            for each in self._models.get(plan.asset_id, ())
            if each.row.version not in promoted and each.suits(plan)
        ]

    def _take_up(self, rows: Sequence[FittedRow]) -> None:
        known = {each.row.model_id: each for loaded in self._models.values() for each in loaded}
        self._models = {}
        for row in rows:
            if row.kind not in KINDS_OF_A_SITE:
                continue  # of a Davy that had a kind more
            loaded = known.get(row.model_id) or Loaded(row, restored(row.kind, row.members, row.parameters))
            self._models.setdefault(row.asset_id, []).append(loaded)
            if row.model_id not in known:
                log.info("model_taken_up", model=row.model_id, asset=row.asset_id, kind=row.kind, version=row.version)
