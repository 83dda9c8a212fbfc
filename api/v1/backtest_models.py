"""The JSON API's words of back-tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Backtest(BaseModel):
    """A limit that is tried on a site's own history.

    `result` has the keys of docs/reference/backtest.md; in a list without its `definitions`.
    """

    model_config = ConfigDict(from_attributes=True)

    backtest_id: int
    site_id: int
    site: str
    definition_key: str
    definition_id: int | None
    proposed: dict[str, Any]
    from_at: datetime
    to_at: datetime
    asked_at: datetime
    asked_by: str | None
    state: str = Field(description="waiting, running, done, failed or cancelled")
    progress: float
    finished_at: datetime | None
    problem: str | None
    result: dict[str, Any] | None


class BacktestQuestion(BaseModel):
    """What is to be tried."""

    model_config = ConfigDict(extra="forbid")

    definition_id: int
    from_at: datetime = Field(description="with its offset")
    to_at: datetime = Field(description="with its offset; now at the latest")
    proposed: dict[str, Any] = Field(
        default_factory=dict,
        max_length=30,
        description="fields that would change: setpoint, deadband, on_delay_s, off_delay_s, votes, votes_of, priority, direction, latch, parameters",
    )
