"""A delivery test that failed and a life-safety alarm that nobody answered are findings against Davy: who knows them (alerting) and who keeps findings (risk) meet here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.store.failures import failed_test, walked_ladder
from risk import own_finding
from risk.own_finding import DELIVERY_FAILED, NOBODY_ANSWERED
from risk.store.own_findings import sites

LOOKED_BACK: Final = timedelta(
    days=7
)  # as with the budget: what is older opens none when Davy comes back, or is brought up to date. Ours


def look_for_failures(connection: Connection[Any], now: datetime) -> int:
    """Opens, a site and kind, one for the first of what happened since a person settled the last; gives how many are new. Doing it again at once changes nothing."""
    every = sites(connection)
    ids = [site_id for site_id, *_ in every]
    tests, ladders = (own_finding.settled_at(connection, ids, kind) for kind in (DELIVERY_FAILED, NOBODY_ANSWERED))
    earliest = now - LOOKED_BACK
    new = 0
    for site_id, company_id, *_ in every:
        test = failed_test(connection, site_id, max(earliest, tests.get(site_id, earliest)), now)
        if test is not None:
            new += own_finding.open_once(connection, company_id, site_id, DELIVERY_FAILED, now, test)
        ladder = walked_ladder(connection, site_id, max(earliest, ladders.get(site_id, earliest)), now)
        if ladder is not None:
            new += own_finding.open_once(connection, company_id, site_id, NOBODY_ANSWERED, now, ladder)
    return new
