"""Readiness as the visitor sees it: of each site its exercises, and how its duty positions answer roll calls; and acts on exercises."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.readiness import Figure, WeakHours, figures, overall, weak_hours
from alerting.store.exercises import Tested, deliveries, find_site, records
from alerting.store.rosters import load_rosters
from api.store import readiness as store
from api.store.readiness import ExerciseLine, LimitLine, PositionLine, SiteLine
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound

Do = Callable[[Connection[Any], datetime], object]


@dataclass(frozen=True, slots=True)
class Position:
    """A duty position with what its roll calls showed.

    Args:
        rows: of those hours of which there is any.
        weak: hours at which whoever comes after it is called sooner; None: at none.
    """

    line: PositionLine
    all: Figure
    rows: list[Figure]
    weak: WeakHours | None


@dataclass(frozen=True, slots=True)
class Site:
    """A site, and whether it can still respond."""

    line: SiteLine
    positions: list[Position]
    limits: list[LimitLine]
    exercises: list[ExerciseLine]
    delivery: Tested

    @property
    def running(self) -> ExerciseLine | None:
        """The one that has not ended."""
        return next((each for each in self.exercises if each.ended_at is None), None)


def read_sites(connection: Connection[Any], now: datetime, *, with_limits: bool = False) -> list[Site]:
    """Every site that the transaction may see.

    Args:
        with_limits: for a visitor who may choose one to try; nobody else is shown them.
    """
    lines = store.positions(connection)
    rosters = load_rosters(connection, [line.roster_id for line in lines], now)
    found = records(connection, [line.roster_id for line in lines], now)
    tested = {each.site_id: each for each in deliveries(connection)}
    positions, limits, exercises = defaultdict(list), defaultdict(list), defaultdict(list)
    for line in lines:
        answers, holidays = found.get(line.roster_id, []), rosters[line.roster_id].holidays
        positions[line.site_id].append(_position(line, answers, holidays))
    for limit in store.limits(connection) if with_limits else ():
        limits[limit.site_id].append(limit)
    for exercise in store.exercises(connection):
        exercises[exercise.site_id].append(exercise)
    return [
        Site(site, positions[site.site_id], limits[site.site_id], exercises[site.site_id], tested[site.site_id])
        for site in store.sites(connection)
    ]


def _position(line: PositionLine, record: list[Any], holidays: Any) -> Position:
    rows = [each for each in figures(record) if each.holiday is not None and each.calls]
    return Position(line, overall(record), rows, weak_hours(record, line.time_zone, holidays))


def act(web: Web, visitor: Visitor, site: str, do: Do) -> None:
    """Runs one act at a site.

    Raises:
        NotFound: no such site, or not theirs to see.
        Refused: with why.
    """
    with web.acting_for(visitor) as connection:
        if find_site(connection, site) is None:
            raise NotFound
        do(connection, web.clock())
