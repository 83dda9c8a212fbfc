"""What the JSON API says of exercises and roll calls."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class Exercise(BaseModel):
    """One exercise or roll call; names are null for whoever may not know them."""

    exercise_id: int
    kind: Literal["exercise", "roll_call", "delivery"]
    priority: str
    position: str | None = Field(description="The duty position that alone is called; null: everybody of the routes.")
    asked_at: datetime
    asked_by: str | None
    began_at: datetime | None
    occurrence_id: int | None
    answered_at: datetime | None
    answered_by: str | None
    ended_at: datetime | None
    outcome: str | None = Field(
        description="answered, unanswered, stopped, real_alarm or nobody_to_call; null: it has not ended."
    )


class Figure(BaseModel):
    """What the roll calls of some hours showed in the last year."""

    hours: str
    holiday: bool | None = Field(description="Weekends and holidays, or working days; null: all days.")
    calls: int
    answered: int
    unanswered_share: float
    p50_s: float | None
    p90_s: float | None


class Weak(BaseModel):
    """Hours at which whoever comes after the position is called sooner."""

    hours: str
    holiday: bool | None
    keeps: float = Field(description="How much of the wait is kept: 0.5 or 0.")


class Delivery(BaseModel):
    """The daily delivery test of a site, to the receipt of the operator's receiver."""

    at: datetime | None = Field(description="When the newest was due; null: there was none.")
    outcome: str | None = Field(
        description="delivered or undelivered; answered or stopped: a person ended it before it could show anything"
    )
    took_s: float | None = Field(description="Until the receipt, from where it began.")
    on_wire: bool = Field(
        description="It began with a reading that was published by MQTT; false: with its alarm, or there was none."
    )
    missing: Literal["published", "stored", "alarm", "sent", "receipt"] | None = Field(
        description="Of one from the wire that did not arrive: the first leg that did not come."
    )
    to_broker_s: float | None = Field(description="From its being published until the broker had it.")
    to_alarm_s: float | None = Field(
        description="From its being published until it was stored and its alarm raised, which is one transaction."
    )


class Position(BaseModel):
    """A duty position and how it answers."""

    key: str
    name: str
    name_zh: str
    roll_calls: int = Field(description="Times in 30 days that it is called without warning.")
    all: Figure
    figures: list[Figure]
    weak: list[Weak]


class Site(BaseModel):
    """One site."""

    site: str
    positions: list[Position]
    exercises: list[Exercise]
    delivery: Delivery


class Readiness(BaseModel):
    """All sites that the caller may see."""

    sites: list[Site]


class NewExercise(BaseModel):
    """What is to be tried."""

    limit: str = Field(
        "", max_length=128, description="Key of the limit whose alarm is tried; empty: life safety, of none by name."
    )
    position: str = Field(
        "", max_length=64, description="Key of the duty position that alone is called; empty: everybody."
    )
    minutes: int = Field(20, description="How long at most, 1 to 60.")
    why: str = Field("", max_length=400)


class Started(BaseModel):
    """The exercise that begins within a second or two."""

    exercise_id: int
