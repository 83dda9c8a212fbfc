"""What the JSON API says of duty."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field


class Turn(BaseModel):
    """Who is on duty from when until when; `person` and `name` null: nobody, or somebody whose name the caller may not know."""

    begins_at: datetime
    ends_at: datetime
    person: int | None
    name: str | None
    by: str = Field(description="layer, holiday, override, nobody_by_override, calendar, stranger, hole or gone")
    layer: str


class Position(BaseModel):
    """A duty position of a site: its first turn holds now."""

    roster: int
    key: str
    name: str
    name_zh: str
    site: str
    audience: str
    time_zone: str
    turns: list[Turn]


class Positions(BaseModel):
    """All that the caller may see."""

    positions: list[Position]


class NewOverride(BaseModel):
    """Somebody takes over; `person` null: nobody is on duty, and the reason says why."""

    person: int | None
    begins_at: AwareDatetime | None = None
    ends_at: AwareDatetime
    reason: str = ""


class Call(BaseModel):
    """One message about an occurrence."""

    at: datetime
    who: str | None
    channel: str
    state: str
    rule: str
    outcome: str | None
    delivered_at: datetime | None = Field(default=None, description="the receiver itself has it; null: nobody says so")
    seen_at: datetime | None = Field(default=None, description="its reader has opened what it is about")
    answered_at: datetime | None = Field(default=None, description="its reader has acknowledged by its link")


class Told(BaseModel):
    """One person and an occurrence; `why_not` is null where there are calls."""

    person: int
    name: str | None
    is_caller: bool
    why_not: str | None
    calls: list[Call]


class WhyTold(BaseModel):
    """Who was told, and why; the caller first."""

    told: list[Told]
