"""From what a plant did to what its devices send: readings cut into messages of wire version 1, in time order."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from core.wire import Message, Status, WireReading, encode, encode_status, readings_topic, status_topic
from simulators.instrument import Instrument, Plant

CHUNK_S: Final = 60  # how much of a plant is made at once
TRANSIT_MS: Final = (5, 60)  # between taking the last sample of a message and sending it
MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Packet:
    """One MQTT message on its way.

    Args:
        due_us: when it is sent, microseconds UTC.
        message: what it says; a status where the device comes or the broker speaks its last will; bytes where no device of
            ours would say it (see `fault.garbage`).
    """

    due_us: int
    site: str
    device: str
    message: Message | Status | bytes

    @property
    def topic(self) -> str:
        """Where it goes."""
        name = status_topic if isinstance(self.message, Status) else readings_topic
        return name(self.site, self.device)

    @property
    def retained(self) -> bool:
        """Whether the broker keeps it for whoever comes later: a status, never a reading."""
        return isinstance(self.message, Status)

    @property
    def payload(self) -> bytes:
        """What goes over the wire."""
        match self.message:
            case bytes():
                return self.message
            case Status():
                return encode_status(self.message)
            case Message():
                return encode(self.message)

    @property
    def readings(self) -> int:
        """How many readings it carries."""
        return len(self.message.readings) if isinstance(self.message, Message) else 0

    def carrying(self, readings: list[WireReading]) -> Packet:
        """The same with other readings. What holds none stays as it is."""
        if not isinstance(self.message, Message):
            return self
        old = self.message
        return replace(self, message=Message(old.boot, old.seq, old.sent_at, readings, old.replayed))


def boot_of(device: str, seed: int, start_us: int) -> int:
    """The boot a device has in a run: the same for the same seed and start, another for any other run."""
    words = [seed, start_us // MICROSECONDS, zlib.crc32(device.encode())]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


def birth(site: str, device: str, boot: int | None) -> tuple[str, bytes]:
    """`(topic, payload)` of the retained message that says a device is there; without a boot, that it is gone."""
    return status_topic(site, device), encode_status(Status(online=boot is not None, boot=boot))


class Outlet:
    """One device's share of a plant's traces, as packets.

    Args:
        columns: of the trace, in the order of `instruments`.
        message_s: seconds of samples a message; not below the quickest instrument's period. A slower one is in some of them.
    """

    def __init__(
        self, instruments: Sequence[Instrument], columns: Sequence[int], *, step_s: float, message_s: int, boot: int
    ) -> None:
        self._instruments = instruments
        self._columns = columns
        self._periods = [max(1, round(i.period_s / step_s)) for i in instruments]
        self._rows = round(max(message_s, min(i.period_s for i in instruments), step_s) / step_s)
        self._boot = boot
        self._seq = 0
        self._random = np.random.default_rng(boot)

    @property
    def rows(self) -> int:
        """Rows of the trace a message spans."""
        return self._rows

    def packets(self, at_us: Sequence[int], value: Float64, first_row: int) -> Iterator[Packet]:
        """The messages of some rows; `first_row` is the number of the first since the plant's start."""
        site, device = self._instruments[0].site, self._instruments[0].device
        plan = [
            (instrument.key, instrument.decimals, period, value[:, column].tolist())
            for instrument, period, column in zip(self._instruments, self._periods, self._columns, strict=True)
        ]
        for begin in range(0, len(at_us), self._rows):
            rows = range(begin, min(begin + self._rows, len(at_us)))
            readings = [
                WireReading(key, round(values[row], decimals), at_us[row] // 1_000)
                for row in rows
                for key, decimals, period, values in plan
                if (first_row + row) % period == 0
            ]
            if readings:
                sent_ms = (readings[-1].t or 0) + int(self._random.integers(*TRANSIT_MS))
                message = Message(self._boot, self._seq, sent_ms, readings)
                self._seq = (self._seq + 1) % 2**32
                yield Packet(sent_ms * 1_000, site, device, message)


def outlets(plant: Plant, *, message_s: int, seed: int, start_us: int) -> list[Outlet]:
    """An outlet a device of `plant`.

    Raises:
        BadInput: a message would span more than a chunk, or not a whole part of it.
    """
    devices: dict[str, list[int]] = {}
    for column, instrument in enumerate(plant.instruments):
        devices.setdefault(instrument.device, []).append(column)
    made = []
    for device, columns in devices.items():
        outlet = Outlet(
            [plant.instruments[column] for column in columns],
            columns,
            step_s=plant.step_s,
            message_s=message_s,
            boot=boot_of(device, seed, start_us),
        )
        if CHUNK_S % (outlet.rows * plant.step_s):
            raise BadInput(
                f"Device {device} would send every {outlet.rows * plant.step_s} s; {CHUNK_S} s must be a multiple."
            )
        made.append(outlet)
    return made


def packets(
    plants: Sequence[Plant], *, seconds: float | None, message_s: int, seed: int, start_us: int, past_s: int = 0
) -> Iterator[Packet]:
    """Everything that the devices of `plants` send, in time order.

    Args:
        seconds: until when, rounded up to whole chunks; None goes on for ever.
        start_us: the instant of the plants' second 0, microseconds UTC.
        past_s: so long from second 0 the plants work and nothing is sent.

    Raises:
        BadInput: the past is not a whole number of chunks.
    """
    if past_s % CHUNK_S:
        raise BadInput(f"The past lasts {past_s} s; it must be a multiple of {CHUNK_S} s.")
    sources = [(plant, outlets(plant, message_s=message_s, seed=seed, start_us=start_us)) for plant in plants]
    for plant in plants:
        plant.advance(round(past_s / plant.step_s))
    chunk = past_s // CHUNK_S
    while seconds is None or chunk * CHUNK_S < seconds:
        made: list[Packet] = []
        for plant, devices in sources:
            steps = round(CHUNK_S / plant.step_s)
            trace = plant.advance(steps)
            at_us = [start_us + round(at * MICROSECONDS) for at in trace.at_s.tolist()]
            for device in devices:
                made.extend(device.packets(at_us, trace.value, chunk * steps))
        made.sort(key=lambda packet: (packet.due_us, packet.device))
        yield from made
        chunk += 1
