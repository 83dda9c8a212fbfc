"""What goes wrong with sensors, devices and networks, as transforms of a stream of packets.

A fault takes packets in time order and gives packets in time order; it draws its chance from its own seed each time it is
applied. So faults compose, and the same chain over the same stream gives the same bytes.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.wire import Message, Status, WireReading
from simulators.stream import MICROSECONDS, Packet

Fault = Callable[[Iterable[Packet]], Iterator[Packet]]
HOUR_S: Final = 3_600.0
LAST_WILL_S: Final = (
    22.5  # one and a half times the keep-alive of `device`, as MQTT 3.1.1 section 3.1.2.10 asks of a broker
)


@dataclass(frozen=True, slots=True)
class Window:
    """From one instant up to, not including, another; microseconds UTC. The default is always."""

    from_us: float = -math.inf
    until_us: float = math.inf

    def holds(self, at_us: float) -> bool:
        """Whether `at_us` is in it."""
        return self.from_us <= at_us < self.until_us


ALWAYS: Final = Window()


def compose(*faults: Fault) -> Fault:
    """All of them, the first one nearest to the sensor."""

    def chain(packets: Iterable[Packet]) -> Iterator[Packet]:
        stream = iter(packets)
        for fault in faults:
            stream = fault(stream)
        return stream

    return chain


def _rewrite(
    sensor: str, window: Window, change: Callable[[], Callable[[int, WireReading], WireReading | None]]
) -> Fault:
    """Each reading of one sensor within a window goes through `change()`; None leaves the reading out.

    A message that would be empty is not sent, and those behind it close ranks: the device never numbered it.
    """

    def apply(packets: Iterable[Packet]) -> Iterator[Packet]:
        changed = change()
        unsent: dict[tuple[str, str, int], int] = {}
        for packet in packets:
            message = packet.message
            if not isinstance(message, Message):
                yield packet
                continue
            kept: list[WireReading] = []
            for reading in message.readings:
                at_us = 1_000 * (message.sent_at if reading.t is None else reading.t)
                if reading.s != sensor or not window.holds(at_us):
                    kept.append(reading)
                elif (other := changed(at_us, reading)) is not None:
                    kept.append(other)
            key = (packet.site, packet.device, message.boot)
            if not kept:
                unsent[key] = unsent.get(key, 0) + 1
                continue
            seq = (message.seq - unsent.get(key, 0)) % 2**32
            yield replace(packet, message=Message(message.boot, seq, message.sent_at, kept))

    return apply


def _with_value(reading: WireReading, value: float | str) -> WireReading:
    return WireReading(reading.s, value, reading.t, reading.q, reading.u)


def noise(sensor: str, sigma: float, *, seed: int, window: Window = ALWAYS) -> Fault:
    """A bad contact: Gaussian noise of standard deviation `sigma`, in the sensor's unit, on every value."""

    def change() -> Callable[[int, WireReading], WireReading | None]:
        random = np.random.default_rng(seed)

        def shake(_: int, reading: WireReading) -> WireReading:
            kick = sigma * float(random.standard_normal())
            return _with_value(reading, round(reading.v + kick, 6)) if isinstance(reading.v, float) else reading

        return shake

    return _rewrite(sensor, window, change)


def drift(sensor: str, per_hour: float, *, window: Window) -> Fault:
    """A poisoned or ageing sensor: an error that grows by `per_hour` of its unit from the window's beginning."""

    def lean(at_us: int, reading: WireReading) -> WireReading:
        hours = (at_us - window.from_us) / MICROSECONDS / HOUR_S
        return _with_value(reading, round(reading.v + per_hour * hours, 6)) if isinstance(reading.v, float) else reading

    return _rewrite(sensor, window, lambda: lean)


def stuck(sensor: str, *, window: Window) -> Fault:
    """A frozen transmitter: the first value of the window again and again."""

    def change() -> Callable[[int, WireReading], WireReading | None]:
        held: list[float | str] = []

        def freeze(_: int, reading: WireReading) -> WireReading:
            if not held:
                held.append(reading.v)
            return _with_value(reading, held[0])

        return freeze

    return _rewrite(sensor, window, change)


def dropout(sensor: str, *, window: Window, share: float = 1.0, seed: int = 0) -> Fault:
    """A sensor that its device cannot read: its readings are missing, all or a share of them."""

    def change() -> Callable[[int, WireReading], WireReading | None]:
        random = np.random.default_rng(seed)
        return lambda _, reading: None if random.random() < share else reading

    return _rewrite(sensor, window, change)


def wrong_unit(sensor: str, unit: str, *, window: Window = ALWAYS) -> Fault:
    """A wrongly configured transmitter: it names `unit`, a UCUM code, whatever it measures."""
    return _rewrite(
        sensor, window, lambda: lambda _, reading: WireReading(reading.s, reading.v, reading.t, reading.q, unit)
    )


def lost(device: str, *, window: Window) -> Fault:
    """A network that loses what a device sent: the messages are gone and their numbers missing."""

    def apply(packets: Iterable[Packet]) -> Iterator[Packet]:
        return (packet for packet in packets if packet.device != device or not window.holds(packet.due_us))

    return apply


