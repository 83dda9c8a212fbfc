"""Tells of backlogs: one message a gateway and backlog to each of those who would have been called, by day."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from psycopg import Connection

from alerting.backlog import Backlog, Kind, is_due, worst_first
from alerting.store.backlogs import LateKind, backlog_readers, late_kinds, write_backlog

REACH: Final = timedelta(days=7)  # what has waited for longer (alerting did not run) is on the page


def tell_backlogs(connection: Connection[Any], now: datetime) -> int:
    """Queues the backlogs that are over; gives how many messages that were. Doing it again at once changes nothing."""
    queued = 0
    for _, found in groupby(late_kinds(connection, now - REACH), lambda kind: kind.device_id):
        kinds = list(found)
        first = kinds[0]
        began_at, learnt_at = min(kind.began_at for kind in kinds), max(kind.learnt_at for kind in kinds)
        if is_due(began_at, learnt_at, now, first.time_zone):
            readers = backlog_readers(connection, first.site_id, sorted({kind.priority for kind in kinds}))
            queued += write_backlog(connection, _backlog(kinds, learnt_at), first.company_id, readers, now)
    return queued


def _backlog(kinds: list[LateKind], learnt_at: datetime) -> Backlog:
    first = kinds[0]
    return Backlog(
        device_id=first.device_id,
        device=first.device,
        site=first.site,
        site_zh=first.site_zh,
        time_zone=first.time_zone,
        first_id=min(kind.first_id for kind in kinds),
        until_id=max(kind.until_id for kind in kinds),
        learnt_at=learnt_at.isoformat(),
        kinds=worst_first([_kind(kind) for kind in kinds]),
    )


def _kind(late: LateKind) -> Kind:
    return Kind(
        title=late.title,
        title_zh=late.title_zh,
        priority=late.priority,
        times=late.times,
        first_at=late.first_at.isoformat(),
        last_at=late.last_at.isoformat(),
    )
