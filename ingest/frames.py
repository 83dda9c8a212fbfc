"""MQTT 3.1.1 on the bytes: PUBLISH packets cut out of what has been read ahead, PUBACK packets for a lot at once. Pure.

Only what comes a hundred thousand times a second; every other packet, and every mistake, is paho's.

Source: OASIS MQTT 3.1.1, 2.2 (fixed header), 2.2.3 (remaining length), 3.3 (PUBLISH), 3.4 (PUBACK).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

import numpy as np

_PUBLISH: Final = 3  # upper half of the first byte
_RETAIN, _QOS, _DUP = 0x01, 0x06, 0x08  # in its lower half
_MORE: Final = 0x80  # another byte of the length follows
_LONGEST_LENGTH: Final = 4  # bytes
_PUBACK: Final = 0x40


class Publish(NamedTuple):
    """One PUBLISH packet of QoS 0 or 1.

    Args:
        mid: packet id; 0 at QoS 0.
    """

    topic: bytes
    payload: bytes
    mid: int
    retained: bool
    repeated: bool


class Front(Enum):
    """What stands at the front of the bytes that were not cut."""

    PARTLY = auto()  # nothing, or a packet whose rest has not come
    PUBLISH = auto()  # another PUBLISH that is whole
    OTHER = auto()  # any other packet that is whole, or what is no packet


def cut(read: bytes, at: int, most: int) -> tuple[list[Publish], int, Front]:
    """Cuts at most `most` whole PUBLISH packets out of `read`, from `at` on.

    Returns:
        The packets, where the first byte that was not cut stands, and what stands there.

    >>> cut(bytes.fromhex("3208 0003 612f62 0007 21") + b"0", 0, 9)
    ([Publish(topic=b'a/b', payload=b'!', mid=7, retained=False, repeated=False)], 10, <Front.PARTLY: 1>)
    """
    found: list[Publish] = []
    end = len(read)
    while at + 2 <= end:
        first, length, body = read[at], read[at + 1], at + 2
        if length & _MORE:
            length &= ~_MORE
            for power in range(1, _LONGEST_LENGTH + 1):
                if body == end:
                    return found, at, Front.PARTLY
                if power == _LONGEST_LENGTH:
                    return found, at, Front.OTHER  # no length has five bytes
                byte = read[body]
                body += 1
                length |= (byte & ~_MORE) << (7 * power)
                if not byte & _MORE:
                    break
        stop = body + length
        if stop > end:
            return found, at, Front.PARTLY
        quality = first & _QOS
        if first >> 4 != _PUBLISH or quality > 2 or length < 2:
            return found, at, Front.OTHER
        topic_ends = body + 2 + (read[body] << 8 | read[body + 1])
        begins = topic_ends + quality  # a packet id of two bytes at QoS 1
        if begins > stop:
            return found, at, Front.OTHER
        if len(found) == most:
            return found, at, Front.PUBLISH
        mid = read[topic_ends] << 8 | read[topic_ends + 1] if quality else 0
        found.append(
            Publish(
                read[body + 2 : topic_ends], read[begins:stop], mid, first & _RETAIN != 0, first & _DUP != 0
            )
        )  # fmt: skip
        at = stop
    return found, at, Front.PARTLY


def pubacks(mids: Sequence[int]) -> bytes:
    """A PUBACK for each packet id, in that order.

    >>> pubacks([7, 258]).hex()
    '4002000740020102'
    """
    packets = np.empty((len(mids), 4), np.uint8)
    packets[:, 0], packets[:, 1] = _PUBACK, 2
    packets[:, 2:] = np.array(mids, ">u2").view(np.uint8).reshape(-1, 2)
    return packets.tobytes()
