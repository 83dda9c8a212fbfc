"""Calls people about life safety while batches wait in the spool: fills `ingest.urgent.Urgent` with alerting's decisions and channels.

`spooled` only puts into a queue. One thread decides (`alerting.standby`) and starts what is due; a few send. What was sent is durable in the
journal before it counts as sent, and is booked in the transaction that brings its alarm into the database. What is being sent at that
moment is held there as any sender holds what it sends; what only waits is left to the database, once that has been seen to have it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.channels import Address, Channel
from alerting.delivery import pause_before_next
from alerting.ledger import AlarmKey
from alerting.message import compose
from alerting.outbox import LEASE, OF_ONE_CHANNEL, SENDERS
from alerting.pulse import SEND_TIMEOUT
from alerting.snapshot import LifeSafety, Snapshot
from alerting.standby import Standby, UrgentCall
from alerting.store.bookings import SentCall, book_sent, hold
from core.batch import Event
from core.errors import DeliveryFailed
from core.log import logger
from core.metrics import CallsMetrics
from davy.calls.store import Journal

MOST_EVENTS: Final = 10_000  # of life safety that wait to be looked at: more than any plant has alarms
MOST_CALLS: Final = 10_000  # to be made
OLD: Final = timedelta(days=1)  # a snapshot older than that is used, and said to be old
_TURN_S: Final = 0.2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Heard:
    """Events to be looked at; `calls`: people are to be called for them."""

    events: list[Event]
    now: datetime
    calls: bool


@dataclass(frozen=True, slots=True)
class _Fresh:
    snapshot: Snapshot
    behind: bool


@dataclass(slots=True)
class _Pending:
    """A call that is to be made.

    Args:
        left_at: since when the database may have it; nothing is sent until somebody has looked.
    """

    call: UrgentCall
    not_before: datetime
    attempt: int = 0
    sending: bool = False
    left_at: datetime | None = None


class Caller:
    """See the module. Any thread may call its methods; `run` has one of its own.

    Args:
        channels: by name, as alerting's.
        clock: aware UTC.
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
    ) -> None:
        self._channels = channels
        self._journal = journal
        self._clock = clock
        self._public_url = public_url
        self._metrics = metrics
        self._send_timeout = send_timeout
        self._changed = threading.Condition()  # guards all that follows
        self._inbox: deque[_Heard | _Fresh] = deque()
        self._inbox_events = 0
        self._concerned: frozenset[AlarmKey] | None = None
        self._defined: list[LifeSafety] | None = None  # what that was made from
        self._pending: dict[str, _Pending] = {}
        self._sending: Counter[str] = Counter()  # by channel
        self._sent = {call.key: call for call in journal.calls()}
        self._spooled_upto = (
            self._applied_upto
        ) = -1  # when the newest batch was judged that was told of, microseconds UTC
        self._stored = 0
        self._said_nothing_known = False
        self.turned_at: datetime | None = None
        self._standby: Standby | None = None  # of the thread of `run` alone
        metrics.unbooked.set(len(self._sent))

    # --- told by ingest ---

    def spooled(self, events: Sequence[Event], now_us: int) -> None:
        """See `ingest.urgent.Urgent`."""
        with self._changed:
            self._spooled_upto = max(self._spooled_upto, now_us)
            if not events:
                return
            if self._concerned is None:
                self._metrics.unheard.inc(len(events))
                if not self._said_nothing_known:
                    self._said_nothing_known = True
                    log.error("nobody_called", reason="There is no snapshot of whom to call: the database will call.")
                return
            self._hear(events, now_us, calls=True)

    def applied(self, connection: Connection[Any], events: Sequence[Event], now_us: int) -> None:
        """See `ingest.urgent.Urgent`."""
        alarms = {AlarmKey(event.definition_id, event.sensor_id) for event in events}
        now = self._clock()
        with self._changed:
            if now_us <= self._spooled_upto:
                self._applied_upto = max(self._applied_upto, now_us)
            elif self._concerned is not None and self._hear(events, now_us, calls=False):
                self._stored += 1
            sent = [call for call in self._sent.values() if AlarmKey(call.definition_id, call.sensor_id) in alarms]
            pending = [each for each in self._pending.values() if each.call.alarm in alarms]
            sending = [each.call.message.key for each in pending if each.sending]
            for each in pending:
                each.left_at = now
        if sent:
            booked = book_sent(connection, sent)
            log.info("calls_booked", calls=len(sent), booked=booked)
        if sending:
            hold(connection, sending, now + LEASE)

    def _hear(self, events: Sequence[Event], now_us: int, *, calls: bool) -> bool:
        """Puts the life-safety ones into the queue; what does not fit is left to the database, raises last of all."""
        assert self._concerned is not None
        ours = [event for event in events if AlarmKey(event.definition_id, event.sensor_id) in self._concerned]
        room = MOST_EVENTS - self._inbox_events
        if len(ours) > room:
            raises = [event for event in ours if event.active][:room]
            log.error("calls_overflow", left_to_the_database=len(ours) - len(raises))
            self._metrics.unheard.inc(len(ours) - len(raises))
            ours = raises
        if not ours:
            return False
        self._inbox.append(_Heard(ours, _EPOCH + timedelta(microseconds=now_us), calls))
        self._inbox_events += len(ours)
        self._changed.notify_all()
        return True

    # --- told by who looks after the snapshot and the books ---

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
            if snapshot.definitions is not self._defined:  # the same list comes again every second
                self._defined = snapshot.definitions
                self._concerned = frozenset(each.alarm for each in snapshot.definitions)
            self._said_nothing_known = False
            self._inbox.append(_Fresh(snapshot, self.behind or position != self._stored))
            self._metrics.snapshot_at.set(snapshot.taken_at.timestamp())
            self._changed.notify_all()

    def unbooked(self) -> list[SentCall]:
        """What was sent and is not known to be in the books, the oldest first."""
        with self._changed:
            return list(self._sent.values())

    def booked(self, keys: Iterable[str]) -> None:
        """These are."""
        gone = list(keys)
        with self._changed:
            for key in gone:
                self._sent.pop(key, None)
            self._metrics.unbooked.set(len(self._sent))
        self._journal.forget(gone)

    def left(self, before: datetime) -> list[str]:
        """Keys of calls that the database may have had since `before`, and that nobody is making."""
        with self._changed:
            return [
                k for k, p in self._pending.items() if p.left_at is not None and p.left_at <= before and not p.sending
            ]

    def decide(self, keys: Iterable[str], *, in_the_books: bool) -> None:
        """What was left: the database has it and calls, or it has not and we do."""
        with self._changed:
            for key in keys:
                pending = self._pending.get(key)
                if pending is None or pending.sending:
                    continue
                pending.left_at = None
                if in_the_books:
                    del self._pending[key]
                    self._metrics.calls.labels(pending.call.message.channel, "left").inc()
            self._metrics.waiting.set(len(self._pending))
            self._changed.notify_all()

    # --- deciding and sending ---

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; what is being sent then is seen through."""
        with ThreadPoolExecutor(SENDERS, "calls-send") as pool:
            while not stop.is_set():
                self.turned_at = self._clock()
                for item in self._arrived():
                    self._take(item)
                for pending in self._due(self._clock()):
                    pool.submit(self._send, pending).add_done_callback(self._ended)

    def _arrived(self) -> list[_Heard | _Fresh]:
        """What came; waits a moment for something to come."""
        with self._changed:
            if not self._inbox:
                self._changed.wait(_TURN_S if not self._pending else _TURN_S / 4)
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
        calls = self._standby.hear(item.events, item.now)
        if not item.calls or not calls:
            return
        age = self._clock() - self._standby.snapshot.taken_at
        (log.warning if age > OLD else log.info)(
            "calls_planned", calls=len(calls), snapshot_age_s=int(age.total_seconds())
        )
        for call in calls:
            self._plan(call)

    def _plan(self, call: UrgentCall) -> None:
        message = call.message
        if message.channel not in self._channels:
            log.error("call_without_channel", channel=message.channel, key=message.key)
            return
        with self._changed:
            if message.key in self._sent or message.key in self._pending:
                return
            if len(self._pending) >= MOST_CALLS:
                latest = max(self._pending.values(), key=lambda each: each.not_before)
                log.error("calls_overflow", left_to_the_database=1)
                self._metrics.unheard.inc()
                if latest.sending or latest.not_before <= message.due_at:
                    return
                del self._pending[latest.call.message.key]
            self._pending[message.key] = _Pending(call, message.due_at)
            self._metrics.waiting.set(len(self._pending))

    def _due(self, now: datetime) -> list[_Pending]:
        """What is to be sent now, as far as there are senders for it; it counts as being sent from here on."""
        started: list[_Pending] = []
        with self._changed:
            if self._sending.total() >= SENDERS:
                return started
            due = [
                each
                for each in self._pending.values()
                if each.not_before <= now and not each.sending and each.left_at is None
            ]
            for pending in sorted(due, key=lambda each: (each.not_before, each.call.message.key)):
                channel = pending.call.message.channel
                if self._sending.total() >= SENDERS:
                    break
                if self._sending[channel] < OF_ONE_CHANNEL:
                    self._sending[channel] += 1
                    pending.sending = True
                    started.append(pending)
        return started

    def _send(self, pending: _Pending) -> None:
        claimed = pending.call.message
        assert claimed.address is not None
        message = compose(claimed, public_url=self._public_url)
        address = Address(claimed.address, claimed.secret_ref)
        channel = self._channels[claimed.channel]
        try:
            receipt = channel.send(message, address, now=self._clock(), timeout_s=self._send_timeout.total_seconds())
        except DeliveryFailed as error:
            self._failed(pending, error)
        else:
            self._arrived_at(pending.call, self._clock(), receipt)
        finally:
            with self._changed:
                self._sending[claimed.channel] -= 1
                pending.sending = False
                self._metrics.waiting.set(len(self._pending))
                self._changed.notify_all()

    def _arrived_at(self, call: UrgentCall, now: datetime, receipt: str) -> None:
        message = call.message
        sent = SentCall(
            key=message.key, company_id=call.company_id, definition_id=call.alarm.definition_id, sensor_id=call.alarm.sensor_id,
            onset=message.onset, step=message.step, rule=call.rule, audience=message.audience, person_id=message.person_id,
            channel=message.channel, due_at=message.due_at, created_at=message.created_at, sent_at=now, receipt=receipt,
        )  # fmt: skip
        try:
            self._journal.keep(sent)
        except sqlite3.Error as error:  # it went out all the same, and is booked while this process lives
            log.error("call_not_in_journal", key=message.key, reason=str(error))
        with self._changed:
            self._sent[message.key] = sent
            self._pending.pop(message.key, None)
            self._metrics.unbooked.set(len(self._sent))
        self._metrics.calls.labels(message.channel, "delivered").inc()
        self._metrics.delivery_seconds.labels(message.channel).observe((now - message.due_at).total_seconds())
        log.info("call_made", key=message.key, channel=message.channel)

    def _failed(self, pending: _Pending, error: DeliveryFailed) -> None:
        message = pending.call.message
        if error.permanent:
            with self._changed:
                self._pending.pop(message.key, None)
            self._metrics.calls.labels(message.channel, "failed").inc()
            log.error("call_failed", key=message.key, why=str(error))
            return
        asked = timedelta(seconds=error.retry_after_s) if error.retry_after_s is not None else None
        with self._changed:
            pending.attempt += 1
            pending.not_before = self._clock() + pause_before_next(message.key, pending.attempt, asked=asked)
        self._metrics.calls.labels(message.channel, "retried").inc()
        log.warning("call_retried", key=message.key, why=str(error), next=pending.not_before)

    def _ended(self, future: Future[None]) -> None:
        """What no channel foresaw must be seen; the call is tried again."""
        if (error := future.exception()) is not None:
            log.error("sender_broke", reason=repr(error))
