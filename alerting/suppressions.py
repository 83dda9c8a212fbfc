"""What people do about suppression, and what the clock does: orders are written down, agreed to and ended; alarms follow.

Who writes an order changes no alarm. The alerting process looks every second which alarms what is in force covers, and moves those
whose rows say something else: so an order begins and ends by itself, and what a crash left undone is done at the next look.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from psycopg import Connection

from alerting import orders as rules
from alerting.alarm import Alarm, Happening, Suppression
from alerting.apply import AppliedEvents, apply_changes
from alerting.chain import genesis
from alerting.ledger import Change, Standing
from alerting.off_the_shelf import instant, refuse_where_it_guards
from alerting.orders import GUARDS, Closing, Kind, Order
from alerting.store import alarms
from alerting.store import rules as stored_rules
from alerting.store import suppressions as store
from alerting.store.suppressions import OrderRow
from alerting.suppressing import Cover, move
from core.errors import Refused
from core.model import Role
from core.store.people import Actor, acting, actor

LONGEST_REASON: Final = 1000  # characters, as suppression_order.reason
LONGEST_NUMBER: Final = 100
LONGEST_NAME: Final = 200
_WORKERS: Final = frozenset({Role.SAFETY_OFFICER, Role.INTEGRATOR})


class Act(Protocol):
    """What somebody does to an order that stands: `authorise`, `refuse` and `end`."""

    def __call__(
        self, connection: Connection[Any], order_id: int, *, person_id: int, now: datetime, note: str
    ) -> None: ...


def record(connection: Connection[Any], order: Order, *, person_id: int, now: datetime) -> int:
    """Writes an order down: it begins and ends by itself. Out of service waits for another person first. Gives its id.

    Raises:
        Refused: something missing, a place or alarm of another site, times that cannot be, or alarms that may not be put aside.
    """
    who = _worker(connection, person_id)
    kept = replace(
        order,
        begins_at=max(order.begins_at, now) if order.begins_at >= now - rules.SLOW_CLOCK else order.begins_at,
        definition_ids=tuple(sorted(set(order.definition_ids))),
        number=_text(order.number, "Give the number of the permit or work order.", LONGEST_NUMBER),
        reason=_text(order.reason, "An order needs a reason.", LONGEST_REASON),
        signed_by=_text(order.signed_by, "Say who has authorised it.", LONGEST_NAME),
    )
    kind = rules.check_order(kept, now)
    touched = store.touched(connection, kept)
    if touched is None:
        raise Refused("There is no such site, zone, machine or alarm; choose one from the list.")
    rules.check_alarms(kept, kind, touched)
    if kind in GUARDS:
        _refuse_blind_work(connection, kept, [each.definition_id for each in touched if each.is_guarded])
    if kind is Kind.OUT_OF_SERVICE:
        refuse_where_it_guards(connection, list(kept.definition_ids), kept.begins_at, kept.ends_at)
    assert who.company_id is not None
    order_id = store.insert(connection, kept, company_id=who.company_id, person_id=person_id, now=now)
    alarms.notify(connection, [who.company_id], outbox=False)
    return order_id


def authorise(connection: Connection[Any], order_id: int, *, person_id: int, now: datetime, note: str = "") -> None:
    """A second person agrees that alarms go out of service.

    Raises:
        Refused: by who asked for it, by who may not, not in need of it, or answered already.
    """
    found = _answerable(connection, order_id, person_id, now)
    refuse_where_it_guards(
        connection, store.definitions_of(connection, order_id), max(now, found.begins_at), found.ends_at
    )
    _step(connection, found, "authorised", person_id=person_id, now=now, note=note)


def refuse(connection: Connection[Any], order_id: int, *, person_id: int, now: datetime, note: str) -> None:
    """A second person does not agree, and says why.

    Raises:
        Refused: as with `authorise`, or no word why.
    """
    why = _text(note, "Say why you do not agree.", LONGEST_REASON)
    _step(
        connection, _answerable(connection, order_id, person_id, now), "refused", person_id=person_id, now=now, note=why
    )


def end(connection: Connection[Any], order_id: int, *, person_id: int, now: datetime, note: str = "") -> None:
    """Ends an order before its time, or takes one back that has not begun; out of service: returned to service.

    Raises:
        Refused: over already, or not for this person: who opened a permit does not close it.
    """
    who = _worker(connection, person_id)
    found = _found(connection, order_id)
    if found.ended_at is not None or found.refused_at is not None or now >= found.ends_at:
        raise Refused("This order is over already.")
    opener = actor(connection, found.requested_by)
    rules.check_closing(found, Closing(person_id, who.role, opener.role if opener else None, note), now)
    _step(connection, found, "ended", person_id=person_id, now=now, note=note)


def keep_suppressions(connection: Connection[Any], now: datetime) -> AppliedEvents:
    """Moves every alarm whose row does not say what covers it; doing it again at once changes nothing. For the alerting process.

    What leaves all that covered it while its condition holds is unacknowledged again and calls, unless it leaves because it is
    retired: nobody watches for it any more. What people at work depend on
    leaves its shelf when their permit begins.
    """
    unmended = stored_rules.unmended(connection)
    covers, aside = store.covers(connection, now), store.put_aside(connection)
    guarded = set(store.guarded_shelves(connection, now))
    nothing = (Suppression.NONE, None)
    moving = {
        key
        for key in covers.keys() | aside.keys()
        if key in guarded or move(_as_told(*aside.get(key, nothing)), covers.get(key, ()), now) is not None
    }
    keys = sorted(moving.union(unmended))
    if not keys:
        return AppliedEvents()
    # Locked and looked at again: ingest may have moved one, or a person ended an order, since. Alarms first, then rules, as ingest does.
    alarms.make_missing(connection, keys, [genesis(*key) for key in keys], now)
    standings = alarms.lock(connection, keys)
    if unmended:
        stored_rules.mend_active(connection, sorted(standings), now)
    covers = store.covers(connection, now, keys)
    guarded = set(store.guarded_shelves(connection, now))
    words = store.words_for(connection, (cover for found in covers.values() for cover in found))
    moves = [_change(s, covers.get(s.key, []), words, s.key in guarded, now) for s in standings.values()]
    changes = [change for change in moves if change is not None]
    retired = store.retired(connection, [change.alarm for change in changes if change.alarm not in covers])
    changes = [replace(change, retired=change.alarm in retired) for change in changes]
    return apply_changes(connection, changes, now=now)


def _as_told(suppression: Suppression, until: datetime | None) -> Alarm:
    return Alarm(suppression=suppression, until=until)


def _change(
    standing: Standing, covers: list[Cover], words: dict[tuple[str, int], str], guards: bool, now: datetime
) -> Change | None:
    if guards and standing.alarm.suppression is Suppression.SHELVED:
        return Change(alarm=standing.key, happening=Happening.SHELF_EXPIRED, at=now, until=standing.alarm.until)
    to = move(standing.alarm, covers, now)
    if to is None:
        return None
    cover = to.cover
    reason = by = None
    if cover is not None:
        reason, by = words.get(cover.source), cover.by
    return Change(alarm=standing.key, happening=to.happening, at=now, until=to.until, reason=reason, person_id=by)


def _refuse_blind_work(connection: Connection[Any], order: Order, definition_ids: list[int]) -> None:
    """Nobody goes in where the alarm that would call them out is out of service."""
    out = store.out_of_service_in(connection, definition_ids, order.begins_at, order.ends_at)
    if out is not None:
        title, until, zone = out
        raise Refused(
            f"{title} is out of service until {instant(until, zone)}: return it to service before people work there."
        )


def _answerable(connection: Connection[Any], order_id: int, person_id: int, now: datetime) -> OrderRow:
    who = _worker(connection, person_id)
    found = _found(connection, order_id)
    if found.kind != Kind.OUT_OF_SERVICE:
        raise Refused("Only out of service waits for a second person.")
    if found.authorised_at is not None or found.refused_at is not None:
        raise Refused("This order has been answered already.")
    if found.ended_at is not None or now >= found.ends_at:
        raise Refused("This order is over already.")
    if found.requested_by == person_id:
        raise Refused("You have asked for this yourself: another person must agree.")
    if who.role != Role.SAFETY_OFFICER:
        raise Refused("A safety officer must agree; other roles can only ask for it.")
    return found


def _step(connection: Connection[Any], found: OrderRow, step: str, *, person_id: int, now: datetime, note: str) -> None:
    kept = _text(note, None, LONGEST_REASON)
    if not store.add_step(connection, found, step, person_id=person_id, now=now, note=kept):
        raise Refused("This order has been answered already.")
    alarms.notify(connection, [found.company_id], outbox=False)


def _found(connection: Connection[Any], order_id: int) -> OrderRow:
    found = store.find(connection, order_id)
    if found is None:
        raise Refused(f"There is no order {order_id}.")
    return found


def _worker(connection: Connection[Any], person_id: int) -> Actor:
    who = acting(connection, person_id)
    if who.role not in _WORKERS or who.company_id is None:
        raise Refused("Only the company's own people put its alarms aside.")
    return who


def _text(text: str, missing: str | None, longest: int) -> str:
    kept = text.strip()
    if not kept and missing is not None:
        raise Refused(missing)
    if len(kept) > longest:
        raise Refused(f"The text has {len(kept)} characters; it may have {longest}.")
    return kept
