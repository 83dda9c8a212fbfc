"""Alarms in the Common Alerting Protocol (CAP 1.2, OASIS 2010), so that a program of somebody else's can take them on. Pure.

An occurrence is a series of messages: the first is an Alert, each change of the alarm an Update, its end a Cancel; what comes
back after that is an Alert anew. What is put aside when it begins is told of once it calls people. Their identifiers are made of the occurrence and the number of the change, so they never change.
What the values stand for is in docs/reference/cap.md; clauses are cited there, and were not verified against the standard's text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring
from zoneinfo import ZoneInfo

from alerting.preference import zone_of
from api.store.cap import Step, Told
from api.words.texts import later
from core.i18n import translations
from core.sensor_faults import OF_SENSOR

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE: Final = "application/cap+xml"
LANGUAGES: Final = {"zh": "zh-CN", "en": "en-US"}  # ours -> as RFC 3066 writes it (CAP 3.2.2)
SEVERITY: Final = {"life-safety": "Extreme", "high": "Severe", "medium": "Moderate", "low": "Minor"}
URGENCY: Final = {"life-safety": "Immediate", "high": "Immediate", "medium": "Expected", "low": "Future"}
CERTAINTY: Final = {  # by what found it; whatever is not here has judged, not measured
    **dict.fromkeys(("limit", "rate", "exposure", "time_over", "difference"), "Observed"),
    **dict.fromkeys(("time_to_limit", "forecast"), "Likely"),
    **dict.fromkeys(OF_SENSOR, "Unknown"),  # a sensor that does not work: what is there is not known
}
MOST_REFERENCES: Final = 50  # earlier messages that one names, the newest
_NORMAL: Final = "A"
_CLEARED: Final = frozenset("ADEF")  # the condition no longer holds: latched, or back to normal
_IDENTIFIER: Final = re.compile(r"davy-([0-9]{1,18})-([0-9]{1,6})")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_STANDING: Final = {
    "none": "",
    "shelved": later("Somebody has put this alarm aside for a while: it calls nobody meanwhile."),
    "by_design": later("This alarm is suppressed by the plant's own rules: it calls nobody meanwhile."),
    "out_of_service": later("This alarm is out of service: it calls nobody meanwhile."),
}
_OVER: Final = later("The condition has ended. This is no all-clear: the people there decide.")
_DRILL: Final = later(
    "A drill is announced at this place. This alarm comes from the plant: treat it as real unless who leads the drill says otherwise."
)
_MADE_UP: Final = later("This is no real alarm: it comes from made-up or replayed readings.")
_TRIED: Final = later("This is an exercise: nothing has happened at the plant.")
_RESTRICTED: Final = "For those to whom the company has given the address of this feed."


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the series.

    Args:
        number: of the change of the alarm that it tells.
        kind: Alert, Update or Cancel.
    """

    number: int
    kind: str
    sent: datetime
    state: str
    suppression: str


def series(steps: Sequence[Step]) -> list[Said]:
    """Every message about an occurrence so far. One that is put aside from its beginning is told of once it is not.

    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> [said.kind for said in series([Step(1, at, state, "none") for state in "BCAB"])]
    ['Alert', 'Update', 'Cancel', 'Alert']
    """
    found: list[Said] = []
    for number, step in enumerate(steps, start=1):
        begins = not found or found[-1].kind == "Cancel"
        if begins and (step.suppression != "none" or step.state == _NORMAL):
            continue
        kind = "Alert" if begins else "Cancel" if step.state == _NORMAL else "Update"
        found.append(Said(number, kind, step.recorded_at, step.state, step.suppression))
    return found


def identifier(occurrence_id: int, number: int) -> str:
    """Of a message: no space, comma, `<` or `&` (CAP 3.2.1)."""
    return f"davy-{occurrence_id}-{number}"


def parsed(text: str) -> tuple[int, int] | None:
    """(occurrence, number) of an identifier; None for any other text.

    >>> parsed("davy-17-2"), parsed("davy-17")
    ((17, 2), None)
    """
    match = _IDENTIFIER.fullmatch(text)
    return None if match is None else (int(match[1]), int(match[2]))


def sender(told: Told, host: str) -> str:
    """Who says so: the company's Davy."""
    return f"{told.company_key}@{host}"


def status(told: Told) -> str:
    """Actual; Exercise for an alarm made to try people; Test for what no plant has measured. A drill that is announced makes no alarm of
    the plant an exercise: it may be real.
    """
    return "Exercise" if told.exercise else "Test" if told.simulated or told.replayed else "Actual"


