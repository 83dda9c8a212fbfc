"""What people do to a duty position: take over for a while, take that back, leave a note for the next, let it follow a calendar, say
how they want to be told.

Each runs inside the caller's transaction, under the web role and the person's own principal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import available_timezones

from psycopg import Connection

from alerting.calendar_fetch import check_url
from alerting.preference import DEFER, IN_QUIET
from alerting.reassigning import reassign
from alerting.roster import LONGEST_OVERRIDE
from alerting.store import alarms, duty
from alerting.store.duty import RosterHead, Saved
from core.errors import BadInput, Refused
from core.model import Role
from core.store.people import Actor, acting, actor

LONGEST_NOTE: Final = 4000  # characters, as roster_note.body
LONGEST_REASON: Final = 400
FURTHEST_AHEAD: Final = timedelta(days=366)  # a date further ahead is a slip of the keys
LONGEST_URL: Final = 2000
LANGUAGES: Final = ("zh", "en")
_KEEPS: Final = frozenset({Role.SAFETY_OFFICER, Role.INTEGRATOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a person wants to be told, as they filled it in.

    Args:
        urgent, other: channels in their order.
        quiet: from when until when; None: no quiet hours.
    """

    language: str
    time_zone: str
    urgent: Sequence[str] = ()
    other: Sequence[str] = ()
    quiet: tuple[time, time] | None = None
    quiet_high: bool = False
    in_quiet: str = DEFER


def take_over(
    connection: Connection[Any],
    roster_id: int,
    *,
    by: int,
    person_id: int | None,
    begins_at: datetime,
    ends_at: datetime,
    now: datetime,
    reason: str = "",
) -> int:
    """Puts a person, or nobody, on duty for a while; calls that wait go to them. Gives the number of the override.

    What is to begin in the past begins now.

    Args:
        person_id: None: nobody is on duty then.

    Raises:
        Refused: in the past, far too long, for somebody who is not of this side or whom life safety does not reach, or by somebody
            who may not.
    """
    head, who = kept(connection, roster_id, by)
    begins_at = max(begins_at, now)
    if ends_at <= now:
        raise Refused("This time is over already; what was, stays as it was.")
    if ends_at <= begins_at:
        raise Refused("It must end after it begins.")
    if ends_at - begins_at > LONGEST_OVERRIDE:
        raise Refused(
            f"Somebody takes over for at most {LONGEST_OVERRIDE.days} days; a longer change belongs in the rotation."
        )
    if begins_at - now > FURTHEST_AHEAD:
        raise Refused("It begins more than a year ahead; look at the date again.")
    if person_id is None and not reason.strip():
        raise Refused("Say why nobody is on duty then.")
    if len(reason) > LONGEST_REASON:
        raise Refused(f"The text has {len(reason)} characters; it may have {LONGEST_REASON}.")
    if person_id is not None:
        whom = actor(connection, person_id)
        side = head.company_id if head.audience == "client" else None
        if whom is None or not whom.active or whom.company_id != side:
            raise Refused("Choose one of the people of this duty position's own side.")
        _check_reached(duty.unreached_of(connection, head, person_id), reason)
    override_id = duty.add_override(
        connection,
        head,
        person_id=person_id,
        begins_at=begins_at,
        ends_at=ends_at,
        reason=reason.strip(),
        by=by,
        now=now,
    )
    new = {"person": person_id, "begins_at": begins_at.isoformat(), "ends_at": ends_at.isoformat()}
    duty.journal(
        connection, head, by=by, actor=who.role, now=now, action="taken_over", old=None, new=new, reason=reason
    )
    told_of_change(connection, head, now)
    return override_id


def _check_reached(missing: Sequence[tuple[str, str, Sequence[str]]], reason: str) -> None:
    """Whoever is called for life safety is called by the channels of its routes. By another way it goes too (decision 0041), so whoever
    knows that may say so: else the sick stay on duty by night because the only one at hand has no telephone there."""
    for name, channel, others in missing:
        if not others:
            raise Refused(
                f"{name} has no address for {channel}, by which life safety calls this duty position, nor any other that works; "
                "an integrator adds one to the site file."
            )
        if not reason.strip():
            raise Refused(
                f"{name} has no address for {channel}, by which life safety calls this duty position; it would go over {others[0]} instead. "
                "If that is meant, say why."
            )


def withdraw(connection: Connection[Any], roster_id: int, override_id: int, *, by: int, now: datetime) -> None:
    """Takes an override back: the rotation holds again, and calls that wait go to whom it names.

    Raises:
        Refused: it is over or taken back already, or by somebody who may not.
    """
    head, who = kept(connection, roster_id, by)
    old = duty.withdraw(connection, head, override_id, by=by, now=now)
    if old is None:
        raise Refused("It is over or taken back already.")
    duty.journal(
        connection, head, by=by, actor=who.role, now=now, action="duty_given_back", old=old, new=None, reason=""
    )
    told_of_change(connection, head, now)


