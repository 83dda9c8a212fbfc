"""The load of a bench is real wire version 1, in real MQTT packets, though nothing of it is encoded anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.wire import Message, decode, parse_topic
from davy.bench.frames import FIRST_SEQ, PUBLISH_QOS1, Frames, identifiers_of, remaining_length
from davy.bench.portfolio import PER_DEVICE, SETPOINT, Portfolio, device_key, sensor_key

NOW_MS = 1_790_000_000_123
BOOT = 4_000_000_000


def packets(block: memoryview, length: int) -> list[tuple[str, int, Message]]:
    """Topic, packet identifier and message of each PUBLISH, taken apart by the letter of MQTT 3.1.1."""
    taken = []
    for start in range(0, len(block), length):
        packet = bytes(block[start : start + length])
        assert packet[0] == PUBLISH_QOS1
        at, rest, shift = 1, 0, 0
        while True:
            rest |= (packet[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not packet[at - 1] & 0x80:
                break
        assert at + rest == length
        end = at + 2 + int.from_bytes(packet[at : at + 2], "big")
        topic = packet[at + 2 : end].decode()
        taken.append((topic, int.from_bytes(packet[end : end + 2], "big"), decode(packet[end + 2 :])))
    return taken


@pytest.mark.parametrize("single", [False, True])
def test_each_frame_is_a_message_of_the_wire(single: bool) -> None:
    """A frame decodes as wire version 1 and speaks for its own device on its own site."""
    portfolio = Portfolio.of(200)
    frames = Frames(portfolio, single=single, boot=BOOT)
    for line, (topic, identifier, message) in enumerate(packets(frames.block(0, 1000, NOW_MS), frames.length)):
        device = line % portfolio.devices
        name = parse_topic(topic)
        assert (name.site, name.device, name.kind) == (portfolio.site_of(device), device_key(device), "readings")
        assert identifier == line + 1
        assert (message.boot, message.seq) == (BOOT, FIRST_SEQ + line // portfolio.devices)
        assert message.sent_at == NOW_MS
        expected = [sensor_key(line // portfolio.devices)] if single else [sensor_key(n) for n in range(PER_DEVICE)]
        assert [reading.s for reading in message.readings] == expected
        assert all(20 <= float(reading.v) < 30 for reading in message.readings)


@given(single=st.booleans(), blocks=st.lists(st.integers(1, 64), min_size=1, max_size=30))
def test_seq_rises_by_one_and_stamps_always_rise(single: bool, blocks: list[int]) -> None:
    """However the frames are cut into blocks, a device counts without a gap and a sensor has no stamp twice."""
    portfolio = Portfolio.of(100)
    frames = Frames(portfolio, single=single, boot=BOOT)
    sent, seqs = 0, dict.fromkeys(range(portfolio.devices), FIRST_SEQ - 1)
    stamps: dict[tuple[int, str], int] = {}
    for most in blocks:
        for _, _, message in packets(block := frames.block(sent, most, NOW_MS), frames.length):
            device = sent % portfolio.devices
            assert message.seq == seqs[device] + 1
            seqs[device] = message.seq
            for reading in message.readings:
                key = (device, reading.s)
                assert message.sent_at > stamps.get(key, 0)
                stamps[key] = message.sent_at
            sent += 1
        assert len(block) <= most * frames.length


def test_an_alarming_value_is_there_once() -> None:
    """A reading above the setpoint stands in one message; the next round of that sensor is ordinary again."""
    portfolio = Portfolio.of(100)
    frames = Frames(portfolio, single=False, boot=BOOT)
    block = frames.block(0, 2, NOW_MS)
    assert frames.alarm(1, 7) == NOW_MS
    values = [[float(r.v) for r in message.readings] for _, _, message in packets(block, frames.length)]
    assert [(line, n) for line, row in enumerate(values) for n, v in enumerate(row) if v >= SETPOINT] == [(1, 7)]
    again = packets(frames.block(2, 2, NOW_MS), frames.length)
    assert all(float(r.v) < SETPOINT for _, _, message in again for r in message.readings)


def test_single_lines_name_their_sensor() -> None:
    """What the generator notes about a line is what stands in it."""
    portfolio = Portfolio.of(150)
    frames = Frames(portfolio, single=True, boot=BOOT)
    for line, (topic, _, message) in enumerate(packets(frames.block(0, 1000, NOW_MS), frames.length)):
        device, sensor = frames.sensor_of(line, 0)
        assert (parse_topic(topic).device, message.readings[0].s) == (device_key(device), sensor_key(sensor))


@given(st.integers(0, 268_435_455))
def test_remaining_length_is_the_shortest(length: int) -> None:
    """MQTT 3.1.1 section 2.2.3: seven bits a byte, least first, the top bit says that more follow."""
    encoded = remaining_length(length)
    assert sum((byte & 0x7F) << 7 * n for n, byte in enumerate(encoded)) == length
    assert [bool(byte & 0x80) for byte in encoded] == [True] * (len(encoded) - 1) + [False]


def test_only_acknowledgements_are_taken_for_acknowledgements() -> None:
    """Anything else from the broker stops the load with what came."""
    assert identifiers_of(bytes.fromhex("400200014002ffff")) == [1, 65535]
    with pytest.raises(ValueError, match="no PUBACK"):
        identifiers_of(bytes.fromhex("20020000"))
