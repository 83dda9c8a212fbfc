"""Whether a message is still wanted, and when it is tried again: the decisions of the outbox. Pure."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from alerting.alarm import WAITS_FOR_A_PERSON, State, Suppression
from core.model import Priority

# First pause after a failure; doubles with each attempt up to LONGEST_PAUSE. A mail server's restart takes seconds, its
# maintenance minutes. Ours.
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=15)
JITTER: Final = 0.25  # of the pause, either way, so that what failed together does not come back together
# What goes out so long after it was due was held up: the database or the sender was away. Longer than a restart of either.
HELD_UP: Final = timedelta(minutes=1)
GIVE_UP_AFTER: Final = timedelta(
    hours=24
)  # since it was due: what nobody could be told in a day is a failure, and says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope(ABC):
    """A message that is ours to send until its lease ends: whom it goes to, and when it was due.

    Args:
        attempt: counts claims; only who holds the newest may mark the row.
        onset: the instant it tells of, see `notification.onset`.
        address: where the person's channel ends, as it is kept (`alerting.vault`); None where none is set.
        secret_ref: name of the signing secret in the settings.
        dead_why: why nothing will ever arrive at the address; None: it lives.
    """

    notification_id: int
    key: str
    attempt: int
    created_at: datetime
    due_at: datetime
    onset: datetime
    step: int
    audience: str
    channel: str
    person_id: int
    person_active: bool
    language: str
    address: str | None
    secret_ref: str | None
    dead_why: str | None = None

    @property
    def urgent(self) -> bool:
        """Life safety: it waits for nothing and is never folded."""
        return False

    @property
    def insists(self) -> bool:
        """Whether its first failure sends it over the person's next channel as well."""
        return self.urgent

    @property
    def alone(self) -> bool:
        """Whether it never goes out in one message with others."""
        return self.urgent

    @property
    def loud(self) -> bool:
        """Whether it may wake people up over a channel that they did not choose for it."""
        return False

    @abstractmethod
    def settled(self) -> str | None:
        """Why nobody needs to hear of it any more, by what it is about; None where it still stands."""

    def overtaken(self, now: datetime) -> str | None:
        """Why nobody needs to hear of it any more, by how late it has become; None where that is no reason."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed(Envelope):
    """A call for an alarm, with what is known of its alarm at this moment.

    Args:
        occurrence_id: None while the database is away: there is no page of it yet, and nothing to acknowledge there.
        state, suppression: of the alarm now, to see whether it is still wanted.
        value: the number by which the condition began, in `unit`; None where it is not known.
        replayed: what raised it was marked as history that is played.
        raised_at: when the condition began that this call is about; the onset is when people began to be called for it.
        by_period: the setpoint is not the limit but the least of it: what the sensor's own period allows.
        untold: Davy knew in time, and could tell nobody before the onset.
        again: it was acknowledged, and has held for so long since that it is announced again.
        told: a message of this very call has gone out before, or may have.
        drill: a drill was announced at the place when people began to be called.
        held_by: why it waited on purpose (`alerting.calm`); None: it did not.
        effects: alarms that follow from it and call nobody by themselves.
        exercise: "exercise", "roll_call" or "delivery", where it is none of the real ones.
        real_alarm: an alarm of the site has begun to wait for a person since.
        answers: the reader is one of those who acknowledge alarms of the company.
        missing: of a daily delivery test that did not arrive: the first leg that did not come (alerting/store/wire_tests.py).
    """

    occurrence_id: int | None
    state: str
    suppression: str
    resolved_at: datetime | None
    began_at: datetime
    definition_key: str
    priority: str
    detector: str
    direction: str
    setpoint: float
    title: str
    title_zh: str
    consequence: str
    consequence_zh: str
    response: str
    response_zh: str
    respond_within_s: float
    company: str
    company_zh: str
    site: str
    site_zh: str
    time_zone: str
    zone: str | None
    zone_zh: str | None
    sensor: str
    sensor_zh: str
    unit: str
    value: float | None
    raised_at: datetime | None
    replayed: bool = False
    by_period: bool = False
    untold: bool = False
    again: bool = False
    told: bool = False
    drill: bool = False
    held_by: str | None = None
    effects: int = 0
    exercise: str | None = None
    real_alarm: bool = False
    answers: bool = False
    missing: str | None = None

    @property
    def answerable(self) -> bool:
        """Whether its reader can acknowledge it: there is an occurrence, and it is for them to do."""
        return self.answers and self.occurrence_id is not None and self.audience == "client"

    @property
    def urgent(self) -> bool:
        """Life safety; never an exercise, which leaves the lane to what is real."""
        return self.priority == Priority.LIFE_SAFETY and self.exercise is None

    @property
    def insists(self) -> bool:
        """Life safety, and an exercise of it: the other way is what is tried."""
        return self.priority == Priority.LIFE_SAFETY

    @property
    def alone(self) -> bool:
        """Life safety; and an exercise, which would be taken for real among what is, or the other way round."""
        return self.urgent or self.exercise is not None

    @property
    def loud(self) -> bool:
        """Life safety, and what is high."""
        return self.priority in (Priority.LIFE_SAFETY, Priority.HIGH)

    def held_up(self, now: datetime) -> bool:
        """Whether nobody has tried to send it until long after it was due. Life safety is never a matter of the past."""
        return (
            self.attempt == 1
            and self.priority != Priority.LIFE_SAFETY
            and self.held_by is None
            and now - self.due_at > HELD_UP
        )

    def overtaken(self, now: datetime) -> str | None:
        """What is back to normal before anybody could be told calls nobody; one who was told is backed by those behind them."""
        over = State(self.state) is State.RETURNED and not self.told
        return "over before anybody could be told" if over and self.held_up(now) else None

    def settled(self) -> str | None:
        """A person has answered, or the alarm is suppressed; an exercise that calls people gives way to what is real."""
        if self.real_alarm:
            return "a real alarm goes first"
        if self.resolved_at is not None:
            return "resolved"
        if self.suppression != Suppression.NONE:
            return self.suppression.replace("_", " ")
        if State(self.state) not in WAITS_FOR_A_PERSON:
            return "acknowledged"
        return None


def why_unwanted(claimed: Envelope, now: datetime) -> str | None:
    """Why this message must not go out any more; None where it must.

    What was claimed before and never marked may have arrived: then the reason says so.
    """
    reason = claimed.settled() or claimed.overtaken(now)
    if reason is None and not claimed.person_active:
        reason = "the person is no longer active"
    if reason is not None and claimed.attempt > 1:
        return f"{reason}; an earlier attempt may have arrived"
    return reason


def called_off(claimed: Envelope, now: datetime) -> bool:
    """Whether it is unwanted for coming too late alone: then so is the whole call, of which nobody has heard."""
    return isinstance(claimed, Claimed) and claimed.settled() is None and claimed.overtaken(now) is not None


def pause_before_next(key: str, attempt: int, *, asked: timedelta | None = None) -> timedelta:
    """How long to wait after `attempt` failed; the same for the same key and attempt, different between keys.

    Args:
        asked: what the receiver asked for (Retry-After); kept unless it is longer than `LONGEST_PAUSE`.

    >>> pause_before_next("12-70-0-0-3-smtp", 1) == pause_before_next("12-70-0-0-3-smtp", 1)
    True
    """
    doublings: int = 1 << min(attempt - 1, 16)
    doubled = min(FIRST_PAUSE * doublings, LONGEST_PAUSE)
    digest = hashlib.sha256(f"{key} {attempt}".encode()).digest()
    spread = int.from_bytes(digest[:4], "big") / 2**32  # 0 <= spread < 1
    pause = doubled * (1 - JITTER + 2 * JITTER * spread)
    return max(pause, min(asked, LONGEST_PAUSE)) if asked is not None else pause


def shifts_later_steps(claimed: Claimed, now: datetime) -> bool:
    """Whether who comes later on the ladder gets as long after this message as the route says: it goes out, and was held up."""
    return claimed.held_up(now) and why_unwanted(claimed, now) is None and not gives_up(claimed, now)


def stand_in(
    failed: str, reachable: Collection[str], order: Sequence[str], *, ringing: Collection[str], loud: bool
) -> str | None:
    """The channel that takes the place of one that failed: the next after it in the order, and from the top again.

    Args:
        reachable: channels that lead to the person and were not tried for this message.
        ringing: channels that wake people up, which they do only for what is `loud`.

    >>> order = ["smtp", "webhook", "ntfy", "sms", "voice"]
    >>> stand_in("ntfy", ["smtp", "voice"], order, ringing={"voice"}, loud=True)
    'voice'
    >>> stand_in("ntfy", ["smtp", "voice"], order, ringing={"voice"}, loud=False)
    'smtp'
    """
    begin = order.index(failed) + 1 if failed in order else 0
    for channel in [*order[begin:], *order[:begin]]:
        if channel in reachable and channel != failed and (loud or channel not in ringing):
            return channel
    return None


def gives_up(claimed: Envelope, now: datetime) -> bool:
    """Whether it has been tried for long enough."""
    return now - claimed.due_at > GIVE_UP_AFTER
