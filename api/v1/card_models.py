"""The JSON API's words of models."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ModelDifference(BaseModel):
    """One part in which a version was fitted for something else than the site file declares now."""

    model_config = ConfigDict(from_attributes=True)

    part: str = Field(description="members, window, slow, load, states or forecast")
    was: Any = Field(description="What the version was fitted for; null: nothing of the kind.")
    now: Any = Field(description="What is declared.")


class ModelLine(BaseModel):
    """A model as lists show it."""

    model_config = ConfigDict(from_attributes=True)

    asset_id: int
    key: str
    window_s: float
    retired: bool
    members: int
    asset: str
    asset_zh: str
    site_key: str
    company_id: int
    version: int | None = Field(description="In force; null: nobody has put one in force.")
    versions: int
    since: datetime | None
    other_setup: list[ModelDifference] = Field(
        description="In what the version in force was fitted for something else than is declared now."
    )
    is_silent: bool = Field(description="It judges nothing for that; false where only its forecast is another.")
    scored_until: datetime | None
    open: int
    dangers: int = Field(description="Alarms that people resolved as true danger or near miss.")
    nuisances: int
    resolved: int


class WatchedSignal(BaseModel):
    """One signal."""

    model_config = ConfigDict(from_attributes=True)

    sensor_id: int
    sensor: str
    name: str
    name_zh: str
    unit: str
    quantity: str
    period_s: float


class ModelVersion(BaseModel):
    """One kind of one fit; who, why and what was cut are null for the insurer's people."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    kind: str
    standing: str = Field(description="in_force, shadow or earlier")
    members: list[str]
    window_s: float
    trained_from: datetime
    trained_until: datetime
    windows: int
    highest: float
    notices: list[str]
    fitted_at: datetime
    calibrated_on: int | None
    setup: dict[str, Any] = Field(description="Slow members, load, states and forecast that it was fitted for.")
    other_setup: bool = Field(description="It was fitted for another setup than is declared now.")
    cut: list[dict[str, Any]] | None
    contamination: dict[str, Any] | None
    fitted_by: str | None
    reason: str | None


class ModelPromotion(BaseModel):
    """A version that was put in force."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    promoted_at: datetime
    shadow_windows: int
    is_overruled: bool
    promoted_by: str | None
    reason: str | None
    overruled: str | None


class ModelLimit(BaseModel):
    """A limit on one of its numbers."""

    model_config = ConfigDict(from_attributes=True)

    definition_id: int
    sensor_id: int
    sensor_key: str
    title: str
    title_zh: str
    priority: str
    detector: str
    unit: str = Field(description="Of the number, a UCUM code; a limit of another detector than `limit` has its own.")
    direction: str
    setpoint: float
    on_delay_s: float
    off_delay_s: float


class ModelCalibration(BaseModel):
    """Whether a number means what it says, by the windows since the version is in force.

    `steps` has (number, promised share, observed share of windows at it or beyond).
    """

    kind: str
    windows: int
    left_out: int
    share: float | None = Field(description="Of windows at 2 or beyond; null where too few were judged.")
    promised: float
    verdict: str = Field(description="kept, often, seldom or unknown")
    steps: list[tuple[float, float, float]]


class ModelDrift(BaseModel):
    """What the last look at the version in force found."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    looked_at: datetime
    drifted_since: datetime | None = Field(description="Null: it fits its machine, as far as can be said.")


class ModelRecord(BaseModel):
    """How many alarms of each number people resolved in one way; resolution null: not resolved yet."""

    resolution: str | None
    alarms: dict[str, int]


class ModelShadow(BaseModel):
    """What a version said of the windows of the last seven days."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    kind: str
    windows: int
    unjudged: int
    beyond: int | None = Field(description="Null of a forecast, which is a value of its signal and no oddness.")
    since: datetime
    until: datetime


class ModelCard(BaseModel):
    """All that is known of a model; without see_readings no calibration and no shadow."""

    model: ModelLine
    members: list[WatchedSignal]
    versions: list[ModelVersion]
    promotions: list[ModelPromotion]
    limits: list[ModelLimit]
    calibration: list[ModelCalibration]
    record: list[ModelRecord]
    shadows: list[ModelShadow]
    blind_windows: int | None = Field(description="Of the last seven days, those in which a signal was missing.")
    windows: int | None
    drift: ModelDrift | None
    strangers: list[str] = Field(description="Signals that are declared and not fitted, or the other way round.")
