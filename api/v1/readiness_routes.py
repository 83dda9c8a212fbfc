"""The JSON API of readiness: exercises, roll calls, and how duty positions answer them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from psycopg import Connection

from alerting import exercises
from alerting.readiness import Figure
from alerting.store.exercises import Tested
from api.acts.readiness import Position, act, read_sites
from api.gate import ExerciseLeader, OurCall, ReadinessReader
from api.once import CallKey, once
from api.store.readiness import ExerciseLine
from api.v1 import readiness_models as models
from api.web import Here

router = APIRouter()


@router.get("/readiness")
def readiness(web: Here, visitor: ReadinessReader) -> models.Readiness:
    """Exercises of each site, and how its duty positions answer roll calls."""
    with web.acting_for(visitor) as connection:
        found = read_sites(connection, web.clock())
    return models.Readiness(
        sites=[
            models.Site(
                site=each.line.key,
                positions=[_position(one) for one in each.positions],
                exercises=[_exercise(one) for one in each.exercises],
                delivery=_delivery(each.delivery),
            )
            for each in found
        ]
    )


@router.post("/sites/{site}/exercises", status_code=201, dependencies=[OurCall])
def start(web: Here, visitor: ExerciseLeader, site: str, said: models.NewExercise, sending: CallKey) -> models.Started:
    """Asks for an exercise; it begins within a second or two."""
    made: list[int] = []

    def do(connection: Connection[Any], now: datetime) -> None:
        made.append(
            once(
                connection, visitor, now, sending, ("exercise", site, said.model_dump()),
                lambda: exercises.ask(
                    connection, site=site, by=visitor.person_id, now=now, limit=said.limit, position=said.position,
                    lasts=timedelta(minutes=said.minutes), why=said.why,
                ),
            )
        )  # fmt: skip

    act(web, visitor, site, do)
    return models.Started(exercise_id=made[0])


@router.post("/sites/{site}/exercises/{number}/stop", status_code=204, dependencies=[OurCall])
def stop(web: Here, visitor: ExerciseLeader, site: str, number: int) -> None:
    """Ends one early, within a second or two."""
    act(web, visitor, site, lambda connection, now: exercises.stop(connection, number, by=visitor.person_id, now=now))


def _exercise(of: ExerciseLine) -> models.Exercise:
    return models.Exercise(
        exercise_id=of.exercise_id, kind=of.kind, priority=of.priority, position=of.position, asked_at=of.asked_at,
        asked_by=of.asked_by, began_at=of.began_at, occurrence_id=of.occurrence_id, answered_at=of.answered_at,
        answered_by=of.answered_by, ended_at=of.ended_at, outcome=of.outcome,
    )  # fmt: skip


def _delivery(of: Tested) -> models.Delivery:
    return models.Delivery(
        at=of.asked_at, outcome=of.outcome, took_s=of.took_s, on_wire=of.on_wire, missing=of.missing,
        to_broker_s=of.to_broker_s, to_alarm_s=of.to_alarm_s,
    )  # fmt: skip


def _position(of: Position) -> models.Position:
    weak = () if of.weak is None else of.weak.hours
    return models.Position(
        key=of.line.key, name=of.line.name, name_zh=of.line.name_zh, roll_calls=of.line.roll_calls, all=_figure(of.all),
        figures=[_figure(each) for each in of.rows],
        weak=[models.Weak(hours="{:02d}:00-{:02d}:00".format(*each.band), holiday=each.holiday, keeps=each.keeps) for each in weak],
    )  # fmt: skip


def _figure(of: Figure) -> models.Figure:
    return models.Figure(
        hours=of.hours, holiday=of.holiday, calls=of.calls, answered=of.answered, unanswered_share=of.unanswered_share, p50_s=of.p50_s,
        p90_s=of.p90_s,
    )  # fmt: skip
