"""PUBLISH frames made once and patched in place: identifier, seq, sent_at and values stand at fixed places.

MQTT 3.1.1, QoS 1. A bench that encoded each message anew would measure its own encoder: the generator shares the machine
with what it measures.

Source: OASIS MQTT 3.1.1, sections 2.2.3 (remaining length), 3.1 (CONNECT), 3.3 (PUBLISH).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davy.bench.portfolio import ALARMING, ORDINARY, PER_DEVICE, Portfolio, device_key, sensor_key

Bytes = NDArray[np.uint8]

PUBLISH_QOS1 = 0x32
CONNECT = 0x10
DISCONNECT = bytes((0xE0, 0x00))
CLEAN_SESSION, WITH_PASSWORD, WITH_USER = 0x02, 0x40, 0x80
FIRST_SEQ = 100_000  # a device long since at work; six digits, so that the place is fixed
LAST_SEQ = 999_999
IDENTIFIERS = 65_535  # of packets; 0 is not one
STAMP_DIGITS = 13  # milliseconds since 1970, until the year 2286
NOISE_ROWS = 997  # prime: a device meets another row of noise each time
VALUE_NOISE = (1, 3, 4)  # which characters of "20.00" vary

_POWERS_13 = 10 ** np.arange(STAMP_DIGITS - 1, -1, -1, dtype=np.int64)
_POWERS_6 = 10 ** np.arange(5, -1, -1, dtype=np.int64)
_ZERO = ord("0")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a frame the fields stand, as offsets in bytes."""

    identifier: int
    seq: int
    stamp: int
    readings: int  # where the first reading's fixed-width text begins
    stride: int  # from one reading to the next
    value: int  # within that text


class Frames:
    """One frame a line, lines in the order they are sent, over and over.

    Batched: a line is a device and its message carries all its sensors. Single: a line is a sensor, devices in rotation.

    Args:
        boot: of every device, new for each generator.
        kind: the last level of the topic: "readings", or another of eight letters for a receiver that is not ingest.
        seed: of the noise on the values.
    """

    def __init__(self, portfolio: Portfolio, *, single: bool, boot: int, kind: str = "readings", seed: int = 1) -> None:
        self.portfolio = portfolio
        self.single = single
        self.readings_per_message = 1 if single else PER_DEVICE
        self.lines = portfolio.sensors if single else portfolio.devices
        first, self._layout = _frame(portfolio, 0, single=single, boot=boot, kind=kind)
        self.length = len(first)
        self._bytes: Bytes = np.empty((self.lines, self.length), np.uint8)
        for line in range(self.lines):
            frame, _ = _frame(portfolio, line, single=single, boot=boot, kind=kind)
            self._bytes[line] = np.frombuffer(frame, np.uint8)
        self._stamps: NDArray[np.int64] = np.zeros(self.lines, np.int64)
        noise = np.random.default_rng(seed).integers(
            _ZERO, _ZERO + 10, (NOISE_ROWS, self.readings_per_message, len(VALUE_NOISE))
        )
        self._noise: Bytes = noise.astype(np.uint8)
        self._alarming: list[tuple[int, int]] = []

    def block(self, message: int, most: int, now_ms: int) -> memoryview:
        """The next messages, from number `message` on, ready to send: one piece of memory.

        Valid until the next call that reaches the same lines. At most to the end of the lines: the next call goes on from
        the first one.

        Args:
            most: how many frames at most.
            now_ms: the devices' clock; a line's stamp still rises where it came round within one millisecond.
        """
        low = message % self.lines
        high = min(low + most, self.lines)
        numbers = np.arange(message, message + high - low)
        rows, at = self._bytes[low:high], self._layout
        identifiers = 1 + numbers % IDENTIFIERS
        rows[:, at.identifier] = identifiers >> 8
        rows[:, at.identifier + 1] = identifiers & 0xFF
        seq = FIRST_SEQ + numbers // self.portfolio.devices
        if seq[-1] > LAST_SEQ:
            raise OverflowError(f"a device has sent {LAST_SEQ - FIRST_SEQ} messages; a bench ends before that")
        rows[:, at.seq : at.seq + 6] = seq[:, None] // _POWERS_6 % 10 + _ZERO
        stamps = np.maximum(self._stamps[low:high] + 1, now_ms)
        self._stamps[low:high] = stamps
        rows[:, at.stamp : at.stamp + STAMP_DIGITS] = stamps[:, None] // _POWERS_13 % 10 + _ZERO
        for line, reading in self._alarming:
            self._place(line, reading)[:] = np.frombuffer(ORDINARY, np.uint8)
        self._alarming.clear()
        values = self._values(low, high)
        for column, character in enumerate(VALUE_NOISE):
            values[:, :, character] = self._noise[numbers % NOISE_ROWS, :, column]
        return rows.reshape(-1).data

    def alarm(self, line: int, reading: int) -> int:
        """Puts a value above the setpoint into a frame of the block just made, for this once.

        Returns:
            The stamp that reading travels with, milliseconds.
        """
        self._place(line, reading)[:] = np.frombuffer(ALARMING, np.uint8)
        self._alarming.append((line, reading))
        return int(self._stamps[line])

    def sensor_of(self, line: int, reading: int) -> tuple[int, int]:
        """Device and sensor number of a reading in a line."""
        if self.single:
            return line % self.portfolio.devices, line // self.portfolio.devices
        return line, reading

    def _values(self, low: int, high: int) -> Bytes:
        at = self._layout
        width = at.stride * self.readings_per_message
        texts = self._bytes[low:high, at.readings : at.readings + width]
        return texts.reshape(high - low, self.readings_per_message, at.stride)[:, :, at.value : at.value + 5]

    def _place(self, line: int, reading: int) -> Bytes:
        place: Bytes = self._values(line, line + 1)[0, reading]
        return place


