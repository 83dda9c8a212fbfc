"""The alarm list: what waits for somebody first, what is shelved always on view."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter
from fastapi.responses import Response

from api.gate import AlarmReader
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import alarms, impairments, suppressions
from api.store.alarms import OpenAlarm
from api.store.storms import storms_now
from api.visitor import Visitor
from api.web import Here, Web
from api.words.alarms import UNACKNOWLEDGED
from api.words.texts import later

router = APIRouter()

SECTIONS = ("waiting", "answered", "returned", "suppressed")
TITLES = {
    "waiting": later("To acknowledge"),
    "answered": later("Acknowledged"),
    "returned": later("Back to normal, to be resolved"),
    "suppressed": later("Shelved or suppressed"),
}
NOTHING = {
    "waiting": later("Nothing waits for you."),
    "suppressed": later("Nothing is shelved."),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the list."""

    key: str
    title: str
    nothing: str | None
    alarms: list[OpenAlarm]


@router.get("/alarms")
def alarm_page(web: Here, visitor: AlarmReader) -> Response:
    """The whole page."""
    return _list(web, visitor, "alarms.html")


@router.get("/alarms/list")
def alarm_list(web: Here, visitor: AlarmReader) -> Response:
    """The part of it that changes."""
    return _list(web, visitor, "_alarm_list.html")


def _list(web: Web, visitor: Visitor, template: str) -> Response:
    with web.acting_for(visitor) as connection:
        rows = alarms.open_alarms(connection)
        count = alarms.count_open(connection) if len(rows) == alarms.MOST else len(rows)
        frame = frame_of(connection, web.clock())
        going_on = suppressions.drills(connection, web.clock())
        storms = storms_now(connection)
        out = impairments.out_now(connection, web.clock()) if visitor.may(Right.SEE_IMPAIRMENTS) else None
    return person_page(
        web,
        visitor,
        template,
        frame=frame,
        sections=sections(rows),
        out=out,
        drills=going_on,
        storms=storms,
        more=count - len(rows),
        many_companies=len({row.company for row in rows}) > 1 or visitor.everything,
        may_act=visitor.may(Right.ACT),
    )


def section_of(alarm: OpenAlarm) -> str:
    """Which part of the list an alarm stands in."""
    if alarm.suppression != "none":
        return "suppressed"
    if alarm.state in UNACKNOWLEDGED:
        return "waiting"
    return "answered" if alarm.state in ("C", "F") else "returned"


def sections(rows: list[OpenAlarm]) -> list[Section]:
    """The parts in their order; an empty one only where its being empty says something."""
    parts = {key: list(group) for key, group in groupby(sorted(rows, key=_order), key=section_of)}
    return [
        Section(key, TITLES[key], NOTHING.get(key), parts.get(key, []))
        for key in SECTIONS
        if parts.get(key) or key in NOTHING
    ]


def _order(alarm: OpenAlarm) -> int:
    return SECTIONS.index(section_of(alarm))  # a stable sort: the store's order holds inside a part
