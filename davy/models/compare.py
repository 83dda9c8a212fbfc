"""`davy detectors compare`: two versions on the same windows, side by side, and what they make of what people have said since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection

from core.batch import Float64, Int64
from core.db import connect, transaction
from core.errors import BadInput
from davy.evaluate.judging import Alarm, Stream, alarms
from davy.models.fit import SETPOINT
from davy.models.flagged import DANGERS
from davy.models.plans import check_interval, find_plan, find_version
from davy.models.promote import LEAST_SHADOW
from davy.models.score import numbers_of
from davy.models.store import AssetOccurrence, ScoreLimit, occurrences, score_limits
from detectors.models.registry import MODELS
from detectors.store import models as store
from detectors.store.models import Plan
from detectors.store.shadows import load_shadows
from detectors.store.windows import begin_of, window_of

EARLY: Final = timedelta(minutes=30)  # an episode that ended so long before a danger began still saw it coming. Ours
LASTS: Final = 12  # windows, where an asset has no limit on the score: as core/site_models.py has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one version made of the interval.

    Args:
        share_beyond: of the windows that both judged, how many were at or beyond the setpoint.
        episodes: times it would have been in alarm, with the limit's delays.
        dangers_found: occurrences resolved as danger or near miss during which, or shortly before which, it was in alarm.
        nuisances_repeated: of the model's own alarms that people called a nuisance, how many it would have raised too.
    """

    version: int
    share_beyond: float
    episodes: int
    dangers_found: list[int]
    nuisances_repeated: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What `davy detectors compare` says.

    Args:
        source: kept (what both said in shadow) or readings (both scored anew).
        windows: that both judged.
        agreement: share of them of which both say the same, beyond the setpoint or not.
        dangers, nuisances: occurrences of the asset in the interval that people resolved so.
        better: the version the record speaks for; None: for neither.
    """

    asset: str
    kind: str
    since: str
    until: str
    source: str
    setpoint: float
    windows: int
    agreement: float
    dangers: list[int]
    nuisances: list[int]
    versions: list[Side]
    better: int | None
    verdict: str

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person."""
        whence = "as both said in shadow" if self.source == "kept" else "both scored anew from stored readings"
        told = [
            f"{self.asset}, {self.kind}, {self.windows} windows ({whence}); they say the same of {self.agreement:.1%} of them."
        ]
        told.extend(
            f"Version {side.version}: {side.share_beyond:.2%} at or beyond {self.setpoint:g}; {side.episodes} alarms; found "
            f"{len(side.dangers_found)} of {len(self.dangers)} dangers; would repeat {len(side.nuisances_repeated)} of {len(self.nuisances)} nuisances."
            for side in self.versions
        )
        return [*told, self.verdict]


def compare_versions(
    url: str,
    token: Callable[[], str],
    *,
    asset: str,
    versions: tuple[int, int],
    since: datetime,
    until: datetime,
    kind: str = "",
    anew: bool = False,
    now: datetime | None = None,
) -> Compared:
    """Two versions on the same windows.

    Args:
        versions: the first is the one that is there, the second the one that may replace it.
        kind: of model; empty: the first of the registry, whose limit is the one that calls people.
        anew: both judge the stored readings of the interval, whatever they said in shadow: all of it, not the windows that both looked on.

    Raises:
        BadInput: no such model, version, kind or interval, or no window that both judged.
        DatabaseAway: it does not answer.
    """
    check_interval(since, until, now or datetime.now(UTC), ahead="nothing can be said of it")
    if versions[0] == versions[1]:
        raise BadInput(f"Version {versions[0]} is to be compared with itself; name two, as in --versions 3,4.")
    connection = connect(url, application="detectors-compare")
    try:
        with transaction(connection, token()):
            plan = find_plan(store.load_plans(connection), asset)
            for version in versions:
                find_version(connection, plan, version)
            chosen = kind or next(iter(MODELS))
            if chosen not in MODELS:  # a forecast says degrees: held against a setpoint of scores it would be a lie
                raise BadInput(f"--kind is {chosen}; versions are compared by {', '.join(MODELS)}.")
            limit = score_limits(connection, plan).get(chosen) or _usual(plan, chosen)
            at, numbers, source = _same_windows(connection, plan, chosen, versions, since, until, anew=anew)
            known = occurrences(connection, plan, since, until)
    finally:
        connection.close()
    return judge(plan, limit, versions, at, numbers, known, (since, until), source=source)


def judge(
    plan: Plan,
    limit: ScoreLimit,
    versions: tuple[int, int],
    at: Int64,
    numbers: tuple[Float64, Float64],
    known: Sequence[AssetOccurrence],
    interval: tuple[datetime, datetime],
    *,
    source: str,
) -> Compared:
    """The same from numbers.

    Args:
        at: int64, shape (n,), microseconds UTC, ends of the windows, ascending.
        numbers: of each version, float64, shape (n,); NaN where it could not judge.
    """
    both = np.isfinite(numbers[0]) & np.isfinite(numbers[1])
    dangers = [each for each in known if each.resolution in DANGERS]
    nuisances = [each for each in known if each.resolution == "nuisance" and each.of_model]
    sides = [
        _side(version, limit, at, each, both, dangers, nuisances)
        for version, each in zip(versions, numbers, strict=True)
    ]
    beyond = [each[both] >= limit.setpoint for each in numbers]
    windows = int(both.sum())
    better, verdict = _verdict(sides, windows, len(dangers), len(nuisances))
    return Compared(
        asset=plan.key,
        kind=limit.kind,
        since=interval[0].isoformat(),
        until=interval[1].isoformat(),
        source=source,
        setpoint=limit.setpoint,
        windows=windows,
        agreement=float((beyond[0] == beyond[1]).mean()),
        dangers=[each.occurrence_id for each in dangers],
        nuisances=[each.occurrence_id for each in nuisances],
        versions=sides,
        better=better,
        verdict=verdict,
    )