def _frame(portfolio: Portfolio, line: int, *, single: bool, boot: int, kind: str) -> tuple[bytes, Layout]:
    device = line % portfolio.devices
    topic = f"davy/v1/{portfolio.site_of(device)}/{device_key(device)}/{kind}".encode()
    before_seq = b'{"boot":%d,"seq":' % boot
    before_stamp = before_seq + b"0" * 6 + b',"sent_at":'
    head = before_stamp + b"0" * STAMP_DIGITS
    sensors = [line // portfolio.devices] if single else range(PER_DEVICE)
    texts = [b'"s":"%s","v":' % sensor_key(number).encode() for number in sensors]
    if single:
        opening, closing, reading = head + b",", b"}", texts[0] + ORDINARY
        readings = reading
        stride, value = len(reading), len(texts[0])
    else:
        opening, closing = head + b',"readings":[', b"]}"
        pieces = [b"{" + text + ORDINARY + b"}," for text in texts]
        stride, value = len(pieces[0]), len(texts[0]) + 1
        readings = b"".join(pieces)[:-1] + closing[:1]  # the last comma's place holds the bracket
        closing = closing[1:]
    payload = opening + readings + closing
    variable = len(topic).to_bytes(2, "big") + topic + b"\0\0"
    fixed = bytes((PUBLISH_QOS1,)) + remaining_length(len(variable) + len(payload))
    start = len(fixed) + len(variable)
    layout = Layout(
        identifier=start - 2,
        seq=start + len(before_seq),
        stamp=start + len(before_stamp),
        readings=start + len(opening),
        stride=stride,
        value=value,
    )
    return fixed + variable + payload, layout


def connect_frame(client_id: str, user: str, password: str, keepalive_s: int) -> bytes:
    """A CONNECT with a clean session."""
    flags = CLEAN_SESSION | WITH_USER | WITH_PASSWORD
    variable = _text("MQTT") + bytes((4, flags)) + keepalive_s.to_bytes(2, "big")
    rest = variable + b"".join(map(_text, (client_id, user, password)))
    return bytes((CONNECT,)) + remaining_length(len(rest)) + rest


def remaining_length(length: int) -> bytes:
    """MQTT's variable-length integer.

    >>> remaining_length(321).hex()
    'c102'
    """
    encoded = bytearray()
    while True:
        length, low = divmod(length, 128)
        encoded.append(low | (0x80 if length else 0))
        if not length:
            return bytes(encoded)


def identifiers_of(pubacks: Sequence[int] | bytes) -> list[int]:
    """The packet identifiers in a run of whole PUBACK frames.

    Raises:
        ValueError: something else stands among them.
    """
    frames = np.frombuffer(bytes(pubacks), np.uint8).reshape(-1, 4)
    if not ((frames[:, 0] == 0x40) & (frames[:, 1] == 2)).all():
        raise ValueError(f"the broker sent something that is no PUBACK: {bytes(pubacks)[:16].hex()}")
    return [int(high) << 8 | int(low) for high, low in frames[:, 2:].tolist()]


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded
