"""Where Davy itself failed somebody, as facts: alerting finds them, risk keeps them as findings against Davy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


class _AsJson:
    __slots__ = ()

    def as_json(self) -> dict[str, Any]:
        """For a row of the database, instants as text."""
        row = asdict(self)  # type: ignore[call-overload]
        return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTest(_AsJson):
    """The daily delivery test of a site did not arrive, or later than it should.

    Args:
        occurrence_id: under which the exercise stands; None: it never became an alarm.
        took_s: how long it took from its being published, or from its alarm where it began there; None: it did not arrive.
        promised_s: within which it should have arrived.
        missing: which leg of the path did not come (`alerting.store.wire_tests.LEGS`); None: it began with its alarm, or only came late.
    """

    exercise_id: int
    occurrence_id: int | None
    began_at: datetime
    ended_at: datetime
    took_s: float | None
    promised_s: float
    missing: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedLadder(_AsJson):
    """Whoever was to be called for a life-safety alarm was, and nobody answered.

    Args:
        onset: from when people were called.
        steps, calls, people: of the ladder, as many as it had; failed: calls of those that could not be sent.
        last_at: when the last call went out, or failed for good.
        waited_s: for which nobody answered after that: as long as the last step had waited from the onset, and never less than the limit
            gives to answer.
    """

    occurrence_id: int
    title: str
    title_zh: str
    onset: datetime
    steps: int
    calls: int
    failed: int
    people: int
    last_at: datetime
    waited_s: float
