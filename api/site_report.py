"""The report of a site and month as a visitor gets it: the insurer's people see less; the gate writes down that they looked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from psycopg import Connection
from psycopg.rows import TupleRow

from api.permissions import Right
from api.visitor import Visitor
from api.words.texts import NotFound
from risk.report.facts import ReportFacts, SiteFacts
from risk.report.gathering import default_month, gather
from risk.report.month import INSURERS_DELAY, Month
from risk.report.refusal import Unreportable
from risk.report.store.site import find_site

Asked = Annotated[
    str | None, Query(description="YYYY-MM, in the site's time zone; without it the newest with a whole month.")
]


@dataclass(frozen=True, slots=True)
class Found:
    """A site and month, with the facts or with why there are none.

    Args:
        month: what was asked for; the one in question where that was no month.
        status: HTTP, 200 where there are facts.
    """

    site: SiteFacts
    month: Month
    facts: ReportFacts | None
    refusal: Unreportable | None
    status: int


def find_report(
    connection: Connection[TupleRow], visitor: Visitor, key: str, asked: str | None, now: datetime
) -> Found:
    """The facts of a month, or of the default one where none is asked for.

    Raises:
        NotFound: there is no such site, or none that this visitor may see.
    """
    delay = timedelta(0) if visitor.may(Right.SEE_READINGS) else INSURERS_DELAY
    site = find_site(connection, key, now)
    if site is None:
        raise NotFound
    default = default_month(connection, site, now, delay=delay)
    try:
        month = Month.parse(asked) if asked else default
    except Unreportable as refusal:
        return Found(site, default, None, refusal, 422)
    try:
        facts = gather(connection, site, month, now, delay=delay)
    except Unreportable as refusal:
        return Found(site, month, None, refusal, 404)
    return Found(site, month, facts, None, 200)
