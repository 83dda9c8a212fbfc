"""Scores windows: from stored readings, by the versions of models that are in force, into messages of the virtual device `_model.{key}`.

A window is scored once: when every member has passed it, or `LATEST` after its end with what is missing flagged. The message
is kept with the progress, in one transaction, before it goes out; after a crash it goes out again as it was, and ingest knows
it by boot and seq for a repeat. What cannot be judged is sent as bad quality, never as a zero.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from core.batch import Float64
from core.db import Database
from core.log import logger
from core.site_models import model_device
from core.wire import Message, WireReading, encode, readings_topic
from davy.models.judges import BACKLOG, BREAKS, LATEST, Judges
from davy.models.shadow import Shadow
from detectors.models.ahead import KIND as FORECAST
from detectors.models.ahead import Ahead
from detectors.models.fitted import Fitted
from detectors.models.fitting import memory_of
from detectors.models.registry import MODELS
from detectors.store import models as store
from detectors.store.drift import DriftRow, load_drift
from detectors.store.models import Plan, Progress, Unexplained
from detectors.store.windows import begin_of, means, passed, played, window_of

AT_ONCE: Final = 120  # windows of one asset a turn
EXPLAINED: Final = timedelta(days=7)  # how long back an occurrence is looked for that has no explanation yet
UNSCORED: Final = timedelta(seconds=60)  # an occurrence whose window never comes is explained by what is there
CANNOT_JUDGE: Final = -1.0  # sent with quality bad; no score is negative

log = logger(__name__)


class Scorer:
    """All assets that have a version in force; after them, those that look on.

    Args:
        database: as alerting.
        token: of one of Davy's own processes.
        publish: sends one message and returns when the broker has it; raises BrokerAway.
    """

    def __init__(self, database: Database, token: Callable[[], str], publish: Callable[[str, bytes], None]) -> None:
        self._database, self._token, self._publish = database, token, publish
        self._judges = Judges()
        self._shadow = Shadow(database, token, self._judges)
        self._drift: dict[int, DriftRow] = {}
        self._unexplainable: set[int] = set()
        self.judging = 0  # assets of which a version is in force
        self.failing: dict[str, datetime] = {}  # those of them that could not be scored, and since when

    def turn(self, now: datetime) -> int:
        """Scores what is due; gives how many windows that were.

        Raises:
            Unavailable: database or broker are away; nothing is lost by trying again.
        """
        with self._database.transaction(self._token()) as connection:
            plans, progress = store.load_plans(connection), store.load_progress(connection)
            self._judges.refresh(connection)
            self._drift = load_drift(connection)
        judged = [plan for plan in plans if self._judges.begins(plan.asset_id) is not None]
        self.failing = {key: since for key, since in self.failing.items() if key in {plan.key for plan in judged}}
        self.judging = len(judged)
        scored = sum(self._guarded(plan, progress.get(plan.asset_id), now) for plan in judged)
        if judged:
            self._explain({plan.asset_id: plan for plan in plans}, now)
        self._shadow.turn(plans, now)
        return scored

    def _guarded(self, plan: Plan, progress: Progress | None, now: datetime) -> int:
        """One asset that cannot be scored is said, and tried again each turn; the others, of all companies, go on."""
        try:
            scored = self._asset(plan, progress, now)
        except BREAKS as error:
            if plan.key not in self.failing:
                log.exception("model_fails", model=plan.key, why=f"{type(error).__name__}: {error}")
            self.failing.setdefault(plan.key, now)
            return 0
        if self.failing.pop(plan.key, None) is not None:
            log.info("model_judges_again", model=plan.key)
        return scored

    def _asset(self, plan: Plan, progress: Progress | None, now: datetime) -> int:
        topic = readings_topic(plan.site, model_device(plan.key))
        if progress is not None and not progress.acknowledged:
            self._publish(topic, progress.message)
            self._acknowledge(progress)
        done = progress.scored_until if progress else self._judges.begins(plan.asset_id)
        assert done is not None
        first = window_of(done, plan.window_s)
        oldest = window_of(now - BACKLOG, plan.window_s)
        if first < oldest:
            log.warning("windows_skipped", model=plan.key, windows=oldest - first)
            first = oldest
        with self._database.transaction(self._token()) as connection:
            count = self._due(connection, plan, first, now)
            if count == 0:
                return 0
            sensors = [member.sensor_id for member in plan.members]
            back = memory_of(plan.setup) - 1
            rows = means(connection, sensors, first=first - back, count=back + count, window_s=plan.window_s)
            of_history = played(connection, sensors, first=first, count=count, window_s=plan.window_s)
        for offset, readings in enumerate(self._readings(plan, rows, first, count)):
            until = begin_of(first + offset + 1, plan.window_s)
            progress = _next(progress, plan, until, readings, now, replayed=first + offset in of_history)
            if not self._keep(plan, progress):
                log.warning("window_scored_by_another_process", model=plan.key)
                return offset
            self._publish(topic, progress.message)
        assert progress is not None
        self._acknowledge(progress)
        return count

    def _due(self, connection: Any, plan: Plan, first: int, now: datetime) -> int:
        """How many windows from `first` on can be scored now."""
        by_time = window_of(now - LATEST, plan.window_s) - first
        count = max(0, min(by_time, AT_ONCE))
        sensors = [member.sensor_id for member in plan.members]
        while count < AT_ONCE:
            end = begin_of(first + count + 1, plan.window_s)
            if end > now or not passed(connection, sensors, end):
                break
            count += 1
        return count

    def _readings(self, plan: Plan, rows: Float64, first: int, count: int) -> list[list[WireReading]]:
        """What is said of each of the last `count` rows."""
        missing = np.isnan(rows[-count:]).sum(axis=1)
        found: list[list[WireReading]] = [[] for _ in range(count)]
        numbers: dict[int, Float64] = {}
        besides: dict[int, dict[str, Float64]] = {}
        for offset in range(count):
            end = begin_of(first + offset + 1, plan.window_s)
            at = round(end.timestamp() * 1000)
            for kind in MODELS:
                number = math.nan
                judge = self._judges.in_force(plan, kind, end)
                if judge is not None:
                    if judge.row.model_id not in numbers:
                        numbers[judge.row.model_id] = judge.fitted.latest(rows, plan.names, count)
                    number = float(numbers[judge.row.model_id][offset])
                if kind == next(iter(MODELS)) and (judge is None or (math.isnan(number) and not plan.setup.has_states)):
                    # Nobody judges, or too much was missing lately: said like a signal that is missing now. In which state of the
                    # machine nothing can be judged, `_unseen` says.
                    missing[offset] = max(missing[offset], 1)
                found[offset].append(_said(f"_{kind}", number, at))
            found[offset].append(WireReading("_missing", float(missing[offset]), at))
            found[offset].append(WireReading("_drift", float(self._has_drifted(plan, end)), at))
            for kind in (next(iter(MODELS)), FORECAST):
                judge = self._judges.in_force(plan, kind, end)
                if judge is None:
                    found[offset] += [_said(sensor, math.nan, at) for sensor in _unsaid(kind, plan)]
                    continue
                if judge.row.model_id not in besides:
                    besides[judge.row.model_id] = _besides(judge.fitted, rows, plan)
                said = besides[judge.row.model_id]
                found[offset] += [_said(sensor, float(each[offset - count]), at) for sensor, each in said.items()]
        return found

    def _has_drifted(self, plan: Plan, end: datetime) -> bool:
        """Whether the version that judges this window was found not to fit its machine any more."""
        row = self._drift.get(plan.asset_id)
        return (
            row is not None
            and row.drifted_since is not None
            and row.version == self._judges.version_in_force(plan.asset_id, end)
        )

    def _keep(self, plan: Plan, progress: Progress) -> bool:
        with self._database.transaction(self._token()) as connection:
            if progress.seq == 0:
                return store.begin_progress(connection, plan, progress)
            return store.move_progress(connection, progress)

    def _acknowledge(self, progress: Progress) -> None:
        with self._database.transaction(self._token()) as connection:
            store.acknowledge(connection, progress.asset_id, progress.seq)

    def _explain(self, plans: dict[int, Plan], now: datetime) -> None:
        """Works out why what began since has fired, and writes it down for good."""
        with self._database.transaction(self._token()) as connection:
            progress = store.load_progress(connection)
            for occurrence in store.unexplained(connection, now - EXPLAINED):
                plan = plans.get(occurrence.asset_id)
                known = progress.get(occurrence.asset_id)
                if plan is None or known is None:
                    continue
                last = window_of(occurrence.began_at, plan.window_s) - 1
                end = begin_of(last + 1, plan.window_s)
                if known.scored_until < end and now - end < UNSCORED:
                    continue
                try:
                    with connection.transaction():
                        self._freeze(connection, occurrence, plan, last, now)
                except BREAKS as error:
                    if occurrence.occurrence_id not in self._unexplainable:
                        log.exception("occurrence_not_explained", occurrence=occurrence.occurrence_id, why=str(error))
                    self._unexplainable.add(occurrence.occurrence_id)

    def _freeze(self, connection: Any, occurrence: Unexplained, plan: Plan, last: int, now: datetime) -> None:
        sensors = [member.sensor_id for member in plan.members]
        memory = memory_of(plan.setup)
        rows = means(connection, sensors, first=last - memory + 1, count=memory, window_s=plan.window_s)
        end = begin_of(last + 1, plan.window_s)
        judge = self._judges.in_force(plan, occurrence.kind, end)
        explained = judge.fitted.explain(rows, plan.names) if judge and isinstance(judge.fitted, Fitted) else None
        number = float(judge.fitted.number(rows, plan.names)[-1]) if judge and explained else None
        members: list[dict[str, Any]] = []
        if explained is not None:
            for place in np.argsort(-explained.share, kind="stable").tolist():
                member = plan.members[place]
                members.append(
                    {
                        "sensor": member.sensor,
                        "name": member.name,
                        "name_zh": member.name_zh,
                        "unit": member.unit,
                        "observed": float(explained.observed[place]),
                        "expected": float(explained.expected[place]),
                        "share": float(explained.share[place]),
                    }
                )
        store.freeze(
            connection,
            occurrence,
            model=judge.row if judge else None,
            window_end=end,
            number=number,
            members=members,
            now=now,
        )
        log.info("occurrence_explained", occurrence=occurrence.occurrence_id, model=plan.key, kind=occurrence.kind)


def _said(sensor: str, number: float, at: int) -> WireReading:
    """A number, or that it cannot be said."""
    judged = math.isfinite(number)
    return WireReading(sensor, number if judged else CANNOT_JUDGE, at, "good" if judged else "bad")


def _besides(fitted: Fitted | Ahead, rows: Float64, plan: Plan) -> dict[str, Float64]:
    """What is said beside the scores: in which state nothing can be judged, and what is to come."""
    if isinstance(fitted, Ahead):
        return fitted.numbers(rows, plan.names, plan.setup.forecast.limit if plan.setup.forecast else None)
    return {"_unseen": fitted.unseen(rows, plan.names)} if plan.setup.has_states else {}


def _unsaid(kind: str, plan: Plan) -> list[str]:
    """Sensors of `_besides` that cannot be said where nobody judges: what they said last does not stand for good."""
    if kind != FORECAST:
        return ["_unseen"] if plan.setup.has_states else []
    declared = plan.setup.forecast
    return [] if declared is None else ["_ahead", "_ahead_most", *(["_to_limit"] if declared.limit is not None else [])]


def _next(
    before: Progress | None, plan: Plan, until: datetime, readings: list[WireReading], now: datetime, *, replayed: bool
) -> Progress:
    """The progress after one more window, with its message: what is said of history that is played is marked as that."""
    boot = before.boot if before else secrets.randbits(32)
    seq = before.seq + 1 if before else 0
    message = encode(Message(boot, seq, round(now.timestamp() * 1000), readings, replayed))
    return Progress(asset_id=plan.asset_id, scored_until=until, boot=boot, seq=seq, message=message, acknowledged=False)
