"""What became of a message, in the books: sent, tried again later, passed on to another channel of the person's, or ended.

Nothing is lost on the way: a message that cannot arrive by one channel is queued over the next in the same transaction that ends it,
and each row names the other. A row whose channel may be well again later is kept for that, whatever else is on its way: it ends
only when another way has led to the person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg import Connection, DataError, Error, IntegrityError

from alerting.channels import REGISTRY
from alerting.channels.channel import Channel
from alerting.delivery import Envelope, gives_up, pause_before_next, stand_in, why_unwanted
from alerting.discreet import discreet, printable
from alerting.gate import Passed
from alerting.notice import StormNotice
from alerting.reassigning import tell_the_rest
from alerting.receipts import Stage, number_of
from alerting.store import notifications, peers, storms
from alerting.storms import GRACE
from core.db import Database
from core.errors import AddressGone, DeliveryFailed
from core.log import logger

# What became of a message; "held": not tried, for its address has been written to as fast as allowed; "passed on": it goes over
# another channel of the person's; "lost": sent or not, its lease had passed to somebody else.
Outcome = Literal["sent", "retried", "failed", "cancelled", "lost", "held", "passed on"]
_ON_ITS_WAY: Final = frozenset({"waiting", "claimed", "sent"})

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Beside:
    """The other way by which a person hears of it.

    Args:
        channel: None where there is none.
        fresh: it was found and queued just now.
        arrived: the message has gone out over it.
    """

    channel: str | None = None
    fresh: bool = False
    arrived: bool = False


class Books:
    """Writes outcomes, each in a transaction of its own.

    Args:
        channels: by name, those that are set up.
        clock: aware UTC; times of marks come from it.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        token: Callable[[], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._channels = channels
        self._token = token
        self._clock = clock
        self._ringing = frozenset(name for name, channel in channels.items() if channel.rings)
        self._order = [*REGISTRY, *(name for name in channels if name not in REGISTRY)]

    def sent(self, passed: Passed, together: Sequence[Envelope], receipt: str, now: datetime) -> bool:
        """Keeps the receipt on each; whether the first was still ours."""
        claimed, channel = passed.claimed, passed.channel
        assert channel is not None
        delivered = channel.proves is Stage.DELIVERED
        receipt = printable(receipt)
        riders = [] if passed.bundle is None else passed.bundle.riders
        count = len(together) + len(riders)
        sent_as = number_of(receipt) if channel.reports else None
        words = receipt if count == 1 else f"one of {count} in one message: {receipt}"
        told_as = (
            None if isinstance(claimed, StormNotice) else sent_as
        )  # a digest that did not arrive goes another way as one
        with self._database.transaction(self._token()) as connection:
            marked = [
                notifications.mark_sent(
                    connection,
                    each.notification_id,
                    each.attempt,
                    now,
                    words,
                    delivered=delivered,
                    sent_as=sent_as if each is claimed else told_as,
                )
                for each in together
            ]
            if riders:
                storms.mark_riders_sent(connection, riders, claimed.key, now, words, delivered=delivered)
            if len(together) > 1:
                notifications.tell_in(connection, [each.notification_id for each in together[1:]], claimed.key)
            for each in together:
                notifications.end_held(connection, each.notification_id, now)
            if passed.ailing:
                peers.arrived(connection, claimed.channel, passed.mark)
        for each in together:
            log.info("notification_sent", notification=each.notification_id, channel=each.channel, attempt=each.attempt)
        return marked[0]

    def failed(self, passed: Passed, together: Sequence[Envelope], error: DeliveryFailed) -> Outcome:
        """Each is tried again, passed on, or ended; what the first comes to."""
        now, channel = self._clock(), passed.channel
        words = discreet(str(error), passed.address.text if passed.address is not None else "")
        of_one = error.of_address and channel is not None and channel.gateway  # the gateway is well
        with self._database.transaction(self._token()) as connection:
            if isinstance(error, AddressGone):
                self._dead(connection, passed.claimed, now, words)
            elif not error.permanent and not of_one:
                peers.failed(connection, passed.claimed.channel, passed.mark, now, words)
            own = together if not isinstance(passed.claimed, StormNotice) else together[:1]
            outcomes = [self._failed(connection, each, error, words, now) for each in own]
            if passed.bundle is not None:
                self._put_back_riders(connection, passed, together, now)
        return outcomes[0]

    @staticmethod
    def _put_back_riders(
        connection: Connection[Any], passed: Passed, together: Sequence[Envelope], now: datetime
    ) -> None:
        """What went along unread, or went along with a digest, waits for the next one; where none comes, it goes by itself."""
        assert passed.bundle is not None
        riders = list(passed.bundle.riders)
        if isinstance(passed.claimed, StormNotice):
            riders += [each.notification_id for each in together[1:]]
        storms.release(connection, riders, now + GRACE)

    def around(self, passed: Passed) -> Outcome | None:
        """What is barred goes another way as well, waits, or ends; None: it is of life safety, and goes all the same.

        Another way that is only waiting, or being tried, is no reason to end: it may be barred too.
        """
        bar, claimed, now = passed.bar, passed.claimed, self._clock()
        assert bar is not None
        with self._database.transaction(self._token()) as connection:
            other = self._pass_on(connection, claimed, now)
            words = _with(bar.why, other.channel)
            if other.arrived or bar.until is None or gives_up(claimed, now):
                return self._end(connection, claimed, now, words, passed=other.channel is not None)
            if passed.channel is None:
                outcome = self._put_back(connection, claimed, bar.until, words)
            elif claimed.urgent and not other.fresh:
                return None
            else:
                marked = notifications.hold(connection, claimed.notification_id, claimed.attempt, bar.until, words)
                log.warning("notification_held", notification=claimed.notification_id, why=words, next=bar.until)
                outcome = "held" if marked else "lost"
        return "passed on" if other.fresh and outcome != "lost" else outcome

    def again(self, claimed: Envelope) -> Outcome:
        """Lets it be looked at once more, at once."""
        with self._database.transaction(self._token()) as connection:
            return self._put_back(connection, claimed, self._clock(), "raised again while it was to be called off")

    def end_call(self, claimed: Envelope, reason: str) -> Outcome | None:
        """Cancels the message and its whole call; None where the alarm has been raised again since it was claimed."""
        now = self._clock()
        with self._database.transaction(self._token()) as connection:
            if not notifications.call_off(connection, claimed.notification_id, now, reason):
                return None
            marked = notifications.mark_finished(
                connection, claimed.notification_id, claimed.attempt, now, "cancelled", reason
            )
        return "cancelled" if marked else "lost"

    def finish(self, claimed: Envelope, state: Literal["failed", "cancelled"], reason: str) -> Outcome:
        """Ends it unsent."""
        with self._database.transaction(self._token()) as connection:
            marked = notifications.mark_finished(
                connection, claimed.notification_id, claimed.attempt, self._clock(), state, reason
            )
        return state if marked else "lost"

    def refused(self, claimed: Envelope, together: Sequence[Envelope], error: Error) -> Outcome:
        """The database does not take what became of it: that ends these messages, with the reason, and no other."""
        why = f"The database does not take what became of it, and it may have gone out: {refusal(error)}"
        log.error("notification_refused", notification=claimed.notification_id, why=why)
        outcomes = [self.finish(each, "failed", why) for each in together]
        return outcomes[0]

    # --- within a transaction ---

    def undelivered(self, connection: Connection[Any], envelope: Envelope, now: datetime, said: str) -> Outcome | None:
        """What a gateway took did not reach the person: it goes another way, if it is wanted still. None: it had come, or ended, before."""
        wanted = why_unwanted(envelope, now) is None and not gives_up(envelope, now)
        if not notifications.mark_undelivered(connection, envelope.notification_id, now, said):
            return None
        if isinstance(envelope, StormNotice):
            storms.told_by_none(connection, envelope.notification_id, now + GRACE, said)
        other = self._pass_on(connection, envelope, now) if wanted else _Beside()
        if other.channel is not None:
            notifications.say_more(connection, envelope.notification_id, _with(said, other.channel))
        log.warning("notification_undelivered", notification=envelope.notification_id, why=said, to=other.channel)
        cut_off = wanted and envelope.urgent and other.channel is None
        if cut_off and tell_the_rest(connection, envelope.notification_id, now):
            log.error("duty_not_reached", notification=envelope.notification_id, person=envelope.person_id)
        return "passed on" if other.channel is not None else "failed"

    def _failed(
        self, connection: Connection[Any], claimed: Envelope, error: DeliveryFailed, said: str, now: datetime
    ) -> Outcome:
        over = error.permanent or gives_up(claimed, now)
        # Life safety does not wait for a second try: the next channel takes it too, and this one is tried again all the same.
        other = self._pass_on(connection, claimed, now) if over or claimed.insists else _Beside()
        words = _with(said, other.channel)
        if over:
            return self._end(connection, claimed, now, words, passed=other.channel is not None)
        asked = timedelta(seconds=error.retry_after_s) if error.retry_after_s is not None else None
        again = now + pause_before_next(claimed.key, claimed.attempt, asked=asked)
        return self._put_back(connection, claimed, again, words)

    def _pass_on(self, connection: Connection[Any], claimed: Envelope, now: datetime) -> _Beside:
        """Over which other channel the person hears of it; over one that was not tried yet if there is one."""
        ways = notifications.ways_beside(connection, claimed.notification_id)
        untried = {channel for channel, state in ways.items() if state is None and channel in self._channels}
        own = notifications.own_order(connection, claimed.notification_id)
        order = [*own, *(channel for channel in self._order if channel not in own)]
        other = stand_in(claimed.channel, untried, order, ringing=self._ringing, loud=claimed.loud)
        if other is not None and self._queue(connection, claimed, other, now):
            log.warning("notification_passed_on", notification=claimed.notification_id, to=other)
            return _Beside(other, fresh=True)
        arrived = min((channel for channel, state in ways.items() if state == "sent"), default=None)
        if arrived is not None:
            return _Beside(arrived, arrived=True)
        return _Beside(min((channel for channel, state in ways.items() if state in _ON_ITS_WAY), default=None))

    @staticmethod
    def _queue(connection: Connection[Any], claimed: Envelope, other: str, now: datetime) -> bool:
        """Whether it waits for the other channel now; what the database refuses there undoes nothing here."""
        try:
            with connection.transaction():
                return notifications.pass_on(connection, claimed.notification_id, other, now)
        except (IntegrityError, DataError) as error:
            log.error("notification_not_passed_on", notification=claimed.notification_id, to=other, why=refusal(error))
            return False

    def _dead(self, connection: Connection[Any], claimed: Envelope, now: datetime, why: str) -> None:
        assert claimed.address is not None
        if peers.address_died(connection, claimed.person_id, claimed.channel, claimed.address, now, why):
            log.error("address_died", person=claimed.person_id, channel=claimed.channel, why=why)

    def _put_back(self, connection: Connection[Any], claimed: Envelope, again: datetime, words: str) -> Outcome:
        marked = notifications.put_back(connection, claimed.notification_id, claimed.attempt, again, words)
        log.warning(
            "notification_retried",
            notification=claimed.notification_id,
            attempt=claimed.attempt,
            why=words,
            next=again,
        )
        return "retried" if marked else "lost"

    def _end(
        self, connection: Connection[Any], claimed: Envelope, now: datetime, words: str, *, passed: bool
    ) -> Outcome:
        marked = notifications.mark_finished(connection, claimed.notification_id, claimed.attempt, now, "failed", words)
        log.warning("notification_failed", notification=claimed.notification_id, why=words)
        if not marked:
            return "lost"
        if claimed.insists and not passed and tell_the_rest(connection, claimed.notification_id, now):
            log.error("duty_not_reached", notification=claimed.notification_id, person=claimed.person_id)
        return "passed on" if passed else "failed"


def _with(why: str, other: str | None) -> str:
    return why if other is None else f"{why.rstrip('.')}{notifications.GOES_OVER}{other}"


def refusal(error: Error) -> str:
    """What the database says of a statement that it does not take, without the row: that names people."""
    return error.diag.message_primary or type(error).__name__
