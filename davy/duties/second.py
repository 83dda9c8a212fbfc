"""The second opinion by the clock: once a night and site, at its own two o'clock, one site after another. Nobody is told: it waits on its page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from davy.second import store
from davy.second.night import LEASE, Judging
from davy.second.turn import time_of_a_site
from detectors.store import second

FROM_HOUR: Final = 2  # local: readings that were late have come by then


class SecondOpinionDuty:
    """The duty: an object, because a night goes on from turn to turn."""

    def __init__(self) -> None:
        self._going: Judging | None = None
        self._over: dict[int, date] = {}  # of each site the last night that nothing is left to do for

    def __call__(self, connection: Connection[Any], now: datetime) -> object:
        """A turn: takes up the next night that is due, or works on the one that is under way."""
        going = self._going
        if going is None:
            self._going = self._next(connection, now)
            return None  # kept first, so that one that breaks its turn has been begun all the same, and is given up in the end
        try:
            if going.turn(connection, now):
                self._going = None
        except BaseException:
            going.drop()
            self._going = None  # the transaction is lost: the lease runs out, and it begins anew
            raise
        return None

    def _next(self, connection: Connection[Any], now: datetime) -> Judging | None:
        waiting = [
            (site, day)
            for site in store.sites(connection)
            if (day := due(now, site.time_zone)) is not None and self._over.get(site.site_id) != day
        ]
        for place, (site, day) in enumerate(waiting):
            night = second.take_up(connection, site.site_id, site.company_id, day, now, LEASE, again=False)
            if night is not None:
                return Judging(site, night, time_of_a_site(len(waiting) - place))
            found = second.find(connection, site.site_id, day)
            if found is not None and found.state != "begun":
                self._over[site.site_id] = day
        return None


def due(now: datetime, time_zone: str) -> date | None:
    """The day of a site that is to be judged by now; None before its two o'clock.

    >>> from datetime import UTC
    >>> due(datetime(2026, 3, 1, 18, 30, tzinfo=UTC), "Asia/Shanghai")
    datetime.date(2026, 3, 1)
    """
    local = now.astimezone(ZoneInfo(time_zone))
    return None if local.hour < FROM_HOUR else local.date() - timedelta(days=1)