def leave_note(
    connection: Connection[Any], roster_id: int, *, by: int, hand_over_at: datetime, body: str, now: datetime
) -> None:
    """Writes down what the shift that begins at `hand_over_at` should know.

    Raises:
        Refused: empty, far too long, for a shift that is long over, or by somebody who may not.
    """
    head, _ = kept(connection, roster_id, by)
    said = body.strip()
    if not said:
        raise Refused("A note needs a text.")
    if len(said) > LONGEST_NOTE:
        raise Refused(f"The text has {len(said)} characters; it may have {LONGEST_NOTE}.")
    if not now - timedelta(days=1) <= hand_over_at <= now + FURTHEST_AHEAD:
        raise Refused("A note is for a shift that begins now or later.")
    duty.add_note(connection, head, by=by, hand_over_at=hand_over_at, body=said, now=now)
    alarms.notify(connection, [head.company_id], outbox=False)


def follow(connection: Connection[Any], roster_id: int, *, by: int, url: str, now: datetime, reason: str = "") -> None:
    """Lets a calendar of the company's own say who is on duty; it is read within a minute, and then again and again.

    Args:
        url: empty: it follows none any more, and the rotation alone holds.

    Raises:
        Refused: no address of a calendar, or by somebody who may not.
    """
    head, who = kept(connection, roster_id, by)
    url, old = url.strip(), duty.followed_host(connection, head)
    if not url and old is None:
        raise Refused("That is so already: nothing was changed.")
    host = None
    if url:
        if len(url) > LONGEST_URL:
            raise Refused(f"The text has {len(url)} characters; it may have {LONGEST_URL}.")
        try:
            host = check_url(url)
        except BadInput as error:
            raise Refused(str(error)) from error
        duty.follow(connection, head, url=url, host=host, by=by, now=now)
    else:
        duty.unfollow(connection, head)
    duty.journal(
        connection, head, by=by, actor=who.role, now=now, action="calendar_followed" if host else "calendar_left",
        old=None if old is None else {"calendar_of": old}, new=None if host is None else {"calendar_of": host}, reason=reason,
    )  # fmt: skip
    told_of_change(connection, head, now)


def prefer(connection: Connection[Any], wanted: Wanted, *, by: int, now: datetime) -> None:
    """Keeps how a person wants to be told.

    Raises:
        Refused: a time zone, language or channel that there is not, or quiet hours that begin when they end.
    """
    me = acting(connection, by)
    if wanted.time_zone not in available_timezones():
        raise Refused(f"There is no time zone {wanted.time_zone[:60]}; write one such as Asia/Shanghai.")
    if wanted.language not in LANGUAGES:
        raise Refused("Choose Chinese or English.")
    if wanted.in_quiet not in IN_QUIET:
        raise Refused("Choose what becomes of a message in the quiet hours.")
    if wanted.quiet is not None and wanted.quiet[0] == wanted.quiet[1]:
        raise Refused("Quiet hours must not begin when they end: then there would be no hour left.")
    reachable = duty.reachable(connection, by)
    for each in (*wanted.urgent, *wanted.other):
        if each not in reachable:
            raise Refused(f"There is no address for the channel {each[:60]}; an integrator adds it to the site file.")
    if len(set(wanted.urgent)) < len(wanted.urgent) or len(set(wanted.other)) < len(wanted.other):
        raise Refused("A channel stands twice in the order; keep it once.")
    quiet_from, quiet_until = wanted.quiet or (None, None)
    saved = Saved(
        person_id=by,
        company_id=me.company_id,
        urgent=list(wanted.urgent),
        other=list(wanted.other),
        time_zone=wanted.time_zone,
        quiet_from=quiet_from,
        quiet_until=quiet_until,
        quiet_high=wanted.quiet_high,
        in_quiet=wanted.in_quiet,
        changed_at=now,
    )
    duty.save_preference(connection, saved, language=wanted.language)
    duty.journal_preference(connection, saved, actor=me.role, now=now)
    alarms.notify(connection, [] if me.company_id is None else [me.company_id], outbox=False)


def kept(connection: Connection[Any], roster_id: int, by: int) -> tuple[RosterHead, Actor]:
    """The duty position and who acts on it: one of its own side."""
    head = duty.find_head(connection, roster_id)
    if head is None:
        raise Refused("There is no such duty position.")
    who = acting(connection, by)
    of_client = head.audience == "client"
    if of_client and (who.company_id != head.company_id or who.role not in _KEEPS):
        raise Refused("Only a safety officer or integrator of the company changes its duty.")
    if not of_client and who.company_id is not None:
        raise Refused("The insurer's duty desk is the insurer's to change.")
    return head, who


def told_of_change(connection: Connection[Any], head: RosterHead, now: datetime) -> None:
    """Calls that wait go to whom the position names now, and pages look again. For the insurer's desk the alerting process sees to it
    within a second: under the insurer's principal nobody writes messages."""
    if head.audience == "client":
        reassign(connection, now, revives=False)
    alarms.notify(connection, [head.company_id], outbox=True)
