"""What the JSON API takes and gives of routes. Instants are aware UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.v1.models import Priority, Said

Words = Annotated[str, Field(max_length=1000)]
Key = Annotated[str, Field(max_length=64)]


class RouteLine(Said):
    """A route of a site."""

    route_id: int
    key: str
    audience: Literal["client", "insurer"]
    priorities: list[Priority]
    hears: list[str]
    site_key: str
    site: str
    site_zh: str
    calls: int
    lasts_s: float
    proposed: bool = Field(description="A change of its steps waits for somebody.")


class Routes(BaseModel):
    """Routes of a site, or of all that the caller sees."""

    routes: list[RouteLine]


class RouteStep(BaseModel):
    """One call of a route, or of a proposal; a repeat is a step of its own."""

    position: int
    after_s: float
    person: str = Field(
        description="Key of a person; empty where it is a duty position, or one of the insurer's people."
    )
    roster: str = Field(description="Key of a duty position; empty where it is a person.")
    channel: str


class PlannedCall(BaseModel):
    """Whom an alarm that begins now, and that nobody acknowledges, would call."""

    priority: Priority
    at: datetime
    person_id: int
    name: str | None = Field(description="Null where it is not the caller's to know.")
    channel: str
    rule: str


class RouteVersion(Said):
    """What its steps became at some time."""

    at: datetime
    action: Literal["route_added", "route_changed"]
    old: list[str]
    new: list[str]
    who: str | None
    settler: str | None = Field(description="The second person.")
    by_file: bool
    reason: str
    answer: str | None


class RouteProposal(Said):
    """A change that is not in force."""

    change_id: int
    old: list[RouteStep]
    proposed: list[RouteStep]
    reason: str
    who: str | None
    proposed_at: datetime
    state: Literal["proposed", "refused", "withdrawn"]
    settler: str | None
    settled_at: datetime | None
    answer: str | None


class WhatChanges(BaseModel):
    """What a change is, before it is proposed."""

    two_people: bool = Field(description="Somebody would hear of life safety later, or no more.")
    calls: list[PlannedCall]


class RouteWhole(RouteLine):
    """One route with whom it would call now and every version it had."""

    mark: str = Field(description="Of its steps as they are: what a proposal names as the ones it saw.")
    steps: list[RouteStep]
    would_call: list[PlannedCall]
    versions: list[RouteVersion] = Field(description="The newest first.")
    proposals: list[RouteProposal]


class Recipient(BaseModel):
    """A person or a duty position, and over what."""

    person: Key | None = None
    roster: Key | None = None
    channel: Key = "preferred"


class Repeat(BaseModel):
    """A step that is sent again."""

    times: int
    every_s: float


class NewStep(BaseModel):
    """A step as a site file has it."""

    after_s: float = 0.0
    to: Annotated[list[Recipient], Field(max_length=50)]
    repeat: Repeat | None = None


class NewSteps(BaseModel):
    """Steps to be tried."""

    steps: Annotated[list[NewStep], Field(max_length=60)]

    def mappings(self) -> list[dict[str, Any]]:
        """As a site file has them."""
        return [each.model_dump(exclude_none=True) for each in self.steps]


class NewRouteChange(NewSteps):
    """A proposal."""

    mark: str = Field(max_length=64, description="Of the steps you have seen; others in force refuse the change.")
    reason: Words


class RouteAnswer(BaseModel):
    """Words of whoever approves, refuses or withdraws."""

    words: Words = ""
