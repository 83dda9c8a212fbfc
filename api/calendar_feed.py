"""Duty as a calendar that calendar programs subscribe to (iCalendar, RFC 5545). Pure.

Times are written in UTC, so that no definition of a time zone has to come along and none can be wrong; a calendar shows them by its
own clock. A shift keeps its UID for as long as it begins when it does, whoever takes it on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from gettext import NullTranslations
from typing import Final

from icalendar import Calendar, Event

from alerting.roster import By, Roster, Span, spans
from api.store.duty import NoteLine, OverrideLine, RosterLine
from api.words.duty import BY
from api.words.texts import later

BACK: Final = timedelta(days=14)
AHEAD: Final = timedelta(days=84)
REFRESH: Final = timedelta(hours=1)  # how often programs are asked to look again (RFC 7986 5.7)
_NOBODY: Final = later("Nobody is on duty")
_SOMEBODY: Final = later("Somebody at the insurer")


@dataclass(frozen=True, slots=True)
class Filled:
    """A duty position with what is known of it."""

    line: RosterLine
    roster: Roster
    names: Mapping[int, str]
    overrides: Sequence[OverrideLine]
    notes: Sequence[NoteLine]


def window(now: datetime) -> tuple[datetime, datetime]:
    """From when until when a calendar tells: whole days, so that what it says changes once a day and with what people do."""
    today = datetime.combine(now.astimezone(UTC).date(), time(0), UTC)
    return today - BACK, today + AHEAD


def calendar(
    positions: Iterable[Filled],
    *,
    title: str,
    only: int | None,
    language: str,
    texts: NullTranslations,
    base: str,
    host: str,
    now: datetime,
) -> bytes:
    """The calendar as a file.

    Args:
        only: whose shifts; None: everybody's, and those that nobody takes.
        base: address of Davy, for links.
        host: its name, for ids.
    """
    made = Calendar()
    made.add("prodid", "-//Davy//Duty//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("name", title)  # RFC 7986 5.1; before it, programs agreed on the next
    made.add("x-wr-calname", title)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", f"PT{REFRESH // timedelta(hours=1)}H")
    begins_at, ends_at = window(now)
    for each in positions:
        for span in spans(each.roster, begins_at, ends_at):
            cut = (
                span.begins_at == begins_at and span.ends_at <= now
            )  # it began before, and is over: its begin is not known here
            if not cut and (only is None or span.duty.person_id == only):
                made.add_component(_shift(each, span, begins_at, only, language, texts, base, host))
    return bytes(made.to_ical())


def _shift(
    of: Filled,
    span: Span,
    day: datetime,
    only: int | None,
    language: str,
    texts: NullTranslations,
    base: str,
    host: str,
) -> Event:
    line, duty = of.line, span.duty
    position, site = (line.name_zh, line.site_zh) if language == "zh" else (line.name, line.site)
    known = None if duty.person_id is None else of.names.get(duty.person_id)
    who = known or texts.gettext(_NOBODY if duty.person_id is None else _SOMEBODY)
    notes = [note for note in of.notes if span.begins_at <= note.hand_over_at < span.ends_at]
    told = [texts.gettext(BY[duty.by.value]) % {"layer": duty.layer}]
    told += [f"{note.body}\n— {note.name}" if note.name else note.body for note in notes]
    words = [each.made_at for each in of.overrides if each.begins_at < span.ends_at and each.ends_at > span.begins_at]
    made = Event()
    made.add("uid", f"roster-{line.roster_id}-{span.begins_at:%Y%m%dT%H%M%SZ}@{host}")
    made.add("dtstamp", max([day + BACK, *words, *(note.written_at for note in notes)]).astimezone(UTC))
    made.add("dtstart", span.begins_at.astimezone(UTC))
    made.add("dtend", span.ends_at.astimezone(UTC))
    made.add("summary", position if only is not None else f"{who} · {position}")
    made.add("description", "\n\n".join(told))
    made.add("location", site)
    made.add("url", f"{base}/duty#d{line.roster_id}")
    made.add("transp", "OPAQUE" if only is not None else "TRANSPARENT")
    made.add("status", "TENTATIVE" if duty.by in (By.HOLE, By.GONE, By.STRANGER) else "CONFIRMED")
    return made
