"""MQTT packets cut from bytes: the same messages as paho reads, however the bytes arrive."""

from __future__ import annotations

import doctest
import socket

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from ingest import frames
from ingest.buffered import BufferedSocket
from ingest.frames import Front, Publish, cut, pubacks

PINGRESP = b"\xd0\x00"


def encoded(packet: Publish) -> bytes:
    """A PUBLISH as a broker writes it. Source: MQTT 3.1.1, 3.3."""
    body = len(packet.topic).to_bytes(2, "big") + packet.topic
    body += packet.mid.to_bytes(2, "big") if packet.mid else b""
    body += packet.payload
    length, rest = b"", len(body)
    while not length or rest:
        length += bytes([rest % 128 | (128 if rest >= 128 else 0)])
        rest //= 128
    flags = packet.retained | (2 if packet.mid else 0) | (8 if packet.repeated else 0)
    return bytes([0x30 | flags]) + length + body


PUBLISHES = st.builds(
    Publish,
    topic=st.binary(min_size=1, max_size=300),
    payload=st.one_of(st.binary(max_size=40), st.integers(100, 40_000).map(bytes)),
    mid=st.integers(0, 2**16 - 1),
    retained=st.booleans(),
    repeated=st.booleans(),
)


def paho_s(read: bytes) -> tuple[list[Publish], bool]:
    """What paho makes of the same bytes, and whether it has taken offence."""
    ours, theirs = socket.socketpair()
    client = Client(CallbackAPIVersion.VERSION2, manual_ack=True)
    found: list[Publish] = []

    def heard(_: Client, __: object, m: MQTTMessage) -> None:
        found.append(Publish(m._topic, bytes(m.payload), m.mid, m.retain, m.dup))

    client.on_message = heard
    client._sock = ours
    theirs.sendall(read)
    theirs.close()
    ours.setblocking(False)
    status = MQTTErrorCode.MQTT_ERR_SUCCESS
    while status is MQTTErrorCode.MQTT_ERR_SUCCESS and client.socket() is not None:
        status = client.loop_read()
    ours.close()
    client._sock = None
    return found, status is MQTTErrorCode.MQTT_ERR_PROTOCOL


def test_examples_hold() -> None:
    """Examples run."""
    assert doctest.testmod(frames).failed == 0


@given(packets=st.lists(PUBLISHES, max_size=6), cuts=st.lists(st.integers(1, 400), max_size=40))
def test_however_bytes_arrive_the_messages_are_the_same(packets: list[Publish], cuts: list[int]) -> None:
    """A packet in pieces waits for its rest; nothing is lost, doubled or mixed up between two."""
    stream = b"".join(encoded(packet) for packet in packets)
    found: list[Publish] = []
    held, begins = b"", 0
    for length in [*cuts, len(stream)]:
        held += stream[begins : begins + length]
        begins += length
        some, at, front = cut(held, 0, 1000)
        found, held = found + some, held[at:]
        assert front is Front.PARTLY
    assert (found, held) == (packets, b"")


@given(packets=st.lists(PUBLISHES, max_size=4), most=st.integers(1, 3))
def test_no_more_than_asked_for_and_the_rest_later(packets: list[Publish], most: int) -> None:
    """Acks have their turn between two lots."""
    stream, at, found = b"".join(encoded(packet) for packet in packets), 0, []
    while True:
        some, at, front = cut(stream, at, most)
        assert len(some) <= most
        found += some
        if front is not Front.PUBLISH:
            break
    assert found == packets


@given(packets=st.lists(PUBLISHES, min_size=1, max_size=3))
def test_another_packet_is_left_whole(packets: list[Publish]) -> None:
    """Answers to pings and subscriptions are paho's, at their place in the order."""
    stream = b"".join(encoded(packet) for packet in packets)
    some, at, front = cut(stream + PINGRESP + stream, 0, 1000)
    assert (some, at, front) == (packets, len(stream), Front.OTHER)
    assert cut(stream + PINGRESP[:1], 0, 1000)[2] is Front.PARTLY


@given(read=st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda rest: b"\x32" + rest)))
def test_what_is_no_packet_is_left_to_paho(read: bytes) -> None:
    """Of any bytes, what we cut is what paho would have read first; where it takes offence we cut nothing more."""
    some, at, front = cut(read, 0, 1000)
    theirs, offended = paho_s(read)
    assert theirs[: len(some)] == some
    if front is Front.PARTLY:
        assert theirs == some
        assert not offended or len(read) - at > 4  # a length without an end


@given(mids=st.lists(st.integers(1, 2**16 - 1), max_size=50))
def test_acknowledgements_are_written_as_the_standard_has_them(mids: list[int]) -> None:
    """Type 4, two bytes, the packet id, in the order of the lot."""
    assert pubacks(mids) == b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids)


def test_a_socket_hands_over_what_is_whole_and_keeps_the_rest() -> None:
    """Messages to us, the answer to a ping to paho byte by byte, the end of the connection last."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    read = BufferedSocket(ours)
    first, second = Publish(b"a", b"1" * 300, 5, False, False), Publish(b"b", b"2", 6, False, True)
    read.fill()
    assert (read.publishes(9), read.for_paho, read.pending()) == ([], False, False)
    theirs.sendall(encoded(first) + PINGRESP + encoded(second)[:4])
    read.fill()
    assert read.publishes(9) == [first]
    assert read.for_paho
    assert (read.recv(1), read.recv(1)) == (PINGRESP[:1], PINGRESP[1:])
    assert (read.publishes(9), read.for_paho, read.pending()) == ([], False, False)
    theirs.sendall(encoded(second)[4:])
    read.fill()
    assert read.publishes(9) == [second]
    theirs.close()
    read.fill()
    assert (read.publishes(9), read.for_paho) == ([], True)
    assert read.recv(1) == b""
    ours.close()
