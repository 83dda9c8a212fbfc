"""Faults do what they say to the packets they are meant for, to no others, and the same each time."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import wire
from core.errors import Malformed
from core.wire import Message, Status, WireReading
from simulators import fault
from simulators.fault import Fault, Window
from simulators.scenarios import load
from simulators.stream import Packet

S = 1_000_000
CLEAN = list(islice(load("gas-leak", 1, datetime(2026, 1, 5, 1, tzinfo=UTC)).packets(), 2_000))
START = load("gas-leak", 1, datetime(2026, 1, 5, 1, tzinfo=UTC)).start_us
LATER = Window(START + 100 * S, START + 200 * S)

FAULTS: dict[str, Fault] = {
    "noise": fault.noise("lel-yard-1", 5.0, seed=1),
    "drift": fault.drift("lel-yard-1", 60.0, window=LATER),
    "stuck": fault.stuck("lel-yard-1", window=LATER),
    "dropout": fault.dropout("lel-yard-1", window=LATER),
    "half": fault.dropout("wind-speed", window=LATER, share=0.5, seed=3),
    "unit": fault.wrong_unit("lel-yard-1", "kPa", window=LATER),
    "power": fault.power_cut("tf-gas-1", window=LATER, boot=77),
    "lost": fault.lost("tf-gas-1", window=LATER),
    "clock": fault.clock_skew("tf-gas-1", -97_200.0, window=LATER),
    "duplicates": fault.duplicates("tf-gas-1", 0.3, seed=4),
    "order": fault.out_of_order("tf-gas-1", 0.3, seed=5, delay_s=8.0),
    "garbage": fault.garbage("tf-gas-1", 0.5, seed=6),
}


def values(packets: list[Packet], sensor: str) -> list[tuple[int, float | str]]:
    """(second of the scenario, value) of one sensor."""
    return [
        ((r.t or 0) // 1_000 - START // S, r.v)
        for p in packets
        if isinstance(p.message, Message)
        for r in p.message.readings
        if r.s == sensor
    ]


def numbers(packets: list[Packet], device: str) -> list[int]:
    """The sequence numbers of one device, as they come."""
    return [p.message.seq for p in packets if p.device == device and isinstance(p.message, Message)]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_pure_and_keeps_time_order(name: str) -> None:
    """The stream is not touched, twice is the same, and packets stay in the order they are due."""
    before = list(CLEAN)
    once, again = list(FAULTS[name](CLEAN)), list(FAULTS[name](CLEAN))
    assert once == again
    assert before == CLEAN
    assert once != CLEAN
    assert [p.due_us for p in once] == sorted(p.due_us for p in once)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_leaves_others_alone(name: str) -> None:
    """Other devices' messages come through, byte for byte."""
    aimed_at = "tf-weather" if name == "half" else "tf-gas-1"
    others = [p for p in CLEAN if p.device != aimed_at]
    assert [p for p in FAULTS[name](CLEAN) if p.device != aimed_at] == others


def test_drift_grows_and_stuck_stands() -> None:
    """60 %LEL an hour is one a minute; a stuck sensor repeats the value its window began with."""
    clean = dict(values(CLEAN, "lel-yard-1"))
    drifted = dict(values(list(FAULTS["drift"](CLEAN)), "lel-yard-1"))
    assert drifted[99] == clean[99]
    assert drifted[160] == pytest.approx(float(clean[160]) + 1.0, abs=1e-6)
    held = dict(values(list(FAULTS["stuck"](CLEAN)), "lel-yard-1"))
    assert {held[second] for second in range(100, 200)} == {clean[100]}
    assert held[200] == clean[200]


def test_a_dropped_sensor_leaves_no_gap_in_the_numbers() -> None:
    """A device that cannot read a sensor sends the others; with none left it numbers nothing."""
    seconds = [second for second, _ in values(list(FAULTS["dropout"](CLEAN)), "lel-yard-1")]
    assert not set(seconds) & set(range(100, 200))
    silent = fault.compose(*(fault.dropout(f"lel-yard-{n}", window=LATER) for n in range(1, 5)))
    sent = numbers(list(silent(CLEAN)), "tf-gas-1")
    assert sent == list(range(len(sent)))
    assert len(sent) == len(numbers(CLEAN, "tf-gas-1")) - 100


