"""The outbox: queued messages go out, at least once, under a key by which the receiver can drop a repeat.

Claim (lease and attempt, a short transaction with SKIP LOCKED), look again whether it is still wanted, send with a time-out
below the lease, THEN mark where the attempt still matches. Who dies between sending and marking leaves a lease that runs
out, and the message is sent again under the same key.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Final, Literal

import psycopg

from alerting.channels.channel import Address, Channel
from alerting.delivery import (
    HELD_UP,
    Claimed,
    Envelope,
    called_off,
    gives_up,
    pause_before_next,
    shifts_later_steps,
    why_unwanted,
)
from alerting.message import compose
from alerting.pulse import SEND_TIMEOUT, Pulse
from alerting.store import claims, notifications
from core.db import Database, connect
from core.errors import DatabaseAway, DeliveryFailed
from core.log import logger
from core.metrics import AlertingMetrics

LEASE: Final = timedelta(seconds=60)  # the wait after a crash before a message is sent again; must exceed SEND_TIMEOUT
SLOW_POLL: Final = timedelta(seconds=5)  # behind LISTEN: finds what a lost notice, a lease's end or an escalation left
SENDERS: Final = 4  # a receiver that hangs holds one of them for SEND_TIMEOUT
OF_ONE_CHANNEL: Final = (
    SENDERS - 1
)  # so many may be sending over one channel: a mail server that hangs stops no webhook
_BACK_OFF_S: Final = 2.0  # while the database is away
# After the database was away: until ingest has said whether batches wait in its spool, which may end what was queued before.
SETTLING: Final = timedelta(seconds=15)
_HELD_S: Final = 0.5  # between looks for what is due and cannot be taken

log = logger(__name__)


# What became of a message; "lost": sent or not, its lease had passed to somebody else.
Outcome = Literal["sent", "retried", "failed", "cancelled", "lost"]


class Dispatcher:
    """Sends what is due. Any number may run at once, in threads or processes.

    Args:
        database: as the role alerting.
        channels: by name, see `alerting.channels.configured`.
        token: a fresh service token.
        clock: aware UTC; times of marks come from it.
        public_url: address of Davy as people type it.
        lease: how long a claimed message is ours; longer than `send_timeout`.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        *,
        token: Callable[[], str],
        clock: Callable[[], datetime],
        public_url: str,
        metrics: AlertingMetrics,
        lease: timedelta = LEASE,
        send_timeout: timedelta = SEND_TIMEOUT,
    ) -> None:
        if lease <= send_timeout:
            raise ValueError("the lease must be longer than the time-out of sending")
        self._database = database
        self._channels = channels
        self._token = token
        self._clock = clock
        self._public_url = public_url
        self._metrics = metrics
        self._lease = lease
        self._send_timeout = send_timeout
        self._claiming = threading.Lock()
        self._sending: Counter[str] = Counter()  # by channel
        self._back_at: datetime | None = None  # when the database last answered after it had not; None: it does not
        self._pulse = Pulse(clock)

    def run_once(self, now: datetime) -> Outcome | None:
        """Takes the most urgent message that is due by `now` and sees it through; None where there is none to take.

        One at a time: a lease covers one sending, so a slow receiver never makes the next message's lease run out.

        Raises:
            DatabaseAway: nothing is lost: the lease runs out and the message is sent again.
        """
        with self._claiming:
            try:
                with self._database.transaction(self._token()) as connection:
                    self._back_at = self._back_at or now
                    claimed = claims.claim(
                        connection,
                        now,
                        now + self._lease,
                        but_not=self._taken_up(),
                        held_up=HELD_UP,
                        settling=timedelta(0) <= now - self._back_at < SETTLING,
                    )
                    if isinstance(claimed, Claimed) and shifts_later_steps(claimed, now):
                        notifications.move_on(connection, claimed.notification_id, now - claimed.due_at)
            except DatabaseAway:
                self._back_at = None
                raise
            if claimed is None:
                return None
            self._sending[claimed.channel] += 1
        try:
            outcome = self._see_through(claimed, now)
        finally:
            with self._claiming:
                self._sending[claimed.channel] -= 1
        self._metrics.notifications.labels(claimed.channel, "delivered" if outcome == "sent" else outcome).inc()
        return outcome

    def turned_at(self) -> datetime | None:
        """When the sender that is longest at one message began with it; None while it does not run."""
        return self._pulse.slowest()

    def _taken_up(self) -> list[str]:
        """Channels that may not hold one more sender."""
        return [channel for channel, count in self._sending.items() if count >= OF_ONE_CHANNEL]

    def _see_through(self, claimed: Envelope, now: datetime) -> Outcome:
        """One message to its end or to its next attempt; the name of the outcome."""
        if (reason := why_unwanted(claimed, now)) is not None:
            ended = (
                self._end_call(claimed, reason)
                if called_off(claimed, now)
                else self._finish(claimed, "cancelled", reason)
            )
            if ended is not None:
                return ended
        channel = self._channels.get(claimed.channel)
        if claimed.address is None:
            return self._finish(claimed, "failed", f"the person has no {claimed.channel} address")
        if channel is None:
            problem = DeliveryFailed(f"The channel {claimed.channel} is not set up.", permanent=False)
            return self._failed(claimed, problem)
        message = compose(claimed, public_url=self._public_url)
        address = Address(claimed.address, claimed.secret_ref)
        try:
            receipt = channel.send(message, address, now=now, timeout_s=self._send_timeout.total_seconds())
        except DeliveryFailed as error:
            return self._failed(claimed, error)
        done = self._clock()
        with self._database.transaction(self._token()) as connection:
            marked = notifications.mark_sent(connection, claimed.notification_id, claimed.attempt, done, receipt)
        self._metrics.delivery_seconds.labels(claimed.channel).observe((done - claimed.created_at).total_seconds())
        log.info(
            "notification_sent", notification=claimed.notification_id, channel=claimed.channel, attempt=claimed.attempt
        )
        return "sent" if marked else "lost"

    def _failed(self, claimed: Envelope, error: DeliveryFailed) -> Outcome:
        now = self._clock()
        if error.permanent or gives_up(claimed, now):
            return self._finish(claimed, "failed", str(error))
        asked = timedelta(seconds=error.retry_after_s) if error.retry_after_s is not None else None
        again = now + pause_before_next(claimed.key, claimed.attempt, asked=asked)
        with self._database.transaction(self._token()) as connection:
            marked = notifications.put_back(connection, claimed.notification_id, claimed.attempt, again, str(error))
        log.warning(
            "notification_retried",
            notification=claimed.notification_id,
            attempt=claimed.attempt,
            why=str(error),
            next=again,
        )
        return "retried" if marked else "lost"

    def _end_call(self, claimed: Envelope, reason: str) -> Outcome | None:
        """Cancels the message and its whole call; None where the alarm has been raised again since it was claimed."""
        now = self._clock()
        with self._database.transaction(self._token()) as connection:
            if not notifications.call_off(connection, claimed.notification_id, now, reason):
                return None
            marked = notifications.mark_finished(
                connection, claimed.notification_id, claimed.attempt, now, "cancelled", reason
            )
        return "cancelled" if marked else "lost"

    def _finish(self, claimed: Envelope, state: Literal["failed", "cancelled"], outcome: str) -> Outcome:
        with self._database.transaction(self._token()) as connection:
            marked = notifications.mark_finished(
                connection, claimed.notification_id, claimed.attempt, self._clock(), state, outcome
            )
        if state == "failed":
            log.warning("notification_failed", notification=claimed.notification_id, why=outcome)
        return state if marked else "lost"

    def run(self, stop: threading.Event, *, listen_url: str, senders: int = SENDERS) -> None:
        """Sends until `stop` is set: woken by LISTEN davy_outbox, with a slow poll behind it.

        What goes wrong beyond the database being away ends all threads and is raised: the process loop starts anew.

        Args:
            listen_url: of the role alerting, for a connection of its own.
        """
        wake, closing = threading.Event(), threading.Event()
        with ThreadPoolExecutor(senders + 1, thread_name_prefix="outbox") as pool:
            running: list[Future[None]] = [
                pool.submit(self._send_while, number, closing, wake) for number in range(senders)
            ]
            running.append(pool.submit(_listen, listen_url, closing, wake))
            while not stop.wait(0.2):
                if wait(running, timeout=0, return_when=FIRST_EXCEPTION).done:
                    break
            closing.set()
            wake.set()
        for future in running:
            future.result()

    def _send_while(self, number: int, closing: threading.Event, wake: threading.Event) -> None:
        while not closing.is_set():
            self._pulse.turn(number)
            wake.clear()
            try:
                if self.run_once(self._clock()) is not None:
                    continue
                pause = self._until_next()
            except DatabaseAway as error:
                log.warning("outbox_waits", why=str(error))
                pause = _BACK_OFF_S
            if not closing.is_set():
                wake.wait(pause)
        self._pulse.ended(number)

    def _until_next(self) -> float:
        """Seconds until something may be due, at most the slow poll's."""
        now = self._clock()
        with self._claiming:
            taken_up = self._taken_up()
        with self._database.transaction(self._token()) as connection:
            next_at, overdue = notifications.outlook(connection, now, but_not=taken_up)
        self._metrics.outbox_due.set(overdue)
        if next_at is None:
            return SLOW_POLL.total_seconds()
        left = (next_at - now).total_seconds()
        return _HELD_S if left <= 0 else min(max(left, 0.05), SLOW_POLL.total_seconds())


def _listen(url: str, closing: threading.Event, wake: threading.Event) -> None:
    """Wakes the senders when something was queued; a lost connection is made anew, the slow poll stands in meanwhile."""
    while not closing.is_set():
        try:
            with connect(url, application="alerting-listen") as connection:
                notifications.listen(connection)
                wake.set()  # what was queued while nobody listened
                while not closing.is_set():
                    for _ in connection.notifies(timeout=0.5, stop_after=1):
                        wake.set()
        except (DatabaseAway, psycopg.OperationalError) as error:
            log.warning("outbox_listens_no_more", why=str(error))
            closing.wait(_BACK_OFF_S)
