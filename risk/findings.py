"""What people do to findings. Each act runs inside the caller's transaction, under the web role and the person's principal.

The rules are risk/finding.py's; what they, the role or the state do not allow is `Refused` with a sentence. Every act
leaves an event: who, when, in what words, what was before and is now.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from core.errors import Refused
from core.model import Role
from core.photo import Photo
from core.store.people import Actor, acting, actor
from risk import finding as rules
from risk.finding import Grade, Plan, State, Step
from risk.store import findings as store
from risk.store import people
from risk.store.findings import FindingRow, Reported

LONGEST_TITLE: Final = 200  # characters, as finding.title
LONGEST_TEXT: Final = 4000
LONGEST_FUNDS: Final = 500
MOST_PHOTOS: Final = 20  # of one finding: before and after from all sides, and no album
WORKERS: Final = frozenset({Role.SAFETY_OFFICER, Role.INTEGRATOR})


def report(
    connection: Connection[Any],
    *,
    person_id: int,
    now: datetime,
    site_id: int,
    zone_id: int | None,
    title: str,
    title_zh: str | None = None,
    description: str = "",
    grade: str,
    occurrence_id: int | None = None,
) -> int:
    """Writes down a hazard that somebody saw; its grade is suspected until a named person confirms it.

    Args:
        occurrence_id: what it was opened from. An occurrence has one open finding: who comes second gets that one.
        title_zh: only where `title` is Davy's own English text.

    Returns:
        The finding's id.

    Raises:
        Refused: no title, an unknown grade or place, or not for this person to do.
    """
    who = client_worker(connection, person_id)
    said = text_of(title, "A finding needs a title: what is wrong, and where.", LONGEST_TITLE)
    company = people.place_company(connection, site_id, zone_id)
    if company is None or company != who.company_id:
        raise Refused("There is no such site or zone; choose one from the list.")
    if occurrence_id is not None:
        if people.occurrence_company(connection, occurrence_id) != company:
            raise Refused(f"There is no occurrence {occurrence_id}.")
        store.take_turns(connection, f"occurrence/{occurrence_id}")
        there = store.open_of_occurrence(connection, occurrence_id)
        if there is not None:
            return there
    row = Reported(
        company_id=company,
        site_id=site_id,
        zone_id=zone_id,
        source="person" if occurrence_id is None else "occurrence",
        occurrence_id=occurrence_id,
        title=said,
        title_zh=title_zh,
        description=text_of(description, None, LONGEST_TEXT),
        grade=grade_of(grade),
        reported_by=person_id,
    )
    return write(connection, row, now, new={"grade": row.grade})


def grade(
    connection: Connection[Any], finding_id: int, *, person_id: int, now: datetime, grade: str, note: str = ""
) -> None:
    """Confirms the suspected grade in the person's own name, or corrects a grade, with a reason.

    Raises:
        Refused: closed, an unknown grade, or a corrected grade without a reason.
    """
    client_worker(connection, person_id)
    found = locked(connection, finding_id)
    rules.after(State(found.state), Step.GRADE)
    _grade(connection, found, grade_of(grade), text_of(note, None, LONGEST_TEXT), person_id, now)


def plan(
    connection: Connection[Any], finding_id: int, *, person_id: int, now: datetime, plan: Plan, grade: str | None = None
) -> None:
    """Settles the five things, so that work begins; or changes all but the deadline while it goes on.

    Args:
        grade: confirmed by the same person in the same step, where it was only suspected.

    Raises:
        Refused: not graded by a person, something missing, an owner from elsewhere, a deadline that is past, or the
            owner hands it over alone.
    """
    client_worker(connection, person_id)
    found = locked(connection, finding_id)
    kept = Plan(
        owner_id=plan.owner_id,
        measures=text_of(plan.measures, None, LONGEST_TEXT),
        funds=text_of(plan.funds, None, LONGEST_FUNDS),
        due_at=plan.due_at or (found.due_at if found.state == State.RECTIFYING else None),
        contingency=text_of(plan.contingency, None, LONGEST_TEXT),
    )
    rules.check_plan(found.standing, kept, by=person_id, now=now)
    owner = actor(connection, kept.owner_id) if kept.owner_id is not None else None
    if owner is None or not owner.active or owner.company_id != found.company_id:
        raise Refused("The person responsible is one of your own colleagues; choose one from the list.")
    if grade is not None and (found.graded_by is None or grade_of(grade) != found.grade):
        _grade(connection, found, grade_of(grade), "", person_id, now)
    elif found.graded_by is None:
        raise Refused("The grade is only suspected: a person confirms it before work begins.")
    store.write_plan(connection, finding_id, kept)
    _happened(
        connection, found, "assigned", State.RECTIFYING, person_id, now,
        old=_plan_words(found) if found.owner_id is not None else None, new=_plan_words(kept),
    )  # fmt: skip


def extend(
    connection: Connection[Any], finding_id: int, *, person_id: int, now: datetime, due_at: datetime, reason: str
) -> None:
    """Puts the deadline off: another person than the owner approves it, with a reason.

    Raises:
        Refused: by the owner, without a reason, not later than the deadline that runs, or past.
    """
    client_worker(connection, person_id)
    why = text_of(reason, "An extension needs a reason.", LONGEST_TEXT)
    found = locked(connection, finding_id)
    rules.check_extension(found.standing, due_at, by=person_id, now=now)
    store.write_deadline(connection, finding_id, due_at)
    _happened(
        connection, found, "extended", State(found.state), person_id, now,
        note=why, old={"due_at": _iso(found.due_at)}, new={"due_at": _iso(due_at)},
    )  # fmt: skip


def claim(connection: Connection[Any], finding_id: int, *, person_id: int, now: datetime, note: str) -> None:
    """Somebody says that it is put right, and what was done; the clock runs on until another person has looked.

    Raises:
        Refused: not in hand, or no word about what was done.
    """
    client_worker(connection, person_id)
    said = text_of(note, "Say what was done.", LONGEST_TEXT)
    found = locked(connection, finding_id)
    to = rules.after(State(found.state), Step.CLAIM)
    store.write_claim(connection, finding_id, person_id, now)
    _happened(connection, found, "claimed_done", to, person_id, now, note=said)


def verify(connection: Connection[Any], finding_id: int, *, person_id: int, now: datetime, note: str) -> None:
    """Another person has looked and found it put right: closed (验收, 销号).

    Raises:
        Refused: by the owner or whoever said it is done, nothing to verify, or no word about what was looked at.
    """
    client_worker(connection, person_id)
    said = text_of(note, "Say what was looked at, and what was found.", LONGEST_TEXT)
    found = locked(connection, finding_id)
    rules.check_verification(found.standing, by=person_id)
    store.write_closing(connection, finding_id, person_id, now)
    _happened(connection, found, "verified", State.CLOSED, person_id, now, note=said)


def send_back(connection: Connection[Any], finding_id: int, *, person_id: int, now: datetime, reason: str) -> None:
    """It is not put right: work goes on, under the same deadline.

    Raises:
        Refused: nothing waits for verification, or no reason.
    """
    client_worker(connection, person_id)
    why = text_of(reason, "Say what is still wrong.", LONGEST_TEXT)
    found = locked(connection, finding_id)
    to = rules.after(State(found.state), Step.SEND_BACK)
    store.write_return(connection, finding_id, None)
    _happened(connection, found, "sent_back", to, person_id, now, note=why, old={"claimed_by": found.claimed_by})


def reopen(
    connection: Connection[Any], finding_id: int, *, person_id: int, now: datetime, reason: str, due_at: datetime
) -> None:
    """A closed one was not put right after all, or is back: work begins again, with a new deadline.

    Raises:
        Refused: not closed, no reason, or a deadline that is past.
    """
    client_worker(connection, person_id)
    why = text_of(reason, "Say why it is opened again.", LONGEST_TEXT)
    found = locked(connection, finding_id)
    to = rules.after(State(found.state), Step.REOPEN)
    rules.check_deadline(due_at, now)
    store.write_return(connection, finding_id, due_at)
    _happened(
        connection, found, "reopened", to, person_id, now,
        note=why, old={"due_at": _iso(found.due_at)}, new={"due_at": _iso(due_at)},
    )  # fmt: skip


def note(connection: Connection[Any], finding_id: int, *, person_id: int, now: datetime, note: str) -> int:
    """Writes something down about it, in any state; gives the id of what happened.

    Raises:
        Refused: an empty note.
    """
    client_worker(connection, person_id)
    said = text_of(note, "A note needs a text.", LONGEST_TEXT)
    found = locked(connection, finding_id)
    return _happened(connection, found, "noted", State(found.state), person_id, now, note=said)


def add_photo(
    connection: Connection[Any], finding_id: int, *, person_id: int, now: datetime, photo: Photo, shows: str
) -> int:
    """Keeps a photo of before or after; gives its id.

    Raises:
        Refused: closed, or too many.
    """
    client_worker(connection, person_id)
    if shows not in ("before", "after"):
        raise Refused("Say whether the photo shows it before or after the work.")
    found = locked(connection, finding_id)
    to = rules.after(State(found.state), Step.PHOTO)
    if store.count_photos(connection, finding_id) >= MOST_PHOTOS:
        raise Refused(f"This finding has {MOST_PHOTOS} photos already; that is the most.")
    photo_id = store.add_photo(connection, found, photo, shows=shows, person_id=person_id, now=now)
    new = {"photo_id": photo_id, "shows": shows, "sha256": photo.sha256.hex()}
    _happened(connection, found, "photo_added", to, person_id, now, new=new)
    return photo_id


def write(connection: Connection[Any], row: Reported, now: datetime, *, new: dict[str, Any]) -> int:
    """Writes a new finding with its first event; gives its id."""
    finding_id = store.insert(connection, row, now)
    first = FindingRow(
        finding_id=finding_id, company_id=row.company_id, state=State.REPORTED, grade=row.grade, graded_by=None,
        owner_id=None, measures="", funds="", due_at=None, contingency="", claimed_by=None,
    )  # fmt: skip
    _happened(connection, first, "reported", State.REPORTED, row.reported_by, now, new=new)
    return finding_id


def grade_of(word: str) -> Grade:
    """The grade a form or a program named.

    Raises:
        Refused: another word.
    """
    if word not in set(Grade):
        raise Refused("A grade is general or major.")
    return Grade(word)


def text_of(text: str, missing: str | None, longest: int) -> str:
    """A text as it is kept.

    Args:
        missing: the sentence where it is empty; None where it may be.

    Raises:
        Refused: empty or far too long.
    """
    kept = text.strip()
    if not kept and missing is not None:
        raise Refused(missing)
    if len(kept) > longest:
        raise Refused(f"The text has {len(kept)} characters; it may have {longest}.")
    return kept


def locked(connection: Connection[Any], finding_id: int) -> FindingRow:
    """The finding, locked.

    Raises:
        Refused: there is none that this person may work on.
    """
    found = store.lock(connection, finding_id)
    if found is None:
        raise Refused(f"There is no finding {finding_id}.")
    return found


def client_worker(connection: Connection[Any], person_id: int) -> Actor:
    """One of the client's own people, who may act.

    Raises:
        Refused: somebody else.
    """
    who = acting(connection, person_id)
    if who.role not in WORKERS or who.company_id is None:
        raise Refused("Only the company's own people work on its findings and impairments.")
    return who


def _grade(connection: Connection[Any], found: FindingRow, to: Grade, note: str, person_id: int, now: datetime) -> None:
    if found.graded_by is not None and to != found.grade and not note:
        raise Refused("A grade that a person has confirmed is changed with a reason.")
    store.write_grade(connection, found.finding_id, to, person_id)
    _happened(
        connection, found, "graded", State(found.state), person_id, now,
        note=note, old={"grade": found.grade, "graded_by": found.graded_by}, new={"grade": to},
    )  # fmt: skip


def _happened(
    connection: Connection[Any],
    found: FindingRow,
    event: str,
    to: State,
    person_id: int | None,
    now: datetime,
    **words: Any,
) -> int:
    event_id = store.add_event(connection, found, event, to=to, person_id=person_id, now=now, **words)
    store.notify(connection, found.company_id)
    return event_id


def _plan_words(plan: Plan | FindingRow) -> dict[str, Any]:
    return {
        "owner_id": plan.owner_id,
        "measures": plan.measures,
        "funds": plan.funds,
        "due_at": _iso(plan.due_at),
        "contingency": plan.contingency,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
