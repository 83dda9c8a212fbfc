"""What a notification says: to the client's people seconds, place and instructions; to the insurer's only what concerns them.

The insurer's text has no live value, no sensor or zone and nobody's name. Every message says what Davy is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_timedelta

from alerting.delivery import Claimed
from alerting.routing import is_historic
from core.i18n import locale_of, translations
from core.model import Priority

Gettext = Callable[[str], str]
LONGEST_FIELD: Final = (
    1500  # characters of one plant-written text; ten of them stay below a webhook's 20 kB in any script
)
VALUED_IN_UNITS: Final = frozenset({"limit"})  # detectors whose number is the reading itself


@dataclass(frozen=True, slots=True)
class Message:
    """A notification in words, ready for any channel.

    Args:
        key: the receiver's idempotency key.
        thread: what belongs together for the receiver: one occurrence.
        urgent: life safety.
        lines: the text, paragraph by paragraph.
        fields: the same for machines, JSON types only.
    """

    key: str
    thread: str
    language: str
    urgent: bool
    subject: str
    lines: tuple[str, ...]
    fields: dict[str, str | float | int | bool | None]

    @property
    def text(self) -> str:
        """The text as one."""
        return "\n".join(self.lines)


def compose(claimed: Claimed, *, now: datetime, public_url: str) -> Message:
    """The message for one recipient, in their language.

    Args:
        public_url: address of Davy as people type it; the link to the occurrence starts with it.
    """
    words = _Words(claimed, now)
    insurer = claimed.audience == "insurer"
    link = f"{public_url.rstrip('/')}/occurrences/{claimed.occurrence_id}"
    lines = words.for_insurer() if insurer else words.for_client()
    return Message(
        key=claimed.key,
        thread=f"occurrence-{claimed.occurrence_id}",
        language=claimed.language,
        urgent=claimed.priority == Priority.LIFE_SAFETY,
        subject=words.subject(),
        lines=(*lines, link, "", words.what_this_is_not()),
        fields=_fields(claimed, words, link, insurer=insurer),
    )


class _Words:
    """The sentences about one alarm in one language."""

    def __init__(self, claimed: Claimed, now: datetime) -> None:
        self.of = claimed
        self.now = now
        self._: Gettext = translations(claimed.language).gettext
        self._locale = locale_of(claimed.language)
        self._zh = claimed.language == "zh"
        self.historic = is_historic(claimed.onset, claimed.created_at)

    def title(self) -> str:
        return self.own(self.of.title, self.of.title_zh)

    def site(self) -> str:
        return self.own(self.of.site, self.of.site_zh)

    def priority(self) -> str:
        _ = self._
        return {
            Priority.LIFE_SAFETY: _("Life safety"),
            Priority.HIGH: _("High"),
            Priority.MEDIUM: _("Medium"),
            Priority.LOW: _("Low"),
        }[Priority(self.of.priority)]

    def subject(self) -> str:
        _ = self._
        parts = {"priority": self.priority(), "title": self.title(), "site": self.site(), "waited": self._since_onset()}
        if self.historic:
            return _("[%(priority)s] Learnt %(waited)s late: %(title)s, %(site)s") % parts
        if self.escalated():
            return _("[%(priority)s] Nobody has acknowledged for %(waited)s: %(title)s, %(site)s") % parts
        return _("[%(priority)s] %(title)s, %(site)s") % parts

    def for_client(self) -> tuple[str, ...]:
        _ = self._
        of = self.of
        return (
            *self._opening(),
            _("Where: %(place)s") % {"place": self.place()},
            _("Since: %(when)s") % {"when": self._instant(of.onset)},
            *self._number(),
            "",
            _("Possible consequence: %(text)s") % {"text": self.own(of.consequence, of.consequence_zh)},
            _("What to do: %(text)s") % {"text": self.own(of.response, of.response_zh)},
            _("Time to respond: %(time)s") % {"time": self._duration(of.respond_within_s)},
            "",
            _("Acknowledge, and say what was done:"),
        )

    def for_insurer(self) -> tuple[str, ...]:
        _ = self._
        return (
            *self._opening(),
            _("Site: %(company)s, %(site)s")
            % {"company": self.own(self.of.company, self.of.company_zh), "site": self.site()},
            _("Since: %(when)s") % {"when": self._instant(self.of.onset)},
            "",
            _("The occurrence:"),
        )

    def place(self) -> str:
        of = self.of
        zone = self.own(of.zone, of.zone_zh or of.zone) if of.zone else None
        parts = [self.own(of.company, of.company_zh), self.site(), zone, self.own(of.sensor, of.sensor_zh)]
        return (" · " if self._zh else ", ").join(part for part in parts if part)

    def what_this_is_not(self) -> str:
        return self._(
            "Davy is a second pair of eyes. It is not a safety system and not a fire alarm: your own alarms and your site's"
            " plan come first. A message may arrive late, twice or not at all."
        )

    def escalated(self) -> bool:
        return self.of.due_at > self.of.onset

    def _opening(self) -> tuple[str, ...]:
        _ = self._
        opening = [f"{self.priority()}: {self.title()}"]
        if self.historic:
            opening.append(
                _("This happened %(waited)s before Davy learnt of it; the readings came late.")
                % {"waited": self._since_onset()}
            )
        elif self.escalated():
            opening.append(_("Nobody has acknowledged this alarm for %(waited)s.") % {"waited": self._since_onset()})
        return tuple(opening)

    def _number(self) -> tuple[str, ...]:
        of = self.of
        if of.value is None:
            return ()
        unit = f" {display_unit(of.unit)}" if of.detector in VALUED_IN_UNITS else ""
        parts = {"value": f"{of.value:.4g}{unit}", "setpoint": f"{of.setpoint:.4g}{unit}"}
        return (self._("Value: %(value)s, limit: %(setpoint)s") % parts,)

    def _since_onset(self) -> str:
        """How long ago it began: when learnt of, for the past; when this is due, for a call."""
        until = self.of.created_at if self.historic else max(self.of.due_at, self.of.onset)
        return self._duration((until - self.of.onset).total_seconds())

    def _duration(self, seconds: float) -> str:
        return format_timedelta(timedelta(seconds=seconds), threshold=2, locale=self._locale)

    def _instant(self, at: datetime) -> str:
        """In the site's zone, which the reader's clock on the wall shows."""
        local = at.astimezone(ZoneInfo(self.of.time_zone))
        return f"{format_datetime(local, 'yyyy-MM-dd HH:mm:ss', locale=self._locale)} ({self.of.time_zone})"

    def own(self, english: str | None, chinese: str | None) -> str:
        """A text of the plant in the reader's language, on one line and not too long."""
        text = " ".join(((chinese if self._zh else english) or english or "").split())
        return text if len(text) <= LONGEST_FIELD else text[: LONGEST_FIELD - 1] + "…"


