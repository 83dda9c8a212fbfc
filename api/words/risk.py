"""Words of findings and impairments: states, grades, what happened, deadlines. Pure; every function takes the reader's texts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from gettext import NullTranslations
from typing import Any, Protocol

from api.words.numbers import duration, instant
from api.words.texts import later
from risk import finding as rules
from risk.finding import Grade, State
from risk.patience import put_in_hand

GRADES = {"general": later("General hazard"), "major": later("Major hazard")}
STATES = {
    "reported": later("To be put in hand"),
    "rectifying": later("Being put right"),
    "claimed_done": later("To be verified"),
    "closed": later("Closed"),
}
EVENTS = {
    "reported": later("Reported"),
    "graded": later("Graded"),
    "assigned": later("Put in hand"),
    "extended": later("Deadline extended"),
    "claimed_done": later("Said to be done"),
    "verified": later("Verified and closed"),
    "sent_back": later("Sent back"),
    "reopened": later("Opened again"),
    "noted": later("Note"),
    "photo_added": later("Photo added"),
}
SOURCES = {
    "person": later("seen by a person"),
    "occurrence": later("opened from an occurrence"),
    "silent_detector": later("opened by Davy: a mandatory detector is silent"),
}
SHOWS = {"before": later("Before"), "after": later("After")}
KINDS = {
    "sprinkler_valve": later("Sprinkler valve closed"),
    "fire_pump": later("Fire pump"),
    "fire_panel": later("Fire alarm panel"),
    "detector_bypass": later("Detector bypassed"),
    "gas_suppression": later("Gas extinguishing system"),
    "other": later("Other protection"),
}
STANDINGS = {
    "planned": later("Planned"),
    "open": later("Out of service"),
    "overrun": later("Overrun: should be back in service"),
    "restored": later("Restored"),
}
CHANGES = {
    "impairment_begun": later("Taken out of service"),
    "impairment_extended": later("Extended"),
    "impairment_restored": later("Restored"),
}


class Due(Protocol):
    """What a deadline is said of."""

    @property
    def state(self) -> str: ...
    @property
    def grade(self) -> str: ...
    @property
    def reported_at(self) -> datetime: ...
    @property
    def due_at(self) -> datetime | None: ...


def _due(finding: Due) -> datetime | None:
    return rules.deadline(Grade(finding.grade), finding.reported_at, finding.due_at, put_in_hand())


def is_overdue(finding: Due, now: datetime) -> bool:
    """Whether it should have been verified by now, or a major one put in hand."""
    return rules.overdue(State(finding.state), _due(finding), now)


def deadline(texts: NullTranslations, finding: Due, now: datetime) -> str:
    """How much time is left, or how long it has been over; nothing where no deadline runs."""
    if finding.state == State.CLOSED:
        return ""
    if finding.due_at is None:
        if not is_overdue(finding, now):
            return ""
        return texts.gettext("Overdue: not put in hand for %(time)s") % {
            "time": duration(texts, now - finding.reported_at)
        }
    if is_overdue(finding, now):
        return texts.gettext("Overdue by %(time)s") % {"time": duration(texts, now - finding.due_at)}
    return texts.gettext("%(time)s left") % {"time": duration(texts, finding.due_at - now)}


_FIELDS = (
    ("owner_id", later("Responsible")),
    ("measures", later("Measures")),
    ("funds", later("Funds")),
    ("due_at", later("Deadline")),
    ("contingency", later("Meanwhile")),
    ("grade", later("Grade")),
    ("expected_until", later("Expected end")),
    ("interim_measures", later("Meanwhile")),
)


def changes(
    texts: NullTranslations,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    names: Mapping[int, str],
    zone: str,
    now: datetime,
) -> list[str]:
    """What an act changed, a line each: the word, what it was, what it is now."""
    _ = texts.gettext
    old, new = old or {}, new or {}
    if "speaks" in new:
        return [_silence(texts, new, zone, now)]
    lines = []
    for key, label in _FIELDS:
        if key not in new or (new[key] == old.get(key) and key != "grade"):
            continue
        now_said = _value(texts, key, new[key], names, zone)
        changed = old.get(key) and old[key] != new[key]
        before = _value(texts, key, old[key], names, zone) if changed else None
        said = _("%(old)s → %(new)s") % {"old": before, "new": now_said} if before else now_said
        lines.append(_("%(word)s: %(change)s") % {"word": _(label), "change": said})
    return lines


def _silence(texts: NullTranslations, new: Mapping[str, Any], zone: str, now: datetime) -> str:
    _ = texts.gettext
    if new["speaks"]:
        return _("The detector sends readings again. The finding stays open until a person has dealt with it.")
    since = instant(datetime.fromisoformat(new["silent_since"]), zone, now)
    return _("No usable reading from this mandatory detector; its alarm, or its gateway's, is active since %(at)s.") % {
        "at": since
    }


def _value(texts: NullTranslations, key: str, value: Any, names: Mapping[int, str], zone: str) -> str:
    if key == "owner_id":
        return names.get(int(value), "—") if value is not None else "—"
    if key in ("due_at", "expected_until"):
        return instant(datetime.fromisoformat(value), zone) if value else "—"
    if key == "grade":
        return texts.gettext(GRADES[value]) if value in GRADES else str(value)
    return str(value)


def people_in(events: list[Any]) -> list[int]:
    """Persons whom events name by number."""
    return sorted(
        {int(part["owner_id"]) for event in events for part in (event.old, event.new) if part and part.get("owner_id")}
    )