def _usual(plan: Plan, kind: str) -> ScoreLimit:
    lasts_s = LASTS * plan.window_s
    return ScoreLimit(kind=kind, setpoint=SETPOINT, deadband=0.0, on_delay_s=lasts_s, off_delay_s=lasts_s)


def _same_windows(
    connection: Connection[Any],
    plan: Plan,
    kind: str,
    versions: tuple[int, int],
    since: datetime,
    until: datetime,
    *,
    anew: bool,
) -> tuple[Int64, tuple[Float64, Float64], str]:
    """Ends of windows and both versions' numbers: what was kept of both, else, or where it is asked for, worked out anew from stored readings.

    Raises:
        BadInput: no window that both judged.
    """
    first, count = window_of(since, plan.window_s), window_of(until, plan.window_s) - window_of(since, plan.window_s)
    ends = [begin_of(first + place + 1, plan.window_s) for place in range(count)]
    at = np.array([round(end.timestamp() * 1e6) for end in ends], np.int64)
    kept = {version: np.full(count, np.nan) for version in versions}
    for score in () if anew else load_shadows(connection, plan.asset_id, versions, since, until):
        place = window_of(score.until, plan.window_s) - 1 - first
        if score.kind == kind and score.number is not None and 0 <= place < count:
            kept[score.version][place] = score.number
    one, other = kept[versions[0]], kept[versions[1]]
    if (np.isfinite(one) & np.isfinite(other)).any():
        return at, (one, other), "kept"
    scored = []
    for version in versions:
        said = numbers_of(connection, plan, find_version(connection, plan, version), since, until)
        if kind not in said:
            raise BadInput(
                f"Version {version} of {plan.key} has no model of kind {kind}; it has {', '.join(said) or 'none'}."
            )
        scored.append(said[kind])
    if not (np.isfinite(scored[0]) & np.isfinite(scored[1])).any():
        raise BadInput(
            "There is no window in the interval that both versions judged in shadow or can judge now: its readings are not there."
        )
    return at, (scored[0], scored[1]), "readings"


def _side(
    version: int,
    limit: ScoreLimit,
    at: Int64,
    numbers: Float64,
    both: Any,
    dangers: Sequence[AssetOccurrence],
    nuisances: Sequence[AssetOccurrence],
) -> Side:
    said = numbers[both]
    episodes = _episodes(limit, at, np.where(both, numbers, np.nan))
    return Side(
        version=version,
        share_beyond=float((said >= limit.setpoint).mean()),
        episodes=len(episodes),
        dangers_found=[each.occurrence_id for each in dangers if _touches(each, episodes, EARLY)],
        nuisances_repeated=[each.occurrence_id for each in nuisances if _touches(each, episodes, timedelta(0))],
    )


def _episodes(limit: ScoreLimit, at: Int64, numbers: Float64) -> list[tuple[int, int]]:
    """When it would have been in alarm, microseconds UTC: by the conditions that judge in production."""
    rule = Alarm(
        setpoint=limit.setpoint, deadband=limit.deadband, on_delay_s=limit.on_delay_s, off_delay_s=limit.off_delay_s
    )
    held = alarms(Stream(at, numbers[:, None]), [rule])[:, 0, 0]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], held.astype(np.int8), [0]])))
    return [(int(at[b]), int(at[e - 1])) for b, e in zip(edges[::2], edges[1::2], strict=True)]


def _touches(occurrence: AssetOccurrence, episodes: Sequence[tuple[int, int]], early: timedelta) -> bool:
    since = (occurrence.began_at - early).timestamp() * 1e6
    over = occurrence.normal_at or occurrence.resolved_at
    until = float("inf") if over is None else over.timestamp() * 1e6
    return any(begin <= until and end >= since for begin, end in episodes)


def _verdict(sides: Sequence[Side], windows: int, dangers: int, nuisances: int) -> tuple[int | None, str]:
    """Which version the record speaks for, and the sentence: what is missed weighs before what disturbs."""
    old, new = sides
    if windows < LEAST_SHADOW:
        return None, f"Too few windows to say: both judged {windows}, and {LEAST_SHADOW} are asked for."
    record = f"{len(old.dangers_found)} and {len(new.dangers_found)} of {dangers} dangers"
    if len(old.dangers_found) != len(new.dangers_found):
        more, less = (old, new) if len(old.dangers_found) > len(new.dangers_found) else (new, old)
        missed = sorted(set(more.dangers_found) - set(less.dangers_found))
        told = f"version {less.version} misses occurrence {', '.join(map(str, missed))}, which version {more.version} finds"
        return more.version, f"It speaks for version {more.version}: {told}."
    disturbs = [(len(side.nuisances_repeated), side.episodes - len(side.dangers_found)) for side in sides]
    if disturbs[0] == disturbs[1]:
        return (
            None,
            f"Neither is better by this record: versions {old.version} and {new.version} found {record} and alarm as often.",
        )
    best, other = (old, new) if disturbs[0] < disturbs[1] else (new, old)
    found = (
        f"both found {len(best.dangers_found)} of {dangers} dangers" if dangers else "no danger lies in the interval"
    )
    again = (
        f" and repeats {len(best.nuisances_repeated)} of {nuisances} nuisances instead of {len(other.nuisances_repeated)}"
        if nuisances
        else ""
    )
    return best.version, (
        f"It speaks for version {best.version}: {found}, and version {best.version} alarms {best.episodes} times instead of "
        f"{other.episodes}{again}."
    )
