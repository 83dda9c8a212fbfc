"""The scenarios: what they send is the wire's, in order, the same for the same seed; and their truth can be lived up to."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Any

import pytest

from core import wire
from core.errors import BadInput
from simulators import mine, pump_station, tank_farm
from simulators.matching import Raised, judge
from simulators.scenario import Scenario
from simulators.scenarios import SCENARIOS, gas_leak, load
from simulators.scenarios.leaking import SEEPING, SEEPING_PARTS, STAGES
from simulators.scenarios.pumping import LIMITS
from simulators.stream import boot_of

START = datetime(2026, 1, 5, 1, 0, 0, tzinfo=UTC)
NAMES = sorted(SCENARIOS)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_bytes(name: str) -> None:
    """Seed and start decide every message; another seed or start gives other boots."""
    one, same, other = (list(islice(load(name, seed, START).messages(), 3_000)) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert boot_of("tf-gas-1", 1, 0) != boot_of("tf-gas-1", 1, 1_000_000)


@pytest.mark.parametrize("name", NAMES)
def test_messages_are_the_wires_and_in_time_order(name: str) -> None:
    """Each decodes; stamps are not after sending; each sensor has each instant once; numbers rise without a gap.
    And every sensor of the portfolio takes part: one that never speaks is silent."""
    scenario = load(name, 1, START)
    seen: dict[tuple[str, int], set[int]] = {}
    stamps: Counter[tuple[str, int]] = Counter()
    last_us = 0
    known = {(i.site, i.device, i.key) for i in scenario.instruments()}
    for due_us, topic, payload in islice(scenario.messages(), 9_000):
        assert due_us >= last_us
        last_us = due_us
        _, site, device = topic.split("/")[1:4]
        if wire.parse_topic(topic).kind == "status":
            wire.decode_status(payload)
            continue
        message = wire.decode(payload)
        numbers = seen.setdefault((device, message.boot), set())
        if message.seq not in numbers:
            stamps.update((r.s, r.t or 0) for r in message.readings)
        numbers.add(message.seq)
        assert all((site, device, r.s) in known for r in message.readings)
        assert all(r.t is not None and r.t <= message.sent_at for r in message.readings)
    assert max(stamps.values()) == 1
    assert known == {(i.site, i.device, i.key) for i in (*tank_farm.SENSORS, *mine.SENSORS, *pump_station.SENSORS)}
    for numbers in seen.values():
        assert len(numbers) >= max(numbers) - 3  # the last ones may be on their way, overtaken


@pytest.mark.parametrize("name", NAMES)
def test_every_sensor_speaks_at_its_period(name: str) -> None:
    """Over five minutes; quiet-day samples all of them every 10 s."""
    scenario = load(name, 1, START)
    count: Counter[str] = Counter()
    end_us = scenario.start_us + 300_000_000
    for packet in scenario.packets():
        if packet.due_us >= end_us + 60_000_000:
            break
        if isinstance(packet.message, wire.Message):
            count.update(r.s for r in packet.message.readings if (r.t or 0) * 1_000 < end_us)
    slowest = 10.0 if name == "quiet-day" else 0.0
    for instrument in scenario.instruments():
        expected = 300 / max(instrument.period_s, slowest)
        assert expected <= count[instrument.key] <= expected + 3  # repeats


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_gas_leak_has_its_stages_in_order(seed: int) -> None:
    """Fan, first and second stage at both ends of the pump house, first before second, first stage well before the harm."""
    truth = load("gas-leak", seed, START).truth
    by_key = {expected.definition: expected for expected in truth.expected}
    assert {"vent-1.off", *(f"lel-pump-{n}.{stage}" for n in (1, 2) for stage in STAGES)} <= set(by_key)
    for expected in truth.expected:
        assert expected.definition.startswith(expected.sensor)
        assert expected.from_us <= expected.until_us
    assert by_key["lel-pump-1.lel-1"].from_us < by_key["lel-pump-1.lel-2"].from_us
    first = by_key["lel-pump-1.lel-1"]
    assert first.harm_us is not None
    assert first.harm_us - first.until_us > 30_000_000


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("name", ["gas-leak", "flange-leak", "seal-seep", "pump-cavitation"])
def test_a_plain_limit_lives_up_to_the_truth(name: str, seed: int) -> None:
    """The simplest judge one can write, over the readings as sent, misses nothing and raises nothing false."""
    scenario = load(name, seed, START)
    assert scenario.truth.expected
    outcome = judge(scenario.truth, _plain_judge(scenario))
    assert outcome.holds, outcome
    assert scenario.truth.allowed_false <= 2


def test_a_seep_is_told_by_the_compound_minutes_before_any_limit() -> None:
    """Whatever the seed: it must have come before the first limit can."""
    for seed in range(1, 6):
        truth = load("seal-seep", seed, START).truth
        by_key = {expected.definition: expected for expected in truth.expected}
        told = by_key.pop(SEEPING)
        assert "lel-pump-1.lel-1" in by_key
        assert min(each.from_us for each in by_key.values()) - told.until_us > 120_000_000


def test_a_quiet_day_is_quiet() -> None:
    """24 hours of all plants, some 320,000 readings, and every quantity stays well within its limits."""
    scenario = load("quiet-day", 1, START)
    assert scenario.truth.expected == ()
    assert scenario.truth.allowed_false == 0
    highest: dict[str, float] = {}
    lowest: dict[str, float] = {}
    readings = 0
    for packet in scenario.packets():
        assert isinstance(packet.message, wire.Message)
        readings += len(packet.message.readings)
        for reading in packet.message.readings:
            assert isinstance(reading.v, float)
            highest[reading.s] = max(reading.v, highest.get(reading.s, reading.v))
            lowest[reading.s] = min(reading.v, lowest.get(reading.s, reading.v))
    assert lowest["vent-1"] == 1.0
    assert 315_000 < readings < 325_000
    assert max(highest[f"level-t{n}"] for n in range(1, 5)) < 85.0
    assert max(highest[f"pressure-t{n}"] for n in range(1, 5)) < 1_000.0
    assert max(highest[f"temp-t{n}"] for n in range(1, 5)) < 30.0
    assert max(value for key, value in highest.items() if key.startswith("lel-")) < 5.0
    assert highest["ch4-return"] < 0.6
    assert highest["co-return"] < 12.0
    assert lowest["airspeed"] > 1.0
    assert highest["pump-current"] > 60.0
    for limit in LIMITS:
        assert highest[limit.sensor] < limit.setpoint if limit.high else lowest[limit.sensor] > limit.setpoint, limit
    assert lowest["lift-flow"] < 300.0 < 370.0 < highest["lift-flow"]


def test_a_quiet_day_has_no_reading_that_stands_still() -> None:
    """Every analogue sensor moves by a step of its resolution within a minute or two: nothing looks stuck."""
    scenario = load("quiet-day", 2, START)
    moved: dict[str, tuple[float, int]] = {}
    longest: dict[str, int] = {}
    for packet in islice(scenario.packets(), 6_000):
        assert isinstance(packet.message, wire.Message)
        for reading in packet.message.readings:
            assert isinstance(reading.v, float)
            assert reading.t is not None
            value, since = moved.get(reading.s, (reading.v, reading.t))
            if reading.v != value:
                moved[reading.s] = (reading.v, reading.t)
            else:
                moved.setdefault(reading.s, (value, since))
                longest[reading.s] = max(longest.get(reading.s, 0), reading.t - since)
    assert max(ms for key, ms in longest.items() if key != "vent-1") <= 180_000


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_cavitating_pump_is_told_by_suction_first(seed: int) -> None:
    """Suction pressure, then both directions or one of vibration; the first alarm well before the water fails."""
    truth = load("pump-cavitation", seed, START).truth
    first = truth.expected[0]
    assert first.definition == "lift-suction.low"
    assert "lift-vib-h.zone-c" in {expected.definition for expected in truth.expected}
    assert {expected.definition.split(".")[0] for expected in truth.expected} <= {
        "lift-suction",
        "lift-vib-h",
        "lift-vib-v",
    }
    assert first.harm_us is not None
    assert first.harm_us - first.until_us > 60_000_000


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_stuck_gas_sensor_stands_still_and_nothing_else_does(seed: int) -> None:
    """The sensor of the truth never moves again, in clean air, and did not stand for long before; every other one goes on moving."""
    scenario = load("stuck-gas-sensor", seed, START)
    (expected,) = scenario.truth.expected
    moved_us: dict[str, int] = {}
    last: dict[str, float | str] = {}
    for packet in scenario.packets():
        assert isinstance(packet.message, wire.Message)
        for reading in packet.message.readings:
            if last.get(reading.s) != reading.v:
                moved_us[reading.s] = 1_000 * (reading.t or 0)
            last[reading.s] = reading.v
    half_hour_us = 1_800_000_000
    assert expected.from_us <= moved_us[expected.sensor] + half_hour_us <= expected.until_us
    end_us = scenario.start_us + scenario.seconds * 1_000_000
    still = {key for key, at_us in moved_us.items() if end_us - at_us > 180_000_000}
    assert still == {expected.sensor, "vent-1"}
    assert float(last[expected.sensor]) < 5.0


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_dead_gateway_is_silent_and_comes_back(seed: int) -> None:
    """Nothing of it from the instant of the truth for two minutes and more, nothing of it is missing by its numbers, all others speak."""
    scenario = load("dead-gateway", seed, START)
    (expected,) = scenario.truth.expected
    gateway = expected.sensor.removeprefix("_gateway.")
    longest: dict[str, tuple[int, int]] = {}
    heard: dict[str, int] = {}
    boots: dict[int, list[int]] = {}
    for packet in scenario.packets():
        if not isinstance(packet.message, wire.Message):
            assert packet.device == gateway
            continue
        silence = packet.due_us - heard.get(packet.device, packet.due_us)
        longest[packet.device] = max(longest.get(packet.device, (0, 0)), (silence, packet.due_us))
        heard[packet.device] = packet.due_us
        if packet.device == gateway:
            boots.setdefault(packet.message.boot, []).append(packet.message.seq)
    silence, back_us = longest.pop(gateway)
    assert 150_000_000 <= silence <= 311_000_000
    assert 0 <= expected.from_us - (back_us - silence) <= 6_000_000
    assert all(other <= 6_000_000 for other, _ in longest.values())
    assert len(longest) == 8
    assert [numbers == list(range(len(numbers))) for numbers in boots.values()] == [True, True]


def test_a_leak_can_be_brought_forward() -> None:
    """The demo lets the leak begin and grow at once: the first stage comes within half a minute."""
    scenario = gas_leak.build(1, 1_767_574_800_000_000, leak_at_s=5.0, grows_s=40.0)
    first = next(e for e in scenario.truth.expected if e.definition == "lel-pump-1.lel-1")
    assert first.until_us - scenario.start_us < 35_000_000


def test_endless_goes_on_after_the_end() -> None:
    """The demo's plant does not stop when its scenario does."""
    scenario = load("flange-leak", 1, START)
    longer = list(islice(scenario.packets(endless=True), 8_000))
    assert longer[-1].due_us > scenario.start_us + (scenario.seconds + 60) * 1_000_000


