"""The words of the business, as values.

company -> site -> zone -> asset -> sensor; a device carries sensors; a policy belongs to a company and covers sites.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.batch import Int32, Int64, PartTold
from core.row_table import RowTable

Thing = TypeVar("Thing")


class Priority(StrEnum):
    """How much a person must drop to answer. Life safety is a class of its own: nobody can switch it off."""

    LIFE_SAFETY = "life-safety"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Role(StrEnum):
    """Who somebody is to Davy."""

    SAFETY_OFFICER = "safety_officer"
    INTEGRATOR = "integrator"
    UNDERWRITER = "underwriter"
    RISK_ENGINEER = "risk_engineer"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One signal of one device.

    Args:
        states: enumeration text on the wire -> number, for sensors that send words.
        period_s: how often it is expected to report, in seconds; a guess unless `period_declared`.
        mandatory: a law asks for it; long silence is a hazard in itself.
    """

    sensor_id: int
    company_id: int
    site_id: int
    site_key: str
    device_id: int
    device_key: str
    key: str
    unit: str
    range_low: float | None = None
    range_high: float | None = None
    period_s: float = 1.0
    period_declared: bool = True
    mandatory: bool = False
    states: Mapping[str, float] | None = None
    is_virtual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmDefinition:
    """Setpoint, deadband, delays and priority on a detector's number for one sensor.

    Args:
        detector: name in `detectors.registry`.
        parameters: the detector's own settings, numbers only.
        direction: "high": active while number >= setpoint; "low": while number <= setpoint.
        deadband: how far back beyond the setpoint the number must go before the condition ends, same unit as setpoint.
        on_delay_us: how long the number must stay beyond the setpoint before the condition begins, microseconds.
        off_delay_us: how long it must stay back before the condition ends, microseconds.
        latch: stays until a person resets it while clear.
        votes, votes_of: k of the last m numbers must be beyond the setpoint; 1 of 1: each number decides by itself.
        other_sensor_id: the second sensor, of a detector that compares two; 0: there is none.
        time_zone: of its site, for what goes by the clock there.
    """

    definition_id: int
    company_id: int
    site_id: int
    sensor_id: int
    key: str
    detector: str
    direction: str
    setpoint: float
    priority: Priority
    deadband: float = 0.0
    on_delay_us: int = 0
    off_delay_us: int = 0
    latch: bool = False
    votes: int = 1
    votes_of: int = 1
    version: int = 1
    parameters: Mapping[str, float] = field(default_factory=dict)
    other_sensor_id: int = 0
    time_zone: str = "UTC"

    @property
    def on_delay_s(self) -> float:
        """The on-delay as people write it."""
        return self.on_delay_us / 1_000_000


COMPOUND = (
    "compound"  # the detector of a compound's definition: its number comes from other conditions, not from readings
)
# The detector of a definition that none takes as it stands: it has no numbers, and its condition stays as it is, until it is put right.
SET_ASIDE = "set-aside"


@dataclass(frozen=True, slots=True)
class Compound:
    """Conditions of one site that mean more together than alone; its number is how many of them hold.

    Args:
        sensor_id: its virtual sensor, `_compound.{key}`; the alarm on it is an ordinary definition.
        parts: `definition_id` of each condition, in the order they are written. A negative one is the compound's own: it is
            judged like any other and is no alarm.
        window_us: a part still counts so long after it ended, microseconds.
        in_order: only parts that began one after the other, as they are written, count together.
        told: of each part, what it is called while it is judged so; empty: nobody reads it.
    """

    sensor_id: int
    parts: tuple[int, ...]
    window_us: int = 0
    in_order: bool = False
    told: tuple[PartTold, ...] = ()


_PRIME, _MIX = 2**31 - 1, 1_000_003


def _digest(word: object) -> int:
    """Of a text or of parameters, the same in every process."""
    said = sorted((name, float(value)) for name, value in word.items()) if isinstance(word, Mapping) else word
    return zlib.crc32(repr(said).encode())


class DefinitionSet:
    """The definitions in force from a batch boundary on, as a dense list.

    Args:
        version: `definitions_version` in the database when they were read.
        definitions: in index order; `Scores.definition` is an index into it.
        slot: int32, shape (len(definitions),), the sensor's dense slot in the `Directory`.
        sensors: how many slots the directory has.
        compounds: what is judged from these definitions' conditions.
        other: int32, shape (len(definitions),), the slot of the second sensor; -1: there is none. None: no definition has one.
    """

    def __init__(
        self,
        version: int,
        definitions: Sequence[AlarmDefinition],
        slot: Int32,
        sensors: int,
        compounds: Sequence[Compound] = (),
        other: Int32 | None = None,
    ) -> None:
        self.version = version
        self.definitions = definitions if isinstance(definitions, RowTable) else RowTable(AlarmDefinition, definitions)
        self.slot = slot
        self.sensors = sensors
        self.compounds = compounds
        self.other = np.full(len(self.definitions), -1, np.int32) if other is None else other
        self._shared: list[object] = []
        columns = [self.definitions.numbers(name) for name in ("definition_id", "version")]
        self.keys: Int32 = np.stack(columns, axis=1).astype(
            np.int32
        )  # (definition_id, version), shape (definitions, 2)

    def __len__(self) -> int:
        return len(self.definitions)

    def memories(self) -> Int32:
        """Which memory of a detector belongs to each definition: (definition_id, a digest of what its number is made of), shape (definitions, 2).

        Detector and parameters, which sensors, which side, which clock. Not the setpoint, nor what else makes an alarm of a number: who moves a
        setpoint has not changed what the sensor did in the last eight hours, nor what is usual for it.
        """
        rows = self.definitions
        digest: Int64 = np.zeros(len(rows), np.int64)
        for name in ("detector", "direction", "parameters", "time_zone"):
            codes, words = rows.words(name)
            told = np.array([_digest(word) for word in words], np.int64)
            digest = (digest * _MIX + told[codes]) % _PRIME
        for name in ("sensor_id", "other_sensor_id"):
            digest = (digest * _MIX + rows.numbers(name)) % _PRIME
        return np.stack([rows.numbers("definition_id"), digest], axis=1).astype(np.int32)

    def shared(self, thing: Thing) -> Thing:
        """The thing, or an equal one that was given before: what detectors have alike is in memory once, and worked out once."""
        for known in self._shared:
            if type(known) is type(thing) and known == thing:
                return known
        self._shared.append(thing)
        return thing

    def of(self, detector: str) -> Int32:
        """Indices of the definitions that use `detector`, int32, ascending."""
        return np.flatnonzero(self.definitions.where("detector", detector)).astype(np.int32)

    def is_low(self) -> NDArray[np.bool_]:
        """Whose condition holds while the number is at or below the setpoint, bool."""
        return self.definitions.where("direction", "low")
