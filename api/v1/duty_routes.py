"""The JSON API of duty: who is on duty now and in the next two weeks, who takes over, who was told of an occurrence and why."""

from __future__ import annotations

from fastapi import APIRouter

from alerting import duty as acts
from api.acts.duty import act, read_positions, told_of
from api.duty import Position
from api.gate import DutyKeeper, DutyReader, OccurrenceReader, OurCall
from api.store.occurrences import find_occurrence
from api.v1 import duty_models as models
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import NotFound

router = APIRouter()


@router.get("/duty")
def who_is_on_duty(web: Here, visitor: DutyReader, site: str | None = None) -> models.Positions:
    """Every duty position, or those of a site."""
    return _read(web, visitor, site)


@router.post("/duty/{roster_id}/overrides", status_code=201, dependencies=[OurCall])
def take_over(web: Here, visitor: DutyKeeper, roster_id: int, said: models.NewOverride) -> models.Positions:
    """Somebody takes over for a while; calls that wait go to them."""
    act(
        web, visitor, roster_id,
        lambda connection, _, now: acts.take_over(
            connection, roster_id, by=visitor.person_id, person_id=said.person, begins_at=said.begins_at or now,
            ends_at=said.ends_at, now=now, reason=said.reason,
        ),
    )  # fmt: skip
    return _read(web, visitor, None)


@router.get("/occurrences/{occurrence_id}/told")
def why_told(web: Here, visitor: OccurrenceReader, occurrence_id: int) -> models.WhyTold:
    """Who was told of an occurrence, when, over what and by which rule; or why not."""
    with web.acting_for(visitor) as connection:
        found = find_occurrence(connection, occurrence_id)
        if found is None:
            raise NotFound
        told = told_of(connection, visitor, found)
    return models.WhyTold(
        told=[
            models.Told(
                person=each.person_id, name=each.name, is_caller=each.is_reader, why_not=each.why_not,
                calls=[
                    models.Call(
                        at=call.sent_at or call.due_at, who=each.name, channel=call.channel, state=call.state, rule=call.why,
                        outcome=call.outcome, delivered_at=call.delivered_at, seen_at=call.seen_at, answered_at=call.answered_at,
                    )
                    for call in each.calls
                ],
            )
            for each in told
        ]
    )  # fmt: skip


def _read(web: Web, visitor: Visitor, site: str | None) -> models.Positions:
    with web.acting_for(visitor) as connection:
        found = read_positions(connection, web.clock(), site)
    return models.Positions(positions=[_said(each) for each in found])


def _said(found: Position) -> models.Position:
    turns = [
        models.Turn(
            begins_at=turn.begins_at, ends_at=turn.ends_at, person=turn.person_id, name=turn.name, by=turn.by, layer=turn.layer
        )
        for turn in found.turns
    ]  # fmt: skip
    line = found.line
    return models.Position(
        roster=line.roster_id, key=line.key, name=line.name, name_zh=line.name_zh, site=line.site_key, audience=line.audience,
        time_zone=line.time_zone, turns=turns,
    )  # fmt: skip
