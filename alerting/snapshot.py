"""What is needed to call people without the database: life-safety alarms, who hears of them, and how those alarms stand. Pure.

Kept in memory by whoever may have to call, and sealed in a file (`davy/calls`). It holds people's addresses, and nothing else of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from alerting.alarm import Alarm
from alerting.ledger import AlarmKey
from alerting.routing import Route
from core.errors import BadInput

LAYOUT: Final = 1  # of the file; another one is not read


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeSafety:
    """A life-safety definition, with all that a message says of it and of its place."""

    definition_id: int
    sensor_id: int
    company_id: int
    site_id: int
    latch: bool
    definition_key: str
    detector: str
    direction: str
    setpoint: float
    title: str
    title_zh: str
    consequence: str
    consequence_zh: str
    response: str
    response_zh: str
    respond_within_s: float
    company: str
    company_zh: str
    site: str
    site_zh: str
    time_zone: str
    zone: str | None
    zone_zh: str | None
    sensor: str
    sensor_zh: str
    unit: str

    @property
    def alarm(self) -> AlarmKey:
        """Whose definition it is."""
        return AlarmKey(self.definition_id, self.sensor_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Where one living channel of an active person ends, and the language they read."""

    person_id: int
    channel: str
    language: str
    address: str
    secret_ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How an alarm stood when it was last looked at."""

    definition_id: int
    sensor_id: int
    alarm: Alarm
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything, as of one transaction.

    Args:
        version: `definitions_version` then.
        routes: by site, those that hear of life safety.
        alarms: those that are not normal or are suppressed; all others are normal.
    """

    layout: int = LAYOUT
    taken_at: datetime
    version: int
    definitions: list[LifeSafety]
    routes: dict[int, list[Route]]
    recipients: list[Recipient]
    alarms: list[Known]


def to_bytes(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON."""
    return msgspec.json.encode(snapshot)


def from_bytes(content: bytes) -> Snapshot:
    """The snapshot again.

    Raises:
        BadInput: written by another version, or no snapshot at all.
    """
    try:
        read = msgspec.json.decode(content, type=Snapshot)
    except msgspec.MsgspecError as error:
        raise BadInput(f"The snapshot has another form than this version reads ({error}).") from error
    if read.layout != LAYOUT:
        raise BadInput(f"The snapshot has layout {read.layout}; this version reads {LAYOUT}.")
    return read
