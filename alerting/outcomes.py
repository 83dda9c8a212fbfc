"""What became of a message, in the books: sent, tried again later, passed on to another channel of the person's, or ended.

Nothing is lost on the way: a message that cannot arrive by one channel is queued over the next in the same transaction that ends it,
with the reason on both rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg import Connection

from alerting.channels import REGISTRY
from alerting.channels.channel import Channel
from alerting.delivery import Envelope, gives_up, pause_before_next, stand_in
from alerting.gate import Passed
from alerting.reassigning import tell_the_rest
from alerting.receipts import Stage
from alerting.store import notifications, peers
from core.db import Database
from core.errors import AddressGone, DeliveryFailed
from core.log import logger

# What became of a message; "held": not tried, for its address has been written to as fast as allowed; "passed on": it goes over
# another channel of the person's; "lost": sent or not, its lease had passed to somebody else.
Outcome = Literal["sent", "retried", "failed", "cancelled", "lost", "held", "passed on"]
_ON_ITS_WAY: Final = frozenset({"waiting", "claimed", "sent"})

log = logger(__name__)


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
        words = receipt if len(together) == 1 else f"one of {len(together)} in one message: {receipt}"
        with self._database.transaction(self._token()) as connection:
            marked = [
                notifications.mark_sent(connection, each.notification_id, each.attempt, now, words, delivered=delivered)
                for each in together
            ]
            if passed.ailing:
                peers.arrived(connection, claimed.channel, passed.mark)
        for each in together:
            log.info("notification_sent", notification=each.notification_id, channel=each.channel, attempt=each.attempt)
        return marked[0]

    def failed(self, passed: Passed, together: Sequence[Envelope], error: DeliveryFailed) -> Outcome:
        """Each is tried again, passed on, or ended; what the first comes to."""
        now = self._clock()
        with self._database.transaction(self._token()) as connection:
            if isinstance(error, AddressGone):
                self._dead(connection, passed.claimed, now, str(error))
            elif not error.permanent:
                peers.failed(connection, passed.claimed.channel, passed.mark, now, str(error))
            outcomes = [self._failed(connection, each, error, now) for each in together]
        return outcomes[0]

    def around(self, passed: Passed) -> Outcome | None:
        """What is barred goes another way, waits, or ends; None: it is of life safety, has no other way, and goes all the same."""
        bar, claimed, now = passed.bar, passed.claimed, self._clock()
        assert bar is not None
        with self._database.transaction(self._token()) as connection:
            other = self._pass_on(connection, claimed, bar.why, now)
            if other is not None or bar.until is None or gives_up(claimed, now):
                return self._end(connection, claimed, now, _with(bar.why, other), passed=other is not None)
            if passed.channel is None:
                return self._put_back(connection, claimed, bar.until, bar.why)
            if claimed.urgent:
                return None
            marked = notifications.hold(connection, claimed.notification_id, claimed.attempt, bar.until, bar.why)
        log.warning("notification_held", notification=claimed.notification_id, why=bar.why, next=bar.until)
        return "held" if marked else "lost"

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

    # --- within a transaction ---

    def _failed(self, connection: Connection[Any], claimed: Envelope, error: DeliveryFailed, now: datetime) -> Outcome:
        words = str(error)
        over = error.permanent or gives_up(claimed, now)
        # Life safety does not wait for a second try: the next channel takes it too, and this one is tried again all the same.
        other = self._pass_on(connection, claimed, words, now) if over or claimed.urgent else None
        if over:
            return self._end(connection, claimed, now, _with(words, other), passed=other is not None)
        asked = timedelta(seconds=error.retry_after_s) if error.retry_after_s is not None else None
        again = now + pause_before_next(claimed.key, claimed.attempt, asked=asked)
        return self._put_back(connection, claimed, again, _with(words, other))

    def _pass_on(self, connection: Connection[Any], claimed: Envelope, why: str, now: datetime) -> str | None:
        """Over which other channel the person hears of it; None: over none."""
        ways = notifications.ways_beside(connection, claimed.notification_id)
        untried = {channel for channel, state in ways.items() if state is None and channel in self._channels}
        own = notifications.own_order(connection, claimed.notification_id)
        order = [*own, *(channel for channel in self._order if channel not in own)]
        other = stand_in(claimed.channel, untried, order, ringing=self._ringing, loud=claimed.loud)
        if other is not None and notifications.pass_on(connection, claimed.notification_id, other, why, now):
            log.warning("notification_passed_on", notification=claimed.notification_id, to=other, why=why)
            return other
        return next((channel for channel, state in sorted(ways.items()) if state in _ON_ITS_WAY), None)

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
        if claimed.urgent and not passed and tell_the_rest(connection, claimed.notification_id, now):
            log.error("duty_not_reached", notification=claimed.notification_id, person=claimed.person_id)
        return "passed on" if passed else "failed"


def _with(why: str, other: str | None) -> str:
    return why if other is None else f"{why.rstrip('.')}; goes over {other}"