def display_unit(code: str) -> str:
    """A UCUM code as people write it.

    >>> display_unit("%{LEL}"), display_unit("Cel"), display_unit("mg/m3")
    ('% LEL', '°C', 'mg/m³')
    """
    return _DISPLAYED.get(code, code)


_DISPLAYED: Final = {
    "%{LEL}": "% LEL", "Cel": "°C", "mg/m3": "mg/m³", "[ppm]": "ppm", "1": "", "m3/h": "m³/h", "Ohm": "Ω", "deg": "°",
}  # fmt: skip


def _fields(claimed: Claimed, words: _Words, link: str, *, insurer: bool) -> dict[str, str | float | int | bool | None]:
    shared: dict[str, str | float | int | bool | None] = {
        "key": claimed.key,
        "occurrence": claimed.occurrence_id,
        "audience": claimed.audience,
        "definition": claimed.definition_key,
        "priority": claimed.priority,
        "title": words.title(),
        "company": words.own(claimed.company, claimed.company_zh),
        "site": words.site(),
        "onset": claimed.onset.isoformat(),
        "step": claimed.step,
        "historic": words.historic,
        "link": link,
    }
    if insurer:
        return shared
    return shared | {
        "place": words.place(),
        "value": claimed.value if claimed.value is not None and math.isfinite(claimed.value) else None,
        "setpoint": claimed.setpoint,
        "unit": claimed.unit if claimed.detector in VALUED_IN_UNITS else None,
        "consequence": words.own(claimed.consequence, claimed.consequence_zh),
        "response": words.own(claimed.response, claimed.response_zh),
        "respond_within_s": claimed.respond_within_s,
    }
