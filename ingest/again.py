"""Rejected messages taken again, once the map of their site is mended: a source of lots beside the broker's.

What a person asks for is a row that names site, device and reason, never content. The messages are read as they were kept, and go
through the six steps as any others, by the topic they came on: what was not the device's to say then is not now. Their readings
are judged as what they are: late where their sensor has been judged further, in full where it was never heard before; what of
them is stored already finds its key taken. What came of each is written in the
transaction that stores its batch, so asking twice, or a kill at any point, stores nothing twice (docs/decisions/0025).
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import psycopg
from psycopg import Connection

from core.db import Token, first_line, transaction
from core.errors import DatabaseAway
from core.log import logger
from ingest.instant import instant, microseconds
from ingest.session import Session
from ingest.source import Again, Clock, Kept, Lot, RawMessage, Source, SourceReport
from ingest.store import again as store

LOOK_S: Final = 1.0
BUSY_S: Final = 0.05  # between looks whether the last lot is stored, at first
CALM_S: Final = 2.0  # and at most, while a spool is drained
# A lot that is not stored by then is given again: its batch may have been lost with a damaged spool.
LOST_S: Final = 120.0
FAREWELL_S: Final = 10.0

log = logger(__name__)


class AgainSource:
    """A source that gives lots of kept messages between those of another one, a live one after each.

    Args:
        source: the broker's.
        conninfo: of the database, as the role ingest.
        worker: whose map must be the one in force.
        look_s: how often it is looked whether somebody asks.
        lost_s: after how long a lot that was taken and is not stored is given again.
    """

    def __init__(
        self,
        source: Source,
        conninfo: str,
        token: Token,
        worker: str,
        clock: Clock,
        look_s: float = LOOK_S,
        lost_s: float = LOST_S,
    ) -> None:
        self._source = source
        self._session = Session(conninfo)
        self._token = token
        self._worker = worker
        self._clock = clock
        self._look_s = look_s
        self._lost_s = lost_s
        self._stop = threading.Event()
        self._news = threading.Condition()
        self._ready: Lot | None = None
        self._live_next = True
        self._thread = threading.Thread(target=self._run, name="again", daemon=True)

    def start(self) -> None:
        """Connects to the broker, and begins to look for requests.

        Raises:
            BrokerAway: the broker cannot be reached or refuses us.
        """
        self._source.start()
        self._thread.start()

    def take(self, most: int, most_bytes: int, wait_s: float, gathered_s: float = 0.0) -> Lot:
        """Kept messages where some are wanted and the last lot was a live one, else those of the broker."""
        if not self._live_next and self._ready is not None:
            with self._news:
                kept, self._ready = self._ready, None
                self._news.notify_all()
            if kept is not None:
                self._live_next = True
                now_us = self._clock()
                return Lot([message._replace(received_us=now_us) for message in kept.messages], kept.again)
        self._live_next = False
        return self._source.take(most, most_bytes, 0.0 if self._ready is not None else wait_s, gathered_s)

    def wake(self) -> None:
        """Ends a wait in `take`."""
        self._source.wake()

    def ack(self, lot: Lot) -> None:
        """To the broker; kept messages are settled with their batch."""
        if lot.again is None:
            self._source.ack(lot)

    def report(self) -> SourceReport:
        """What is known of the broker."""
        return self._source.report()

    def stop(self) -> None:
        """Ends both; a request that is not finished goes on with the next start."""
        self._stop.set()
        with self._news:
            self._news.notify_all()
        self._source.stop()
        if self._thread.is_alive():
            self._thread.join(FAREWELL_S)

    # --- a thread of its own: no batch waits for it ---

    def _run(self) -> None:
        while not self._stop.wait(self._look_s):
            try:
                while not self._stop.is_set() and self._serve(self._session.connection()):
                    pass
            except (DatabaseAway, psycopg.Error) as error:
                log.warning("replays_not_read", reason=first_line(error))
                self._session.close()
        self._session.close()

    def _serve(self, connection: Connection[Any]) -> bool:
        """One portion of the oldest request; False where nobody asks."""
        with transaction(connection, self._token()):
            asked = store.next_asked(connection, self._worker, instant(self._clock()))
            if asked is None:
                return False
            rows = store.next_kept(connection, asked)
            if not rows:
                store.finish(connection, asked.replay_id, instant(self._clock()))
                log.info("rejected_taken_again", site=asked.site, device=asked.device, reason=asked.reason)
                return True
        upto = rows[-1].rejected_id
        messages = [
            RawMessage(r.topic, r.payload, 0, False, False, 0, 0, Kept(r.rejected_id, microseconds(r.first_at)))
            for r in rows
        ]
        with self._news:
            self._ready = Lot(messages, Again(asked.replay_id, upto))
            self._news.wait_for(lambda: self._ready is None or self._stop.is_set())
        return self._wait_for(connection, Again(asked.replay_id, upto))

    def _wait_for(self, connection: Connection[Any], given: Again) -> bool:
        """Until the lot is stored, or long enough that it may be lost: what is next is then read anew, and a lot that comes twice is
        settled once. False where the process is to end.
        """
        began = time.monotonic()
        while not self._stop.wait(pause_s(waited_s := time.monotonic() - began)):
            with transaction(connection, self._token()):
                if store.done_upto(connection, given.replay_id) >= given.upto_id:
                    return True
            if waited_s >= self._lost_s:
                log.warning("replay_given_again", replay=given.replay_id, upto=given.upto_id, waited_s=round(waited_s))
                return True
        return False


def pause_s(waited_s: float) -> float:
    """How long until the next look, by how long it has been waited: a lot is stored in a tenth of a second or, with a spool, in minutes.

    >>> pause_s(0.0), pause_s(1.0), pause_s(60.0)
    (0.05, 0.25, 2.0)
    """
    return min(CALM_S, max(BUSY_S, waited_s / 4))
