"""Where shelves meet orders and rules: an alarm that leaves the shelf falls into what else silences it, and calls nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerting.alarm import Alarm, Happening, Suppression
from alerting.ledger import Change, Standing
from alerting.orders import guarded_refusal
from alerting.store import suppressions as store
from alerting.suppressing import move


def off_the_shelf(
    connection: Connection[Any],
    standings: Sequence[Standing],
    happening: Happening,
    now: datetime,
    *,
    person_id: int | None = None,
    reason: str | None = None,
) -> list[Change]:
    """What happens to alarms that leave the shelf: a window that has begun meanwhile takes its place.

    Args:
        standings: locked.
        happening: taken off by a person, or its time is over. Then the change is that of the window or rule, with its words and
            in the name of who wrote it down: hours are counted by that.
    """
    keys = [standing.key for standing in standings]
    covers = store.covers(connection, now, keys) if keys else {}
    words = {}
    if person_id is None and covers:  # web reads no order's words
        words = store.words_for(connection, (cover for found in covers.values() for cover in found))
    changes = []
    for standing in standings:
        alarm: Alarm = standing.alarm
        free = replace(alarm, suppression=Suppression.NONE, until=None)
        to = move(free, covers.get(standing.key, ()), now) if alarm.suppression is Suppression.SHELVED else None
        change = Change(
            alarm=standing.key, happening=happening, at=now, person_id=person_id, reason=reason, until=alarm.until
        )
        if to is not None:
            change = replace(change, happening=to.happening, until=to.until)
            if person_id is None and to.cover is not None:
                change = replace(change, person_id=to.cover.by, reason=words.get(to.cover.source))
        changes.append(change)
    return changes


def refuse_where_it_guards(
    connection: Connection[Any], definition_ids: Sequence[int], begins: datetime, ends: datetime
) -> None:
    """People who work hot or in a confined space depend on the alarms of their zone.

    Raises:
        Refused: one of these alarms guards them at some time from `begins` to `ends`.
    """
    for definition_id, guard in store.guards(connection, definition_ids, begins, ends).items():
        raise guarded_refusal(
            store.title_of(connection, definition_id), guard.kind, instant(guard.ends_at, guard.time_zone)
        )


def instant(at: datetime, zone: str) -> str:
    """An instant by the site's clock, for a sentence.

    >>> instant(datetime.fromisoformat("2026-03-01T08:00:00+00:00"), "Asia/Shanghai")
    '2026-03-01 16:00'
    """
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
