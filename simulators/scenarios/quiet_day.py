"""quiet-day: 24 hours of work, weather, noise and a network that repeats and overtakes itself. Nothing may come of it.

On the tank farm a tanker fills one tank in the morning, the pump starts and stops eight times, wind and air follow their course;
the pump station delivers what a town and its factories ask for by day and by night. Every sensor is sampled every 10 s and
a message has two samples, so that a day has some 320,000 readings.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulators import pump_station
from simulators.fault import Fault, clock_skew, duplicates, out_of_order
from simulators.scenario import Scenario
from simulators.scenarios.sites import local_seconds, plants
from simulators.tank_farm import Schedule, Span
from simulators.truth import Truth

SECONDS: Final = 86_400
SAMPLE_S: Final = 10.0
RUNS: Final = 8


def build(seed: int, start_us: int) -> Scenario:
    """The scenario for a seed."""
    random = np.random.default_rng([seed, 4])
    slot = SECONDS / RUNS
    begins = [round(slot * n + float(random.uniform(0, 0.5 * slot))) for n in range(RUNS)]
    lengths = random.uniform(1_200, 2_400, RUNS).round()
    tanks = [1 + n % 2 for n in range(RUNS)]
    filled_from = round(float(random.uniform(6_000, 20_000)))
    schedule = Schedule(
        pumped=tuple(
            Span(begin, begin + float(length), tank) for begin, length, tank in zip(begins, lengths, tanks, strict=True)
        ),
        filled=(Span(filled_from, filled_from + 9_000, 3),),
        levels=(72.0, 70.0, 38.0, 60.0),
        wind=float(random.uniform(2, 5)),
        wind_from=float(random.uniform(0, 360)),
        air_celsius=float(random.uniform(14, 22)),
        local_s=local_seconds(start_us),
    )
    station = pump_station.Schedule(local_s=schedule.local_s)
    return Scenario(
        name="quiet-day",
        seed=seed,
        start_us=start_us,
        seconds=SECONDS,
        truth=Truth(),
        plants=lambda: plants(schedule, station, seed, SAMPLE_S),
        message_s=round(2 * SAMPLE_S),
        faults=_network(seed),
    )


def _network(seed: int) -> tuple[Fault, ...]:
    """What a good network and honest clocks do in a day."""
    return (
        clock_skew("tf-gas-1", 0.3),
        clock_skew("tf-tank-1", -0.4, per_million=2.0),
        duplicates("tf-gas-2", 0.005, seed=seed),
        duplicates("tf-weather", 0.005, seed=seed + 1),
        clock_skew("ps-motor-1", 0.4),
        duplicates("ps-vib-1", 0.005, seed=seed + 3),
        out_of_order("ps-plc-1", 0.002, seed=seed + 4, delay_s=25.0),
        out_of_order("tf-pump-1", 0.002, seed=seed + 2, delay_s=25.0),
    )
