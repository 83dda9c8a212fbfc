"""The demo's sixty days, from nothing to scores: in steps that can be done again, the scores last and by risk's own code."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from core.db import connect, transaction
from core.log import logger
from davy.past import plan, store, writing
from davy.past.hours import hours
from davy.past.stories import OUTAGES, SHELVES
from risk.score.formula import shipped
from risk.score.scoring import score_day
from risk.store import scores
from risk.store.scores import SiteRow

AT_ONCE: Final = 10  # days of scores in one transaction

log = logger(__name__)


def write_sixty_days(
    owner_url: str, token: Callable[[], str], *, seed: int, until: datetime, stopped: Callable[[], bool]
) -> None:
    """Writes what happened in the sixty days before `until`; doing it again changes nothing.

    Args:
        token: of one of Davy's own processes: the database's policies are asked as for any other.
        until: a whole hour, aware UTC.
        stopped: asked between steps.
    """
    with closing(connect(owner_url, application="past")) as connection:
        with transaction(connection, token()):
            sites = store.sites(connection)
        alarms = [happened for _, happened in plan.alarms(seed, until) if happened[0].kind.site in sites]
        for happened in alarms:
            if stopped():
                return
            with transaction(connection, token()):  # one alarm: who judges live readings never waits long for its row
                writing.write_alarm(connection, sites, happened)
        for shelf in SHELVES:
            with transaction(connection, token()):
                writing.write_shelf(connection, sites, shelf, until)
        with transaction(connection, token()):
            writing.write_people_s_part(connection, sites, until)
        every = [one for happened in alarms for one in happened]
        with transaction(connection, token()):  # the hours last: a day is due for its score once it has hours
            counted = store.hours_of_raw_past(connection, until)
            counted += store.copy_hours(connection, hours(seed, until, OUTAGES, every))
        log.info("past_written", alarms=len(every), hours=counted)
        _score(connection, token, until, stopped)


def _score(connection: Connection[Any], token: Callable[[], str], until: datetime, stopped: Callable[[], bool]) -> None:
    """Every day of every site, the newest first."""
    with transaction(connection, token()):
        due = [(day, site) for site in scores.sites(connection) for day in _days(site, until)]
    due.sort(key=lambda each: (-each[0].toordinal(), each[1].site_id))
    for first in range(0, len(due), AT_ONCE):
        if stopped():
            return
        with transaction(connection, token()):
            for day, site in due[first : first + AT_ONCE]:
                scores.write_score(connection, score_day(connection, site, day, shipped(), until))
    log.info("past_scored", days=len(due))


def _days(site: SiteRow, until: datetime) -> list[date]:
    """The whole days of the sixty, in the site's zone."""
    last = until.astimezone(ZoneInfo(site.time_zone)).date() - timedelta(days=1)
    return [last - timedelta(days=back) for back in range(plan.DAYS - 1)]
