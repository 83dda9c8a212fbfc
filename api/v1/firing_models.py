"""The JSON API's words of why something fired."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.v1.models import ModelJudgement


class JudgedThen(BaseModel):
    """What was in force when it was raised."""

    model_config = ConfigDict(from_attributes=True)

    detector: str
    direction: str
    setpoint: float
    deadband: float
    on_delay_s: float
    off_delay_s: float
    votes: int
    votes_of: int
    parameters: dict[str, float]
    version: int


class UsualNumber(BaseModel):
    """What the detector's number was in the day before."""

    model_config = ConfigDict(from_attributes=True)

    since_ms: int
    numbers: int
    low: float
    middle: float
    high: float
    most: float | None = Field(description="Farthest towards the setpoint of those that were not beyond it.")
    beyond: int


class WhyFired(BaseModel):
    """Why one occurrence began; the series has a row a stretch: milliseconds, lowest, highest value, number, other sensor's value."""

    occurrence_id: int
    sentence: str | None = Field(description="In the reader's language; null where too little is known for one.")
    purpose: str = Field(description="What the detector is for.")
    judged: JudgedThen
    at_ms: int
    onset_ms: int | None
    recorded: float | None = Field(description="The number as it was judged then.")
    played: float | None = Field(
        description="The number as it comes out of the stored readings; it need not be the same."
    )
    looked_s: float
    played_from_ms: int | None
    readings: int
    facts: dict[str, float]
    usual: UsualNumber | None
    problem: str | None = Field(
        description="simulated, no_readings, of_conditions, unknown_detector or failed; null where all is known."
    )
    notes: list[str] = Field(description="differs, cut_off, uncertain, by_stamp, late, unplayed")
    said: list[str] = Field(description="Problem and notes as sentences; of a fault of the sensor that it is one.")
    series: list[tuple[int, float | None, float | None, float | None, float | None]]
    worked_at: datetime
    model: ModelJudgement | None = Field(description="What each signal adds, of a model's number.")
