"""Whether a message that was just claimed may go out over its channel now: looked at in the claim's own transaction.

Three things can stand against it: its address is dead, what stands at the other end has failed again and again, or the address
has been written to as fast as its vendor allows. The first two send it another way, the third lets it wait or go with others.

And it may be there already: where it stands in for the same message over another channel, or that for it, only one of the two
goes, though both become free in the same second. Life safety is not asked: two messages about one leak cost less than none.

And what is not life safety may belong with others, or wait for them (`alerting.bundle`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.bundle import Bundle, decide, take, take_held
from alerting.channels.channel import Address, Channel
from alerting.circuit import Way
from alerting.delivery import HELD_UP, Envelope, pause_before_next, why_unwanted
from alerting.notice import StormNotice
from alerting.pace import MOST_FOLDED
from alerting.store import claims, peers
from alerting.store.notifications import GOES_OVER
from alerting.vault import Vault, opened
from core.errors import DeliveryFailed

LOOK_AGAIN: Final = timedelta(seconds=1)  # while the same message is being sent over another channel
PROBE_MARGIN: Final = timedelta(
    seconds=5
)  # after the time-out of sending: who took the probe has said what became of it


@dataclass(frozen=True, slots=True)
class Bar:
    """What stands against sending.

    Args:
        why: for people, without secrets.
        until: when it is worth looking again; None: never, it will not arrive this way.
    """

    why: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Passed:
    """A claimed message with what is needed to send it.

    Args:
        channel, address: None where there is a bar, or where it is unwanted and nobody looked.
        mark: of what stands at the other end, for its circuit.
        ailing: the last message to it did not arrive.
        wait_until, why: it may not go before, and why; it was not tried.
        parked: it has been put back, with the reason.
        told_over: the person has it over this other channel.
        beside: claimed too, to go out with it as one, because so many came at once.
        bundle: what goes with it because it belongs there.
    """

    claimed: Envelope
    channel: Channel | None = None
    address: Address | None = None
    mark: str = ""
    ailing: bool = False
    bar: Bar | None = None
    wait_until: datetime | None = None
    why: str = ""
    parked: bool = False
    told_over: str | None = None
    beside: list[Envelope] = field(default_factory=list)
    bundle: Bundle | None = None


class Gate:
    """Threads and dispatchers share what it knows through the database.

    Args:
        channels: by name.
        probe: how long a probe may take.
    """

    def __init__(self, channels: Mapping[str, Channel], vault: Vault, *, probe: timedelta) -> None:
        self._channels = channels
        self._vault = vault
        self._probe = probe + PROBE_MARGIN

    def look(self, connection: Connection[Any], claimed: Envelope, now: datetime, lease_until: datetime) -> Passed:
        """In the transaction of the claim."""
        if why_unwanted(claimed, now) is not None:
            return Passed(claimed)
        if not claimed.urgent:
            claims.one_at_a_time(connection, claimed.person_id)
            taken = claims.way_taken(connection, claimed.notification_id, now)
            if taken is not None:
                other, arrived = taken
                if arrived:
                    return Passed(claimed, told_over=other)
                return Passed(claimed, wait_until=now + LOOK_AGAIN, why=f"it is being sent{GOES_OVER}{other}")
        if claimed.address is None:
            return Passed(claimed, bar=Bar(f"the person has no {claimed.channel} address", None))
        if claimed.dead_why is not None:
            return Passed(claimed, bar=Bar(f"The address is dead: {claimed.dead_why}", None))
        channel = self._channels.get(claimed.channel)
        later = now + pause_before_next(claimed.key, claimed.attempt)
        if channel is None:
            return Passed(claimed, bar=Bar(f"The channel {claimed.channel} is not set up.", later))
        try:
            address = opened(self._vault, claimed.channel, claimed.address, claimed.secret_ref)
        except DeliveryFailed as error:
            return Passed(claimed, bar=Bar(str(error), later))
        return self._circuit(connection, claimed, channel, address, now, lease_until)

    def _circuit(
        self,
        connection: Connection[Any],
        claimed: Envelope,
        channel: Channel,
        address: Address,
        now: datetime,
        lease_until: datetime,
    ) -> Passed:
        own = self._vault.mark(address.text)
        mark = "" if channel.gateway else own
        circuit = peers.circuit(connection, channel.name, mark)
        bar = None
        way = circuit.way(now)
        if way is Way.CLOSED or (
            way is Way.PROBE and not peers.take_probe(connection, channel.name, mark, now, now + self._probe)
        ):
            assert circuit.opened_at is not None
            why = f"{channel.name} has failed since {circuit.opened_at:%Y-%m-%d %H:%M:%S} UTC"
            if not channel.gateway:  # what a gateway said last, it may have said of another company's people
                why += f": {circuit.why}"
            bar = Bar(why, max(circuit.probe_at or now, now + timedelta(seconds=1)))
        passed = Passed(claimed, channel, address, mark, circuit.failures > 0, bar)
        return passed if bar is not None else self._with_others(connection, passed, own, now, lease_until)

    def _with_others(
        self, connection: Connection[Any], passed: Passed, own: str, now: datetime, lease_until: datetime
    ) -> Passed:
        """Now, with what belongs to it; or later."""
        claimed, channel = passed.claimed, passed.channel
        assert channel is not None
        decision = decide(connection, claimed, now, in_place=channel.replaces)
        if decision is not None and decision.until is not None:
            return replace(passed, wait_until=decision.until, parked=True)
        paced = self._pace(connection, passed, own, now, lease_until)
        if paced.wait_until is not None:
            return paced
        if isinstance(claimed, StormNotice):
            return replace(paced, bundle=take_held(connection, claimed, now, lease_until))
        if decision is None or paced.beside:
            return paced
        return replace(paced, bundle=take(connection, decision, now, lease_until, in_place=channel.replaces))

    def _pace(
        self, connection: Connection[Any], passed: Passed, own: str, now: datetime, lease_until: datetime
    ) -> Passed:
        claimed, channel = passed.claimed, passed.channel
        assert channel is not None
        if channel.pace is None:
            return passed
        since = now - HELD_UP
        others = 0 if claimed.alone else claims.count_beside(connection, claimed, now, since=since)
        leave = peers.ask_leave(connection, channel.name, own, channel.pace, now, urgent=claimed.urgent, others=others)
        beside: list[Envelope] = []
        if leave.fold:
            beside = claims.claim_beside(connection, claimed, now, lease_until, since=since, most=MOST_FOLDED)
        why = f"{channel.name} takes no more from us at this moment"
        return replace(passed, wait_until=leave.until, why=why, beside=beside)
