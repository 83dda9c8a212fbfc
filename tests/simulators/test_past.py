"""History is live play: the same numbers at the same instants, and a model that learns from the one holds the other for normal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
import pytest

from core.batch import Float64
from core.errors import BadInput
from core.wire import Message
from simulators import demo, pump_station
from simulators.past import History, history
from simulators.pump_station import PumpStation, Trouble
from simulators.scenario import Scenario
from simulators.scenarios.sites import ordinary_farm, plants
from simulators.stream import MICROSECONDS, packets
from simulators.truth import Truth

START_US = 1_767_574_800 * MICROSECONDS
QUICK = ("lift-flow", "lift-suction", "lift-discharge", "lift-vib-h", "lift-vib-v", "lift-current")
MEMORY = 0.1  # of the model: it looks back some ten seconds


def quiet(seed: int, past_s: int) -> Scenario:
    """Ordinary plants with a past."""
    farm, station = ordinary_farm(START_US, 86_400.0), pump_station.Schedule()
    return Scenario(
        name="quiet",
        seed=seed,
        start_us=START_US,
        seconds=past_s + 600,
        truth=Truth(),
        plants=lambda: plants(farm, station, seed),
        past_s=past_s,
    )


def columns_of(found: History, keys: Sequence[str]) -> Float64:
    """The values of some sensors that all report every second, shape (n, k)."""
    by_key = {instrument.key: value for instrument, _, value in found.by_instrument()}
    return np.column_stack([by_key[key] for key in keys])


class Mewma:
    """The plainest model over several sensors: a moving average of all of them, and how far it is from what was learnt."""

    def __init__(self, normal: Float64) -> None:
        self._mean, self._spread = normal.mean(0), normal.std(0)
        smooth = self._smooth(normal)[100:]
        self._inverse = np.linalg.inv(np.cov(smooth.T))
        self.limit = 2.0 * float(self.score(normal)[100:].max())

    def _smooth(self, rows: Float64) -> Float64:
        standard = (rows - self._mean) / self._spread
        now = np.zeros(rows.shape[1])
        smooth = np.empty_like(rows)
        for row, values in enumerate(standard):
            now = MEMORY * values + (1.0 - MEMORY) * now
            smooth[row] = now
        return smooth

    def score(self, rows: Float64) -> Float64:
        """Hotelling's T2 of the moving average, shape (n,)."""
        smooth = self._smooth(rows)
        found: Float64 = np.sum(smooth @ self._inverse * smooth, axis=1)
        return found


def test_history_is_what_the_devices_would_have_sent() -> None:
    """Reading by reading the same sensors, instants and values as the packets of the same plants: no statistic can differ."""
    found = history(quiet(3, 0).plants(), seconds=600, start_us=START_US)
    past = {
        (found.instruments[n].device, found.instruments[n].key, at // 1_000): value
        for n, at, value in zip(
            found.instrument.tolist(), found.measured_at.tolist(), found.value.tolist(), strict=True
        )
    }
    sent = {
        (packet.device, reading.s, reading.t): reading.v
        for packet in packets(quiet(3, 0).plants(), seconds=600, message_s=1, seed=3, start_us=START_US)
        if isinstance(packet.message, Message)
        for reading in packet.message.readings
    }
    assert past == sent
    assert len(found) == len(past) > 10_000
    assert (np.diff(found.measured_at) >= 0).all()


def test_live_play_goes_on_where_the_past_ends() -> None:
    """Past and packets together are the plants' whole time, each instant of each sensor once."""
    scenario = quiet(4, 300)
    whole = history(quiet(4, 0).plants(), seconds=600, start_us=START_US)
    past = scenario.past()
    end_us = START_US + 600 * MICROSECONDS
    live = [
        (reading.s, 1_000 * (reading.t or 0), reading.v)
        for packet in takewhile(lambda p: p.due_us < end_us + MICROSECONDS, scenario.packets())
        if isinstance(packet.message, Message)
        for reading in packet.message.readings
        if 1_000 * (reading.t or 0) < end_us
    ]
    told = [
        (found.instruments[n].key, at, value)
        for found in (past, whole)
        for n, at, value in zip(
            found.instrument.tolist(), found.measured_at.tolist(), found.value.tolist(), strict=True
        )
    ]
    assert past.measured_at.max() < min(at for _, at, _ in live) == START_US + 300 * MICROSECONDS
    assert sorted(told[: len(past)] + live) == sorted(told[len(past) :])


def test_a_past_is_whole_minutes() -> None:
    """What cannot be cut is said in a sentence."""
    with pytest.raises(BadInput, match="The past lasts 90 s; it must be a multiple of 60 s"):
        next(quiet(1, 90).packets())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_model_fitted_on_the_past_holds_live_play_for_normal(seed: int) -> None:
    """Two hours teach it; in the hour of live play that follows it is silent."""
    station = PumpStation(pump_station.Schedule(), seed)
    model = Mewma(columns_of(history([station], seconds=7_200, start_us=0), QUICK))
    live = columns_of(history([station], seconds=3_600, start_us=7_200 * MICROSECONDS), QUICK)
    assert (model.score(live) > model.limit).mean() == 0.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_demo_a_model_sees_the_pump_before_any_limit_does(seed: int) -> None:
    """Within 80 s of the start a model says so, at least 15 s before the first limit is reached; and never before the screen clogs."""
    scenario = demo.build(seed, START_US)
    model = Mewma(columns_of(scenario.past(), QUICK))
    station = next(plant for plant in scenario.plants() if isinstance(plant, PumpStation))
    both = columns_of(history([station], seconds=demo.PAST_S + 180, start_us=0), QUICK)
    over = model.score(both)[demo.PAST_S :] > model.limit
    seen_s = int(np.argmax(over))
    live = both[demo.PAST_S :]
    limit_s = min(int(np.argmax(beyond)) for beyond in (live[:, 1] <= -25.0, live[:, 3] >= 4.0) if beyond.any())
    assert demo.SCREEN.begins_s < seen_s < limit_s - 15
    assert seen_s < 60
    assert 60 < limit_s < 90


def test_the_demo_plays_both_plants_and_the_leak_comes_first() -> None:
    """From the instant it begins: the gas detectors rise within half a minute, before the pump is past any limit."""
    scenario = demo.build(1, START_US)
    gas: dict[str, int] = {}
    devices: set[str] = set()
    for packet in takewhile(lambda p: p.due_us < START_US + 60 * MICROSECONDS, scenario.packets()):
        assert packet.due_us >= START_US
        assert isinstance(packet.message, Message)
        devices.add(packet.device)
        for reading in packet.message.readings:
            if reading.s.startswith("lel-") and isinstance(reading.v, float) and reading.v >= 20.0:
                gas.setdefault(reading.s, (1_000 * (reading.t or 0) - START_US) // MICROSECONDS)
            assert not (reading.s == "lift-suction" and isinstance(reading.v, float) and reading.v <= -25.0)
    assert gas["lel-pump-1"] < 35
    assert devices == {key for _, key in scenario.devices()}


def test_a_trouble_later_is_the_same_trouble() -> None:
    """What the demo moves behind its past keeps its course."""
    trouble = Trouble(begins_s=10.0, grows_s=50.0, most=0.7, ends_s=100.0)
    at = np.arange(150.0)
    assert np.array_equal(trouble.later(60.0).extent(at + 60.0), trouble.extent(at))
