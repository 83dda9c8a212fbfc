"""What people do to complaints. Each act runs inside the caller's transaction, under the web role and the person's principal.

The rules are risk/complaint.py's; what they, the role or the state do not allow is `Refused` with a sentence. Every act leaves an entry
in the journal, which is the complaint's history: who, when, in what words, what was before and is now.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from core.errors import Refused
from core.model import Role
from core.store import journal
from core.store.people import Actor, actor
from risk import complaint as rules
from risk.complaint import Cause, State, Step
from risk.rating import Thing
from risk.ratings import client_voice, insurer_voice
from risk.said import words_of
from risk.store import complaints as store
from risk.store import findings as pages
from risk.store import ratings
from risk.store.complaints import ComplaintRow, NewComplaint
from risk.working_days import calendar_of

LONGEST_TITLE: Final = 200  # characters, as complaint.title
LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 4000


def file(
    connection: Connection[Any],
    *,
    person_id: int,
    now: datetime,
    site_id: int,
    title: str,
    body: str,
    about: tuple[Thing, int] | None = None,
    follows_id: int | None = None,
    caller: str = "",
) -> int:
    """Files a complaint: one of the client's people by the page, or the insurer's person who took a call. Both clocks run from now.

    Args:
        about: what it is about, at the same site.
        follows_id: a closed complaint that was not settled after all.
        caller: who called, as they gave their name; only of a call.

    Returns:
        The complaint's id.

    Raises:
        Refused: something missing, or of another company; an open complaint to be followed.
    """
    asks = actor(connection, person_id)
    by_phone = asks is not None and asks.role == Role.RISK_ENGINEER
    who = insurer_voice(connection, person_id) if by_phone else client_voice(connection, person_id)
    said = words_of(title, "A complaint needs a title: what is wrong, in one line.", LONGEST_TITLE)
    text = words_of(body, "Say what happened, and what you expect.", LONGEST_TEXT)
    name = (
        words_of(caller, "Say who called, as they gave their name.", LONGEST_NAME)
        if by_phone
        else store.person_name(connection, person_id)
    )
    site = ratings.site_facts(connection, site_id)
    if site is None or (not by_phone and site[0] != who.company_id):
        raise Refused("There is no such site; choose one from the list.")
    company, zone, jurisdiction = site
    if about is not None:
        found = ratings.find(connection, *about)
        if found is None or (found.company_id, found.site_id) != (company, site_id):
            raise Refused("What the complaint is about is not at this site; choose the site it belongs to.")
    if follows_id is not None:
        state = store.state_of(connection, follows_id, company)
        if state is None:
            raise Refused(f"There is no complaint {follows_id}.")
        if state != State.CLOSED:
            raise Refused("The earlier complaint is still open: what is new belongs there.")
    row = NewComplaint(
        company_id=company, site_id=site_id, about=about, follows_id=follows_id, title=said, body=text,
        filed_by=None if by_phone else person_id, noted_by=person_id if by_phone else None, complainant=name,
    )  # fmt: skip
    made = store.insert(connection, row, rules.clocks(calendar_of(jurisdiction), now, zone), now)
    _write(
        connection,
        made,
        company,
        who,
        now,
        "complaint_filed",
        text,
        None,
        {"title": said, "state": State.RECEIVED.value},
    )
    return made


def take(connection: Connection[Any], complaint_id: int, *, person_id: int, now: datetime) -> None:
    """Takes it on, or over, in one's own name: from now on it has a named owner.

    Raises:
        Refused: not the insurer's, answered already, or theirs already.
    """
    who = insurer_voice(connection, person_id)
    found = locked(connection, complaint_id)
    to = rules.after(State(found.state), Step.TAKE)
    if found.owner_id == person_id:
        raise Refused("You see to this complaint already.")
    name = store.person_name(connection, person_id)
    store.write_owner(connection, complaint_id, to, person_id, name, now)
    action = "complaint_acknowledged" if found.owner_id is None else "complaint_taken_over"
    _happened(connection, found, who, now, action, name, to, {"owner": name})


def analyse(
    connection: Connection[Any],
    complaint_id: int,
    *,
    person_id: int,
    now: datetime,
    cause: str,
    facts: str,
    further: bool = False,
) -> None:
    """Names the cause and tells the facts with their basis: the first answer, which stops the first clock.

    Args:
        further: more has to be found out, so the longer clock holds; the facts say what.

    Raises:
        Refused: an unknown cause, no facts, or not taken on.
    """
    who = insurer_voice(connection, person_id)
    if cause not in set(Cause):
        raise Refused("Choose the cause from the list.")
    told = words_of(facts, "Say what was found and on what it rests; who complained reads it.", LONGEST_TEXT)
    found = _of_owner(connection, complaint_id, person_id)
    to = rules.after(State(found.state), Step.ANALYSE)
    due = found.conclude_due_at
    if further:
        due = max(due, rules.further_until(calendar_of(found.jurisdiction), found.began_at, found.time_zone))
    store.write_analysis(
        connection, complaint_id, state=to, cause=cause, facts=told, further=further, conclude_due_at=due, now=now
    )
    _happened(
        connection, found, who, now, "complaint_analysed", told, to,
        {"cause": cause, "further": further, "conclude_due_at": due.isoformat()},
    )  # fmt: skip


def extend(
    connection: Connection[Any], complaint_id: int, *, person_id: int, now: datetime, until: datetime, reason: str
) -> None:
    """Puts the conclusion off: another person than the owner approves it, and who complained is told why.

    Raises:
        Refused: by the owner, a second time, without a reason, too late, or for more than 30 days.
    """
    who = insurer_voice(connection, person_id)
    why = words_of(reason, "An extension needs a reason; who complained reads it.", LONGEST_TEXT)
    found = locked(connection, complaint_id)
    to = rules.after(State(found.state), Step.EXTEND)
    rules.check_extension(
        found.conclude_due_at, until, extended=found.extended, owner_id=found.owner_id, by=person_id, now=now,
        zone=found.time_zone,
    )  # fmt: skip
    store.write_extension(connection, complaint_id, until)
    _happened(connection, found, who, now, "complaint_extended", why, to, {"conclude_due_at": until.isoformat()})


def solve(connection: Connection[Any], complaint_id: int, *, person_id: int, now: datetime, measures: str) -> None:
    """Tells what was changed: the conclusion. Who complained has the word.

    Raises:
        Refused: not analysed, not by its owner, or no word about what was changed.
    """
    who = insurer_voice(connection, person_id)
    told = words_of(measures, "Say what was changed, or why nothing is; who complained reads it.", LONGEST_TEXT)
    found = _of_owner(connection, complaint_id, person_id)
    to = rules.after(State(found.state), Step.SOLVE)
    store.write_solution(connection, complaint_id, to, told, now)
    _happened(connection, found, who, now, "complaint_solved", told, to, {"measures": told})


def accept(connection: Connection[Any], complaint_id: int, *, person_id: int, now: datetime, words: str = "") -> None:
    """Who complained says that it is settled: closed. Nobody and nothing else closes it.

    Raises:
        Refused: by somebody else, nothing to accept, or closed already.
    """
    who, found = _complainants(connection, complaint_id, person_id)
    said = words_of(words, None, LONGEST_TEXT)
    to = rules.after(State(found.state), Step.ACCEPT)
    store.write_closing(connection, complaint_id, to, person_id, now)
    _happened(connection, found, who, now, "complaint_accepted", said or "accepted", to, {})


def reopen(connection: Connection[Any], complaint_id: int, *, person_id: int, now: datetime, reason: str) -> None:
    """Who complained says that it is not settled: it goes back to its owner, and a new conclusion is owed.

    Raises:
        Refused: by somebody else, no reason, or nothing was answered yet.
    """
    who, found = _complainants(connection, complaint_id, person_id)
    why = words_of(reason, "Say what is not settled.", LONGEST_TEXT)
    to = rules.after(State(found.state), Step.REOPEN)
    due = rules.clocks(calendar_of(found.jurisdiction), now, found.time_zone).conclude_due_at
    store.write_reopening(connection, complaint_id, to, due)
    _happened(connection, found, who, now, "complaint_reopened", why, to, {"conclude_due_at": due.isoformat()})


def locked(connection: Connection[Any], complaint_id: int) -> ComplaintRow:
    """The complaint, locked.

    Raises:
        Refused: there is none that this person may see.
    """
    found = store.lock(connection, complaint_id)
    if found is None:
        raise Refused(f"There is no complaint {complaint_id}.")
    return found


def _of_owner(connection: Connection[Any], complaint_id: int, person_id: int) -> ComplaintRow:
    found = locked(connection, complaint_id)
    if found.owner_id is not None and found.owner_id != person_id:
        raise Refused("Somebody else sees to this complaint: take it over first.")
    return found


def _complainants(connection: Connection[Any], complaint_id: int, person_id: int) -> tuple[Actor, ComplaintRow]:
    who = client_voice(connection, person_id)
    found = locked(connection, complaint_id)
    active = found.filed_by is not None and store.is_active(connection, found.filed_by)
    rules.check_verdict(found.filed_by, by=person_id, complainant_active=active)
    return who, found


def _happened(
    connection: Connection[Any],
    found: ComplaintRow,
    who: Actor,
    now: datetime,
    action: str,
    said: str,
    to: State,
    new: dict[str, Any],
) -> None:
    old = {"state": found.state}
    if "conclude_due_at" in new:
        old["conclude_due_at"] = found.conclude_due_at.isoformat()
    _write(connection, found.complaint_id, found.company_id, who, now, action, said, old, {**new, "state": to.value})


def _write(
    connection: Connection[Any],
    complaint_id: int,
    company_id: int,
    who: Actor,
    now: datetime,
    action: str,
    said: str,
    old: dict[str, Any] | None,
    new: dict[str, Any],
) -> None:
    journal.write(
        connection, at=now, company_id=company_id, person_id=who.person_id, actor=who.role, action=action,
        subject=f"complaint/{complaint_id}", old=old, new=new, reason=said,
    )  # fmt: skip
    pages.notify(connection, company_id)
