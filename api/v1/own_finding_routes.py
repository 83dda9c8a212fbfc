"""The JSON API of findings against Davy. Calls that change something carry X-Form-Token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.gate import ComplaintAnswerer, FindingReader, OurCall
from api.once import CallKey, once
from api.store import own_findings as store
from api.v1.models import Said
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import NotFound
from risk import own_findings as acts
from risk.own_finding import facts_of

router = APIRouter()


class OwnNote(Said):
    """What one of the insurer's people has written of it."""

    at: datetime
    event: Literal["comment", "cause", "measure", "settled"]
    cause: str | None
    words: str
    who: str | None = Field(description="Null where the caller may not know the insurer's people.")


class OwnFindingLine(BaseModel):
    """A finding against Davy; it stands while `closed_at` is null."""

    own_finding_id: int
    site: str = Field(description="Key of the site.")
    opened_at: datetime
    closed_at: datetime | None
    settled: bool = Field(description="A person ended it with a reason; else it ended, or will end, by itself.")
    cause: str | None = Field(description="Null: nobody has named it.")
    measure: str | None
    days_over: int
    of_days: int
    most: int = Field(description="Messages that one person got on one day.")
    budget: int
    people: int


class OwnFindingWhole(OwnFindingLine):
    """One of them, with what was written of it."""

    notes: list[OwnNote] = Field(description="The oldest first.")


class OwnFindings(BaseModel):
    """Those that stand, then those that are over."""

    findings: list[OwnFindingLine]


class NewNote(BaseModel):
    """What is to be written down."""

    event: Literal["comment", "cause", "measure", "settled"]
    words: Annotated[str, Field(max_length=4000)]
    cause: Literal["", "limits", "routes", "sensors", "plant", "davy"] = ""


@router.get("/own-findings")
def list_own_findings(web: Here, visitor: FindingReader) -> OwnFindings:
    """All that the caller may see, a hundred at most."""
    with web.acting_for(visitor) as connection:
        rows = store.list_own_findings(connection)
    return OwnFindings(findings=[OwnFindingLine(**_line(each)) for each in rows])


@router.get("/own-findings/{own_finding_id}")
def read_own_finding(web: Here, visitor: FindingReader, own_finding_id: int) -> OwnFindingWhole:
    """One of them."""
    return _said(web, visitor, own_finding_id)


@router.post("/own-findings/{own_finding_id}/notes", status_code=201, dependencies=[OurCall])
def write_note(
    web: Here, visitor: ComplaintAnswerer, sending: CallKey, own_finding_id: int, said: NewNote
) -> OwnFindingWhole:
    """A comment, the cause, a measure, or that it is settled."""

    def write() -> int:
        acts.note(
            connection, own_finding_id, person_id=visitor.person_id, now=now, event=said.event, words=said.words,
            cause=said.cause,
        )  # fmt: skip
        return own_finding_id

    now = web.clock()
    with web.acting_for(visitor) as connection:
        if not store.list_own_findings(connection, own_finding_id):
            raise NotFound
        once(connection, visitor, now, sending, ("own_finding", own_finding_id, said.model_dump()), write)
    return _said(web, visitor, own_finding_id)


def _said(web: Web, visitor: Visitor, own_finding_id: int) -> OwnFindingWhole:
    with web.acting_for(visitor) as connection:
        found = store.list_own_findings(connection, own_finding_id)
        notes = store.notes_of(connection, own_finding_id)
    if not found:
        raise NotFound
    return OwnFindingWhole(**_line(found[0]), notes=[OwnNote.model_validate(each) for each in notes])


def _line(found: store.OwnFinding) -> dict[str, Any]:
    facts = facts_of(found.facts)
    return {
        "own_finding_id": found.own_finding_id, "site": found.site_key, "opened_at": found.opened_at, "closed_at": found.closed_at,
        "settled": found.settled, "cause": found.cause_code, "measure": found.measure, "days_over": facts.days_over,
        "of_days": facts.of_days, "most": facts.most, "budget": facts.budget, "people": facts.people,
    }  # fmt: skip
