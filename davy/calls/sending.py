"""Calls that are to be made without the database: which are due, who sends them, and what becomes of them.

What was sent is durable in the journal before it counts as sent. What the database may have meanwhile is left alone until somebody has looked.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from alerting.channels import REGISTRY, Channel
from alerting.delivery import pause_before_next, stand_in
from alerting.discreet import discreet
from alerting.ledger import AlarmKey
from alerting.message import compose
from alerting.outbox import OF_ONE_CHANNEL, SENDERS
from alerting.routing import INSTEAD
from alerting.snapshot import Recipient
from alerting.standby import UrgentCall
from alerting.store.bookings import SentCall
from alerting.vault import Vault, opened
from core.errors import DeliveryFailed
from core.log import logger
from core.metrics import CallsMetrics
from davy.calls.store import Journal

MOST_CALLS: Final = 10_000  # to be made
LONGEST_LEFT: Final = timedelta(seconds=3)  # who should have looked whether the database has a call hangs: then we call

log = logger(__name__)


@dataclass(slots=True)
class _Pending:
    """A call that is to be made.

    Args:
        left_at: since when somebody is to look whether the database has it; nothing is sent until then.
        doubtful: the database may have it, and nobody has looked since it was due.
    """

    call: UrgentCall
    not_before: datetime
    attempt: int = 0
    sending: bool = False
    left_at: datetime | None = None
    doubtful: bool = False

    def leave(self, now: datetime) -> None:
        """The database may have it."""
        self.left_at, self.doubtful = now, True

    def is_due(self, now: datetime) -> bool:
        """Whether a sender should take it; what is doubtful when its time comes is looked for first."""
        if self.not_before > now or self.sending:
            return False
        if self.doubtful and self.left_at is None:
            self.left_at = now
        return self.left_at is None or now - self.left_at > LONGEST_LEFT


class Sending:
    """Any thread may call its methods.

    Args:
        channels: by name, as alerting's.
        clock: aware UTC.
        wake: told when a sender is free again.
        vault: opens people's addresses.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        journal: Journal,
        *,
        clock: Callable[[], datetime],
        public_url: str,
        metrics: CallsMetrics,
        send_timeout: timedelta,
        wake: Callable[[], None],
        vault: Vault,
    ) -> None:
        self._channels = channels
        self._ringing = frozenset(name for name, channel in channels.items() if channel.rings)
        self._vault = vault
        self._journal = journal
        self._clock = clock
        self._public_url = public_url
        self._metrics = metrics
        self._timeout_s = send_timeout.total_seconds()
        self._wake = wake
        self._lock = threading.Lock()  # guards all that follows
        self._pending: dict[str, _Pending] = {}
        self._busy: Counter[str] = Counter()  # senders by channel
        self._sent = {call.key: call for call in journal.calls()}
        self._count()

    @property
    def idle(self) -> bool:
        """Whether no call is to be made, now or later."""
        return not self._pending

    def plan(self, call: UrgentCall) -> None:
        """A call that is to be made when it is due; one that was made already is not made again.

        Where its channel leads nowhere from here it goes over the next of the person's.
        """
        message = call.message
        if message.channel not in self._channels or message.address is None:
            log.error(
                "call_without_channel", channel=message.channel, key=message.key, address=message.address is not None
            )
            self._pass_on(_Pending(call, message.due_at))
            return
        self._put(_Pending(call, message.due_at))

    def _put(self, pending: _Pending) -> None:
        message = pending.call.message
        with self._lock:
            if message.key in self._sent or message.key in self._pending:
                return
            if len(self._pending) < MOST_CALLS or self._make_room(message.due_at):
                self._pending[message.key] = pending
            self._count()

    def _pass_on(self, pending: _Pending) -> bool:
        """Makes the call over the next channel of the person's too, once; False where there is none that was not tried."""
        call = pending.call
        untried = {way.channel: way for way in call.ways if way.channel in self._channels}
        with self._lock:
            known = {
                name
                for name, way in untried.items()
                if (key := call.over(way).message.key) in self._sent or key in self._pending
            }
        order = [*call.order, *(name for name in [*REGISTRY, *self._channels] if name not in call.order)]
        other = stand_in(
            call.message.channel, untried.keys() - known, order, ringing=self._ringing, loud=call.message.loud
        )
        if other is None:
            return False
        pending.call = replace(call, ways=())  # the one that stands in goes on with them
        stands_in = call.over(untried[other])
        log.warning("call_passed_on", key=call.message.key, to=other)
        self._put(_Pending(stands_in, stands_in.message.due_at, left_at=pending.left_at, doubtful=pending.doubtful))
        return True

    def _make_room(self, due_at: datetime) -> bool:
        """Whether a call that is due later was left to the database instead."""
        latest = max(self._pending.values(), key=lambda each: each.not_before)
        log.error("calls_overflow", left_to_the_database=1)
        self._metrics.unheard.inc()
        if latest.sending or latest.not_before <= due_at:
            return False
        del self._pending[latest.call.message.key]
        return True

    def start(self, pool: ThreadPoolExecutor, now: datetime) -> None:
        """Gives what is due to senders, as far as there are any."""
        started: list[_Pending] = []
        with self._lock:
            free = SENDERS - self._busy.total()
            due = [each for each in self._pending.values() if each.is_due(now)] if free > 0 else []
            for pending in sorted(due, key=lambda each: (each.not_before, each.call.message.key)):
                channel = pending.call.message.channel
                if len(started) < free and self._busy[channel] < OF_ONE_CHANNEL:
                    self._busy[channel] += 1
                    pending.sending = True
                    started.append(pending)
        for pending in started:
            pool.submit(self._send, pending).add_done_callback(_ended)

    # --- the books ---

    def claim(self, alarms: Collection[AlarmKey], now: datetime) -> tuple[list[SentCall], list[str]]:
        """What the database is told of some alarms: calls that were sent, and keys of those that are being sent.

        What only waits is left to it, until `decide`.
        """
        with self._lock:
            sent = [call for call in self._sent.values() if AlarmKey(call.definition_id, call.sensor_id) in alarms]
            pending = [each for each in self._pending.values() if each.call.alarm in alarms]
            for each in pending:
                each.leave(now)
            return sent, [each.call.message.key for each in pending if each.sending]

    def left(self, before: datetime) -> list[str]:
        """Keys, in the books, of calls that the database may have had since `before`, and that nobody is making."""
        with self._lock:
            return [
                each.call.asked
                for each in self._pending.values()
                if each.left_at is not None and each.left_at <= before and not each.sending
            ]

    def decide(self, keys: Iterable[str], *, in_the_books: bool) -> None:
        """What was left: the database has it and calls, or it has not and we do.

        A commit may still be under way: what is not due yet is looked for again when it is.
        """
        now, asked = self._clock(), set(keys)
        with self._lock:
            for key, pending in [(key, each) for key, each in self._pending.items() if each.call.asked in asked]:
                if pending.sending:
                    continue
                pending.left_at, pending.doubtful = None, pending.not_before > now
                if in_the_books:
                    del self._pending[key]
                    self._metrics.calls.labels(pending.call.message.channel, "left").inc()
            self._count()
        self._wake()

    def closed(self, recipients: Iterable[Recipient]) -> int:
        """How many of these addresses do not open with the keys that we have."""
        return sum(not self._opens(each) for each in recipients)

    def _opens(self, recipient: Recipient) -> bool:
        try:
            opened(self._vault, recipient.channel, recipient.address, recipient.secret_ref)
        except DeliveryFailed:
            return False
        return True

    def unbooked(self) -> list[SentCall]:
        """What was sent and is not known to be in the books, the oldest first."""
        with self._lock:
            return list(self._sent.values())

    def booked(self, keys: Iterable[str]) -> None:
        """These are.

        Raises:
            sqlite3.Error: the journal keeps them; the next start looks again.
        """
        gone = list(keys)
        with self._lock:
            for key in gone:
                self._sent.pop(key, None)
            self._count()
        self._journal.forget(gone)

    # --- one sender ---

    def _send(self, pending: _Pending) -> None:
        claimed = pending.call.message
        assert claimed.address is not None
        try:
            message = compose(claimed, public_url=self._public_url)
            address = opened(self._vault, claimed.channel, claimed.address, claimed.secret_ref)
            channel = self._channels[claimed.channel]
            receipt = channel.send(message, address, now=self._clock(), timeout_s=self._timeout_s)
        except DeliveryFailed as error:
            self._failed(pending, error)
        else:
            self._arrived(pending.call, self._clock(), receipt)
        finally:
            with self._lock:
                self._busy[claimed.channel] -= 1
                pending.sending = False
                self._count()
            self._wake()

    def _arrived(self, call: UrgentCall, now: datetime, receipt: str) -> None:
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
        with self._lock:
            self._sent[message.key] = sent
            self._pending.pop(message.key, None)
        self._metrics.calls.labels(message.channel, "delivered").inc()
        self._metrics.delivery_seconds.labels(message.channel).observe((now - message.due_at).total_seconds())
        log.info("call_made", key=message.key, channel=message.channel)

    def _failed(self, pending: _Pending, error: DeliveryFailed) -> None:
        message, now, why = pending.call.message, self._clock(), discreet(str(error))
        self._pass_on(pending)  # as alerting: life safety does not wait for a second try
        if error.permanent:
            with self._lock:
                self._pending.pop(message.key, None)
            self._metrics.calls.labels(message.channel, "failed").inc()
            log.error("call_failed", key=message.key, why=why)
            return
        asked = timedelta(seconds=error.retry_after_s) if error.retry_after_s is not None else None
        with self._lock:
            pending.attempt += 1
            pending.not_before = now + pause_before_next(message.key, pending.attempt, asked=asked)
        self._metrics.calls.labels(message.channel, "retried").inc()
        log.warning("call_retried", key=message.key, why=why, next=pending.not_before)

    def _count(self) -> None:
        self._metrics.waiting.set(len(self._pending))
        self._metrics.unbooked.set(len(self._sent))


def stood_in(call: SentCall) -> bool:
    """Whether it was made over another channel than the route asks for: the books have not its key, but the other's."""
    return INSTEAD in call.rule


def _ended(future: Future[None]) -> None:
    """What no channel foresaw must be seen; the call is tried again."""
    if (error := future.exception()) is not None:
        log.error("sender_broke", reason=repr(error))
