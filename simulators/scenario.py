"""A scenario: plants, what happens to them, and the truth Davy is judged by. The scenarios stand in `scenarios`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from simulators.fault import Fault, compose
from simulators.instrument import Instrument, Plant
from simulators.past import History, history
from simulators.stream import Packet, birth, boot_of, packets
from simulators.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything about one run; the same seed and start give the same bytes.

    Args:
        start_us: the instant of second 0, microseconds UTC, a whole second.
        seconds: how long it lasts.
        message_s: seconds of samples a message.
        past_s: seconds from second 0 that lie in the past when it is played: they are not sent, `past` has them as columns.
            A multiple of 60.
        plants: makes the plants anew, at second 0.
        faults: what happens to the packets on their way, in order.
    """

    name: str
    seed: int
    start_us: int
    seconds: int
    truth: Truth
    plants: Callable[[], Sequence[Plant]]
    message_s: int = 1
    past_s: int = 0
    faults: tuple[Fault, ...] = ()

    def packets(self, *, endless: bool = False) -> Iterator[Packet]:
        """What the devices send, by the time it is due.

        Args:
            endless: the plants go on after the last thing that happens to them; else the stream ends at `seconds`.
        """
        made = packets(
            self.plants(),
            seconds=None if endless else self.seconds,
            message_s=self.message_s,
            seed=self.seed,
            start_us=self.start_us,
            past_s=self.past_s,
        )
        return compose(*self.faults)(made)

    def past(self) -> History:
        """What the devices would have sent before `packets` begins: the same plants, up to the instant at which they go on."""
        return history(self.plants(), seconds=self.past_s, start_us=self.start_us)

    def messages(self) -> Iterator[tuple[int, str, bytes]]:
        """`(due_us, topic, payload)` of every packet, by the time it is due."""
        return ((packet.due_us, packet.topic, packet.payload) for packet in self.packets())

    def births(self) -> list[tuple[str, bytes]]:
        """`(topic, payload)` of the retained message each device sends before its first reading."""
        return [birth(site, device, boot_of(device, self.seed, self.start_us)) for site, device in self.devices()]

    def devices(self) -> list[tuple[str, str]]:
        """`(site, device)` of everything that sends, in a steady order."""
        return list(dict.fromkeys((i.site, i.device) for i in self.instruments()))

    def instruments(self) -> list[Instrument]:
        """Every sensor that sends."""
        return [instrument for plant in self.plants() for instrument in plant.instruments]
