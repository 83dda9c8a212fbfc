"""Whether a duty position is filled as a site file, or somebody on the page, writes it: core reads what is written, alerting knows who is on duty."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from alerting.roster import By, Hours, Layer, Roster, Span, holes
from core.portfolio import Portfolio
from core.site_rosters import DAYS_AHEAD, RosterRow

_TOLD: Final = 3


def roster_of(row: RosterRow, gone: frozenset[str] = frozenset()) -> tuple[Roster, list[str]]:
    """The duty position, its people numbered from 0, and their keys in that order."""
    people = sorted({key for layer in row.layers for key in layer.people})
    number = {key: at for at, key in enumerate(people)}
    layers = tuple(
        Layer(
            key=layer.key,
            people=tuple(number[key] for key in layer.people),
            begins_on=layer.begins_on,
            hand_over=layer.hand_over,
            turn_days=layer.turn_days,
            hours=None if layer.hours is None else Hours(*layer.hours),
            on_holidays=layer.on_holidays,
        )
        for layer in row.layers
    )
    left = frozenset(number[key] for key in gone & set(people))
    found = Roster(
        roster_id=0,
        key=row.key,
        audience=row.audience,
        time_zone=row.time_zone,
        layers=layers,
        holidays=frozenset(row.holidays),
        gone=left,
    )
    return found, people


def with_holes(wanted: Portfolio, at: datetime) -> Iterator[tuple[int, str]]:
    """Duty positions of the file that somebody is missing from in the next days and that do not say it is meant, as (line, sentence)."""
    for row in wanted.rosters:
        if not row.retired and not row.may_be_empty and (told := told_holes(row, at)):
            yield (
                row.line,
                f"{told} Fill them, or write `may_be_empty: true` where that is meant: a call then goes to everybody of it.",
            )


def left_empty(wanted: Portfolio, current: Portfolio, at: datetime) -> Iterator[str]:
    """Duty positions that have holes after this import although it does not name them, because somebody has left; and those meant."""
    people = {row.key: row for each in (current, wanted) for row in each.people}
    gone = frozenset(key for key, row in people.items() if not row.active)
    rosters = {row.name_parts: row for each in (current, wanted) for row in each.rosters}
    for row in rosters.values():
        if not row.retired and (told := told_holes(row, at, gone)):
            yield told


def told_holes(row: RosterRow, at: datetime, gone: frozenset[str] = frozenset()) -> str:
    """The holes of the next days as a sentence; empty where there are none."""
    roster, people = roster_of(row, gone)
    found = holes(roster, at, at + timedelta(days=DAYS_AHEAD))
    if not found:
        return ""
    shown = "; ".join(_shown(each, ZoneInfo(row.time_zone), people) for each in found[:_TOLD])
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return f"{row.subject} has nobody on duty at times in the next {DAYS_AHEAD} days: {shown}{more}."


def _shown(hole: Span, zone: ZoneInfo, people: list[str]) -> str:
    begins, ends = hole.begins_at.astimezone(zone), hole.ends_at.astimezone(zone)
    why = (
        f" ({people[hole.duty.missing]} is not active)"
        if hole.duty.by is By.GONE and hole.duty.missing is not None
        else ""
    )
    return f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}{why}"
