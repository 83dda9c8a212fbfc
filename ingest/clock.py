"""When a reading was taken: the device's stamp is the key, `judged_at` is what detectors may rely on.

A device's clock is judged by the largest lead of its `sent_at` over our receipt that was seen lately, which is the smallest
delay: a message that was held up on its way lags, it never leads, so a backlog does not look like a wrong clock. A median would
take six hours of backlog for six hours of a wrong clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import NEVER, Int64, UInt8
from core.kernel_cache import kernel

OLDEST_US: Final = 1_577_836_800_000_000  # 2020-01-01: no device of ours has run longer
AHEAD_US: Final = 48 * 3600 * 1_000_000  # design section 4, step 3: further ahead is absurd
DRIFT: Final = 100e-6  # what a cheap quartz may lose: +-100 ppm, the wide end of data sheets of 32 kHz tuning forks
CLOCK_FLAG: Final = 0x10  # core.batch.Mark.CLOCK, as a plain number for the kernel
_ALL_THERE: Final = np.empty(0, np.int64)


@dataclass(slots=True)
class DeviceClock:
    """What is known of one device's clock.

    Args:
        boot: the boot it was seen in.
        offset_us: device minus us, microseconds.
        sent_us: the newest `sent_at`; received_us: when it came.
        wrong_since_us: since when it is out of tolerance, as we saw it; `NEVER`: it is right.
        right_since_us: since when it is right again; `NEVER`: it was never seen wrong.
        was_us: the offset when it was wrong last.
    """

    boot: int
    offset_us: int
    sent_us: int
    received_us: int
    wrong_since_us: int = NEVER
    right_since_us: int = NEVER
    was_us: int = 0


class Clocks:
    """The clocks of all devices.

    Args:
        tolerance_us: how far a clock may be off before readings are judged by our receipt instead.
    """

    def __init__(self, tolerance_us: int) -> None:
        self.tolerance_us = tolerance_us
        self.wrong: set[int] = set()  # device_id
        self._clocks: dict[int, DeviceClock] = {}

    def trust(
        self, device_id: int, boot: int, sent_us: int, received_us: int, newest: bool, *, began: bool = False
    ) -> bool:
        """Notes a message's `sent_at`; says whether the device's clock is within tolerance.

        Args:
            newest: it has the highest seq of its stream so far. Its `sent_at` lying before the one noted means that the
                clock was set back; an older message's means nothing.
            began: the device began again under the boot it had: as after a new boot, its clock may be another.
        """
        lead = sent_us - received_us
        clock = self._clocks.get(device_id)
        if clock is None:
            clock = self._clocks[device_id] = DeviceClock(boot, lead, sent_us, received_us)
            return self._note(device_id, clock, received_us)
        set_back = newest and sent_us < clock.sent_us - self.tolerance_us
        # What comes as it is sent is right, whatever was seen before: else a clock mended by less than the pause between its
        # messages, or our own clock set forward, would be held against the device for ever.
        mended = newest and abs(lead) <= self.tolerance_us < clock.offset_us
        if (newest and clock.boot != boot) or began or set_back or mended:
            clock.boot, clock.offset_us = boot, lead
        else:
            faded = clock.offset_us - int(DRIFT * max(0, received_us - clock.received_us))
            clock.offset_us = max(lead, faded)
        if newest:
            clock.sent_us = sent_us
        clock.received_us = max(clock.received_us, received_us)
        return self._note(device_id, clock, received_us)

    def _note(self, device_id: int, clock: DeviceClock, now_us: int) -> bool:
        """Whether the clock is right; and since when it is what it is."""
        if abs(clock.offset_us) <= self.tolerance_us:
            if clock.wrong_since_us != NEVER:
                clock.wrong_since_us, clock.right_since_us = NEVER, now_us
                self.wrong.discard(device_id)
            return True
        if clock.wrong_since_us == NEVER:
            clock.wrong_since_us = now_us
            self.wrong.add(device_id)
        clock.was_us = clock.offset_us
        return False

    def of(self, device_id: int) -> DeviceClock | None:
        """What is known of a device's clock; None when nothing is."""
        return self._clocks.get(device_id)

    def trusts(self, device_id: int, sent_us: int, received_us: int) -> bool:
        """Whether the clock may be relied on for a message that came earlier, and has been rejected meanwhile; nothing is noted.

        A lead, or a stamp before all that is possible, is wrong whatever is known now; a lag is if the clock is known to lag.
        """
        lead = sent_us - received_us
        if lead > self.tolerance_us or sent_us < OLDEST_US:
            return False
        clock = self._clocks.get(device_id)
        return lead >= -self.tolerance_us or clock is None or abs(clock.offset_us) <= self.tolerance_us

    def offset_us(self, device_id: int) -> int | None:
        """Device minus us in microseconds; None when nothing is known."""
        clock = self._clocks.get(device_id)
        return None if clock is None else clock.offset_us

    def state(self) -> dict[str, NDArray[np.int64]]:
        """All clocks as columns."""
        rows = [
            (d, c.boot, c.offset_us, c.sent_us, c.received_us, c.wrong_since_us, c.right_since_us, c.was_us)
            for d, c in self._clocks.items()
        ]
        return {"clock": np.array(rows, np.int64).reshape(-1, 8)}

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Goes on from an earlier `state()`."""
        self._clocks = {device_id: DeviceClock(*rest) for device_id, *rest in state["clock"].tolist()}
        self.wrong = {device_id for device_id, clock in self._clocks.items() if clock.wrong_since_us != NEVER}


def instants(
    count: Int64,
    sent_us: Int64,
    received_us: Int64,
    trusted: NDArray[np.bool_],
    stamp_us: Int64,
    tolerance_us: int,
    place: Int64 = _ALL_THERE,
) -> tuple[Int64, Int64, Int64, UInt8]:
    """The instants of readings, design section 4 step 3.

    Args:
        count: int64, readings of each message; sent_us, received_us, trusted: per message.
        stamp_us: int64, per reading, what the device says.
        place: int64, place of each reading within its message; empty where none was left out of any. A reading of a clock that
            cannot be right is told from its neighbours by it, the same whether they are known yet or not.

    Returns:
        measured_at, judged_at, received_at (int64, microseconds UTC) and the clock flag (uint8), per reading.
    """
    found: tuple[Int64, Int64, Int64, UInt8] = _instants(
        count, sent_us, received_us, trusted, stamp_us, tolerance_us, place
    )
    return found


@kernel
def _instants(
    count: Int64,
    sent_us: Int64,
    received_us: Int64,
    trusted: NDArray[np.bool_],
    stamp_us: Int64,
    tolerance_us: int,
    place: Int64,
) -> tuple[Int64, Int64, Int64, UInt8]:
    """One pass over the readings, message by message."""
    n = len(stamp_us)
    measured = np.empty(n, np.int64)
    judged = np.empty(n, np.int64)
    received = np.empty(n, np.int64)
    flag = np.zeros(n, np.uint8)
    row = 0
    for message in range(len(count)):
        now = received_us[message]
        for position in range(count[message]):
            nth = place[row] if len(place) else position
            stamp = stamp_us[row]
            at = stamp if trusted[message] else now - (sent_us[message] - stamp)
            # Nothing can have been measured after it came (but for the tolerance): such a stamp would make every
            # later reading of the sensor late.
            if at < OLDEST_US or at > now + tolerance_us:
                at = now + nth
            measured[row] = at if stamp < OLDEST_US or stamp > now + AHEAD_US else stamp
            judged[row] = at
            received[row] = now
            if at != stamp:
                flag[row] = CLOCK_FLAG
            row += 1
    return measured, judged, received, flag


def compile_kernels() -> None:
    """Compiles the kernel into numba's cache."""
    empty = np.empty(0, np.int64)
    instants(empty, empty, empty, np.empty(0, np.bool_), empty, 0)
