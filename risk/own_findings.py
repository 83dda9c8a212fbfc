"""What the insurer's people do about a finding against Davy: say something, name the cause, write down the measure, settle it.

Each act runs inside the caller's transaction, under the web role and the person's principal. Both sides read what is written; nothing of it can
be taken back, and the newest cause and measure hold. Who settles one says why and has named cause and measure before.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from psycopg import Connection

from core.errors import Refused
from core.store import journal
from risk.own_finding import DELIVERY_FAILED, NOBODY_ANSWERED, TOO_MANY_MESSAGES
from risk.ratings import insurer_voice
from risk.said import words_of
from risk.store import own_findings as store

LONGEST: Final = 4000  # characters, as own_finding_note.words


class Cause(StrEnum):
    """What it comes from."""

    LIMITS = "limits"  # set too tight, or without deadband
    ROUTES = "routes"  # the same people are told too early, or by too many steps
    SENSORS = "sensors"  # they tell of themselves, not of the plant
    PLANT = "plant"  # the plant really is as restless as that
    DAVY = "davy"  # what Davy itself does
    CHANNEL = "channel"  # what carries messages: a provider, a gateway, the receiver
    PEOPLE = "people"  # who should have answered was not there, or could not be reached


CAUSES_OF: Final = {
    TOO_MANY_MESSAGES: (Cause.LIMITS, Cause.ROUTES, Cause.SENSORS, Cause.PLANT, Cause.DAVY),
    DELIVERY_FAILED: (Cause.CHANNEL, Cause.DAVY),
    NOBODY_ANSWERED: (Cause.PEOPLE, Cause.ROUTES, Cause.CHANNEL, Cause.DAVY),
}


class Event(StrEnum):
    """What can be written down."""

    COMMENT = "comment"
    CAUSE = "cause"
    MEASURE = "measure"
    SETTLED = "settled"


_MISSING: Final = {
    Event.COMMENT: "A comment needs a text.",
    Event.CAUSE: "Say on what the cause rests.",
    Event.MEASURE: "Say what is changed because of it.",
    Event.SETTLED: "Say why it is settled.",
}


def note(
    connection: Connection[Any],
    own_finding_id: int,
    *,
    person_id: int,
    now: datetime,
    event: str,
    words: str,
    cause: str = "",
) -> None:
    """Writes one down; settling ends the finding, and is told to whoever had said that alarms come too often.

    Raises:
        Refused: not theirs, over already, no words, no cause, or settled before cause and measure are named.
    """
    who = insurer_voice(connection, person_id)
    found = store.find(connection, own_finding_id)
    if found is None:
        raise Refused("There is no such finding.")
    company_id, kind, closed_at = found
    if event not in set(Event):
        raise Refused("Choose what to write down.")
    what = Event(event)
    if closed_at is not None and what is not Event.COMMENT:
        raise Refused("This finding is over already; a comment can still be written.")
    if what is Event.CAUSE and cause not in CAUSES_OF[kind]:
        raise Refused("Choose a cause.")
    said = words_of(words, _MISSING[what], LONGEST)
    if what is Event.SETTLED:
        named = store.events_of(connection, own_finding_id)
        if not {Event.CAUSE, Event.MEASURE} <= named:
            raise Refused("Name the cause and what is changed before you settle it.")
        if not store.settle(connection, own_finding_id, person_id=person_id, now=now):
            raise Refused("This finding is over already; a comment can still be written.")
        journal.write(
            connection, at=now, company_id=company_id, person_id=person_id, actor=who.role, action="own_finding_settled",
            subject=f"own_finding/{own_finding_id}", old=None, new=None, reason=said,
        )  # fmt: skip
    store.add_note(
        connection, company_id, own_finding_id, person_id=person_id, now=now, event=what.value,
        cause=cause if what is Event.CAUSE else None, words=said,
    )  # fmt: skip
