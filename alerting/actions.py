"""What people do to alarms. Each runs inside the caller's transaction, under the web role and the person's own principal.

The same table and the same transitions as ingest's events. What the state, the role or the rules do not allow is `Refused`
with a sentence; what the principal may not see does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.alarm import Alarm, Happening, State
from alerting.apply import AppliedEvents, apply_changes
from alerting.chain import genesis
from alerting.ledger import AlarmKey, Change, Standing
from alerting.off_the_shelf import off_the_shelf, refuse_where_it_guards
from alerting.routing import HISTORIC
from alerting.store import alarms, people
from alerting.store.people import OccurrenceRow
from core.errors import Refused
from core.model import Priority, Role
from core.site_defaults import SPOOL
from core.store.people import Actor, acting

Target = int | AlarmKey  # an occurrence's id, or the alarm itself

# A shelf must end by itself. ISA-18.2 asks for a longest time, the plant chooses it: an hour for what can kill, a shift, a
# day, a week for the rest. Ours.
LONGEST_SHELF: Final = {
    Priority.LIFE_SAFETY: timedelta(hours=1),
    Priority.HIGH: timedelta(hours=8),
    Priority.MEDIUM: timedelta(hours=24),
    Priority.LOW: timedelta(days=7),
}
RESOLUTIONS: Final = ("true_danger", "near_miss", "test_or_drill", "nuisance", "sensor_fault", "unknown")
LONGEST_TEXT: Final = 4000  # characters, as occurrence_comment.body
_UNTOLD: Final = (Alarm(State.UNACKNOWLEDGED, active=True), Alarm(State.LATCHED_UNACKNOWLEDGED))
LOOKS_ON: Final = frozenset({Role.UNDERWRITER, Role.RISK_ENGINEER})  # see, comment, change nothing at the client's


def acknowledge(
    connection: Connection[Any], target: Target, *, person_id: int, now: datetime, reason: str | None = None
) -> AppliedEvents:
    """Somebody has taken the alarm on: calls that still wait are cancelled.

    The lower limits on the same number that this alarm has announced again go with it: they were acknowledged before, and are
    part of its call. Never the other way round: who acknowledges a lower limit has not heard of the higher one.

    Raises:
        Refused: nothing to acknowledge, resolved already, or not for this person to do.
    """
    _actor(connection, person_id)
    key = _key(connection, target)
    with_it = alarms.announced_with(connection, key)
    standings = alarms.lock(connection, sorted([key, *with_it])) if with_it else {}
    _locked(connection, target, now)
    why = _optional(reason)
    changes = [
        Change(alarm=each, happening=Happening.ACKNOWLEDGE, at=now, person_id=person_id, reason=why)
        for each in (key, *(k for k in with_it if standings[k].alarm.state is State.UNACKNOWLEDGED))
    ]
    return apply_changes(connection, changes, now=now)


def reset(
    connection: Connection[Any], target: Target, *, person_id: int, now: datetime, reason: str | None = None
) -> AppliedEvents:
    """Lets go of a latched alarm, only while its condition is clear.

    Raises:
        Refused: it is not latched, not acknowledged or not clear.
    """
    return _act(connection, target, Happening.RESET, person_id=person_id, now=now, reason=_optional(reason))


def shelve(
    connection: Connection[Any], target: Target, *, person_id: int, now: datetime, reason: str, until: datetime
) -> AppliedEvents:
    """Nobody is called until `until`; the alarm lives on beneath and is listed as shelved.

    Args:
        until: aware; at most `LONGEST_SHELF` of the alarm's priority after now.
    Raises:
        Refused: no reason, no or too late an end, suppressed already, or not for this person to do.
    """
    why = required(reason, "A shelf needs a reason.")
    if until <= now:
        raise Refused("A shelf must end in the future.")
    _actor(connection, person_id)
    standing = _locked(connection, target, now)
    if standing.is_exercise:
        raise Refused("An exercise is not shelved; it ends by itself, or is stopped on the page of readiness.")
    longest = LONGEST_SHELF[standing.priority]
    if until - now > longest:
        hours = longest.total_seconds() / 3600
        raise Refused(f"A {standing.priority} alarm can be shelved for at most {hours:g} h.")
    refuse_where_it_guards(connection, [standing.key.definition_id], now, until)
    change = Change(
        alarm=standing.key, happening=Happening.SHELVE, at=now, person_id=person_id, reason=why, until=until
    )
    return apply_changes(connection, [change], now=now)


def unshelve(
    connection: Connection[Any], target: Target, *, person_id: int, now: datetime, reason: str | None = None
) -> AppliedEvents:
    """Ends a shelf early; what is still active is unacknowledged again and calls, unless something else silences it.

    Raises:
        Refused: it is not shelved.
    """
    _actor(connection, person_id)
    standing = _locked(connection, target, now)
    change = off_the_shelf(
        connection, [standing], Happening.UNSHELVE, now, person_id=person_id, reason=_optional(reason)
    )
    return apply_changes(connection, change, now=now)


def resolve(
    connection: Connection[Any], target: Target, *, person_id: int, now: datetime, resolution: str, action_taken: str
) -> AppliedEvents:
    """Closes the occurrence: what it was, and what was done. Only when the alarm is back in normal.

    Args:
        resolution: one of `RESOLUTIONS`.
    Raises:
        Refused: not back in normal, resolved already, or no word about what was done.
    """
    if resolution not in RESOLUTIONS:
        raise Refused(f"A resolution is one of {', '.join(RESOLUTIONS)}.")
    done = required(action_taken, "A resolution says what was done.")
    _actor(connection, person_id)
    standing = _locked(connection, target, now)
    if standing.occurrence_id is None:
        raise Refused("This occurrence is resolved already.")
    change = Change(
        alarm=standing.key, happening=Happening.RESOLVE, at=now, person_id=person_id, reason=f"{resolution}: {done}"
    )
    applied = apply_changes(connection, [change], now=now)
    people.write_resolution(
        connection, standing.occurrence_id, person_id=person_id, now=now, resolution=resolution, action_taken=done
    )
    return applied


def comment(connection: Connection[Any], target: Target, *, person_id: int, now: datetime, body: str) -> int:
    """Writes a comment on an occurrence, resolved or not; the insurer's people may too. Gives its id.

    Raises:
        Refused: an empty or far too long comment, or no such occurrence.
    """
    text = required(body, "A comment needs a text.")
    if isinstance(target, AlarmKey):
        standing = _locked(connection, target, now)
        if standing.occurrence_id is None:
            raise Refused("The alarm has no open occurrence to comment on.")
        target = standing.occurrence_id
    found = _occurrence(connection, target)
    comment_id = people.add_comment(connection, found, person_id=person_id, now=now, body=text)
    alarms.notify(connection, [found.company_id], outbox=False)
    return comment_id


def expire_shelves(connection: Connection[Any], now: datetime) -> AppliedEvents:
    """Ends shelves whose time has come: what is still active is unacknowledged again and calls. For the alerting process."""
    ended = alarms.ended_shelves(connection, now)
    # Locked first and looked at again: a person may have ended one, or shelved anew, since. It happens now, not when it was
    # due: were we late, a call must not count as one for the past.
    standings = alarms.lock(connection, [key for key, _ in ended]) if ended else {}
    over = [standings[key] for key, until in ended if standings[key].alarm.until == until]
    return apply_changes(connection, off_the_shelf(connection, over, Happening.SHELF_EXPIRED, now), now=now)


def realarm(connection: Connection[Any], now: datetime) -> AppliedEvents:
    """What was acknowledged so long ago, and still holds, is unacknowledged again and calls as of now. For the alerting process."""
    due = alarms.due_again(connection, now)
    # Locked first and looked at again: it may have cleared, or been put aside, since.
    standings = alarms.lock(connection, [key for key, _ in due]) if due else {}
    again = Alarm(State.ACKNOWLEDGED, active=True)
    changes = [
        Change(alarm=key, happening=Happening.REALARM, at=now)
        for key, since in due
        if standings[key].alarm == again and standings[key].changed_at == since
    ]
    return apply_changes(connection, changes, now=now)


def call_for_what_still_holds(connection: Connection[Any], now: datetime) -> AppliedEvents:
    """Calls as of now for alarms that were learnt of too late to call anybody, and whose condition holds in fresh readings.

    The past calls nobody, but a danger that is there now is not the past. Life safety, which sent one message about the
    past, is called in full too: that message has no escalation. For the alerting process.
    """
    held = alarms.uncalled_but_held(connection, now, HISTORIC)
    # Locked first and looked at again: it may have cleared, or a person may have taken it on, since.
    standings = alarms.lock(connection, [key for key, _ in held]) if held else {}
    still = Alarm(State.UNACKNOWLEDGED, active=True)
    changes = [
        Change(alarm=key, happening=Happening.REALARM, at=now)
        for key, onset in held
        if standings[key].alarm == replace(still, onset=onset)
    ]
    return apply_changes(connection, changes, now=now)


def call_for_the_untold(connection: Connection[Any], now: datetime) -> AppliedEvents:
    """Calls as of now for what began while the database was away and holds yet, or latches.

    For ingest, when all that waited is applied, or the end of that cannot be waited for. The ladder begins at its first step:
    whoever would have been called meanwhile was not. What is over calls nobody; it waits on the page for whoever looks.
    """
    return _call_as_of(connection, alarms.untold(connection, HISTORIC), now)


def call_for_the_spool(connection: Connection[Any], now: datetime, percent: float) -> AppliedEvents:
    """Calls as of now for the spool that fills up, where so much of its room is still taken.

    For ingest, in the batch that says so: when all that waited is applied the spool is empty, and nobody would ever be told.
    """
    return _call_as_of(connection, alarms.untold_spools(connection, SPOOL, percent), now)


def not_told(connection: Connection[Any], percent: float | None) -> set[AlarmKey]:
    """Whom the two calls above may touch: for who locks them before they are asked for, together with what else is to be touched.

    Args:
        percent: of the spool's room; None: only those of whom nobody was told.
    """
    if percent is None:
        return set(alarms.untold(connection, HISTORIC))
    return set(alarms.untold_spools(connection, SPOOL, percent))


def _call_as_of(connection: Connection[Any], keys: Sequence[AlarmKey], now: datetime) -> AppliedEvents:
    """Locked first and looked at again: a person may have taken one on since."""
    standings = alarms.lock(connection, keys) if keys else {}
    changes = [
        Change(alarm=key, happening=Happening.REALARM, at=now) for key in keys if standings[key].alarm in _UNTOLD
    ]
    return apply_changes(connection, changes, now=now)


def _act(
    connection: Connection[Any],
    target: Target,
    happening: Happening,
    *,
    person_id: int,
    now: datetime,
    reason: str | None,
) -> AppliedEvents:
    _actor(connection, person_id)
    key = _locked(connection, target, now).key
    change = Change(alarm=key, happening=happening, at=now, person_id=person_id, reason=reason)
    return apply_changes(connection, [change], now=now)


def _actor(connection: Connection[Any], person_id: int) -> Actor:
    who = acting(connection, person_id)
    if who.role in LOOKS_ON:
        raise Refused("The insurer's people do not act on the client's alarms; they can comment.")
    if who.role != Role.SAFETY_OFFICER or who.company_id is None:
        raise Refused("Only a safety officer of the company acts on its alarms.")
    return who


def _occurrence(connection: Connection[Any], occurrence_id: int) -> OccurrenceRow:
    found = people.occurrence(connection, occurrence_id)
    if found is None:
        raise Refused(f"There is no occurrence {occurrence_id}.")
    return found


def _key(connection: Connection[Any], target: Target) -> AlarmKey:
    return target if isinstance(target, AlarmKey) else _occurrence(connection, target).alarm


def _locked(connection: Connection[Any], target: Target, now: datetime) -> Standing:
    """The alarm, locked; made where nothing has ever happened to it. An occurrence must still be its open one."""
    key = _key(connection, target)
    alarms.make_missing(connection, [key], [genesis(*key)], now)
    standing = alarms.lock(connection, [key]).get(key)
    if standing is None:
        raise Refused(f"There is no alarm of definition {key.definition_id} on sensor {key.sensor_id}.")
    if not isinstance(target, AlarmKey) and standing.occurrence_id != target:
        raise Refused("This occurrence is resolved already.")
    return standing


def required(text: str, missing: str) -> str:
    """What a person wrote, without the blanks around it.

    Raises:
        Refused: nothing, or far too much.
    """
    kept = text.strip()
    if not kept:
        raise Refused(missing)
    if len(kept) > LONGEST_TEXT:
        raise Refused(f"The text has {len(kept)} characters; it may have {LONGEST_TEXT}.")
    return kept


def _optional(text: str | None) -> str | None:
    return required(text, "") if text and text.strip() else None
