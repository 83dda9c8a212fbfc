"""What the JSON API gives of rejected messages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from api.v1.models import Said


class RejectedGroup(Said):
    """What one device sent wrong in one way, and is not taken in yet."""

    site_id: int | None = Field(description="Null where nobody knows whose it is.")
    site: str | None
    company: str | None
    device: str = Field(description="As the topic names it.")
    device_id: int | None
    reason: str
    sentence: str = Field(description="Of the newest.")
    advice: str = Field(description="What to do, in the reader's language.")
    mendable: bool = Field(description="Whether it can be taken in again once the map of the site is mended.")
    messages: int
    kept: int = Field(description="Kept whole.")
    cut: int = Field(description="Kept in part, so not to be taken in again.")
    first_at: datetime
    last_at: datetime
    asked_at: datetime | None = Field(description="Since when a request to take them in is open.")


class RejectedMessage(BaseModel):
    """A message that was not taken, and why."""

    rejected_id: int
    device_id: int | None
    site_id: int | None
    received_at: datetime
    topic: str
    reason: str
    sentence: str
    length: int
    kept: int = Field(description="How many of its bytes were kept.")
    sha256: str
    count: int
    taken_at: datetime | None = Field(description="When it was taken in after all.")
    raw: str = Field(description="Its beginning, as text where it is text, else hexadecimal.")


class RejectedPayload(RejectedMessage):
    """The same with all that was kept of it."""

    hex: str = Field(description="Every byte that was kept, in hexadecimal.")


class NewReplay(BaseModel):
    """Which messages to take in again: those of one device and reason that lie there now."""

    site_id: int
    device: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Annotated[str, Field(min_length=1, max_length=64)]


class Replay(Said):
    """A request to take messages in again, and how far it is."""

    replay_id: int
    site_id: int
    device: str
    reason: str
    asked_at: datetime
    asked_by: str
    taken: int
    refused: int
    finished_at: datetime | None
