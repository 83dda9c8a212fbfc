"""An alarm's row worked out anew from its transitions: what they say is what holds, or somebody has changed one of the two."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from alerting.alarm import Happening, State, Suppression
from alerting.chain import Link
from alerting.ledger import TAKES_OVER

_PLANT: Final = {Happening.RAISE.value: True, Happening.CLEAR.value: False, Happening.EXERCISE_OVER.value: False}
_CLOSES: Final = frozenset({Happening.RESOLVE.value, Happening.EXERCISE_OVER.value})


@dataclass(frozen=True, slots=True)
class Row:
    """What `alarm` holds of one alarm, but for its onset: whether a call runs, the queue knows.

    Args:
        suppression_reason, suppressed_by: of the suppression that lies over it; None where none does.
    """

    state: str = State.NORMAL.value
    active: bool = False
    suppression: str = Suppression.NONE.value
    suppressed_until: datetime | None = None
    suppression_reason: str | None = None
    suppressed_by: int | None = None
    occurrence_id: int | None = None
    changed_at: datetime | None = None
    transitions: int = 0

    def after(self, link: Link) -> Row:
        """The row once this transition is written down."""
        free = link.suppression == Suppression.NONE
        begins = not free and (self.suppression == Suppression.NONE or link.event in TAKES_OVER)
        return Row(
            state=link.to_state,
            active=_PLANT.get(link.event, self.active),
            suppression=link.suppression,
            suppressed_until=None if free else link.until if begins else self.suppressed_until,
            suppression_reason=None if free else link.reason if begins else self.suppression_reason,
            suppressed_by=None if free else link.person_id if begins else self.suppressed_by,
            occurrence_id=None if link.event in _CLOSES else link.occurrence_id,
            changed_at=link.at,
            transitions=link.number,
        )

    def differs(self, other: Row) -> str | None:
        """The first column in which another row says something else; None where they agree."""
        return next((f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)), None)
