"""What open alarm lists are made of, kept until something is heard of their companies: five screens of one plant ask one question.

The wall stays what it is: rows are read under the token of whoever asked first, and given only to who would have read the same, that is
people of one company with one role. What is newest of each sensor is never kept.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg import Connection

from api.news import News
from api.store import alarms
from api.store.alarms import OpenAlarm
from api.visitor import Visitor

# For what changes without news: the name of a sensor, of a person. As old as a page may be that heard nothing and has not asked again.
KEPT_S: Final = 30.0
MOST: Final = 64  # boards of one process: 500 rows of some 1.5 KB each at most


@dataclass(frozen=True, slots=True)
class Asked:
    """What a board was asked for, as it was before it was read.

    Args:
        scope: who reads equal rows.
        heard: how much had been heard of their companies.
        at_s: when, by a clock that never goes back.
    """

    scope: tuple[object, ...]
    heard: tuple[int, ...]
    at_s: float


@dataclass(frozen=True, slots=True)
class Board:
    """What one list shows.

    Args:
        count: how many are open, on the list or not.
        values: the newest value of each alarm's sensor, by definition; None or absent where it says nothing.
    """

    rows: list[OpenAlarm]
    count: int
    values: Mapping[int, float | None]


class Boards:
    """The boards of one web process.

    Args:
        news: who hears that companies changed. While nobody listens, nothing is kept.
        seconds: a clock that never goes back.
    """

    def __init__(self, news: News, seconds: Callable[[], float] = time.monotonic) -> None:
        self._news = news
        self._seconds = seconds
        self._lock = threading.Lock()
        self._boards: OrderedDict[tuple[object, ...], tuple[Asked, Board]] = OrderedDict()

    def ask(self, connection: Connection[Any], visitor: Visitor) -> Callable[[], Board]:
        """The board of the visitor's scope, still to be fetched: inside a pipeline it goes to the database with what the page asks beside it,
        and is called after it. Where nothing was heard since the last one was read, only the newest values are asked for."""
        asked = self._asked(visitor)
        kept = self._kept(asked)
        if kept is not None:
            newest = alarms.ask_newest(connection, kept.rows)
            return lambda: replace(kept, values=dict(newest.fetchall()))
        listed = alarms.ask_open_alarms(connection)

        def board() -> Board:
            rows = listed.fetchall()
            count = alarms.count_open(connection) if len(rows) == alarms.MOST else len(rows)
            read = Board(rows, count, {row.definition_id: row.value for row in rows})
            self._keep(asked, read)
            return read

        return board

    def _asked(self, visitor: Visitor) -> Asked | None:
        """None: an old board could not be told from a new one."""
        if not self._news.listening:
            return None
        heard = self._news.heard(None if visitor.everything else visitor.companies)
        return Asked(_scope(visitor), heard, self._seconds())

    def _kept(self, asked: Asked | None) -> Board | None:
        if asked is None:
            return None
        with self._lock:
            found = self._boards.get(asked.scope)
        if found is None or found[0].heard != asked.heard or asked.at_s - found[0].at_s > KEPT_S:
            return None
        return found[1]

    def _keep(self, asked: Asked | None, board: Board) -> None:
        if asked is None:
            return
        with self._lock:
            self._boards[asked.scope] = (asked, board)
            self._boards.move_to_end(asked.scope)
            while len(self._boards) > MOST:
                self._boards.popitem(last=False)


def _scope(visitor: Visitor) -> tuple[object, ...]:
    """Whose rows are equal. Who is of no company may see themselves among its people, and nobody else does: their board is their own."""
    whose = ("person", visitor.person_id) if visitor.company_id is None else ("company", visitor.company_id)
    return (*whose, visitor.role, visitor.companies)
