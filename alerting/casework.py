"""What people add to an occurrence beside answering its alarm: who sees to it, photos, and that the insurer has seen it.

None of it moves the alarm. Each runs inside the caller's transaction, under the web role and the person's own principal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol

from psycopg import Connection

from alerting.actions import LOOKS_ON, required
from alerting.store import alarms, casework, people
from alerting.store.people import OccurrenceRow
from core.errors import Refused
from core.store.people import Actor, acting, actor

MOST_PHOTOS: Final = 20  # of one occurrence, as of a finding


class Picture(Protocol):
    """A photo that has been made anew (core/photo.py)."""

    @property
    def jpeg(self) -> bytes: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def sha256(self) -> bytes: ...


def acknowledge_for_insurer(
    connection: Connection[Any], occurrence_id: int, *, person_id: int, now: datetime, words: str = ""
) -> None:
    """Writes down that somebody at the insurer has seen it: a second record, which changes no state and cancels no call.

    Raises:
        Refused: not one of the insurer's people, seen by them already, far too long, or no such occurrence.
    """
    who = acting(connection, person_id)
    if who.role not in LOOKS_ON:
        raise Refused("This record is the insurer's: acknowledge the alarm itself.")
    said = required(words, "") if words.strip() else None
    found = _occurrence(connection, occurrence_id)
    if not casework.add_acknowledgement(connection, found, person_id=person_id, now=now, words=said):
        raise Refused("You have acknowledged this occurrence for the insurer already.")
    alarms.notify(connection, [found.company_id], outbox=False)


def assign(
    connection: Connection[Any], occurrence_id: int, *, person_id: int, now: datetime, assignee_id: int | None
) -> None:
    """Says who of the client sees to an occurrence, or that nobody does; the journal keeps who said so, and who it was before.

    Raises:
        Refused: it is resolved, they see to it already, or it is nobody of the company's own.
    """
    who = _client(connection, person_id)
    found = _occurrence(connection, occurrence_id)
    if found.resolved_at is not None:
        raise Refused("This occurrence is resolved already.")
    if assignee_id is not None:
        whom = actor(connection, assignee_id)
        if whom is None or not whom.active or whom.company_id != found.company_id:
            raise Refused("Choose one of the company's own people.")
    before = casework.lock_assignee(connection, occurrence_id)
    if before == assignee_id:
        raise Refused("That is so already: nothing was changed.")
    casework.set_assignee(connection, occurrence_id, assignee_id)
    casework.journal(connection, found, person_id=person_id, actor=who.role, now=now, before=before, after=assignee_id)
    alarms.notify(connection, [found.company_id], outbox=False)


def add_photo(connection: Connection[Any], occurrence_id: int, *, person_id: int, now: datetime, photo: Picture) -> int:
    """Keeps a photo, also of what is resolved; gives its id.

    Raises:
        Refused: too many, not the client's, or no such occurrence.
    """
    _client(connection, person_id)
    found = _occurrence(connection, occurrence_id)
    if casework.count_photos(connection, occurrence_id) >= MOST_PHOTOS:
        raise Refused(f"This occurrence has {MOST_PHOTOS} photos already; that is the most.")
    photo_id = casework.add_photo(
        connection, found, person_id=person_id, now=now, jpeg=photo.jpeg, size=(photo.width, photo.height),
        sha256=photo.sha256,
    )  # fmt: skip
    alarms.notify(connection, [found.company_id], outbox=False)
    return photo_id


def _client(connection: Connection[Any], person_id: int) -> Actor:
    who = acting(connection, person_id)
    if who.company_id is None:
        raise Refused("The insurer's people do not act on the client's alarms; they can comment.")
    return who


def _occurrence(connection: Connection[Any], occurrence_id: int) -> OccurrenceRow:
    found = people.occurrence(connection, occurrence_id)
    if found is None:
        raise Refused(f"There is no occurrence {occurrence_id}.")
    return found