def when(at: datetime, zone: str) -> str:
    """An instant as CAP 3.3.2 writes it: whole seconds, an offset, never a Z.

    >>> when(datetime(2026, 1, 1, 0, 30, 5, 999, tzinfo=UTC), "Asia/Shanghai"), when(datetime(2026, 1, 1, tzinfo=UTC), "UTC")
    ('2026-01-01T08:30:05+08:00', '2026-01-01T00:00:00-00:00')
    """
    known = zone_of(zone) or ZoneInfo("UTC")
    text = at.astimezone(known).isoformat(timespec="seconds")[:25]
    return text.replace("+00:00", "-00:00")


def message(told: Told, said: Said, earlier: Sequence[Said], *, host: str, base: str) -> bytes:
    """One CAP alert.

    Args:
        earlier: the messages before it since the last Alert, that one included.
    """
    alert = Element("alert", {"xmlns": NAMESPACE})
    _add(alert, "identifier", identifier(told.occurrence_id, said.number))
    _add(alert, "sender", sender(told, host))
    _add(alert, "sent", when(said.sent, told.time_zone))
    _add(alert, "status", status(told))
    _add(alert, "msgType", said.kind)
    _add(alert, "source", "Davy")
    _add(alert, "scope", "Restricted")
    _add(alert, "restriction", _RESTRICTED)
    if told.exercise:
        _add(alert, "note", f"Exercise davy-{told.occurrence_id}")  # CAP 3.2.1: its identifier belongs here
    if said.kind != "Alert":
        _add(alert, "references", " ".join(
            f"{sender(told, host)},{identifier(told.occurrence_id, each.number)},{when(each.sent, told.time_zone)}"
            for each in earlier[-MOST_REFERENCES:]
        ))  # fmt: skip
    _add(alert, "incidents", f"davy-{told.occurrence_id}")
    for language in LANGUAGES:
        _info(alert, told, said, language, base)
    return bytes(tostring(alert, encoding="utf-8", xml_declaration=True))


def _info(alert: Element, told: Told, said: Said, language: str, base: str) -> None:
    _ = translations(language).gettext
    is_zh = language == "zh"
    over = said.state in _CLEARED
    title = told.title_zh if is_zh else told.title
    site, zone = (told.site_zh, told.zone_zh) if is_zh else (told.site, told.zone)
    standing = [_(text) for text in (
        _OVER if over else "", _STANDING[said.suppression], _MADE_UP if status(told) == "Test" else "", _DRILL if told.drill else "",
        _TRIED if told.exercise else "",
    ) if text]  # fmt: skip
    block = SubElement(alert, "info")
    _add(block, "language", LANGUAGES[language])
    _add(block, "category", "Safety")
    _add(block, "event", title)
    if not over:
        _add(block, "responseType", "Execute" if said.suppression == "none" else "Monitor")
    _add(block, "urgency", "Past" if over else URGENCY[told.priority])
    _add(block, "severity", SEVERITY[told.priority])
    _add(block, "certainty", CERTAINTY.get(told.detector, "Possible"))
    _add(block, "onset", when(told.began_at, told.time_zone))
    _add(block, "senderName", told.company_zh if is_zh else told.company)
    _add(block, "headline", f"{title} · {zone or site}")
    _add(block, "description", "\n".join([told.consequence_zh if is_zh else told.consequence, *standing]))
    _add(block, "instruction", told.response_zh if is_zh else told.response)
    _add(block, "web", f"{base}/occurrences/{told.occurrence_id}")
    for name, value in (
        ("davy:priority", told.priority),
        ("davy:state", said.state),
        ("davy:suppression", said.suppression),
    ):
        _pair(block, "parameter", name, value)
    area = SubElement(block, "area")
    _add(
        area, "areaDesc", " · ".join(part for part in (told.company_zh if is_zh else told.company, site, zone) if part)
    )
    _pair(area, "geocode", "davy:site", told.site_key)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = clean(text)


def _pair(parent: Element, name: str, key: str, value: str) -> None:
    pair = SubElement(parent, name)
    _add(pair, "valueName", key)
    _add(pair, "value", value)


def clean(text: str) -> str:
    """Without the characters that no XML document may hold.

    >>> clean("gas" + chr(11) + " & fire")
    'gas & fire'
    """
    return _NO_XML.sub("", text)


def since_alert(messages: Sequence[Said], number: int) -> list[Said]:
    """The messages before one, from the last Alert on: those it updates or cancels."""
    before = [each for each in messages if each.number < number]
    starts = [index for index, each in enumerate(before) if each.kind == "Alert"]
    return before[starts[-1] :] if starts else []


def newest(told: Sequence[Told], steps: Mapping[int, Sequence[Step]]) -> list[tuple[Told, Said]]:
    """The message that holds now, of each occurrence that has one."""
    found = [(each, series(steps.get(each.occurrence_id, ()))) for each in told]
    return [(each, messages[-1]) for each, messages in found if messages]
