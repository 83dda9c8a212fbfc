"""What the JSON API takes and gives of ratings, complaints and counts of them. Instants are aware UTC."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.v1.models import LONGEST_TEXT, Said

Thing = Literal["occurrence", "finding", "impairment", "service"]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Number = Annotated[int, Field(ge=1, le=2**62)]
Site = Annotated[int, Field(ge=1, le=2**31 - 1)]
Cause = Literal[
    "limit", "routing", "device", "too_late", "wording", "quality", "defect", "agreement", "unfounded", "other"
]


class NewRating(BaseModel):
    """Was it of use, and why; sent again it changes what was said."""

    thing: Thing
    number: Number
    useful: bool
    reason: str = Field(
        max_length=40, description="One of those that the thing's page offers, such as in_time or no_danger."
    )
    words: str = Field(default="", max_length=LONGEST_TEXT)


class Rating(BaseModel):
    """The rating that is kept."""

    rating_id: int


class NewRecommendation(BaseModel):
    """How likely one would recommend it; taken once in 90 days."""

    site_id: Site
    score: int = Field(ge=0, le=10)
    words: Text = ""


class Recommendation(BaseModel):
    """The answer that is kept."""

    nps_id: int


class NewComplaint(BaseModel):
    """A complaint; `caller` only where one of the insurer's people took a call."""

    site_id: Site
    title: Text
    body: Text
    thing: Thing | None = None
    number: Number | None = None
    follows_id: Number | None = None
    caller: str = Field(default="", max_length=LONGEST_TEXT)


class Analysis(BaseModel):
    """The first answer."""

    cause: Cause
    facts: Text
    further: bool = Field(default=False, description="More must be found out: the conclusion within 30 working days.")


class Extension(BaseModel):
    """The conclusion takes longer: until the end of a day of the site."""

    until: date
    reason: Text


class Solution(BaseModel):
    """The conclusion."""

    measures: Text


class Verdict(BaseModel):
    """Whether it is settled, by who complained."""

    settled: bool
    words: Text = Field(default="", description="What is not settled, where it is not.")


class Complaint(Said):
    """A complaint with its clocks."""

    complaint_id: int
    site_id: int
    site: str
    company: str
    title: str
    body: str
    road: Literal["page", "phone"]
    state: Literal["received", "acknowledged", "analysed", "solved", "closed"]
    filed_at: datetime
    complainant: str
    owner_name: str | None
    cause: Cause | None
    facts: str | None
    further: bool
    measures: str | None
    answer_due_at: datetime
    answered_at: datetime | None
    conclude_due_at: datetime
    extended: bool
    solved_at: datetime | None
    closed_at: datetime | None
    reopened: int
    follows_id: int | None


class Complaints(BaseModel):
    """Those that are not closed, the nearest deadline first, then the newest closed."""

    complaints: list[Complaint]


class Changed(BaseModel):
    """A change because of the reader's word."""

    change: Literal["limit_changed", "limit_retired", "route_changed", "finding_closed", "own_finding_settled"]
    title: str | None
    changed_at: datetime
    said_at: datetime
    complaint_id: int | None
    definition_id: int | None
    finding_id: int | None


class Changes(BaseModel):
    """What the reader's word changed, the newest first."""

    changes: list[Changed]


class Cell(BaseModel):
    """What people said in a quarter; `site` or `hazard` null: the rest of the company that is too few by itself."""

    quarter: date
    company: str
    site: str | None
    hazard: str | None
    people: int
    answers: int
    useful: int
    reasons: dict[str, int] = Field(description="+reason of those that were useful, -reason of the others.")


class Nps(BaseModel):
    """The recommendation of a quarter; `site` null: of the company's sites that are too few by themselves."""

    quarter: date
    company: str
    site: str | None
    people: int
    promoters: int
    detractors: int
    nps: float


class Kept(BaseModel):
    """How the complaints of a quarter kept to their clocks."""

    quarter: date
    site: str
    filed: int
    open: int
    late: int
    reopened: int
    median_answer_h: float | None
    median_conclude_h: float | None


class Counts(BaseModel):
    """What may be counted: quarters that are over, cells of at least 5 answers by 3 people."""

    ratings: list[Cell]
    recommendations: list[Nps]
    complaints: list[Kept]
