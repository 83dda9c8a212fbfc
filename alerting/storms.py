"""Storms at work: one begins and ends by itself, and whoever would have been called hears of it in digests. Life safety is never in one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.calm import STORM_WINDOW, digests, storms
from alerting.store import alarms
from alerting.store import calm as store
from alerting.store import storms as books
from alerting.store.storms import SiteStorm

# What is held is told by itself where no digest has come for so long after it was due: who writes digests may be dead. Ours.
GRACE: Final = timedelta(minutes=2)
SPEAKS: Final = "speaks for the storm, of which nobody has acknowledged anything"
FEWEST: Final = 3  # new calls in ten minutes from which on a site is looked at: no site may call less a storm


def keep_storms(connection: Connection[Any], now: datetime) -> int:
    """Begins and ends storms, and queues their digests; gives how many messages were queued. Doing it again at once changes nothing."""
    restless = books.restless(connection, now, least=FEWEST)
    for site in restless:
        store.take_turns(connection, site.site_id)
    for site in books.restless(connection, now, least=FEWEST) if restless else ():
        _look(connection, site, now)
    queued = 0
    for storm, calm in books.lately(connection, now):
        if storm.storm.ended_at is None:
            hold_what_is_due(connection, storm, now, calm.digest_every)
            queued += books.speak_up(connection, storm, SPEAKS)
        for person_id, event in digests(
            storm.storm, books.listeners(connection, storm.storm_id), now, calm.digest_every
        ):
            way = books.way_of(connection, storm.storm_id, person_id)
            if way is not None:
                queued += books.add_digest(connection, storm, person_id, event, way, now)
    alarms.notify(connection, (), outbox=queued > 0)
    return queued


def storm_at(connection: Connection[Any], site_id: int, now: datetime, least: int) -> SiteStorm | None:
    """The storm that goes on at a site, begun at this look where so many alarms have come. The caller has taken its turn."""
    running = books.open_storm(connection, site_id)
    restless = [] if running is not None else books.restless(connection, now, site_id, least=least)
    for site in restless:
        _look(connection, site, now)
    return books.open_storm(connection, site_id) if restless else running


def hold_what_is_due(connection: Connection[Any], storm: SiteStorm, now: datetime, every: timedelta) -> int:
    """What is due at the site waits for the next digest; gives how many messages that were."""
    why = f"waits for a digest of the storm since {storm.storm.began_at:%Y-%m-%d %H:%M} UTC"
    return books.hold_all(connection, storm, now, now + every + GRACE, why)


def _look(connection: Connection[Any], site: books.RestlessSite, now: datetime) -> None:
    calls = books.new_calls(connection, site.company_id, site.site_id, site.since - STORM_WINDOW, now)
    running = None if site.storm is None else site.storm.storm
    for storm in storms(running, calls, site.since, now, site.calm):
        until = storm.ended_at or now
        if site.storm is not None and storm.began_at == site.storm.storm.began_at:
            more = sum(1 for at in calls if site.since < at <= until)
            books.go_on(connection, site.storm.storm_id, storm, now, more)
        else:
            counted = sum(1 for at in calls if storm.began_at - STORM_WINDOW < at <= until)
            books.begin(connection, site, storm, now, counted)
