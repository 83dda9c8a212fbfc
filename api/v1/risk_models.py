"""What the JSON API takes and gives of findings and impairments. Instants are aware UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.v1.models import LONGEST_TEXT, Said

Grade = Literal["general", "major"]
FindingState = Literal["reported", "rectifying", "claimed_done", "closed"]
Kind = Literal["sprinkler_valve", "fire_pump", "fire_panel", "detector_bypass", "gas_suppression", "other"]
Standing = Literal["planned", "open", "overrun", "restored"]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
_CLIENT = "Null for the insurer's people."


class FindingLine(Said):
    """A finding without what people wrote about it."""

    finding_id: int
    title: str
    title_zh: str
    grade: Grade
    graded: bool = Field(description="Whether a named person has confirmed the grade; else it is suspected.")
    state: FindingState
    overdue: bool = Field(
        description="Not closed and past its deadline, or major and not put in hand for too long; only verification stops that clock."
    )
    source: Literal["person", "occurrence", "silent_detector"]
    occurrence_id: int | None
    zone: str | None
    site: str
    company: str
    reported_at: datetime
    due_at: datetime | None
    claimed_at: datetime | None
    closed_at: datetime | None
    reopened: int = Field(description="How often it was sent back or opened again.")
    simulated: bool
    owner: str | None = Field(description=_CLIENT)


class Findings(BaseModel):
    """The board, the most urgent first, then the newest closed."""

    findings: list[FindingLine]


class Happened(Said):
    """One thing that happened to a finding, the newest first."""

    at: datetime
    event: str
    who: str | None = Field(description="Null: Davy itself.")
    from_state: str | None
    to_state: str
    note: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None


class Photo(Said):
    """A photo; its bytes are at `/api/v1/findings/{finding_id}/photos/{photo_id}`."""

    photo_id: int
    at: datetime
    who: str | None
    shows: Literal["before", "after"]
    width: int
    height: int


class Finding(FindingLine):
    """One finding."""

    description: str | None = Field(description=_CLIENT)
    owner_id: int | None = Field(description=_CLIENT)
    measures: str | None = Field(description=_CLIENT)
    funds: str | None = Field(description=_CLIENT)
    contingency: str | None = Field(description=_CLIENT)
    reported_by: str | None = Field(description="Null also where Davy opened it.")
    graded_by: str | None = Field(description=_CLIENT)
    claimed_by: str | None = Field(description=_CLIENT)
    verified_by: str | None = Field(description=_CLIENT)
    events: list[Happened] = Field(description="Empty for the insurer's people.")
    photos: list[Photo] = Field(description="Empty for the insurer's people.")


class NewFinding(BaseModel):
    """A hazard that somebody saw, or that an occurrence showed: with `occurrence_id` the rest is taken from there."""

    occurrence_id: int | None = None
    site_id: int | None = None
    zone_id: int | None = None
    title: str = ""
    grade: str = ""
    description: Text = ""


class Graded(BaseModel):
    """A grade, confirmed in the caller's name."""

    grade: str
    note: Text = ""


class Planned(BaseModel):
    """The five things; `due_at` is left out while work goes on, an extension moves it."""

    grade: str | None = Field(None, description="Confirms the suspected grade in the same step.")
    owner_id: int | None = None
    measures: Text = ""
    funds: str = ""
    due_at: AwareDatetime | None = None
    contingency: Text = ""


class Extended(BaseModel):
    """A later deadline, and why; `reopen` takes the same."""

    due_at: AwareDatetime
    reason: Text


class Noted(BaseModel):
    """What was done, looked at, is still wrong, or is worth writing down."""

    note: Text


class Impairment(Said):
    """A protection out of service."""

    impairment_id: int
    kind: Kind
    what: str
    standing: Standing
    reason: str
    interim_measures: str
    began_at: datetime
    expected_until: datetime
    reported_at: datetime
    restored_at: datetime | None
    restore_proof: str | None
    simulated: bool
    sensor: str | None
    zone: str | None
    site: str
    company: str
    reported_by: str | None = Field(description=_CLIENT)
    restored_by: str | None = Field(description=_CLIENT)


class Impairments(BaseModel):
    """Open ones first, then the newest restored."""

    impairments: list[Impairment]


class NewImpairment(BaseModel):
    """A protection that goes out of service."""

    kind: str
    what: str
    site_id: int
    zone_id: int | None = None
    sensor_id: int | None = Field(None, description="The detector, for a bypass.")
    reason: Text
    interim_measures: Text
    began_at: AwareDatetime | None = Field(None, description="Now, where left out.")
    expected_until: AwareDatetime


class Longer(BaseModel):
    """It takes longer."""

    expected_until: AwareDatetime
    reason: Text
    interim_measures: Text = ""


class Restored(BaseModel):
    """It works again, and how that is known."""

    restored_at: AwareDatetime | None = Field(None, description="Now, where left out.")
    proof: Text
