"""A compound as a site file says it: which conditions of a site are looked at together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from core.row import Row

COMPOUND_PREFIX: Final = "_compound."  # of its virtual sensor, and of the definition on it
MOST_PARTS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CompoundPart:
    """One part: the condition of a limit, or a small one of the compound's own that is no alarm by itself.

    Args:
        limit: key of a definition of the same site; None: the part's own condition, which all that follows describes.
        sensor: `device/sensor`.
        unit: what its numbers are in, where a ready compound says it; the sensor must be in the same.
    """

    limit: str | None = None
    sensor: str | None = None
    name: str = ""
    name_zh: str = ""
    detector: str = "limit"
    parameters: Mapping[str, float] = field(default_factory=dict)
    direction: str = "high"
    setpoint: float = 0.0
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    votes: int = 1
    votes_of: int = 1
    unit: str | None = field(default=None, compare=False)
    line: int = field(default=0, compare=False)

    def told(self) -> str:
        """How the journal says it."""
        if self.limit is not None:
            return f"limit {self.limit}"
        sign = "<=" if self.direction == "low" else ">="
        extra = f", {self.votes} of {self.votes_of}" if self.votes_of > 1 else ""
        given = "".join(f", {name} {value:g}" for name, value in sorted(self.parameters.items()))
        delays = f", deadband {self.deadband:g}, on {self.on_delay_s:g} s, off {self.off_delay_s:g} s"
        return f"{self.name}: {self.detector} of {self.sensor} {sign} {self.setpoint:g}{delays}{given}{extra}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompoundRow(Row):
    """Conditions that mean more together than alone; its alarm is the definition `_compound.{key}` on the sensor of that name.

    Args:
        window_s: a part still counts so long after it ended.
        in_order: only parts that began one after the other, as written, count together.
    """

    kind: ClassVar[str] = "compound"
    named_by: ClassVar[tuple[str, ...]] = ("site", "key")
    guarded: ClassVar[frozenset[str]] = frozenset({"window_s", "in_order", "parts", "retired"})
    site: str
    key: str
    window_s: float
    parts: tuple[CompoundPart, ...]
    in_order: bool = False
    retired: bool = False

    @property
    def sensor(self) -> str:
        """Key of its virtual sensor, and of the definition on it."""
        return COMPOUND_PREFIX + self.key
