"""Queues messages about what is no alarm: each once, by its key, in the outbox that alarms use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from psycopg import Connection

from alerting.digest import Tally
from alerting.hearing import DIGEST_URGENCY, URGENCY, hearers
from alerting.preference import Preference
from alerting.routing import Call
from alerting.store import alarms, notices
from alerting.store.notices import DigestReader, NewDigest, NewNotice
from alerting.store.rosters import load_preferences
from core.model import Priority
from core.occasion import Occasion

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def queue(connection: Connection[Any], occasions: Sequence[Occasion], now: datetime) -> int:
    """Queues what has not been queued yet; gives how many messages that were.

    Doing it again at once changes nothing: an occasion's messages have the same keys each time.
    """
    routes = notices.load_hearing_routes(connection, sorted({each.site_id for each in occasions}))
    owners = sorted({each.owner_id for each in occasions if each.owner_id is not None})
    channels = notices.channels_of(connection, owners)
    preferences = load_preferences(connection, sorted({e.owner_id for e in occasions if e.by_day and e.owner_id}))
    wanted = [
        _new(occasion, _by_day(call, preferences) if occasion.by_day else call, now)
        for occasion in occasions
        for call in hearers(
            occasion,
            routes.get(occasion.site_id, []),
            channels.get(occasion.owner_id, ()) if occasion.owner_id is not None else (),
            now=now,
        )
    ]
    there = notices.keys_there(connection, [row.key for row in wanted])
    queued = notices.add(connection, [row for row in wanted if row.key not in there])
    alarms.notify(connection, (), outbox=queued > 0)
    return queued


def queue_digests(connection: Connection[Any], digests: Iterable[tuple[DigestReader, Tally]], now: datetime) -> int:
    """Writes down the digest of each reader; gives how many are to be sent. One a person and day, whatever the routes say.

    One that says nothing is written down too, and never sent: an end is decided once.
    """
    rows = [
        NewDigest(
            key=digest_key(reader.person_id, tally),
            onset=tally.until,
            rule=f"route {reader.route}: hears digest",
            person_id=reader.person_id,
            channel=reader.channel,
            due_at=now,
            urgency=DIGEST_URGENCY,
            tally=tally.as_json(),
            says_something=tally.says_something,
        )
        for reader, tally in digests
    ]
    queued = notices.add_digests(connection, [row for row in rows if row.says_something], now)
    notices.add_quiet_digests(connection, [row for row in rows if not row.says_something], now)
    alarms.notify(connection, (), outbox=queued > 0)
    return queued


def digest_key(person_id: int, tally: Tally) -> str:
    """The receiver's idempotency key of a digest, which keeps it to one a person and day."""
    return f"digest-{tally.until.date().isoformat()}-{person_id}"


def notice_key(occasion: Occasion, call: Call) -> str:
    """The receiver's idempotency key: the same for every attempt, another one after an extension.

    >>> from core.occasion import Point, Subject
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> notice_key(Occasion(Subject.FINDING, Point.OVERDUE, 5, 1, 1, at), Call(at, 0, 3, "smtp", "client", ""))
    'finding-5-overdue-1767225600000000-0-3-smtp'
    """
    at_us = (occasion.at - _EPOCH) // (datetime.resolution)
    point = f"{occasion.subject}-{occasion.number}-{occasion.point}"
    return f"{point}-{at_us}-{call.position}-{call.person_id}-{call.channel}"


def _by_day(call: Call, preferences: Mapping[int, Preference]) -> Call:
    """At the end of its reader's quiet hours, where it would come in them."""
    until = preferences[call.person_id].quiet_until(Priority.LOW, call.at)
    return call if until is None else replace(call, at=until)


def _new(occasion: Occasion, call: Call, now: datetime) -> NewNotice:
    return NewNotice(
        key=notice_key(occasion, call),
        company_id=occasion.company_id,
        subject=occasion.subject.value,
        event=occasion.point.value,
        number=occasion.number,
        onset=occasion.at,
        step=call.position,
        rule=call.rule,
        audience=call.audience,
        person_id=call.person_id,
        channel=call.channel,
        due_at=call.at,
        urgency=URGENCY[occasion.point],
        created_at=now,
    )
