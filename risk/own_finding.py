"""A finding against ourselves: what Davy does badly at a site. It is the insurer's to put right, not the client's, and counts in nobody's score.

Davy opens it by numbers; there is nothing in it to be claimed or verified. Too many messages end by numbers too; a delivery test that failed and an
alarm that nobody answered each happened, and end when a person settles them. What the insurer's people say of one and do about it is
`risk/own_findings.py`. Who knows the numbers is alerting; davy/duties/budget.py and davy/duties/failures.py bring the two together
([0045](../docs/decisions/0045-calm-is-decided-at-the-claim.md)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from core.failures import FailedTest, WalkedLadder
from risk.store import own_findings as store

TOO_MANY_MESSAGES: Final = "too_many_messages"
DELIVERY_FAILED: Final = "delivery_failed"
NOBODY_ANSWERED: Final = "nobody_answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offending:
    """An alarm that is most of it, with what could be changed.

    Args:
        change: "deadband", "off_delay", "on_delay", "mend"; None: nothing is proposed.
        backtest: the page that tries it on the site's history.
    """

    limit: str
    title: str
    title_zh: str
    announced: int
    change: str | None
    backtest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany:
    """What is found.

    Args:
        days_over, of_days: days on which somebody got more messages than the budget, of how many.
        most: messages that one person got on one day; budget: as many as they should have got.
        people: how many that hit; who they are is not said.
        proposed: the worst alarms.
    """

    days_over: int
    of_days: int
    most: int
    budget: int
    people: int
    proposed: tuple[Offending, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the row."""
        return asdict(self)


Facts = TooMany | FailedTest | WalkedLadder


def what_it_says(kind: str, row: Mapping[str, Any]) -> Facts:
    """The facts of a row, by its kind.

    >>> found = FailedTest(exercise_id=7, occurrence_id=None, began_at=datetime(2026, 3, 1), ended_at=datetime(2026, 3, 2), took_s=None, promised_s=60.0)
    >>> what_it_says(DELIVERY_FAILED, found.as_json()) == found
    True
    """
    if kind == TOO_MANY_MESSAGES:
        return facts_of(row)
    read: dict[str, Any] = {
        key: datetime.fromisoformat(value) if key in _INSTANTS else value for key, value in row.items()
    }
    return FailedTest(**read) if kind == DELIVERY_FAILED else WalkedLadder(**read)


_INSTANTS: Final = frozenset({"began_at", "ended_at", "onset", "last_at"})


def facts_of(row: Mapping[str, Any]) -> TooMany:
    """What a row of too many messages says."""
    return TooMany(**{**row, "proposed": tuple(Offending(**each) for each in row["proposed"])})


def open_or_say(connection: Connection[Any], company_id: int, site_id: int, now: datetime, facts: TooMany) -> None:
    """Opens it, or says anew what stands; doing it again at once changes nothing."""
    store.open_or_say(connection, company_id, site_id, TOO_MANY_MESSAGES, now, facts.as_json())


def open_once(
    connection: Connection[Any],
    company_id: int,
    site_id: int,
    kind: str,
    now: datetime,
    facts: FailedTest | WalkedLadder,
) -> bool:
    """Opens one that a person ends; False while another of its kind stands at the site."""
    return store.open_once(connection, company_id, site_id, kind, now, facts.as_json())


def close(connection: Connection[Any], site_id: int, now: datetime) -> None:
    """It is calm again."""
    store.close(connection, site_id, TOO_MANY_MESSAGES, now)


def settled_at(
    connection: Connection[Any], site_ids: Sequence[int], kind: str = TOO_MANY_MESSAGES
) -> dict[int, datetime]:
    """When a person last settled one of each site: what was before it opens none again."""
    return store.settled_at(connection, site_ids, kind)


def standing(connection: Connection[Any], site_ids: Sequence[int]) -> dict[int, tuple[datetime, TooMany]]:
    """Those that stand, by site: since when, and what they say."""
    return {
        site_id: (opened_at, facts_of(facts))
        for site_id, opened_at, facts in store.standing(connection, site_ids, TOO_MANY_MESSAGES)
    }
