"""`davy detectors second-opinion`: a night of a site by hand, now; one that is kept already is told and not judged again."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from core.db import connect, transaction
from core.errors import BadInput, Unavailable
from davy.answer import progress
from davy.second import store
from davy.second.night import LEASE, Judging
from davy.second.store import Site
from davy.second.telling import Told, told
from davy.site.known import require_known
from detectors.store import second

LOOK_EVERY_S: Final = 0.5


def second_opinion(
    url: str,
    token: Callable[[], str],
    *,
    site: str,
    day: date | None,
    language: str = "en",
    now: datetime | None = None,
) -> Told:
    """Judges a local day of a site, as the risk process does by night, and tells what is kept of it.

    Args:
        url: the database, as alerting.
        token: of one of Davy's own processes.
        site: its key; "": the only one there is.
        day: None: the last that is over there.

    Raises:
        BadInput: no such site, or a day that is not over.
        Unavailable: it came to nothing, or the risk process is at it.
    """
    at = now or datetime.now(UTC)
    with closing(connect(url, application="second-opinion")) as connection:
        with transaction(connection, token()):
            where = _site(store.sites(connection), site)
            wanted = _day(where, day, at)
            there = second.find(connection, where.site_id, wanted)
        if there is None or there.state != "done":
            _judge(connection, token, where, wanted, at)
        with transaction(connection, token()):
            return told(connection, where, wanted, language)


def _judge(connection: Connection[Any], token: Callable[[], str], site: Site, day: date, now: datetime) -> None:
    with transaction(connection, token()):
        night = second.take_up(connection, site.site_id, site.company_id, day, now, LEASE, again=True)
    if night is None:
        raise Unavailable(f"Somebody is judging {day} of {site.key} at this moment; ask again in some minutes.")
    progress(f"{site.key}, {day}: reads the weeks before, then judges; some seconds a signal")
    going, began = Judging(site, night), time.monotonic()
    try:
        while True:
            with transaction(connection, token()):
                if going.turn(connection, now + timedelta(seconds=time.monotonic() - began)):
                    break
            time.sleep(LOOK_EVERY_S)
    except BaseException:
        going.drop()
        raise
    with transaction(connection, token()):
        found = second.find(connection, site.site_id, day)
    if found is None or found.state != "done":
        raise Unavailable(found.problem if found is not None and found.problem else "It came to nothing; ask again.")


def _site(there: list[Site], key: str) -> Site:
    if not key and len(there) == 1:
        return there[0]
    keys = sorted(each.key for each in there)
    if not key:
        raise BadInput(
            f"There are {len(there)} sites; say which with --site: {', '.join(keys[:8]) or 'none is imported yet'}."
        )
    require_known(key, keys)
    return next(each for each in there if each.key == key)


def _day(site: Site, day: date | None, now: datetime) -> date:
    today = now.astimezone(ZoneInfo(site.time_zone)).date()
    if day is not None and day >= today:
        raise BadInput(
            f"{day} has not ended at {site.key}, where it is {today}: the last day is {today - timedelta(days=1)}."
        )
    if day is not None and day.year < 1971:
        raise BadInput(f"{day} lies before all readings; give a day after 1971.")
    return day or today - timedelta(days=1)
