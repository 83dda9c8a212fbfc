"""The clock that ingest lives by, while the machine's own is set."""

from __future__ import annotations

from itertools import pairwise

from davy.processes.steady_clock import SteadyClock

SECOND_NS = 1_000_000_000
START_NS = 1_790_000_000 * SECOND_NS


class Machine:
    """A wall that can be set, and a clock that cannot."""

    def __init__(self) -> None:
        self.wall_ns, self.monotonic_ns = START_NS, 77

    def runs(self, seconds: int) -> None:
        """Both go on."""
        self.wall_ns += seconds * SECOND_NS
        self.monotonic_ns += seconds * SECOND_NS


def seconds_shown(machine: Machine, clock: SteadyClock, count: int) -> list[float]:
    """What it shows, a second apart, in seconds after the start."""
    found = []
    for _ in range(count):
        machine.runs(1)
        found.append((clock() * 1000 - START_NS) / SECOND_NS)
    return found


def test_it_is_the_wall_while_nobody_sets_it() -> None:
    """Forward too: what is set on is believed at once."""
    machine = Machine()
    clock = SteadyClock(lambda: machine.wall_ns, lambda: machine.monotonic_ns)
    assert seconds_shown(machine, clock, 3) == [1, 2, 3]
    machine.wall_ns += 3600 * SECOND_NS
    assert seconds_shown(machine, clock, 2) == [3604, 3605]


def test_a_wall_set_back_slows_time_down_and_never_stops_it() -> None:
    """Ten seconds back: for twenty seconds time goes at half speed, then it is the wall's again."""
    machine = Machine()
    clock = SteadyClock(lambda: machine.wall_ns, lambda: machine.monotonic_ns)
    seconds_shown(machine, clock, 10)
    machine.wall_ns -= 10 * SECOND_NS
    shown = seconds_shown(machine, clock, 25)
    assert [b - a for a, b in pairwise([10, *shown])] == [0.5] * 20 + [1.0] * 5
    assert shown[-1] == 25.0
