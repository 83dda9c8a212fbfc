"""The second opinion as pages show it: nights, their windows, what people said of them, and the alarms of the same time and place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

MOST_ALARMS: Final = 12  # beside one window


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A site with one night of its; all but the site is None where there is none yet.

    Args:
        before, after: the nights beside it.
    """

    site_id: int
    key: str
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str
    night_id: int | None
    day: date | None
    state: str | None
    attempt: int | None
    begun_at: datetime | None
    ended_at: datetime | None
    subjects: int | None
    windows: int | None
    left_out: list[dict[str, Any]] | None
    signals: int | None
    not_looked_at: int | None
    problem: str | None
    before: date | None
    after: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One of its windows, with the newest that somebody said of it."""

    opinion_id: int
    company_id: int
    night_id: int
    place: int
    kind: str
    sensor_id: int
    asset_id: int | None
    sensor: str
    sensor_zh: str
    unit: str
    device_id: int
    asset: str | None
    asset_zh: str | None
    zone: str | None
    zone_zh: str | None
    from_at: datetime
    until_at: datetime
    rank: float
    models: list[str]
    facts: list[dict[str, Any]]
    said: str | None
    said_at: datetime | None
    said_by: str | None
    said_by_id: int | None
    site: str
    site_zh: str
    site_key: str
    day: date
    time_zone: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """An occurrence at the time and place of a window."""

    opinion_id: int
    occurrence_id: int
    title: str
    title_zh: str
    priority: str
    began_at: datetime
    resolution: str | None


@dataclass(frozen=True, slots=True)
class Name:
    """What a sensor or a machine is called."""

    kind: str
    number: int
    name: str
    name_zh: str
    unit: str


@dataclass(frozen=True, slots=True)
class Week:
    """What was said of the windows of a week, by the week's first day.

    Args:
        shown: windows that were ranked; the others are those of which somebody has said it.
    """

    site_id: int
    week: date
    shown: int
    worth: int
    sensor_fault: int
    nothing: int


@dataclass(frozen=True, slots=True)
class Point:
    """A minute of a sensor."""

    at: datetime
    low: float | None
    high: float | None


def nights(connection: Connection[Any], site: str | None = None, day: date | None = None) -> list[Night]:
    """Each site that may be seen with its last night, or that of a day."""
    with connection.cursor(row_factory=class_row(Night)) as cursor:
        return cursor.execute(
            """
            SELECT s.site_id, s.key, s.name AS site, s.name_zh AS site_zh, c.name AS company, c.name_zh AS company_zh, s.time_zone,
                   n.night_id, n.day, n.state, n.attempt, n.begun_at, n.ended_at, n.subjects, n.windows, n.left_out, n.signals, n.not_looked_at, n.problem,
                   (SELECT max(b.day) FROM second_opinion_night b WHERE b.site_id = s.site_id AND b.day < n.day) AS before,
                   (SELECT min(a.day) FROM second_opinion_night a WHERE a.site_id = s.site_id AND a.day > n.day) AS after
            FROM site s JOIN company c USING (company_id)
            LEFT JOIN LATERAL (SELECT * FROM second_opinion_night n WHERE n.site_id = s.site_id AND (%(day)s::date IS NULL OR n.day = %(day)s)
                               ORDER BY n.day DESC LIMIT 1) n ON true
            WHERE %(site)s::text IS NULL OR s.key = %(site)s ORDER BY s.key LIMIT 200
            """,
            {"site": site, "day": day},
        ).fetchall()


def windows(connection: Connection[Any], nights: Sequence[int] = (), opinion_id: int | None = None) -> list[Window]:
    """The windows of nights in their order, or the one."""
    with connection.cursor(row_factory=class_row(Window)) as cursor:
        return cursor.execute(
            """
            SELECT o.opinion_id, o.company_id, o.night_id, o.place, o.kind, o.sensor_id, o.asset_id, n.name AS sensor, n.name_zh AS sensor_zh,
                   n.unit, n.device_id, a.name AS asset, a.name_zh AS asset_zh, z.name AS zone, z.name_zh AS zone_zh, o.from_at, o.until_at,
                   o.rank, o.models, o.facts, w.said, w.said_at, p.name AS said_by, w.person_id AS said_by_id, s.name AS site, s.name_zh AS site_zh, s.key AS site_key,
                   t.day, s.time_zone
            FROM second_opinion o JOIN second_opinion_night t USING (night_id) JOIN site s ON s.site_id = t.site_id
            JOIN sensor n ON n.sensor_id = o.sensor_id LEFT JOIN zone z ON z.zone_id = n.zone_id
            LEFT JOIN asset a ON a.asset_id = coalesce(o.asset_id, n.asset_id)
            LEFT JOIN LATERAL (SELECT said, said_at, person_id FROM second_opinion_word w WHERE w.opinion_id = o.opinion_id
                               ORDER BY w.word_id DESC LIMIT 1) w ON true
            LEFT JOIN person p ON p.person_id = w.person_id
            WHERE o.night_id = ANY (%(nights)s) OR o.opinion_id = %(opinion)s::bigint ORDER BY o.night_id, o.place
            """,
            {"nights": list(nights), "opinion": opinion_id},
        ).fetchall()


def alarms(connection: Connection[Any], opinions: Sequence[int], now: datetime) -> list[Alarm]:
    """Occurrences on the signal of each window, or on its machine, while it lasted or a quarter of an hour beside it; exercises are none."""
    with connection.cursor(row_factory=class_row(Alarm)) as cursor:
        return cursor.execute(
            """
            SELECT w.opinion_id, a.occurrence_id, a.title, a.title_zh, a.priority, a.began_at, a.resolution
            FROM second_opinion w JOIN sensor n ON n.sensor_id = w.sensor_id
            CROSS JOIN LATERAL (
                SELECT o.occurrence_id, d.title, d.title_zh, d.priority, o.began_at, o.resolution
                FROM sensor s JOIN occurrence o ON o.sensor_id = s.sensor_id AND o.began_at <= w.until_at + interval '15 minutes'
                    AND coalesce(o.normal_at, o.resolved_at, %(now)s) >= w.from_at - interval '15 minutes'
                JOIN alarm_definition d ON d.definition_id = o.definition_id AND d.role = 'alarm'
                WHERE s.sensor_id = w.sensor_id OR s.asset_id = coalesce(w.asset_id, n.asset_id)
                ORDER BY o.began_at LIMIT %(most)s) a
            WHERE w.opinion_id = ANY (%(opinions)s) ORDER BY w.opinion_id, a.began_at
            """,
            {"opinions": list(opinions), "now": now, "most": MOST_ALARMS},
        ).fetchall()


def names(connection: Connection[Any], sensors: Sequence[int], assets: Sequence[int]) -> list[Name]:
    """What these are called."""
    with connection.cursor(row_factory=class_row(Name)) as cursor:
        return cursor.execute(
            """
            SELECT 'sensor' AS kind, sensor_id AS number, name, name_zh, unit FROM sensor WHERE sensor_id = ANY (%s)
            UNION ALL SELECT 'asset', asset_id, name, name_zh, '' FROM asset WHERE asset_id = ANY (%s)
            """,
            (list(sensors), list(assets)),
        ).fetchall()


def minutes(connection: Connection[Any], sensor_id: int, since: datetime, until: datetime) -> list[Point]:
    """The lowest and highest of each minute of a sensor, in the order of time."""
    with connection.cursor(row_factory=class_row(Point)) as cursor:
        return cursor.execute(
            """
            SELECT minute AS at, minimum AS low, maximum AS high FROM reading_minute
            WHERE sensor_id = %s AND minute >= %s AND minute < %s AND good > 0 ORDER BY minute
            """,
            (sensor_id, since, until),
        ).fetchall()


def weeks(connection: Connection[Any], since: date) -> list[Week]:
    """Of each site and week what was said, the newest first. What is said again counts as it was said last."""
    with connection.cursor(row_factory=class_row(Week)) as cursor:
        return cursor.execute(
            """
            SELECT n.site_id, date_trunc('week', n.day)::date AS week, count(*)::int AS shown,
                   count(*) FILTER (WHERE w.said = 'worth')::int AS worth,
                   count(*) FILTER (WHERE w.said = 'sensor_fault')::int AS sensor_fault,
                   count(*) FILTER (WHERE w.said = 'nothing')::int AS nothing
            FROM second_opinion_night n JOIN second_opinion o USING (night_id)
            LEFT JOIN LATERAL (SELECT said FROM second_opinion_word w WHERE w.opinion_id = o.opinion_id ORDER BY w.word_id DESC LIMIT 1) w ON true
            WHERE n.day >= %s GROUP BY 1, 2 ORDER BY 1, 2 DESC
            """,
            (since,),
        ).fetchall()


def add_word(connection: Connection[Any], window: Window, said: str, person_id: int, now: datetime) -> None:
    """Keeps what a person says of a window; the table takes it in their own name alone."""
    connection.execute(
        "INSERT INTO second_opinion_word (company_id, opinion_id, said, person_id, said_at) VALUES (%s, %s, %s, %s, %s)",
        (window.company_id, window.opinion_id, said, person_id, now),
    )