def test_a_gateway_without_power_is_silent_and_born_anew() -> None:
    """Its last messages come, then the last will in its name, then a birth under the new boot, and numbers from nothing: no gap."""
    theirs = [p for p in FAULTS["power"](CLEAN) if p.device == "tf-gas-1"]
    statuses = [(p.due_us, p.message) for p in theirs if isinstance(p.message, Status)]
    assert statuses == [
        (START + 122_500_000, Status(online=False)),
        (START + 200 * S, Status(online=True, boot=77)),
    ]
    for packet in theirs:
        if isinstance(packet.message, Status):
            assert packet.retained
            assert wire.decode_status(packet.payload) == packet.message
            assert wire.parse_topic(packet.topic).kind == "status"
    said = [p for p in theirs if isinstance(p.message, Message)]
    assert not [p for p in said if LATER.holds(p.due_us)]
    before = [p for p in said if p.due_us < START + 100 * S]
    after = [p.message for p in said if p.due_us >= START + 200 * S]
    assert before == [p for p in CLEAN if p.device == "tf-gas-1"][: len(before)]
    assert [(m.boot, m.seq) for m in after if isinstance(m, Message)] == [(77, n) for n in range(len(after))]
    assert len(after) > 20


def test_lost_messages_leave_a_gap() -> None:
    """What the network lost is missing from the numbers."""
    sent = numbers(list(FAULTS["lost"](CLEAN)), "tf-gas-1")
    assert len(set(range(max(sent))) - set(sent)) == 100


def test_a_wrong_clock_changes_stamps_only() -> None:
    """27 h behind: sent and measured alike; when the message leaves does not change."""
    for clean, skewed in zip(CLEAN, FAULTS["clock"](CLEAN), strict=True):
        assert clean.due_us == skewed.due_us
        if clean.device == "tf-gas-1" and LATER.holds(clean.due_us):
            assert isinstance(clean.message, Message)
            assert isinstance(skewed.message, Message)
            assert skewed.message.sent_at == clean.message.sent_at - 97_200_000
            assert [(r.t or 0) + 97_200_000 for r in skewed.message.readings] == [r.t for r in clean.message.readings]
        else:
            assert clean == skewed


def test_repeats_are_the_same_bytes_and_late_ones_are_not_lost() -> None:
    """Duplicates add copies; overtaken messages only move."""
    clean = {p.payload for p in CLEAN if p.device == "tf-gas-1"}
    doubled = [p.payload for p in FAULTS["duplicates"](CLEAN) if p.device == "tf-gas-1"]
    assert set(doubled) == clean
    assert len(doubled) > 1.2 * len(clean)
    shuffled = list(FAULTS["order"](CLEAN))
    assert len(shuffled) == len(CLEAN)
    assert {p.payload for p in shuffled} == {p.payload for p in CLEAN}
    sent = numbers(shuffled, "tf-gas-1")
    assert sent != sorted(sent)


def test_a_wrong_unit_is_said() -> None:
    """The reading names the unit; whether that can be is for ingest to say."""
    units = {
        r.u
        for p in FAULTS["unit"](CLEAN)
        if isinstance(p.message, Message) and LATER.holds(p.message.sent_at * 1_000)
        for r in p.message.readings
        if r.s == "lel-yard-1"
    }
    assert units == {"kPa"}


@pytest.mark.parametrize("payload", fault.GARBAGE)
def test_garbage_is_garbage(payload: bytes) -> None:
    """No piece of it decodes."""
    with pytest.raises(Malformed):
        wire.decode(payload)


def test_garbage_stands_beside_the_messages() -> None:
    """The device's own messages still come."""
    dirty = list(FAULTS["garbage"](CLEAN))
    assert [p for p in dirty if isinstance(p.message, Message)] == CLEAN
    assert len(dirty) > len(CLEAN) + 100


@settings(max_examples=25)
@given(chain=st.lists(st.sampled_from(sorted(FAULTS)), max_size=5))
def test_faults_compose(chain: list[str]) -> None:
    """Any chain gives the same packets each time, in time order, and each message is one the wire can say."""
    apply = fault.compose(*(FAULTS[name] for name in chain))
    once = list(apply(CLEAN[:400]))
    assert once == list(apply(CLEAN[:400]))
    assert [p.due_us for p in once] == sorted(p.due_us for p in once)
    for packet in once:
        if isinstance(packet.message, Message):
            assert wire.decode(packet.payload) == packet.message


def test_noise_is_as_strong_as_asked() -> None:
    """Standard deviation 5 on top, mean nothing."""
    clean, noisy = (dict(values(list(p), "lel-yard-1")) for p in (CLEAN, FAULTS["noise"](CLEAN)))
    errors = [float(noisy[second]) - float(clean[second]) for second in clean]
    mean = sum(errors) / len(errors)
    assert abs(mean) < 1.0
    assert (sum((e - mean) ** 2 for e in errors) / len(errors)) ** 0.5 == pytest.approx(5.0, rel=0.15)


def test_words_pass_through_faults_of_numbers() -> None:
    """An enumeration cannot drift."""
    packet = Packet(START, "s", "d", Message(1, 0, START // 1_000, [WireReading("pump", "running", START // 1_000)]))
    assert list(fault.noise("pump", 1.0, seed=1)([packet])) == [packet]
