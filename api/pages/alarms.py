"""The alarm list: what waits for somebody first, what is shelved always on view."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter, Request
from fastapi.responses import Response

from alerting.fold import look_first
from alerting.reader import Reader
from api.gate import Having
from api.incidents import Entry, entries
from api.pages.frame import ask_frame, person_page
from api.permissions import Right
from api.store import impairments, suppressions
from api.store.alarms import OpenAlarm
from api.store.approvals import ask_waiting
from api.store.storms import ask_storms
from api.visitor import Visitor
from api.web import Here, Web
from api.words.alarms import UNACKNOWLEDGED
from api.words.approvals import WAITING
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

    @property
    def entries(self) -> list[Entry]:
        """The same with the alarms of one incident together."""
        return entries(self.alarms)


# The gate as a call and not as a dependency, as other routes have it: FastAPI sends each of those to a thread and back, and this page is asked
# for by every screen of a plant at once.
_reader = Having(Right.SEE_ALARMS)


@router.get("/alarms")
def alarm_page(web: Here, request: Request) -> Response:
    """The whole page."""
    return _list(web, _reader(request, web), "alarms.html")


@router.get("/alarms/list")
def alarm_list(web: Here, request: Request) -> Response:
    """The part of it that changes."""
    return _list(web, _reader(request, web), "_alarm_list.html")


def _list(web: Web, visitor: Visitor, template: str) -> Response:
    """All of the page is asked for in one message: while the machine is busy, each way to the database and back is what takes long."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        with connection.pipeline():
            asked = web.boards.ask(connection, visitor)
            frame = ask_frame(connection, now)
            drills = suppressions.ask_drills(connection, now)
            storms = ask_storms(connection)
            waits = ask_waiting(connection, visitor.person_id, now)
            out = impairments.ask_out_now(connection, now) if visitor.may(Right.SEE_IMPAIRMENTS) else None
        board = asked()
    return person_page(
        web,
        visitor,
        template,
        frame=frame(),
        sections=sections(board.rows),
        values=board.values,
        out=out.fetchone() if out else None,
        drills=drills.fetchall(),
        storms=storms.fetchall(),
        more=board.count - len(board.rows),
        many_companies=len({row.company for row in board.rows}) > 1 or visitor.everything,
        may_act=visitor.may(Right.ACT),
        waits=waits.fetchall(),
        WAITING=WAITING,
        look_first=look_first,
        reader=Reader(visitor.language),
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
