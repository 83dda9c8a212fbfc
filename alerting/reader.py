"""The person who reads a message: their language, and how it writes lists, lengths of time, instants and a plant's own texts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_timedelta, get_timezone_name

from core.i18n import locale_of, translations

Fields = dict[str, str | float | int | bool | None]  # a message for machines: JSON types only

LONGEST_FIELD: Final = (
    1500  # characters of one plant-written text; ten of them stay below a webhook's 20 kB in any script
)


class Reader:
    """How one person is written to.

    Args:
        language: "zh" or "en".
    """

    def __init__(self, language: str) -> None:
        self.gettext = translations(language).gettext
        self.locale = locale_of(language)
        self._zh = language == "zh"

    def own(self, english: str | None, chinese: str | None) -> str:
        """A text of the plant in the reader's language, on one line and not too long."""
        text = " ".join(((chinese if self._zh else english) or english or "").split())
        return text if len(text) <= LONGEST_FIELD else text[: LONGEST_FIELD - 1] + "…"

    def listed(self, *parts: str) -> str:
        """Parts of a place, the largest first; empty ones are left out."""
        return (" · " if self._zh else ", ").join(filter(None, parts))

    def duration(self, seconds: float) -> str:
        """A length of time in its largest unit."""
        style: Literal["short", "long"] = "short" if self._zh else "long"  # 60秒 and 60 seconds
        return format_timedelta(timedelta(seconds=seconds), threshold=2, format=style, locale=self.locale)

    def instant(self, at: datetime, time_zone: str) -> str:
        """In the site's zone, which the clock on the wall shows."""
        local = at.astimezone(ZoneInfo(time_zone))
        words = {"at": format_datetime(local, "yyyy-MM-dd HH:mm:ss", locale=self.locale)}
        return self.gettext("%(at)s (%(zone)s)") % {**words, "zone": get_timezone_name(local, locale=self.locale)}

    def what_this_is_not(self) -> str:
        """The last line of every message."""
        _ = self.gettext
        return _(
            "Davy is a second pair of eyes. It is not a safety system and not a fire alarm: your own alarms and your site's"
            " plan come first. A message may arrive late, twice or not at all."
        )
