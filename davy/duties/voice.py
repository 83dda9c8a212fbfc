"""Asks people how it was, and tells them what their word changed. Two siblings meet here: risk knows whom and what, alerting sends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting import notices
from alerting.store.voice_claims import sites_in_alarm
from risk.rating import NEWS_FOR, WEEK, asks
from risk.store import ratings, told_back
from risk.store.voice_occasions import requests_since, told_back_since
from risk.voice_occasions import of_requests, of_told_back


def ask_how_it_was(connection: Connection[Any], now: datetime) -> int:
    """Asks one person of each alarm, finding, impairment and service that came to its end; gives how many messages were queued.

    Never more than a declared number of times a week and person, never while an alarm of the site is active or waits, never of an exercise.
    """
    over = ratings.over_since(connection, now - NEWS_FOR)
    busy = sites_in_alarm(connection, sorted({each.site_id for each in over}))
    chosen = asks(
        (replace(each, in_alarm=each.site_id in busy) for each in over),
        ratings.asked_since(connection, now - WEEK),
        now,
    )
    ratings.insert_requests(connection, chosen, now)
    return notices.queue(connection, list(of_requests(requests_since(connection, now - NEWS_FOR))), now)


def tell_back(connection: Connection[Any], now: datetime) -> int:
    """Tells whoever said that something should be changed that it was; gives how many messages were queued."""
    told_back.write_changes_of_limits(connection, now)
    told_back.write_changes_of_routes(connection, now)
    told_back.write_closed_findings(connection, now)
    told_back.write_settled_own_findings(connection, now)
    return notices.queue(connection, list(of_told_back(told_back_since(connection, now - NEWS_FOR))), now)
