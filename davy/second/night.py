"""One night of one site: gathered, judged apart, kept. The same for the duty and by hand. It raises nothing, and tells nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from core.errors import Unavailable
from core.log import logger
from davy.second.apart import ENDS_LATER_S, Answer, Apart
from davy.second.gather import WINDOW, Gathered, gather, span_of
from davy.second.store import Site
from davy.second.turn import MOST_S, parts_of
from detectors.second.case import LeftOut
from detectors.store import second
from detectors.store.second import Night, Row

TURN_S: Final = 3.0  # so long the other duties wait
LEASE: Final = timedelta(minutes=5)  # a turn, and all the other duties, are done by then
MOST_ATTEMPTS: Final = 3
BROKEN_OFF: Final = "It was begun three times and never ended: the process that did it was stopped each time."

log = logger(__name__)


class Judging:
    """A night that is under way: call `turn` until it says that it is over.

    Args:
        time_s: of this site; of it a part for reading, not counting what other duties take between two turns.
    """

    def __init__(self, site: Site, night: Night, time_s: float = MOST_S) -> None:
        self.site, self.night = site, night
        self._reads_s, self._works_s = parts_of(time_s)
        self._read_s = 0.0
        self._gathered = Gathered()
        self._steps: Iterator[None] | None = None
        self._connection: Connection[Any] | None = None
        self._apart: Apart | None = None

    def turn(self, connection: Connection[Any], now: datetime) -> bool:
        """A few seconds of it; True when it is over, well or not."""
        if not second.hold(connection, self.night, now + LEASE):
            log.info("second_opinion_dropped", site=self.site.key, day=str(self.night.day))
            self.drop()
            return True
        if self.night.attempt > MOST_ATTEMPTS:
            second.fail(connection, self.night, now, BROKEN_OFF)
            return True
        self._connection = connection
        if self._apart is None:
            return self._gather(now)
        try:
            answer = self._apart.poll()
        except Unavailable as error:
            self._apart = None
            log.error("second_opinion_failed", site=self.site.key, day=str(self.night.day), why=str(error))
            second.fail(connection, self.night, now, str(error))
            return True
        if answer is None:
            return False
        self._apart = None
        self._keep(answer, now)
        return True

    def drop(self) -> None:
        """Ends what runs; nothing of it is kept."""
        if self._apart is not None:
            self._apart.end()
        self._apart = None

    def _gather(self, now: datetime) -> bool:
        began, before = time.monotonic(), self._read_s
        if self._steps is None:
            self._steps = gather(
                self._now_connected, self.site, self.night.day, self._gathered, lambda: self._read_s >= self._reads_s
            )
        for _ in self._steps:
            taken = time.monotonic() - began
            self._read_s = before + taken
            if taken > TURN_S:
                return False
        if self._gathered.cases:
            self._apart = Apart(self._gathered.cases, works_s=self._works_s, ends_s=self._works_s + ENDS_LATER_S)
            return False
        self._keep(Answer([], [], 0, 0), now)  # nothing can be judged, and why is said of each
        return True

    def _now_connected(self) -> Connection[Any]:
        assert self._connection is not None
        return self._connection

    def _keep(self, answer: Answer, now: datetime) -> None:
        late = [each.subject for each in answer.left_out if each.why == "time"]
        left: list[LeftOut] = [*self._gathered.left_out, *(each for each in answer.left_out if each.why != "time")]
        missed, goes_on = self._gathered.looked_at(late)
        second.finish(
            self._now_connected(), self.night, [_row(self.site, self.night, each) for each in answer.opinions], now,
            subjects=answer.subjects, windows=answer.windows, left_out=[each.facts() for each in left],
            signals=len(self._gathered.ring), not_looked_at=missed, goes_on=goes_on,
        )  # fmt: skip
        log.info(
            "second_opinion_done",
            site=self.site.key,
            day=str(self.night.day),
            windows=answer.windows,
            left_out=len(left),
            not_looked_at=missed,
        )


def _row(site: Site, night: Night, told: dict[str, Any]) -> Row:
    since, until = span_of(night.day, site.time_zone)
    kind, number = told["subject"]
    return Row(
        kind=kind,
        sensor_id=told["sensor"],
        asset_id=number if kind == "asset" else None,
        from_at=since + told["first"] * WINDOW,
        until_at=min(since + (told["last"] + 1) * WINDOW, until),
        rank=told["rank"],
        models=told["models"],
        facts=told["facts"],
    )
