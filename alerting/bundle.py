"""With what a claimed call goes out, or until when it waits: looked at in the claim's own transaction, a site at a time.

The decisions are `alerting.calm`'s; here they meet the books. A call that was tried before is sent again with what went with it then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.calm import ASSET, Due, Group, messages
from alerting.delivery import Claimed, Envelope
from alerting.fold import LISTED
from alerting.incident import Root, root_of
from alerting.notice import StormNotice
from alerting.store import calm as store
from alerting.store import storms as books
from alerting.store.calm import Placed
from alerting.store.claims import read_call, ways_taken
from alerting.store.notifications import end_told
from alerting.storms import GRACE, hold_what_is_due, storm_at

CAUSE_AGAIN: Final = timedelta(
    seconds=30
)  # so soon it is looked whether a cause still holds: what it hid calls then. Ours


@dataclass(frozen=True, slots=True)
class Incident:
    """What of an asset's incident is said in its message.

    Args:
        root: where to look first; None: nothing says.
    """

    asset: str
    asset_zh: str
    root: Root | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What goes out with a message.

    Args:
        beside: claimed with it and read, to be listed; riders: claimed with it, and not read.
        listed: all that the message names; of a channel that replaces what it has shown, what was told before too.
        total: alarms in the group, or in the digest.
        since: when the group began.
        number: of the group; None of a storm.
        incident: of an asset's; None of every other group.
    """

    beside: list[Envelope] = field(default_factory=list)
    riders: list[int] = field(default_factory=list)
    listed: list[Envelope] = field(default_factory=list)
    total: int = 1
    since: datetime | None = None
    number: int | None = None
    incident: Incident | None = None

    @property
    def slot(self) -> str:
        """Under which name a channel replaces what it has shown; empty: it does not."""
        return "" if self.number is None else f"davy-group-{self.number}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a claimed call.

    Args:
        until: it has been put back and waits; None: it goes.
        others: go with it.
        group: after it; number: of the group it joins, None: a new one.
        again: it was tried before.
    """

    of: Placed
    until: datetime | None = None
    others: tuple[Due, ...] = ()
    group: Group | None = None
    number: int | None = None
    again: bool = False


def decide(connection: Connection[Any], claimed: Envelope, now: datetime, *, in_place: bool) -> Decision | None:
    """Whether a claimed message goes now and with what; None: it goes as it is. What waits has been put back.

    An exercise goes as it is: it tries whether somebody can be reached, and is none of the alarms that a message or a digest tells of.
    """
    if claimed.urgent or not isinstance(claimed, Claimed) or claimed.exercise is not None:
        return None
    of = store.place(connection, claimed.notification_id, now)
    if of is None:
        return None
    if of.attempt > 1:
        until = now + GRACE
        if of.held_by == "storm" and books.wait_for_digest(connection, of.notification_id, now, until):
            return Decision(of, until)
        return Decision(of, again=True) if of.group_id is not None else None
    if of.speaks:
        return None
    store.take_turns(connection, of.site_id)
    cause = store.cause_of(connection, claimed.notification_id)
    if cause is not None:
        until = now + CAUSE_AGAIN
        store.hold(connection, of, (), until, "cause", f"calls nobody while its cause holds, occurrence {cause}")
        return Decision(of, until)
    if of.held_by != "storm" and of.calm.storms:
        storm = storm_at(connection, of.site_id, now, of.calm.storm_begins)
        if storm is not None:
            store.let_go(connection, of.notification_id, of.attempt)
            hold_what_is_due(connection, storm, now, of.calm.digest_every)
            return Decision(of, now + of.calm.digest_every + GRACE)
    return _of_group(connection, of, now, in_place=in_place) if of.calm.groups(of.due.urgency) else None


def _of_group(connection: Connection[Any], of: Placed, now: datetime, *, in_place: bool) -> Decision:
    newest = store.newest_group(connection, of)
    beside = store.waiting_beside(connection, of, now)
    elsewhere = ways_taken(connection, [due.number for due in beside], now)  # each of those is looked at by itself
    waiting = [of.due, *(due for due in beside if due.number not in elsewhere)]
    group = None if newest is None else newest[1]
    sent, held, until = messages(group, waiting, now, window=of.calm.window, in_place=in_place)
    rest = [row.number for row in held if row.number != of.notification_id]
    if not sent:
        assert until is not None  # what is due either goes or waits
        why = f"joins the message of its hazard, by {until:%Y-%m-%d %H:%M:%S} UTC"
        store.hold(connection, of, rest, until, "group", why)
        return Decision(of, until)
    # Where nobody looked for a while, what had been due as several goes out as one.
    after, rows = sent[-1].group, {row for each in sent for row in each.rows}
    goes_on = newest is not None and after.began_at == newest[1].began_at
    return Decision(
        of,
        others=tuple(
            sorted(rows - {of.due}, key=lambda due: (due.urgency, due.at, due.number))
        ),  # of many the first are named
        group=after,
        number=newest[0] if goes_on and newest is not None else None,
    )


def take(
    connection: Connection[Any], decision: Decision, now: datetime, lease_until: datetime, *, in_place: bool
) -> Bundle:
    """Claims what goes along."""
    lead = decision.of.notification_id
    if decision.again:
        assert decision.of.group_id is not None
        number = decision.of.group_id
        with_it = store.went_with(connection, number, lead, now)
        elsewhere = ways_taken(connection, with_it, now)
        others = [each for each in with_it if each not in elsewhere]
        store.take_again(connection, others, lease_until)
        newest = store.newest_group(connection, decision.of)
        group = None if newest is None else newest[1]
    else:
        group = decision.group
        assert group is not None
        if decision.number is None:
            number = store.begin_group(connection, decision.of, group)
        else:
            number = decision.number
            store.go_on(connection, number, group)
        others = [row.number for row in decision.others]
        store.join_group(connection, number, lead, others, lease_until)
    shown, total = store.told_of_group(connection, number, LISTED)
    beside = _read(connection, others[: LISTED - 1])
    told = [each for each in shown if each not in others and each != lead] if in_place else []
    return Bundle(
        beside=beside,
        riders=others[LISTED - 1 :],
        listed=_read(connection, told),
        total=total,
        since=None if group is None else group.began_at,
        number=number,
        incident=_incident(connection, decision.of.hazard, number) if total > 1 else None,
    )


def _incident(connection: Connection[Any], hazard: str, number: int) -> Incident | None:
    if not hazard.startswith(ASSET):
        return None
    asset, asset_zh, signs = store.signs_of_group(connection, number)
    return Incident(asset, asset_zh, root_of(signs)) if signs else None


def take_held(connection: Connection[Any], notice: StormNotice, now: datetime, lease_until: datetime) -> Bundle:
    """Claims what a storm's digest tells of: each alarm once, and none that the reader has heard of, or is hearing of, over another channel."""
    held = books.held_for(connection, notice.notification_id, now)
    elsewhere = ways_taken(connection, held, now)
    end_told(connection, {number: over for number, (over, arrived) in elsewhere.items() if arrived}, now)
    held = [number for number in held if number not in elsewhere]
    listed, riders, alarms = books.ride_along(connection, held, lease_until, LISTED)
    return Bundle(beside=_read(connection, listed), riders=riders, total=alarms)


def _read(connection: Connection[Any], numbers: list[int]) -> list[Envelope]:
    found = (read_call(connection, number) for number in numbers)
    return [each for each in found if each is not None]