def test_births_are_statuses() -> None:
    """One for each device, with the boot its messages carry."""
    scenario = load("gas-leak", 3, START)
    boots = {p.device: p.message.boot for p in islice(scenario.packets(), 50) if isinstance(p.message, wire.Message)}
    births = {wire.parse_topic(topic).device: wire.decode_status(payload) for topic, payload in scenario.births()}
    assert {device: status.boot for device, status in births.items()} == boots
    assert all(status.online for status in births.values())


@pytest.mark.parametrize(("name", "seed", "words"), [("gas-lek", 1, "gas-leak"), ("gas-leak", -1, "from 0 up")])
def test_what_is_not_there_gets_a_sentence(name: str, seed: int, words: str) -> None:
    """A typing mistake is answered with what there is."""
    with pytest.raises(BadInput, match=words):
        load(name, seed, START)


def _plain_judge(scenario: Scenario) -> list[Raised]:
    """First time each setpoint is reached, with no delay: as early as a judge can be."""
    limits: dict[str, list[tuple[str, Any]]] = {"vent-1": [("off", lambda v: v <= 0.5)]}
    for key in {i.key for i in scenario.instruments() if i.unit == "%{LEL}"}:
        limits[key] = [(name, lambda v, limit=limit: v >= limit) for name, limit in STAGES.items()]
    for m in LIMITS:
        beyond_it = (lambda v, m=m: v >= m.setpoint) if m.high else (lambda v, m=m: v <= m.setpoint)
        limits.setdefault(m.sensor, []).append((m.name, beyond_it))
    raised: dict[tuple[str, str], Raised] = {}
    seeps: dict[str, bool] = {}
    for packet in scenario.packets():
        assert isinstance(packet.message, wire.Message)
        for reading in packet.message.readings:
            for name, beyond in limits.get(reading.s, ()):
                if (reading.s, name) not in raised and beyond(reading.v):
                    raised[reading.s, name] = Raised(f"{reading.s}.{name}", reading.s, 1_000 * (reading.t or 0))
            if reading.s in SEEPING_PARTS:
                seeps[reading.s] = reading.v >= SEEPING_PARTS[reading.s]  # type: ignore[operator]
                if all(seeps.get(part) for part in SEEPING_PARTS):
                    raised.setdefault((SEEPING, ""), Raised(SEEPING, SEEPING, 1_000 * (reading.t or 0)))
    return list(raised.values())


def test_stamps_rise_within_a_device() -> None:
    """Without faults on the way, a device's messages leave in the order of their numbers."""
    packets = [p for p in islice(load("gas-leak", 1, START).packets(), 5_000) if p.device == "tf-gas-1"]
    seqs = [p.message.seq for p in packets if isinstance(p.message, wire.Message)]
    assert all(b == a + 1 for a, b in pairwise(seqs))
