"""Numbers, days and words of a report in its reader's language. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from babel.numbers import format_decimal

from core.i18n import locale_of, translations
from risk.report.month import Month
from risk.report.refusal import later

NONE: Final = "—"
PRIORITIES: Final = {
    "life-safety": later("Life safety"),
    "high": later("High"),
    "medium": later("Medium"),
    "low": later("Low"),
}
SCORES: Final = {"hazard": later("Hazard"), "control": later("Control"), "confidence": later("Confidence")}


@dataclass(frozen=True, slots=True)
class Voice:
    """How one reader is spoken to.

    Args:
        gettext: translates a message id.
        zone: the site's; every instant is told in it.
    """

    language: str
    locale: str
    zone: str
    gettext: Callable[[str], str]

    @classmethod
    def of(cls, language: str, zone: str) -> Voice:
        """The voice of a language, "zh" or "en"."""
        return cls(language, locale_of(language), zone, translations(language).gettext)

    def own(self, english: str, chinese: str) -> str:
        """A name that comes in both languages."""
        return chinese if self.language == "zh" else english

    def word(self, table: Mapping[str, str], word: str) -> str:
        """A word of one of our tables."""
        return self.gettext(table[word]) if word in table else word

    def number(self, value: float | Decimal | None, decimals: int = 0) -> str:
        """With so many decimals; a dash where there is none."""
        if value is None:
            return NONE
        return str(format_decimal(value, format="#,##0." + "0" * decimals if decimals else "#,##0", locale=self.locale))

    def money(self, value: Decimal, currency: str) -> str:
        """An amount with the currency's code."""
        return f"{format_decimal(value, format='#,##0.##', locale=self.locale)} {currency}"

    def percent(self, share: float | None) -> str:
        """Rounded down, so that what is not all is never 100 %.

        >>> Voice.of("en", "UTC").percent(0.99999), Voice.of("en", "UTC").percent(1.0)
        ('99.9 %', '100 %')
        """
        if share is None:
            return NONE
        tenths = math.floor(share * 1000 + 1e-9)
        return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10} %"

    def minutes(self, seconds: float | None) -> str:
        """Seconds as minutes."""
        return self.number(None if seconds is None else seconds / 60, 1)

    def score(self, value: float | None) -> str:
        """Of 0-100: whole points."""
        return self.number(value)

    def month(self, text: str) -> str:
        """A month by its name."""
        return str(format_skeleton("yMMMM", Month.parse(text).first_day(), locale=self.locale))

    def day(self, day: date) -> str:
        """Day and month by name, for a sentence."""
        return str(format_skeleton("MMMd", day, locale=self.locale))

    def date(self, at: datetime | date | None) -> str:
        """A day as tables write it, there."""
        if at is None:
            return NONE
        return (at.astimezone(ZoneInfo(self.zone)).date() if isinstance(at, datetime) else at).isoformat()

    def instant(self, at: datetime | None) -> str:
        """Day and time there, to the minute."""
        return NONE if at is None else at.astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%d %H:%M")

    def interval(self, low: float | None, high: float | None) -> str:
        """From - to.

        >>> Voice.of("en", "UTC").interval(71.2, 80.9)
        '71–81'
        """
        return NONE if low is None or high is None else f"{self.score(low)}–{self.score(high)}"
