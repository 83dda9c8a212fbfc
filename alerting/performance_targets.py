"""What the figures of alarm performance should be, each with where that comes from. Pure.

Nobody here has the standards' texts: every target is as reference/domain.md 3.2 has it, and says that it is unverified. They
assume an operator at a console. What a part-time safety officer with a telephone can bear is far less: those are our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alerting.budget import MOST_A_DAY

ISA: Final = "ANSI/ISA-18.2-2016 / IEC 62682:2014, clause 16"
EEMUA: Final = "EEMUA 191, 3rd edition (2013)"
OURS: Final = "Davy"

MET, OVER, FAR_OVER = "met", "over", "far_over"


@dataclass(frozen=True, slots=True)
class Target:
    """How large a figure may be.

    Args:
        aim: what it should be at most, or, where `least`, at least.
        most: beyond which it is far over; None: there is one number only.
        below: it must be less than `aim`, not at most.
        least: the more the better.
        source: standard, edition, clause; none of them verified against its text.
    """

    aim: float
    most: float | None = None
    below: bool = False
    least: bool = False
    source: str = ISA

    def verdict(self, value: float | None) -> str | None:
        """How a figure stands to it; None of no figure.

        >>> TARGETS["per_day"].verdict(150), TARGETS["per_day"].verdict(301), TARGETS["stale"].verdict(5)
        ('met', 'far_over', 'over')
        >>> TARGETS["precision"].verdict(0.79), TARGETS["precision"].verdict(None)
        ('over', None)
        """
        if value is None:
            return None
        if self.least:
            return MET if value >= self.aim else OVER
        if value < self.aim or (value == self.aim and not self.below):
            return MET
        return FAR_OVER if self.most is not None and value > self.most else OVER


TARGETS: Final = {
    "per_day": Target(150, 300),
    "per_hour": Target(6, 12),
    "per_ten_minutes": Target(1, 2, source=EEMUA),
    "most_in_ten_minutes": Target(10),
    "busy_periods": Target(0.01, below=True),
    "busy_hours": Target(0.01, below=True),
    "flood_share": Target(0.01, below=True),
    "top_share": Target(0.05),
    "chattering": Target(0),
    "fleeting": Target(0),
    "stale": Target(5, below=True),
    "urgent_share": Target(0.05, source=EEMUA),
    "medium_share": Target(0.15, source=EEMUA),
    "nameless": Target(0),
    "told_per_day": Target(5, source=OURS),
    "most_messages": Target(MOST_A_DAY, source=OURS),
    "days_over_budget": Target(0, 2, source=OURS),
    "night_calls_per_week": Target(1, source=OURS),
    "precision": Target(0.8, least=True, source=OURS),
}
