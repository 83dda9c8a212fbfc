"""What the JSON API takes and gives of limits. Instants are aware UTC; numbers are in the unit of what is judged."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.v1.models import Priority, Said

_CLIENT = "Null for the insurer's people."
Words = Annotated[str, Field(max_length=1000)]


class LimitLine(Said):
    """A limit in force, or one out of use."""

    definition_id: int
    key: str
    title: str
    title_zh: str
    site: str
    site_key: str
    zone: str | None
    sensor: str
    sensor_key: str
    unit: str = Field(description="Of the sensor, a UCUM code; a limit of another detector than `limit` has its own.")
    detector: str
    other: str | None = Field(
        description="`device/sensor` that a `difference` compares with; null for all other detectors."
    )
    parameters: dict[str, float]
    direction: Literal["high", "low"]
    setpoint: float
    deadband: float
    on_delay_s: float
    off_delay_s: float
    votes: int = Field(
        description="How many of the last `votes_of` numbers must be beyond the setpoint; 1 of 1: each by itself."
    )
    votes_of: int
    priority: Priority
    latch: bool
    realarm_after_s: float | None = Field(
        description="Acknowledged and still active for so long, it is heard again; null: never."
    )
    consequence: str
    consequence_zh: str
    response: str
    response_zh: str
    respond_within_s: float
    standard: str | None = Field(description="Null: the plant's own number.")
    edition: str | None
    clause: str | None
    verified_on: date | None = Field(description="Null: nobody has held the number against the standard's own text.")
    version: int
    valid_from: datetime
    retired: bool
    proposed: bool = Field(description="A change of it waits for somebody; always false for the insurer's people.")


class Version(Said):
    """What a limit became at some time."""

    at: datetime
    action: Literal["limit_added", "limit_changed", "limit_retired", "limit_restored"]
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    by_file: bool
    two_people: bool
    overruled: bool = Field(description="Without, or in spite of, a back-test.")
    backtest_id: int | None
    who: str | None = Field(description=_CLIENT)
    settler: str | None = Field(description="The second person. " + _CLIENT)
    reason: str | None = Field(description=_CLIENT)
    overruling: str | None = Field(description=_CLIENT)
    answer: str | None = Field(description=_CLIENT)


class Proposal(Said):
    """A change that is not in force."""

    change_id: int
    base_version: int
    old: dict[str, Any]
    proposed: dict[str, Any]
    reason: str
    overruling: str | None
    who: str | None
    proposed_at: datetime
    state: Literal["proposed", "refused", "withdrawn"]
    settler: str | None
    settled_at: datetime | None
    answer: str | None


class Limit(LimitLine):
    """One limit with every version it had."""

    versions: list[Version] = Field(description="The newest first.")
    proposals: list[Proposal] = Field(description="Empty for the insurer's people.")


class Limits(BaseModel):
    """Limits of a site."""

    limits: list[LimitLine]
    next_after: int | None = Field(description="Where the next page begins; null: there is none.")


class NewChange(BaseModel):
    """A proposal."""

    base_version: int = Field(description="The version you have seen; another one in force refuses the change.")
    values: dict[str, str | float | bool] = Field(
        description="Fields as a site file names them, `title.en` for a text, `votes.needed`, `other`; what is left out stays."
    )
    reason: Words
    overruling: Words = Field(
        "", description="Why without, or in spite of, a back-test; a second person must say so too."
    )


class Answer(BaseModel):
    """Words of whoever approves, overrules, refuses or withdraws."""

    words: Words = ""
