"""The outbox: queued messages go out, at least once, under a key by which the receiver can drop a repeat.

Claim (lease and attempt, a short transaction with SKIP LOCKED), look again whether it is still wanted, send with a time-out
below the lease, THEN mark where the attempt still matches. Who dies between sending and marking leaves a lease that runs
out, and the message is sent again under the same key. Before it is sent `alerting.gate` looks whether its channel takes it;
what became of it is written by `alerting.outcomes`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Final

import psycopg

from alerting.calm import ENDED
from alerting.channels.channel import Channel
from alerting.delivery import HELD_UP, Claimed, Envelope, called_off, shifts_later_steps, why_unwanted
from alerting.fold import folded, grouped, in_slot, storm_digest
from alerting.gate import Gate, Passed
from alerting.links import Links
from alerting.message import Message, compose
from alerting.notice import StormNotice
from alerting.outcomes import Books, Outcome
from alerting.pulse import SEND_TIMEOUT, Pulse
from alerting.store import claims, notifications
from alerting.vault import Vault
from core.db import Database, connect
from core.errors import DatabaseAway, DeliveryFailed
from core.log import logger
from core.metrics import AlertingMetrics

__all__ = ["LEASE", "OF_ONE_CHANNEL", "SENDERS", "SETTLING", "Dispatcher", "Outcome"]

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


class Dispatcher:
    """Sends what is due. Any number may run at once, in threads or processes.

    Args:
        database: as the role alerting.
        channels: by name, see `alerting.channels.configured`.
        token: a fresh service token.
        clock: aware UTC; times of marks come from it.
        public_url: address of Davy as people type it.
        vault: opens people's addresses; None: none is sealed.
        links: makes the links by which people acknowledge without logging in; None: no message has one.
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
        vault: Vault | None = None,
        links: Links | None = None,
        lease: timedelta = LEASE,
        send_timeout: timedelta = SEND_TIMEOUT,
    ) -> None:
        if lease <= send_timeout:
            raise ValueError("the lease must be longer than the time-out of sending")
        self._database = database
        self._gate = Gate(channels, vault or Vault(), probe=send_timeout)
        self._books = Books(database, channels, token, clock)
        self._token = token
        self._clock = clock
        self._public_url = public_url
        self._links = links
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
                passed = self._claim(now)
            except DatabaseAway:
                self._back_at = None
                raise
            if passed is None:
                return None
            channel = passed.claimed.channel
            self._sending[channel] += 1
        try:
            outcome = self._see_through(passed, now)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            outcome = self._books.refused(passed.claimed, [passed.claimed, *passed.beside], error)
        finally:
            with self._claiming:
                self._sending[channel] -= 1
        self._metrics.notifications.labels(channel, "delivered" if outcome == "sent" else outcome).inc()
        return outcome

    def _claim(self, now: datetime) -> Passed | None:
        """The most urgent message, ours for the lease, and whether it may go out now."""
        lease_until = now + self._lease
        with self._database.transaction(self._token()) as connection:
            self._back_at = self._back_at or now
            claimed = claims.claim(
                connection,
                now,
                lease_until,
                but_not=self._taken_up(),
                held_up=HELD_UP,
                settling=timedelta(0) <= now - self._back_at < SETTLING,
            )
            if claimed is None:
                return None
            passed = self._gate.look(connection, claimed, now, lease_until)
            if passed.parked:
                return passed
            if passed.wait_until is not None:
                notifications.hold(connection, claimed.notification_id, claimed.attempt, passed.wait_until, passed.why)
                return passed
            for each in (claimed, *passed.beside):
                if isinstance(each, Claimed) and shifts_later_steps(each, now):
                    notifications.move_on(connection, each.notification_id, now - each.due_at)
            return passed

    def turned_at(self) -> datetime | None:
        """When the sender that is longest at one message began with it; None while it does not run."""
        return self._pulse.slowest()

    def _taken_up(self) -> list[str]:
        """Channels that may not hold one more sender."""
        return [channel for channel, count in self._sending.items() if count >= OF_ONE_CHANNEL]

    def _see_through(self, passed: Passed, now: datetime) -> Outcome:
        """One message, and what goes with it, to its end or to its next attempt; the name of the outcome."""
        claimed = passed.claimed
        if passed.wait_until is not None:
            return "held"
        if (reason := why_unwanted(claimed, now)) is not None:
            ended = (
                self._books.end_call(claimed, reason)
                if called_off(claimed, now)
                else self._books.finish(claimed, "cancelled", reason)
            )
            if ended is not None:
                return ended
        if passed.told_over is not None:
            return self._books.finish(claimed, "cancelled", f"{notifications.TOLD_OVER}{passed.told_over}")
        if passed.bar is not None:
            around = self._books.around(passed)
            if around is not None:
                return around
        if passed.channel is None or passed.address is None:  # raised again since it was claimed: looked at anew
            return self._books.again(claimed)
        beside = passed.beside if passed.bundle is None else passed.bundle.beside
        together = [claimed, *self._still_wanted(beside, now)]
        if isinstance(claimed, StormNotice) and passed.bundle is not None:
            told = passed.bundle.total - (1 + len(beside) - len(together))
            if told == 0 and (claimed.event != ENDED or claimed.told == 0):
                return self._books.finish(claimed, "cancelled", "nothing waits for it any more")
        message = self._written(passed, together, now)
        try:
            receipt = passed.channel.send(
                message, passed.address, now=now, timeout_s=self._send_timeout.total_seconds()
            )
        except DeliveryFailed as error:
            return self._books.failed(passed, together, error)
        done = self._clock()
        marked = self._books.sent(passed, together, receipt, done)
        for each in together:
            self._metrics.delivery_seconds.labels(each.channel).observe((done - each.created_at).total_seconds())
        return "sent" if marked else "lost"

    def _written(self, passed: Passed, together: list[Envelope], now: datetime) -> Message:
        """What goes out: the message, or one that tells of all that goes together."""
        claimed, bundle, home = passed.claimed, passed.bundle, self._public_url
        if isinstance(claimed, StormNotice):
            told = [compose(each, public_url=home) for each in together[1:]]
            more = 0 if bundle is None else bundle.total - len(bundle.beside)
            return storm_digest(claimed, told, more, public_url=home)
        written = [compose(each, public_url=home, acknowledge_at=self._acknowledge_at(each, now)) for each in together]
        if bundle is None or not isinstance(claimed, Claimed):
            return written[0] if len(written) == 1 else folded(written, language=claimed.language, public_url=home)
        total = bundle.total - (1 + len(bundle.beside) - len(together))  # what was answered a moment ago is not told
        if total == 1 or bundle.since is None:
            return in_slot(written[0], bundle.slot)
        before = [
            compose(each, public_url=home, acknowledge_at=self._acknowledge_at(each, now)) for each in bundle.listed
        ]
        incident = bundle.incident
        return grouped(
            claimed,
            written,
            before,
            total=total,
            since=bundle.since,
            slot=bundle.slot,
            public_url=home,
            asset=None if incident is None else (incident.asset, incident.asset_zh),
            root=None if incident is None else incident.root,
        )

    def _acknowledge_at(self, message: Envelope, now: datetime) -> str:
        return "" if self._links is None else self._links.address(message, self._public_url, now)

    def _still_wanted(self, beside: list[Envelope], now: datetime) -> list[Envelope]:
        """Those that go along; the others end here, each for its own reason."""
        wanted = []
        for each in beside:
            reason = why_unwanted(each, now)
            if reason is None:
                wanted.append(each)
            elif not called_off(each, now) or self._books.end_call(each, reason) is None:
                self._books.finish(each, "cancelled", reason)
        return wanted

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
