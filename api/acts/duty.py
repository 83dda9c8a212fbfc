"""Duty positions as the visitor sees them, and acts on one, in a transaction of theirs. The rules are alerting's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.store import calendars as calendar_store
from alerting.store.rosters import load_rosters
from api.duty import Position, position
from api.permissions import Right
from api.store import duty as store
from api.store import places
from api.store.duty import RosterLine
from api.store.occurrences import Occurrence
from api.store.people import names_of
from api.visitor import Visitor
from api.web import Web
from api.why import Told, everybody_told
from api.words.texts import NotFound

Do = Callable[[Connection[Any], RosterLine, datetime], object]


def read_positions(connection: Connection[Any], now: datetime, site_key: str | None = None) -> list[Position]:
    """Every duty position that the transaction may see, or those of a site."""
    lines = store.list_rosters(connection, site_key)
    ids = [line.roster_id for line in lines]
    rosters = load_rosters(connection, ids, now)
    named = sorted({person for roster in rosters.values() for person in roster.people()})
    names = names_of(connection, named)
    overrides, notes = store.list_overrides(connection, ids, now), store.list_notes(connection, ids, now)
    calendars, unreached = store.list_calendars(connection, ids), calendar_store.unreached(connection, ids)
    colleagues = {company: places.colleagues(connection, company) for company in {line.company_id for line in lines}}
    me = places.myself_at_the_insurer(connection)
    found = []
    for line in lines:
        people = [(each.person_id, each.name) for each in colleagues[line.company_id]]
        choices = people if line.audience == "client" else me
        found.append(
            position(line, rosters[line.roster_id], names, overrides, notes, choices, now, calendars, unreached)
        )
    return found


def told_of(connection: Connection[Any], visitor: Visitor, found: Occurrence) -> list[Told]:
    """Who was told of an occurrence and why, or why not: the visitor, and everybody else for whoever may see people."""
    calls = store.calls_of(connection, found.occurrence_id)
    reached = store.named_by_routes(connection, found.definition_id, found.priority)
    people = sorted({visitor.person_id, *(call.person_id for call in calls), *reached})
    names = names_of(connection, people)
    return everybody_told(
        found, calls, reached, names, reader=visitor.person_id, sees_people=visitor.may(Right.SEE_PEOPLE)
    )


def act(web: Web, visitor: Visitor, roster_id: int, do: Do) -> None:
    """Runs one act.

    Raises:
        NotFound: no such duty position, or not theirs to see.
        Refused: with why.
    """
    with web.acting_for(visitor) as connection:
        line = next((each for each in store.list_rosters(connection) if each.roster_id == roster_id), None)
        if line is None:
            raise NotFound
        do(connection, line, web.clock())
