"""Calls people about life safety while batches wait in the spool: fills `ingest.urgent.Urgent` with alerting's decisions and channels.

`spooled` only puts into a queue; one thread decides (`alerting.standby`) and starts what is due (`sending`). What was sent is booked
in the transaction that brings its alarm into the database. What is being sent at that moment is held there as any sender holds what it
sends; what only waits is left to the database, once that has been seen to have it (`keeper`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.channels import Channel
from alerting.ledger import AlarmKey
from alerting.outbox import LEASE, SENDERS
from alerting.pulse import SEND_TIMEOUT
from alerting.snapshot import LifeSafety, Snapshot
from alerting.standby import Standby, UrgentCall
from alerting.store.bookings import book_beside, book_sent, hold
from alerting.vault import Vault
from core.batch import Event
from core.log import logger
from core.metrics import CallsMetrics
from davy.calls.sending import Sending, stood_in
from davy.calls.store import Journal

MOST_EVENTS: Final = 10_000  # of life safety that wait to be looked at: more than any plant has alarms
OLD: Final = timedelta(days=1)  # a snapshot older than that is used, and said to be old
TURN_S: Final = 0.2
WAITING_TURN_S: Final = 0.05  # while something is to be sent
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Heard:
    """Events to be looked at; `calls`: people are to be called for them, else they went straight to the database."""

    events: list[Event]
    now_us: int
    calls: bool


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A newer snapshot; `behind` as in `Standby.fresh`."""

    snapshot: Snapshot
    behind: bool


@dataclass(frozen=True, slots=True)
class _Unsure:
    """A batch in a transaction whose end nobody has told us: it has ended well when a later batch comes."""

    now_us: int
    events: list[Event]


