"""What the JSON API gives of the second opinion."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.v1.models import Resolution, Said

Word = Literal["worth", "nothing", "sensor_fault"]


class Beside(Said):
    """An alarm of the same time and place."""

    occurrence_id: int
    title: str
    title_zh: str
    priority: str
    began_at: datetime
    resolution: Resolution | None


class Unusual(BaseModel):
    """A window that was least like the weeks before."""

    opinion_id: int
    place: int = Field(description="1 is the most unusual of its night.")
    kind: str = Field(description="`sensor`, `asset` (its signals together) or `bands` (of a vibration).")
    sensor_id: int
    asset_id: int | None
    sensor: str
    sensor_zh: str
    from_at: datetime
    until_at: datetime
    rank: float = Field(description="Mean of its three best ranks by four models among all windows of the night.")
    models: list[str] = Field(description="Those by which it is odder than 99 of 100 usual windows.")
    sentences: list[str] = Field(description="What is unusual of it, in the reader's language.")
    alarms: list[Beside] = Field(description="Empty: nobody was alarmed then.")
    said: Word | None = Field(description="What somebody said of it last.")
    said_at: datetime | None


class Precision(Said):
    """What people said of the windows of eight weeks."""

    shown: int
    worth: int
    sensor_fault: int
    nothing: int
    share: float | None = Field(
        description="Of those that somebody looked at: worth a look or a sensor's fault. Null: of none."
    )


class SecondNight(BaseModel):
    """A site's night."""

    site_id: int
    site: str
    day: date | None = Field(description="Of the site's calendar; null where none was judged yet.")
    state: Literal["begun", "done", "failed"] | None
    attempt: int | None = Field(description="More than one: it was begun again after it was broken off.")
    subjects: int | None
    windows: int | None = Field(description="How many were ranked.")
    signals: int | None = Field(description="Of the site, that could be looked at.")
    not_looked_at: int | None = Field(
        description="Of them, that night: there were more than a night takes, or its time was up. The next night goes on with them."
    )
    problem: str | None
    left_out: list[str] = Field(description="What was not judged and why, in the reader's language.")
    unusual: list[Unusual]
    precision: Precision


class NewWord(BaseModel):
    """What a person says of a window."""

    said: Word
