"""From an occurrence in the database to why it began: what was in force then, and the readings before it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from core.errors import BadInput
from core.log import logger
from core.model import COMPOUND
from davy.explain import store
from davy.explain.store import Case
from detectors.why.firing import Asked, firing_of, reach_of
from detectors.why.play import Readings, same
from detectors.why.reach import MOST
from detectors.why.told import LATE, NO_READINGS, OF_CONDITIONS, SIMULATED, UNCERTAIN, Firing, Judged, as_kept

EXPLAINED: Final = timedelta(days=7)  # what began before this and was never worked out is not worked out any more
WAITS: Final = timedelta(minutes=10)  # for readings that are on their way: what is judged ahead of the database
TURN_S: Final = 2.0  # so long the other duties wait; one of them reads some hundred thousand readings at most
LISTED: Final = 50
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

log = logger(__name__)


def explain(connection: Connection[Any], case: Case) -> Firing:
    """Works it out; keeps nothing."""
    judged, certain = in_force_then(connection, case)
    notes = ((LATE,) if case.late else ()) + (() if certain else (UNCERTAIN,))
    recorded = case.recorded if case.recorded is not None and math.isfinite(case.recorded) else None
    at_us = (case.raised_at - _EPOCH) // timedelta(microseconds=1)
    bare = Firing(judged=judged, at_ms=at_us // 1000, recorded=recorded, notes=notes)
    if case.simulated:
        return _because(bare, SIMULATED)
    if judged.detector == COMPOUND:
        return _because(bare, OF_CONDITIONS)
    asked = Asked(judged, at_us, recorded, case.period_s, notes=notes)
    try:
        far = reach_of(asked)
    except BadInput:
        return firing_of(asked, Readings.none())  # which says so
    since = case.raised_at - timedelta(seconds=far.played)
    own = store.readings(connection, case.sensor_id, since, case.raised_at, MOST)
    other = None
    if case.other_sensor_id is not None:
        other = store.readings(connection, case.other_sensor_id, since, case.raised_at, MOST)
    begin = _EPOCH + timedelta(microseconds=int(own.at[0])) if len(own) else case.raised_at
    older = case.heard_since is not None and case.heard_since + timedelta(hours=1) < begin
    return firing_of(Asked(judged, at_us, recorded, case.period_s, older, notes, case.time_zone), own, other)


def in_force_then(connection: Connection[Any], case: Case) -> tuple[Judged, bool]:
    """What the definition judged by when it was raised, and whether that is certain."""
    fields: dict[str, Any] = dict(case.in_force)
    certain = True
    if case.judged_version is not None and case.judged_version != case.version:
        for old in store.changes_since(connection, case.definition_id, case.raised_at):
            fields.update({name: value for name, value in old.items() if name in fields and value is not None})
    if case.setpoint_then is not None and not same(float(fields["setpoint"]), case.setpoint_then):
        certain = False
        fields["setpoint"] = case.setpoint_then
    version = case.judged_version if case.judged_version is not None else case.version
    return Judged(**{**fields, "version": version, "parameters": _numbers(fields["parameters"])}), certain


def explain_what_began(connection: Connection[Any], now: datetime) -> int:
    """The duty: works out what began lately, a few at once, and keeps it; gives how many that were."""
    done, began = 0, time.monotonic()
    for occurrence_id in store.unexplained(connection, now - EXPLAINED, LISTED):
        case = store.find_case(connection, occurrence_id)
        if case is None:
            continue
        firing = explain(connection, case)
        if firing.problem == NO_READINGS and now - case.raised_at < WAITS:
            continue
        store.keep(connection, case, *as_kept(firing), now)
        log.info(
            "occurrence_explained", occurrence=occurrence_id, detector=firing.judged.detector, problem=firing.problem
        )
        done += 1
        if time.monotonic() - began > TURN_S:
            break
    return done


def _numbers(parameters: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in parameters.items() if isinstance(value, int | float)}


def _because(bare: Firing, problem: str) -> Firing:
    return Firing(judged=bare.judged, at_ms=bare.at_ms, recorded=bare.recorded, notes=bare.notes, problem=problem)
