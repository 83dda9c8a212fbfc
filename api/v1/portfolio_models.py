"""What the JSON API gives of sites and their scores."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

NotEnough = Literal["too_few_days", "low_coverage", "no_sensors"]


class Number(BaseModel):
    """A number 0-100 and the ends of its interval."""

    value: float
    low: float
    high: float


class Insured(BaseModel):
    """A sum insured."""

    currency: str
    amount: str = Field(description="An exact decimal.")
    sites: int = Field(description="How many sites the policy covers.")


class SiteLine(BaseModel):
    """A site and its newest score."""

    site: str
    name: str
    name_zh: str
    company: str
    company_zh: str
    time_zone: str
    day: date | None = Field(description="Day of the score, in the site's zone; null: none yet.")
    formula: str | None
    hazard: Number | None = Field(description="The lower the better; null: no scenario is declared.")
    control: Number | None = Field(description="The higher the better; null for the reason `not_enough`.")
    confidence: Number | None = Field(description="How much is known; below 60 do not read the score as one.")
    not_enough: NotEnough | None
    coverage: float | None = Field(description="Readings received of those expected, 0-1.")
    simulated: bool = Field(description="Made from the demo's history.")
    figures: dict[str, float | None] = Field(
        description="Alarms and answers of the last 30 days. `ack_p50_s` and `ack_p90_s` are the seconds within which half and nine"
        " in ten of the `counted` alarms were acknowledged; null: more than half, more than a tenth were not (`unanswered`), or none"
        " is counted."
    )
    findings_open: int
    findings_major: int
    findings_overdue: int
    findings_overdue_major: int
    findings_to_verify: int
    impairments_open: int
    impaired_since: datetime | None
    insured: list[Insured]


class Portfolio(BaseModel):
    """All sites you may see."""

    sites: list[SiteLine]


class Day(BaseModel):
    """The numbers of one day."""

    day: date
    hazard: float | None
    control: float | None
    confidence: float | None
    not_enough: NotEnough | None


class Site(SiteLine):
    """One site, with what its score is made of."""

    parts: dict[str, Any] = Field(
        description="Drivers with value, weight, points and sentence; see docs/explanation/site-score.md."
    )
    days: list[Day] = Field(description="The last 90 days, those that have a score.")


class Look(BaseModel):
    """One look of the insurer's."""

    at: datetime
    role: str
    action: Literal["looked", "evidence_read"]
    subject: str