def power_cut(device: str, *, window: Window, boot: int) -> Fault:
    """A gateway that loses its power and gets it again: nothing comes from it meanwhile, and what it had not sent is gone.

    The broker speaks its last will when it has missed the gateway for long enough; with its power it is born anew, under another
    boot, and counts from nothing.

    Args:
        boot: of the new start.
    """

    def apply(packets: Iterable[Packet]) -> Iterator[Packet]:
        will_us = min(window.from_us + LAST_WILL_S * MICROSECONDS, window.until_us)
        told, count, site = -1, 0, ""
        changes = ((will_us, Status(online=False)), (window.until_us, Status(online=True, boot=boot)))
        for packet in packets:
            while site and told < 1 and packet.due_us >= changes[told + 1][0]:
                told += 1
                yield Packet(int(changes[told][0]), site, device, changes[told][1])
            if packet.device != device:
                yield packet
                continue
            site = packet.site
            if window.holds(packet.due_us):
                continue
            if packet.due_us >= window.until_us and isinstance(packet.message, Message):
                old = packet.message
                yield replace(packet, message=Message(boot, count, old.sent_at, old.readings))
                count += 1
            else:
                yield packet

    return apply


def clock_skew(device: str, offset_s: float, *, per_million: float = 0.0, window: Window = ALWAYS) -> Fault:
    """A wrong clock: every stamp of the device is off by `offset_s`, plus `per_million` µs for each second since the start.

    The messages still leave when they leave; only what they say of time is wrong.
    """

    def apply(packets: Iterable[Packet]) -> Iterator[Packet]:
        first_us: int | None = None
        for packet in packets:
            message = packet.message
            if packet.device != device or not isinstance(message, Message) or not window.holds(packet.due_us):
                yield packet
                continue
            first_us = packet.due_us if first_us is None else first_us
            off = round(offset_s * 1_000 + per_million * (packet.due_us - first_us) / 1e9)
            readings = [WireReading(r.s, r.v, None if r.t is None else r.t + off, r.q, r.u) for r in message.readings]
            yield replace(packet, message=Message(message.boot, message.seq, message.sent_at + off, readings))

    return apply


def _delayed(packets: Iterable[Packet], later: Callable[[Packet], tuple[int, bool] | None]) -> Iterator[Packet]:
    """Packets in the order they are due when `later` sends some again, or late: `(microseconds, keep the first one too)`."""
    heap: list[tuple[int, int, Packet]] = []
    count = 0
    for packet in packets:
        while heap and heap[0][0] <= packet.due_us:
            yield heapq.heappop(heap)[2]
        answer = later(packet)
        if answer is None or answer[1]:
            yield packet
        if answer is not None:
            due_us = packet.due_us + answer[0]
            heapq.heappush(heap, (due_us, count, replace(packet, due_us=due_us)))
            count += 1
    while heap:
        yield heapq.heappop(heap)[2]


def duplicates(device: str, share: float, *, seed: int, after_s: float = 2.0, window: Window = ALWAYS) -> Fault:
    """Repeats, as QoS 1 allows: a share of a device's messages comes again, unchanged, within `after_s`."""

    def apply(packets: Iterable[Packet]) -> Iterator[Packet]:
        random = np.random.default_rng(seed)

        def later(packet: Packet) -> tuple[int, bool] | None:
            if packet.device != device or not window.holds(packet.due_us) or random.random() >= share:
                return None
            return round(after_s * MICROSECONDS * float(random.random())), True

        return _delayed(packets, later)

    return apply


def out_of_order(device: str, share: float, *, seed: int, delay_s: float, window: Window = ALWAYS) -> Fault:
    """Messages that others overtake: a share of a device's messages comes up to `delay_s` late."""

    def apply(packets: Iterable[Packet]) -> Iterator[Packet]:
        random = np.random.default_rng(seed)

        def later(packet: Packet) -> tuple[int, bool] | None:
            if packet.device != device or not window.holds(packet.due_us) or random.random() >= share:
                return None
            return round(delay_s * MICROSECONDS * float(random.random())), False

        return _delayed(packets, later)

    return apply


GARBAGE: Final = (
    b"",
    b"\x00\xff\xfe\x80",
    b'{"boot": 1, "seq": 0, "sent_at": ',
    b'{"boot": 1, "seq": 0, "sent_at": 1790000000123, "s": "lel", "v": NaN}',
    b'{"boot": 1, "seq": 0, "sent_at": 1790000000123, "s": "lel", "v": [1]}',
    b'{"boot": -1, "seq": 0, "sent_at": 1790000000123, "s": "lel", "v": 1}',
    b'{"boot": 1, "seq": 0, "readings": []}',
    b"[1, 2, 3]",
    "压力".encode("gb18030"),
)


def garbage(device: str, share: float, *, seed: int, window: Window = ALWAYS) -> Fault:
    """A broken gateway: beside a share of a device's messages it sends something that is no message at all."""

    def apply(packets: Iterable[Packet]) -> Iterator[Packet]:
        random = np.random.default_rng(seed)
        for packet in packets:
            yield packet
            if packet.device == device and window.holds(packet.due_us) and random.random() < share:
                yield replace(packet, message=GARBAGE[int(random.integers(len(GARBAGE)))])

    return apply
