"""Occurrences: the list, and the page of one: what happened, why, what to do, who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import Response
from psycopg import Connection
from psycopg.rows import TupleRow

from api.acts.duty import told_of
from api.acts.occurrences import seen
from api.acts.voice import rate_card
from api.choices import choices, sees_evidence
from api.evidence import evidence_of, table_of, timeline_of
from api.gate import OccurrenceReader
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.shelves import shelves
from api.store import casework, findings, limits, occurrences, places, readiness, streams, suppressions
from api.store.compound_evidence import find_compound_evidence
from api.store.firing import find_firing
from api.store.model_evidence import find_model_evidence
from api.story import story
from api.visitor import Visitor
from api.web import Here, Web
from api.why_fired import telling_of
from api.words.alarms import SCORES
from api.words.texts import NotFound
from core.model import COMPOUND, Priority
from risk.rating import Thing

router = APIRouter()

LOSS, CLOCKS, ASIDE = (
    "_broker",
    "_clocks",
    "_limits",
)  # virtual sensors whose alarm is about several: its page names them
_NOTHING_TYPED = {"action": "", "resolution": "", "action_taken": "", "reason": "", "body": "", "words": ""}


@router.get("/occurrences")
def occurrence_list(web: Here, visitor: OccurrenceReader, open: bool = False, before: int | None = None) -> Response:
    """The newest first, a page at a time."""
    with web.acting_for(visitor) as connection:
        rows = occurrences.list_occurrences(connection, only_open=open, before=before)
        frame = frame_of(connection, web.clock())
    return person_page(
        web,
        visitor,
        "occurrences.html",
        frame=frame,
        rows=rows,
        only_open=open,
        older=rows[-1].occurrence_id if len(rows) == occurrences.PAGE else None,
        many_companies=len({row.company for row in rows}) > 1,
    )


@router.get("/occurrences/{occurrence_id}")
def occurrence_page(
    web: Here, visitor: OccurrenceReader, occurrence_id: int, hx_request: Annotated[str, Header()] = ""
) -> Response:
    """One occurrence. Who opens it has seen what was sent to them about it; a page that renews itself has no reader for certain."""
    if not hx_request:
        seen(web, visitor, occurrence_id)
    return show(web, visitor, occurrence_id)


def show(
    web: Web, visitor: Visitor, occurrence_id: int, *, sentence: str | None = None, status: int = 200, **typed: Any
) -> Response:
    """The page; after a refused action with the sentence that says why, and what was typed."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = occurrences.find_occurrence(connection, occurrence_id)
        if found is None:
            raise NotFound
        evidence = evidence_of(connection, visitor, found, now)
        rows = timeline_of(connection, visitor, found)
        opened = findings.of_occurrence(connection, occurrence_id) if visitor.may(Right.SEE_FINDINGS) else []
        of_model = find_model_evidence(connection, occurrence_id) if found.sensor_key in SCORES else None
        of_compound = find_compound_evidence(connection, occurrence_id) if found.detector == COMPOUND else []
        about = _about(connection, found, now)
        seen = casework.seen_by_insurer(connection, occurrence_id)
        photos = casework.photos_of(connection, occurrence_id) if visitor.may(Right.SEE_PEOPLE) else []
        higher = casework.higher_limits(connection, found.definition_id) if found.is_open else []
        sealed = casework.sealed_until(connection, found.definition_id, found.sensor_id)
        colleagues = places.colleagues(connection, found.company_id) if visitor.may(Right.ACT) else []
        told = told_of(connection, visitor, found)
        drill = suppressions.drill_of(connection, occurrence_id)
        tries = readiness.exercise_of(connection, occurrence_id) if found.exercise else None
        real = (
            found.resolved_at is not None
            and found.resolution != "test_or_drill"
            and not (found.simulated or found.replayed or found.exercise)
        )
        card = rate_card(connection, visitor, Thing.OCCURRENCE, occurrence_id, found.company_id, over=real)
        usual, frame = _usual(connection, visitor, found), frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "occurrence.html",
        frame=frame,
        status=status,
        o=found,
        drill=drill,
        tries=tries,
        rate=card,
        told=told,
        choices=choices(visitor, found),
        shelves=shelves(Priority(found.priority)),
        evident=sees_evidence(visitor, found),
        sees_people=visitor.may(Right.SEE_PEOPLE),
        answered=next((row for row in rows if row.kind == "transition" and row.what == "acknowledge"), None),
        table=table_of(evidence) if evidence else [],
        curve=evidence.curve if evidence else None,
        other_table=table_of(evidence.other) if evidence and evidence.other else [],
        other_curve=evidence.other.curve if evidence and evidence.other else None,
        **about,
        of_model=of_model,
        usual=usual,
        of_compound=of_compound,
        entries=story(rows),
        findings=opened,
        seen=seen,
        seen_by_me=any(record.person_id == visitor.person_id for record in seen),
        photos=photos,
        higher=higher,
        sealed=sealed,
        colleagues=colleagues,
        may_open_finding=visitor.may(Right.WORK_ON_FINDINGS) and all(row.state == "closed" for row in opened),
        sentence=sentence,
        typed={**_NOTHING_TYPED, **typed},
    )


def _about(connection: Connection[TupleRow], found: occurrences.Occurrence, now: datetime) -> dict[str, Any]:
    """Of an alarm on one of Davy's own sensors: which it is, and what of the site it is about."""
    about = found.sensor_key if found.is_virtual else ""
    ended = found.normal_at or found.resolved_at or now
    return {
        "about": about,
        "holes": streams.holes_of_site(connection, found.device_id, found.began_at, ended) if about == LOSS else [],
        "clocks": streams.wrong_clocks_of_site(connection, found.device_id) if about == CLOCKS else [],
        "unjudged": limits.unjudged_of_site(connection, found.device_id) if about == ASIDE else [],
    }


def _usual(connection: Connection[TupleRow], visitor: Visitor, found: occurrences.Occurrence) -> str | None:
    """What its detector's number was before, for whoever may see values; None where nobody knows."""
    kept = find_firing(connection, found.occurrence_id) if sees_evidence(visitor, found) else None
    return telling_of(visitor.language, kept.firing, found).usual() if kept and kept.firing.usual else None
