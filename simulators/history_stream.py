"""History as what devices would have sent: the rows of a file cut into messages of wire version 1, in the order of sending."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.wire import Message, WireReading
from simulators.history import Row
from simulators.replay_map import Column, ReplayMap
from simulators.stream import Packet, birth, boot_of


@dataclass(frozen=True, slots=True)
class Timing:
    """How the file's time becomes the time of the play.

    At speed 1 a reading is stamped with the moment it is sent. At a higher speed stamps lie in the past, the first furthest,
    and the last row carries the moment it is sent: the file ends when the play ends. Nothing is ever stamped ahead.

    Args:
        first_ms, last_ms: of the file, milliseconds UTC.
        begins_ms: when the first row is sent.
        speed: not below 1.
    """

    first_ms: int
    last_ms: int
    begins_ms: int
    speed: float = 1.0

    @property
    def shift_ms(self) -> int:
        """Added to every stamp of the file."""
        return self.begins_ms + round((self.last_ms - self.first_ms) / self.speed) - self.last_ms

    def sent_ms(self, at_ms: int) -> int:
        """When a row of that time goes out; never before its own stamp."""
        due = self.begins_ms + round((at_ms - self.first_ms) / self.speed)
        return max(due, at_ms + self.shift_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A file that a `Fleet` can play, and that gives the same packets each time.

    Args:
        rows: reads the file from its beginning.
        replayed: whether messages say that they are history: into a live system always.
        seed: tells two plays apart that begin within the same second.
    """

    plan: ReplayMap
    rows: Callable[[], Iterator[Row]]
    timing: Timing
    replayed: bool
    seed: int = 0

    @property
    def start_us(self) -> int:
        """When the first row goes out, microseconds UTC."""
        return self.timing.begins_ms * 1000

    def devices(self) -> list[tuple[str, str]]:
        """`(site, device)` of everything that sends."""
        return [(self.plan.site, device) for device in self.plan.devices()]

    def births(self) -> list[tuple[str, bytes]]:
        """`(topic, payload)` of the retained message each device sends before its first reading."""
        return [birth(site, device, boot_of(device, self.seed, self.start_us)) for site, device in self.devices()]

    def packets(self, *, endless: bool = False) -> Iterator[Packet]:
        """What the devices send. A file has an end, `endless` or not."""
        outlets = [_Outlet(self, device, boot_of(device, self.seed, self.start_us)) for device in self.plan.devices()]
        gathered: list[Row] = []
        for row in self.rows():
            if row.at_ms > self.timing.last_ms:
                break  # the file has grown since it was read
            gathered.append(row)
            if len(gathered) == self.plan.message_rows:
                for outlet in outlets:
                    yield from outlet.packet(gathered)
                gathered = []
        for outlet in outlets:
            yield from outlet.packet(gathered)


class _Outlet:
    """One device's share of the columns."""

    def __init__(self, history: History, device: str, boot: int) -> None:
        self._history, self._device, self._boot, self._seq = history, device, boot, 0
        self._columns: list[tuple[int, Column]] = [
            (place, column) for place, column in enumerate(history.plan.columns) if column.device == device
        ]

    def packet(self, rows: list[Row]) -> Iterator[Packet]:
        """The message of some rows; none where no column of the device has a value in them."""
        timing, shift_ms = self._history.timing, self._history.timing.shift_ms
        readings = [
            WireReading(column.sensor, cell.value, row.at_ms + shift_ms, cell.quality, column.unit)  # type: ignore[arg-type]
            for row in rows
            for place, column in self._columns
            if (cell := row.cells[place]) is not None
        ]
        if readings:
            sent_ms = timing.sent_ms(rows[-1].at_ms)
            message = Message(self._boot, self._seq, sent_ms, readings, self._history.replayed)
            self._seq = (self._seq + 1) % 2**32
            yield Packet(sent_ms * 1000, self._history.plan.site, self._device, message)
