"""What people say of alarms and services: a tap, a recommendation; and the insurer's note that a service was given.

Each runs inside the caller's transaction, under the web role and the person's principal, and leaves an entry in the journal.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from core.errors import Refused
from core.model import Role
from core.store import journal
from core.store.people import Actor, acting
from risk import rating as rules
from risk.findings import WORKERS
from risk.rating import Item, Tap, Thing
from risk.said import words_of
from risk.store import findings as pages
from risk.store import ratings as store

LONGEST_WHAT: Final = 400  # characters, as prevention_service.what
LONGEST_BODY_NAME: Final = 200
OLDEST_SERVICE: Final = timedelta(days=366)  # longer ago is a slip of the year. Ours


def rate(connection: Connection[Any], thing: Thing, number: int, *, person_id: int, now: datetime, tap: Tap) -> int:
    """Keeps what a person says of something that is over, or what they say of it now; gives the rating's id.

    Raises:
        Refused: it is not theirs to rate, not over, an exercise, or the reason is none of those offered.
    """
    who = client_voice(connection, person_id)
    said = Tap(tap.useful, tap.reason, words_of(tap.words, None, rules.LONGEST_WORDS))
    rules.check_tap(thing, said)
    of = store.find(connection, thing, number)
    if of is None or of.company_id != who.company_id:
        raise Refused("There is nothing here that you could rate.")
    if not of.over:
        raise Refused("It can be rated once it is over.")
    if of.exercise:
        raise Refused("An exercise, a test or made-up history is not rated.")
    store.take_turns(connection, person_id)
    before = store.of_person(connection, person_id, thing, number)
    if before is None:
        rating_id = store.insert(connection, of, thing, number, said, person_id, now)
    else:
        rating_id = before.rating_id
        store.change(connection, rating_id, said, now)
    journal.write(
        connection, at=now, company_id=of.company_id, person_id=person_id, actor=who.role, action="rating_given",
        subject=f"{thing.value}/{number}",
        old=None if before is None else {"useful": before.useful, "reason": before.reason},
        new={"useful": said.useful, "reason": said.reason}, reason=said.words or said.reason,
    )  # fmt: skip
    pages.notify(connection, of.company_id)
    return rating_id


def recommend(
    connection: Connection[Any], *, person_id: int, now: datetime, site_id: int, score: int | None, words: str = ""
) -> int:
    """Keeps how likely a person would recommend it; gives the answer's id.

    Raises:
        Refused: asked less than 90 days ago, no number from 0 to 10, or another company's site.
    """
    who = client_voice(connection, person_id)
    number, said = rules.check_score(score), words_of(words, None, rules.LONGEST_WORDS)
    site = store.site_facts(connection, site_id)
    if site is None or site[0] != who.company_id:
        raise Refused("There is no such site; choose one from the list.")
    store.take_turns(connection, person_id)
    if not rules.nps_due(store.last_nps(connection, person_id), now):
        raise Refused("You have answered this within the last 90 days; it is not asked more often.")
    made = store.insert_nps(
        connection, company_id=site[0], site_id=site_id, person_id=person_id, score=number, words=said, now=now
    )
    journal.write(
        connection, at=now, company_id=site[0], person_id=person_id, actor=who.role, action="nps_given", subject="voice",
        old=None, new={"score": number}, reason=said or "recommendation",
    )  # fmt: skip
    return made


def note_service(
    connection: Connection[Any],
    *,
    person_id: int,
    now: datetime,
    site_id: int,
    item: str,
    what: str,
    served_by: str,
    given_on: date,
) -> int:
    """The insurer's person writes down that a prevention service was given; the client's people are asked how it was.

    Raises:
        Refused: not the insurer's risk engineer, something missing, an unknown item, or a day that cannot be.
    """
    who = insurer_voice(connection, person_id)
    if item not in set(Item):
        raise Refused("Choose which service was given from the list.")
    site = store.site_facts(connection, site_id)
    if site is None:
        raise Refused("There is no such site; choose one from the list.")
    told = words_of(what, "Say what was done: the subject of the training, what was inspected.", LONGEST_WHAT)
    body = words_of(served_by, "Say which body gave the service.", LONGEST_BODY_NAME)
    today = now.astimezone(ZoneInfo(site[1])).date()
    if not today - OLDEST_SERVICE <= given_on <= today:
        raise Refused("A service was given today or in the year before; look at the date.")
    made = store.insert_service(
        connection, company_id=site[0], site_id=site_id, item=item, what=told, served_by=body, given_on=given_on,
        person_id=person_id, now=now,
    )  # fmt: skip
    journal.write(
        connection, at=now, company_id=site[0], person_id=person_id, actor=who.role, action="service_noted",
        subject=f"service/{made}", old=None, new={"item": item, "given_on": given_on.isoformat(), "served_by": body}, reason=told,
    )  # fmt: skip
    pages.notify(connection, site[0])
    return made


def client_voice(connection: Connection[Any], person_id: int) -> Actor:
    """One of the client's own people.

    Raises:
        Refused: somebody else.
    """
    who = acting(connection, person_id)
    if who.role not in WORKERS or who.company_id is None:
        raise Refused("Only the company's own people rate and complain.")
    return who


def insurer_voice(connection: Connection[Any], person_id: int) -> Actor:
    """One of the insurer's people who answer complaints and note services.

    Raises:
        Refused: somebody else.
    """
    who = acting(connection, person_id)
    if who.role != Role.RISK_ENGINEER:
        raise Refused("Only the insurer's risk engineers do this.")
    return who
