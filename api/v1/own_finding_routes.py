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
from core.failures import FailedTest, WalkedLadder
from risk import own_findings as acts
from risk.own_finding import TooMany, what_it_says

router = APIRouter()


class OwnNote(Said):
    """What one of the insurer's people has written of it."""

    at: datetime
    event: Literal["comment", "cause", "measure", "settled"]
    cause: str | None
    words: str
    who: str | None = Field(description="Null where the caller may not know the insurer's people.")


class FailedDelivery(Said):
    """The daily delivery test that did not arrive, or too late."""

    exercise_id: int
    occurrence_id: int | None = Field(description="Under which the exercise stands.")
    began_at: datetime
    ended_at: datetime
    took_s: float | None = Field(description="Null: it did not arrive.")
    promised_s: float = Field(description="Within which it should have arrived.")
    missing: str | None = Field(description="The leg of the path that did not come; null: the test does not know.")


class UnansweredLadder(Said):
    """The life-safety alarm whose whole ladder was called, and that nobody answered."""

    occurrence_id: int
    title: str
    title_zh: str
    onset: datetime
    steps: int
    calls: int
    failed: int = Field(description="Calls of those that could not be sent.")
    people: int
    last_at: datetime = Field(description="When the last call went out.")
    waited_s: float = Field(description="For which nobody answered after that.")


class OwnFindingLine(BaseModel):
    """A finding against Davy; it stands while `closed_at` is null. Only what belongs to its `kind` is there of the rest."""

    own_finding_id: int
    kind: Literal["too_many_messages", "delivery_failed", "nobody_answered"]
    site: str = Field(description="Key of the site.")
    opened_at: datetime
    closed_at: datetime | None
    settled: bool = Field(
        description="A person ended it with a reason; else too many messages end by themselves, the other kinds stand."
    )
    cause: str | None = Field(description="Null: nobody has named it.")
    measure: str | None
    days_over: int | None = Field(description="Of too many messages, as the next four.")
    of_days: int | None
    most: int | None = Field(description="Messages that one person got on one day.")
    budget: int | None
    people: int | None
    delivery: FailedDelivery | None
    unanswered: UnansweredLadder | None


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
    cause: Literal["", "limits", "routes", "sensors", "plant", "davy", "channel", "people"] = ""


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
    facts = what_it_says(found.kind, found.facts)
    many = facts if isinstance(facts, TooMany) else None
    return {
        "own_finding_id": found.own_finding_id, "kind": found.kind, "site": found.site_key, "opened_at": found.opened_at, "closed_at": found.closed_at,
        "settled": found.settled, "cause": found.cause_code, "measure": found.measure,
        **{key: getattr(many, key, None) for key in ("days_over", "of_days", "most", "budget", "people")},
        "delivery": FailedDelivery.model_validate(facts) if isinstance(facts, FailedTest) else None,
        "unanswered": UnansweredLadder.model_validate(facts) if isinstance(facts, WalkedLadder) else None,
    }  # fmt: skip
