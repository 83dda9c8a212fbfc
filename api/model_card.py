"""What a visitor gets to see of one model: its card. Numbers and what they came to are readings, so the insurer's people see none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from api.calibration import Calibrated, calibrated
from api.permissions import Right
from api.plot import Course, Plot, plot
from api.store import model_cards, model_numbers
from api.store.model_cards import Drift, Member, ModelLine, Promotion, Recorded, ScoreLimit, Version
from api.store.model_numbers import Blindness, Shadow
from api.visitor import Visitor
from api.words.alarms import MISSING, RESOLUTIONS, SCORES
from core.model_difference import differences
from core.numbers import number

LATELY: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=31)  # that a calibration is looked at
FEW_HOURS: Final = 12  # below them it is drawn by the minute
BY_MINUTE: Final = timedelta(hours=24)
USUAL_SETPOINT: Final = 2.3  # packs/system_limits.yaml, where a number has no limit of its own


@dataclass(frozen=True, slots=True)
class Course7:
    """How a number ran lately.

    Args:
        since, until: of what is drawn; lowest, highest: of the axis.
    """

    plot: Plot
    since: datetime
    until: datetime
    lowest: str
    highest: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One of its numbers.

    Args:
        kind: of the version in force.
        sensor_key: virtual sensor that carries the number; limit: the one on it, None: none is in use.
        calibrated, course: None where this reader sees no readings, or there are none.
    """

    kind: str
    sensor_key: str
    version: Version
    limit: ScoreLimit | None
    calibrated: Calibrated | None = None
    course: Course7 | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A model.

    Args:
        in_force: the version that judges; None: nobody has put one in force.
        standing: by version "in_force", "shadow" (nobody has put it in force) or "earlier" (another took its place).
        record: rows of (resolution or None, how many by number), in the order of RESOLUTIONS.
        strangers: members that the version in force was not fitted on, and the other way round: then it does not judge.
        unfit: versions that were fitted for another setup than the site file declares now (`line.other_setup` says in what the one in force was).
        drift: what the last look found; None: nobody has looked.
        sees_numbers: whether the reader sees what comes of readings.
    """

    line: ModelLine
    members: list[Member]
    kinds: list[Kind]
    versions: list[Version]
    promotions: list[Promotion]
    in_force: int | None
    standing: Mapping[int, str]
    limits: list[ScoreLimit]
    record: list[tuple[str | None, dict[str, int]]]
    shadows: list[Shadow]
    blind: Blindness | None
    strangers: list[str]
    unfit: frozenset[int]
    drift: Drift | None
    sees_numbers: bool
    numbers_since: datetime | None = None

    def names(self, language: str) -> dict[str, str]:
        """What its signals are called, by `device/sensor`."""
        return {each.sensor: each.name_zh if language == "zh" else each.name for each in self.members}

    @property
    def notices(self) -> list[str]:
        """What the fit of the version in force told of its interval, each once."""
        return list(dict.fromkeys(notice for kind in self.kinds for notice in kind.version.notices))

    @property
    def newest(self) -> Version | None:
        """The first kind of the version in force."""
        return self.kinds[0].version if self.kinds else None


def card_of(connection: Connection[Any], visitor: Visitor, asset_id: int, now: datetime) -> Card | None:
    """None where there is no such model, or none that this visitor may see."""
    found = model_cards.list_models(connection, asset_id)
    if not found:
        return None
    line = found[0]
    members = model_cards.members_of(connection, asset_id)
    versions = model_cards.versions_of(connection, asset_id)
    promotions = model_cards.promotions_of(connection, asset_id)
    limits = model_cards.limits_of(connection, asset_id)
    sees = visitor.may(Right.SEE_READINGS)
    in_force = line.version
    mine = [version for version in versions if version.version == in_force]
    since = max(line.since, now - LONGEST) if line.since is not None else None
    kinds = [_kind(connection, asset_id, version, limits, since, now, sees=sees) for version in mine]
    own = {limit.sensor_key: limit.setpoint for limit in limits}
    setpoints = {key.removeprefix("_"): own.get(key, USUAL_SETPOINT) for key in sorted(SCORES)}
    blind_sensor = next((limit.sensor_id for limit in limits if limit.sensor_key == MISSING), None)
    declared, fitted = {m.sensor for m in members}, set(mine[0].members) if mine else set()
    return Card(
        line=line,
        members=members,
        kinds=kinds,
        versions=versions,
        promotions=promotions,
        in_force=in_force,
        standing=_standing(versions, promotions, in_force),
        limits=limits,
        record=_record(model_cards.record_of(connection, asset_id)),
        shadows=model_numbers.shadows_of(connection, asset_id, now - LATELY, setpoints) if sees else [],
        blind=model_numbers.blindness(connection, blind_sensor, now - LATELY)
        if sees and blind_sensor is not None
        else None,
        strangers=sorted(declared ^ fitted) if mine else [],
        unfit=frozenset(each.version for each in versions if differences(each.fitted_for, line.declared)),
        drift=model_cards.drift_of(connection, asset_id, in_force),
        sees_numbers=sees,
        numbers_since=since,
    )


def _kind(
    connection: Connection[Any],
    asset_id: int,
    version: Version,
    limits: Sequence[ScoreLimit],
    since: datetime | None,
    now: datetime,
    *,
    sees: bool,
) -> Kind:
    key = f"_{version.kind}"
    limit = next((each for each in limits if each.sensor_key == key), None)
    if not sees or limit is None or since is None:
        return Kind(version.kind, key, version, limit)
    bins = model_numbers.binned(connection, asset_id, limit.sensor_id, since, now)
    course = _course(connection, limit.sensor_id, limit.setpoint, now)
    return Kind(version.kind, key, version, limit, calibrated(bins, version.highest), course)


def _course(connection: Connection[Any], sensor_id: int, setpoint: float, now: datetime) -> Course7 | None:
    begin = now - LATELY
    rows = model_numbers.hours_of(connection, sensor_id, begin)
    if len(rows) < FEW_HOURS:
        begin = now - BY_MINUTE
        rows = model_numbers.minutes_of(connection, sensor_id, begin)
    if not rows:
        return None
    begin = max(begin, rows[0].at)
    course = Course([row.at.timestamp() for row in rows], [row.low for row in rows], [row.high for row in rows])
    drawn = plot(course, since=begin.timestamp(), until=now.timestamp(), limit=setpoint)
    return None if drawn is None else Course7(drawn, begin, now, number(drawn.lowest), number(drawn.highest))


def _standing(versions: Sequence[Version], promotions: Sequence[Promotion], in_force: int | None) -> dict[int, str]:
    promoted = {each.version for each in promotions}
    replaced = {each.version: "earlier" if each.version in promoted else "shadow" for each in versions}
    return replaced if in_force is None else {**replaced, in_force: "in_force"}


def _record(rows: Sequence[Recorded]) -> list[tuple[str | None, dict[str, int]]]:
    found: dict[str | None, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.resolution, {})[row.sensor_key] = row.alarms
    return [(word, found[word]) for word in (*RESOLUTIONS, None) if word in found]
