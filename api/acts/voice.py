"""What pages and the API need of the voice: the card that takes a rating, what was tapped, and what may be counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from api.permissions import Right
from api.store import complaints
from api.store import voice as store
from api.visitor import Visitor
from api.voice import Counts, kept
from api.web import Web
from core.errors import Refused
from risk.rating import NOT_USEFUL, USEFUL, Tap, Thing
from risk.store.ratings import RatingRow, of_person


@dataclass(frozen=True, slots=True)
class RateCard:
    """The card on the page of something that is over.

    Args:
        said: what the visitor has said of it; None: nothing yet.
    """

    thing: str
    number: int
    useful: Sequence[str]
    not_useful: Sequence[str]
    said: RatingRow | None


def rate_card(
    connection: Connection[Any], visitor: Visitor, thing: Thing, number: int, company_id: int, *, over: bool
) -> RateCard | None:
    """None where this visitor has nothing to rate: not over, an exercise, or not theirs."""
    if not over or not visitor.may(Right.GIVE_VOICE) or visitor.company_id != company_id:
        return None
    said = of_person(connection, visitor.person_id, thing, number)
    return RateCard(thing.value, number, USEFUL[thing], NOT_USEFUL[thing], said)


def thing_of(word: str) -> Thing:
    """What is rated, as a form or a program names it.

    Raises:
        Refused: another word.
    """
    if word not in set(Thing):
        raise Refused("There is nothing here that you could rate.")
    return Thing(word)


def tap_of(said: str, words: str) -> Tap:
    """A tap as its button sends it: `useful:in_time` or `not_useful:no_danger`; another text is a reason that is not offered."""
    side, _, reason = said.partition(":")
    return Tap(side == "useful", reason, words)


def counts_of(web: Web, visitor: Visitor) -> Counts:
    """What the insurer's people may count."""
    with web.acting_for(visitor) as connection:
        return Counts(
            store.counted(connection), store.recommended(connection), kept(complaints.clocks(connection), web.clock())
        )