class Caller:
    """See the module. Any thread may call its methods; `run` has one of its own.

    Args:
        channels: by name, as alerting's.
        clock: aware UTC.
        most_events: of life safety that may wait to be looked at.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        journal: Journal,
        *,
        clock: Callable[[], datetime],
        public_url: str,
        metrics: CallsMetrics,
        send_timeout: timedelta = SEND_TIMEOUT,
        most_events: int = MOST_EVENTS,
        vault: Vault | None = None,
    ) -> None:
        self._most_events = most_events
        self._clock = clock
        self._metrics = metrics
        self._changed = threading.Condition()  # guards what follows
        self._inbox: deque[_Heard | _Fresh] = deque()
        self._inbox_events = 0
        self._defined: list[LifeSafety] | None = None
        self._concerned: frozenset[AlarmKey] | None = None  # made from that
        # When the newest batch was judged that each was told of, microseconds UTC.
        self._spooled_upto, self._applied_upto = -1, -1
        self._unsure: _Unsure | None = None
        self._stored = 0
        self._said_nothing_known = False
        self._standby: Standby | None = None  # of the thread of `run` alone
        self.turned_at: datetime | None = None
        self.calls = Sending(
            channels, journal, clock=clock, public_url=public_url, metrics=metrics, send_timeout=send_timeout, wake=self._wake,
            vault=vault or Vault(),
        )  # fmt: skip

    # --- told by ingest ---

    def spooled(self, events: Sequence[Event], now_us: int) -> None:
        """See `ingest.urgent.Urgent`."""
        with self._changed:
            self._make_sure(now_us)
            self._spooled_upto = max(self._spooled_upto, now_us)
            if not events:
                return
            if self._concerned is not None:
                self._hear(events, now_us, calls=True)
                return
            self._metrics.unheard.inc(len(events))
            if not self._said_nothing_known:
                self._said_nothing_known = True
                log.error("nobody_called", reason="There is no snapshot of whom to call: the database will call.")

    def applied(self, connection: Connection[Any], events: Sequence[Event], now_us: int) -> None:
        """See `ingest.urgent.Urgent`."""
        with self._changed:
            self._make_sure(now_us)
            self._applied_upto = max(self._applied_upto, now_us)
            if events and now_us > self._spooled_upto:
                self._unsure = _Unsure(now_us, list(events))
        if not events:
            return
        now = self._clock()
        alarms = {AlarmKey(event.definition_id, event.sensor_id) for event in events}
        sent, sending = self.calls.claim(alarms, now)
        if sent:
            book_beside(connection, [call for call in sent if stood_in(call)])
            log.info("calls_booked", calls=len(sent), booked=book_sent(connection, sent))
        if sending:
            hold(connection, sending, now + LEASE)

    def _make_sure(self, now_us: int) -> None:
        """A batch of `now_us` comes, so the database has all that went straight to it before."""
        unsure, self._unsure = self._unsure, None
        if unsure is not None and unsure.now_us < now_us and self._concerned is not None:
            self._stored += self._hear(unsure.events, unsure.now_us, calls=False)

    def _hear(self, events: Sequence[Event], now_us: int, *, calls: bool) -> bool:
        """Puts the life-safety ones into the queue; what does not fit is left to the database, raises last of all."""
        assert self._concerned is not None
        ours = [event for event in events if AlarmKey(event.definition_id, event.sensor_id) in self._concerned]
        room = self._most_events - self._inbox_events
        if len(ours) > room:
            raises = [event for event in ours if event.active][:room]
            log.error("calls_overflow", left_to_the_database=len(ours) - len(raises))
            self._metrics.unheard.inc(len(ours) - len(raises))
            ours = raises
        if not ours:
            return False
        self._inbox.append(_Heard(ours, now_us, calls))
        self._inbox_events += len(ours)
        self._changed.notify_all()
        return True

    # --- told by who looks after the snapshot ---

    def position(self) -> int:
        """Moves when an event goes straight to the database; to be asked before a snapshot is read there."""
        with self._changed:
            return self._stored

    @property
    def behind(self) -> bool:
        """Whether the database does not know yet what is known here."""
        return self._spooled_upto > self._applied_upto

    def renew(self, snapshot: Snapshot, position: int) -> None:
        """A newer snapshot.

        Args:
            position: when it was read.
        """
        with self._changed:
            if snapshot.definitions is not self._defined:  # mostly the same list comes again
                self._defined = snapshot.definitions
                self._concerned = frozenset(each.alarm for each in snapshot.definitions)
            self._said_nothing_known = False
            self._inbox.append(_Fresh(snapshot, self.behind or position != self._stored))
            self._metrics.snapshot_at.set(snapshot.taken_at.timestamp())
            self._changed.notify_all()

    # --- deciding ---

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; what is being sent then is seen through."""
        with ThreadPoolExecutor(SENDERS, "calls-send") as pool:
            while not stop.is_set():
                self.turned_at = self._clock()
                for item in self._arrived():
                    self._take(item)
                self._sweep()
                self.calls.start(pool, self._clock())

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _arrived(self) -> list[_Heard | _Fresh]:
        """What came; waits a moment for something to come."""
        with self._changed:
            if not self._inbox:
                self._changed.wait(TURN_S if self.calls.idle else WAITING_TURN_S)
            items = list(self._inbox)
            self._inbox.clear()
            self._inbox_events = 0
        return items

    def _take(self, item: _Heard | _Fresh) -> None:
        if isinstance(item, _Fresh):
            if self._standby is None:
                self._standby = Standby(item.snapshot)
            else:
                self._standby.fresh(item.snapshot, behind=item.behind)
            return
        assert self._standby is not None  # the snapshot came before
        calls = self._standby.hear(item.events, _EPOCH + timedelta(microseconds=item.now_us))
        if not item.calls or not calls:
            return
        self._plan(calls)
        # Looked at after planning: who applies says so first and looks for calls then, so that one of us sees the other.
        with self._changed:
            applied = item.now_us <= self._applied_upto
        if applied:
            self.calls.claim({call.alarm for call in calls}, self._clock())

    def _sweep(self) -> None:
        """While batches wait: shelves and orders over life safety end although no event comes."""
        with self._changed:
            behind = self.behind
        if self._standby is not None and behind and (calls := self._standby.sweep(self._clock())):
            self._plan(calls)

    def _plan(self, calls: Sequence[UrgentCall]) -> None:
        assert self._standby is not None
        age = self._clock() - self._standby.snapshot.taken_at
        say = log.warning if age > OLD else log.info
        say("calls_planned", calls=len(calls), snapshot_age_s=int(age.total_seconds()))
        for call in calls:
            self.calls.plan(call)
