"""Alarms put aside and the orders behind them, as programs read and write them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

Text = Annotated[str, StringConstraints(max_length=1000)]
_CLIENT = "For the client's own people only; null for others."


class Aside(BaseModel):
    """An alarm that calls nobody although it lives."""

    definition_id: int
    occurrence_id: int | None
    suppression: Literal["shelved", "by_design", "out_of_service"]
    since: datetime
    suppressed_until: datetime | None
    suppression_reason: str | None = Field(description=_CLIENT)
    suppressed_by: str | None = Field(description=_CLIENT)
    active: bool
    priority: str
    title: str
    title_zh: str
    zone: str | None
    site: str
    company: str


class Order(BaseModel):
    """A window, a permit, a drill, or alarms out of service."""

    order_id: int
    kind: str
    standing: Literal["asked", "planned", "open", "over", "refused"]
    begins_at: datetime
    ends_at: datetime
    over_at: datetime = Field(description="The earlier of its end and of when somebody ended it.")
    recorded_at: datetime
    number: str | None = Field(description=_CLIENT)
    reason: str | None = Field(description=_CLIENT)
    signed_by: str | None = Field(description=_CLIENT)
    requested_by: str | None = Field(description=_CLIENT)
    authorised_at: datetime | None
    authorised_by: str | None = Field(description=_CLIENT)
    refused_at: datetime | None
    refusal: str | None = Field(description=_CLIENT)
    ended_at: datetime | None
    ended_by: str | None = Field(description=_CLIENT)
    end_note: str | None = Field(description=_CLIENT)
    zone: str | None
    asset: str | None
    alarms: list[str]
    site: str
    company: str


class Suppressions(BaseModel):
    """What is put aside now, the gravest first, and the orders: those that hold, wait or are to come before the newest that are over."""

    aside: list[Aside]
    orders: list[Order]


class NewOrder(BaseModel):
    """What somebody writes down before it begins. Either a place or single alarms."""

    kind: str
    site_id: int
    zone_id: int | None = None
    asset_id: int | None = None
    definition_ids: list[int] = Field(default_factory=list, max_length=1000)
    begins_at: AwareDatetime | None = Field(None, description="Now, where left out.")
    ends_at: AwareDatetime
    number: str = Field(description="Of the permit or work order.")
    reason: Text
    signed_by: str = Field(description="Who has authorised it, as the permit or work order says.")


class Answer(BaseModel):
    """A second person's word, or why an order ends early."""

    note: Text = ""
